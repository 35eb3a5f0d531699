"""Secrets and personal data: put everywhere they can stand, searched for everywhere they could show."""

from __future__ import annotations

import asyncio
import copy
import json
import logging
import pickle
import ssl
import traceback
from collections.abc import Iterator
from typing import Any

import attrs
import pytest
import trustme

from pandapon_async import (
    PANDAPON,
    ApiError,
    AuthError,
    ConfigError,
    ConnectionLostError,
    Credentials,
    DeadlineExceededError,
    DecodeError,
    Effect,
    HttpStatusError,
    LimitExceededError,
    Limits,
    NotSentError,
    OutcomeUnknownError,
    PandaponError,
    PandaPonSession,
    RateLimitedError,
    RequestError,
    RetryPolicy,
    Timeouts,
    VendorProfile,
    from_wire,
)
from pandapon_async._config.signing import documented_signer
from pandapon_async._session import client_of
from pandapon_async.api.addresses import AddressSaveRequest
from pandapon_async.api.logistics import FreightBooking, FreightBookingRequest, ReceiverAddress
from tests.support import (
    Proxy,
    RawRequest,
    RawServer,
    booking,
    closed_port,
    error_of,
    estimate,
    http_reply,
    local_profile,
    session_at,
)

KEYS = Credentials(access_key="KEY-c0ffee-hidden", access_secret="SECRET-deadbeef-hidden", user_id="7777000011112")
PROXY_PASSWORD = "proxy-pass-hidden"
SIGNER_VALUE = "own-signer-value-hidden"
PERSON = ReceiverAddress(
    name="Jane Example",
    email="jane@example.com",
    phone="+1 555 0100 4242",
    mobile_phone="+1 555 0101 4343",
    address="12 Hidden Lane",
    tax_id="TAX-31337",
    country="US",
)
HIDDEN = (
    *(str(value) for value in attrs.astuple(KEYS)),
    PROXY_PASSWORD,
    SIGNER_VALUE,
    *(str(getattr(PERSON, name)) for name in ("name", "email", "phone", "mobile_phone", "address", "tax_id")),
)


def own_signer(key: str, secret: str, timestamp: str, nonce: str, operation: Any) -> Any:
    headers, query = documented_signer(key, secret, timestamp, nonce, operation)
    return {**headers, "x-own": SIGNER_VALUE}, {**query, "own": SIGNER_VALUE}


# --- searching ---------------------------------------------------------------------------------------------------------


def texts_of(error: BaseException | None) -> Iterator[str]:
    """Everything that an exception and its chain show, as it is, copied, pickled and logged."""
    seen: set[int] = set()
    waiting: list[BaseException | None] = [error]
    while waiting:
        one = waiting.pop()
        if one is None or id(one) in seen:
            continue
        seen.add(id(one))
        copies = [one, copy.copy(one), copy.deepcopy(one)] if isinstance(one, PandaponError) else [one]
        for item in copies:
            yield f"{item} {item!r} {item.args} {vars(item)}"
            yield "".join(map(str, vars(item).values()))
        yield "".join(traceback.format_exception(one))
        yield logging.Formatter().format(
            logging.LogRecord("x", logging.ERROR, "x", 1, "%s %r", (one, one), (type(one), one, one.__traceback__))
        )
        if isinstance(one, PandaponError):
            for protocol in range(pickle.HIGHEST_PROTOCOL + 1):
                yield pickle.dumps(one, protocol).decode("utf-8", "replace")
        waiting += [one.__cause__, one.__context__]


def texts_of_logs(records: list[logging.LogRecord]) -> Iterator[str]:
    """Everything that log records show, also to a handler that looks at their parts."""
    for record in records:
        yield record.getMessage()
        yield repr(record.args)
        yield repr(record.__dict__)
        yield str(record.stack_info)
        if record.exc_info:
            yield "".join(traceback.format_exception(*record.exc_info))
            yield from texts_of(record.exc_info[1])


def assert_hidden(texts: Iterator[str], more: tuple[str, ...] = ()) -> None:
    for text in texts:
        for secret in (*HIDDEN, *more):
            assert secret not in text, f"{secret!r} shows in {text[:2000]!r}"


def sent_secrets(requests: list[RawRequest]) -> tuple[str, ...]:
    """What authenticated the attempts that went out."""
    return tuple(request.headers[name] for request in requests for name in ("signature", "nonce-str"))


# --- a vendor that says everything back --------------------------------------------------------------------------------


def echo(request: RawRequest) -> str:
    """All that the vendor was told, as a text it might answer with."""
    values = json.loads(request.body) if request.body else {}
    said = [*request.headers.values(), request.target.partition("?")[2].replace("&", " ").replace("=", " ")]

    def walk(value: Any) -> None:
        for inner in value.values():
            if isinstance(inner, dict):
                walk(inner)
            else:
                said.append(str(inner))

    walk(values)
    return f"{request.target} " + " / ".join(said)


def _json(status: int, members: dict[str, Any], headers: dict[str, str] | None = None) -> Any:
    def reply(request: RawRequest) -> bytes:
        text = echo(request)
        filled = {name: text if value == "ECHO" else value for name, value in members.items()}
        shown = {name: text if value == "ECHO" else value for name, value in (headers or {}).items()}
        return http_reply(status, filled, {**shown, "X-Echo": text, "Connection": "close"})

    return reply


def _raw(
    status: int, headers: dict[str, str] | None = None, *, more: int = 0, pad: int = 0, start: str = "<html>"
) -> Any:
    def reply(request: RawRequest) -> bytes:
        said = echo(request)
        body = "".join(f"{start}{one} " for one in (said, *said.split(" / "))).encode() + b" " * pad
        shown = {name: echo(request) if value == "ECHO" else value for name, value in (headers or {}).items()}
        return http_reply(status, body, {**shown, "X-Echo": said, "Connection": "close"}, length=len(body) + more)

    return reply


ECHOES: dict[str, tuple[Any, type[PandaponError], type[PandaponError]]] = {
    "a refusal": (_json(200, {"code": 4711, "msg": "ECHO"}), ApiError, ApiError),
    "a refusal of logistics": (
        _json(200, {"errorCode": 1, "errorMsg": "ECHO", "success": False}),
        ApiError,
        ApiError,
    ),
    "a refusal that names everything": (
        _json(200, {"code": 4711, "msg": "no", "orderId": "ECHO", "fee": "ECHO", "data": "ECHO"}),
        ApiError,
        OutcomeUnknownError,
    ),
    "a refusal as a page that names everything": (_raw(404, start=" orderId: "), HttpStatusError, OutcomeUnknownError),
    "429 in an envelope": (_json(200, {"code": 429, "msg": "ECHO"}), RateLimitedError, RateLimitedError),
    "401 in an envelope": (_json(200, {"code": "401", "msg": "ECHO"}), AuthError, AuthError),
    "a code in doubt": (_json(200, {"code": 500, "msg": "ECHO"}), ApiError, OutcomeUnknownError),
    "a strange success": (_json(200, {"code": 5, "success": True, "msg": "ECHO"}), DecodeError, OutcomeUnknownError),
    "401": (_json(401, {"code": 1, "msg": "ECHO"}), AuthError, AuthError),
    "403 as a page": (_raw(403), AuthError, AuthError),
    "400": (_json(400, {"code": 1, "msg": "ECHO"}), ApiError, ApiError),
    "404 as a page": (_raw(404), HttpStatusError, HttpStatusError),
    "429": (_json(429, {"code": 1, "msg": "ECHO"}, {"Retry-After": "0"}), RateLimitedError, RateLimitedError),
    "500": (_json(500, {"code": 1, "msg": "ECHO"}), HttpStatusError, OutcomeUnknownError),
    "502 as a page": (_raw(502), HttpStatusError, OutcomeUnknownError),
    "a redirect": (_raw(302, {"Location": "ECHO"}), HttpStatusError, OutcomeUnknownError),
    "307": (_raw(307, {"Location": "ECHO"}), HttpStatusError, HttpStatusError),
    "a page": (_raw(200), DecodeError, OutcomeUnknownError),
    "a page that is cut": (_raw(200, more=50), ConnectionLostError, OutcomeUnknownError),
    "too large": (_raw(200, pad=100_000), ConnectionLostError, OutcomeUnknownError),
    "an encoding that isn't there": (_raw(200, {"Content-Encoding": "gzip"}), ConnectionLostError, OutcomeUnknownError),
    "not HTTP": (lambda request: echo(request).encode() + b"\r\n\r\n", ConnectionLostError, OutcomeUnknownError),
    "a header that is not one": (
        lambda request: b"HTTP/1.1 200 OK\r\n" + echo(request).encode() + b"\r\n\r\n",
        ConnectionLostError,
        OutcomeUnknownError,
    ),
}


@pytest.fixture(autouse=True)
def _every_logger(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    for name in ("pandapon_async", "aiohttp", "aiohttp.client", "asyncio", "backoff"):
        caplog.set_level(logging.DEBUG, name)


def profile_at(port: int, **changes: Any) -> VendorProfile:
    fields = {
        "credentials": KEYS,
        "retry": RetryPolicy(base=0, attempts=2),
        "signer": own_signer,
        "max_reply_bytes": 50_000,
    }
    return local_profile(port, **{**fields, **changes})


REQUESTS = {
    "read": estimate(receiver_address=PERSON),
    "write": booking(receiver_address=PERSON),
}


@pytest.mark.parametrize("through_proxy", [False, True], ids=["direct", "by proxy"])
async def test_no_failure_shows_a_secret_or_a_person(
    caplog: pytest.LogCaptureFixture, recwarn: pytest.WarningsRecorder, through_proxy: bool
) -> None:
    asyncio.get_running_loop().set_debug(True)
    shown: list[str] = []

    def note(*told: Any) -> None:
        shown.extend(map(repr, told))

    for name, (reply, read, write) in ECHOES.items():

        async def answer(request: RawRequest, writer: asyncio.StreamWriter, reply: Any = reply) -> None:
            writer.write(reply(request))
            writer.close()

        async with RawServer(answer) as server, Proxy() as proxy:
            changes = {"proxy": f"http://someone:{PROXY_PASSWORD}@127.0.0.1:{proxy.port}"} if through_proxy else {}
            profile = profile_at(server.port, **changes)
            async with session_at(profile, on_attempt=note, on_in_doubt=note) as session:
                for effect, kind in (("read", read), ("write", write)):
                    error = await error_of(session.call(("mine", REQUESTS[effect])))
                    if through_proxy and isinstance(error, (ConnectionLostError, DecodeError, OutcomeUnknownError)):
                        kind = type(error)  # what a proxy makes of a broken reply is its own business
                    assert type(error) is kind, f"{name}: {error!r}"
                    shown += [repr(session), repr(session.profile), str(session.profile)]
                    secrets = sent_secrets(server.requests)
                    assert secrets
                    assert_hidden(texts_of(error), secrets)
                    assert_hidden(texts_of_logs(caplog.records), secrets)
                    assert_hidden(iter(shown), secrets)
    assert_hidden(iter(str(warning.message) for warning in recwarn))
    assert any("attempt 1" in record.getMessage() for record in caplog.records)


async def test_the_echo_does_show_what_is_hidden_elsewhere() -> None:
    """The vendor of these tests really says it all: nothing above passes because nothing was there."""
    heard: list[str] = []

    async def answer(request: RawRequest, writer: asyncio.StreamWriter) -> None:
        heard.append(echo(request))
        writer.write(http_reply(200, {"code": 200, "data": {}}))

    async with RawServer(answer) as server, session_at(profile_at(server.port)) as session:
        await session.call(REQUESTS["write"])
    missing = {secret for secret in HIDDEN if secret not in heard[0]}
    assert missing == {KEYS.access_secret, PROXY_PASSWORD}
    assert all(secret in heard[0] for secret in sent_secrets(server.requests))


async def test_the_vendors_text_is_kept_apart_from_what_is_hidden() -> None:
    async def answer(request: RawRequest, writer: asyncio.StreamWriter) -> None:
        name = json.loads(request.body)["receiverAddress"]["name"]
        text = f"{name} with {KEYS.access_secret} owes {request.headers['signature']} money"
        writer.write(http_reply(200, {"code": 7, "msg": text}))

    async with RawServer(answer) as server, session_at(profile_at(server.port)) as session:
        error = await error_of(session.call(REQUESTS["write"]))
    assert isinstance(error, ApiError)
    assert error.vendor_message == "*** with *** owes *** money"


async def test_the_address_book_hides_its_person() -> None:
    async def answer(request: RawRequest, writer: asyncio.StreamWriter) -> None:
        writer.write(http_reply(200, {"code": 7, "msg": echo(request)}))

    async with RawServer(answer) as server, session_at(profile_at(server.port)) as session:
        request = AddressSaveRequest(name=PERSON.name, phone=PERSON.phone, address=PERSON.address, province="Zhejiang")
        error = await error_of(session.call(request))
        assert isinstance(error, ApiError)
        assert_hidden(texts_of(error), sent_secrets(server.requests))
        assert "Zhejiang" in str(error)
        assert_hidden(iter([repr(request), str(request)]))


async def test_what_is_not_sent_shows_nothing(caplog: pytest.LogCaptureFixture) -> None:
    ca, other = trustme.CA(), trustme.CA()
    own = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    ca.issue_cert("127.0.0.1").configure_cert(own)
    context = ssl.create_default_context()
    other.configure_trust(context)
    port = closed_port()
    errors: dict[str, tuple[Exception | None, type[Exception]]] = {}

    async def end(name: str, profile: VendorProfile, kind: type[Exception]) -> None:
        async with session_at(profile) as session:
            errors[name] = (await error_of(session.call(REQUESTS["write"])), kind)

    async with await asyncio.start_server(lambda *_: None, "127.0.0.1", 0, ssl=own) as tls, Proxy(refuse=407) as proxy:
        tls_port = tls.sockets[0].getsockname()[1]
        address = f"http://someone:{PROXY_PASSWORD}@127.0.0.1:"
        await end("refused", profile_at(port), NotSentError)
        await end("no such name", profile_at(1, base_url="http://no.invalid", allow_insecure=True), NotSentError)
        secure = profile_at(port, base_url=f"https://127.0.0.1:{tls_port}", ssl_context=context)
        await end("bad certificate", secure, NotSentError)
        await end("no proxy", profile_at(port, proxy=f"{address}{port}"), NotSentError)
        await end("no tunnel", secure.evolve(proxy=f"{address}{proxy.port}"), NotSentError)
        await end(
            "no time", profile_at(port, timeouts=Timeouts(total=1e-9), retry=RetryPolicy()), DeadlineExceededError
        )
    for name, (error, kind) in errors.items():
        assert isinstance(error, kind), f"{name}: {error!r}"
        assert_hidden(texts_of(error))
    assert_hidden(texts_of_logs(caplog.records))


async def test_running_out_of_time_shows_nothing(caplog: pytest.LogCaptureFixture) -> None:
    async def silent(_: RawRequest, writer: asyncio.StreamWriter) -> None:
        await asyncio.Event().wait()

    async with RawServer(silent) as server:
        for timeouts in (Timeouts(read=0.03), Timeouts(total=0.03)):
            async with session_at(profile_at(server.port, timeouts=timeouts)) as session:
                for request in REQUESTS.values():
                    error = await error_of(session.call(request))
                    assert isinstance(error, (ConnectionLostError, DeadlineExceededError, OutcomeUnknownError))
                    assert_hidden(texts_of(error), sent_secrets(server.requests))
    assert_hidden(texts_of_logs(caplog.records), sent_secrets(server.requests))


async def test_waiting_too_long_shows_nothing() -> None:
    async with session_at(
        profile_at(1, limits=Limits(rate=0.001, max_wait=0), retry=RetryPolicy(attempts=1))
    ) as session:
        await error_of(session.call(REQUESTS["write"]))
        error = await error_of(session.call(REQUESTS["write"]))
        assert isinstance(error, LimitExceededError)
        assert_hidden(texts_of(error))


async def test_a_booking_that_does_not_fit_is_logged_without_its_values(caplog: pytest.LogCaptureFixture) -> None:
    async def answer(request: RawRequest, writer: asyncio.StreamWriter) -> None:
        said = echo(request)
        data = {"orderId": [said], "orderFee": {"amount": said, "currency": {}}, "subOrders": said, said: 1}
        writer.write(http_reply(200, {"code": 200, "data": data}))

    async with RawServer(answer) as server, session_at(profile_at(server.port)) as session:
        reply = await session.call(REQUESTS["write"])
        assert reply.problems
        secrets = sent_secrets(server.requests)
    assert_hidden(texts_of_logs(caplog.records), secrets)
    assert_hidden(iter([repr(reply), repr(reply.problems)]), secrets)


async def test_a_read_that_does_not_fit_shows_none_of_its_values() -> None:
    async def answer(request: RawRequest, writer: asyncio.StreamWriter) -> None:
        said = echo(request)
        writer.write(http_reply(200, {"code": 200, "data": {"orderId": [said], "orderFee": said}}))

    async with RawServer(answer) as server, session_at(profile_at(server.port, strict=True)) as session:
        call = client_of(session).prepare(REQUESTS["read"])
        call.operation = attrs.evolve(call.operation, reply=FreightBooking)
        error = await error_of(client_of(session).run(call, wait_forever=False))
        assert isinstance(error, DecodeError)
        assert_hidden(texts_of(error), sent_secrets(server.requests))


async def test_what_is_left_out_of_a_read_is_logged_without_its_values(caplog: pytest.LogCaptureFixture) -> None:
    async def answer(request: RawRequest, writer: asyncio.StreamWriter) -> None:
        said = echo(request)
        writer.write(http_reply(200, {"code": 200, "data": {"orderId": [said], "orderFee": said}}))

    async with RawServer(answer) as server, session_at(profile_at(server.port)) as session:
        call = client_of(session).prepare(REQUESTS["read"])
        call.operation = attrs.evolve(call.operation, reply=FreightBooking)
        reply = await client_of(session).run(call, wait_forever=False)
        assert len(reply.problems) == 2
        assert "left out: $.data.orderId" in caplog.text
        assert_hidden(texts_of_logs(caplog.records), sent_secrets(server.requests))
        assert_hidden(iter([repr(reply)]), sent_secrets(server.requests))


async def test_an_error_keeps_what_is_hidden_elsewhere_for_whoever_asks() -> None:
    """Nothing above passes because nothing was there."""

    async def answer(request: RawRequest, writer: asyncio.StreamWriter) -> None:
        writer.write(_json(200, {"code": 4711, "msg": "ECHO"})(request))

    async with RawServer(answer) as server, session_at(profile_at(server.port)) as session:
        error = await error_of(session.call(REQUESTS["write"]))
        assert isinstance(error, ApiError)
        assert error.headers is not None
        assert error.text is not None
        for secret in sent_secrets(server.requests):
            assert secret in error.headers["X-Echo"]
            assert secret in error.raw["msg"]
            assert secret in error.text


async def test_a_hook_that_quotes_what_it_was_given(caplog: pytest.LogCaptureFixture) -> None:
    def broken(*told: Any) -> None:
        raise ValueError(f"{told} {KEYS.access_secret} {PERSON.name}")

    async with (
        RawServer(answer_ok) as server,
        session_at(profile_at(server.port), on_attempt=broken, on_reply=broken) as session,
    ):
        await session.call(REQUESTS["write"])
    assert "a hook raised ValueError" in caplog.text
    assert_hidden(texts_of_logs(caplog.records))


async def answer_ok(_: RawRequest, writer: asyncio.StreamWriter) -> None:
    writer.write(http_reply(200, {"code": 200, "data": {}}))


async def test_a_signer_that_quotes_its_arguments(caplog: pytest.LogCaptureFixture) -> None:
    def broken(*told: Any) -> Any:
        raise ValueError(f"can't sign {told}")

    async with session_at(profile_at(closed_port(), signer=broken)) as session:
        error = await error_of(session.call(REQUESTS["write"]))
    assert error is not None
    assert_hidden(texts_of(error))
    assert_hidden(texts_of_logs(caplog.records))


@pytest.mark.parametrize("url", ["https://user:{}@api.example", "https://{}@api.example", "https://api.example/?k={}"])
def test_a_base_url_with_a_secret_is_refused_without_showing_it(url: str) -> None:
    with pytest.raises(ConfigError) as caught:
        PANDAPON.evolve(base_url=url.format(KEYS.access_secret))
    assert_hidden(texts_of(caught.value))


@pytest.mark.parametrize("wrong", [" SECRET-deadbeef-hidden", "SECRET-deadbeef-hidden\n", "SECRET-deadbeef-hidden\x00"])
def test_a_secret_that_is_refused_is_not_shown(wrong: str) -> None:
    for name in ("access_key", "access_secret", "user_id"):
        members = {"access_key": "k", "access_secret": "s", "user_id": "u", name: wrong}
        with pytest.raises(ConfigError) as caught:
            Credentials(**members)
        assert_hidden(texts_of(caught.value))


def test_profiles_and_credentials_keep_to_themselves() -> None:
    profile = profile_at(1, proxy=f"http://someone:{PROXY_PASSWORD}@127.0.0.1:8")
    for thing in (KEYS, profile, [profile], {"a": KEYS}):
        assert_hidden(iter([repr(thing), str(thing), f"{thing}"]))
    for thing in (KEYS, profile):
        with pytest.raises(TypeError, match="can't be pickled") as caught:
            pickle.dumps(thing)
        assert_hidden(texts_of(caught.value))


def test_requests_mask_their_person() -> None:
    for request in REQUESTS.values():
        assert_hidden(iter([repr(request), str(request)]))
    odd = booking(extra={"contact": {"name": PERSON.name, "phone": PERSON.phone}})
    assert_hidden(iter([repr(odd), str(odd)]))


@pytest.mark.parametrize("field", ["name", "email", "phone", "mobilePhone", "address", "taxId"])
def test_a_wrong_request_names_the_field_and_not_the_value(field: str) -> None:
    wire = {"receiverAddress": {field: [PERSON.name, PERSON.phone]}}
    with pytest.raises(RequestError) as caught:
        from_wire(FreightBookingRequest, wire)
    assert f"receiverAddress.{field}" in str(caught.value)
    assert_hidden(texts_of(caught.value))


async def test_raw_calls_hide_the_secrets(caplog: pytest.LogCaptureFixture) -> None:
    async def answer(request: RawRequest, writer: asyncio.StreamWriter) -> None:
        writer.write(http_reply(200, {"code": 9, "msg": echo(request)}))

    async with RawServer(answer) as server, session_at(profile_at(server.port)) as session:
        for method in ("GET", "POST"):
            error = await error_of(session.call_raw(method, "/x", {"q": "1"}, effect=Effect.READ, signed_query=True))
            assert isinstance(error, ApiError)
            assert_hidden(texts_of(error), sent_secrets(server.requests))
    assert_hidden(texts_of_logs(caplog.records), sent_secrets(server.requests))


async def test_an_unclosed_session_warns_without_secrets(recwarn: pytest.WarningsRecorder) -> None:
    async with RawServer(answer_ok) as server:
        session = PandaPonSession(profile_at(server.port))
        await session.call(REQUESTS["write"])
        connector = session._client.state.transport._connector
        assert connector is not None
        assert_hidden(iter([repr(session), repr(connector)]), sent_secrets(server.requests))
        await session.close()


# --- less likely places ------------------------------------------------------------------------------------------------


async def test_what_stands_in_the_frames_of_an_error_shows_nothing() -> None:
    async def answer(request: RawRequest, writer: asyncio.StreamWriter) -> None:
        writer.write(http_reply(200, {"code": 9, "msg": "no"}))

    async with RawServer(answer) as server, session_at(profile_at(server.port)) as session:
        assert_hidden(iter([repr(client_of(session).prepare(REQUESTS["write"]))]))
        error = await error_of(session.call(REQUESTS["write"]))
        assert error is not None
        frames = traceback.TracebackException.from_exception(error, capture_locals=True)
        assert_hidden(iter("".join(frames.format()).splitlines()), sent_secrets(server.requests))


@pytest.mark.parametrize("header", ["Retry-After", "Content-Type", "Date"])
async def test_a_header_that_says_everything_back_is_not_logged(caplog: pytest.LogCaptureFixture, header: str) -> None:
    async def answer(request: RawRequest, writer: asyncio.StreamWriter) -> None:
        writer.write(http_reply(429, b"", {header: echo(request)}))

    async with RawServer(answer) as server, session_at(profile_at(server.port)) as session:
        await error_of(session.call(REQUESTS["write"]))
        assert_hidden(texts_of_logs(caplog.records), sent_secrets(server.requests))


async def test_a_success_that_says_everything_back_shows_nothing_in_its_repr() -> None:
    async def answer(request: RawRequest, writer: asyncio.StreamWriter) -> None:
        writer.write(http_reply(200, {"code": 200, "msg": echo(request), "data": {}}))

    async with RawServer(answer) as server, session_at(profile_at(server.port)) as session:
        reply = await session.call(REQUESTS["write"])
        assert_hidden(iter([repr(reply)]), sent_secrets(server.requests))


@pytest.mark.parametrize("member", ["code", "requestId"])
async def test_a_code_or_request_id_that_says_a_secret_back_does_not_show_it(member: str) -> None:
    async def answer(request: RawRequest, writer: asyncio.StreamWriter) -> None:
        writer.write(http_reply(200, {"code": 9, "msg": "no", member: request.headers["signature"]}))

    async with RawServer(answer) as server, session_at(profile_at(server.port)) as session:
        error = await error_of(session.call(REQUESTS["write"]))
        assert_hidden(texts_of(error), sent_secrets(server.requests))


async def test_a_short_value_of_a_signer_of_ones_own_is_hidden() -> None:
    def short(*_: Any) -> Any:
        return {"x-token": "tok3n-Q9"}, {}

    async def answer(request: RawRequest, writer: asyncio.StreamWriter) -> None:
        writer.write(http_reply(200, {"code": 9, "msg": f"bad token {request.headers['x-token']}"}))

    async with RawServer(answer) as server, session_at(profile_at(server.port, signer=short)) as session:
        error = await error_of(session.call(REQUESTS["write"]))
        assert_hidden(texts_of(error), ("tok3n-Q9",))
