"""One attempt over a connection that is looked at first: sign, write, read; and whether a byte may have left is a fact."""

from __future__ import annotations

import asyncio
import base64
from typing import Any

from aiohttp import hdrs
from aiohttp.connector import BaseConnector
from yarl import URL

from .._clock import Clock
from .._config.profiles import Timeouts, VendorProfile
from .._errors import ConfigError
from .._models.operation import Effect
from . import aiohttp_seam as seam
from .aiohttp_seam import Connection, Route, StreamReader
from .broken import AttemptError, broken
from .connections import NOT_EMPTY, Connections
from .decoding import TOO_LARGE, decoded
from .exchange import Call, Exchange
from .request_head import HeadWriter, fixed_headers, joined_query, sign
from .timeouts import Deadline, Deadlines, TimedOutError

_MOST_CONNECTIONS = 8


class DirectTransport:
    """An account's way to the vendor over a connector that is driven directly.

    Args:
        profile: the account.
        clock: where time comes from.
        connector: aiohttp's.
        tls: what aiohttp takes as ``ssl``.
        authentic: whether nobody in between can make up a reply.
    """

    def __init__(
        self, profile: VendorProfile, clock: Clock, connector: BaseConnector, tls: Any, *, authentic: bool
    ) -> None:
        origin = URL(profile.base_url).origin()
        proxy = None if profile.proxy is None else URL(profile.proxy)
        route = Route(connector, origin, proxy, tls)
        fixed = {name: route.headers[name] for name in (hdrs.HOST, hdrs.ACCEPT_ENCODING)} | fixed_headers(profile)
        by_plain_proxy = proxy is not None and origin.scheme == "http"
        if by_plain_proxy and proxy is not None and (proxy.user or proxy.password):
            keys = f"{proxy.user or ''}:{proxy.password or ''}".encode()
            fixed[hdrs.PROXY_AUTHORIZATION] = f"Basic {base64.b64encode(keys).decode()}"
        self._profile = profile
        self._clock = clock
        self._authentic = authentic
        self._absolute = f"http://{route.headers[hdrs.HOST]}" if by_plain_proxy else ""
        self._heads = HeadWriter(profile.name, fixed)
        self._connections = Connections(route, profile.idle_timeout)
        self._deadlines = Deadlines(asyncio.get_running_loop())

    def close(self) -> None:
        """Nothing begins any more; what is under way keeps its deadline."""
        self._deadlines.close()

    async def attempt(self, call: Call, offset: float, timeouts: Timeouts, seconds: float) -> Exchange:
        """Send the call once and read the whole reply; see `Transport.attempt`."""
        call.written = False
        connections, profile, operation, body = self._connections, self._profile, call.operation, call.body
        own = profile.fresh_connections and operation.effect is Effect.WRITE
        deadline = self._deadlines.start(seconds, min(timeouts.connect, timeouts.read))
        connection: Connection | None = None
        transport: asyncio.WriteTransport | None = None
        try:
            for _ in range(_MOST_CONNECTIONS):
                connection, protocol, peer = await connections.take(deadline, timeouts.connect, own=own)
                signature = sign(profile, self._clock, offset, operation)
                target = f"{self._absolute}{call.url.raw_path}{joined_query(call.query, signature.query)}"
                head = self._heads.head(operation.method, target, signature, None if body is None else len(body))
                # Signing may take its time: nothing else stands between this look and the first byte.
                if (peer.poll is not None and not peer.poll(0)) or await connections.is_empty(protocol, peer):
                    break
                connection.close()
            else:
                raise AttemptError(NOT_EMPTY)
            if deadline.late is not None:
                raise TimedOutError(deadline.late)
            transport = protocol.transport
            assert transport is not None
            peer.payload = None
            seam.start_response(protocol, bodiless=operation.method == "HEAD")
            call.written = True
            transport.write(head + body if body else head)
            deadline.expect(peer, "silence", timeouts.read)
            message, payload = await protocol.read()
            while message.code < 200:
                if message.code == 101:
                    raise AttemptError("the vendor changed the protocol unasked")
                deadline.hear()
                message, payload = await protocol.read()
            early = transport.get_write_buffer_size() > 0
            if payload.is_eof() and payload.total_bytes <= profile.max_reply_bytes:  # it is here already, as most are
                content = payload.read_nowait()
            else:
                peer.payload = payload
                content = await self._rest(payload, deadline)
            headers = message.headers
            if seam.was_reset(protocol) and not message.chunked and hdrs.CONTENT_LENGTH not in headers:
                raise AttemptError("the reply was cut")  # without a length, an end in order is all that tells the end
            if message.compression is None and (coding := headers.get(hdrs.CONTENT_ENCODING)) is not None:
                content = decoded(content, coding, profile.max_reply_bytes)
            if early:
                transport.abort()  # closing alone would first send the rest
            if 200 <= message.code < 300 and not (early or own):
                connections.give_back(connection, protocol, peer, headers)
            else:
                connection.close()
        except BaseException as error:
            if transport is not None:
                transport.abort()
            if connection is not None:
                connection.close()
            if isinstance(error, ConfigError) or not isinstance(error, Exception):
                raise
            raise broken(error, written=call.written) from None  # aiohttp's own errors hold the URL, so the signature
        finally:
            self._deadlines.stop(deadline)
        received, signed_at = self._clock.now(), signature.signed_at
        return Exchange(
            message.code, headers, content, signed_at - offset, received, signed_at, self._authentic, signature.values,
            early, peer,
        )  # fmt: skip

    async def _rest(self, payload: StreamReader, deadline: Deadline) -> bytes:
        most = self._profile.max_reply_bytes
        chunks: list[bytes] = []
        deadline.hear()
        while chunk := await payload.readany():
            deadline.hear()
            chunks.append(chunk)
            most -= len(chunk)
            if most < 0:
                raise AttemptError(TOO_LARGE)
        return b"".join(chunks)
