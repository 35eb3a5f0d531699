"""All that is used of aiohttp beyond its public interface, in one place, and the check that it is still what it was.

`ClientSession` can't tell whether a byte has left, and takes a pooled connection without looking whether bytes nobody asked
for have arrived on it. So its connector and its response parser are driven directly. They may change in any release: then
`differences` says so, and calls go the plain way (`plain_transport`).
"""
# pyright: reportPrivateUsage=false

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Mapping
from typing import Any

import aiohttp
from aiohttp import ClientRequest
from aiohttp.client_proto import ResponseHandler
from aiohttp.client_reqrep import ConnectionKey
from aiohttp.connector import BaseConnector, Connection
from aiohttp.streams import StreamReader
from multidict import CIMultiDict
from yarl import URL

__all__ = ["Connection", "ResponseHandler", "StreamReader"]

_PARAMETERS = ("self", "req", "traces", "timeout")
_NO_TIMEOUT = aiohttp.ClientTimeout(total=None, connect=None, sock_connect=None, sock_read=None)
_MOST_RECEIVED = 65_536
_PROBE = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nX: y\r\n\r\nok"


class _OwnConnection(ClientRequest):
    """A request whose connection is shared with no other: its key is nobody else's."""

    @property
    def connection_key(self) -> ConnectionKey:
        return super().connection_key._replace(proxy_headers_hash=-1)


class _Began:
    """Stands for aiohttp's ``Trace``: tells when the wait for a place in the pool has ended, and connecting begins."""

    def __init__(self, began: Any) -> None:
        self._began = began

    async def send_connection_create_start(self) -> None:
        self._began()

    def __getattr__(self, name: str) -> Any:
        return _nothing


async def _nothing(*_: object) -> None: ...


class _Open(asyncio.Transport):
    """A connection that leads nowhere."""

    def is_closing(self) -> bool:
        return False

    def close(self) -> None: ...


class Route:
    """The way to one origin through a connector.

    Args:
        connector: aiohttp's.
        origin: scheme, host and port.
        proxy: the proxy's URL, or None.
        tls: what `aiohttp` takes as ``ssl``.
    """

    def __init__(self, connector: BaseConnector, origin: URL, proxy: URL | None, tls: Any) -> None:
        loop = asyncio.get_running_loop()
        self._connector = connector
        self._request = ClientRequest("POST", origin, loop=loop, proxy=proxy, ssl=tls)
        self._own = _OwnConnection("POST", origin, loop=loop, proxy=proxy, ssl=tls)

    @property
    def headers(self) -> CIMultiDict[str]:
        """What aiohttp would send: ``Host`` and ``Accept-Encoding`` among them."""
        return self._request.headers

    async def connect(self, began: Any, *, own: bool) -> Connection:
        """A place in the pool, then a connection.

        Args:
            began: called when the wait for a place has ended.
            own: share it with nobody; the caller closes it.
        """
        request = self._own if own else self._request
        return await self._connector.connect(request, [_Began(began)], _NO_TIMEOUT)  # type: ignore[list-item]


def limit_receives(protocol: ResponseHandler) -> None:
    """Let a connection receive at most 64 KiB at a time, where asyncio would have room for 256.

    The C library maps so much room anew and gives it back, with page faults, for every reply: a sixth of a booking's CPU.
    """
    transport: Any = protocol.transport
    if getattr(transport, "max_size", 0) > _MOST_RECEIVED:  # TLS and uvloop receive into a buffer of their own
        transport.max_size = _MOST_RECEIVED


def start_response(protocol: ResponseHandler, *, bodiless: bool) -> None:
    """Let the connection's next bytes be read as a response."""
    protocol.set_response_params(
        skip_payload=bodiless,
        read_until_eof=True,
        auto_decompress=True,
        max_line_size=65_536,
        max_field_size=65_536,
        max_headers=500,
    )


def whole_body(payload: StreamReader) -> bytes:
    """The body of a response that has come whole.

    ``read_nowait`` would let the parser read on, though there is nothing left to read: 5 % of a booking.
    """
    if payload.exception() is not None or not payload.total_bytes:
        return payload.read_nowait()
    return b"".join(payload._buffer)


def ends_clean(protocol: ResponseHandler) -> bool:
    """Take the parser off after a response; whether the connection is fit for another one.

    It isn't if it is closing, or if anything stands in it: from now on bytes that nobody asked for are kept aside, where
    `is_clean` sees them. A parser that has begun another response doesn't show it, but is surprised by an end.
    """
    parser: Any = protocol._parser
    if parser is None or protocol.should_close or getattr(parser, "_tail", None) or getattr(parser, "_lines", None):
        return False
    protocol._parser = None
    try:
        return parser.feed_eof() is None
    except Exception:  # noqa: BLE001 - whatever it makes of half a head: there is one
        return False


def is_clean(protocol: ResponseHandler) -> bool:
    """Whether a connection is open, and nothing has come on it that nobody asked for."""
    transport = protocol.transport
    return transport is not None and not transport.is_closing() and not protocol.should_close


def was_reset(protocol: ResponseHandler) -> bool:
    """Whether a connection ended otherwise than in order."""
    error = protocol.exception()
    return error is not None and type(error) is not aiohttp.ServerDisconnectedError


def has_message(protocol: ResponseHandler) -> bool:
    """Whether a response's head has come that nobody has read."""
    return len(protocol) > 0


def notes(protocol: ResponseHandler) -> dict[str, Any]:
    """Where facts about a connection can be kept as long as it lives."""
    return vars(protocol)


def loop_of(connector: BaseConnector) -> asyncio.AbstractEventLoop | None:
    """The event loop that a connector belongs to."""
    return getattr(connector, "_loop", None)


async def differences() -> str:
    """What of the installed aiohttp differs from what is used here; empty: nothing.

    The parts are driven, not only looked at: a parser reads a response, half of another one, and stray bytes.
    """
    found = tuple(inspect.signature(BaseConnector.connect).parameters)
    if found[: len(_PARAMETERS)] != _PARAMETERS:
        return f"its connector's connect has the parameters {found}, not {_PARAMETERS}"
    try:
        return await _driven()
    except Exception as error:  # noqa: BLE001 - whatever it is, it isn't what it was
        return f"its response parser raised {type(error).__name__}"


async def _driven() -> str:
    loop = asyncio.get_running_loop()
    route_key = _OwnConnection("POST", URL("http://localhost:1"), loop=loop).connection_key
    if route_key == ClientRequest("POST", URL("http://localhost:1"), loop=loop).connection_key:
        return "its pool has other keys"
    facts: Mapping[str, bytes] = {"whole": b"", "half a head": b"H", "another reply": _PROBE}
    for what, behind in facts.items():
        protocol = ResponseHandler(loop)
        protocol.connection_made(_Open())
        start_response(protocol, bodiless=False)
        protocol.data_received(_PROBE + behind)
        if not has_message(protocol):
            return "its parser gave no response"
        message, payload = await protocol.read()
        if (message.code, message.headers.get("x"), message.should_close) != (200, "y", False):
            return "its parser read something else"
        if not payload.is_eof() or payload.total_bytes != 2 or whole_body(payload) != b"ok":
            return "its parser read another body"
        if ends_clean(protocol) != (not behind):
            return f"its parser hides {what}"
        if not behind:
            if not is_clean(protocol):
                return "a connection is spent after one response"
            protocol.data_received(b"H")
            if is_clean(protocol):
                return "stray bytes don't show"
    return ""
