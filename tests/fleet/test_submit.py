"""``pandapon submit`` and ``status``: whole files or the good part of them, of several accounts; and journals on disk."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from pandapon_async import Journal
from pandapon_async._fleet.queue import make_queue
from pandapon_async.testing import FakeVendor
from tests.cli.conftest import Pandapon, environment, order, pandapon as pandapon, shop as shop
from tests.jobs.support import recorded
from tests.journal.support import asked
from tests.postgres import PostgresServer

pytest.importorskip("pgqueuer", reason="the fleet is not tested: pgqueuer is not installed")
JOURNAL = ("--journal", "env:JOURNAL")


@pytest.fixture
def url(postgres: PostgresServer, shop: FakeVendor, monkeypatch: pytest.MonkeyPatch) -> str:
    url = postgres.fresh()
    for name, value in {**environment(shop, "pandapon", "xportcn_ka"), "JOURNAL": url}.items():
        monkeypatch.setenv(name, value)
    return url


@pytest.fixture
def submit(pandapon: Pandapon, tmp_path: Path, url: str) -> Any:
    """Submits orders in a file."""

    def invoke(orders: list[Any], *options: str) -> Any:
        path = tmp_path / "orders.jsonl"
        path.write_text("".join(f"{json.dumps(one)}\n" for one in orders), encoding="utf-8")
        return pandapon("submit", str(path), *JOURNAL, "--job", "night", *options)

    return invoke


def queued(url: str) -> list[Any]:
    return asked(
        url, "SELECT entrypoint, COUNT(*) FROM pandapon_queue.pgqueuer GROUP BY entrypoint ORDER BY entrypoint"
    )


def of(account: str, *numbers: int) -> list[Any]:
    return [order(number, account=account) for number in numbers]


def test_a_file_of_several_accounts_is_queued_for_the_workers_of_each(submit: Any, url: str):
    result = submit([*of("pandapon", 1, 2), *of("xportcn_ka", 3)])
    assert (result.exit_code, result.stdout) == (0, "night: 3 waiting\n"), result.output
    assert queued(url) == [("pandapon/pandapon", 2), ("xportcn_ka/xportcn_ka", 1)]
    assert submit([*of("pandapon", 1, 2), *of("xportcn_ka", 3)]).exit_code == 0
    assert queued(url) == [("pandapon/pandapon", 2), ("xportcn_ka/xportcn_ka", 1)]


def test_what_the_journal_objects_to_at_one_account_keeps_all_out(submit: Any, url: str):
    assert submit(of("xportcn_ka", 3)).exit_code == 0
    result = submit([*of("pandapon", 1, 2), order(4, account="xportcn_ka", renderId="FF3")])
    assert result.exit_code == 2
    assert "line 3" in result.stderr
    assert "nothing was submitted" in result.stderr
    assert sorted(recorded(url)) == ["o-3"]
    assert queued(url) == [("xportcn_ka/xportcn_ka", 1)]


def test_what_is_withdrawn_while_a_file_is_taken_in_leaves_nothing_of_the_other_account_queued(
    submit: Any, pandapon: Pandapon, url: str, monkeypatch: pytest.MonkeyPatch
):
    assert submit(of("xportcn_ka", 2)).exit_code == 0

    def made(place: Any) -> None:
        make_queue(place)
        assert pandapon("journal", "env:JOURNAL", "--mark", "o-2=void", "--by", "Jane").exit_code == 0

    monkeypatch.setattr("pandapon_async._fleet.submit.make_queue", made)
    result = submit([*of("pandapon", 1), order(2, account="xportcn_ka", renderId="FF7")])
    assert result.exit_code == 2
    assert "line 2: its row was changed while the input was taken in: feed it again" in result.stderr
    assert recorded(url) == {"o-2": "void"}
    assert queued(url) == [("xportcn_ka/xportcn_ka", 1)]


def test_with_problems_the_good_ones_are_submitted_and_the_others_written_down(submit: Any, url: str, tmp_path: Path):
    assert submit(of("pandapon", 1)).exit_code == 0
    problems = tmp_path / "problems.jsonl"
    bad = [order(5, account="pandapon", renderId="FF1"), order(6, account="pandapon", lineItems=3)]
    good = [*of("pandapon", 1, 2, 7, 8, 9), *of("xportcn_ka", 3)]
    result = submit([*good[:2], *bad, *good[2:]], "--problems", str(problems))
    assert (result.exit_code, result.stdout) == (1, "night: 6 waiting\n"), result.output
    written = [json.loads(line) for line in problems.read_text("utf-8").splitlines()]
    assert [(one["reference"], one["line"]) for one in written] == [("o-5", "3"), ("o-6", "4")]
    assert sorted(recorded(url)) == ["o-1", "o-2", "o-3", "o-7", "o-8", "o-9"]


def test_the_place_in_the_file_and_what_is_kept_of_it_go_with_it(submit: Any, url: str):
    result = submit([*of("pandapon", 1), {**order(2, account="pandapon"), "shop": "Berlin"}], "--keep", "shop")
    assert result.exit_code == 0, result.output
    with Journal.open(url) as journal:
        assert [run.file for run in journal.runs()] == ["orders.jsonl"]
        assert [dict(row.kept) for row in journal.rows()] == [{}, {"shop": "Berlin"}]
    assert asked(url, "SELECT line FROM sources ORDER BY line") == [(1,), (2,)]


def test_it_is_said_in_the_language_of_the_settings(submit: Any, url: str, tmp_path: Path):
    (tmp_path / "pandapon.toml").write_text('language = "zh_CN"\n', encoding="utf-8")
    assert submit(of("pandapon", 1)).stdout == "night：1 待处理\n"


def test_the_status_of_a_file_s_bookings_in_a_journal_on_disk(pandapon: Pandapon, tmp_path: Path, url: str):
    journal = ("--journal", str(tmp_path / "bookings.db"))
    for name, numbers in (("a.jsonl", (1, 2)), ("b.jsonl", (3,)), ("a.jsonl", (1, 2, 4))):
        path = tmp_path / name
        path.write_text("".join(f"{json.dumps(one)}\n" for one in of("pandapon", *numbers)), encoding="utf-8")
        pandapon("book", str(path), *journal)
    result = pandapon("status", *journal, "a.jsonl", "--json")
    assert {state: count for state, count in json.loads(result.stdout).items() if count} == {"done": 3}
    result = pandapon("status", *journal, "night")
    assert result.exit_code == 2
    assert "no booked file is named 'night'; files: a.jsonl, b.jsonl" in " ".join(result.stderr.split())


def test_the_status_of_what_was_submitted_is_found_by_the_file_s_name_too(submit: Any, pandapon: Pandapon):
    submit(of("pandapon", 1, 2))
    for name in ("night", "orders.jsonl"):
        assert json.loads(pandapon("status", *JOURNAL, name, "--json").stdout)["pending"] == 2
    assert pandapon("status", *JOURNAL, "another").exit_code == 2
