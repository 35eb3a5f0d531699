"""One attempt over aiohttp: sign, send, read; and when that breaks, whether the vendor can have seen it.

aiohttp's own errors never leave this file: their texts and reprs hold the URL, so the signature.
"""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Mapping, Sequence
from typing import Any, NoReturn
from urllib.parse import quote

import aiohttp
import attrs
from aiohttp import hdrs
from aiohttp.abc import AbstractStreamWriter
from aiohttp.client_middlewares import ClientHandlerType
from aiohttp.payload import Payload
from multidict import CIMultiDictProxy
from yarl import URL

from ._version import __version__
from .clock import Clock
from .errors import ConfigError, Stage
from .operation import Effect, Operation
from .profiles import VendorProfile, is_loopback
from .signing import new_nonce

_HEADERS = {"Accept": "application/json", "User-Agent": f"pandapon-async/{__version__}"}

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
_BAD_CERTIFICATE = (aiohttp.ClientConnectorCertificateError, aiohttp.ServerFingerprintMismatch)


@attrs.define
class Call:
    """One logical call, encoded once: what every attempt of it sends.

    ``written`` tells whether a byte of the attempt that is under way may have left.
    """

    operation: Operation[Any]
    request: Any
    reference: str | None
    url: URL
    query: str
    body: bytes | None
    written: bool = False
    began: float = 0.0


@attrs.define
class Exchange:
    """A whole reply.

    ``sent`` and ``received`` are our wall clock; ``signed_at`` is the time that was signed, in Unix seconds;
    ``authentic`` tells that nobody in between can have made it up (TLS, or this machine); ``signed`` are the values that
    authenticated the attempt, which must not be shown.
    """

    status: int
    headers: CIMultiDictProxy[str]
    body: bytes
    sent: float
    received: float
    signed_at: float
    authentic: bool
    signed: tuple[str, ...]


class BrokenExchangeError(Exception):
    """No whole reply: at which stage, and why (a type name, for the attempt's record).

    ``hopeless``: it can't get better by itself (a bad certificate). ``deadline``: our own time was up.
    """

    def __init__(self, stage: Stage, reason: str, *, hopeless: bool = False, deadline: bool = False) -> None:
        super().__init__(reason)
        self.stage = stage
        self.reason = reason
        self.hopeless = hopeless
        self.deadline = deadline


class _SecondPassError(Exception):
    """aiohttp was about to repeat a WRITE by itself."""


class _TooLargeError(Exception):
    """The reply is larger than the profile allows."""


class _Body(Payload):
    """A JSON body that tells the call when its first byte is about to be written."""

    _value: bytes
    _autoclose = True

    def __init__(self, call: Call, body: bytes) -> None:
        super().__init__(body, content_type="application/json")
        self._size = len(body)
        self._call = call

    def decode(self, encoding: str = "utf-8", errors: str = "strict") -> str:
        return self._value.decode(encoding, errors)

    async def write(self, writer: AbstractStreamWriter) -> None:
        self._call.written = True
        await writer.write(self._value)

    async def write_with_length(self, writer: AbstractStreamWriter, content_length: int | None) -> None:
        await self.write(writer)


class _Signing:
    """The client middleware that signs: it runs for each pass, so also when aiohttp repeats a READ by itself."""

    def __init__(self, profile: VendorProfile, call: Call, clock: Clock, offset: float) -> None:
        self._profile = profile
        self._call = call
        self._clock = clock
        self._offset = offset
        self.passes = 0
        self.signed_at = 0.0
        self.signed: tuple[str, ...] = ()

    async def __call__(self, request: aiohttp.ClientRequest, handler: ClientHandlerType) -> aiohttp.ClientResponse:
        call = self._call
        self.passes += 1
        if self.passes > 1 and call.operation.effect is Effect.WRITE:
            raise _SecondPassError
        self._sign(request)
        if call.body is None:
            call.written = True  # nothing tells when the head of a request without a body leaves
        return await handler(request)

    def _sign(self, request: aiohttp.ClientRequest) -> None:
        profile, call = self._profile, self._call
        keys = profile.credentials
        assert keys is not None  # the session made sure of it
        self.signed_at = self._clock.now() + self._offset
        timestamp = str(int(self.signed_at * 1000 if profile.timestamp_unit == "ms" else self.signed_at))
        headers, query = profile.signer(keys.access_key, keys.access_secret, timestamp, new_nonce(), call.operation)
        request.headers.update(headers)
        if keys.user_id is not None:
            request.headers["user-id"] = keys.user_id
        if query and profile.signed_query:
            request.url = with_query(call.url, call.query, query)
        self.signed = (*headers.values(), *query.values())


class Transport:
    """One account's way to the vendor: a lazily made aiohttp session, or the caller's own, which is never closed."""

    def __init__(
        self,
        profile: VendorProfile,
        clock: Clock,
        *,
        client_session: aiohttp.ClientSession | None = None,
        trace_configs: Sequence[aiohttp.TraceConfig] = (),
    ) -> None:
        if client_session is not None:
            _check_given(client_session)
        self._profile = profile
        self._clock = clock
        self._given = client_session
        self._trace_configs = list(trace_configs)
        self._client: aiohttp.ClientSession | None = None
        self._opening: asyncio.Lock | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._closed = False
        self._whole_timeout = self._timeout(profile.timeouts.total)
        base = URL(profile.base_url)
        self._authentic = base.scheme == "https" or is_loopback(base.host or "")

    def ready(self) -> aiohttp.ClientSession | None:
        """The aiohttp session, if it is open already; None: `open` it.

        Raises:
            ConfigError: the session that was given has been closed.
        """
        client = self._client
        if client is None or asyncio.get_running_loop() is not self._loop:
            return None
        if client.closed:
            raise ConfigError("the ClientSession that was given is closed", vendor=self._profile.name)
        return client

    async def open(self) -> aiohttp.ClientSession:
        """The aiohttp session, made at the first call.

        Raises:
            ConfigError: closed, or used from a second event loop.
        """
        name = self._profile.name
        if self._was_closed():
            raise ConfigError("the session is closed", vendor=name)
        loop = asyncio.get_running_loop()
        if self._loop is None:
            self._loop, self._opening = loop, asyncio.Lock()
        if loop is not self._loop:
            raise ConfigError(
                "the session was first used on another event loop: make one session for each loop, inside it",
                vendor=name,
            )
        assert self._opening is not None
        async with self._opening:
            if self._client is None:
                client = self._given or await self._make()
                self._client = client
                if self._was_closed():  # while the TLS context was being made
                    await self.close()
                    raise ConfigError("the session is closed", vendor=name)
            return self._client

    async def _make(self) -> aiohttp.ClientSession:
        context = self._profile.ssl_context
        if context is None and self._profile.base_url.startswith("https:"):
            context = await asyncio.to_thread(ssl.create_default_context)  # reads the trust store: not on the loop
        return aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=self._profile.limits.concurrency, ssl=context or True),
            cookie_jar=aiohttp.DummyCookieJar(),
            headers=_HEADERS,
            trust_env=False,
            trace_configs=self._trace_configs,
        )

    def _was_closed(self) -> bool:
        return self._closed

    async def close(self) -> None:
        """Close what was opened here; a given session stays open. Twice is fine."""
        self._closed = True
        client, self._client = self._client, None
        if client is not None and client is not self._given:
            await client.close()

    async def attempt(self, client: aiohttp.ClientSession, call: Call, offset: float, seconds: float) -> Exchange:
        """Send the call once and read the whole reply.

        Args:
            client: what `open` gave.
            call: what to send; ``call.written`` is kept up to date.
            offset: how many seconds the vendor's clock is ahead of ours.
            seconds: the time that is left for it.

        Raises:
            BrokenExchangeError: there is no whole reply.
        """
        call.written = False
        signing = _Signing(self._profile, call, self._clock, offset)
        sent = self._clock.now()
        try:
            response = await client.request(
                call.operation.method,
                call.url if not call.query else with_query(call.url, call.query, {}),
                data=None if call.body is None else _Body(call, call.body),
                headers=_HEADERS if self._given is not None else None,
                proxy=self._profile.proxy,
                timeout=self._whole_timeout if seconds == self._profile.timeouts.total else self._timeout(seconds),
                middlewares=(signing,),
                allow_redirects=False,
                raise_for_status=False,
                auto_decompress=True,
            )
            try:
                body = await self._read(response)
            finally:
                response.close()
        except Exception as error:  # noqa: BLE001 - aiohttp raises its own, the system's and asyncio's: all are told apart here
            _raise_broken(error, written=call.written)
        return Exchange(
            response.status,
            response.headers,
            body,
            sent,
            self._clock.now(),
            signing.signed_at,
            self._authentic,
            signing.signed,
        )

    def _timeout(self, seconds: float) -> aiohttp.ClientTimeout:
        limits = self._profile.timeouts
        return aiohttp.ClientTimeout(
            total=seconds, connect=limits.connect, sock_connect=limits.connect, sock_read=limits.read
        )

    async def _read(self, response: aiohttp.ClientResponse) -> bytes:
        most = self._profile.max_reply_bytes
        length = response.content_length
        if length is not None and length <= most and hdrs.CONTENT_ENCODING not in response.headers:
            return await response.read()
        chunks: list[bytes] = []
        async for chunk in response.content.iter_any():
            chunks.append(chunk)
            most -= len(chunk)
            if most < 0:
                raise _TooLargeError
        return b"".join(chunks)


def with_query(url: URL, fixed: str, more: Mapping[str, str]) -> URL:
    """The URL with a query, encoded once and here, so that what is signed is what is sent."""
    parts = [fixed] if fixed else []
    parts += [f"{_encoded(name)}={_encoded(value)}" for name, value in more.items()]
    return URL.build(
        scheme=url.scheme, authority=url.raw_authority, path=url.raw_path, query_string="&".join(parts), encoded=True
    )


def _encoded(text: str) -> str:
    return text if text.isascii() and text.isalnum() else quote(text, safe="")


def encoded_query(members: Mapping[str, Any]) -> str:
    """Plain members as a query string."""
    return "&".join(f"{_encoded(name)}={_encoded(str(value))}" for name, value in members.items())


def _check_given(client: aiohttp.ClientSession) -> None:
    if client.closed:
        raise ConfigError("the given ClientSession is closed")
    if client.trust_env:
        raise ConfigError(
            "the given ClientSession has trust_env=True: it would read proxies and passwords from the environment for "
            "every call, at three times the cost; set the profile's proxy instead"
        )
    if len(client.cookie_jar):
        raise ConfigError("the given ClientSession's cookie jar is filled: its cookies would go to the vendor")


def _raise_broken(error: Exception, *, written: bool) -> NoReturn:
    kind = type(error)
    name = kind.__name__
    if kind in _NOT_SENT:
        raise BrokenExchangeError(Stage.NOT_SENT, name, hopeless=_is_hopeless(error)) from None
    if (
        kind is TimeoutError or kind is asyncio.TimeoutError
    ):  # aiohttp's own, of `total`; those of its phases are subclasses
        stage = Stage.UNKNOWN if written else Stage.NOT_SENT
        raise BrokenExchangeError(stage, "Deadline", deadline=True) from None
    raise BrokenExchangeError(Stage.UNKNOWN, name) from None


def _is_hopeless(error: Exception) -> bool:
    if isinstance(error, _BAD_CERTIFICATE):
        return True
    return isinstance(getattr(error, "os_error", None), ssl.SSLCertVerificationError)
