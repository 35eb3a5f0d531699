"""The limit: a bare asyncio protocol that writes ready bytes, head included, and looks for the end of the reply."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncGenerator, Iterator
from contextlib import asynccontextmanager
from typing import cast
from urllib.parse import urlsplit

from ..process import Meter
from .setting import Book, Setting


class _Connection(asyncio.Protocol):
    def __init__(self, request: bytes, meter: Meter) -> None:
        self._request, self._meter = request, meter
        self._buffer = b""
        self._began = 0.0
        self._turns: Iterator[int] = iter(())
        self._done: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)

    def work(self, turns: Iterator[int]) -> asyncio.Future[None]:
        """Book until the turns are over."""
        self._turns, self._done = turns, asyncio.get_running_loop().create_future()
        self._next()
        return self._done

    def _next(self) -> None:
        if next(self._turns, None) is None:
            self._done.set_result(None)
            return
        if self._meter.timed:
            self._began = time.perf_counter()
        self._transport.write(self._request)

    def data_received(self, data: bytes) -> None:
        self._buffer = buffer = self._buffer + data
        end = buffer.find(b"\r\n\r\n")
        if end < 0:
            return
        at = buffer.index(b"Content-Length: ") + 16
        if len(buffer) < end + 4 + int(buffer[at : buffer.index(b"\r", at)]):
            return
        if not buffer.startswith(b"HTTP/1.1 200 "):
            self._done.set_exception(AssertionError(buffer[:end]))
            return
        self._buffer = b""
        if self._meter.timed:
            self._meter.laps.append(time.perf_counter() - self._began)
        self._next()

    def connection_lost(self, exc: Exception | None) -> None:
        if not self._done.done():
            self._done.set_exception(exc or EOFError())

    def close(self) -> None:
        self._transport.close()


@asynccontextmanager
async def protocol(setting: Setting) -> AsyncGenerator[Book, None]:
    """One connection for each booking at a time."""
    target = urlsplit(setting.url)
    host, port = str(target.hostname), target.port or 80
    head = (
        f"POST {target.path} HTTP/1.1\r\nHost: {target.netloc}\r\nContent-Type: application/json\r\n"
        f"Content-Length: {len(setting.request)}\r\n\r\n"
    )
    whole, loop = head.encode() + setting.request, asyncio.get_running_loop()
    connections: list[_Connection] = []

    async def book(number: int) -> None:
        while len(connections) < setting.concurrency:
            _, made = await loop.create_connection(lambda: _Connection(whole, setting.meter), host, port)
            connections.append(made)
        turns = iter(range(number))
        await asyncio.gather(*[connection.work(turns) for connection in connections])

    yield book
    for connection in connections:
        connection.close()
