"""A call that is cancelled, or runs out of time, at any of its awaits: it leaks nothing and tells what is in doubt."""

from __future__ import annotations

import asyncio
import socket
import time
from collections.abc import AsyncIterator, Iterator
from typing import Any

import attrs
import pytest
from aiohttp.client_proto import ResponseHandler
from aiohttp.connector import _TransportPlaceholder

from pandapon_async import (
    DeadlineExceededError,
    Effect,
    LimitExceededError,
    Limits,
    OutcomeUnknownError,
    PandaPonSession,
    Reply,
    RetryPolicy,
    Timeouts,
)
from pandapon_async._calls.direct_transport import DirectTransport
from pandapon_async._session import client_of
from pandapon_async.testing import FakeVendor, VirtualClock
from tests.support import BOOK, StopAt, booking, error_of, estimate, local_profile, session_at, sockets_to, spin, until

MOST = 400
"""More awaits than any call here has."""


@attrs.define
class Scene:
    """One way for a call to wait.

    Attributes:
        steps: what the vendor does.
        profile: what differs from the preset.
        warm: whether a call has gone before, so that a connection is kept.
        write: whether the call is a WRITE.
        held: whether another call holds the only slot, until it is let go while the call waits.
        paused: whether the session is in a pause.
    """

    steps: tuple[Any, ...] = ()
    profile: dict[str, Any] = attrs.field(factory=dict)
    warm: bool = False
    write: bool = True
    held: bool = False
    paused: bool = False


SCENES = {
    "a write that connects": Scene(),
    "a write on a kept connection": Scene(warm=True),
    "a read that connects": Scene(write=False),
    "a slow body": Scene(("slow_body",)),
    "a large body": Scene(("huge_body",), {"max_reply_bytes": 100_000}),
    "waiting for a slot": Scene(profile={"limits": Limits(concurrency=1)}, held=True),
    "waiting for a token": Scene(profile={"limits": Limits(rate=0.1, max_wait=100)}, warm=True),
    "waiting in a pause": Scene(paused=True),
    "waiting for a repeat": Scene((502, 502), {"retry": RetryPolicy(base=5)}, write=False),
    "waiting after a 429": Scene(({"status": 429, "headers": {"Retry-After": "9"}},)),
    "refused": Scene(("refuse",)),
    "broken": Scene(("drop_after",)),
}


@pytest.fixture
async def vendor() -> AsyncIterator[FakeVendor]:
    async with FakeVendor(slow=0.001, huge=200_000) as vendor:
        yield vendor


@attrs.define
class Stage:
    """A session that is set up for a scene, and what happened on it."""

    vendor: FakeVendor
    scene: Scene
    session: PandaPonSession
    doubts: list[Any]
    before: list[int] = attrs.field(factory=list)
    holder: asyncio.Task[Any] | None = None

    async def prepare(self) -> None:
        if self.scene.warm:
            await self.session.call(estimate())
        if self.scene.paused:
            self.session._client.state.limiter.pause.extend(20)
        if self.scene.held:
            held = asyncio.Event()

            async def hold() -> None:
                held.set()
                await spin(3)
                raise InterruptedError

            call = client_of(self.session).prepare(estimate())
            holder = client_of(self.session).run(call, wait_forever=True, before_send=hold)
            self.holder = asyncio.create_task(error_of(holder))
            await held.wait()
        self.vendor.script(*self.scene.steps)

    async def run(self) -> Reply[Any]:
        async def before_send() -> None:
            await asyncio.sleep(0)
            self.before.append(1)

        request = booking() if self.scene.write else estimate()
        return await client_of(self.session).run(
            client_of(self.session).prepare(request), wait_forever=False, before_send=before_send
        )

    def run_out(self) -> None:
        """Let the deadline of the attempts that are under way have passed."""
        way = self.session._client.state.transport.way
        if way is None:
            return
        assert isinstance(way, DirectTransport)
        for deadline in way._deadlines._under_way:
            deadline._at = 0
            deadline._looks = 100
        way._deadlines._look()

    def has_connection(self) -> bool:
        """Whether the call has, or had, a connection."""
        connector: Any = self.session._client.state.transport._connector
        if connector is None:
            return False
        used = any(not isinstance(held, _TransportPlaceholder) for held in connector._acquired)
        return used or bool(connector._conns)

    async def check_nothing_leaked(self, tasks: set[asyncio.Task[Any]]) -> None:
        if self.holder is not None:
            await self.holder
        limiter = self.session._client.state.limiter
        assert limiter.free == self.session.profile.limits.concurrency
        connector: Any = self.session._client.state.transport._connector
        if connector is not None:
            way: Any = self.session._client.state.transport.way
            await until(lambda: len(connector._acquired) == len(way._connections._idle))
        await self.session.close()
        port = int(self.vendor.url.rpartition(":")[2])
        await until(lambda: sockets_to(port) == 0)
        await until(lambda: not (others() - tasks))


def others() -> set[asyncio.Task[Any]]:
    """The tasks that are not the vendor's, nor this one."""
    return {
        task
        for task in asyncio.all_tasks()
        if task is not asyncio.current_task() and "RequestHandler" not in repr(task.get_coro())
    }


async def staged(vendor: FakeVendor, scene: Scene) -> Stage:
    vendor.ledger.clear()
    doubts: list[Any] = []
    session = PandaPonSession(
        vendor.profile("pandapon", **scene.profile),
        clock=VirtualClock(time.time()),
        on_in_doubt=lambda reference, operation: doubts.append((reference, operation.name)),
    )
    stage = Stage(vendor, scene, session, doubts)
    await stage.prepare()
    return stage


def drop_script(vendor: FakeVendor) -> None:
    vendor._handler.script.clear()


@pytest.mark.parametrize("late", [False, True], ids=["while waiting", "as it wakes"])
@pytest.mark.parametrize("scene", [pytest.param(scene, id=name) for name, scene in SCENES.items()])
async def test_cancelled_at_every_await(vendor: FakeVendor, scene: Scene, late: bool) -> None:
    stopped = 0
    for at in range(MOST):
        drop_script(vendor)
        tasks = others()
        stage = await staged(vendor, scene)
        connected: list[bool] = []
        acted, result = await asyncio.create_task(_cancelled_at(stage, at, connected, late=late))
        await stage.check_nothing_leaked(tasks)
        in_doubt = bool(stage.doubts)
        assert len(stage.doubts) <= 1
        booked = vendor.ledger.bookings.get("R1", 0)
        if not acted:
            break
        stopped += 1
        if isinstance(result, asyncio.CancelledError):
            # Whatever the vendor may have seen is in doubt, and nothing else is.
            assert in_doubt or vendor.ledger.seen[BOOK] == _harmless(stage)
            assert in_doubt or not booked
            if not (stage.before and scene.write and connected == [True]):
                assert not in_doubt
        elif isinstance(result, Reply):
            assert not in_doubt
    else:
        pytest.fail("the call has more awaits than expected")
    assert stopped >= 2


def _harmless(stage: Stage) -> int:
    """How many of the requests that the vendor saw were refused for certain, by their answers."""
    return sum(1 for record in stage.vendor.ledger.requests if record.operation == BOOK and record.status in (429,))


async def _cancelled_at(stage: Stage, at: int, connected: list[bool], *, late: bool) -> tuple[bool, Any]:
    task = asyncio.current_task()
    assert task is not None

    def cancel() -> None:
        connected.append(stage.has_connection())
        task.cancel()

    stop = StopAt(stage.run(), at, cancel, late=late)
    result: Any = None
    try:
        result = await stop
    except (Exception, asyncio.CancelledError) as error:
        result = error
    return stop.acted, result


@pytest.mark.parametrize("scene", [pytest.param(scene, id=name) for name, scene in SCENES.items()])
async def test_out_of_time_at_every_await(vendor: FakeVendor, scene: Scene) -> None:
    ran_out = 0
    for at in range(MOST):
        drop_script(vendor)
        tasks = others()
        stage = await staged(vendor, scene)
        stop = StopAt(stage.run(), at, stage.run_out)
        result: Any = None
        try:
            result = await stop
        except Exception as error:
            result = error
        await stage.check_nothing_leaked(tasks)
        booked = vendor.ledger.bookings.get("R1", 0)
        if not stop.acted:
            break
        if isinstance(result, DeadlineExceededError):
            ran_out += 1
            assert booked == 0
            assert vendor.ledger.seen[BOOK] == _harmless(stage)
            assert stage.doubts == []
        elif isinstance(result, OutcomeUnknownError):
            ran_out += 1
            assert scene.write
            assert len(stage.doubts) == 1
        else:
            assert stage.doubts == []
    else:
        pytest.fail("the call has more awaits than expected")
    assert ran_out >= 1


# --- what a byte that may have left means -------------------------------------------------------------------------------


async def cancelled(task: asyncio.Task[Any]) -> None:
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


async def test_cancelled_after_it_was_sent_it_is_in_doubt(vendor: FakeVendor) -> None:
    doubts: list[Any] = []
    async with session_at(vendor.profile("pandapon"), on_in_doubt=lambda *told: doubts.append(told)) as session:
        vendor.script("stall")
        task = asyncio.create_task(session.call(("mine", booking())))
        await until(lambda: vendor.ledger.seen[BOOK])
        await cancelled(task)
        assert [(reference, operation.name) for reference, operation in doubts] == [("mine", "logistics.book_freight")]
        assert session._client.state.limiter.free == 64


async def test_a_read_is_never_in_doubt(vendor: FakeVendor) -> None:
    doubts: list[Any] = []
    async with session_at(vendor.profile("pandapon"), on_in_doubt=lambda *told: doubts.append(told)) as session:
        vendor.script("stall")
        task = asyncio.create_task(session.call(estimate()))
        await until(lambda: vendor.ledger.requests)
        await cancelled(task)
        assert doubts == []


async def test_cancelled_while_it_waits_for_a_repeat_it_is_not_in_doubt(vendor: FakeVendor) -> None:
    doubts: list[Any] = []
    clock = VirtualClock(time.time(), auto=False)
    async with session_at(
        vendor.profile("pandapon"), clock=clock, on_in_doubt=lambda *told: doubts.append(told)
    ) as session:
        vendor.script({"status": 429, "headers": {"Retry-After": "9"}})
        task = asyncio.create_task(session.call(booking()))
        await until(lambda: clock.slept)
        await cancelled(task)
        assert doubts == []
        assert session._client.state.limiter.free == 64


@pytest.fixture
async def deaf_port() -> AsyncIterator[int]:
    """A server that accepts connections and never reads from them."""

    async def never_read(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writers.append(writer)

    writers: list[asyncio.StreamWriter] = []
    server = await asyncio.start_server(never_read, "127.0.0.1", 0, limit=1)
    yield server.sockets[0].getsockname()[1]
    for writer in writers:
        writer.transport.abort()
    server.close()
    await server.wait_closed()


async def test_cancelled_while_it_is_being_sent_it_is_in_doubt(deaf_port: int) -> None:
    doubts: list[Any] = []
    async with session_at(local_profile(deaf_port), on_in_doubt=lambda *told: doubts.append(told)) as session:
        call = client_of(session).prepare(booking(remark="x" * 20_000_000))
        task = asyncio.create_task(client_of(session).run(call, wait_forever=False))
        await until(lambda: call.written)
        await spin()
        assert doubts == []
        await cancelled(task)
        assert len(doubts) == 1


async def test_cancelled_while_it_is_being_sent_it_leaves_no_socket(deaf_port: int) -> None:
    async with session_at(local_profile(deaf_port)) as session:
        call = client_of(session).prepare(booking(remark="x" * 20_000_000))
        task = asyncio.create_task(client_of(session).run(call, wait_forever=False))
        await until(lambda: call.written)
        await spin()
        await cancelled(task)
    await until(lambda: sockets_to(deaf_port) == 0, tries=100)


async def test_out_of_time_while_it_is_being_sent_it_is_in_doubt(deaf_port: int) -> None:
    async with session_at(local_profile(deaf_port, timeouts=Timeouts(total=0.5))) as session:
        error = await error_of(session.call(booking(remark="x" * 20_000_000)))
        assert isinstance(error, OutcomeUnknownError)


async def test_a_large_read_that_is_cut_off_while_it_is_being_sent(deaf_port: int) -> None:
    profile = local_profile(deaf_port, timeouts=Timeouts(total=0.2, read=0.05))
    async with session_at(profile) as session:
        error = await error_of(session.call(estimate(extra={"note": "x" * 20_000_000})))
        assert isinstance(error, DeadlineExceededError)


@pytest.fixture
def full_port() -> Iterator[int]:
    """A port whose queue of connections is full, so that another one is never made."""
    with socket.socket() as full, socket.socket() as waiting, socket.socket() as more:
        full.bind(("127.0.0.1", 0))
        full.listen(0)
        for client in (waiting, more):
            client.setblocking(False)
            client.connect_ex(full.getsockname())
        yield full.getsockname()[1]


async def test_cancelled_while_it_connects_it_is_not_in_doubt(full_port: int) -> None:
    doubts: list[Any] = []
    async with session_at(local_profile(full_port), on_in_doubt=lambda *told: doubts.append(told)) as session:
        before = sockets_to(full_port)
        task = asyncio.create_task(session.call(booking()))
        await until(lambda: sockets_to(full_port) > before)
        await cancelled(task)
        assert doubts == []
        await until(lambda: sockets_to(full_port) == before)


async def test_a_write_by_get_that_never_connected_is_not_in_doubt(full_port: int) -> None:
    async with session_at(local_profile(full_port, timeouts=Timeouts(total=0.05))) as session:
        error = await error_of(session.call_raw("GET", "/x", effect=Effect.WRITE))
        assert isinstance(error, DeadlineExceededError)


async def test_a_waiter_that_is_cancelled_leaves_its_place_to_the_next(vendor: FakeVendor) -> None:
    async with session_at(vendor.profile("pandapon", limits=Limits(concurrency=1))) as session:
        vendor.script("stall")
        first = asyncio.create_task(session.call(estimate()))
        await until(lambda: vendor.ledger.requests)
        second = asyncio.create_task(session.call(booking("B")))
        third = asyncio.create_task(session.call(booking("C")))
        await until(lambda: len(session._client.state.limiter.semaphore.waiters) == 2)
        await cancelled(second)
        await cancelled(first)
        await third
    assert vendor.ledger.bookings == {"C": 1}


async def test_a_wait_for_a_slot_that_ran_out_leaves_no_task(vendor: FakeVendor) -> None:
    clock = VirtualClock(time.time(), auto=False)
    async with session_at(vendor.profile("pandapon", limits=Limits(concurrency=1, max_wait=1)), clock=clock) as session:
        vendor.script("stall")
        first = asyncio.create_task(session.call(estimate()))
        await until(lambda: vendor.ledger.requests)
        before = others()
        second = asyncio.create_task(session.call(booking("B")))
        await until(lambda: clock.slept)
        clock.advance(1)
        assert isinstance(await error_of(second), LimitExceededError)
        await spin()
        assert others() == before
        await cancelled(first)
        assert session._client.state.limiter.free == 1


async def test_real_deadlines_of_every_length_lose_nothing(vendor: FakeVendor) -> None:
    for number in range(60):
        reference = f"R{number}"
        profile = vendor.profile("pandapon", timeouts=Timeouts(total=0.0001 * (number + 1)))
        async with session_at(profile) as session:
            error = await error_of(session.call(booking(reference)))
            assert session._client.state.limiter.free == 64
        await spin()
        booked = vendor.ledger.bookings.get(reference, 0)
        assert error is None or isinstance(error, (DeadlineExceededError, OutcomeUnknownError))
        if error is None:
            assert booked == 1
        elif isinstance(error, DeadlineExceededError):
            assert booked == 0


async def test_a_cancelled_call_does_not_harm_the_next_one_on_its_connection(
    vendor: FakeVendor, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A is cancelled when its whole reply has come and B has just been given A's connection."""
    gate = asyncio.get_running_loop().create_future()
    receive = ResponseHandler.data_received
    waiting: list[asyncio.Task[Any]] = []

    def received(self: ResponseHandler, data: bytes) -> None:
        last = bool(waiting) and data.endswith(b"}}") and not data.startswith(b"HTTP/") and not gate.done()
        if last:
            gate.set_result(None)  # B wakes before A
        receive(self, data)
        if last:
            waiting[0].cancel()

    async def wait_for_the_gate() -> None:
        await gate

    monkeypatch.setattr(
        ResponseHandler, "data_received", received
    )  # before there is a connection: uvloop looks it up once
    async with session_at(vendor.profile("pandapon")) as session:
        await session.call(estimate())
        second = client_of(session).run(
            client_of(session).prepare(booking("B")), wait_forever=True, before_send=wait_for_the_gate
        )
        b = asyncio.create_task(second)
        await spin()
        vendor.script("slow_body")
        waiting.append(asyncio.create_task(session.call(booking("A"))))
        a_ended, b_ended = await asyncio.gather(*waiting, b, return_exceptions=True)
        assert isinstance(a_ended, asyncio.CancelledError)
        assert isinstance(b_ended, Reply), repr(b_ended)
    assert vendor.ledger.bookings == {"A": 1, "B": 1}


async def test_cancelling_many_at_once_leaves_nothing(vendor: FakeVendor) -> None:
    doubts: list[str] = []
    vendor.faults = attrs.evolve(vendor.faults, latency=0.005)
    async with session_at(
        vendor.profile("pandapon", limits=Limits(concurrency=8)), on_in_doubt=lambda name, _: doubts.append(name)
    ) as session:
        tasks = {f"R{number}": asyncio.create_task(session.call(booking(f"R{number}"))) for number in range(60)}
        await until(lambda: vendor.ledger.seen[BOOK] >= 20)
        for task in tasks.values():
            task.cancel()
        results = await asyncio.gather(*tasks.values(), return_exceptions=True)
        assert session._client.state.limiter.free == 8
    ended = dict(zip(tasks, results, strict=True))
    for reference in vendor.ledger.bookings:
        assert isinstance(ended[reference], Reply) or reference in doubts
    assert len(set(doubts)) == len(doubts) <= 8
