"""What ordinary life has found, each as the shortest story that shows it."""

from __future__ import annotations

import contextlib
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import attrs
import pytest

from pandapon_async import (
    NOT_BOOKED,
    BookingJob,
    Credentials,
    InputError,
    Journal,
    JournalError,
    PandaPonSession,
)
from pandapon_async.testing import FakeVendor
from tests.jobs.support import pairs, ran, states
from tests.life.files import LifeOnDisk
from tests.life.plans import QUIET, Caller
from tests.life.worlds import Kill
from tests.postgres import PostgresServer
from tests.support import booking, session_at

HOME = Path(__file__).parent.parent.parent


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "bookings.db"


def test_a_run_that_is_left_tells_the_order_id_of_what_a_caller_has_booked():
    life = LifeOnDisk()
    try:
        life.day(
            plan=attrs.evolve(
                QUIET, new=4, concurrency=2, end="left", after=0.08, callers=[Caller(0, at=0.04, patience=0)]
            )
        )
        assert [told for told in life.told if told.recorded == "done" and told.order_id is None] == []
    finally:
        life.stack.close()


@pytest.mark.parametrize("commit", range(5, 13))
def test_a_booking_that_stands_twice_is_told_as_it_is_whichever_commit_finds_the_disk_full(commit: int):
    life = LifeOnDisk()
    try:
        life.day(plan=attrs.evolve(QUIET, new=2, concurrency=1, feed="twice", streamed=True, full=(commit, 2)))
        made = {deed.reference for deed in life.vendor.deeds}
        assert not made & {told.reference for told in life.told if told.recorded == "pending"}
    finally:
        life.stack.close()


async def test_a_booking_whose_order_id_is_another_s_is_counted_as_in_doubt(
    vendor: FakeVendor, panda: PandaPonSession, path: Path
):
    (first,) = await ran(BookingJob(panda, journal=path), pairs(1))
    vendor.script({"done": True, "json": {"errorCode": 200, "success": True, "data": {"orderId": first.order_id}}})
    async with session_at(vendor.profile("pandapon")) as session:  # by another connection, which doesn't know it
        job = BookingJob(session, journal=path)
        assert states(await ran(job, pairs(1, 1))) == {"order-1": "unknown"}
    assert (job.report.done, job.report.unknown, job.report.in_doubt) == (0, 1, ["order-1"])


async def test_the_report_of_a_run_that_is_left_counts_its_whole_input(panda: PandaPonSession, path: Path):
    await ran(BookingJob(panda, journal=path), pairs(20))
    job = BookingJob(panda, journal=path, concurrency=1)
    async with job.run(pairs(20)) as outcomes:
        await anext(outcomes)
    assert job.report.skipped + job.report.pending == 20


@pytest.mark.parametrize("check", ["all", "stream"])
async def test_a_corrected_booking_that_stands_twice_in_an_input_is_taken_once(
    vendor: FakeVendor, panda: PandaPonSession, path: Path, check: str
):
    vendor.script("refuse")
    await ran(BookingJob(panda, journal=path), pairs(1))
    corrected = [("order-0", booking("Z"))] * 2
    outcomes = await ran(BookingJob(panda, journal=path, check=check), corrected)  # type: ignore[arg-type]
    assert {outcome.recorded for outcome in outcomes} == {"done"}


async def test_a_corrected_booking_and_the_old_one_in_one_input_contradict_each_other(
    vendor: FakeVendor, panda: PandaPonSession, path: Path
):
    vendor.script("refuse")
    await ran(BookingJob(panda, journal=path), pairs(1))
    with pytest.raises(InputError, match="another booking under the reference of number 1"):
        await ran(BookingJob(panda, journal=path), [("order-0", booking("Z")), *pairs(1)])


# --- "not booked", said too early --------------------------------------------------------------------------------------


def test_not_booked_counts_only_once_the_vendor_can_not_make_it_any_more():
    life = LifeOnDisk()

    async def asked_at_once(session: PandaPonSession, request: object) -> str | None:
        return None if life.vendor.deeds else NOT_BOOKED

    life._reconcile = asked_at_once  # type: ignore[method-assign]
    try:
        life.day(plan=attrs.evolve(QUIET, new=1, faults=["late"], around=frozenset({"reconcile"})))
        life.day(plan=QUIET)
        life.the_books_agree()
    finally:
        life.stack.close()


async def test_a_person_s_pending_counts_only_once_the_vendor_can_not_make_it_any_more(
    vendor: FakeVendor, panda: PandaPonSession, path: Path
):
    vendor.script("drop_before")
    await ran(BookingJob(panda, journal=path), pairs(1))
    with Journal.open(path) as journal, pytest.raises(JournalError):
        journal.resolve("order-0", "pending", by="ann", note="isn't in the vendor's list")


# --- a person's change that was killed --------------------------------------------------------------------------------

KILLED = """
import os, sys
from pandapon_async import Journal
from pandapon_async._journal import journal
journal.resolve_all = lambda *_: os._exit(9)  # in its transaction, once the file is marked
Journal.open(sys.argv[1], not_booked_after=0).resolve("order-0", "pending", by="ann", note="looked up")
"""


def resolve_and_be_killed(path: Path) -> None:
    assert subprocess.run([sys.executable, "-c", KILLED, str(path)], cwd=HOME).returncode == 9


async def killed_while_resolving(vendor: FakeVendor, session: PandaPonSession, path: Path) -> None:
    """A booking in doubt; whoever resolved it was killed."""
    vendor.script("drop_before")
    await ran(BookingJob(session, journal=path), pairs(1))
    resolve_and_be_killed(path)


async def test_another_program_s_look_after_a_kill_leaves_the_file_whole(
    vendor: FakeVendor, panda: PandaPonSession, path: Path
):
    await killed_while_resolving(vendor, panda, path)
    with contextlib.closing(sqlite3.connect(path)) as theirs:  # it moves the -wal into the file
        theirs.execute("SELECT COUNT(*) FROM rows").fetchall()
    assert states(await ran(BookingJob(panda, journal=path), pairs(1))) == {"order-0": "skipped"}


async def test_a_start_that_is_refused_after_a_kill_leaves_the_file_whole(
    vendor: FakeVendor, panda: PandaPonSession, path: Path
):
    await killed_while_resolving(vendor, panda, path)
    other = Credentials(access_key="new-key", access_secret="new-secret", user_id="1000000000001")
    async with session_at(vendor.profile("pandapon", credentials=other)) as session:
        with pytest.raises(JournalError, match="another key"):
            await ran(BookingJob(session, journal=path), pairs(1))
    with Journal.open(path) as journal:
        assert journal.get("order-0").state == "unknown"


@pytest.mark.parametrize("commit", [2, 3, 4])
def test_a_start_that_is_refused_after_a_kill_while_opening_leaves_the_file_whole(commit: int):
    life = LifeOnDisk()
    try:
        life.day(plan=attrs.evolve(QUIET, new=1))
        life.day(plan=attrs.evolve(QUIET, end="killed", kill=Kill(commit, before=True)))
        life.the_books_agree()
        life.rotate_the_key()
        life.day(plan=QUIET)
        life.the_books_agree()
    finally:
        life.stack.close()


# --- in PostgreSQL ---------------------------------------------------------------------------------------------------


@pytest.fixture
def desks(postgres: PostgresServer) -> Iterator[Any]:
    from tests.life.desks import LifeOnServer  # there is psycopg, or this is skipped

    life = type("Life", (LifeOnServer,), {"server": postgres})()
    try:
        yield life
    finally:
        life.stack.close()


def test_an_account_is_renamed_at_once_though_its_job_was_killed(desks: Any):
    desks.day(plan=attrs.evolve(QUIET, new=2, end="killed", kill=Kill(9, before=True)))
    desks.the_books_agree()
    assert desks.rows
    desks.rename()
    desks.day(plan=QUIET)
    desks.the_books_agree()


@pytest.mark.parametrize("desk", [0, 0.02, 35])
@pytest.mark.parametrize("after", [0.004, 0.012, 0.02, 0.03])
def test_a_desk_that_stalls_beyond_its_lease_and_one_that_goes_on_book_nothing_twice(
    desks: Any, after: float, desk: float
):
    plan = attrs.evolve(QUIET, new=4, after=after, stalled=40, desk=desk, around=frozenset({"second start"}))
    desks.day(plan=plan)
    desks.the_books_agree()
    desks._end()
