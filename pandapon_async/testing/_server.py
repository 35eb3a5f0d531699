"""The fake vendor's server: listens, reads complete requests, and stops without leaving anything behind."""

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

_MAX_LOOPS = 1000
_QUIET_LOOPS = 5


class Listener:
    """Serves a request handler on the running event loop, from `open` to `close`."""

    def __init__(self, handler: RequestHandler, *, host: str, port: int, huge: int, slow: float) -> None:
        self._handler = handler
        self._address = (host, port)
        self._stopping = asyncio.Event()
        self._delivery = Delivery(huge=huge, slow=slow, stopping=self._stopping)
        self._doomed: set[asyncio.BaseTransport] = set()
        self._server: asyncio.AbstractServer | None = None
        self._web: web.Server | None = None

    async def open(self) -> int:
        """Listen, and return the port.

        Raises:
            OSError: the port is taken.
        """
        # A client that disconnects cancels its handler: a stalled answer must not outlive its call.
        self._web = web.Server(self._handle, handler_cancellation=True, access_log=None)
        host, port = self._address
        server = await asyncio.get_running_loop().create_server(self._web, host, port)
        self._server = server
        return int(server.sockets[0].getsockname()[1])

    async def close(self) -> None:
        """Stop listening, abort every connection, and wait until all are closed."""
        server, manager = self._server, self._web
        if server is None or manager is None:
            return
        await _stop_accepting(server)
        server.close()
        self._stopping.set()
        quiet = 0
        for _ in range(_MAX_LOOPS):
            # A connection just accepted is listed only a few loop iterations later.
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
        self._doomed.clear()

    async def _handle(self, request: web.BaseRequest) -> web.StreamResponse:
        raw_path, _, raw_query = request.path_qs.partition("?")
        path = unquote(raw_path.replace("%2F", "%252F"))  # an encoded slash doesn't separate segments
        if request.transport in self._doomed:
            self._doomed.discard(request.transport)
            self._handler.dropped(request.method, path, request.headers)
            return abort(request)
        body = await request.read()
        query = _query(raw_query)
        answer = self._handler.answer(request.method, path, request.headers, query, body)
        if answer.step.name == "dead_keepalive" and request.transport is not None:
            self._doomed = {transport for transport in self._doomed if not transport.is_closing()}
            self._doomed.add(request.transport)
        return await self._delivery.send(request, answer)


async def _stop_accepting(server: asyncio.AbstractServer) -> None:
    """Let accepted connections reach their protocol: asyncio leaks one that is accepted by a closed server."""
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
    """Runs a listener on its own event loop and thread."""

    def __init__(self, make_listener: Callable[[], Listener], opened: Callable[[int], None]) -> None:
        self._make_listener = make_listener
        self._opened = opened
        self._loop: asyncio.AbstractEventLoop | None = None
        self._stop: asyncio.Event | None = None
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        """Start the thread, and return once the vendor is listening.

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
        """Stop, and return once the thread has ended."""
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
    except BaseException as error:  # noqa: BLE001  passed to the waiting thread
        ready.set_exception(error)
    else:
        ready.set_result(None)
