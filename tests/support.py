"""Helpers of the socket tests: raw servers, raw proxies, and shorthand for requests and errors."""

from __future__ import annotations

import asyncio
import contextlib
import json
import socket
from collections.abc import AsyncIterator, Awaitable, Callable, Generator, Mapping
from typing import Any, TypeVar

import attrs
import psutil

from pandapon_async import PANDAPON, Credentials, PandaPonSession, RetryPolicy, VendorProfile
from pandapon_async.api.logistics import FreightBookingRequest, FreightEstimateRequest, ReceiverAddress
from pandapon_async.testing import FakeVendor

T = TypeVar("T")

BOOK = "logistics.order.book_freight"
ESTIMATE = "logistics.item_price.estimate"
AT_ONCE = RetryPolicy(base=0)
KEYS = Credentials(access_key="test-access-key", access_secret="test-access-secret", user_id="1234567890123")


# --- requests and errors -----------------------------------------------------------------------------------------------


def estimate(**changes: Any) -> FreightEstimateRequest:
    """A READ that the contract accepts."""
    members = {"item_id": "1", "sku_id": "2", "quantity": 1, "receiver_address": ReceiverAddress(country="US")}
    return FreightEstimateRequest(**{**members, **changes})


def booking(reference: str = "R1", **changes: Any) -> FreightBookingRequest:
    """A WRITE that the contract accepts."""
    return FreightBookingRequest(render_id=reference, **changes)


def most_at_once(vendor: FakeVendor) -> int:
    """The most requests that a vendor had before it at the same time, if it takes its latency for each, and no more comes in between."""
    times = sorted(record.received_at for record in vendor.ledger.requests)
    return max(sum(begin <= time < begin + vendor.faults.latency for time in times) for begin in times)


async def error_of(awaitable: Awaitable[object]) -> Exception | None:
    """What an awaitable raises; None if it doesn't."""
    try:
        await awaitable
    except Exception as error:
        return error
    return None


async def spin(times: int = 20) -> None:
    """Let the event loop run a few rounds."""
    for _ in range(times):
        await asyncio.sleep(0)


async def until(condition: Callable[[], object], tries: int = 20_000) -> None:
    """Let the event loop run until something is so."""
    for _ in range(tries):
        if condition():
            return
        await asyncio.sleep(0.0005)
    raise AssertionError("it never came true")


def local_profile(port: int, **changes: Any) -> VendorProfile:
    """A PandaPon profile at a port of this machine, whose waits between attempts are of no length."""
    fields: dict[str, Any] = {"base_url": f"http://127.0.0.1:{port}", "credentials": KEYS, "retry": AT_ONCE}
    return PANDAPON.evolve(**{**fields, **changes})


@contextlib.asynccontextmanager
async def session_at(profile: VendorProfile, **options: Any) -> AsyncIterator[PandaPonSession]:
    """A session without a manager."""
    session = PandaPonSession(profile, **options)
    try:
        yield session
    finally:
        await session.close()


def closed_port() -> int:
    """A port of this machine on which nobody listens."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return int(taken.getsockname()[1])


def sockets_to(port: int) -> int:
    """How many open client sockets of this process lead to a port."""
    gone = (psutil.CONN_CLOSE, psutil.CONN_TIME_WAIT, psutil.CONN_NONE, psutil.CONN_LISTEN)
    return sum(
        1
        for found in psutil.Process().net_connections(kind="tcp")
        if found.raddr and found.raddr.port == port and found.status not in gone and found.fd != -1
    )


# --- replies as bytes --------------------------------------------------------------------------------------------------


def yes(data: Any = None) -> dict[str, Any]:
    """An envelope that says yes."""
    return {"errorCode": 200, "errorMsg": None, "success": True, "data": data}


def no(code: Any, message: str | None = "refused", **more: Any) -> dict[str, Any]:
    """An envelope that says no."""
    return {"errorCode": code, "errorMsg": message, "success": False, "data": None, **more}


def http_reply(
    status: int = 200, body: Any = None, headers: Mapping[str, str] | None = None, *, length: int | None = None
) -> bytes:
    """A whole HTTP reply; a body that isn't bytes is sent as JSON."""
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    lines = [
        f"HTTP/1.1 {status} Whatever",
        f"Content-Length: {len(content) if length is None else length}",
        *(f"{name}: {value}" for name, value in (headers or {}).items()),
    ]
    return "\r\n".join([*lines, "", ""]).encode() + content


# --- raw servers -------------------------------------------------------------------------------------------------------


@attrs.frozen(kw_only=True)
class RawRequest:
    """A request as it came in, with lower-case header names."""

    method: str
    target: str
    headers: Mapping[str, str]
    body: bytes
    connection: int


Answer = Callable[[RawRequest, asyncio.StreamWriter], Awaitable[None]]


class RawServer:
    """A server that says exactly what a test wants it to, and counts.

    Attributes:
        requests: those that arrived whole.
        connections: how many were made in all.
        inside: requests that are being answered now; ``most`` is the largest number of them.
    """

    def __init__(self, answer: Answer) -> None:
        self._answer = answer
        self._tasks: set[asyncio.Task[None]] = set()
        self._server: asyncio.AbstractServer | None = None
        self.requests: list[RawRequest] = []
        self.connections = 0
        self.inside = self.most = 0
        self.port = 0

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    async def __aenter__(self) -> RawServer:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        self.port = int(self._server.sockets[0].getsockname()[1])
        return self

    async def __aexit__(self, *exc: object) -> None:
        assert self._server is not None
        self._server.close()
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self._server.wait_closed()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        self.connections += 1
        connection = self.connections
        try:
            while (request := await read_request(reader, connection)) is not None:
                self.requests.append(request)
                self.inside += 1
                self.most = max(self.most, self.inside)
                try:
                    await self._answer(request, writer)
                    await writer.drain()
                finally:
                    self.inside -= 1
                if writer.is_closing():
                    break
        except (ConnectionError, asyncio.IncompleteReadError, asyncio.CancelledError):
            pass
        finally:
            self._tasks.discard(task)
            writer.close()


async def read_request(reader: asyncio.StreamReader, connection: int = 0) -> RawRequest | None:
    """The next whole request of a connection; None at its end."""
    try:
        head = (await reader.readuntil(b"\r\n\r\n")).decode()
    except asyncio.IncompleteReadError:
        return None
    first, *lines = head.strip().split("\r\n")
    method, target, _ = first.split(" ")
    headers = {name.lower(): value for name, _, value in (line.partition(": ") for line in lines)}
    body = await reader.readexactly(int(headers.get("content-length", 0)))
    return RawRequest(method=method, target=target, headers=headers, body=body, connection=connection)


def says(*replies: bytes) -> Answer:
    """Answers with these, one a request; the last one again and again."""
    left = list(replies)

    async def answer(_: RawRequest, writer: asyncio.StreamWriter) -> None:
        writer.write(left.pop(0) if len(left) > 1 else left[0])

    return answer


class Proxy:
    """An HTTP proxy: forwards whole requests to http targets, tunnels CONNECT, or refuses.

    Attributes:
        lines: the first line of every request.
        authorizations: what each sent as ``Proxy-Authorization``.
    """

    def __init__(self, *, refuse: int | None = None) -> None:
        self._refuse = refuse
        self._server: asyncio.AbstractServer | None = None
        self._tasks: set[asyncio.Task[None]] = set()
        self.lines: list[str] = []
        self.authorizations: list[str | None] = []
        self.port = 0

    async def __aenter__(self) -> Proxy:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        self.port = int(self._server.sockets[0].getsockname()[1])
        return self

    async def __aexit__(self, *exc: object) -> None:
        assert self._server is not None
        self._server.close()
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self._server.wait_closed()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        try:
            request = await read_request(reader)
            if request is not None:
                await self._one(request, reader, writer)
        except (ConnectionError, asyncio.CancelledError):
            pass
        finally:
            self._tasks.discard(task)
            writer.close()

    async def _one(self, request: RawRequest, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.lines.append(f"{request.method} {request.target}")
        self.authorizations.append(request.headers.get("proxy-authorization"))
        if self._refuse is not None:
            writer.write(f"HTTP/1.1 {self._refuse} No\r\nContent-Length: 0\r\nConnection: close\r\n\r\n".encode())
            await writer.drain()
            return
        if request.method == "CONNECT":
            host, _, port = request.target.rpartition(":")
            there_reader, there = await asyncio.open_connection(host, int(port))
            writer.write(b"HTTP/1.1 200 Connected\r\n\r\n")
            await _tunnel(reader, writer, there_reader, there)
            return
        authority, _, path = request.target.removeprefix("http://").partition("/")
        host, _, port = authority.partition(":")
        there_reader, there = await asyncio.open_connection(host, int(port))
        kept = {name: value for name, value in request.headers.items() if name != "proxy-authorization"}
        head = [f"{request.method} /{path} HTTP/1.1", *(f"{name}: {value}" for name, value in kept.items())]
        there.write("\r\n".join([*head, "Connection: close", "", ""]).encode() + request.body)
        writer.write(await there_reader.read())
        await writer.drain()
        there.close()


async def _tunnel(
    reader: asyncio.StreamReader,
    writer: asyncio.StreamWriter,
    there_reader: asyncio.StreamReader,
    there: asyncio.StreamWriter,
) -> None:
    async def pump(source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
        with contextlib.suppress(ConnectionError):
            while chunk := await source.read(65536):
                sink.write(chunk)
                await sink.drain()
        sink.close()

    pumps = [asyncio.create_task(pump(reader, there)), asyncio.create_task(pump(there_reader, writer))]
    try:
        await asyncio.gather(*pumps)
    finally:
        for one in pumps:
            one.cancel()
        await asyncio.gather(*pumps, return_exceptions=True)


# --- clocks ------------------------------------------------------------------------------------------------------------


class OverSleeper:
    """A clock on which everybody sleeps longer than asked, as on a busy machine; its waits take no real time."""

    def __init__(self, now: float, *, factor: float) -> None:
        self._start = now
        self._elapsed = 0.0
        self._factor = factor

    def now(self) -> float:
        return self._start + self._elapsed

    def monotonic(self) -> float:
        return self._elapsed

    async def sleep(self, seconds: float) -> None:
        self._elapsed += seconds * self._factor
        await asyncio.sleep(0)


# --- stopping a coroutine at its awaits --------------------------------------------------------------------------------


class StopAt:
    """Runs a coroutine and does something at its n-th suspension (0 is the first).

    Args:
        coroutine: what to run.
        at: which suspension.
        act: called then; what it does to the running task takes effect at this very await.
        late: call it not before what is awaited has happened: in the moment between its end and the task's waking up.

    Attributes:
        acted: whether the coroutine got that far.
    """

    def __init__(self, coroutine: Any, at: int, act: Callable[[], object], *, late: bool = False) -> None:
        self._coroutine = coroutine
        self._at = at
        self._act = act
        self._late = late
        self._count = 0
        self.acted = False

    def __await__(self) -> Generator[Any, Any, Any]:
        value: Any = None
        error: BaseException | None = None
        while True:
            try:
                waiting = self._coroutine.send(value) if error is None else self._coroutine.throw(error)
            except StopIteration as end:
                return end.value
            if self._count == self._at:
                self.acted = True
                if self._late and waiting is not None:
                    waiting.add_done_callback(lambda _: self._act())
                else:
                    self._act()
            self._count += 1
            value, error = None, None
            try:
                value = yield waiting
            except BaseException as thrown:
                error = thrown
