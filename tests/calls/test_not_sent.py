"""What was not written is not sent, whatever was raised; and the reason reaches the reader."""

from __future__ import annotations

import asyncio
import datetime
import errno
import os
import resource
import socket
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import aiohttp
import pytest
import trustme
from aiohttp.abc import AbstractResolver, ResolveResult

from pandapon_async import (
    ConfigError,
    DeadlineExceededError,
    Limits,
    NotSentError,
    PandaponError,
    PandaPonSession,
    RetryPolicy,
    Timeouts,
)
from pandapon_async._calls.broken import broken
from pandapon_async._config.signing import documented_signer
from pandapon_async._errors import Stage
from pandapon_async.testing import FakeVendor
from tests.support import (
    booking,
    closed_port,
    error_of,
    estimate,
    http_reply,
    local_profile,
    session_at,
)

ONCE = RetryPolicy(attempts=1)


async def reason(profile: Any, **options: Any) -> str:
    """Why a booking was not sent."""
    doubts: list[Any] = []
    profile = profile.evolve(retry=ONCE)
    async with session_at(profile, on_in_doubt=lambda *told: doubts.append(told), **options) as session:
        error = await error_of(session.call(booking()))
    assert isinstance(error, NotSentError), repr(error)
    assert error.sent is False
    assert error.attempts[0].stage is Stage.NOT_SENT
    assert "pandapon doctor" in str(error)
    assert doubts == []
    return error.message


# --- certificates ------------------------------------------------------------------------------------------------------


@asynccontextmanager
async def tls_at(ca: trustme.CA, *names: str, **issued: Any) -> AsyncIterator[int]:
    """The port of a TLS server with a certificate of these names."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    ca.issue_cert(*names, **issued).configure_cert(context)

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(1)
        writer.close()

    async with await asyncio.start_server(serve, "127.0.0.1", 0, ssl=context) as server:
        yield server.sockets[0].getsockname()[1]


def trusting(ca: trustme.CA) -> ssl.SSLContext:
    context = ssl.create_default_context()
    ca.configure_trust(context)
    return context


def tls_profile(port: int, context: ssl.SSLContext) -> Any:
    return local_profile(port, base_url=f"https://127.0.0.1:{port}", ssl_context=context)


async def test_an_expired_certificate_is_told() -> None:
    ca = trustme.CA()
    past = datetime.datetime(2020, 1, 1, tzinfo=datetime.timezone.utc)
    async with tls_at(ca, "127.0.0.1", not_before=past, not_after=past + datetime.timedelta(days=1)) as port:
        assert "has expired" in await reason(tls_profile(port, trusting(ca)))


async def test_a_certificate_that_is_not_valid_yet_is_told() -> None:
    ca = trustme.CA()
    future = datetime.datetime(2090, 1, 1, tzinfo=datetime.timezone.utc)
    async with tls_at(ca, "127.0.0.1", not_before=future, not_after=future + datetime.timedelta(days=1)) as port:
        assert "isn't valid yet" in await reason(tls_profile(port, trusting(ca)))


async def test_a_certificate_of_another_host_is_told() -> None:
    ca = trustme.CA()
    async with tls_at(ca, "elsewhere.example") as port:
        assert "another host's" in await reason(tls_profile(port, trusting(ca)))


async def test_a_certificate_of_an_authority_that_is_not_trusted_is_told() -> None:
    async with tls_at(trustme.CA(), "127.0.0.1") as port:
        assert "authority" in await reason(tls_profile(port, trusting(trustme.CA())))


async def test_a_vendor_that_speaks_no_tls_is_told() -> None:
    async def plain(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(10)
        writer.write(http_reply(400, b""))
        writer.close()

    async with await asyncio.start_server(plain, "127.0.0.1", 0) as server:
        profile = tls_profile(server.sockets[0].getsockname()[1], ssl.create_default_context())
        assert "no TLS" in await reason(profile)


# --- the way there -----------------------------------------------------------------------------------------------------


async def test_a_refused_connection_is_told() -> None:
    assert "refused" in await reason(local_profile(closed_port()))


async def test_a_name_that_does_not_resolve_is_told() -> None:
    profile = local_profile(1, base_url="http://nowhere.invalid", allow_insecure=True)
    assert "name can't be resolved" in await reason(profile)


class Resolver(AbstractResolver):
    """Raises what it is told to."""

    def __init__(self, error: Exception) -> None:
        self._error = error

    async def resolve(self, host: str, port: int = 0, family: Any = socket.AF_INET) -> list[ResolveResult]:
        raise self._error

    async def close(self) -> None: ...


@pytest.mark.parametrize(
    "error",
    [OSError(errno.ENOENT, "no resolv.conf"), RuntimeError("the resolver's own"), UnicodeError("label too long")],
    ids=["system", "own", "IDNA"],
)
async def test_a_resolver_that_raises_leaves_nothing_in_doubt(error: Exception) -> None:
    async with aiohttp.TCPConnector(resolver=Resolver(error)) as connector:
        profile = local_profile(1, base_url="http://vendor.example", allow_insecure=True)
        assert await reason(profile, connector=connector)


class Socks(aiohttp.TCPConnector):
    """A connector that goes through something else, which fails in its own way."""

    async def _create_connection(self, *_: Any) -> Any:
        raise ValueError("SOCKS5: general failure, user:word@proxy")


async def test_a_connector_that_raises_anything_leaves_nothing_in_doubt() -> None:
    async with Socks() as connector:
        told = await reason(local_profile(1), connector=connector)
    assert "ValueError" in told
    assert "user:word" not in told


async def test_a_route_that_is_not_there_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    async def unreachable(*_: Any, **__: Any) -> None:
        raise OSError(errno.ENETUNREACH, "unreachable")

    monkeypatch.setattr("aiohappyeyeballs.start_connection", unreachable)
    assert "no route" in await reason(local_profile(1))


async def test_descriptors_that_run_out_are_told(vendor: FakeVendor) -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    async with session_at(vendor.profile("pandapon", retry=ONCE)) as session:
        await session.call(estimate())  # what it needs for itself is open
        async with session_at(vendor.profile("pandapon", retry=ONCE)) as other:
            await other._client.state.transport.open()
            taken = os.dup(0)
            resource.setrlimit(resource.RLIMIT_NOFILE, (taken + 1, hard))
            try:
                error = await error_of(other.call(booking()))
            finally:
                resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
                os.close(taken)
    assert isinstance(error, NotSentError)
    assert "no file descriptors are left" in str(error)
    assert vendor.ledger.bookings == {}


# --- proxies -----------------------------------------------------------------------------------------------------------


@asynccontextmanager
async def proxy_that(says_: bytes) -> AsyncIterator[int]:
    """A proxy that answers so to CONNECT, and hangs up."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(says_)
        writer.close()

    async with await asyncio.start_server(serve, "127.0.0.1", 0) as server:
        yield server.sockets[0].getsockname()[1]


@pytest.mark.parametrize(
    ("answer", "why"),
    [
        (b"", "closed while it was being made"),
        (b"HTTP/1.1 407 No\r\nContent-Length: 0\r\n\r\n", "the proxy answered HTTP 407"),
        (b"HTTP/1.1 200 Connected\r\n\r\n", ""),
        (b"not HTTP\r\n\r\n", ""),
    ],
    ids=["hangs up", "407", "hangs up inside the tunnel", "no HTTP"],
)
async def test_a_proxy_that_does_not_connect_leaves_nothing_in_doubt(answer: bytes, why: str) -> None:
    async with proxy_that(answer) as port:
        profile = tls_profile(closed_port(), ssl.create_default_context())
        assert why in await reason(profile.evolve(proxy=f"http://127.0.0.1:{port}"))


async def test_a_proxy_that_is_not_there_is_told() -> None:
    profile = tls_profile(closed_port(), ssl.create_default_context())
    told = await reason(profile.evolve(proxy=f"http://user:word@127.0.0.1:{closed_port()}"))
    assert "proxy: the connection was refused" in told
    assert "word" not in told


# --- what is ours ------------------------------------------------------------------------------------------------------


async def test_a_signer_that_gives_no_text_leaves_nothing_in_doubt(vendor: FakeVendor) -> None:
    profile = vendor.profile("pandapon", retry=ONCE, signer=lambda *_: ({"x": 7}, {}))
    async with session_at(profile) as session:
        error = await error_of(session.call(booking()))
    assert isinstance(error, PandaponError)
    assert error.sent is False
    assert vendor.ledger.bookings == {}


async def test_a_session_closed_while_it_connects_leaves_nothing_in_doubt() -> None:
    with socket.socket() as full, socket.socket() as waiting, socket.socket() as more:
        full.bind(("127.0.0.1", 0))
        full.listen(0)
        for client in (waiting, more):
            client.setblocking(False)
            client.connect_ex(full.getsockname())
        doubts: list[Any] = []
        session = PandaPonSession(
            local_profile(full.getsockname()[1], timeouts=Timeouts(connect=0.3)),
            on_in_doubt=lambda *told: doubts.append(told),
        )
        task = asyncio.create_task(error_of(session.call(booking())))
        await asyncio.sleep(0.05)
        await session.close()
        error = await task
    assert isinstance(error, (NotSentError, ConfigError))
    assert error.sent is False
    assert doubts == []


async def test_a_deadline_that_passes_while_it_signs_leaves_nothing_in_doubt(vendor: FakeVendor) -> None:
    def slow(*arguments: Any) -> Any:
        for deadline in way._deadlines._under_way:
            deadline.late = "deadline"
        return documented_signer(*arguments)

    async with session_at(vendor.profile("pandapon", signer=slow)) as session:
        way: Any = await session._client.state.transport.open()
        error = await error_of(session.call(booking()))
    assert isinstance(error, DeadlineExceededError)
    assert error.sent is False
    assert vendor.ledger.bookings == {}


def test_what_was_written_decides_and_not_the_type() -> None:
    for error in (aiohttp.ServerDisconnectedError(), OSError(errno.ECONNREFUSED, "x"), RuntimeError("x")):
        assert broken(error, written=True).stage is Stage.UNKNOWN
        assert broken(error, written=False).stage is Stage.NOT_SENT


@pytest.mark.parametrize("written", [True, False])
def test_no_reason_quotes_anybody(written: bool) -> None:
    secret = "https://x/?sign=SECRETSIGN"
    errors: list[Exception] = [OSError(secret), ValueError(secret), aiohttp.ClientError(secret), OSError(9999, secret)]
    assert not any("SECRET" in broken(error, written=written).reason for error in errors)


# --- where a session may be used ---------------------------------------------------------------------------------------


def test_the_wrong_loop_is_told_before_a_turn_is_taken() -> None:
    with FakeVendor() as vendor:
        session = PandaPonSession(vendor.profile("pandapon", limits=Limits(concurrency=1, rate=0.001)))
        first = asyncio.new_event_loop()
        try:
            first.run_until_complete(session._client.state.transport.open())

            async def elsewhere() -> None:
                with pytest.raises(ConfigError, match="another event loop"):
                    await session.call(booking())

            asyncio.run(elsewhere())
            assert first.run_until_complete(session.call(booking())).attempts == 1
            first.run_until_complete(session.close())
        finally:
            first.close()


def in_a_child(work: Any) -> str:
    """What a forked process says of some work."""
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:  # pragma: no cover - another process
        try:
            told = work()
        except BaseException as error:
            told = repr(error)
        os.write(writing, str(told).encode())
        os._exit(0)
    os.close(writing)
    with open(reading) as told_by_child:
        told = told_by_child.read()
    os.waitpid(child, 0)
    return told


@pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning")
async def test_a_session_used_in_a_forked_process_is_a_clear_error(vendor: FakeVendor) -> None:
    async with session_at(vendor.profile("pandapon")) as session:
        await session.call(booking("A"))

        async def use() -> str:
            told = repr(await error_of(session.call(booking("B"))))
            await session.close()
            return told

        def in_child() -> str:
            asyncio._set_running_loop(None)
            return asyncio.run(use())

        told = in_a_child(in_child)
        assert "ConfigError" in told
        assert "forked" in told
        await session.call(booking("C"))
    assert vendor.ledger.bookings == {"A": 1, "C": 1}


@pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning")
def test_a_session_made_before_a_fork_may_be_used_after_it() -> None:
    with FakeVendor() as vendor:
        session = PandaPonSession(vendor.profile("pandapon"))

        async def use() -> int:
            async with session:
                return (await session.call(booking("A"))).attempts

        assert in_a_child(lambda: asyncio.run(use())) == "1"
        assert vendor.ledger.bookings == {"A": 1}
