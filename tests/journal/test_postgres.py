"""A journal in PostgreSQL: several desks at once, leases, lost connections, and how the database is reached."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import attrs
import pytest
from hypothesis import given, strategies as st

pytest.importorskip("psycopg", reason="PostgreSQL is not tested: psycopg is not installed")

import itertools

import psycopg

from pandapon_async import BookingJob, Journal, JournalError, Limits, PandaPonSession, RetryPolicy
from pandapon_async._journal.places import place_of
from pandapon_async._journal.postgres import (
    connection as connection_module,
    schema,
    store as store_module,
    workers,
    writer as writer_module,
)
from pandapon_async._journal.postgres.connection import LOCK_ADMISSION, PostgresConnection, connected
from pandapon_async._journal.postgres.store import PostgresStore
from pandapon_async._journal.postgres.url import PostgresUrl, holds_secret, postgres_url
from pandapon_async._journal.sql.connection import Batch
from pandapon_async._journal.store import Ending, PendingRow, RowMovedError
from pandapon_async._session import client_of
from pandapon_async.testing import FakeVendor, VirtualClock
from tests.jobs.support import pairs, ran, recorded, row_of, states
from tests.journal.support import NOW, asked, done, entry, let_count, opened, problems, reading, row, taken
from tests.postgres import PostgresServer
from tests.support import booking, session_at, until

BODY = {"receiverAddress": {"name": "Jane Example"}, "lineItems": [{"itemId": "1"}], "renderId": "R"}


@pytest.fixture
def url(postgres: PostgresServer) -> str:
    return postgres.fresh()


@contextlib.contextmanager
def leases_of_no_length() -> Iterator[None]:
    """Every worker may be taken for dead."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(workers, "LEASE", -1.0)
        yield


def lapsed(postgres: PostgresServer) -> None:
    """Every lease has run out."""
    postgres.run("postgres", "UPDATE pandapon.workers SET lease_end = 0")


# --- several desks -----------------------------------------------------------------------------------------------------


async def test_desks_of_one_account_work_at_once(url: str):
    async with opened(url) as one, opened(url) as two, opened(url) as three:
        await asyncio.gather(*[
            done(store, entry(100 * desk + number), f"{desk}-{number}")
            for desk, store in enumerate((one, two, three))
            for number in range(30)
        ])  # fmt: skip
    assert list(recorded(url).values()) == ["done"] * 90


async def test_of_two_desks_that_bring_one_parcel_at_once_one_is_held(url: str):
    async with opened(url) as one, opened(url) as two:
        for number in range(40):
            body = {**BODY, "renderId": f"R{number}", "lineItems": [{"itemId": str(number)}]}
            found = await asyncio.gather(
                taken(one, entry(number, reference=f"a-{number}", body=body)),
                taken(two, entry(number, reference=f"b-{number}", body=body)),
            )
            assert problems([*found[0], *found[1]]) == [(number, "same parcel")]
    assert len(recorded(url)) == 40


async def test_of_two_desks_that_bring_one_reference_at_once_one_sends_it(url: str):
    async with opened(url) as one, opened(url) as two:
        for number in range(40):
            ((first,), (second,)) = await asyncio.gather(taken(one, entry(number)), taken(two, entry(number)))
            assert first == second
            sent = await asyncio.gather(one.sent(first), two.sent(second), return_exceptions=True)
            assert sorted(type(result).__name__ for result in sent) == ["PendingRow", "RowMovedError"]


async def test_of_two_desks_that_are_told_one_order_id_at_once_one_is_in_doubt(url: str):
    async with opened(url) as one, opened(url) as two:
        for number in range(20):
            rows = [await store.sent(await row(store, entry(number + at))) for at, store in ((0, one), (100, two))]
            ended = await asyncio.gather(*[
                store.ended(found, Ending(state="done", order_id=str(number)))
                for store, found in zip((one, two), rows, strict=True)
            ])  # fmt: skip
            assert sorted(found.state for found in ended) == ["done", "unknown"]


async def test_what_another_desk_is_taking_in_is_not_booked_beside_it(url: str):
    async with opened(url) as one, opened(url) as two:
        run = await one.begin_run(released=False)
        await taken(one, entry(1), run=run)
        await two.begin_run(released=True)  # removes nothing that is alive
        assert problems(await taken(two, entry(1))) == [(1, "taken in")]
        assert problems(await taken(two, entry(2, body={"renderId": "R1"}))) == [(2, "same parcel")]
        assert await let_count(one, run) == []
        assert (await row(two, entry(1))).state == "pending"


async def test_an_input_of_a_desk_that_has_died_stops_nobody(url: str, postgres: PostgresServer):
    async with opened(url) as one:
        run = await one.begin_run(released=False)
        await taken(one, entry(1), entry(2), run=run)
        lapsed(postgres)
        with leases_of_no_length():
            async with opened(url) as two:
                assert (await row(two, entry(1, body={"renderId": "R2"}))).state == "pending"
                await two.begin_run(released=True)
        with pytest.raises(JournalError, match="lost its lease"):
            await let_count(one, run)
    assert recorded(url) == {"order-1": "pending"}


async def test_a_run_takes_nothing_of_what_another_run_has_before_it(url: str):
    async with opened(url) as one, opened(url) as two:
        first = await one.begin_run(released=True)
        await taken(one, entry(1), run=first)
        await row(two, entry(2))
        second = await two.begin_run(released=True)
        await two.take_unfinished(second)
        assert [found.reference for found in await two.page(second, 0, 9)] == ["order-2"]
        await one.end_run(first)
        await two.take_unfinished(second)
        assert [found.reference for found in await two.page(second, 0, 9)] == ["order-1", "order-2"]


async def test_three_jobs_with_inputs_that_overlap_book_everything_once(
    vendor: FakeVendor, panda: PandaPonSession, url: str
):
    jobs = [BookingJob(panda, journal=url, concurrency=8, check="stream") for _ in range(3)]
    found = await asyncio.gather(*[ran(job, pairs(60, 20 * number)) for number, job in enumerate(jobs)])
    assert vendor.ledger.doubled == {}
    assert len(vendor.ledger.bookings) == 100
    assert set(recorded(url).values()) == {"done"}
    assert sum(list(states(outcomes).values()).count("done") for outcomes in found) == 100


async def test_a_large_input_is_taken_in_by_parts_between_which_others_come(url: str, monkeypatch: pytest.MonkeyPatch):
    locks = 0
    together = PostgresConnection.execute_together

    def counted(self: PostgresConnection, *queries: str) -> Any:
        nonlocal locks
        locks += LOCK_ADMISSION in queries
        return together(self, *queries)

    async with opened(url) as one:
        run = await one.begin_run(released=False)
        monkeypatch.setattr(PostgresConnection, "execute_together", counted)
        pages = [[entry(number) for number in range(first, first + 256)] for first in range(0, 4096, 256)]
        await asyncio.gather(*[one.admit(page, run, retry_refused=False) for page in pages])
    assert locks >= 4


async def test_while_an_input_comes_to_count_another_desk_books(url: str):
    async with opened(url) as one, opened(url) as two:
        run = await one.begin_run(released=False)
        await taken(one, entry(1), run=run)
        loop, told = asyncio.get_running_loop(), []

        def queued(_: Any, __: int) -> None:
            """In the transaction, in the writer's thread, however long it takes."""
            told.append(asyncio.run_coroutine_threadsafe(done(two, entry(2)), loop).result(60).state)

        assert await let_count(one, run, queued) == []
    assert told == ["done"]
    assert recorded(url) == {"order-1": "pending", "order-2": "done"}


# --- leases ------------------------------------------------------------------------------------------------------------


async def test_what_a_worker_had_under_way_is_in_doubt_once_its_lease_is_lost(url: str, postgres: PostgresServer):
    async with opened(url) as one:
        await one.sent(await row(one, entry(1)))
        async with opened(url) as two:
            assert two.leftover == 0  # it is alive
        lapsed(postgres)
        with leases_of_no_length():
            async with opened(url) as two:
                assert two.leftover == 1
        with pytest.raises(JournalError, match="lost its lease"):
            await taken(one, entry(2))
        assert one.guard is not None
        assert one.guard() == "this worker's lease in the journal has run out"
    assert recorded(url) == {"order-1": "unknown"}


async def test_the_owner_brings_the_reply_though_its_lease_was_lost(url: str, postgres: PostgresServer):
    async with opened(url) as one:
        sent = [await one.sent(await row(one, entry(number))) for number in (1, 2)]
        lapsed(postgres)
        with leases_of_no_length():
            async with opened(url):
                pass
        with reading(url, NOW + 9999) as journal:
            journal.resolve("order-2", "done", by="jane", note="seen")
        ended = await one.ended(sent[0], Ending(state="done", order_id="21", fee=None))
        assert (ended.state, ended.version) == ("done", 4)
        with pytest.raises(RowMovedError):
            await one.ended(sent[1], Ending(state="done", order_id="22"))
    assert [step.state for step in row_of(url, "order-1").history] == ["pending", "sent", "unknown", "done"]
    assert row_of(url, "order-2").order_id is None


async def test_what_lost_its_lease_does_not_wait_again_while_its_worker_may_still_send_it(
    url: str, postgres: PostgresServer
):
    async with opened(url) as one:
        await one.sent(await row(one, entry(1)))
    async with opened(url) as two:
        doubt = await two.find("order-1")
        assert doubt.state == "unknown"
        with pytest.raises(JournalError, match="may still send it: that it isn't booked counts from 2"):
            await two.ended(doubt, Ending(state="pending", by="reconcile"))
        with (
            reading(url, NOW + 99_999) as journal,
            pytest.raises(JournalError, match="may still send it: that it isn't booked counts from 2"),
        ):
            journal.resolve("order-1", "pending", by="jane", note="not there")
        ((lease_end, patience, not_before),) = asked(
            url, "SELECT w.lease_end, w.patience, r.not_before FROM rows r JOIN workers w ON w.id = r.owner"
        )
        assert (patience, not_before) == (60 + workers.AFTER_LEASE, lease_end + patience)
        postgres.run("postgres", "UPDATE pandapon.rows SET not_before = not_before - 120")
        assert (await two.ended(doubt, Ending(state="pending", by="reconcile"))).state == "pending"


async def test_a_worker_that_slept_over_its_lease_sends_nothing(
    vendor: FakeVendor, panda: PandaPonSession, url: str, monkeypatch: pytest.MonkeyPatch
):
    real = writer_module.boot_seconds
    sent = PostgresStore.sent
    slept = 0.0

    def falls_asleep(self: PostgresStore, *arguments: Any) -> Any:
        future = sent(self, *arguments)
        future.add_done_callback(lambda _: set_slept(60.0))
        return future

    def set_slept(seconds: float) -> None:
        nonlocal slept
        slept = seconds

    monkeypatch.setattr(PostgresStore, "sent", falls_asleep)
    monkeypatch.setattr(writer_module, "boot_seconds", lambda: real() + slept)
    (outcome,) = await ran(
        BookingJob(panda.with_options(retry=attrs.evolve(panda.profile.retry, attempts=1)), journal=url), pairs(1)
    )
    assert (outcome.state, outcome.recorded) == ("pending", "pending")
    assert "lease" in str(outcome.error)
    assert vendor.ledger.seen == {}


async def test_a_process_of_this_machine_that_is_gone_is_not_waited_for(url: str, postgres: PostgresServer):
    async with opened(url) as one:
        await one.sent(await row(one, entry(1)))
        postgres.run("postgres", "UPDATE pandapon.workers SET start = '1'")  # another process had its number
        async with opened(url) as two:
            assert two.leftover == 1


# --- what all share ----------------------------------------------------------------------------------------------------


async def test_the_starts_of_all_desks_are_evenly_spaced(url: str):
    async with opened(url) as one, opened(url) as two, opened(url) as three:
        drawn = await asyncio.gather(*[
            store.shared.starts(5, 1000.0)  # type: ignore[union-attr]
            for store in (one, two, three)
            for _ in range(10)
        ])  # fmt: skip
    starts = sorted(start for batch in drawn for start in batch)
    gaps = [later - earlier for earlier, later in itertools.pairwise(starts)]
    assert len(starts) == 150
    assert [round(gap / 1000) for gap in gaps] == [1] * 149


async def test_starts_in_an_answer_that_was_held_up_have_lapsed(url: str, monkeypatch: pytest.MonkeyPatch):
    async with opened(url) as store:
        assert store.shared is not None
        clock: VirtualClock = store._clock  # type: ignore[assignment]

        def held_up(*asked: Any) -> Any:
            found = workers.draw(*asked)
            clock.advance(1000)
            return found

        await store.shared.starts(1, 0.001)
        monkeypatch.setattr(store_module, "draw", held_up)
        (start,) = await store.shared.starts(1, 0.001)
        assert start < clock.monotonic() - 900


async def test_a_429_pauses_the_others_before_their_next_booking(vendor: FakeVendor, url: str):
    profile = vendor.profile("pandapon", retry=RetryPolicy(base=0, attempts=1))
    async with session_at(profile) as one, session_at(profile) as two:
        first, second = BookingJob(one, journal=url), BookingJob(two, journal=url)
        async with first, second:
            vendor.script({"status": 429, "headers": {"Retry-After": "9"}})
            assert (await first.book(booking("R1"), "a")).recorded == "pending"
            pause = client_of(two).state.limiter.pause
            waiting = asyncio.ensure_future(second.book(booking("R2"), "b"))
            await until(lambda: pause.left() > 5)
            waiting.cancel()
            with pytest.raises(asyncio.CancelledError):
                await waiting
    assert vendor.ledger.bookings == {}


async def test_a_rate_holds_over_all_sessions_and_each_has_its_own_afterwards(vendor: FakeVendor, url: str):
    profile = vendor.profile("pandapon", limits=Limits(rate=1000))
    async with session_at(profile) as one, session_at(profile) as two:
        limiters = [client_of(session).state.limiter for session in (one, two)]
        own = [limiter.pacer for limiter in limiters]
        jobs = [BookingJob(session, journal=url, check="stream") for session in (one, two)]
        await asyncio.gather(*[ran(job, pairs(20, 100 * at)) for at, job in enumerate(jobs)])
        assert [limiter.pacer for limiter in limiters] == own
    assert len(vendor.ledger.bookings) == 40
    ((due,),) = asked(url, "SELECT due FROM paces")
    assert due > 0


# --- the connection ----------------------------------------------------------------------------------------------------


def cut(postgres: PostgresServer) -> None:
    postgres.run(
        "postgres", "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name LIKE 'pandapon%'"
    )


async def test_a_lost_connection_is_made_again(url: str, postgres: PostgresServer):
    async with opened(url) as store:
        sent = await store.sent(await row(store, entry(1)))
        cut(postgres)
        assert (await store.ended(sent, Ending(state="done", order_id="21"))).state == "done"
        cut(postgres)
        assert (await store.find("order-1")).order_id == "21"


@pytest.mark.parametrize("is_committed", [True, False])
async def test_a_commit_of_which_nobody_knows_is_found_out(
    url: str, monkeypatch: pytest.MonkeyPatch, is_committed: bool
):
    execute = PostgresConnection.execute
    lost = False

    def loses(self: PostgresConnection, query: str, values: Any = (), /) -> Any:
        nonlocal lost
        if query != "COMMIT" or lost:
            return execute(self, query, values)
        lost = True
        if is_committed:
            execute(self, query, values)
        self.raw.close()
        raise psycopg.OperationalError("server closed the connection unexpectedly")

    async with opened(url) as store:
        found = await row(store, entry(1))
        monkeypatch.setattr(PostgresConnection, "execute", loses)
        sent = await store.sent(found)
        assert lost
        assert (sent.state, sent.version) == ("sent", 2)
        lost = False
        assert (await store.ended(sent, Ending(state="done", order_id="21"))).version == 3
        assert lost
    assert [step.state for step in row_of(url, "order-1").history] == ["pending", "sent", "done"]


@contextlib.contextmanager
def lost_in_its_commit(store: PostgresStore, *, arrives: bool) -> Iterator[None]:
    """A store whose next COMMIT may arrive, but not its answer; then the server is away for it, and whoever waits is told so."""
    execute, connect = PostgresConnection.execute, writer_module.connected
    one = store._writer._connection
    is_away = False

    def lose(self: PostgresConnection, query: str, values: Any = (), /) -> Any:
        nonlocal is_away
        if self is not one or query != "COMMIT":
            return execute(self, query, values)
        if arrives:
            execute(self, query, values)
        is_away = True
        self.raw.close()
        raise psycopg.OperationalError("server closed the connection unexpectedly")

    def connect_if_there(url: PostgresUrl) -> PostgresConnection:
        if is_away:
            raise JournalError("no route")
        return connect(url)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(writer_module.PostgresWriter, "PATIENCE", 0.0)
        patch.setattr(PostgresConnection, "execute", lose)
        patch.setattr(writer_module, "connected", connect_if_there)
        yield


async def told_that_it_was_not_sent(store: PostgresStore, found: PendingRow) -> None:
    with pytest.raises(JournalError, match="could not be written"):
        await store.sent(found)


async def test_what_could_not_be_reached_is_taken_back_once_it_can(url: str):
    """Committed as sent, but its caller was told that the journal is away: so nothing was sent, and the row says so again."""
    async with opened(url) as store:
        found = await row(store, entry(1))
        with lost_in_its_commit(store, arrives=True):
            await told_that_it_was_not_sent(store, found)
        assert (await store.find("order-1")).state == "pending"
    assert [step.state for step in row_of(url, "order-1").history] == ["pending", "sent", "pending"]


@pytest.mark.parametrize("before", [False, True], ids=["the same commit", "an earlier commit"])
async def test_what_another_desk_has_sent_meanwhile_is_not_taken_back(url: str, before: bool):
    """It would be sent twice."""
    async with opened(url) as store, opened(url) as desk:
        mine, (theirs,), other = await row(store, entry(1)), await taken(desk, entry(1)), await row(store, entry(2))
        with lost_in_its_commit(store, arrives=False):
            for found in [other, mine] if before else [mine]:
                await told_that_it_was_not_sent(store, found)
            sent = await desk.sent(theirs)
        assert (await store.find("order-1")).state == "sent"
        assert (await desk.ended(sent, Ending(state="done", order_id="21"))).state == "done"
    assert [step.state for step in row_of(url, "order-1").history] == ["pending", "sent", "done"]


async def test_what_was_refused_in_a_commit_of_which_nobody_knows_is_not_taken_back(url: str):
    async with opened(url) as store, opened(url) as desk:
        mine, (theirs,) = await row(store, entry(1)), await taken(desk, entry(1))
        await desk.sent(theirs)
        with lost_in_its_commit(store, arrives=True):
            await told_that_it_was_not_sent(store, mine)
        assert (await store.find("order-1")).state == "sent"


async def test_what_a_person_has_withdrawn_meanwhile_stays_so(url: str):
    async with opened(url) as store:
        found = await row(store, entry(1))
        with lost_in_its_commit(store, arrives=False):
            await told_that_it_was_not_sent(store, found)
            with Journal.open(url) as journal:
                journal.resolve("order-1", "void", by="ann", note="not wanted")
        assert (await store.find("order-1")).state == "void"


async def test_what_is_found_to_be_committed_is_told_so_though_the_connection_is_lost_again(
    url: str, monkeypatch: pytest.MonkeyPatch
):
    execute, begin = PostgresConnection.execute, writer_module.begin
    lost = 0

    def lose(self: PostgresConnection, query: str, values: Any = (), /) -> Any:
        nonlocal lost
        found = execute(self, query, values)
        if query == "COMMIT" and not lost:
            lost = 1
            self.raw.close()
            raise psycopg.OperationalError("server closed the connection unexpectedly")
        return found

    def lose_again(*args: Any) -> Any:
        if lost:
            raise psycopg.OperationalError("server closed the connection unexpectedly")
        return begin(*args)

    async with opened(url) as store:
        found = await row(store, entry(1))
        monkeypatch.setattr(writer_module.PostgresWriter, "PATIENCE", 0.1)
        monkeypatch.setattr(PostgresConnection, "execute", lose)
        monkeypatch.setattr(writer_module, "begin", lose_again)
        assert (await store.sent(found)).state == "sent"
        monkeypatch.undo()


@pytest.mark.parametrize("many", [False, True])
def test_who_is_cut_off_inside_a_transaction_does_not_hold_its_locks_for_ever(
    url: str, monkeypatch: pytest.MonkeyPatch, many: bool
):
    monkeypatch.setattr(connection_module, "_SETTINGS", "SET idle_in_transaction_session_timeout = '100ms'")
    place = postgres_url(url)
    assert place is not None
    with contextlib.closing(connected(place)) as stalls, contextlib.closing(connected(place)) as waits:
        stalls.execute("CREATE TEMP TABLE held (x INT)")
        stalls.execute("BEGIN")
        stalls.lock_admission()
        if many:
            stalls.executemany(Batch("INSERT INTO held VALUES (?)", "INT"), [(1,), (2,)])
        waits.execute("SET lock_timeout = '60s'")
        with waits.raw.transaction():
            waits.lock_admission()


def test_many_rows_are_written_by_one_statement_as_they_are(url: str):
    place = postgres_url(url)
    assert place is not None
    text = st.none() | st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"))
    row = st.tuples(st.integers(-(2**63), 2**63 - 1), st.floats(allow_nan=False, allow_infinity=False), text)
    enter = Batch("INSERT INTO held VALUES (?, ?, ?)", "BIGINT FLOAT8 TEXT")
    change = Batch("UPDATE held SET at = ?, text = ? WHERE id = ?", "FLOAT8 TEXT BIGINT")
    drop = Batch("DELETE FROM held WHERE id = ? AND text = ?", "BIGINT TEXT")

    with contextlib.closing(connected(place)) as connection:
        connection.execute("CREATE TEMP TABLE held (id BIGINT, at FLOAT8, text TEXT)")

        def held() -> list[Any]:
            return sorted(connection.execute("SELECT * FROM held").fetchall(), key=repr)

        @given(st.lists(row, max_size=150, unique_by=lambda row: row[0]))
        def as_they_are(rows: list[Any]) -> None:
            connection.execute("DELETE FROM held")
            assert connection.executemany(enter, rows).rowcount == len(rows)
            assert held() == sorted(rows, key=repr)
            changed = [(number, -at, f"{text}'") for number, at, text in rows]
            assert connection.executemany(change, [(*values, number) for number, *values in changed]).rowcount == len(
                rows
            )
            assert held() == sorted(changed, key=repr)
            assert connection.executemany(drop, [(number, text) for number, _, text in changed]).rowcount == len(rows)

        as_they_are()


async def test_an_unexpected_end_names_no_user(postgres: PostgresServer):
    postgres.run("postgres", "DROP ROLE IF EXISTS somebody")
    url = postgres.url("postgres").replace("postgres:@", "somebody:hunter2@")
    with pytest.raises(JournalError) as error:
        Journal.open(url)
    assert "somebody" not in str(error.value)
    assert "hunter2" not in f"{error.value!r} {place_of(url)!r} {place_of(url)}"


async def test_a_server_that_was_killed_and_started_again_has_lost_nothing(url: str, postgres: PostgresServer):
    async with opened(url) as store:
        sent = [await store.sent(await row(store, entry(number))) for number in range(20)]
        postgres.kill()
        ending = [store.ended(found, Ending(state="done", order_id=str(at))) for at, found in enumerate(sent)]
        await asyncio.to_thread(postgres.start)
        assert {found.state for found in await asyncio.gather(*ending)} == {"done"}
    assert list(recorded(url).values()) == ["done"] * 20


# --- the schema --------------------------------------------------------------------------------------------------------


def newer(postgres: PostgresServer) -> None:
    postgres.run("postgres", "UPDATE pandapon.journal SET version = 99, oldest = 99")


def of_another_program(postgres: PostgresServer) -> None:
    postgres.run("postgres", "DROP SCHEMA pandapon CASCADE; CREATE SCHEMA pandapon CREATE TABLE theirs (x INT)")


@pytest.mark.parametrize(("make", "why"), [(newer, "newer release"), (of_another_program, "another program's")])
async def test_what_is_no_journal_of_this_release_is_refused(url: str, postgres: PostgresServer, make: Any, why: str):
    async with opened(url):
        pass
    make(postgres)
    with pytest.raises(JournalError, match=why):
        async with opened(url):
            pass
    with pytest.raises(JournalError, match=why):
        Journal.open(url)


async def test_a_newer_release_that_only_added_something_is_no_reason_to_stop(url: str, postgres: PostgresServer):
    async with opened(url) as store:
        await row(store, entry(1))
    postgres.run("postgres", "UPDATE pandapon.journal SET version = 99; ALTER TABLE pandapon.rows ADD COLUMN added INT")
    async with opened(url) as store:
        await done(store, entry(1))
    assert recorded(url) == {"order-1": "done"}


async def test_an_older_journal_gets_what_was_added_from_the_next_job(url: str, monkeypatch: pytest.MonkeyPatch):
    async with opened(url) as before:
        await row(before, entry(1))
        with monkeypatch.context() as patch:
            patch.setattr(schema, "MIGRATIONS", (*schema.MIGRATIONS, "ALTER TABLE rows ADD COLUMN added INT DEFAULT 7"))
            patch.setattr(schema, "VERSION", 2)
            with pytest.raises(JournalError, match="older release"):
                Journal.open(url)
            async with opened(url) as store:
                await done(store, entry(1))
            assert asked(url, "SELECT added FROM rows") == [(7,)]
        await done(before, entry(2))  # of the older release, and at work all the time


async def test_who_is_at_work_begins_nothing_more_once_a_newer_release_has_changed_what_it_does_not_know(
    url: str, postgres: PostgresServer
):
    async with opened(url) as store:
        sent = await store.sent(await row(store, entry(1)))
        newer(postgres)
        with pytest.raises(JournalError, match="newer release has changed it"):
            await taken(store, entry(2))
        assert (await store.ended(sent, Ending(state="done", order_id="21"))).state == "done"
        assert store.is_lost


@pytest.mark.parametrize(("hours", "how"), [(5, "ahead of"), (-5, "behind")])
async def test_a_machine_whose_clock_is_wrong_books_nothing_and_resolves_nothing(
    url: str, monkeypatch: pytest.MonkeyPatch, hours: int, how: str
):
    async with opened(url) as store:
        await done(store, entry(1))
    real = time.time
    monkeypatch.setattr(time, "time", lambda: real() + 3600 * hours)
    with pytest.raises(JournalError, match=f"clock is 1[78],[0-9]+ s {how} the database's"):
        async with opened(url):
            pass
    with reading(url) as journal:
        assert journal.get("order-1").state == "done"
        with pytest.raises(JournalError, match="clock is"):
            journal.resolve("order-1", "void", by="jane", note="x")


def test_reading_needs_a_journal(url: str):
    with pytest.raises(JournalError, match="there is no journal"):
        Journal.open(url)


async def test_files_are_what_backup_and_restore_are_for(url: str, tmp_path: Path):
    async with opened(url):
        pass
    with Journal.open(url) as journal:
        for act in (lambda: journal.backup(tmp_path / "b.db"), lambda: journal.restore(by="jane", note="x")):
            with pytest.raises(JournalError, match="pg_dump"):
                act()
        journal.check()


# --- how it is reached -------------------------------------------------------------------------------------------------

URLS: dict[str, tuple[str, str | None]] = {
    "another host": ("postgresql://u:p@db.example/x", "verify-full"),
    "by its address": ("postgresql://u@192.0.2.1:5432/x", "verify-full"),
    "this machine": ("postgresql://u@localhost/x", None),
    "this machine's address": ("postgresql://u@127.0.0.1/x", None),
    "a socket": ("postgresql:///x?host=/run/postgresql", None),
    "a socket by default": ("postgresql:///x", None),
    "one of several is another host": ("postgresql://localhost,db.example/x", "verify-full"),
    "said otherwise": ("postgresql://db.example/x?sslmode=require", "require"),
    "a service of which nothing is known": ("service=nowhere", "verify-full"),
    "a service of this machine": ("service=here", None),
    "a service elsewhere": ("service=there", "verify-full"),
    "a service that says so": ("service=said", None),
}


@pytest.mark.parametrize("kind", URLS)
def test_other_hosts_are_reached_by_verified_tls(kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    services = tmp_path / "services"
    services.write_text("[here]\nhost=/run/x\n[there]\nhost=db.example\n[said]\nhost=db.example\nsslmode=require\n")
    monkeypatch.setenv("PGSERVICEFILE", str(services))
    for name in ("PGHOST", "PGSSLMODE", "PGSERVICE", "PGSSLROOTCERT"):
        monkeypatch.delenv(name, raising=False)
    text, mode = URLS[kind]
    url = postgres_url(text)
    assert url is not None
    assert url.parameters().get("sslmode") == mode
    assert url.parameters().get("sslrootcert") == ("system" if mode == "verify-full" else None)


def test_a_url_may_stand_in_a_variable_or_a_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    text = "postgresql://u:p%40@db.example:5433/x?application_name=y"
    monkeypatch.setenv("JOURNAL_URL", text)
    (tmp_path / "url").write_text(f"{text}\n")
    for spelling in ("env:JOURNAL_URL", f"file:{tmp_path / 'url'}", text):
        assert place_of(spelling) == PostgresUrl(text, "postgresql://db.example:5433/x")
    for spelling, why in (
        ("env:NOT_SET_ANYWHERE", "no URL"),
        (f"file:{tmp_path}", "would stand in .*; that can't be read: Is a directory$"),
    ):
        with pytest.raises(JournalError, match=why):
            place_of(spelling)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("postgresql://u:p@h/x", True), ("postgresql://u@h/x", False), ("postgresql://h/x?password=p", True),
        ("service=x password=p", True), ("service=x", False), ("env:X", False), ("bookings.db", False), ("postgres://:p@h", True),
    ],
)  # fmt: skip
def test_a_secret_in_a_url_is_seen(text: str, expected: bool):
    assert holds_secret(text) is expected
