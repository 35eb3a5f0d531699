"""The rows of a journal as a job reads them."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

import pytest
from hypothesis import given, strategies as st

from pandapon_async import BookingJob, PandaPonSession
from pandapon_async._clock import SystemClock
from pandapon_async._journal.rows import AccountKey
from pandapon_async._journal.sqlite import store as sqlite_store
from pandapon_async._journal.sqlite.store import SqliteStore
from pandapon_async._journal.store import Entry, PendingRow, Problem
from pandapon_async.testing import FakeVendor
from tests.jobs.support import pairs, ran

texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
bodies = st.dictionaries(texts, st.one_of(texts, st.integers(), st.none()), max_size=4).map(json.dumps)
inputs = st.dictionaries(texts.filter(str.isprintable), bodies, min_size=1, max_size=20)


async def taken(path: Path, entries: list[Entry]) -> list[PendingRow]:
    """The rows of an input that was put aside, taken and read again."""
    rows = await SqliteStore.open(path, AccountKey("v", "n", "u", "f", "", "o"), SystemClock())
    try:
        await rows.stage(entries)
        assert await rows.admit_staged(1, retry_refused=False, most_problems=9) == []
        return await rows.page(1, 0, 100)
    finally:
        await rows.close()


@pytest.mark.parametrize("in_one_step", [True, False])
@given(made=inputs)
def test_what_is_taken_is_read_as_it_was(
    tmp_path_factory: pytest.TempPathFactory, in_one_step: bool, made: dict[str, str]
):
    entries = [Entry(position, reference, False, body) for position, (reference, body) in enumerate(made.items())]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sqlite_store, "_HAS_JSON", in_one_step)
        found = asyncio.run(taken(tmp_path_factory.mktemp("journals") / "j.db", entries))
    assert [(row.position, row.reference, row.body, row.state) for row in found] == [
        (entry.position, entry.reference, entry.body, "pending") for entry in entries
    ]


@given(made=inputs)
def test_an_input_of_which_something_is_known_is_taken_as_well(
    tmp_path_factory: pytest.TempPathFactory, made: dict[str, str]
):
    entries = [Entry(position, reference, False, body) for position, (reference, body) in enumerate(made.items())]

    async def twice() -> list[PendingRow]:
        path = tmp_path_factory.mktemp("journals") / "j.db"
        await taken(path, entries[:1])
        return await taken(path, entries)

    assert [row.reference for row in asyncio.run(twice())] == [entry.reference for entry in entries]


async def test_a_reference_that_stands_twice_in_a_new_input_is_named(tmp_path: Path):
    rows = await SqliteStore.open(tmp_path / "j.db", AccountKey("v", "n", "u", "f", "", "o"), SystemClock())
    try:
        await rows.stage([Entry(0, "A", False, "{}"), Entry(1, "B", False, "{}"), Entry(2, "A", False, '{"a":1}')])
        (problem,) = await rows.admit_staged(1, retry_refused=False, most_problems=9)
        assert isinstance(problem, Problem)
        assert (problem.position, problem.reference) == (2, "A")
        assert await rows.page(1, 0, 9) == []
    finally:
        await rows.close()


async def test_a_job_runs_on_a_sqlite_without_json(
    vendor: FakeVendor, panda: PandaPonSession, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(sqlite_store, "_HAS_JSON", False)
    outcomes = await ran(BookingJob(panda, journal=tmp_path / "j.db"), pairs(300))
    assert {outcome.state for outcome in outcomes} == {"done"}
    assert len(vendor.ledger.bookings) == 300
