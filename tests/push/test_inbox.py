"""Handling once and answering in time, without a socket and in virtual time."""

from __future__ import annotations

import asyncio
import logging
import tracemalloc
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest

from pandapon_async import PANDAPON, ConfigError, DecodeError, Message, MessageRejectedError
from pandapon_async.push import Inbox
from pandapon_async.push.inbox import REMEMBERED_FOR
from pandapon_async.testing import SignedMessage, VirtualClock
from tests.support import spin

from .support import Post, order_of


class Desk:
    """A handler that waits until it is told to end, and an inbox before it."""

    def __init__(self, **options: Any) -> None:
        self.clock = VirtualClock(auto=False)
        self.post = Post()
        self.started: list[str] = []
        self.handled: list[str] = []
        self.doors: dict[str, asyncio.Event] = {}
        self.crashing: set[str] = set()
        self.errors: list[tuple[Exception, Message | None]] = []
        self.inbox = Inbox(
            self.post.profile,
            self.handle,
            clock=self.clock,
            on_error=lambda error, message: self.errors.append((error, message)),
            **options,
        )

    async def handle(self, message: Message) -> None:
        order = order_of(message)
        self.started.append(order)
        if order in self.doors:
            await self.doors[order].wait()
        if order in self.crashing:
            raise KeyError("Jane Example, 1 Example Street")
        self.handled.append(order)

    def hold(self, *orders: str) -> None:
        self.doors.update({order: asyncio.Event() for order in orders})

    async def post_it(self, order: object, **options: Any) -> int:
        return await self.post_signed(self.post.message(order, **options))

    async def post_signed(self, message: SignedMessage) -> int:
        return (await self.inbox.receive(message.headers, message.content)).status

    async def posting(self, order: object) -> asyncio.Task[int]:
        task = asyncio.ensure_future(self.post_it(order))
        await spin()
        return task


@pytest.fixture
async def desk_of() -> AsyncIterator[Callable[..., Desk]]:
    made: list[Desk] = []

    def make(**options: Any) -> Desk:
        made.append(Desk(**options))
        return made[-1]

    yield make
    for desk in made:
        for door in desk.doors.values():
            door.set()
        await desk.inbox.join()
    assert asyncio.all_tasks() == {asyncio.current_task()}


@pytest.fixture
def desk(desk_of: Callable[..., Desk]) -> Desk:
    return desk_of()


# --- handled, then acknowledged ----------------------------------------------------------------------------------------


async def test_a_message_is_acknowledged_when_it_is_handled_and_not_before(desk: Desk):
    desk.hold("1")
    answer = await desk.posting("1")
    desk.clock.advance(0.89)
    await spin()
    assert (answer.done(), desk.started) == (False, ["1"])
    desk.doors["1"].set()
    assert await answer == 200
    assert desk.handled == ["1"]


async def test_a_plain_function_may_handle_it():
    post, found = Post(), list[str]()
    inbox = Inbox(post.profile, lambda message: found.append(order_of(message)))
    message = post.message(1)
    assert (await inbox.receive(message.headers, message.content)).status == 200
    assert found == ["1"]
    await inbox.join()


async def test_what_was_handled_is_acknowledged_and_not_handled_again(desk: Desk):
    assert [await desk.post_it(1) for _ in range(3)] == [200] * 3
    assert desk.handled == ["1"]


async def test_one_that_comes_twice_at_a_time_is_handled_once_and_acknowledged_after_it(desk: Desk):
    desk.hold("1")
    answers = [await desk.posting("1") for _ in range(3)]
    assert not any(answer.done() for answer in answers)
    desk.doors["1"].set()
    assert await asyncio.gather(*answers) == [200] * 3
    assert desk.started == ["1"]


async def test_the_same_order_in_another_message_is_handled_too(desk: Desk):
    message = desk.post.vendor.sign_message("pandapon", "ORDER_CREATE", {"orderId": "1"}, timestamp=2)
    assert [await desk.post_it(1), await desk.post_signed(message)] == [200, 200]
    assert desk.handled == ["1", "1"]


@pytest.mark.parametrize("body", [b"", "reader"])
async def test_an_empty_body_is_the_consoles_check(desk: Desk, body: Any):
    async def read() -> bytes:
        return b""

    answer = await desk.inbox.receive({}, read if body else body)
    assert (answer.status, desk.started, desk.errors) == (200, [], [])


# --- late, too many ----------------------------------------------------------------------------------------------------


async def test_a_handler_that_takes_too_long_goes_on_and_the_next_try_finds_it_handled(desk: Desk):
    desk.hold("1")
    answer = await desk.posting("1")
    desk.clock.advance(0.9)
    assert await answer == 503
    again = await desk.posting("1")
    desk.clock.advance(0.9)
    assert await again == 503
    desk.doors["1"].set()
    await spin()
    assert await desk.post_it(1) == 200
    assert desk.started == desk.handled == ["1"]


async def test_one_that_comes_while_it_is_handled_has_its_own_900_ms(desk: Desk):
    desk.hold("1")
    first = await desk.posting("1")
    desk.clock.advance(0.5)
    second = await desk.posting("1")
    desk.clock.advance(0.5)
    assert await first == 503
    await spin()
    assert not second.done()
    desk.doors["1"].set()
    assert await second == 200


async def test_what_is_done_when_the_time_is_over_is_not_acknowledged(desk: Desk):
    """Something held the loop up: both happen in one turn of it."""
    desk.hold("1")
    answer = await desk.posting("1")
    desk.doors["1"].set()
    desk.clock.advance(0.95)
    assert await answer == 503
    assert await desk.post_it(1) == 200
    assert desk.handled == ["1"]


class HeldUp(VirtualClock):
    """A clock that goes on while the loop stands still: nobody who sleeps on it is woken."""

    ahead = 0.0

    def monotonic(self) -> float:
        return super().monotonic() + self.ahead


async def test_a_handler_that_blocks_the_loop_for_too_long_is_not_acknowledged():
    clock, post = HeldUp(auto=False), Post()

    def handler(message: Message) -> None:
        clock.ahead += 1.0

    inbox, message = Inbox(post.profile, handler, clock=clock), post.message(1)
    assert (await inbox.receive(message.headers, message.content)).status == 503
    assert (await inbox.receive(message.headers, message.content)).status == 200
    assert clock.ahead == 1.0
    await inbox.join()


async def test_a_hundred_deadlines_that_are_not_needed_any_more_take_one_timer(desk: Desk):
    for order in range(100):
        await desk.post_it(order)
        desk.clock.advance(0.001)
    desk.clock.advance(0.8)
    for _ in range(100):
        await spin(3)
        desk.clock.advance(0.001)
    assert len(desk.clock.slept) == 1


async def test_more_than_the_queue_holds_is_answered_503(desk_of: Callable[..., Desk]):
    desk = desk_of(queue=3, concurrency=2)
    desk.hold("1", "2", "3")
    answers = [await desk.posting(order) for order in (1, 2, 3)]
    assert (desk.started, desk.inbox.in_hand) == (["1", "2"], 3)
    assert await desk.post_it(4) == 503
    answers.append(await desk.posting(2))  # one in hand takes no other place
    assert desk.inbox.in_hand == 3
    for door in desk.doors.values():
        door.set()
    assert await asyncio.gather(*answers) == [200] * 4
    assert await desk.post_it(4) == 200
    assert sorted(desk.handled) == ["1", "2", "3", "4"]
    assert desk.inbox.in_hand == 0


async def test_a_full_queue_is_logged_once(desk_of: Callable[..., Desk], caplog: pytest.LogCaptureFixture):
    desk = desk_of(queue=1)
    for _ in range(2):
        desk.hold("1")
        answer = await desk.posting("1")
        assert [await desk.post_it(2), await desk.post_it(3)] == [503, 503]
        desk.crashing.add("1")
        desk.doors["1"].set()
        await answer
    assert caplog.text.count("1 messages are in hand, more are answered 503") == 2


async def test_what_waits_is_handled_in_the_order_it_came(desk_of: Callable[..., Desk]):
    desk = desk_of(concurrency=1)
    answers = [await desk.posting(order) for order in range(10)]
    await asyncio.gather(*answers)
    assert desk.handled == [str(order) for order in range(10)]


async def test_a_body_that_takes_too_long_to_come_is_not_waited_for(desk: Desk):
    cancelled: list[bool] = []

    async def read() -> bytes:
        try:
            await asyncio.Event().wait()
        finally:
            cancelled.append(True)
        return b""

    answer = asyncio.ensure_future(desk.inbox.receive({}, read))
    await spin()
    desk.clock.advance(0.9)
    assert (await answer).status == 503
    assert cancelled == [True]


async def test_reading_the_body_counts(desk: Desk):
    desk.hold("1")
    message, there = desk.post.message(1), asyncio.Event()

    async def read() -> bytes:
        await there.wait()
        return message.content

    slow = asyncio.ensure_future(desk.inbox.receive(message.headers, read))
    await spin()
    desk.clock.advance(0.5)
    other = await desk.posting(2)
    there.set()
    await spin()
    assert (await other, desk.started) == (200, ["2", "1"])
    desk.clock.advance(0.4)
    assert (await slow).status == 503


# --- crashes -----------------------------------------------------------------------------------------------------------


async def test_a_crash_is_not_acknowledged_and_the_next_try_is_handled(desk: Desk):
    desk.crashing.add("1")
    assert await desk.post_it(1) == 500
    desk.crashing.clear()
    assert await desk.post_it(1) == 200
    assert (desk.started, desk.handled) == (["1", "1"], ["1"])


async def test_all_who_wait_for_a_message_learn_of_its_crash(desk: Desk):
    desk.crashing.add("1")
    desk.hold("1")
    answers = [await desk.posting("1") for _ in range(3)]
    desk.doors["1"].set()
    assert await asyncio.gather(*answers) == [500] * 3
    assert desk.started == ["1"]


async def test_a_crash_is_logged_without_its_text(desk: Desk, caplog: pytest.LogCaptureFixture):
    desk.crashing.add("1")
    await desk.post_it(1)
    ((error, message),) = desk.errors
    assert isinstance(error, KeyError)
    assert message is not None
    assert order_of(message) == "1"
    (record,) = caplog.records
    assert "raised KeyError at test_inbox.py:" in record.getMessage()
    assert message.digest[:12] in record.getMessage()
    assert "Jane" not in caplog.text
    assert record.exc_info is None


async def test_an_on_error_that_fails_changes_nothing(caplog: pytest.LogCaptureFixture):
    def on_error(error: Exception, message: Message | None) -> None:
        raise ValueError("Jane Example")

    post = Post()
    inbox = Inbox(post.profile, lambda message: 1 / 0, on_error=on_error)
    message = post.message(1)
    assert (await inbox.receive(message.headers, message.content)).status == 500
    assert (await inbox.receive({}, message.content)).status == 401
    assert "Jane" not in caplog.text
    await inbox.join()


async def test_a_handler_that_cancels_itself_has_not_handled_it(desk_of: Callable[..., Desk]):
    post = Post()

    async def handler(message: Message) -> None:
        raise asyncio.CancelledError

    inbox = Inbox(post.profile, handler)
    message = post.message(1)
    assert (await inbox.receive(message.headers, message.content)).status == 500
    assert inbox.in_hand == 0
    await inbox.join()


async def test_a_request_that_is_cancelled_takes_no_handler_along(desk: Desk):
    desk.hold("1")
    answer = await desk.posting("1")
    answer.cancel()
    await asyncio.gather(answer, return_exceptions=True)
    desk.doors["1"].set()
    await spin()
    assert desk.handled == ["1"]
    assert await desk.post_it(1) == 200
    assert desk.started == ["1"]


# --- rejected ----------------------------------------------------------------------------------------------------------


async def test_what_is_not_signed_is_rejected_and_logged(desk: Desk, caplog: pytest.LogCaptureFixture):
    assert await desk.post_it(1, secret="another") == 401
    assert desk.started == []
    ((error, message),) = desk.errors
    assert isinstance(error, MessageRejectedError)
    assert message is None
    assert "signature doesn't match" in caplog.text


async def test_a_malformed_message_is_400(desk: Desk):
    signed = desk.post.vendor.sign_message("pandapon", "", {})
    assert await desk.post_signed(signed) == 400
    assert isinstance(desk.errors[0][0], DecodeError)


async def test_one_that_is_too_long_is_413(desk_of: Callable[..., Desk]):
    desk = desk_of(max_bytes=10)
    assert await desk.post_it(1) == 413


# --- received first ----------------------------------------------------------------------------------------------------


async def test_acknowledged_at_once_and_handled_later(desk_of: Callable[..., Desk]):
    desk = desk_of(ack="received")
    desk.hold("1")
    assert await desk.post_it(1) == 200
    assert await desk.post_it(1) == 200
    await spin()
    assert (desk.started, desk.handled) == (["1"], [])
    desk.doors["1"].set()
    await desk.inbox.join()
    assert desk.handled == ["1"]
    assert await desk.post_it(1) == 200
    assert desk.started == ["1"]


async def test_at_once_does_not_mean_unbounded_or_unverified(desk_of: Callable[..., Desk]):
    desk = desk_of(ack="received", queue=1)
    desk.hold("1")
    assert [await desk.post_it(1), await desk.post_it(2), await desk.post_it(3, secret="another")] == [200, 503, 401]


async def test_a_crash_after_the_acknowledgement_is_logged_as_a_loss(
    desk_of: Callable[..., Desk], caplog: pytest.LogCaptureFixture
):
    desk = desk_of(ack="received")
    desk.crashing.add("1")
    assert await desk.post_it(1) == 200
    await desk.inbox.join()
    assert "it was acknowledged and is lost" in caplog.text
    assert len(desk.errors) == 1


# --- what is remembered ------------------------------------------------------------------------------------------------


async def test_the_last_of_the_vendors_tries_is_recognised_and_then_it_is_forgotten(desk: Desk):
    await desk.post_it(1)
    for _ in range(5):
        desk.clock.advance(1800.0)
        assert await desk.post_it(1) == 200
    assert desk.handled == ["1"]
    desk.clock.advance(REMEMBERED_FOR - 5 * 1800.0 + 1.0)
    await desk.post_it(1)
    assert desk.handled == ["1", "1"]


async def test_the_oldest_are_forgotten_when_there_are_too_many(desk_of: Callable[..., Desk]):
    desk = desk_of(remember=2)
    for order in (1, 2, 3, 3, 2, 1):
        await desk.post_it(order)
    assert desk.handled == ["1", "2", "3", "1"]


async def test_a_remembered_message_takes_little_memory():
    post = Post()
    inbox = Inbox(post.profile, lambda message: None)
    padding = "x" * 2000
    messages = [post.vendor.sign_message("pandapon", "T", {"n": number, "padding": padding}) for number in range(2000)]
    tracemalloc.start()
    try:
        for message in messages:
            await inbox.receive(message.headers, message.content)
        taken, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    await inbox.join()
    assert taken / len(messages) < 700


# --- the end -----------------------------------------------------------------------------------------------------------


async def test_join_waits_for_what_is_in_hand(desk_of: Callable[..., Desk]):
    desk = desk_of(ack="received", concurrency=1)
    desk.hold("1")
    for order in (1, 2, 3):
        await desk.post_it(order)
    joining = asyncio.ensure_future(desk.inbox.join())
    await spin()
    assert not joining.done()
    desk.doors["1"].set()
    await joining
    assert desk.handled == ["1", "2", "3"]
    assert desk.inbox.in_hand == 0


async def test_join_gives_up_after_drain_and_says_what_that_means(
    desk_of: Callable[..., Desk], caplog: pytest.LogCaptureFixture
):
    desk = desk_of(drain=5, concurrency=1, ack="received")
    desk.hold("1")
    for order in (1, 2):
        await desk.post_it(order)
    joining = asyncio.ensure_future(desk.inbox.join())
    await spin()
    desk.clock.advance(5)
    await joining
    assert desk.handled == []
    assert "messages that were not handled: 2; they were acknowledged" in caplog.text
    assert asyncio.all_tasks() == {asyncio.current_task()}


async def test_a_join_that_is_cancelled_leaves_nothing_behind(desk: Desk, caplog: pytest.LogCaptureFixture):
    desk.hold("1")
    answer = await desk.posting("1")
    joining = asyncio.ensure_future(desk.inbox.join())
    await spin()
    joining.cancel()
    with pytest.raises(asyncio.CancelledError):
        await joining
    assert await answer == 503
    assert "the vendor sends them again" in caplog.text
    assert asyncio.all_tasks() == {asyncio.current_task()}


async def test_after_a_join_messages_are_taken_again(desk: Desk):
    await desk.post_it(1)
    await desk.inbox.join()
    assert [await desk.post_it(1), await desk.post_it(2)] == [200, 200]
    assert desk.handled == ["1", "2"]


def test_an_inbox_survives_its_loop():
    post, found = Post(), list[str]()
    inbox = Inbox(post.profile, lambda message: found.append(order_of(message)))

    async def one(order: int) -> int:
        message = post.message(order)
        return (await inbox.receive(message.headers, message.content)).status

    assert [asyncio.run(one(order)) for order in (1, 1, 2)] == [200] * 3
    assert found == ["1", "2"]


# --- settings ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({"ack": "never"}, "ack: must be 'handled' or 'received'"),
        ({"queue": 0}, "queue: must be at least 1"),
        ({"concurrency": 0}, "concurrency: must be at least 1"),
        ({"remember": 0}, "remember: must be at least 1"),
    ],
)
def test_a_setting_that_can_not_work_is_named(options: Any, told: str):
    with pytest.raises(ConfigError, match=told):
        Inbox(Post().profile, print, **options)


def test_an_account_without_credentials_can_not_receive():
    with pytest.raises(ConfigError, match="no credentials"):
        Inbox(PANDAPON, print)


async def test_nothing_is_logged_of_what_goes_well(desk: Desk, caplog: pytest.LogCaptureFixture):
    caplog.set_level(logging.DEBUG, "pandapon_async")
    await desk.post_it(1)
    assert not caplog.records
