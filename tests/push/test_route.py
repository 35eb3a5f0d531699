"""The route of aiohttp.web, through real sockets."""

from __future__ import annotations

import asyncio
import contextlib
import gzip
import random
import tracemalloc
from collections import Counter
from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import attrs
import pytest
from aiohttp import web

from pandapon_async import ConfigError, Message, message_route
from pandapon_async.push import MessageRoute
from pandapon_async.testing import SignedMessage, VirtualClock
from tests.support import until

from .support import PANDA, Post, headers, order_of


@attrs.define
class Site:
    url: str
    runner: web.AppRunner
    client: aiohttp.ClientSession

    async def post(self, message: SignedMessage, path: str = "/vendor") -> int:
        async with self.client.post(self.url + path, data=message.content, headers=message.headers) as response:
            await response.read()
            return response.status


@contextlib.asynccontextmanager
async def serving(app: web.Application, **options: Any) -> AsyncIterator[Site]:
    runner = web.AppRunner(app, access_log=None, **options)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0, backlog=1024).start()
    connector = aiohttp.TCPConnector(limit=0)
    async with aiohttp.ClientSession(connector=connector) as client:
        try:
            yield Site(f"http://127.0.0.1:{runner.addresses[0][1]}", runner, client)
        finally:
            await runner.cleanup()


def app_of(route: MessageRoute, *more: str) -> web.Application:
    app = web.Application()
    for path in ("/vendor", *more):
        app.router.add_route("*", path, route)
    return app


@pytest.fixture
def post() -> Post:
    return Post()


# --- answers -----------------------------------------------------------------------------------------------------------


async def test_each_answer_over_a_socket(post: Post):
    handled: list[str] = []

    async def handler(message: Message) -> None:
        if order_of(message) == "crash":
            raise ValueError
        handled.append(order_of(message))

    async with serving(app_of(message_route(post.profile, handler))) as site:
        assert await site.post(post.message(1)) == 200
        assert await site.post(post.message(1)) == 200
        assert await site.post(post.message(2, secret="another")) == 401
        assert await site.post(SignedMessage(headers=headers(b"{"), content=b"{")) == 401
        assert await site.post(post.vendor.sign_message("pandapon", "", {})) == 400
        assert await site.post(post.message("crash")) == 500
    assert handled == ["1"]


@pytest.mark.parametrize("method", ["GET", "HEAD", "POST", "PUT", "OPTIONS"])
async def test_the_consoles_check_is_answered_without_the_handler(post: Post, method: str):
    handled: list[Message] = []
    async with serving(app_of(message_route(post.profile, handled.append))) as site:
        async with site.client.request(method, f"{site.url}/vendor") as response:
            assert response.status == 200
        async with site.client.request(method, f"{site.url}/vendor", data=b"") as response:
            assert response.status == 200
        async with site.client.get(f"{site.url}/vendor", data=b"{}") as response:
            assert response.status == 200
    assert handled == []


async def test_both_vendors_at_one_application():
    handled: list[tuple[str, str]] = []
    app = web.Application()
    posts = {kind: Post(kind) for kind in ("pandapon", "xportcn_ka")}
    for kind, post in posts.items():
        route = message_route(post.profile, lambda message: handled.append((message.vendor, order_of(message))))
        app.router.add_route("*", f"/{kind}", route)
    async with serving(app) as site:
        for kind, post in posts.items():
            assert await site.post(post.message(1), f"/{kind}") == 200
        assert await site.post(posts["pandapon"].message(2), "/xportcn_ka") == 401
    assert handled == [("pandapon", "1"), ("xportcn_ka", "1")]


async def test_a_route_at_two_paths_remembers_for_both(post: Post):
    handled: list[Message] = []
    async with serving(app_of(message_route(post.profile, handled.append), "/old")) as site:
        assert [await site.post(post.message(1), path) for path in ("/vendor", "/old")] == [200, 200]
    assert len(handled) == 1


async def test_two_routes_share_nothing(post: Post):
    handled: list[Message] = []
    app = web.Application()
    for path in ("/a", "/b"):
        app.router.add_route("*", path, message_route(post.profile, handled.append))
    async with serving(app) as site:
        assert [await site.post(post.message(1), path) for path in ("/a", "/b")] == [200, 200]
    assert len(handled) == 2


def test_a_route_without_credentials_is_not_made(post: Post):
    with pytest.raises(ConfigError, match="no credentials"):
        message_route(PANDA.evolve(credentials=None), print)


# --- bodies ------------------------------------------------------------------------------------------------------------


async def chunks(count: int) -> AsyncIterator[bytes]:
    for _ in range(count):
        yield b"x" * 1024


@pytest.mark.parametrize("body", [b"x" * 5000, "chunks"], ids=["told", "chunked"])
async def test_only_so_much_of_a_body_is_read(post: Post, body: Any):
    async with serving(app_of(message_route(post.profile, print, max_bytes=4096))) as site:
        data = chunks(5) if body == "chunks" else body
        async with site.client.post(f"{site.url}/vendor", data=data) as response:
            assert response.status == 413


async def test_a_body_may_come_in_pieces(post: Post):
    message, handled = post.message("x" * 50_000), list[Message]()

    async def pieces() -> AsyncIterator[bytes]:
        for start in range(0, len(message.content), 7000):
            yield message.content[start : start + 7000]

    async with (
        serving(app_of(message_route(post.profile, handled.append))) as site,
        site.client.post(f"{site.url}/vendor", data=pieces(), headers=message.headers) as response,
    ):
        assert response.status == 200
    assert len(handled) == 1


async def test_a_compressed_bomb_is_not_inflated(post: Post):
    bomb = gzip.compress(bytes(64 << 20))
    async with serving(app_of(message_route(post.profile, print))) as site:
        tracemalloc.start()
        try:
            encoding = {"Content-Encoding": "gzip"}
            async with site.client.post(f"{site.url}/vendor", data=bomb, headers=encoding) as response:
                assert response.status in (400, 413)
            _, peak = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()
    assert peak < 8 << 20


async def test_a_body_that_is_not_what_it_says_is_400(post: Post):
    async with serving(app_of(message_route(post.profile, print))) as site:
        encoding = {"Content-Encoding": "gzip"}
        async with site.client.post(f"{site.url}/vendor", data=b"no gzip", headers=encoding) as response:
            assert response.status == 400


async def test_a_sender_that_leaves_half_way_does_no_harm(post: Post):
    message, handled = post.message(1), list[Message]()
    async with serving(app_of(message_route(post.profile, handled.append))) as site:
        host, _, port = site.url.removeprefix("http://").rpartition(":")
        _, writer = await asyncio.open_connection(host, int(port))
        head = f"POST /vendor HTTP/1.1\r\nHost: x\r\nContent-Length: {len(message.content)}\r\n\r\n"
        writer.write(head.encode() + message.content[:20])
        await writer.drain()
        writer.close()
        with contextlib.suppress(ConnectionError):
            await writer.wait_closed()
        assert await site.post(message) == 200
    assert len(handled) == 1


async def test_a_body_that_dribbles_is_answered_in_time(post: Post):
    clock = VirtualClock(auto=False)
    async with serving(app_of(message_route(post.profile, print, clock=clock))) as site:
        host, _, port = site.url.removeprefix("http://").rpartition(":")
        reader, writer = await asyncio.open_connection(host, int(port))
        writer.write(b"POST /vendor HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n{")
        await until(lambda: clock.slept)
        clock.advance(0.9)
        assert (await reader.readline()).startswith(b"HTTP/1.1 503 ")
        writer.close()
        with contextlib.suppress(ConnectionError):
            await writer.wait_closed()


# --- the end of the application ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("ack", ["handled", "received"])
@pytest.mark.parametrize("nested", [False, True], ids=["application", "sub-application"])
async def test_the_applications_cleanup_waits_for_what_is_in_hand(post: Post, ack: Any, nested: bool):
    clock, door, events = VirtualClock(auto=False), asyncio.Event(), list[str]()

    async def handler(message: Message) -> None:
        await door.wait()
        events.append(order_of(message))

    async def database(_: web.Application) -> AsyncIterator[None]:
        yield
        events.append("database closed")

    route = message_route(post.profile, handler, ack=ack, concurrency=1, clock=clock)
    app = inner = app_of(route)
    inner.cleanup_ctx.append(database)
    if nested:
        app = web.Application()
        app.add_subapp("/inner", inner)
    async with serving(app) as site:
        path = "/inner/vendor" if nested else "/vendor"
        answers = [asyncio.ensure_future(site.post(post.message(order), path)) for order in (1, 2)]
        await until(lambda: route.inbox.in_hand == 2)
        clock.advance(0.9)
        assert await asyncio.gather(*answers) == [200 if ack == "received" else 503] * 2
        asyncio.get_running_loop().call_later(0.01, door.set)
    assert sorted(events[:2]) == ["1", "2"]
    assert events[2:] == ["database closed"]
    assert asyncio.all_tasks() == {asyncio.current_task()}


async def test_a_request_that_its_sender_leaves_is_handled_all_the_same(post: Post):
    """With aiohttp's handler_cancellation, too."""
    door, handled = asyncio.Event(), list[str]()

    async def handler(message: Message) -> None:
        await door.wait()
        handled.append(order_of(message))

    route = message_route(post.profile, handler)
    async with serving(app_of(route), handler_cancellation=True) as site:
        leaving = asyncio.ensure_future(site.post(post.message(1)))
        await until(lambda: route.inbox.in_hand)
        leaving.cancel()
        await asyncio.gather(leaving, return_exceptions=True)
        door.set()
        await until(lambda: handled)
        assert await site.post(post.message(1)) == 200
    assert handled == ["1"]


# --- a thousand at once ------------------------------------------------------------------------------------------------


class Thousand:
    """700 orders, 200 of them twice, 100 forgeries; every tenth handler crashes at first, every tenth is slow at first."""

    def __init__(self, post: Post) -> None:
        self.clock = VirtualClock(auto=False)
        self.route = message_route(post.profile, self.handle, queue=400, concurrency=100, clock=self.clock)
        self.orders = [str(number) for number in range(700)]
        self.good = {order: post.message(order) for order in self.orders}
        self.forged = [post.message(f"forged-{number}", secret="another") for number in range(100)]
        self.door = asyncio.Event()
        self.started: Counter[str] = Counter()
        self.handled: Counter[str] = Counter()
        self.acknowledged: Counter[str] = Counter()
        self.most_in_hand = 0

    async def handle(self, message: Message) -> None:
        order = order_of(message)
        self.started[order] += 1
        self.most_in_hand = max(self.most_in_hand, self.route.inbox.in_hand)
        if order.endswith("7") and self.started[order] == 1:
            raise ValueError(order)
        if order.endswith("3"):
            await self.door.wait()
        self.handled[order] += 1

    async def deliver(self, site: Site, order: str) -> int:
        status = await site.post(self.good[order])
        if status == 200:
            assert self.handled[order] == 1, f"{order} was acknowledged before it was handled"
            self.acknowledged[order] += 1
        return status

    async def round(self, site: Site, orders: list[str]) -> list[int]:
        """All at once, in no order; after all that can be answered is answered, 900 ms have passed."""
        answers = [asyncio.ensure_future(self.deliver(site, order)) for order in orders]
        held = sum(1 for order in orders if order.endswith("3") and not self.door.is_set())
        await until(lambda: sum(not answer.done() for answer in answers) <= held)
        self.clock.advance(0.9)
        return await asyncio.gather(*answers)


async def test_a_thousand_at_once_with_duplicates_forgeries_slow_handlers_and_crashes(post: Post):
    world = Thousand(post)
    sent = random.Random(1).sample(world.orders + world.orders[:200], 900)
    async with serving(app_of(world.route)) as site:
        refusals = asyncio.gather(*(site.post(message) for message in world.forged))
        statuses = await world.round(site, sent)
        assert set(await refusals) == {401}
        assert set(statuses) == {200, 500, 503}
        for order, status in zip(sent, statuses, strict=True):
            assert status != 200 or order[-1] != "3"
        world.door.set()
        rounds = 1
        while left := [order for order, status in zip(sent, statuses, strict=True) if status != 200]:
            rounds += 1
            sent, statuses = left, await world.round(site, left)
        assert rounds <= 6
    assert world.handled == Counter(dict.fromkeys(world.orders, 1))
    assert sum(world.acknowledged.values()) == 900
    assert all(world.started[order] == 1 + order.endswith("7") for order in world.orders)
    assert world.most_in_hand <= 400
