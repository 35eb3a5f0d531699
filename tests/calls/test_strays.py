"""Replies that nobody asked for: nobody is told done with another booking's order id."""

from __future__ import annotations

import asyncio
import socket
import threading
import time
from typing import Any

import pytest
from hypothesis import given, settings, strategies as st

from pandapon_async import Effect, Limits, NotSentError, OutcomeUnknownError, PandaPonSession, Timeouts
from pandapon_async._config.signing import documented_signer
from pandapon_async.api.logistics import FreightBookingRequest
from tests.calls.raw_peer import STRAYS, RawPeer, Turn, order_of, reply, stray
from tests.support import AT_ONCE, RawServer, booking, error_of, http_reply, local_profile, says, session_at, yes

QUICK = Timeouts(read=0.3, total=2)


async def told(session: PandaPonSession, reference: str) -> str | None:
    """The order id that a booking's caller is told; None: none."""
    try:
        return (await session.logistics.book_freight(booking(reference))).order_id
    except OutcomeUnknownError:
        return None


def nothing_more(_: int) -> Turn:
    return Turn()


def only(number: int, turn: Turn) -> Any:
    """Turns in which only one request is answered oddly."""
    return lambda count: turn if count == number else Turn()


@pytest.mark.parametrize("kind", STRAYS)
async def test_what_comes_with_a_reply_is_never_the_next_ones(kind: str) -> None:
    async with RawPeer(only(0, Turn(behind=kind))) as peer, session_at(local_profile(peer.port)) as session:
        assert [await told(session, name) for name in "AB"] == [order_of("A"), order_of("B")]
        assert peer.read == ["A", "B"]
        assert peer.connections == 2


@pytest.mark.parametrize("kind", STRAYS)
async def test_what_comes_while_a_connection_is_idle_is_never_the_next_ones(kind: str) -> None:
    async with RawPeer(only(0, Turn(later=kind))) as peer, session_at(local_profile(peer.port)) as session:
        assert await told(session, "A") == order_of("A")
        await peer.said.wait()
        await asyncio.sleep(0.01)
        assert await told(session, "B") == order_of("B")
        assert peer.connections == 2


@pytest.mark.parametrize("kind", STRAYS)
def test_what_comes_while_the_loop_is_held_up_is_never_the_next_ones(kind: str) -> None:
    said, held = threading.Event(), threading.Event()

    def serve(listener: socket.socket) -> None:
        with listener.accept()[0] as one:
            one.recv(65_536)
            one.sendall(reply("A"))
            held.wait(10)
            one.sendall(stray(kind, reply("A")))
            said.set()
            with listener.accept()[0] as other:
                other.recv(65_536)
                other.sendall(reply("B"))

    def slow(*arguments: Any) -> Any:
        if first:  # signing is anybody's code: while it blocks, the loop reads nothing
            held.set()
            assert said.wait(10)
            time.sleep(0.01)
        return documented_signer(*arguments)

    first: list[str | None] = []

    async def life(port: int) -> None:
        async with session_at(local_profile(port, signer=slow)) as session:
            first.append(await told(session, "A"))
            assert first == [order_of("A")]
            assert await told(session, "B") == order_of("B")

    with socket.create_server(("127.0.0.1", 0)) as listener:
        server = threading.Thread(target=serve, args=[listener])
        server.start()
        try:
            asyncio.run(life(listener.getsockname()[1]))
        finally:
            held.set()
            server.join(10)


@pytest.mark.parametrize("kind", STRAYS)
async def test_what_comes_before_the_first_request_is_never_its_answer(kind: str) -> None:
    async with RawPeer(nothing_more, greets=kind) as peer:
        profile = local_profile(peer.port, retry=AT_ONCE, timeouts=QUICK)
        async with session_at(profile) as session:
            error = await error_of(session.logistics.book_freight(booking("A")))
            # Over loopback the greeting may come before the first byte, or just after it.
            assert isinstance(error, (NotSentError, OutcomeUnknownError)) or peer.read == ["A"]


@pytest.mark.parametrize("after", [1, 5, 30])
@pytest.mark.parametrize("kind", STRAYS)
async def test_what_comes_after_the_next_request_has_begun_is_not_believed(kind: str, after: float) -> None:
    async with (
        RawPeer(only(1, Turn(first=kind, after=after, closes=True))) as peer,
        session_at(local_profile(peer.port, timeouts=QUICK)) as session,
    ):
        assert await told(session, "A") == order_of("A")
        assert await told(session, "B") in (None, order_of("B"))
        assert await told(session, "C") == order_of("C")
        assert peer.read == ["A", "B", "C"]
        assert peer.connections == 2


async def test_a_reply_that_repeats_an_order_id_names_the_booking_that_had_it() -> None:
    async with RawPeer(only(1, Turn(first="whole"))) as peer, session_at(local_profile(peer.port)) as session:
        await told(session, "A")
        error = await error_of(session.logistics.book_freight(booking("B")))
        assert isinstance(error, OutcomeUnknownError)
        assert "order of A" in str(error)
        assert "told A before" in str(error)
        assert error.reference == "B"


async def test_the_same_booking_may_be_told_its_order_id_again() -> None:
    async with RawPeer(nothing_more) as peer, session_at(local_profile(peer.port)) as session:
        assert [await told(session, "A") for _ in range(3)] == [order_of("A")] * 3
        assert peer.connections == 1


@pytest.mark.parametrize("again", ["21", " 21 ", 21, 21.0])
async def test_an_order_id_is_the_same_in_whatever_way_it_is_written(again: Any) -> None:
    async with (
        RawServer(says(http_reply(200, yes({"orderId": 21})), http_reply(200, yes({"orderId": again})))) as server,
        session_at(local_profile(server.port)) as session,
    ):
        assert await told(session, "A") == "21"
        assert await told(session, "B") is None


@pytest.mark.parametrize("nothing", [None, "", " ", 0, "0", "null", "N/A"])
async def test_a_reply_that_names_no_order_id_repeats_none(nothing: Any) -> None:
    async with (
        RawServer(says(http_reply(200, yes({"orderId": nothing})))) as server,
        session_at(local_profile(server.port)) as session,
    ):
        for reference in "AB":
            await session.logistics.book_freight(booking(reference))


async def test_a_booking_without_a_reference_is_not_taken_for_another_since_its_reply_is_looked_at_twice() -> None:
    odd = yes({"orderId": "21", "orderFee": {"amount": "1,234.50", "currency": "USD"}})
    async with (
        RawServer(says(http_reply(200, odd))) as server,
        session_at(local_profile(server.port)) as session,
    ):
        made = await session.logistics.book_freight(FreightBookingRequest())
        assert (made.order_id, made.order_fee) == ("21", None)


async def test_an_order_id_that_the_request_named_itself_is_no_news() -> None:
    async with (
        RawServer(says(http_reply(200, yes({"orderId": 77})))) as server,
        session_at(local_profile(server.port)) as session,
    ):
        for _ in range(2):
            await session.call_raw("POST", "/cancel", {"orderId": "77"}, effect=Effect.WRITE)
        await session.call_raw("POST", "/book", {"item": "177"}, effect=Effect.WRITE, reference="A")
        again = session.call_raw("POST", "/book", {"item": "177"}, effect=Effect.WRITE, reference="B")
        assert isinstance(await error_of(again), OutcomeUnknownError)


async def test_an_order_id_is_remembered_for_sixteen_bookings() -> None:
    async with RawPeer(only(16, Turn(first="whole"))) as peer, session_at(local_profile(peer.port)) as session:
        for number in range(16):
            assert await told(session, f"R{number}") == order_of(f"R{number}")
        assert await told(session, "last") is None


@pytest.mark.parametrize("kind", STRAYS)
async def test_a_stream_tells_nobody_anothers_order_id(kind: str) -> None:
    def turns(count: int) -> Turn:
        return Turn(**{("first", "behind", "later")[count % 3]: kind}) if count % 2 else Turn()

    async with RawPeer(turns) as peer:
        profile = local_profile(peer.port, limits=Limits(concurrency=4), timeouts=QUICK)
        async with session_at(profile) as session, session.stream([booking(f"R{n}") for n in range(40)]) as outcomes:
            async for outcome in outcomes:
                assert outcome.reference is not None
                if outcome.ok:
                    assert outcome.data is not None
                    assert outcome.data.order_id == order_of(outcome.reference)
                else:
                    assert outcome.in_doubt
        assert sorted(peer.read) == sorted(f"R{n}" for n in range(40))


@pytest.mark.parametrize("first", STRAYS)
async def test_after_a_reply_that_is_not_believed_the_connection_is_spent(first: str) -> None:
    """Half a head and a stray reply behind it read like one whole reply; the true one comes next."""

    def turns(count: int) -> Turn:
        return Turn(later="half a head") if count == 0 else Turn(first=first) if count == 1 else Turn()

    async with RawPeer(turns) as peer, session_at(local_profile(peer.port, timeouts=QUICK)) as session:
        for reference in ("R0", "R1", "R2", "R3"):
            assert await told(session, reference) in (None, order_of(reference))
        assert sorted(peer.read) == ["R0", "R1", "R2", "R3"]


kinds = st.none() | st.sampled_from(STRAYS)
turns_ = st.builds(
    Turn,
    first=kinds,
    behind=kinds,
    later=kinds,
    after=st.sampled_from([0.0, 1.0, 3.0]),
    closes=st.booleans(),
)


@given(turns=st.lists(turns_, min_size=1, max_size=8), pauses=st.lists(st.sampled_from([0, 0, 2, 5]), max_size=8))
@settings(max_examples=60)
def test_whatever_a_peer_says_nobody_is_told_anothers_order_id(turns: list[Turn], pauses: list[int]) -> None:
    async def life() -> None:
        async with RawPeer(lambda count: turns[count] if count < len(turns) else Turn()) as peer:
            profile = local_profile(peer.port, timeouts=Timeouts(read=0.05, total=0.2))
            async with session_at(profile) as session:
                for number in range(len(turns) + 1):
                    order_id = await told(session, f"R{number}")
                    if order_id is not None:
                        assert order_id == order_of(f"R{number}")
                        assert f"R{number}" in peer.read
                    await asyncio.sleep((pauses[number] if number < len(pauses) else 0) / 1000)

    asyncio.run(life())


@pytest.mark.parametrize("kind", STRAYS)
def test_strays_under_uvloop(kind: str) -> None:
    uvloop = pytest.importorskip("uvloop")

    async def life() -> None:
        await test_what_comes_with_a_reply_is_never_the_next_ones(kind)
        await test_what_comes_while_a_connection_is_idle_is_never_the_next_ones(kind)
        await test_what_comes_after_the_next_request_has_begun_is_not_believed(kind, 1)

    loop = uvloop.new_event_loop()
    try:
        loop.run_until_complete(life())
    finally:
        loop.close()
