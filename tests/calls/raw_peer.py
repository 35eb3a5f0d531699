"""A peer that says what nobody asked for, and a judge that goes by what the peer has read."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from typing import Any

import attrs

from tests.support import RawRequest, http_reply, read_request, yes

STRAYS = ("whole", "chunked", "half", "half a head", "408", "503", "several")
"""What a peer can say unasked; those with a body repeat the connection's last reply."""


@attrs.define
class Turn:
    """What the peer does about one request, besides answering it.

    Attributes:
        first: what it says before it answers, but after the request has begun.
        behind: what it says in one write with its answer.
        later: what it says some milliseconds after its answer.
        after: those milliseconds.
        closes: it closes the connection instead of waiting for more.
    """

    first: str | None = None
    behind: str | None = None
    later: str | None = None
    after: float = 1.0
    closes: bool = False


def order_of(reference: str) -> str:
    """The order id of a booking."""
    return f"order of {reference}"


class RawPeer:
    """Books what it reads; see `Turn`.

    Attributes:
        read: the references of all requests that it has read whole.
        connections: how many were made.
        said: set after everything that it has to say of its own accord has been said.
    """

    def __init__(self, turns: Callable[[int], Turn], *, greets: str | None = None) -> None:
        self._turns = turns
        self._greets = greets
        self._tasks: set[asyncio.Task[None]] = set()
        self._server: asyncio.AbstractServer | None = None
        self.read: list[str] = []
        self.connections = 0
        self.port = 0
        self.said = asyncio.Event()

    async def __aenter__(self) -> RawPeer:
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
        last = b""
        try:
            if self._greets is not None:
                writer.write(stray(self._greets, reply("nobody")))
            while (request := await read_request(reader)) is not None:
                last = await self._answer(reference_of(request), last, writer)
                if writer.is_closing():
                    break
        except (ConnectionError, asyncio.IncompleteReadError, asyncio.CancelledError):
            pass
        finally:
            self._tasks.discard(task)
            writer.close()

    async def _answer(self, reference: str, last: bytes, writer: asyncio.StreamWriter) -> bytes:
        """Answer a request; a connection's first has nothing before it that could be repeated."""
        turn = self._turns(len(self.read))
        self.read.append(reference)
        own = reply(reference)
        if turn.first is not None and last:
            writer.write(stray(turn.first, last))
            await asyncio.sleep(turn.after / 1000)
        writer.write(own + (stray(turn.behind, own) if turn.behind else b""))
        if turn.later is not None:
            await writer.drain()
            await asyncio.sleep(turn.after / 1000)
            writer.write(stray(turn.later, own))
            self.said.set()
        if turn.closes:
            writer.close()
        return own


def reply(reference: str) -> bytes:
    """The answer to a booking."""
    return http_reply(200, yes({"orderId": order_of(reference)}))


def reference_of(request: RawRequest) -> str:
    """The reference of a booking, by its body."""
    body: dict[str, Any] = json.loads(request.body)
    return str(body["renderId"])


def stray(kind: str, last: bytes) -> bytes:
    """Bytes that nobody asked for."""
    body = last.partition(b"\r\n\r\n")[2]
    whole = {
        "whole": last,
        "chunked": b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n%x\r\n%b\r\n0\r\n\r\n" % (len(body), body),
        "half": last[: len(last) - 10],
        "half a head": last[:15],
        "408": http_reply(408, b"", {"Connection": "close"}),
        "503": http_reply(503, b"busy"),
        "several": last * 3,
    }
    return whole[kind]


async def collect(outcomes: AsyncIterator[Any]) -> list[Any]:
    """All items of an async iterator."""
    return [outcome async for outcome in outcomes]
