"""The benchmarks still run; what they measure is no test's business."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parent.parent
TINY = ("--rounds", "1", "--bookings", "8", "--concurrency", "4")


def run(*options: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "benchmarks", *options]
    return subprocess.run(command, capture_output=True, text=True, cwd=ROOT, check=False, timeout=120)


def test_a_tiny_run_measures_everyone_against_bare_aiohttp():
    done = run(*TINY, "--json")
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    assert told["environment"]["rounds"] == 1
    booking, memory = told["benchmarks"]["booking"], told["benchmarks"]["memory"]
    assert booking[0]["CPU ratio"] == {"median": 1.0, "least": 1.0, "most": 1.0}
    assert [row["contestant"] for row in booking][-2:] == [
        "stream, no orjson, model reused",
        "stream, no orjson, model built",
    ]
    assert all(row["CPU us"]["median"] > 0 for row in booking)
    assert [row["contestant"] for row in told["benchmarks"]["journal"]] == [
        f"{name}, answered {answered}"
        for answered in ("at once", "after 20 ms")
        for name in ("stream, model reused", "job, journaled")
    ]
    assert {row["what"] for row in told["benchmarks"]["journal_rows"]} >= {"the first feed", "one booking", "counts"}
    assert {"1 bookings", "40 bookings", "growth"} <= memory[2].keys()
    assert {row["a second"] for row in told["benchmarks"]["pacer"]} == {50, 500, 2000}


def test_an_unknown_benchmark_is_named_with_those_there_are():
    done = run("nonsense")
    assert done.returncode == 2
    assert "nonsense" in done.stderr
    assert "booking, journal, journal_rows, memory, pacer" in done.stderr
