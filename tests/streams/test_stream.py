"""Streams: every item of the input ends exactly once, whatever the vendor, the input or the reader does."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import json
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterable, Iterator
from typing import Any

import pytest
from hypothesis import given, settings, strategies as st

from pandapon_async import (
    ApiError,
    ConfigError,
    Limits,
    NotSentError,
    Outcome,
    OutcomeUnknownError,
    PandaponError,
    PandaPonSession,
    RequestError,
    RetryPolicy,
)
from pandapon_async._session import client_of
from pandapon_async._streams.stream import OutcomeStream
from pandapon_async.testing import FakeVendor, Faults
from tests.support import (
    AT_ONCE,
    RawRequest,
    RawServer,
    booking,
    estimate,
    http_reply,
    local_profile,
    session_at,
    spin,
    until as until_true,
    yes,
)

Stream = OutcomeStream[Any]


class HeldVendor(RawServer):
    """Says yes to each booking, but not before it may.

    Attributes:
        held: the render ids whose reply is held back; None: all.
        seen: the render ids of the bookings that arrived whole, in order.
    """

    def __init__(self, held: Iterable[str] | None = None) -> None:
        super().__init__(self._reply)
        self.held = None if held is None else set(held)
        self.seen: list[str | None] = []
        self._changed = asyncio.Event()

    def release(self, *references: str) -> None:
        """Let these replies go; without any: all, from now on."""
        self.held = (self.held or set()) - set(references) if references else set()
        self._changed.set()
        self._changed = asyncio.Event()

    async def _reply(self, request: RawRequest, writer: asyncio.StreamWriter) -> None:
        reference = json.loads(request.body).get("renderId")
        self.seen.append(reference)
        while self.held is None or reference in self.held:
            await self._changed.wait()
        writer.write(http_reply(200, yes({"orderId": reference})))


@contextlib.asynccontextmanager
async def held(
    *references: str, concurrency: int = 8, everything: bool = False, kind: str = "pandapon"
) -> AsyncIterator[tuple[HeldVendor, PandaPonSession]]:
    """A vendor that holds some replies back, and a session at it."""
    async with (
        HeldVendor(None if everything else references) as server,
        session_at(local_profile(server.port, kind=kind, limits=Limits(concurrency=concurrency))) as session,
    ):
        yield server, session


class Input:
    """Bookings R0, R1, ... as an iterator that counts what was taken from it."""

    def __init__(self, number: int) -> None:
        self._number = number
        self.taken = 0

    def __iter__(self) -> Iterator[Any]:
        return self

    def __next__(self) -> Any:
        if self.taken == self._number:
            raise StopIteration
        self.taken += 1
        return booking(f"R{self.taken - 1}")


def bookings(number: int) -> list[Any]:
    return [booking(f"R{index}") for index in range(number)]


async def later(items: Iterable[Any]) -> AsyncIterator[Any]:
    iterator = iter(items)
    while True:
        await asyncio.sleep(0)  # before an item is taken: what is cancelled here has lost none
        try:
            item = next(iterator)
        except StopIteration:
            return
        yield item


class AsyncOnly:
    """An async iterable that is no generator."""

    def __init__(self, items: Iterable[Any]) -> None:
        self._items = iter(items)

    def __aiter__(self) -> AsyncOnly:
        return self

    async def __anext__(self) -> Any:
        try:
            return next(self._items)
        except StopIteration:
            raise StopAsyncIteration from None


def workers() -> list[asyncio.Task[Any]]:
    """The tasks of streams that are still there."""
    return [task for task in asyncio.all_tasks() if "WorkerStream" in getattr(task.get_coro(), "__qualname__", "")]


async def read(stream: Stream) -> list[Outcome[Any]]:
    async with stream:
        return [outcome async for outcome in stream]


def indexes(outcomes: Iterable[Outcome[Any]]) -> list[int]:
    return sorted(outcome.index for outcome in outcomes)


# --- the input ---------------------------------------------------------------------------------------------------------

KINDS: dict[str, Callable[[list[Any]], Any]] = {
    "list": list,
    "tuple": tuple,
    "iterator": iter,
    "generator": lambda items: (item for item in items),
    "dict view": lambda items: dict(enumerate(items)).values(),
    "async generator": later,
    "async iterable": AsyncOnly,
}


@pytest.mark.parametrize("kind", KINDS)
async def test_any_kind_of_input_is_sent_whole(vendor: FakeVendor, panda: PandaPonSession, kind: str):
    outcomes = await read(panda.stream(KINDS[kind](bookings(7)), concurrency=3))
    assert indexes(outcomes) == list(range(7))
    assert all(outcome.ok and outcome.data is not None and outcome.data.order_id for outcome in outcomes)
    assert vendor.ledger.bookings == {f"R{index}": 1 for index in range(7)}


async def test_an_empty_input_has_no_outcomes(panda: PandaPonSession):
    assert await read(panda.stream([])) == []


async def test_a_pair_carries_its_own_reference(vendor: FakeVendor, panda: PandaPonSession):
    outcomes = await read(panda.stream([("order-1", booking("R1")), booking("R2")], ordered=True))
    assert [outcome.reference for outcome in outcomes] == ["order-1", "R2"]


async def test_an_outcome_names_its_request(panda: PandaPonSession):
    request = booking("R1")
    (outcome,) = await read(panda.stream([("order-1", request)]))
    assert outcome.request is request


NO_REQUESTS = [42, None, "R1", ("", booking("A")), (7, booking("B")), ("order", "no request"), (1, 2, 3)]


@pytest.mark.parametrize("item", NO_REQUESTS, ids=repr)
async def test_an_item_that_is_no_request_is_its_own_outcome(vendor: FakeVendor, panda: PandaPonSession, item: Any):
    outcomes = await read(panda.stream([booking("R0"), item, booking("R2")], ordered=True))
    assert [type(outcome.error) for outcome in outcomes] == [type(None), RequestError, type(None)]
    assert outcomes[1].request is item
    assert outcomes[1].elapsed == 0 == outcomes[1].attempts
    assert vendor.ledger.bookings == {"R0": 1, "R2": 1}


async def test_what_cannot_be_gone_through_is_an_error_at_the_first_reading(panda: PandaPonSession):
    async with panda.stream(42) as outcomes:  # type: ignore[arg-type]
        with pytest.raises(TypeError):
            await anext(outcomes)


@pytest.mark.parametrize("ordered", [False, True])
@pytest.mark.parametrize("asynchronous", [False, True])
async def test_an_error_of_the_input_comes_after_what_was_started(
    vendor: FakeVendor, panda: PandaPonSession, ordered: bool, asynchronous: bool
):
    def broken() -> Iterator[Any]:
        yield from bookings(5)
        raise ValueError("line 6 is no JSON")

    async def broken_later() -> AsyncIterator[Any]:
        for item in broken():
            yield item

    stream = panda.stream(broken_later() if asynchronous else broken(), concurrency=3, ordered=ordered)
    async with stream as outcomes:
        seen = [await anext(outcomes) for _ in range(5)]
        with pytest.raises(ValueError, match="line 6"):
            await anext(outcomes)
    assert indexes(seen) == [0, 1, 2, 3, 4]
    assert stream.undelivered == []
    assert sum(vendor.ledger.bookings.values()) == 5


async def test_an_input_that_is_stopped_from_outside_stops_the_reader(panda: PandaPonSession):
    class Halt(BaseException):
        """As a debugger or a test runner raises it."""

    def halted() -> Iterator[Any]:
        yield booking("R0")
        raise Halt

    async with panda.stream(halted(), concurrency=2) as outcomes:
        assert (await anext(outcomes)).ok
        with pytest.raises(Halt):
            await anext(outcomes)


async def test_after_its_input_broke_a_stream_takes_nothing_more(panda: PandaPonSession):
    class Once:
        """Breaks at its third item, and would go on if asked again."""

        asked = 0

        def __iter__(self) -> Once:
            return self

        def __next__(self) -> Any:
            self.asked += 1
            if self.asked == 3:
                raise ValueError("broken")
            return booking(f"R{self.asked}")

    items = Once()
    with pytest.raises(ValueError, match="broken"):
        await read(panda.stream(items, concurrency=2))
    assert items.asked == 3


async def test_an_input_that_is_cancelled_is_no_end_of_it(panda: PandaPonSession):
    async def broken() -> AsyncIterator[Any]:
        yield booking("R0")
        raise asyncio.CancelledError  # as when it awaits a task that was cancelled

    with pytest.raises((asyncio.CancelledError, RuntimeError)):
        await read(panda.stream(broken(), concurrency=2))


# --- the order ---------------------------------------------------------------------------------------------------------


async def test_outcomes_come_as_they_finish():
    async with held("R0") as (server, session), session.stream(bookings(3), concurrency=2) as outcomes:
        first, second = await anext(outcomes), await anext(outcomes)
        server.release()
        third = await anext(outcomes)
    assert [first.index, second.index, third.index] == [1, 2, 0]


async def test_ordered_outcomes_keep_the_order_of_the_input():
    async with held("R0") as (server, session), session.stream(bookings(6), concurrency=3, ordered=True) as outcomes:
        first = asyncio.ensure_future(anext(outcomes))
        await until_true(lambda: len(server.seen) >= 4)
        await spin()
        assert not first.done()
        server.release()
        rest = [await first, *[outcome async for outcome in outcomes]]
    assert [outcome.index for outcome in rest] == list(range(6))


async def test_an_ordered_stream_waits_for_its_first_without_running_ahead():
    items = Input(50)
    async with held("R0") as (server, session), session.stream(items, concurrency=3, ordered=True) as outcomes:
        first = asyncio.ensure_future(anext(outcomes))
        await until_true(lambda: len(server.seen) >= 4)
        await spin(200)
        assert items.taken <= 6
        server.release()
        assert (await first).index == 0
        assert len([outcome async for outcome in outcomes]) == 49


# --- how many at a time ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("asked", "allowed", "most"), [(3, 8, 3), (50, 4, 4), (None, 5, 5)])
async def test_no_more_are_under_way_than_asked_and_allowed(asked: int | None, allowed: int, most: int):
    items = Input(20)
    async with held(everything=True, concurrency=allowed) as (server, session):
        reading = asyncio.ensure_future(read(session.stream(items, concurrency=asked)))
        await until_true(lambda: server.inside == most)
        await spin(100)
        assert (server.inside, items.taken) == (most, most)
        server.release()
        assert len(await reading) == 20
        assert server.most == most


@pytest.mark.parametrize("number", [0, -1])
async def test_fewer_than_one_at_a_time_is_refused(panda: PandaPonSession, number: int):
    with pytest.raises(ConfigError, match="concurrency"):
        panda.stream([], concurrency=number)


@pytest.mark.parametrize("ordered", [False, True])
async def test_a_slow_reader_slows_the_input(panda: PandaPonSession, ordered: bool):
    items = Input(200)
    async with panda.stream(items, concurrency=4, ordered=ordered) as outcomes:
        for number in range(1, 4):
            await anext(outcomes)
            taken = -1
            while taken != items.taken:  # until it stands still
                taken = items.taken
                await asyncio.sleep(0.02)
            assert items.taken <= number + 2 * 4
        assert len([outcome async for outcome in outcomes]) == 197


async def test_a_long_input_is_never_far_ahead_of_the_reader(panda: PandaPonSession):
    items, ahead, count = Input(400), 0, 0
    async with panda.stream(items, concurrency=8) as outcomes:
        async for _ in outcomes:
            count += 1
            ahead = max(ahead, items.taken - count)
    assert count == 400
    assert ahead <= 2 * 8


async def test_a_slow_input_keeps_no_outcome_back(panda: PandaPonSession):
    more = asyncio.Event()

    async def slow() -> AsyncIterator[Any]:
        yield booking("R0")
        await more.wait()
        yield booking("R1")

    async with panda.stream(slow(), concurrency=4) as outcomes:
        assert (await anext(outcomes)).index == 0
        more.set()
        assert [outcome.index async for outcome in outcomes] == [1]


async def test_an_async_input_is_never_read_concurrently(panda: PandaPonSession):
    asked = most = 0

    class Jealous(AsyncOnly):
        async def __anext__(self) -> Any:
            nonlocal asked, most
            asked += 1
            most = max(most, asked)
            await asyncio.sleep(0)
            asked -= 1
            return await super().__anext__()

    assert len(await read(panda.stream(Jealous(bookings(20)), concurrency=5))) == 20
    assert most == 1


# --- failures ----------------------------------------------------------------------------------------------------------


async def test_one_failure_stops_nobody(vendor: FakeVendor, panda: PandaPonSession):
    vendor.script("ok", "refuse", "ok", "drop_after", "ok")
    outcomes = await read(panda.stream(bookings(6), concurrency=1, ordered=True))
    kinds = [type(outcome.error) for outcome in outcomes]
    assert kinds == [type(None), ApiError, type(None), OutcomeUnknownError, type(None), type(None)]


async def test_a_failed_outcome_tells_what_is_known(vendor: FakeVendor, panda: PandaPonSession):
    vendor.script("drop_after")
    (outcome,) = await read(panda.stream([("order-1", booking("R1"))]))
    assert (outcome.ok, outcome.data, outcome.reply, outcome.in_doubt) == (False, None, None, True)
    assert (outcome.reference, outcome.attempts) == ("order-1", 1)
    assert outcome.elapsed > 0
    assert isinstance(outcome.error, OutcomeUnknownError)
    assert outcome.error.reference == "order-1"


async def test_a_good_outcome_tells_how_many_attempts_it_took(vendor: FakeVendor, panda: PandaPonSession):
    vendor.script({"status": 429, "headers": {"Retry-After": "0"}})
    (outcome,) = await read(panda.stream(bookings(1)))
    assert (outcome.ok, outcome.attempts, outcome.in_doubt) == (True, 2, False)


async def test_an_error_that_is_not_ours_is_an_outcome_without_attempts(panda: PandaPonSession):
    class Odd(type(booking())):  # type: ignore[misc]
        def natural_reference(self) -> str:
            raise LookupError("no reference today")

    outcomes = await read(panda.stream([Odd(render_id="R0"), booking("R1")], ordered=True))
    assert isinstance(outcomes[0].error, LookupError)
    assert outcomes[0].attempts == 0
    assert outcomes[1].ok


async def test_a_stream_of_reads_and_writes_keeps_them_apart(panda: PandaPonSession):
    outcomes = await read(panda.stream([booking("R0"), estimate()], ordered=True))
    assert outcomes[0].data.order_id
    assert outcomes[1].data.value


# --- reading -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("entered", [False, True])
async def test_a_stream_that_was_read_to_its_end_stays_at_its_end(panda: PandaPonSession, entered: bool):
    stream = panda.stream(bookings(3))
    if entered:
        async with stream:
            assert len([outcome async for outcome in stream]) == 3
            assert [outcome async for outcome in stream] == []
    else:
        assert len([outcome async for outcome in stream]) == 3
    assert [outcome async for outcome in stream] == []
    assert workers() == []


async def test_a_stream_that_was_closed_unread_sends_nothing(vendor: FakeVendor, panda: PandaPonSession):
    stream = panda.stream(bookings(3))
    async with stream:
        pass
    assert [outcome async for outcome in stream] == []
    assert vendor.ledger.bookings == {}


async def test_two_readers_at_once_are_an_error():
    async with held("R0") as (server, session), session.stream(bookings(1)) as outcomes:
        first = asyncio.ensure_future(anext(outcomes))
        await until_true(lambda: server.seen)
        with pytest.raises(RuntimeError, match="two tasks"):
            await anext(outcomes)
        server.release()
        assert (await first).index == 0


async def test_a_reader_that_was_cancelled_loses_nothing():
    async with held("R0") as (server, session), session.stream(bookings(1)) as outcomes:
        first = asyncio.ensure_future(anext(outcomes))
        await until_true(lambda: server.seen)
        first.cancel()
        with pytest.raises(asyncio.CancelledError):
            await first
        server.release()
        assert [outcome.index async for outcome in outcomes] == [0]


async def test_with_instead_of_async_with_explains_itself(panda: PandaPonSession):
    with pytest.raises(TypeError, match="async with"), panda.stream([]):  # type: ignore[attr-defined]
        pass


async def test_several_streams_share_one_session(vendor: FakeVendor, panda: PandaPonSession):
    ours = ([(f"A{index}", booking(f"A{index}")) for index in range(9)], bookings(9))
    first, second = await asyncio.gather(*[read(panda.stream(items, concurrency=3)) for items in ours])
    assert indexes(first) == indexes(second) == list(range(9))
    assert len(vendor.ledger.bookings) == 18


# --- leaving early -----------------------------------------------------------------------------------------------------


async def leave_with_writes_under_way(server: HeldVendor, stream: Stream, how: Callable[[], object]) -> None:
    """Read R0, see R1 and R2 arrive, and leave."""
    async with stream as outcomes:
        async for outcome in outcomes:
            assert outcome.index == 0
            await until_true(lambda: len(server.seen) == 3)
            how()
            break


async def test_writes_under_way_are_drained():
    items = Input(50)
    async with held("R1", "R2") as (server, session):
        stream = session.stream(items, concurrency=2)
        await leave_with_writes_under_way(server, stream, server.release)
    assert indexes(stream.undelivered) == [1, 2]
    assert all(outcome.ok and outcome.data.order_id == outcome.reference for outcome in stream.undelivered)
    assert stream.in_doubt == ()
    assert (items.taken, server.seen) == (3, ["R0", "R1", "R2"])


async def test_without_time_to_drain_writes_under_way_are_in_doubt():
    async with held("R1", "R2") as (server, session):
        stream = session.stream(bookings(9), concurrency=2, drain=0)
        await leave_with_writes_under_way(server, stream, lambda: None)
        assert workers() == []
    assert indexes(stream.in_doubt) == [1, 2]
    assert sorted(str(outcome.reference) for outcome in stream.in_doubt) == ["R1", "R2"]
    assert all(isinstance(outcome.error, OutcomeUnknownError) for outcome in stream.in_doubt)
    error = stream.in_doubt[0].error
    assert isinstance(error, PandaponError)
    assert (error.vendor, error.operation) == ("pandapon", "logistics.book_freight")
    assert error.reference == stream.in_doubt[0].reference


async def test_the_hook_is_called_for_what_leaving_put_in_doubt():
    told: list[str | None] = []
    async with held("R1", "R2") as (server, session):
        watched = session.with_options(on_in_doubt=lambda reference, _: told.append(reference))
        await leave_with_writes_under_way(server, watched.stream(bookings(9), concurrency=2, drain=0), lambda: None)
    assert sorted(map(str, told)) == ["R1", "R2"]


async def test_reads_under_way_are_cancelled_and_leave_no_doubt():
    async with held(everything=True) as (server, session):
        stream = session.stream([estimate(), estimate()], concurrency=2)
        async with stream as outcomes:
            reading = asyncio.ensure_future(anext(outcomes))
            await until_true(lambda: len(server.seen) == 2)
            reading.cancel()
    assert indexes(stream.undelivered) == [0, 1]
    assert stream.in_doubt == ()
    for outcome in stream.undelivered:
        assert type(outcome.error) is PandaponError
        assert "nothing is in doubt" in str(outcome.error)


async def test_what_was_taken_and_not_sent_is_listed_as_such():
    async with held("held", concurrency=1) as (server, session):
        holder = asyncio.ensure_future(session.call(booking("held")))
        await until_true(lambda: server.seen)
        stream = session.stream(bookings(9), concurrency=1)
        async with stream as outcomes:
            reading = asyncio.ensure_future(anext(outcomes))
            await spin()
            reading.cancel()
        server.release()
        assert (await holder).data.order_id == "held"
    (outcome,) = stream.undelivered
    assert isinstance(outcome.error, NotSentError)
    assert (outcome.index, outcome.reference, outcome.attempts) == (0, "R0", 0)
    assert (outcome.error.operation, outcome.error.reference) == ("logistics.book_freight", "R0")
    assert server.seen == ["held"]


@pytest.mark.parametrize("ordered", [False, True])
async def test_outcomes_that_nobody_read_are_listed(vendor: FakeVendor, panda: PandaPonSession, ordered: bool):
    items = Input(50)
    stream = panda.stream(items, concurrency=4, ordered=ordered)
    async with stream as outcomes:
        first = await anext(outcomes)
        await until_true(lambda: len(vendor.ledger.bookings) >= 5)
    assert sorted([first.index, *indexes(stream.undelivered)]) == list(range(items.taken))
    assert sum(vendor.ledger.bookings.values()) == 1 + sum(outcome.ok for outcome in stream.undelivered)


async def test_an_exception_passes_through_and_leaves_nothing_behind():
    async with held("R1", "R2") as (server, session):

        def fail() -> None:
            server.release()
            raise KeyError("mine")

        stream = session.stream(bookings(9), concurrency=2)
        with pytest.raises(KeyError, match="mine"):
            await leave_with_writes_under_way(server, stream, fail)
        assert workers() == []
    assert indexes(outcome for outcome in stream.undelivered if outcome.ok) == [1, 2]


async def test_a_cancelled_reader_drains_on_its_way_out():
    async with held("R1", "R2") as (server, session):
        stream = session.stream(bookings(9), concurrency=2)

        async def job() -> None:
            async with stream as outcomes:
                async for _ in outcomes:
                    pass

        task = asyncio.create_task(job())
        await until_true(lambda: len(server.seen) == 3)
        task.cancel()
        await spin()
        assert not task.done()
        server.release()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert workers() == []
    assert indexes(outcome for outcome in stream.undelivered if outcome.ok) == [1, 2]
    assert sorted(server.seen) == ["R0", "R1", "R2"]


async def test_a_cancel_while_draining_ends_the_draining():
    async with held("R1", "R2") as (server, session):
        stream = session.stream(bookings(9), concurrency=2)
        leaving = asyncio.create_task(leave_with_writes_under_way(server, stream, lambda: None))
        await until_true(lambda: stream._closed)
        await spin()
        assert not leaving.done()
        leaving.cancel()
        with pytest.raises(asyncio.CancelledError):
            await leaving
        await until_true(lambda: not workers())
    assert indexes(stream.in_doubt) == [1, 2]


async def test_a_bare_loop_that_is_left_closes_its_stream_soon_after():
    async with held("R1", "R2") as (server, session):
        stream = session.stream(bookings(9), concurrency=2)
        async for outcome in stream:
            assert outcome.index == 0
            await until_true(lambda: len(server.seen) == 3)
            break
        server.release()
        gc.collect()
        await until_true(lambda: not workers())
        await until_true(lambda: stream.undelivered)
        assert client_of(session).state.open_streams == set()
    assert indexes(stream.undelivered) == [1, 2]
    assert sorted(server.seen) == ["R0", "R1", "R2"]


async def test_closing_the_session_closes_its_streams():
    async with held("R1", "R2") as (server, session):
        stream = session.stream(bookings(9), concurrency=2)
        async with stream as outcomes:
            assert (await anext(outcomes)).index == 0
            await until_true(lambda: len(server.seen) == 3)
            closing = asyncio.create_task(session.close())
            await spin()
            assert not closing.done()
            server.release()
            await closing
            assert workers() == []
            assert [outcome async for outcome in outcomes] == []
    assert indexes(outcome for outcome in stream.undelivered if outcome.ok) == [1, 2]


async def test_closing_wakes_a_reader_that_waits():
    async with held(everything=True) as (server, session):
        stream = session.stream(bookings(9), concurrency=2, drain=0)
        reading = asyncio.create_task(read(stream))
        await until_true(lambda: len(server.seen) == 2)
        await stream.aclose()
        ended = [*await reading, *stream.undelivered]
    assert indexes(ended) == [0, 1]
    assert all(outcome.in_doubt for outcome in ended)


@pytest.mark.parametrize("rounds", range(6))
async def test_all_that_was_under_way_is_listed_though_all_tasks_are_cancelled_while_it_closes(rounds: int):
    """As an interrupted `asyncio.run` does."""
    async with held("R1", "R2") as (server, session):
        stream = session.stream(bookings(9), concurrency=2, drain=30)
        async with stream as outcomes:
            await anext(outcomes)
            await until_true(lambda: len(server.seen) == 3)
            others = asyncio.all_tasks() - set(workers())
            closing = asyncio.ensure_future(stream.aclose())
            await spin(rounds)
            for task in asyncio.all_tasks() - others:
                task.cancel()
            await asyncio.wait([closing])
        assert client_of(session).state.open_streams == set()
    assert indexes(stream.undelivered) == [1, 2]
    assert all(outcome.in_doubt for outcome in stream.undelivered)


async def test_one_that_was_closed_is_not_entered(panda: PandaPonSession):
    """It would give nothing, as if there were nothing to book."""
    left = panda.stream(bookings(3), concurrency=2)
    await read(left)
    other = panda.stream(bookings(3), concurrency=2)
    await other.aclose()
    for stream in (left, other):
        with pytest.raises(ConfigError, match="begin another one"):
            await read(stream)


async def test_closing_twice_lists_everything_once():
    async with held("R1", "R2") as (server, session):
        stream = session.stream(bookings(9), concurrency=2, drain=0)
        await leave_with_writes_under_way(server, stream, lambda: None)
        await asyncio.gather(stream.aclose(), stream.aclose())
    assert indexes(stream.undelivered) == [1, 2]


async def test_an_async_generator_is_closed_when_the_stream_is_left(panda: PandaPonSession):
    closed = []

    async def endless() -> AsyncIterator[Any]:
        try:
            number = 0
            while True:
                yield booking(f"R{number}")
                number += 1
        finally:
            closed.append(True)

    async with panda.stream(endless(), concurrency=2) as outcomes:
        await anext(outcomes)
    assert closed == [True]


async def test_an_async_generator_that_is_waiting_is_closed_too(panda: PandaPonSession):
    closed = []

    async def stuck() -> AsyncIterator[Any]:
        try:
            yield booking("R0")
            await asyncio.Event().wait()
        finally:
            closed.append(True)

    stream = panda.stream(stuck(), concurrency=3)
    async with stream as outcomes:
        assert (await anext(outcomes)).ok
    assert closed == [True]
    assert workers() == []
    assert stream.undelivered == []


async def test_an_async_iterator_that_cannot_be_closed_is_just_left(panda: PandaPonSession):
    async with panda.stream(AsyncOnly(bookings(50)), concurrency=2) as outcomes:
        await anext(outcomes)
    assert workers() == []


# --- all of it at once -------------------------------------------------------------------------------------------------


@st.composite
def mishaps(draw: st.DrawFn) -> Faults:
    parts = [draw(st.sampled_from([0.0, 0.1, 0.2])) for _ in range(5)]
    return Faults(
        drop_before=parts[0],
        drop_after=parts[1],
        refuse=parts[2],
        status={502: parts[3], 429: parts[4] / 2},
        retry_after=0,
        seed=draw(st.integers(0, 1000)),
    )


@settings(max_examples=40)
@given(
    faults=mishaps(),
    number=st.integers(0, 25),
    concurrency=st.integers(1, 6),
    allowed=st.integers(1, 6),
    ordered=st.booleans(),
    asynchronous=st.booleans(),
    leave_after=st.none() | st.integers(0, 25),
    drain=st.sampled_from([0.0, 30.0]),
)
async def test_every_item_ends_exactly_once(
    faults: Faults,
    number: int,
    concurrency: int,
    allowed: int,
    ordered: bool,
    asynchronous: bool,
    leave_after: int | None,
    drain: float,
):
    before = asyncio.all_tasks()
    items, outcomes = Input(number), []
    async with FakeVendor(faults=faults) as vendor:
        profile = vendor.profile("pandapon", retry=RetryPolicy(base=0, attempts=3), limits=Limits(concurrency=allowed))
        async with session_at(profile) as session:
            given_as = later(items) if asynchronous else items
            stream = session.stream(given_as, concurrency=concurrency, ordered=ordered, drain=drain)
            async with stream:
                async for outcome in stream:
                    outcomes.append(outcome)
                    if leave_after is not None and len(outcomes) > leave_after:
                        break
        booked = Counter(vendor.ledger.bookings)
    await until_true(lambda: asyncio.all_tasks() <= before)

    ended = [*outcomes, *stream.undelivered]
    assert indexes(ended) == list(range(items.taken))
    assert items.taken == number or len(outcomes) < number
    assert not ordered or [outcome.index for outcome in outcomes] == list(range(len(outcomes)))
    for outcome in ended:
        times = booked.pop(outcome.reference or "", 0)
        assert times <= 1
        if not outcome.in_doubt:
            assert times == outcome.ok, outcome.error
    assert not booked


async def test_a_stream_over_real_faults_agrees_with_the_ledger():
    faults = Faults(drop_before=0.1, drop_after=0.1, status={502: 0.1, 429: 0.05}, retry_after=0, seed=7)
    async with FakeVendor(faults=faults) as vendor, session_at(vendor.profile("pandapon", retry=AT_ONCE)) as session:
        outcomes = await read(session.stream(bookings(300), concurrency=32))
    assert len(outcomes) == 300
    assert max(vendor.ledger.bookings.values()) == 1
    certain = {str(outcome.reference): outcome.ok for outcome in outcomes if not outcome.in_doubt}
    assert all(vendor.ledger.bookings.get(reference, 0) == ok for reference, ok in certain.items())
    assert 0 < len(certain) < 300
