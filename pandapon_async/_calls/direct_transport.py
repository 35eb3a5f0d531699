"""One attempt over a connection that is looked at first: sign, write, read; and whether a byte may have left is a fact.

What is signed is what is sent, and nothing that came from outside can begin a line of a request's head.
"""

from __future__ import annotations

import asyncio
import base64
import os
import re
from collections.abc import Callable, Mapping
from operator import itemgetter
from typing import Any

from aiohttp import hdrs
from aiohttp.connector import BaseConnector
from yarl import URL

from .._clock import Clock
from .._config.profiles import Timeouts, VendorProfile
from .._config.signing import documented_signer, new_nonce, sign as digest_of
from .._errors import ConfigError
from .._models.operation import Effect, Operation
from .._version import __version__
from . import aiohttp_seam as seam
from .aiohttp_seam import Connection, Route, StreamReader
from .broken import AttemptError, broken
from .connections import NOT_EMPTY, Connections
from .decoding import TOO_LARGE, decoded
from .endpoints import encoded_query
from .exchange import Call, Exchange
from .timeouts import Deadline, Deadlines, TimedOutError

_MOST_CONNECTIONS = 8
_MOST_TEMPLATES = 64

_HEADERS = {"Accept": "application/json", "User-Agent": f"pandapon-async/{__version__}"}

_TOKEN = re.compile(r"[!#$%&'*+\-.^_`|~0-9A-Za-z]+")
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")
_FRAMING = frozenset(
    {"host", "content-length", "transfer-encoding", "connection", "expect", "upgrade", "te", "trailer"}
)
_BODILESS = ("GET", "HEAD", "OPTIONS", "TRACE")


class DirectTransport:
    """An account's way to the vendor over a connector that is driven directly.

    Args:
        profile: the account.
        clock: where time comes from.
        connector: aiohttp's.
        tls: what aiohttp takes as ``ssl``.
        authentic: whether nobody in between can make up a reply.
        shared: whether others use the connector, too.
    """

    def __init__(
        self,
        profile: VendorProfile,
        clock: Clock,
        connector: BaseConnector,
        tls: Any,
        *,
        authentic: bool,
        shared: bool,
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
        self._connector = connector
        self._loop = asyncio.get_running_loop()
        self._process = os.getpid()
        self._authentic = authentic
        absolute = f"http://{route.headers[hdrs.HOST]}" if by_plain_proxy else ""
        self._heads = SignedHeads(profile, clock, HeadWriter(profile.name, fixed), absolute)
        self._connections = Connections(route, profile.idle_timeout, shared=shared)
        self._deadlines = Deadlines(self._loop)

    def is_usable(self) -> bool:
        """Whether calls can be sent by it from here; see `Way.is_usable`."""
        return asyncio.get_running_loop() is self._loop and os.getpid() == self._process and not self._connector.closed

    def close(self) -> None:
        """Nothing begins any more; what is under way keeps its deadline."""
        self._connections.close()
        self._deadlines.close()

    async def attempt(self, call: Call, offset: float, timeouts: Timeouts, seconds: float) -> Exchange:
        """Send the call once and read the whole reply; see `Way.attempt`."""
        call.written = False
        connections, profile, operation, body = self._connections, self._profile, call.operation, call.body
        own = profile.fresh_connections and operation.effect is Effect.WRITE
        deadline = self._deadlines.start(seconds, min(timeouts.connect, timeouts.read))
        connection: Connection | None = None
        transport: asyncio.WriteTransport | None = None
        try:
            for _ in range(_MOST_CONNECTIONS):
                taken = None if own else connections.take_idle()
                if taken is None:
                    taken = await connections.make(deadline, timeouts.connect, own=own)
                connection, protocol, peer = taken
                head, signed_at, signed = self._heads.signed(call, offset)
                # Signing may take its time: nothing else stands between this look and the first byte.
                if (peer.poll is not None and not peer.poll(0)) or await connections.is_empty(protocol, peer):
                    break
                connection.close()
            else:
                raise AttemptError(NOT_EMPTY)
            if deadline.late is not None:
                raise TimedOutError(deadline.late)
            if call.guard is not None and (why := call.guard()) is not None:
                raise AttemptError(why)
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
                content = seam.whole_body(payload)
            else:
                peer.payload = payload
                content = await self._rest(payload, deadline)
            headers = message.headers
            if hdrs.CONTENT_LENGTH not in headers and not message.chunked and seam.was_reset(protocol):
                raise AttemptError("the reply was cut")  # without a length, an end in order is all that tells the end
            if message.compression is None and (coding := headers.get(hdrs.CONTENT_ENCODING)) is not None:
                content = decoded(content, coding, profile.max_reply_bytes)
            if early:
                transport.abort()  # closing alone would first send the rest
            if 200 <= message.code < 300 and not (early or own):
                connections.give_back(taken, headers)
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
        return Exchange(
            message.code, headers, content, signed_at - offset, self._clock.now(), signed_at, self._authentic, signed,
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


# --- signature and head ---


def fixed_headers(profile: VendorProfile) -> dict[str, str]:
    """The headers that are the same in all requests of an account."""
    keys = profile.credentials
    return _HEADERS if keys is None or keys.user_id is None else {**_HEADERS, "user-id": keys.user_id}


class Signature:
    """What authenticates one attempt.

    Attributes:
        headers: those that are new with each attempt.
        query: more query, encoded; it may be empty.
        signed_at: the time that was signed, in Unix seconds.
        values: what must not be shown.
    """

    __slots__ = ("headers", "query", "signed_at", "values")

    def __init__(self, headers: Mapping[str, str], query: str, signed_at: float, values: tuple[str, ...]) -> None:
        self.headers = headers
        self.query = query
        self.signed_at = signed_at
        self.values = values


def sign(profile: VendorProfile, clock: Clock, offset: float, operation: Operation[Any]) -> Signature:
    """Sign an attempt, now.

    Args:
        profile: the account, with credentials.
        clock: where the time comes from.
        offset: how many seconds the vendor's clock is ahead of ours.
        operation: what is called.

    Raises:
        ConfigError: the profile's signer raised.
    """
    signed_at = clock.now() + offset
    return _signature(profile, operation, signed_at, _timestamp(profile, signed_at), new_nonce())


def _timestamp(profile: VendorProfile, signed_at: float) -> str:
    return str(int(signed_at * 1000 if profile.timestamp_unit == "ms" else signed_at))


def _signature(
    profile: VendorProfile, operation: Operation[Any], signed_at: float, timestamp: str, nonce: str
) -> Signature:
    keys = profile.credentials
    assert keys is not None  # the session made sure of it
    try:
        headers, query = profile.signer(keys.access_key, keys.access_secret, timestamp, nonce, operation)
        encoded = encoded_query(query) if profile.signed_query else ""
        return Signature(headers, encoded, signed_at, (*headers.values(), *query.values()))
    except Exception as error:  # noqa: BLE001 - the profile may hold anybody's signer; its error may quote the secret
        raise ConfigError(f"the profile's signer raised {type(error).__name__}", vendor=profile.name) from None


def joined_query(query: str, more: str) -> str:
    """Two encoded queries as one, with its question mark; empty: there is none."""
    return f"?{query}{'&' if query and more else ''}{more}" if query or more else ""


class HeadWriter:
    """Writes the heads of one account's requests; what is the same in all of them is put together once.

    Args:
        vendor: the account's name, for errors.
        fixed: headers that every request has.
    """

    def __init__(self, vendor: str, fixed: Mapping[str, str]) -> None:
        self._vendor = vendor
        self._fixed = fixed
        self._templates: dict[tuple[Any, ...], str] = {}

    def head(self, method: str, target: str, signature: Signature, length: int | None) -> bytes:
        """A request's head.

        Args:
            method: HTTP method.
            target: origin form, or absolute form for a proxy; encoded.
            signature: what authenticates it.
            length: of its body; None: it has none.

        Raises:
            ConfigError: a header can't be sent as it is.
        """
        headers = signature.headers
        key = (method, length is None, *headers)
        template = self._templates.get(key) or self._template(key, method, tuple(headers), bodiless=length is None)
        values = (target, *headers.values())
        given = "".join(values)
        if not given.isprintable() or not given.isascii() or " " in target:
            self._refuse_control(target, headers)
        return (template % (values if length is None else (*values, length))).encode()

    def _template(self, key: tuple[Any, ...], method: str, names: tuple[str, ...], *, bodiless: bool) -> str:
        for token in (method, *names):
            if not _TOKEN.fullmatch(token):
                raise ConfigError("the profile's signer gave a header whose name is none", vendor=self._vendor)
        given = {name.lower() for name in names}
        if len(given) < len(names) or given & _FRAMING:
            raise ConfigError(
                "the profile's signer gave a header twice, or one that isn't its own", vendor=self._vendor
            )
        fixed = dict(self._fixed)
        if not bodiless:
            fixed["Content-Type"] = "application/json"
        lines = [f"{name}: {value}".replace("%", "%%") for name, value in fixed.items() if name.lower() not in given]
        lines += [f"{name}: %s".replace("%", "%%", name.count("%")) for name in names]
        if not bodiless:
            lines.append("Content-Length: %d")
        elif method not in _BODILESS:
            lines.append("Content-Length: 0")
        if len(self._templates) >= _MOST_TEMPLATES:  # a signer that makes up names is no reason to grow
            self._templates.clear()
        escaped = method.replace("%", "%%")
        template = self._templates[key] = "\r\n".join([f"{escaped} %s HTTP/1.1", *lines, "", ""])
        return template

    def _refuse_control(self, target: str, headers: Mapping[str, str]) -> None:
        if not (target.isascii() and target.isprintable()) or " " in target:
            raise ConfigError("the path can't be sent as it is", vendor=self._vendor)
        for name, value in headers.items():
            if _CONTROL.search(value):
                raise ConfigError(f"the header {name} holds a control character", vendor=self._vendor)


class SignedHeads:
    """Signs attempts and writes their heads.

    The documented scheme's differ in no more than time, nonce, signature and length, so one is written once for an operation
    and filled in: 6 % of a booking.

    Args:
        profile: the account.
        clock: where time comes from.
        writer: writes a head.
        absolute: what stands before the path: for a proxy, scheme and host.
    """

    def __init__(self, profile: VendorProfile, clock: Clock, writer: HeadWriter, absolute: str) -> None:
        self._profile = profile
        self._clock = clock
        self._writer = writer
        self._absolute = absolute
        keys = profile.credentials
        assert keys is not None  # the session made sure of it
        self._key, self._secret = keys.access_key, keys.access_secret
        self._is_documented = profile.signer is documented_signer
        self._forms: dict[tuple[Any, ...], tuple[str, Callable[[tuple[Any, ...]], tuple[Any, ...]]]] = {}

    def signed(self, call: Call, offset: float) -> tuple[bytes, float, tuple[str, ...]]:
        """The head of an attempt that begins now; the time that was signed; what must not be shown.

        Raises:
            ConfigError: see `sign` and `HeadWriter.head`.
        """
        profile, operation, body = self._profile, call.operation, call.body
        length = 0 if body is None else len(body)
        if call.query or not self._is_documented:
            signature = sign(profile, self._clock, offset, operation)
            return self._written(call, signature, length), signature.signed_at, signature.values
        key = (operation.method, call.url.raw_path, operation.signed_query, body is None)
        template, order = self._forms.get(key) or self._form(key, call)
        signed_at = self._clock.now() + offset
        timestamp, nonce = _timestamp(profile, signed_at), new_nonce()
        digest = digest_of(self._key, self._secret, timestamp, nonce)
        head: bytes = (template % order((timestamp, nonce, digest, length))).encode()
        return head, signed_at, (self._key, timestamp, nonce, digest)

    def _written(self, call: Call, signature: Signature, length: int) -> bytes:
        target = f"{self._absolute}{call.url.raw_path}{joined_query(call.query, signature.query)}"
        return self._writer.head(call.operation.method, target, signature, None if call.body is None else length)

    def _form(self, key: tuple[Any, ...], call: Call) -> tuple[str, Callable[[tuple[Any, ...]], tuple[Any, ...]]]:
        """Write a head of marks that stand nowhere else, and see where they are."""
        timestamp, nonce, length = new_nonce(), new_nonce(), int(new_nonce(), 16)
        marks = (timestamp, nonce, digest_of(self._key, self._secret, timestamp, nonce), str(length))
        signature = _signature(self._profile, call.operation, 0.0, timestamp, nonce)
        parts = re.split(f"({'|'.join(marks)})", self._written(call, signature, length).decode())
        template = "%s".join(part.replace("%", "%%") for part in parts[::2])
        if len(self._forms) >= _MOST_TEMPLATES:  # paths may hold ids
            self._forms.clear()
        form = self._forms[key] = template, itemgetter(*[marks.index(mark) for mark in parts[1::2]])
        return form
