"""Sends planned answers over the wire, or breaks them off."""

from __future__ import annotations

import asyncio
import zlib
from collections.abc import Awaitable, Callable
from functools import lru_cache
from typing import Final

from aiohttp import web

from pandapon_async.testing._handler import PlannedReply

_CHUNK: Final = 1 << 16
_BODILESS: Final = frozenset({204, 304})
_GARBAGE: Final = b"\x00\x15\x03\x01 this is no HTTP \xff\xfe\r\n\r\n"
_LARGE_START: Final = b'{"errorCode":200,"errorMsg":null,"success":true,"data":{"padding":"'
_LARGE_END: Final = b'"}}'


class Delivery:
    """Sends answers for one serving period.

    Args:
        huge: ``huge_body`` sends, and ``gzip_bomb`` inflates to, more than this many bytes.
        slow: seconds between the halves of ``slow_body``.
        stopping: set when the vendor stops, which ends every wait.
    """

    def __init__(self, *, huge: int, slow: float, stopping: asyncio.Event) -> None:
        self._huge = huge
        self._slow = slow
        self._stopping = stopping

    async def send(self, request: web.BaseRequest, answer: PlannedReply) -> web.StreamResponse:
        """Send ``answer`` after its delay. A response returned for an aborted connection is never sent."""
        await self._pause(answer.delay)
        manner = answer.step.manner
        if manner == "plain":
            return _plain(answer)
        if manner == "stall":
            await self._stopping.wait()
            return abort(request)
        if manner == "drop":
            return abort(request)
        if manner == "gzip_bomb":
            return _response(answer, _bomb(self._huge), {"Content-Encoding": "gzip"})
        if manner == "slow_body":
            return await self._stream(request, answer, self._write_slowly)
        if manner == "huge_body":
            return await self._stream(request, answer, self._write_hugely)
        return _cut(request, answer)

    async def _pause(self, seconds: float) -> None:
        if seconds > 0.0:
            try:
                await asyncio.wait_for(self._stopping.wait(), seconds)
            except asyncio.TimeoutError:  # not the builtin TimeoutError before Python 3.11
                return

    async def _stream(
        self,
        request: web.BaseRequest,
        answer: PlannedReply,
        write: Callable[[web.StreamResponse, PlannedReply], Awaitable[None]],
    ) -> web.StreamResponse:
        response = web.StreamResponse(status=answer.status, headers=dict(answer.headers))
        if answer.step.manner == "slow_body":
            response.content_length = len(answer.body)
        try:
            await response.prepare(request)
            await write(response, answer)
            await response.write_eof()
        except ConnectionError:
            return abort(request)
        return response

    async def _write_slowly(self, response: web.StreamResponse, answer: PlannedReply) -> None:
        half = len(answer.body) // 2
        await response.write(answer.body[:half])
        await self._pause(self._slow)
        await response.write(answer.body[half:])

    async def _write_hugely(self, response: web.StreamResponse, _: PlannedReply) -> None:
        await response.write(_LARGE_START)
        padding = b"x" * _CHUNK
        for _sent in range(0, self._huge, _CHUNK):
            await response.write(padding)
        await response.write(_LARGE_END)


def abort(request: web.BaseRequest) -> web.StreamResponse:
    """Abort the connection; the returned response can no longer be sent."""
    if request.transport is not None:
        request.transport.abort()
    return web.Response()


def _plain(answer: PlannedReply) -> web.Response:
    return _response(answer, answer.body, {})


def _response(answer: PlannedReply, body: bytes, headers: dict[str, str]) -> web.Response:
    bodiless = answer.status in _BODILESS
    return web.Response(status=answer.status, headers={**answer.headers, **headers}, body=None if bodiless else body)


def _cut(request: web.BaseRequest, answer: PlannedReply) -> web.StreamResponse:
    """Write some bytes, bypassing aiohttp, then close the connection."""
    lines = [f"HTTP/1.1 {answer.status} OK", *(f"{name}: {value}" for name, value in answer.headers.items())]
    head = "\r\n".join([*lines, f"Content-Length: {len(answer.body)}", "", ""]).encode("utf-8", "replace")
    manner = answer.step.manner
    if manner == "half_header":
        written = head[: len(head) // 2]
    elif manner == "half_body":
        written = head + answer.body[: len(answer.body) // 2]
    else:
        written = _GARBAGE
    if request.transport is not None:
        request.transport.write(written)
        request.transport.close()
    return web.Response()


@lru_cache(maxsize=2)
def _bomb(size: int) -> bytes:
    """A gzip body of a few kilobytes that inflates to more than ``size`` bytes of JSON.

    A full flush makes each compressed chunk independent of the previous ones, so one is compressed and repeated.
    """
    padding = b"x" * (_CHUNK * 16)
    repeats = size // len(padding) + 1
    packer = zlib.compressobj(9, zlib.DEFLATED, -zlib.MAX_WBITS)
    start = packer.compress(_LARGE_START) + packer.flush(zlib.Z_FULL_FLUSH)
    chunk = packer.compress(padding) + packer.flush(zlib.Z_FULL_FLUSH)
    end = packer.compress(_LARGE_END) + packer.flush(zlib.Z_FINISH)
    checksum = zlib.crc32(_LARGE_START)
    for _ in range(repeats):
        checksum = zlib.crc32(padding, checksum)
    checksum = zlib.crc32(_LARGE_END, checksum)
    length = len(_LARGE_START) + repeats * len(padding) + len(_LARGE_END)
    header = b"\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\xff"
    trailer = checksum.to_bytes(4, "little") + (length & 0xFFFFFFFF).to_bytes(4, "little")
    return header + start + chunk * repeats + end + trailer
