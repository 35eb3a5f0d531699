"""One attempt over aiohttp: sign, send, read; and when that breaks, whether the vendor can have seen it.

aiohttp's own errors never leave this file: their texts and reprs hold the URL, so the signature.
"""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Mapping, Sequence
from typing import Any, NoReturn

import aiohttp
from aiohttp import hdrs
from aiohttp.abc import AbstractStreamWriter
from aiohttp.client_middlewares import ClientHandlerType
from aiohttp.payload import Payload
from yarl import URL

from .._clock import Clock
from .._config.profiles import Timeouts, VendorProfile, is_loopback
from .._config.signing import new_nonce
from .._errors import ConfigError, Stage
from .._models.operation import Effect
from .._version import __version__
from .endpoints import encoded_query
from .exchange import BrokenExchangeError, Call, Exchange
from .timeouts import Watch, Watched

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


class _SecondPassError(Exception):
    """aiohttp was about to repeat a WRITE by itself."""


class _TooLargeError(Exception):
    """The reply is larger than the profile allows."""


class _Body(Payload):
    """A JSON body that tells the call when its first byte is about to be written."""

    _value: bytes
    _autoclose = True

    def __init__(self, call: Call, body: bytes, watched: Watched) -> None:
        super().__init__(body, content_type="application/json")
        self._size = len(body)
        self._call = call
        self._watched = watched
        self._transport: asyncio.WriteTransport | None = None

    def decode(self, encoding: str = "utf-8", errors: str = "strict") -> str:
        return self._value.decode(encoding, errors)

    async def write(self, writer: AbstractStreamWriter) -> None:
        self._call.written = True
        self._transport = getattr(writer, "transport", None)
        await writer.write(self._value)
        self._watched.hear()

    async def write_with_length(self, writer: AbstractStreamWriter, content_length: int | None) -> None:
        await self.write(writer)

    def abort(self) -> None:
        """Drop the connection that it was written to: closing alone would first send what is still buffered."""
        if self._transport is not None:
            self._transport.abort()


class _Signing:
    """The client middleware that signs: it runs for each pass, so also when aiohttp repeats a READ by itself."""

    def __init__(
        self, profile: VendorProfile, call: Call, clock: Clock, offset: float, watched: Watched, *, drop_cookies: bool
    ) -> None:
        self._drop_cookies = drop_cookies
        self._watched = watched
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
        if self._drop_cookies:
            request.headers.popall(hdrs.COOKIE, None)
        if call.body is None:
            self._tell_when_sent(request)
        return await handler(request)

    def _tell_when_sent(self, request: aiohttp.ClientRequest) -> None:
        """Without a body, the request's own sending is what tells that a byte may have left."""
        send, call, watched = request.send, self._call, self._watched

        async def marked(connection: Any) -> aiohttp.ClientResponse:
            call.written = True
            watched.hear()
            return await send(connection)

        request.send = marked  # type: ignore[method-assign, assignment]

    def _sign(self, request: aiohttp.ClientRequest) -> None:
        profile, call = self._profile, self._call
        keys = profile.credentials
        assert keys is not None  # the session made sure of it
        self.signed_at = self._clock.now() + self._offset
        timestamp = str(int(self.signed_at * 1000 if profile.timestamp_unit == "ms" else self.signed_at))
        try:
            headers, query = profile.signer(keys.access_key, keys.access_secret, timestamp, new_nonce(), call.operation)
        except Exception as error:  # noqa: BLE001 - the profile may hold anybody's signer; its error may quote the secret
            raise ConfigError(f"the profile's signer raised {type(error).__name__}", vendor=profile.name) from None
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
            if profile.ssl_context is not None:
                raise ConfigError("ssl_context: give it to the ClientSession's connector instead", vendor=profile.name)
        self._profile = profile
        self._clock = clock
        self._given = client_session
        self._trace_configs = list(trace_configs)
        self._client: aiohttp.ClientSession | None = None
        self._opening: asyncio.Lock | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._closed = False
        self._watch = Watch()
        base = URL(profile.base_url)
        self._authentic = base.scheme == "https" or is_loopback(base.host or "")

    @property
    def opened(self) -> bool:
        """Whether the aiohttp session has been made."""
        return self._client is not None

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
        self._watch.close()
        client, self._client = self._client, None
        if client is not None and client is not self._given:
            await client.close()

    async def attempt(
        self, client: aiohttp.ClientSession, call: Call, offset: float, patience: Patience, seconds: float
    ) -> Exchange:
        """Send the call once and read the whole reply.

        Args:
            client: what `open` gave.
            call: what to send; ``call.written`` is kept up to date.
            offset: how many seconds the vendor's clock is ahead of ours.
            patience: how long a connection and a silence may take.
            seconds: what is left until the call's deadline.

        Raises:
            BrokenExchangeError: there is no whole reply.
            ConfigError: the profile's signer raised; nothing was sent.
        """
        call.written = False
        watched = self._watch.start(seconds, patience.silence)
        signing = _Signing(self._profile, call, self._clock, offset, watched, drop_cookies=client is self._given)
        payload = None if call.body is None else _Body(call, call.body, watched)
        sent = self._clock.now()
        response: aiohttp.ClientResponse | None = None
        try:
            response = await client.request(
                call.operation.method,
                call.url if not call.query else with_query(call.url, call.query, {}),
                data=payload,
                headers=_HEADERS if self._given is not None else None,
                proxy=self._profile.proxy,
                timeout=patience.connecting,
                middlewares=(signing,),
                allow_redirects=False,
                raise_for_status=False,
                auto_decompress=True,
            )
            status, headers = response.status, response.headers
            body = await self._read(response, watched)
        except BaseException as error:
            if payload is not None and (response is None or response.connection is not None):
                payload.abort()  # once the whole reply is here, the connection may be somebody else's already
            if watched.expired(error):
                _raise_late(watched, written=call.written)
            if isinstance(error, ConfigError) or not isinstance(error, Exception):
                raise
            # aiohttp raises its own errors, the system's and asyncio's: all are told apart here.
            _raise_broken(error)
        finally:
            self._watch.stop(watched)
            if response is not None:
                response.close()
        return Exchange(
            status,
            headers,
            body,
            sent,
            self._clock.now(),
            signing.signed_at,
            self._authentic,
            signing.signed,
        )

    async def _read(self, response: aiohttp.ClientResponse, watched: Watched) -> bytes:
        most = self._profile.max_reply_bytes
        length = response.content_length
        plain = hdrs.CONTENT_ENCODING not in response.headers
        if plain and length is not None and length <= most and response.content.is_eof():  # here already, as most are
            return await response.read()
        watched.hear()
        chunks: list[bytes] = []
        async for chunk in response.content.iter_any():
            watched.hear()
            chunks.append(chunk)
            most -= len(chunk)
            if most < 0:
                raise _TooLargeError
        return b"".join(chunks)


class Patience:
    """How long an attempt waits for a connection, and in silence; its deadline is given with each."""

    def __init__(self, timeouts: Timeouts) -> None:
        self.silence = timeouts.read
        self.connecting = aiohttp.ClientTimeout(total=None, connect=timeouts.connect, sock_connect=timeouts.connect)


def with_query(url: URL, fixed: str, more: Mapping[str, str]) -> URL:
    """The URL with a query, encoded once and here, so that what is signed is what is sent."""
    query = encoded_query(more)
    if fixed:
        query = f"{fixed}&{query}" if query else fixed
    return URL.build(
        scheme=url.scheme, authority=url.raw_authority, path=url.raw_path, query_string=query, encoded=True
    )


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


def _raise_late(watched: Watched, *, written: bool) -> NoReturn:
    stage = Stage.UNKNOWN if written else Stage.NOT_SENT
    by_deadline = watched.late == "deadline"
    raise BrokenExchangeError(stage, "Deadline" if by_deadline else "ReadTimeout", deadline=by_deadline) from None


def _raise_broken(error: Exception) -> NoReturn:
    kind = type(error)
    name = kind.__name__
    if kind in _NOT_SENT:
        raise BrokenExchangeError(Stage.NOT_SENT, name, hopeless=_is_hopeless(error)) from None
    raise BrokenExchangeError(Stage.UNKNOWN, name) from None


def _is_hopeless(error: Exception) -> bool:
    if isinstance(error, _BAD_CERTIFICATE):
        return True
    return isinstance(getattr(error, "os_error", None), ssl.SSLCertVerificationError)
