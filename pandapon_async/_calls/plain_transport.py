"""The plain way: `ClientSession` and its public interface only, with a connection of its own for each call.

Taken when the installed aiohttp isn't the one that `aiohttp_seam` knows. Nothing can be on a new connection, so no reply can be
another call's; but whether a byte has left can't be known, so whatever isn't surely unsent is in doubt. It costs some ten times
as much over TLS.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import aiohttp
from aiohttp import hdrs
from aiohttp.client_middlewares import ClientHandlerType
from aiohttp.connector import BaseConnector
from yarl import URL

from .._clock import Clock
from .._config.profiles import Timeouts, VendorProfile
from .._errors import ConfigError
from .broken import AttemptError, broken
from .decoding import TOO_LARGE, decoded
from .direct_transport import HeadWriter, fixed_headers, joined_query, sign
from .exchange import Call, Exchange
from .timeouts import TimedOutError

_DECODED = ("gzip", "deflate", "br", "zstd")
# Matched exactly: ClientConnectorError's parent, ClientOSError, is what a reset after sending raises.
_NOT_SENT = frozenset(
    {
        aiohttp.ClientConnectorError,
        aiohttp.ClientConnectorDNSError,
        aiohttp.ClientConnectorSSLError,
        aiohttp.ClientConnectorCertificateError,
        aiohttp.ClientProxyConnectionError,
        aiohttp.ClientHttpProxyError,
        aiohttp.ServerFingerprintMismatch,
        aiohttp.ConnectionTimeoutError,
    }
)


class PlainTransport:
    """An account's way to the vendor through aiohttp's public interface; see `DirectTransport`."""

    def __init__(
        self, profile: VendorProfile, clock: Clock, connector: BaseConnector, tls: Any, *, authentic: bool
    ) -> None:
        if not connector.force_close:
            raise ConfigError("with this aiohttp, the connector must have force_close=True", vendor=profile.name)
        self._profile = profile
        self._clock = clock
        self._authentic = authentic
        self._tls = tls
        self._heads = HeadWriter(profile.name, {})
        self._client = aiohttp.ClientSession(
            connector=connector,
            connector_owner=False,
            cookie_jar=aiohttp.DummyCookieJar(),
            headers=fixed_headers(profile),
            trust_env=False,
            max_line_size=65_536,
            max_field_size=65_536,
            max_headers=500,
        )

    def is_usable(self) -> bool:
        """Never known without looking; see `Way.is_usable`."""
        return False

    def close(self) -> None:
        """Nothing begins any more."""
        self._client.detach()

    async def attempt(self, call: Call, offset: float, timeouts: Timeouts, seconds: float) -> Exchange:
        """Send the call once and read the whole reply; see `Way.attempt`."""
        call.written = False
        signature = sign(self._profile, self._clock, offset, call.operation)
        path = f"{call.url.raw_path}{joined_query(call.query, signature.query)}"
        self._heads.head(call.operation.method, path, signature, None)  # refuses what can't be sent as it is
        body = None if call.body is None else _Body(call.body)
        if call.guard is not None and (why := call.guard()) is not None:
            raise broken(AttemptError(why), written=False)
        try:
            call.written = True  # for all that can be known
            async with self._client.request(
                call.operation.method,
                URL(f"{call.url.origin()}{path}", encoded=True),
                data=None if body is None else body.chunks(),
                headers={**dict(signature.headers), **(body.headers if body is not None else {})},
                proxy=self._profile.proxy,
                ssl=self._tls,
                timeout=aiohttp.ClientTimeout(total=seconds, sock_connect=timeouts.connect, sock_read=timeouts.read),
                middlewares=(_once(),),
                allow_redirects=False,
                raise_for_status=False,
            ) as response:
                if response.status == 101:
                    raise AttemptError("the vendor changed the protocol unasked")
                early = body is not None and not body.written
                content = await self._read(response)
        except aiohttp.ConnectionTimeoutError:
            call.written = False
            raise broken(TimedOutError("connect"), written=False) from None
        except aiohttp.SocketTimeoutError:
            raise broken(TimedOutError("silence"), written=True) from None
        except asyncio.TimeoutError:
            raise broken(TimedOutError("deadline"), written=True) from None
        except Exception as error:  # noqa: BLE001 - aiohttp raises its own errors, the system's and asyncio's
            call.written = type(error) not in _NOT_SENT
            raise broken(error, written=call.written) from None
        return Exchange(
            response.status, response.headers, content, signature.signed_at - offset, self._clock.now(),
            signature.signed_at, self._authentic, signature.values, early,
        )  # fmt: skip

    async def _read(self, response: aiohttp.ClientResponse) -> bytes:
        left = most = self._profile.max_reply_bytes
        chunks: list[bytes] = []
        async for chunk in response.content.iter_any():
            chunks.append(chunk)
            left -= len(chunk)
            if left < 0:
                raise AttemptError(TOO_LARGE)
        coding = response.headers.get(hdrs.CONTENT_ENCODING, "")
        return b"".join(chunks) if coding.lower() in _DECODED else decoded(b"".join(chunks), coding, most)


class _Body:
    """A JSON body, and whether all of it has been taken."""

    def __init__(self, content: bytes) -> None:
        self._content = content
        self.headers: dict[str, str] = {hdrs.CONTENT_TYPE: "application/json", hdrs.CONTENT_LENGTH: str(len(content))}
        self.written = False

    async def chunks(self) -> AsyncIterator[bytes]:
        yield self._content
        self.written = True


def _once() -> Any:
    """A middleware that stops aiohttp from repeating a request by itself."""
    passes = 0

    async def once(request: aiohttp.ClientRequest, handler: ClientHandlerType) -> aiohttp.ClientResponse:
        nonlocal passes
        passes += 1
        if passes > 1:
            raise AttemptError("the connection was closed")
        return await handler(request)

    return once
