"""Hooks: what is refused as one, wherever it is given, and what is logged of a WRITE that nobody waits for any more."""

from __future__ import annotations

import asyncio
import functools
import logging
from collections.abc import Awaitable, Callable
from typing import Any
from unittest.mock import AsyncMock

import pytest

from pandapon_async import ConfigError, Effect, SessionManager
from pandapon_async._calls.hooks import HOOKS, check_hook, guarded
from pandapon_async.api.logistics import FreightBookingRequest
from pandapon_async.push import Inbox
from pandapon_async.testing import FakeVendor
from tests.support import booking, estimate, local_profile, session_at, until

LOGGER = "pandapon_async"


async def coroutine_hook(*_: object) -> None:
    """What is easily written, and never runs."""


class AsyncCallable:
    async def __call__(self, *_: object) -> None: ...


class AsyncMethod:
    async def told(self, *_: object) -> None: ...


async def asynchronous_generator(*_: object) -> Any:
    yield


COROUTINE_HOOKS = {
    "function": coroutine_hook,
    "partial": functools.partial(coroutine_hook, 1),
    "callable object": AsyncCallable(),
    "method": AsyncMethod().told,
    "generator": asynchronous_generator,
    "mock": AsyncMock(),
}
SAID = "must be a plain function, not an async def"

each_hook = pytest.mark.parametrize("name", HOOKS)


@pytest.mark.parametrize("kind", COROUTINE_HOOKS)
def test_a_coroutine_hook_is_refused_however_it_is_made(kind: str):
    with pytest.raises(ConfigError, match=SAID):
        check_hook("on_reply", COROUTINE_HOOKS[kind])


@pytest.mark.parametrize("hook", [None, print, lambda *_: None, [].append, functools.partial(print, 1)])
def test_a_plain_function_is_a_hook(hook: Any):
    check_hook("on_reply", hook)


def test_what_cannot_be_called_is_no_hook():
    with pytest.raises(ConfigError, match="on_reply: must be a function, not str"):
        check_hook("on_reply", "print")


@each_hook
async def test_a_session_refuses_a_coroutine_hook(vendor: FakeVendor, name: str):
    with pytest.raises(ConfigError, match=f"{name}: {SAID}"):
        async with session_at(vendor.profile("pandapon"), **{name: coroutine_hook}):
            pass


@each_hook
async def test_a_coroutine_hook_that_is_set_later_is_refused_and_the_old_one_stays(vendor: FakeVendor, name: str):
    async with session_at(vendor.profile("pandapon"), **{name: print}) as session:
        with pytest.raises(ConfigError, match=f"{name}: {SAID}"):
            setattr(session, name, coroutine_hook)
        assert getattr(session, name) is print


@each_hook
async def test_a_copy_refuses_a_coroutine_hook(vendor: FakeVendor, name: str):
    async with session_at(vendor.profile("pandapon")) as session:
        options: dict[str, Any] = {name: coroutine_hook}
        with pytest.raises(ConfigError, match=f"{name}: {SAID}"):
            session.with_options(**options)


@each_hook
def test_a_manager_refuses_a_coroutine_hook_before_it_is_opened(name: str):
    options: dict[str, Any] = {name: coroutine_hook}
    with pytest.raises(ConfigError, match=f"{name}: {SAID}"):
        SessionManager([local_profile(1)], **options)


def test_an_inbox_refuses_a_coroutine_hook():
    with pytest.raises(ConfigError, match=f"on_error: {SAID}"):
        Inbox(local_profile(1), print, on_error=coroutine_hook)


def test_a_coroutine_that_nothing_told_of_beforehand_is_dropped_and_logged(caplog: pytest.LogCaptureFixture):
    guarded(lambda: coroutine_hook())
    assert "a hook gave a coroutine, which nobody awaits" in caplog.text


# --- what is logged of a WRITE that was cancelled ---


def warnings(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [
        record.getMessage() for record in caplog.records if record.name == LOGGER and record.levelno >= logging.WARNING
    ]


async def cancelled_when_sent(vendor: FakeVendor, call: Callable[[Any], Awaitable[object]], **hooks: Any) -> None:
    """A call that is cancelled while the vendor is silent."""
    async with session_at(vendor.profile("pandapon"), **hooks) as session:
        vendor.script("stall")
        task = asyncio.ensure_future(call(session))
        await until(lambda: vendor.ledger.requests)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task


async def test_a_write_that_is_cancelled_after_it_was_sent_is_a_warning_with_its_reference(
    vendor: FakeVendor, caplog: pytest.LogCaptureFixture
):
    await cancelled_when_sent(vendor, lambda session: session.call(("order-4711", booking())))
    assert warnings(caplog) == [
        "pandapon logistics.book_freight of reference 'order-4711' was cancelled after it was sent: it may have been made; "
        "look it up before you send it again"
    ]


async def test_the_warning_comes_beside_the_hook_and_before_it(vendor: FakeVendor, caplog: pytest.LogCaptureFixture):
    seen: list[int] = []
    await cancelled_when_sent(
        vendor,
        lambda session: session.call(("order-4711", booking())),
        on_in_doubt=lambda *_: seen.append(len(warnings(caplog))),
    )
    assert seen == [1]


async def test_a_reference_cannot_forge_a_line_of_the_log(vendor: FakeVendor, caplog: pytest.LogCaptureFixture):
    await cancelled_when_sent(vendor, lambda session: session.call(("a\nWARNING b", booking())))
    assert len(warnings(caplog)) == 1
    assert "\n" not in warnings(caplog)[0]


async def test_without_a_reference_it_says_so(vendor: FakeVendor, caplog: pytest.LogCaptureFixture):
    path = FreightBookingRequest.operation.path
    await cancelled_when_sent(vendor, lambda session: session.call_raw("POST", path, {}, effect=Effect.WRITE))
    assert "without a reference was cancelled after it was sent" in warnings(caplog)[0]


async def test_a_read_that_is_cancelled_is_no_warning(vendor: FakeVendor, caplog: pytest.LogCaptureFixture):
    await cancelled_when_sent(vendor, lambda session: session.call(("order-4711", estimate())))
    assert warnings(caplog) == []


async def test_a_write_that_is_cancelled_before_it_was_sent_is_no_warning(
    vendor: FakeVendor, caplog: pytest.LogCaptureFixture
):
    async with session_at(vendor.profile("pandapon")) as session:
        session._client.state.limiter.pause.extend(20)
        task = asyncio.create_task(session.call(booking()))
        await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
    assert warnings(caplog) == []


@pytest.mark.parametrize("name", ["on_start", "on_attempt", "on_reply"])
async def test_a_hook_that_raises_a_cancel_cancels_nothing(
    vendor: FakeVendor, name: str, caplog: pytest.LogCaptureFixture
):
    def hook(*_: object) -> None:
        raise asyncio.CancelledError

    async with session_at(vendor.profile("pandapon"), **{name: hook}) as session:
        assert (await session.logistics.book_freight(booking("A"))).order_id is not None
    assert "a hook raised CancelledError; it is ignored" in caplog.text


@pytest.mark.parametrize("name", ["on_attempt", "on_reply"])
async def test_a_write_whose_hook_ends_the_program_is_a_warning(
    vendor: FakeVendor, name: str, caplog: pytest.LogCaptureFixture
):
    def hook(*_: object) -> None:
        raise GeneratorExit

    async with session_at(vendor.profile("pandapon"), **{name: hook}) as session:
        with pytest.raises(GeneratorExit):
            await session.logistics.book_freight(booking("A"), reference="order-7")
    assert "'order-7' was cancelled after it was sent" in caplog.text
