"""The fake vendor as a sender of messages: shapes, signature, and the vendors' retry rule."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import hmac
import json
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest
from aiohttp import web

from pandapon_async.testing import FakeVendor, VirtualClock

BODY = {"orderId": "1", "name": "订单"}
Answers = Callable[[int], "int | str"]


class Callback:
    """A receiver of a few lines that answers as it is told: a status, or ``"cut"``, or ``"stall"``."""

    def __init__(self, *answers: int | str) -> None:
        self.answers = list(answers)
        self.posts: list[tuple[dict[str, str], bytes]] = []
        self.url = ""
        self._open = asyncio.Event()

    async def receive(self, request: web.BaseRequest) -> web.StreamResponse:
        self.posts.append((dict(request.headers), await request.read()))
        answer = self.answers.pop(0) if self.answers else 200
        if answer == "stall":
            await self._open.wait()
        if answer == "cut" and request.transport is not None:
            request.transport.abort()
        return web.Response(status=answer if isinstance(answer, int) else 200, headers={"Location": "/elsewhere"})


@contextlib.asynccontextmanager
async def callback(*answers: int | str) -> AsyncIterator[Callback]:
    made = Callback(*answers)
    runner = web.ServerRunner(web.Server(made.receive, handler_cancellation=True))
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    made.url = f"http://127.0.0.1:{runner.addresses[0][1]}/callback"
    try:
        yield made
    finally:
        await runner.cleanup()


@pytest.fixture
def fake() -> FakeVendor:
    """One that isn't started: sending needs no port."""
    return FakeVendor()


# --- what is sent ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("kind", "shape"), [("pandapon", dict), ("xportcn_ka", str)])
def test_each_vendor_has_its_shape(fake: FakeVendor, kind: Any, shape: type):
    message = fake.sign_message(kind, "ORDER_CREATE", BODY, timestamp=1779263269913)
    members = json.loads(message.content)
    body = members.pop("messageBody")
    assert type(body) is shape
    assert (json.loads(body) if shape is str else body) == BODY
    assert members == {"messageType": "ORDER_CREATE", "messagePlatform": 1, "timestamp": "1779263269913"}


@pytest.mark.parametrize("kind", ["pandapon", "xportcn_ka"])
def test_it_is_signed_with_the_accounts_secret(fake: FakeVendor, kind: Any):
    message = fake.sign_message(kind, "T", BODY)
    (account,) = [account for account in fake.accounts if account.kind == kind]
    signed = account.access_key.encode() + message.content
    assert message.headers["Authorization"] == hmac.new(account.access_secret.encode(), signed, "sha256").hexdigest()


def test_it_can_be_forged_and_changed(fake: FakeVendor):
    message = fake.sign_message("pandapon", "T", BODY, timestamp=1, platform=0)
    assert json.loads(message.content)["messagePlatform"] == 0
    for other in (
        fake.sign_message("pandapon", "T", BODY, timestamp=1, platform=0, secret="another"),
        fake.sign_message("pandapon", "T", BODY, timestamp=1, platform=0, base="message_body"),
    ):
        assert other.content == message.content
        assert other.headers["Authorization"] != message.headers["Authorization"]


def test_an_unknown_vendor_is_named(fake: FakeVendor):
    with pytest.raises(ValueError, match="unknown vendor 'lazada'"):
        fake.sign_message("lazada", "T", BODY)  # type: ignore[arg-type]


# --- how often ---------------------------------------------------------------------------------------------------------


async def test_an_acknowledged_message_is_sent_once_and_noted(fake: FakeVendor):
    clock = VirtualClock()
    async with callback() as there:
        sent = await fake.send_message("pandapon", there.url, "ORDER_CREATE", BODY, clock=clock)
    assert (sent.acknowledged, sent.acknowledged_at, clock.slept) == (True, 1_700_000_000.0, [])
    assert [attempt.status for attempt in sent.attempts] == [200]
    assert (sent.vendor, sent.type, sent.url) == ("pandapon", "ORDER_CREATE", there.url)
    ((headers, content),) = there.posts
    assert headers["Content-Type"] == "application/json"
    assert sent.digest == hashlib.sha256(content).hexdigest()
    assert fake.ledger.messages == (sent,)
    fake.ledger.clear()
    assert fake.ledger.messages == ()


@pytest.mark.parametrize("refusal", [503, 500, 401, 204, 302, "cut"])
async def test_only_a_200_acknowledges(fake: FakeVendor, refusal: int | str):
    clock = VirtualClock()
    async with callback(refusal, refusal) as there:
        sent = await fake.send_message("xportcn_ka", there.url, "T", BODY, clock=clock)
    status = 0 if refusal == "cut" else refusal
    assert [(attempt.at - 1_700_000_000, attempt.status) for attempt in sent.attempts] == [
        (0, status),
        (1800, status),
        (3600, 200),
    ]
    assert sent.acknowledged_at == 1_700_003_600
    assert len({content for _, content in there.posts}) == 1


async def test_after_five_retries_it_is_given_up(fake: FakeVendor):
    clock = VirtualClock()
    async with callback(*[503] * 10) as there:
        sent = await fake.send_message("pandapon", there.url, "T", BODY, clock=clock)
        assert len(there.posts) == 6
    assert clock.slept == [1800.0] * 5
    assert (sent.acknowledged, sent.acknowledged_at) == (False, None)
    assert fake.ledger.messages == (sent,)


async def test_an_answer_that_does_not_come_in_time_is_none(fake: FakeVendor):
    async with callback("stall") as there:
        sent = await fake.send_message("pandapon", there.url, "T", BODY, retries=0, timeout=0.02)
    assert [attempt.status for attempt in sent.attempts] == [0]
    assert not sent.acknowledged


async def test_a_callback_that_nobody_serves_is_no_error(fake: FakeVendor):
    async with callback() as there:
        pass
    sent = await fake.send_message("pandapon", there.url, "T", BODY, retries=0)
    assert [attempt.status for attempt in sent.attempts] == [0]


# --- from synchronous code ---------------------------------------------------------------------------------------------


def test_synchronous_code_sends_too():
    with FakeVendor() as vendor:
        # Its own port will do: there is nothing at that path, so it is not acknowledged.
        sent = vendor.send_message_blocking("pandapon", f"{vendor.url}/nobody", "T", BODY, retries=0)
        assert [attempt.status for attempt in sent.attempts] == [404]
        assert vendor.ledger.messages == (sent,)


async def test_sending_and_blocking_do_not_go_together(fake: FakeVendor):
    with pytest.raises(RuntimeError, match="running event loop"):
        fake.send_message_blocking("pandapon", "http://127.0.0.1:1/", "T", BODY)
