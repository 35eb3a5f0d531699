"""The lean vendor: answers every whole request with one canned reply, checks nothing, counts what it answered.

``python -m benchmarks.server [CPU]`` prints its port, and ends when its standard input does. ``GET /count`` answers how many
bookings it has read whole since the last time it was asked, the CPU seconds that it has taken in all, and how many of those bookings
came within its busiest second. Below ``/after/20`` it
answers 20 ms later. On uvloop, if that is installed: so it takes a third of the CPU of the quickest client, and is no limit.
"""

from __future__ import annotations

import asyncio
import json
import re
import sys
import time
from email.utils import formatdate
from typing import cast

from .process import busiest_second, pin
from .sample import REPLY

_LATE = re.compile(rb"POST /after/([0-9]+)/")
_HEAD = "HTTP/1.1 200 OK\r\nDate: {date}\r\nContent-Type: application/json;charset=UTF-8\r\nContent-Length: {length}\r\n\r\n"


class Count:
    """Bookings that were read whole."""

    def __init__(self) -> None:
        self.times: list[float] = []

    def taken(self) -> list[float]:
        """How many since it was last asked, the CPU seconds so far, and how many of them within a second."""
        times, self.times = self.times, []
        return [len(times), time.process_time(), busiest_second(times)]


class Canned:
    """The reply's bytes, with the date of this second and an order id of its own: one that comes again is believed by nobody."""

    def __init__(self) -> None:
        self._second = 0
        self._before, self._after = b"", b""
        self._orders = 10**11

    def reply(self) -> bytes:
        """Head and body."""
        second = int(time.time())
        if second != self._second:
            self._second = second
            self._before, _, self._after = response(REPLY.replace(b'"21"', b'"%d"' % self._orders)).partition(
                b"%d" % self._orders
            )
        self._orders += 1
        return b"%b%d%b" % (self._before, self._orders, self._after)


def response(body: bytes) -> bytes:
    """A whole HTTP response."""
    return _HEAD.format(date=formatdate(usegmt=True), length=len(body)).encode() + body


class Vendor(asyncio.Protocol):
    """One connection: HTTP/1.1 with Content-Length, requests one after another."""

    def __init__(self, count: Count, canned: Canned) -> None:
        self._count = count
        self._canned = canned
        self._buffer = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the way back."""
        self._transport = cast("asyncio.Transport", transport)

    def data_received(self, data: bytes) -> None:
        """Answer every request that is whole."""
        self._buffer += data
        while (size := _whole(self._buffer)) is not None:
            asked_for_count = self._buffer.startswith(b"GET /count ")
            late = _LATE.match(self._buffer)
            wait = int(late[1]) / 1000 if late else 0.0
            self._buffer = self._buffer[size:]
            if asked_for_count:
                self._transport.write(response(json.dumps(self._count.taken()).encode()))
            else:
                self._count.times.append(time.monotonic())
                self._answer(wait)

    def _answer(self, wait: float) -> None:
        if wait:
            asyncio.get_running_loop().call_later(wait, self._transport.write, self._canned.reply())
        else:
            self._transport.write(self._canned.reply())


def _whole(buffer: bytes) -> int | None:
    """The length of the first request if it is there whole, else None."""
    end = buffer.find(b"\r\n\r\n")
    if end < 0:
        return None
    head = buffer[:end].lower()
    at = head.find(b"\r\ncontent-length:")
    if at < 0:
        return end + 4
    line_end = head.find(b"\r\n", at + 2)
    size = end + 4 + int(head[at + 17 : line_end if line_end > 0 else None])
    return size if len(buffer) >= size else None


async def serve() -> None:
    """Serve until standard input ends."""
    count, canned = Count(), Canned()
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: Vendor(count, canned), "127.0.0.1", 0)
    print(server.sockets[0].getsockname()[1], flush=True)
    await asyncio.to_thread(sys.stdin.read)
    server.close()


def main(cpu: int | None) -> None:
    """Serve on a core of its own."""
    pin(cpu)
    try:
        import uvloop
    except ImportError:
        asyncio.run(serve())
    else:
        uvloop.new_event_loop().run_until_complete(serve())


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else None)
