"""The fake vendor's sockets: listening, reading requests whole, and stopping without leaving anything behind."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections.abc import Awaitable, Callable
from concurrent.futures import Future
from urllib.parse import parse_qsl, unquote

from aiohttp import web

from pandapon_async.testing._delivery import Delivery, abort
from pandapon_async.testing._handler import RequestHandler

_MOST_LOOPS = 1000
_QUIET_LOOPS = 5


class Listener:
    """Serves a desk on the running event loop, from `open` to `close`."""

    def __init__(self, desk: RequestHandler, *, host: str, port: int, huge: int, slow: float) -> None:
        self._handler = desk
        self._address = (host, port)
        self._stopping = asyncio.Event()
        self._delivery = Delivery(huge=huge, slow=slow, stopping=self._stopping)
        self._dying: set[asyncio.BaseTransport] = set()
        self._server: asyncio.AbstractServer | None = None
        self._web: web.Server | None = None

    async def open(self) -> int:
        """Listen; the port is returned.

        Raises:
            OSError: the port is taken.
        """
        # A client that leaves ends the handler: a stalled answer must not outlive its call.
        self._web = web.Server(self._handle, handler_cancellation=True, access_log=None)
        host, port = self._address
        server = await asyncio.get_running_loop().create_server(self._web, host, port)
        self._server = server
        return int(server.sockets[0].getsockname()[1])

    async def close(self) -> None:
        """Stop listening, cut every connection, and wait until all of it is gone."""
        server, manager = self._server, self._web
        if server is None or manager is None:
            return
        await _accept_no_more(server)
        server.close()
        self._stopping.set()
        quiet = 0
        for _ in range(_MOST_LOOPS):
            # What was accepted a moment ago shows up among the connections some turns of the loop later.
            quiet = 0 if manager.connections else quiet + 1
            if quiet > _QUIET_LOOPS:
                break
            for connection in manager.connections:
                if connection.transport is not None:
                    connection.transport.abort()
            await asyncio.sleep(0)
        await manager.shutdown(1.0)
        await server.wait_closed()
        self._server = self._web = None
        self._dying.clear()

    async def _handle(self, request: web.BaseRequest) -> web.StreamResponse:
        raw_path, _, raw_query = request.path_qs.partition("?")
        path = unquote(raw_path.replace("%2F", "%252F"))  # a slash inside a segment parts nothing
        if request.transport in self._dying:
            self._dying.discard(request.transport)
            self._handler.dropped(request.method, path, request.headers)
            return abort(request)
        body = await request.read()
        query = _query(raw_query)
        answer = self._handler.answer(request.method, path, request.headers, query, body)
        if answer.step.name == "dead_keepalive" and request.transport is not None:
            self._dying = {transport for transport in self._dying if not transport.is_closing()}
            self._dying.add(request.transport)
        return await self._delivery.send(request, answer)


async def _accept_no_more(server: asyncio.AbstractServer) -> None:
    """Let what has been accepted reach its protocol: asyncio leaks a connection that meets a server already closed."""
    loop = asyncio.get_running_loop()
    with contextlib.suppress(NotImplementedError):  # Windows' loop has no readers
        for listening in getattr(server, "sockets", ()):
            loop.remove_reader(listening.fileno())
    for _ in range(_QUIET_LOOPS):
        await asyncio.sleep(0)


def _query(raw: str) -> dict[str, str]:
    if "%" in raw or "+" in raw:
        return dict(parse_qsl(raw, keep_blank_values=True))
    return {name: value for name, _, value in (pair.partition("=") for pair in raw.split("&")) if name}


class ThreadHost:
    """Runs a listener on an event loop of its own, in its own thread."""

    def __init__(self, make_listener: Callable[[], Listener], opened: Callable[[int], None]) -> None:
        self._make_listener = make_listener
        self._opened = opened
        self._loop: asyncio.AbstractEventLoop | None = None
        self._stop: asyncio.Event | None = None
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        """Return once the vendor listens.

        Raises:
            OSError: the port is taken.
        """
        ready: Future[None] = Future()
        self._thread = threading.Thread(target=self._run, args=(ready,), name="fake-vendor", daemon=True)
        self._thread.start()
        try:
            ready.result()
        except BaseException:
            self._thread.join()
            raise

    def stop(self) -> None:
        """Return once the thread has ended."""
        if self._loop is not None and self._stop is not None and self._thread is not None:
            self._loop.call_soon_threadsafe(self._stop.set)
            self._thread.join()

    def _run(self, ready: Future[None]) -> None:
        asyncio.run(self._serve(ready))

    async def _serve(self, ready: Future[None]) -> None:
        self._loop, self._stop = asyncio.get_running_loop(), asyncio.Event()
        listener = self._make_listener()
        await _opening(listener.open, self._opened, ready)
        if ready.exception() is None:
            await self._stop.wait()
            await listener.close()


async def _opening(open_it: Callable[[], Awaitable[int]], opened: Callable[[int], None], ready: Future[None]) -> None:
    try:
        opened(await open_it())
    except BaseException as error:  # noqa: BLE001  handed to the thread that waits
        ready.set_exception(error)
    else:
        ready.set_result(None)
