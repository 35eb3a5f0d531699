"""One attempt over a socket: what goes out, over which connection, and when a session may be used."""

from __future__ import annotations

import asyncio
import contextlib
import gzip
import ssl
import threading
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import aiohttp
import pytest
import trustme
from blockbuster import BlockBuster
from hypothesis import given, settings, strategies as st

from pandapon_async import (
    ConfigError,
    Credentials,
    Effect,
    HttpStatusError,
    Limits,
    NotSentError,
    OutcomeUnknownError,
    PandaPonSession,
    SessionManager,
    Timeouts,
    from_wire,
)
from pandapon_async._calls.direct_transport import joined_query
from pandapon_async._calls.endpoints import encoded_query
from pandapon_async.api.logistics import FreightBookingRequest
from pandapon_async.testing import Account, FakeVendor, VirtualClock
from tests.support import (
    AT_ONCE,
    KEYS,
    Proxy,
    RawRequest,
    RawServer,
    booking,
    closed_port,
    error_of,
    estimate,
    http_reply,
    local_profile,
    read_request,
    says,
    session_at,
    until,
    yes,
)

KINDS = ["pandapon", "xportcn_ka"]

# --- what goes out -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", KINDS)
class TestSigning:
    async def test_an_independent_checker_accepts_every_part(self, kind: Any) -> None:
        async with FakeVendor(require_user_id=True) as vendor, session_at(vendor.profile(kind)) as session:
            await session.logistics.book_freight(booking())
            record = vendor.ledger.requests[-1]
            assert record.problems == ()
            assert record.vendor == kind
            assert len(record.nonce or "") == 32
            assert abs(int(record.timestamp or 0) - record.received_at) < 600
            assert len(record.timestamp or "") == 10

    async def test_every_attempt_has_a_nonce_of_its_own(self, kind: Any) -> None:
        async with FakeVendor() as vendor, session_at(vendor.profile(kind, retry=AT_ONCE)) as session:
            vendor.script(*[{"status": 429, "headers": {"Retry-After": "0"}}, "ok"] * 5)
            for _ in range(5):
                await session.call(booking())
            nonces = [record.nonce for record in vendor.ledger.requests]
            assert len(set(nonces)) == len(nonces) == 10

    async def test_the_time_of_an_attempt_is_that_after_its_waits(self, kind: Any) -> None:
        clock = VirtualClock(time.time())
        vendor = FakeVendor(now=clock.now)
        async with vendor, session_at(vendor.profile(kind), clock=clock) as session:
            vendor.script({"status": 429, "headers": {"Retry-After": "100"}}, "ok")
            await session.call(booking())
            first, second = vendor.ledger.requests
            assert int(second.timestamp or 0) - int(first.timestamp or 0) == 100
            assert second.problems == ()

    async def test_milliseconds_where_the_profile_says_so(self, kind: Any) -> None:
        async with FakeVendor(timestamp_unit="ms") as vendor:
            async with session_at(vendor.profile(kind, timestamp_unit="ms")) as session:
                await session.call(booking())
            assert vendor.ledger.requests[-1].problems == ()
            assert len(vendor.ledger.requests[-1].timestamp or "") == 13

    async def test_the_query_is_signed_only_where_the_page_lists_it(self, kind: Any) -> None:
        async with RawServer(says(http_reply(200, yes({"code": 200})))) as server:
            base = server.url + ("/api" if kind == "xportcn_ka" else "")
            async with session_at(local_profile(server.port, kind=kind, base_url=base)) as session:
                await session.call(booking())
                await session.call_raw("POST", "/open/other", effect=Effect.READ)
                await session.call_raw("POST", "/open/other", effect=Effect.READ, signed_query=True)
            book, other, signed = server.requests
            assert parse_qsl(urlsplit(book.target).query) == [
                ("timestamp", book.headers["timestamp"]),
                ("sign", book.headers["signature"]),
            ]
            assert urlsplit(other.target).query == ""
            assert "sign=" in signed.target

    async def test_the_query_can_be_switched_off(self, kind: Any) -> None:
        async with FakeVendor(require_signed_query=False) as vendor:
            async with session_at(vendor.profile(kind, signed_query=False)) as session:
                await session.call(booking())
            assert vendor.ledger.requests[-1].problems == ()
        async with RawServer(says(http_reply(200, yes({})))) as server:
            async with session_at(local_profile(server.port, kind=kind, signed_query=False)) as session:
                await session.call(booking())
            assert "?" not in server.requests[0].target

    async def test_the_sample_booking_of_the_contract(self, kind: Any, logistics: Any) -> None:
        sample = logistics["logistics.order.book_freight"].example_request
        request = from_wire(FreightBookingRequest, sample.get("body", sample))
        async with FakeVendor() as vendor, session_at(vendor.profile(kind)) as session:
            made = await session.logistics.book_freight(request)
        assert made.order_id == "21"
        assert made.order_fee is not None
        assert (str(made.order_fee.amount), made.order_fee.currency) == ("322.92", "USD")
        assert len(made.sub_orders) == 2
        for part in made.sub_orders:
            parcel = part.international_logistic_infos
            assert parcel is not None
            assert parcel.logistic_number
            assert parcel.tracking_url is not None
            assert parcel.tracking_url.endswith(parcel.logistic_number)


async def test_the_path_of_the_base_url_is_kept() -> None:
    async with FakeVendor() as vendor, session_at(vendor.profile("xportcn_ka")) as session:
        await session.call(booking())
        assert vendor.ledger.requests[-1].path == "/api/open/pp/logistics/orderBookingFreight"


@pytest.mark.parametrize("end", ["", "/"])
async def test_a_slash_at_the_end_of_the_base_url_changes_nothing(end: str) -> None:
    async with RawServer(says(http_reply(200, yes({})))) as server:
        async with session_at(local_profile(server.port, base_url=f"{server.url}/api{end}")) as session:
            await session.call(booking())
        assert server.requests[0].target.startswith("/api/open/pp/")


async def test_the_headers_of_a_call() -> None:
    async with RawServer(says(http_reply(200, yes({})))) as server:
        async with session_at(local_profile(server.port)) as session:
            await session.call(booking())
        headers = server.requests[0].headers
        assert headers["user-id"] == KEYS.user_id
        assert headers["access-key"] == KEYS.access_key
        assert headers["content-type"] == "application/json"
        assert headers["accept"] == "application/json"
        assert headers["user-agent"].startswith("pandapon-async/")
        assert "cookie" not in headers
        assert server.requests[0].body == b'{"renderId":"R1"}'


async def test_no_user_id_no_header() -> None:
    keys = Credentials(access_key="k" * 20, access_secret="s" * 20)
    async with RawServer(says(http_reply(200, yes({})))) as server:
        async with session_at(local_profile(server.port, credentials=keys)) as session:
            await session.call(booking())
        assert "user-id" not in server.requests[0].headers


async def test_a_user_id_of_another_account_is_noticed_by_the_vendor() -> None:
    async with FakeVendor() as vendor:
        given = vendor.profile("pandapon").credentials
        assert given is not None
        keys = Credentials(access_key=given.access_key, access_secret=given.access_secret, user_id="9")
        async with session_at(vendor.profile("pandapon", credentials=keys)) as session:
            error = await error_of(session.call(booking()))
        assert isinstance(error, HttpStatusError)
        assert vendor.ledger.requests[-1].problems == ("user-id: does not belong to this account",)


async def test_a_signer_of_ones_own_decides_headers_and_query() -> None:
    def own(key: str, secret: str, timestamp: str, nonce: str, operation: Any) -> Any:
        return {"x-auth": f"{key}/{operation.name}"}, {"when": timestamp, "a b": "ä/+&="}

    async with RawServer(says(http_reply(200, yes({})))) as server:
        async with session_at(local_profile(server.port, signer=own)) as session:
            await session.call(booking())
        request = server.requests[0]
        assert request.headers["x-auth"] == f"{KEYS.access_key}/logistics.book_freight"
        assert "signature" not in request.headers
        assert parse_qsl(urlsplit(request.target).query)[1] == ("a b", "ä/+&=")


@given(st.dictionaries(st.text(min_size=1), st.one_of(st.text(), st.integers()), max_size=4))
@settings(max_examples=60)
def test_a_query_says_what_it_was_given(members: dict[str, Any]) -> None:
    if any(not text.isprintable() for text in [*members, *map(str, members.values())]):
        return
    query = joined_query(encoded_query(members), "sign=A1").removeprefix("?")
    assert parse_qsl(query, keep_blank_values=True) == [
        *((name, str(value)) for name, value in members.items()),
        ("sign", "A1"),
    ]


async def test_a_fixed_query_stands_before_the_signed_one() -> None:
    async with RawServer(says(http_reply(200, yes({})))) as server, session_at(local_profile(server.port)) as session:
        await session.call_raw("GET", "/x", {"a": 1}, query={"b": "c d"}, effect=Effect.READ, signed_query=True)
        await session.call_raw("GET", "/x", {"a": 1}, query={"b": "c d"}, effect=Effect.READ)
        signed, plain = server.requests
        assert [name for name, _ in parse_qsl(urlsplit(signed.target).query)] == ["a", "b", "timestamp", "sign"]
        assert plain.target == "/x?a=1&b=c%20d"


# --- what comes back ---------------------------------------------------------------------------------------------------


async def test_a_compressed_reply_is_read() -> None:
    packed = http_reply(200, gzip.compress(b'{"code":200,"data":{"orderId":"7"}}'), {"Content-Encoding": "gzip"})
    async with RawServer(says(packed)) as server, session_at(local_profile(server.port)) as session:
        assert (await session.logistics.book_freight(booking())).order_id == "7"


async def test_a_chunked_reply_is_read_and_its_connection_kept() -> None:
    body = b'{"code":200,"data":{}}'
    chunked = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n%x\r\n%b\r\n0\r\n\r\n" % (len(body), body)
    async with RawServer(says(chunked)) as server, session_at(local_profile(server.port)) as session:
        await session.call(booking())
        await session.call(booking())
        assert server.connections == 1


async def test_a_reply_of_exactly_the_allowed_size_is_read() -> None:
    body = b'{"code":200,"data":{}}'
    async with RawServer(says(http_reply(200, body))) as server:
        async with session_at(local_profile(server.port, max_reply_bytes=len(body))) as session:
            await session.call(booking())
        async with session_at(local_profile(server.port, max_reply_bytes=len(body) - 1)) as session:
            assert isinstance(await error_of(session.call(booking())), OutcomeUnknownError)


async def test_a_header_without_end_is_cut_off() -> None:
    async def endless(_: RawRequest, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\nX: " + b"y" * 100_000)

    async with RawServer(endless) as server, session_at(local_profile(server.port)) as session:
        assert isinstance(await error_of(session.call(booking())), OutcomeUnknownError)


async def test_connections_are_kept_and_shared(vendor: FakeVendor) -> None:
    async with RawServer(says(http_reply(200, yes({})))) as server, session_at(local_profile(server.port)) as session:
        for _ in range(5):
            await session.with_options(timeouts=Timeouts(total=9)).call(booking())
        assert server.connections == 1


async def test_the_connector_allows_what_the_profile_allows(vendor: FakeVendor) -> None:
    async with session_at(vendor.profile("pandapon", limits=Limits(concurrency=150))) as session:
        await session.call(booking())
        connector = session._client.state.transport._connector
        assert connector is not None
        assert connector.limit == 150


async def test_environment_proxies_are_not_read(monkeypatch: pytest.MonkeyPatch, vendor: FakeVendor) -> None:
    monkeypatch.setenv("HTTP_PROXY", f"http://127.0.0.1:{closed_port()}")
    monkeypatch.delenv("NO_PROXY", raising=False)
    async with session_at(vendor.profile("pandapon")) as session:
        await session.call(booking())
    assert vendor.ledger.bookings == {"R1": 1}


async def test_cookies_are_not_kept() -> None:
    async with RawServer(says(http_reply(200, yes({}), {"Set-Cookie": "a=1; Path=/"}))) as server:
        profile = local_profile(server.port, base_url=f"http://localhost:{server.port}")
        async with session_at(profile) as session:
            await session.call(booking())
            await session.call(booking())
        assert "cookie" not in server.requests[1].headers


# --- proxies and TLS ---------------------------------------------------------------------------------------------------


async def test_an_http_target_through_a_proxy(vendor: FakeVendor) -> None:
    async with Proxy() as proxy:
        profile = vendor.profile("pandapon", proxy=f"http://user:word@127.0.0.1:{proxy.port}")
        async with session_at(profile) as session:
            await session.call(booking())
        assert len(proxy.lines) == 1
        assert proxy.lines[0].startswith(f"POST {vendor.url}/open/pp/logistics/orderBookingFreight?")
        assert proxy.authorizations == ["Basic dXNlcjp3b3Jk"]
    assert vendor.ledger.bookings == {"R1": 1}


@contextlib.asynccontextmanager
async def tls_server(answer: bytes) -> AsyncIterator[tuple[int, ssl.SSLContext]]:
    """A TLS server that always says this; and a context that trusts it."""
    ca = trustme.CA()
    own = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    ca.issue_cert("127.0.0.1", "localhost").configure_cert(own)
    context = ssl.create_default_context()
    ca.configure_trust(context)

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(asyncio.IncompleteReadError, ConnectionError):
            while True:
                head = await reader.readuntil(b"\r\n\r\n")
                length = int(head.lower().partition(b"content-length: ")[2].partition(b"\r")[0] or 0)
                await reader.readexactly(length)
                writer.write(answer)
                await writer.drain()
        writer.close()

    async with await asyncio.start_server(serve, "127.0.0.1", 0, ssl=own) as server:
        yield server.sockets[0].getsockname()[1], context


async def test_tls_with_a_context_of_ones_own() -> None:
    async with tls_server(http_reply(200, yes({"orderId": 5}))) as (port, context):
        profile = local_profile(port, base_url=f"https://127.0.0.1:{port}", ssl_context=context)
        async with session_at(profile) as session:
            assert (await session.logistics.book_freight(booking())).order_id == "5"


async def test_tls_through_a_proxys_tunnel() -> None:
    async with tls_server(http_reply(200, yes({"orderId": 5}))) as (port, context), Proxy() as proxy:
        profile = local_profile(
            port,
            base_url=f"https://127.0.0.1:{port}",
            ssl_context=context,
            proxy=f"http://127.0.0.1:{proxy.port}",
        )
        async with session_at(profile) as session:
            assert (await session.logistics.book_freight(booking())).order_id == "5"
        assert proxy.lines == [f"CONNECT 127.0.0.1:{port}"]


async def test_without_a_context_the_systems_trust_store_decides() -> None:
    async with tls_server(http_reply(200, yes({}))) as (port, context):
        profile = local_profile(port, base_url=f"https://127.0.0.1:{port}")
        for trusted, own_context in ((False, None), (True, context)):
            async with session_at(profile.evolve(ssl_context=own_context)) as session:
                error = await error_of(session.call(booking()))
                assert (error is None) is trusted


async def test_the_trust_store_is_read_off_the_loop(monkeypatch: pytest.MonkeyPatch) -> None:
    threads: list[threading.Thread] = []
    original = ssl.create_default_context

    def watched() -> ssl.SSLContext:
        threads.append(threading.current_thread())
        return original()

    monkeypatch.setattr(ssl, "create_default_context", watched)
    async with session_at(local_profile(1, base_url=f"https://127.0.0.1:{closed_port()}")) as session:
        assert isinstance(await error_of(session.call(booking())), NotSentError)
    assert len(threads) == 1
    assert threads[0] is not threading.current_thread()


async def test_nothing_blocks_the_loop(monkeypatch: pytest.MonkeyPatch, vendor: FakeVendor) -> None:
    async with tls_server(http_reply(200, yes({}))) as (port, _):
        secure = local_profile(port, base_url=f"https://127.0.0.1:{port}")
        async with session_at(secure) as own, session_at(vendor.profile("pandapon")) as session:
            guard = BlockBuster(scanned_modules=["pandapon_async", "aiohttp"])
            guard.activate()
            try:
                assert isinstance(await error_of(own.call(booking())), NotSentError)
                async with session.stream([booking(f"R{number}") for number in range(20)]) as outcomes:
                    assert [outcome.ok async for outcome in outcomes] == [True] * 20
            finally:
                guard.deactivate()


async def test_nothing_blocks_the_loop_of_a_tls_call_that_succeeds() -> None:
    async with tls_server(http_reply(200, yes({"orderId": 5}))) as (port, context):
        profile = local_profile(port, base_url=f"https://127.0.0.1:{port}", ssl_context=context)
        async with session_at(profile) as session:
            guard = BlockBuster(scanned_modules=["pandapon_async", "aiohttp"])
            guard.activate()
            try:
                assert (await session.logistics.book_freight(booking())).order_id == "5"
            finally:
                guard.deactivate()


# --- a connector of the caller's ----------------------------------------------------------------------------------------


async def test_a_given_connector_is_used_and_not_closed(vendor: FakeVendor) -> None:
    async with aiohttp.TCPConnector() as connector:
        async with session_at(vendor.profile("pandapon"), connector=connector) as session:
            await session.call(booking())
            assert session._client.state.transport._connector is connector
        assert not connector.closed
    assert vendor.ledger.requests[-1].problems == ()


async def test_sessions_that_share_a_connector_share_its_connections() -> None:
    async with RawServer(says(http_reply(200, yes({})))) as server, aiohttp.TCPConnector(limit=200) as connector:
        for _ in range(3):
            async with session_at(local_profile(server.port), connector=connector) as session:
                await session.call(booking())
        assert server.connections == 1


async def test_a_unix_socket_is_reached_by_its_connector(tmp_path: Path) -> None:
    path = str(tmp_path / "vendor")

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while await read_request(reader) is not None:
            writer.write(http_reply(200, yes({"orderId": 5})))
        writer.close()

    async with (
        await asyncio.start_unix_server(answer, path),
        aiohttp.UnixConnector(path) as connector,
        session_at(local_profile(80, base_url="http://localhost"), connector=connector) as session,
    ):
        assert (await session.logistics.book_freight(booking())).order_id == "5"


@pytest.mark.parametrize("limits", [{"limit": 63}, {"limit_per_host": 63}], ids=str)
async def test_a_connector_too_small_for_the_concurrency_is_refused(vendor: FakeVendor, limits: Any) -> None:
    async with aiohttp.TCPConnector(**limits) as connector:
        with pytest.raises(ConfigError, match="under way"):
            PandaPonSession(vendor.profile("pandapon"), connector=connector)


@pytest.mark.parametrize("limits", [{"limit": 127}, {"limit": 0, "limit_per_host": 127}], ids=str)
async def test_a_connector_too_small_for_all_accounts_of_a_manager_is_refused(vendor: FakeVendor, limits: Any) -> None:
    profile = vendor.profile("pandapon")
    async with aiohttp.TCPConnector(**limits) as connector:
        with pytest.raises(ConfigError, match="may have 128 calls"):
            SessionManager([profile, profile.evolve(name="other")], connector=connector)


async def test_a_connector_without_limits_is_large_enough(vendor: FakeVendor) -> None:
    async with (
        aiohttp.TCPConnector(limit=0) as connector,
        session_at(vendor.profile("pandapon"), connector=connector) as session,
    ):
        await session.call(booking())


async def test_a_given_connector_that_is_closed_is_refused(vendor: FakeVendor) -> None:
    connector = aiohttp.TCPConnector()
    await connector.close()
    with pytest.raises(ConfigError, match="closed"):
        PandaPonSession(vendor.profile("pandapon"), connector=connector)


async def test_a_given_connector_that_is_closed_later_is_a_clear_error(vendor: FakeVendor) -> None:
    connector = aiohttp.TCPConnector()
    async with session_at(vendor.profile("pandapon"), connector=connector) as session:
        await session.call(estimate())
        await connector.close()
        with pytest.raises(ConfigError, match="given is closed"):
            await session.call(booking())
    assert vendor.ledger.bookings == {}


async def test_a_connector_of_another_loop_is_a_clear_error(vendor: FakeVendor) -> None:
    def elsewhere() -> aiohttp.TCPConnector:
        async def made() -> aiohttp.TCPConnector:
            return aiohttp.TCPConnector()

        return asyncio.run(made())

    connector = await asyncio.to_thread(elsewhere)
    async with session_at(vendor.profile("pandapon"), connector=connector) as session:
        with pytest.raises(ConfigError, match="another event loop"):
            await session.call(booking())


async def test_the_profiles_tls_context_counts_with_a_given_connector() -> None:
    async with tls_server(http_reply(200, yes({}))) as (port, context), aiohttp.TCPConnector() as connector:
        profile = local_profile(port, base_url=f"https://127.0.0.1:{port}", ssl_context=context)
        async with session_at(profile, connector=connector) as session:
            assert await error_of(session.call(booking())) is None


# --- life --------------------------------------------------------------------------------------------------------------


async def test_nothing_connects_before_the_first_call() -> None:
    async with RawServer(says(http_reply(200, yes({})))) as server, session_at(local_profile(server.port)) as session:
        assert session._client.state.transport._connector is None
        assert server.connections == 0


async def test_two_first_calls_at_once_make_one_connector(monkeypatch: pytest.MonkeyPatch, vendor: FakeVendor) -> None:
    made: list[aiohttp.TCPConnector] = []
    original = aiohttp.TCPConnector

    def counted(**options: Any) -> aiohttp.TCPConnector:
        made.append(original(**options))
        return made[-1]

    monkeypatch.setattr(aiohttp, "TCPConnector", counted)
    async with session_at(vendor.profile("pandapon")) as session:
        await asyncio.gather(*[session.call(booking(f"R{number}")) for number in range(10)])
    assert len(made) == 1


async def test_a_closed_session_says_so(vendor: FakeVendor) -> None:
    session = PandaPonSession(vendor.profile("pandapon"))
    await session.call(estimate())
    await session.close()
    await session.close()
    with pytest.raises(ConfigError, match="the session is closed"):
        await session.call(booking())
    with pytest.raises(ConfigError, match="the session is closed"):
        await session.with_options().call(booking())
    assert vendor.ledger.bookings == {}


async def test_closing_while_the_connector_is_being_made(vendor: FakeVendor, monkeypatch: pytest.MonkeyPatch) -> None:
    session = PandaPonSession(vendor.profile("pandapon"))
    transport = session._client.state.transport
    gate, reached = asyncio.Event(), asyncio.Event()
    make = transport._make
    made: list[Any] = []

    async def slow() -> None:
        reached.set()
        await gate.wait()
        await make()
        made.append(transport._connector)

    monkeypatch.setattr(transport, "_make", slow)
    call = asyncio.create_task(session.call(booking()))
    await reached.wait()
    await session.close()
    gate.set()
    with pytest.raises(ConfigError, match="closed"):
        await call
    assert made[0].closed
    assert vendor.ledger.bookings == {}


async def test_closing_ends_what_is_under_way(vendor: FakeVendor) -> None:
    session = PandaPonSession(vendor.profile("pandapon"))
    vendor.script("stall")
    call = asyncio.create_task(session.call(booking("A")))
    await until(lambda: vendor.ledger.seen)
    await session.close()
    with pytest.raises(OutcomeUnknownError):
        await call


def test_a_second_event_loop_is_a_clear_error() -> None:
    with FakeVendor() as vendor:
        session = PandaPonSession(vendor.profile("pandapon"))
        first = asyncio.new_event_loop()
        try:
            first.run_until_complete(session.call(booking("A")))

            async def elsewhere() -> None:
                with pytest.raises(ConfigError, match="another event loop"):
                    await session.call(booking("B"))

            asyncio.run(elsewhere())
            first.run_until_complete(session.call(booking("C")))
            first.run_until_complete(session.close())
        finally:
            first.close()
        assert vendor.ledger.bookings == {"A": 1, "C": 1}


async def test_two_sessions_share_nothing(vendor: FakeVendor) -> None:
    clock = VirtualClock(time.time())
    profile = vendor.profile("pandapon")
    async with session_at(profile, clock=clock) as one, session_at(profile, clock=clock) as other:
        vendor.script({"status": 429, "headers": {"Retry-After": "500"}})
        await error_of(one.call(booking("A")))
        assert one._client.state.limiter.pause.left() > 0
        await other.call(booking("B"))
        assert other._client.state.limiter.pause.left() <= 0
        assert one._client.state.transport._connector is not other._client.state.transport._connector
        await one.close()
        await other.call(booking("C"))


async def test_accounts_of_one_vendor_sign_with_their_own_keys() -> None:
    accounts = [
        Account(kind="pandapon", access_key=f"key-{name}", access_secret=f"secret-{name}", user_id=None)
        for name in "ab"
    ]
    async with FakeVendor(accounts=accounts) as vendor:
        for name in "ab":
            keys = Credentials(access_key=f"key-{name}", access_secret=f"secret-{name}")
            async with session_at(vendor.profile("pandapon", credentials=keys)) as session:
                await session.call(booking(name))
        assert [record.problems for record in vendor.ledger.requests] == [(), ()]
