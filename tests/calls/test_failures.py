"""The table of failures, through sockets: what is raised, how many requests the vendor saw, what it booked."""

from __future__ import annotations

import asyncio
import random
import socket
import ssl
import time
from bisect import bisect_left
from collections.abc import AsyncIterator
from email.utils import formatdate
from typing import Any

import attrs
import pytest
import trustme

from pandapon_async import (
    ApiError,
    AuthError,
    CodeMeaning,
    ConfigError,
    ConnectionLostError,
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
    RetryPolicy,
    SessionManager,
    Stage,
    Timeouts,
)
from pandapon_async._calls import aiohttp_seam
from pandapon_async._models import jsonio
from pandapon_async._session import client_of
from pandapon_async.api.addresses import AddressSaveRequest
from pandapon_async.api.logistics import FreightBooking
from pandapon_async.testing import FakeVendor, Faults, VirtualClock
from tests.support import (
    AT_ONCE,
    BOOK,
    ESTIMATE,
    OverSleeper,
    Proxy,
    RawRequest,
    RawServer,
    booking,
    closed_port,
    error_of,
    estimate,
    http_reply,
    local_profile,
    no,
    says,
    session_at,
    spin,
    until,
    yes,
)


@pytest.fixture(params=["direct", "plain"], autouse=True)
def way(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """Every failure here is told over both ways: the plain one is taken with an aiohttp that isn't known."""
    if request.param == "plain":

        async def differences() -> str:
            return "it is switched off"

        monkeypatch.setattr(aiohttp_seam, "differences", differences)
    return str(request.param)


CODES = {"busy": CodeMeaning.PASSING, 7001: CodeMeaning.STOP, 7002: CodeMeaning.IN_DOUBT, 7003: "refused"}


@attrs.frozen
class Row:
    """One line of the table.

    Attributes:
        step: what the vendor does, to every attempt.
        read: what a READ raises; None: it succeeds.
        reads: how many of its requests the vendor sees, of 3 attempts.
        write, writes: the same of a WRITE.
        booked: how often the vendor booked it.
    """

    step: Any
    read: type[PandaponError] | None
    reads: int
    write: type[PandaponError] | None
    writes: int = 1
    booked: int = 0


def _json(reply: Any, status: int = 200, **more: Any) -> dict[str, Any]:
    return {"status": status, "json": reply, **more}


UNKNOWN = OutcomeUnknownError
TABLE = {
    # connection lost, reply cut, too large or not JSON
    "lost before it was booked": Row("drop_before", ConnectionLostError, 3, UNKNOWN),
    "lost after it was booked": Row("drop_after", ConnectionLostError, 3, UNKNOWN, booked=1),
    "half a header": Row("half_header", ConnectionLostError, 3, UNKNOWN, booked=1),
    "half a body": Row("half_body", ConnectionLostError, 3, UNKNOWN, booked=1),
    "garbage": Row("garbage", ConnectionLostError, 3, UNKNOWN, booked=1),
    "a web page": Row("html", DecodeError, 3, UNKNOWN, booked=1),
    "too large": Row("huge_body", ConnectionLostError, 3, UNKNOWN, booked=1),
    "a gzip bomb": Row("gzip_bomb", ConnectionLostError, 3, UNKNOWN, booked=1),
    "too large as it says itself": Row(
        {"body": b" " * 30_000, "done": True}, ConnectionLostError, 3, UNKNOWN, booked=1
    ),
    "an encoding that isn't there": Row(
        {"json": yes({}), "headers": {"Content-Encoding": "gzip"}}, ConnectionLostError, 3, UNKNOWN
    ),
    "no JSON": Row({"body": b"{'success': true}"}, DecodeError, 3, UNKNOWN),
    "half a JSON": Row({"body": b'{"errorCode": 200, "succ'}, DecodeError, 3, UNKNOWN),
    # no verdict
    "empty": Row("empty", DecodeError, 1, UNKNOWN, booked=1),
    "204": Row("no_content", DecodeError, 1, UNKNOWN, booked=1),
    "all null": Row("null_envelope", DecodeError, 1, UNKNOWN, booked=1),
    "JSON null": Row({"body": b"null"}, DecodeError, 1, UNKNOWN),
    "a list": Row(_json([yes()]), DecodeError, 1, UNKNOWN),
    "an object without an envelope": Row(_json({"orderId": "21"}), DecodeError, 1, UNKNOWN),
    "success with a strange code": Row(_json({"errorCode": 4711, "success": True}), DecodeError, 1, UNKNOWN),
    "a bare zero": Row(_json({"code": 0, "msg": "ok"}), DecodeError, 1, UNKNOWN),
    "success as text": Row(_json({"errorCode": None, "success": "true"}), DecodeError, 1, UNKNOWN),
    # by status
    **{f"{status}": Row(status, HttpStatusError, 3, UNKNOWN) for status in (408, 500, 502, 503, 504, 599)},
    "500 that says yes": Row(_json(yes({}), 500), HttpStatusError, 3, UNKNOWN),
    "500 that says no": Row(_json(no(7003), 500), HttpStatusError, 3, UNKNOWN),
    "401": Row(401, AuthError, 1, AuthError),
    "403": Row(403, AuthError, 1, AuthError),
    "401 that says why": Row(_json(no(7003), 401), AuthError, 1, AuthError),
    "400": Row(400, HttpStatusError, 1, HttpStatusError),
    "404": Row(404, HttpStatusError, 1, HttpStatusError),
    "413": Row(413, HttpStatusError, 1, HttpStatusError),
    "400 that says why": Row(_json(no(7003), 400), ApiError, 1, ApiError),
    "422 for now": Row(_json(no("busy"), 422), ApiError, 3, ApiError, 3),
    "400 that says yes": Row(_json(yes({}), 400), HttpStatusError, 1, UNKNOWN),
    **{f"{status}": Row(status, HttpStatusError, 1, HttpStatusError) for status in (301, 307, 308)},
    **{f"{status}": Row(status, HttpStatusError, 1, UNKNOWN) for status in (300, 302, 303, 304)},
    # by code
    "refused": Row("refuse", ApiError, 1, ApiError),
    "an unknown code": Row(_json(no(4711)), ApiError, 1, ApiError),
    "no code": Row(_json(no(None)), ApiError, 1, ApiError),
    "a refusal of the standard family": Row(_json({"code": 4711, "msg": "no"}), ApiError, 1, ApiError),
    "a passing code": Row(_json(no("busy")), ApiError, 3, ApiError, 3),
    "a code in doubt": Row(_json(no(7002)), ApiError, 1, UNKNOWN),
    "a stop code": Row(_json(no(7001)), ApiError, 1, ApiError),
    "a code like 5xx": Row(_json(no(503)), ApiError, 1, UNKNOWN),
    "a negative code": Row(_json(no(-1)), ApiError, 1, UNKNOWN),
    "a negative code as text": Row(_json(no("-1")), ApiError, 1, UNKNOWN),
    "200, but no success": Row(_json(no(200)), ApiError, 1, UNKNOWN),
    # told by the envelope in place of the status
    "401 in an envelope": Row(_json(no(401)), AuthError, 1, AuthError),
    "403 in an envelope, as text": Row(_json(no("403")), AuthError, 1, AuthError),
    "429 in an envelope": Row(_json(no(429)), RateLimitedError, 3, RateLimitedError, 3),
    # a no that contradicts itself
    "a refusal that names an order": Row(_json(no(4711, data={"orderId": "21"})), ApiError, 1, UNKNOWN),
    "a passing code that names an order": Row(_json(no("busy", data={"orderId": "21"})), ApiError, 3, UNKNOWN),
    "a zero that names an order": Row(_json({"code": 0, "data": {"orderId": "INTL-42"}}), DecodeError, 1, UNKNOWN),
    "401 that names an order": Row(_json(no(1, data={"orderId": "21"}), 401), AuthError, 1, UNKNOWN),
    "404 that names an order": Row(_json({"orderId": "21"}, 404), HttpStatusError, 1, UNKNOWN),
    "429 that names an order": Row(_json(no(1, data={"orderId": "21"}), 429), RateLimitedError, 3, UNKNOWN),
    "307 that names an order": Row(_json({"orderId": "21"}, 307), HttpStatusError, 1, UNKNOWN),
    "a refusal with a code of success": Row(_json(no("SUCCESS")), ApiError, 1, UNKNOWN),
    "a refusal with a message of success": Row(_json(no(1, "操作成功")), ApiError, 1, UNKNOWN),
    # success
    "ok": Row("ok", None, 1, None, booked=1),
    "a code as text": Row(_json({"errorCode": "200", "success": True, "data": {}}), None, 1, None),
    "success without a code": Row(_json({"errorCode": None, "success": True, "data": {}}), None, 1, None),
    "success with a zero": Row(_json({"errorCode": 0, "success": True, "data": {}}), None, 1, None),
    "201": Row(_json(yes({}), 201), None, 1, None),
    "a slow body": Row("slow_body", None, 1, None, booked=1),
}


@pytest.fixture
async def vendor() -> AsyncIterator[FakeVendor]:
    async with FakeVendor(huge=200_000, slow=0.001) as vendor:
        yield vendor


@pytest.fixture
async def session(vendor: FakeVendor) -> AsyncIterator[PandaPonSession]:
    policy = RetryPolicy(base=0, attempts=3)
    async with session_at(vendor.profile("pandapon", retry=policy, codes=CODES, max_reply_bytes=20_000)) as session:
        yield session


def _said(error: Exception | None) -> type[Exception] | None:
    return None if error is None else type(error)


@pytest.mark.parametrize("row", [pytest.param(row, id=name) for name, row in TABLE.items()])
class TestTable:
    async def test_a_read(self, vendor: FakeVendor, session: PandaPonSession, row: Row) -> None:
        vendor.script(*[row.step] * 3)
        error = await error_of(session.call(estimate()))
        assert _said(error) is row.read, repr(error)
        assert vendor.ledger.seen[ESTIMATE] == row.reads
        if isinstance(error, PandaponError):
            assert len(error.attempts) == row.reads
            assert error.operation == "logistics.estimate_freight"

    async def test_a_write(self, vendor: FakeVendor, session: PandaPonSession, row: Row) -> None:
        in_doubt: list[Any] = []
        copy = session.with_options(on_in_doubt=lambda reference, _: in_doubt.append(reference))
        vendor.script(*[row.step] * 3)
        error = await error_of(copy.call(("mine", booking("R1"))))
        assert _said(error) is row.write, repr(error)
        assert vendor.ledger.seen[BOOK] == row.writes
        assert vendor.ledger.bookings.get("R1", 0) == row.booked
        assert in_doubt == (["mine"] if row.write is UNKNOWN else [])
        if isinstance(error, PandaponError):
            assert len(error.attempts) == row.writes
            assert error.reference == "mine"


@pytest.mark.parametrize("step", [pytest.param(row.step, id=name) for name, row in TABLE.items() if row.reads == 3])
async def test_a_read_that_may_be_repeated_succeeds_once_it_has_passed(
    vendor: FakeVendor, session: PandaPonSession, step: Any
) -> None:
    vendor.script(step, "ok")
    assert (await session.call(estimate())).attempts == 2


# --- details of the rows -----------------------------------------------------------------------------------------------


async def test_no_redirect_is_followed(vendor: FakeVendor, session: PandaPonSession) -> None:
    for status in (301, 302, 303, 307, 308):
        vendor.script(status)
        await error_of(session.call(booking()))
        vendor.script(status)
        await error_of(session.call(estimate()))
    assert {record.path for record in vendor.ledger.requests} == {
        "/open/pp/logistics/orderBookingFreight",
        "/v2/open/pp/logistics/itemLogisticsPrice",
    }


async def test_a_redirect_names_what_to_check(vendor: FakeVendor, session: PandaPonSession) -> None:
    vendor.script(307)
    error = await error_of(session.call(booking()))
    assert isinstance(error, HttpStatusError)
    assert error.status == 307
    assert "base_url" in str(error)


async def test_a_400_that_aiohttp_made_up_is_not_the_vendors_word() -> None:
    async with (
        RawServer(says(b"this is not HTTP at all\r\n\r\n")) as server,
        session_at(local_profile(server.port)) as session,
    ):
        assert isinstance(await error_of(session.call(booking())), OutcomeUnknownError)
        assert len(server.requests) == 1


async def test_a_reply_with_a_status_below_200_leaves_a_write_in_doubt() -> None:
    switching = b"HTTP/1.1 101 Switching\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n"
    async with RawServer(says(switching)) as server, session_at(local_profile(server.port)) as session:
        assert isinstance(await error_of(session.call(booking())), OutcomeUnknownError)
        assert len(server.requests) == 1


async def test_an_api_error_carries_what_the_vendor_said(vendor: FakeVendor, session: PandaPonSession) -> None:
    vendor.script(_json({"requestId": "q-1", "code": "7001", "msg": "no money", "data": None}))
    error = await error_of(session.call(booking("R9")))
    assert isinstance(error, ApiError)
    assert (error.code, error.vendor_message, error.request_id, error.status) == (7001, "no money", "q-1", 200)
    assert (error.vendor, error.operation, error.reference) == ("pandapon", "logistics.book_freight", "R9")
    assert error.meaning == "stop"
    assert error.stage is Stage.REPLIED
    assert error.sent is True


async def test_a_code_that_came_as_text_finds_its_meaning(vendor: FakeVendor) -> None:
    profile = vendor.profile("pandapon", retry=AT_ONCE, codes={"8001": "passing"})
    async with session_at(profile) as session:
        vendor.script(_json(no(8001)), _json(no("8001")), "ok")
        assert (await session.call(booking())).attempts == 3


async def test_auth_errors_carry_the_envelope(vendor: FakeVendor, session: PandaPonSession) -> None:
    vendor.script(_json({"requestId": "q-2", "code": 7003, "msg": "key?", "data": None}, 403))
    error = await error_of(session.call(estimate()))
    assert isinstance(error, AuthError)
    assert (error.code, error.vendor_message, error.request_id, error.status) == (7003, "key?", "q-2", 403)


async def test_a_doubtful_reply_keeps_the_request_id(vendor: FakeVendor, session: PandaPonSession) -> None:
    vendor.script(_json({"requestId": "q-3", "code": 500, "msg": "?", "data": None}))
    error = await error_of(session.call(booking()))
    assert isinstance(error, OutcomeUnknownError)
    assert error.request_id == "q-3"


async def test_a_bare_zero_is_success_where_the_operation_says_so(vendor: FakeVendor, session: PandaPonSession) -> None:
    vendor.script(_json({"code": 0, "msg": "ok"}))
    reply = await session.call(AddressSaveRequest(name="Jane Example"))
    assert reply.code == 0


def odd_read(session: PandaPonSession) -> Any:
    """A READ whose reply has the members of a booking."""
    call = client_of(session).prepare(estimate())
    call.operation = attrs.evolve(call.operation, name="odd", reply=FreightBooking)
    return client_of(session).run(call, wait_forever=False)


ODD = {"orderId": "21", "orderFee": {"amount": "x", "currency": "USD"}, "subOrders": 1}
ODD_PATHS = ["$.data.orderFee.amount", "$.data.subOrders"]


async def test_a_reads_odd_member_costs_that_member(
    vendor: FakeVendor, session: PandaPonSession, caplog: pytest.LogCaptureFixture
) -> None:
    vendor.script(_json(yes(ODD)))
    reply = await odd_read(session)
    assert (reply.data.order_id, reply.data.order_fee, reply.data.sub_orders) == ("21", None, ())
    assert [problem.split(":")[0] for problem in reply.problems] == ODD_PATHS
    assert reply.raw["data"] == ODD
    assert "pandapon odd: left out: $.data.orderFee.amount" in caplog.text


async def test_a_strict_profile_raises_for_a_reads_odd_member(vendor: FakeVendor) -> None:
    async with session_at(vendor.profile("pandapon", strict=True)) as session:
        vendor.script(_json(yes(ODD)))
        error = await error_of(odd_read(session))
    assert isinstance(error, DecodeError)
    assert [problem.split(":")[0] for problem in error.problems] == ODD_PATHS
    assert (error.status, error.code, error.raw) == (200, 200, yes(ODD))
    assert vendor.ledger.seen[ESTIMATE] == 1


async def test_a_strict_profile_does_not_make_a_booking_an_error(vendor: FakeVendor) -> None:
    async with session_at(vendor.profile("pandapon", strict=True)) as session:
        vendor.script(_json(yes(ODD), done=True))
        assert (await session.call(booking())).data.order_id == "21"


@pytest.mark.parametrize("data", ["text", [1], 5, True])
async def test_a_read_of_which_nothing_fits_is_an_error(
    vendor: FakeVendor, session: PandaPonSession, data: Any
) -> None:
    vendor.script(_json(yes(data)))
    error = await error_of(odd_read(session))
    assert isinstance(error, DecodeError)
    assert [problem.split(":")[0] for problem in error.problems] == ["$.data"]


async def test_what_was_named_is_shown(vendor: FakeVendor, session: PandaPonSession) -> None:
    vendor.script(_json(no(4711, data={"orderId": "INTL-42", "orderFee": {"amount": "9.50", "currency": "USD"}})))
    error = await error_of(session.call(booking()))
    assert isinstance(error, OutcomeUnknownError)
    assert "code 4711: refused: no clear yes, but it names orderId INTL-42, orderFee.amount 9.50" in str(error)
    assert "Nothing was done" not in str(error)
    assert (error.status, error.code) == (200, 4711)


async def test_a_code_of_the_profiles_table_is_not_taken_for_a_status(vendor: FakeVendor) -> None:
    async with session_at(vendor.profile("pandapon", retry=AT_ONCE, codes={429: "refused"})) as session:
        vendor.script(_json(no(429)))
        assert isinstance(await error_of(session.call(booking())), ApiError)
    assert vendor.ledger.seen[BOOK] == 1


async def test_a_429_in_an_envelope_waits_as_the_reply_asks(vendor: FakeVendor, clock: VirtualClock) -> None:
    async with session_at(vendor.profile("pandapon"), clock=clock) as session:
        vendor.script(_json(no(429), headers={"Retry-After": "7"}))
        assert (await session.call(booking())).attempts == 2
    assert clock.slept == [7.0]


@pytest.mark.parametrize(
    ("step", "status", "raw", "text"),
    [
        (_json(no(4711), 400, headers={"X-Trace": "t-1"}), 400, no(4711), '"errorCode"'),
        ({"body": b"<html>not found", "status": 404, "headers": {"X-Trace": "t-1"}}, 404, None, "<html>not found"),
        ({"body": b"", "status": 502, "headers": {"X-Trace": "t-1"}}, 502, None, ""),
    ],
)
async def test_an_error_keeps_the_reply(
    vendor: FakeVendor, session: PandaPonSession, step: Any, status: int, raw: Any, text: str
) -> None:
    for request in (booking(), estimate()):
        vendor.script(*[step] * 3)
        error = await error_of(session.call(request))
        assert isinstance(error, PandaponError)
        assert (error.status, error.raw) == (status, raw)
        assert error.text is not None
        assert text in error.text
        assert error.headers is not None
        assert error.headers["x-trace"] == "t-1"


async def test_without_a_reply_an_error_has_none_of_it(vendor: FakeVendor, session: PandaPonSession) -> None:
    vendor.script("drop_before")
    error = await error_of(session.call(booking()))
    assert isinstance(error, OutcomeUnknownError)
    assert (error.status, error.code, error.request_id) == (None, None, None)
    assert error.headers is error.raw is error.text is None


async def test_a_vendor_that_speaks_gbk_is_understood() -> None:
    body = '{"code": 4711, "msg": "余额不足", "data": null}'
    reply = http_reply(200, body.encode("gbk"), {"Content-Type": "application/json;charset=GBK"})
    async with RawServer(says(reply)) as server, session_at(local_profile(server.port)) as session:
        error = await error_of(session.call(booking()))
    assert isinstance(error, ApiError)
    assert (error.vendor_message, error.text) == ("余额不足", body)


@pytest.mark.parametrize(
    "data",
    [
        {"orderId": ["21"], "orderFee": {"amount": "many", "currency": 7}, "subOrders": {"a": 1}},
        "text",
        [1, 2],
        None,
        True,
        {"orderFee": {"currency": "USD"}},
    ],
)
async def test_a_write_that_was_made_is_never_an_error(vendor: FakeVendor, session: PandaPonSession, data: Any) -> None:
    vendor.script(_json(yes(data), done=True))
    reply = await session.call(booking())
    assert reply.raw == yes(data)
    assert bool(reply.problems) is (data is not None)
    assert all(problem.startswith("$.data") for problem in reply.problems)


async def test_what_fits_of_a_write_is_kept_beside_what_does_not(vendor: FakeVendor, session: PandaPonSession) -> None:
    vendor.script(_json(yes({"orderId": 21, "orderFee": {"amount": "x", "currency": "USD"}, "news": 1})))
    reply = await session.call(booking())
    assert reply.data.order_id == "21"
    assert reply.data.order_fee is None
    assert reply.data.extra == {"news": 1}
    assert reply.problems == ("$.data.orderFee.amount: not a decimal number",)


async def test_the_service_method_gives_an_empty_model_where_nothing_fits(
    vendor: FakeVendor, session: PandaPonSession
) -> None:
    vendor.script(_json(yes("booked!")))
    assert (await session.logistics.book_freight(booking())).order_id is None


# --- 429 ---------------------------------------------------------------------------------------------------------------


def _limited(after: str | None = None, **headers: str) -> dict[str, Any]:
    given = {"Retry-After": after} if after is not None else {}
    return {"status": 429, "body": b"slow down", "headers": {**given, **headers}}


@pytest.fixture
def clock() -> VirtualClock:
    return VirtualClock(time.time())


@pytest.fixture
async def timed(vendor: FakeVendor, clock: VirtualClock) -> AsyncIterator[PandaPonSession]:
    policy = RetryPolicy(base=0.5, attempts=3)
    async with session_at(vendor.profile("pandapon", retry=policy), clock=clock) as session:
        yield session


@pytest.mark.parametrize("request_", [estimate(), booking()], ids=["read", "write"])
class TestTooMany:
    async def test_it_is_sent_again_after_the_seconds_asked_for(
        self, vendor: FakeVendor, timed: PandaPonSession, clock: VirtualClock, request_: Any
    ) -> None:
        vendor.script(_limited("7"))
        assert (await timed.call(request_)).attempts == 2
        assert clock.slept == [7.0]
        assert sum(vendor.ledger.done.values()) == 1

    async def test_a_date_counts_against_the_replys_own_date(
        self, vendor: FakeVendor, timed: PandaPonSession, clock: VirtualClock, request_: Any
    ) -> None:
        moment = 1_600_000_000
        vendor.script(_limited(formatdate(moment + 9, usegmt=True), Date=formatdate(moment, usegmt=True)))
        assert (await timed.call(request_)).attempts == 2
        assert clock.slept == [9.0]

    @pytest.mark.parametrize("after", [None, "soon", "-5", ".5", "1,5", "1e3", "1_0", "", "0x10", "0", "0.000"])
    async def test_without_a_usable_wait_it_backs_off(
        self, vendor: FakeVendor, timed: PandaPonSession, clock: VirtualClock, request_: Any, after: str | None
    ) -> None:
        vendor.script(_limited(after))
        assert (await timed.call(request_)).attempts == 2
        assert len(clock.slept) == 1
        assert 0 <= clock.slept[0] <= 0.5

    async def test_fractions_of_a_second_are_waited_for(
        self, vendor: FakeVendor, timed: PandaPonSession, clock: VirtualClock, request_: Any
    ) -> None:
        vendor.script(_limited("1.25"))
        assert (await timed.call(request_)).attempts == 2
        assert clock.slept == [1.25]

    async def test_a_date_that_has_passed_backs_off(
        self, vendor: FakeVendor, timed: PandaPonSession, clock: VirtualClock, request_: Any
    ) -> None:
        moment = 1_600_000_000
        vendor.script(_limited(formatdate(moment - 9, usegmt=True), Date=formatdate(moment, usegmt=True)))
        assert (await timed.call(request_)).attempts == 2
        assert len(clock.slept) == 1
        assert 0 < clock.slept[0] <= 0.5

    async def test_over_the_cap_it_is_raised_and_everybody_waits_for_the_cap(
        self, vendor: FakeVendor, timed: PandaPonSession, clock: VirtualClock, request_: Any
    ) -> None:
        vendor.script(_limited("121"))
        error = await error_of(timed.call(request_))
        assert isinstance(error, RateLimitedError)
        assert (error.retry_after, error.status) == (121.0, 429)
        assert timed._client.state.limiter.pause.left() == 120.0

    async def test_it_is_raised_after_the_last_attempt(
        self, vendor: FakeVendor, timed: PandaPonSession, clock: VirtualClock, request_: Any
    ) -> None:
        vendor.script(*[_limited("2")] * 3)
        error = await error_of(timed.call(request_))
        assert isinstance(error, RateLimitedError)
        assert len(error.attempts) == 3
        assert sum(vendor.ledger.seen.values()) == 3
        assert sum(vendor.ledger.done.values()) == 0
        assert timed._client.state.limiter.pause.left() == 2.0

    async def test_the_pause_does_not_count_against_the_deadline(
        self, vendor: FakeVendor, timed: PandaPonSession, clock: VirtualClock, request_: Any
    ) -> None:
        vendor.script(_limited("100"), _limited("100"))
        assert (await timed.call(request_)).attempts == 3
        assert clock.slept == [100.0, 100.0]

    async def test_a_pause_takes_nothing_from_the_retry_budget(
        self, vendor: FakeVendor, clock: VirtualClock, request_: Any
    ) -> None:
        profile = vendor.profile("pandapon", retry=RetryPolicy(budget=0))
        async with session_at(profile, clock=clock) as session:
            vendor.script(_limited("1"))
            assert (await session.call(request_)).attempts == 2


async def test_a_429_pauses_the_whole_session(vendor: FakeVendor) -> None:
    clock = VirtualClock(time.time(), auto=False)
    async with session_at(vendor.profile("pandapon"), clock=clock) as session:
        vendor.script(_limited("20"))
        first = asyncio.create_task(session.call(booking("A")))
        await until(lambda: clock.slept)
        second = asyncio.create_task(session.with_options(timeouts=Timeouts(total=5)).call(booking("B")))
        await until(lambda: len(clock.slept) == 2)
        clock.advance(19)
        await spin()
        assert vendor.ledger.bookings == {}
        clock.advance(1)
        await first
        clock.advance(1)  # they don't begin all at once
        await second
        assert vendor.ledger.bookings == {"A": 1, "B": 1}


@pytest.mark.parametrize("after", [None, "0", "0.001"])
@pytest.mark.parametrize("attempts", [1, 4])
async def test_a_vendor_that_asks_for_no_wait_is_not_hammered(after: str | None, attempts: int) -> None:
    clock = VirtualClock(time.time())
    times: list[float] = []

    async def answer(_: RawRequest, writer: asyncio.StreamWriter) -> None:
        times.append(clock.monotonic())
        writer.write(http_reply(429, b"", {} if after is None else {"Retry-After": after}))

    random.seed(3)
    async with RawServer(answer) as server:
        limits, retry = Limits(concurrency=8), RetryPolicy(attempts=attempts)
        async with session_at(local_profile(server.port, limits=limits, retry=retry), clock=clock) as session:
            async for outcome in session.stream([(str(number), booking()) for number in range(40)]):
                assert isinstance(outcome.error, RateLimitedError)
    assert len(times) == 40 * attempts
    most = max(bisect_left(times, begin + 0.01) - number for number, begin in enumerate(times))
    assert most <= 8 + 2


async def test_a_pause_longer_than_max_wait_refuses_newcomers(vendor: FakeVendor) -> None:
    clock = VirtualClock(time.time())
    profile = vendor.profile("pandapon", retry=RetryPolicy(attempts=1), limits=Limits(max_wait=30))
    async with session_at(profile, clock=clock) as session:
        vendor.script(_limited("60"))
        await error_of(session.call(booking("A")))
        error = await error_of(session.call(booking("B")))
        assert isinstance(error, LimitExceededError)
        assert error.attempts == ()
        assert vendor.ledger.seen[BOOK] == 1


# --- 503 with Retry-After ----------------------------------------------------------------------------------------------


async def test_a_503_with_retry_after_is_a_refusal_where_the_profile_says_so(vendor: FakeVendor) -> None:
    profile = vendor.profile("pandapon", retry=AT_ONCE, retry_after_503_refuses=True)
    async with session_at(profile) as session:
        vendor.script({"status": 503, "headers": {"Retry-After": "0"}})
        assert (await session.call(booking("A"))).attempts == 2
        assert vendor.ledger.bookings == {"A": 1}


async def test_a_503_that_stays_is_a_status_error_where_it_refuses(vendor: FakeVendor) -> None:
    profile = vendor.profile("pandapon", retry=RetryPolicy(base=0, attempts=2), retry_after_503_refuses=True)
    async with session_at(profile) as session:
        vendor.script(*[{"status": 503, "headers": {"Retry-After": "0"}}] * 2)
        error = await error_of(session.call(booking("A")))
        assert type(error) is HttpStatusError
        assert error.status == 503
        assert vendor.ledger.seen[BOOK] == 2


async def test_a_503_without_retry_after_is_in_doubt_even_then(vendor: FakeVendor) -> None:
    profile = vendor.profile("pandapon", retry=AT_ONCE, retry_after_503_refuses=True)
    async with session_at(profile) as session:
        vendor.script(503)
        assert isinstance(await error_of(session.call(booking("A"))), OutcomeUnknownError)


async def test_a_503_that_refuses_is_sent_again_after_the_seconds_asked_for(vendor: FakeVendor) -> None:
    clock = VirtualClock(time.time())
    profile = vendor.profile("pandapon", retry_after_503_refuses=True)
    async with session_at(profile, clock=clock) as session:
        vendor.script({"status": 503, "headers": {"Retry-After": "7"}})
        await session.call(booking("A"))
        assert clock.slept == [7.0]


# --- time --------------------------------------------------------------------------------------------------------------


async def test_a_read_time_out(vendor: FakeVendor) -> None:
    profile = vendor.profile("pandapon", retry=AT_ONCE, timeouts=Timeouts(read=0.05))
    async with session_at(profile) as session:
        vendor.script("stall", "ok")
        assert (await session.call(estimate())).attempts == 2
        vendor.script("stall")
        error = await error_of(session.call(booking("A")))
        assert isinstance(error, OutcomeUnknownError)
        assert vendor.ledger.seen[BOOK] == 1
        assert vendor.ledger.bookings == {"A": 1}


async def test_the_deadline_during_the_exchange(vendor: FakeVendor) -> None:
    async with session_at(vendor.profile("pandapon", retry=AT_ONCE, timeouts=Timeouts(total=0.3))) as session:
        vendor.script("stall")
        error = await error_of(session.call(estimate()))
        assert isinstance(error, DeadlineExceededError)
        assert vendor.ledger.seen[ESTIMATE] == 1
        vendor.script("stall")
        error = await error_of(session.call(booking("A")))
        assert isinstance(error, OutcomeUnknownError)
        assert vendor.ledger.bookings == {"A": 1}


async def test_the_deadline_during_the_body(vendor: FakeVendor) -> None:
    async def half(_: RawRequest, writer: asyncio.StreamWriter) -> None:
        writer.write(http_reply(200, yes({}), length=1000))
        await writer.drain()
        await asyncio.Event().wait()

    async with (
        RawServer(half) as server,
        session_at(local_profile(server.port, timeouts=Timeouts(total=0.1))) as session,
    ):
        assert isinstance(await error_of(session.call(estimate())), DeadlineExceededError)
        assert isinstance(await error_of(session.call(booking())), OutcomeUnknownError)
        assert len(server.requests) == 2


async def test_a_read_whose_deadline_passed_under_way_does_not_claim_that_it_was_not_sent(vendor: FakeVendor) -> None:
    async with session_at(vendor.profile("pandapon", timeouts=Timeouts(total=0.05))) as session:
        vendor.script("stall")
        error = await error_of(session.call(estimate()))
        assert isinstance(error, DeadlineExceededError)
        assert error.sent is None


@pytest.mark.parametrize("way", ["direct"], indirect=True)
async def test_a_retry_that_would_come_after_the_deadline_is_not_waited_for(vendor: FakeVendor) -> None:
    clock = VirtualClock(time.time())
    profile = vendor.profile("pandapon", retry=RetryPolicy(base=1000, cap=1000), timeouts=Timeouts(total=1e-9))
    async with session_at(profile.evolve(base_url=f"http://127.0.0.1:{closed_port()}"), clock=clock) as session:
        error = await error_of(session.call(booking()))
        assert isinstance(error, DeadlineExceededError)
        assert len(error.attempts) == 1
        assert clock.slept == []


async def test_waiting_for_a_retry_counts_against_the_deadline(vendor: FakeVendor) -> None:
    clock = VirtualClock(time.time())
    profile = vendor.profile("pandapon", retry=RetryPolicy(base=1, attempts=1000), timeouts=Timeouts(total=10))
    async with session_at(profile, clock=clock) as session:
        vendor.script(*[502] * 100)
        error = await error_of(session.call(estimate()))
        assert isinstance(error, DeadlineExceededError)
        assert sum(clock.slept) < 10
        assert vendor.ledger.seen[ESTIMATE] == len(error.attempts)


async def test_nothing_is_sent_after_the_deadline(vendor: FakeVendor) -> None:
    profile = vendor.profile("pandapon", retry=RetryPolicy(base=0.5), timeouts=Timeouts(total=1))
    async with session_at(profile, clock=OverSleeper(time.time(), factor=1e6)) as session:
        vendor.script(503, "ok")
        error = await error_of(session.call(estimate()))
        assert isinstance(error, DeadlineExceededError)
        assert vendor.ledger.seen[ESTIMATE] == 1


# --- not sent ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("request_", [estimate(), booking()], ids=["read", "write"])
class TestNotSent:
    async def test_a_refused_connection_is_tried_again(self, request_: Any) -> None:
        async with session_at(local_profile(closed_port())) as session:
            error = await error_of(session.call(request_))
            assert isinstance(error, NotSentError)
            assert len(error.attempts) == 4
            assert {attempt.stage for attempt in error.attempts} == {Stage.NOT_SENT}
            assert error.sent is False

    async def test_it_goes_out_once_the_vendor_listens(self, vendor: FakeVendor, request_: Any) -> None:
        port = int(vendor.url.rpartition(":")[2])
        await vendor.stop()
        restarts: list[asyncio.Task[None]] = []

        def restart(*_: Any) -> None:
            restarts.append(asyncio.create_task(vendor.start()))

        class Clock(VirtualClock):
            async def sleep(self, seconds: float) -> None:
                await asyncio.gather(*restarts)

        profile = vendor.profile("pandapon", retry=RetryPolicy(attempts=2, base=0.01))
        assert profile.base_url.endswith(str(port))
        async with session_at(profile, clock=Clock(time.time()), on_attempt=restart) as session:
            vendor.script("ok")
            reply = await session.with_options(on_attempt=lambda *_: None if restarts else restart()).call(request_)
            assert reply.attempts == 2
            assert sum(vendor.ledger.done.values()) == 1

    async def test_a_name_that_does_not_resolve(self, request_: Any) -> None:
        profile = local_profile(1, base_url="http://nowhere.invalid", allow_insecure=True)
        async with session_at(profile) as session:
            error = await error_of(session.call(request_))
            assert isinstance(error, NotSentError)
            assert len(error.attempts) == 4

    async def test_a_connect_time_out(self, request_: Any) -> None:
        with socket.socket() as full, socket.socket() as waiting, socket.socket() as more:
            full.bind(("127.0.0.1", 0))
            full.listen(0)
            for client in (waiting, more):
                client.setblocking(False)
                client.connect_ex(full.getsockname())
            profile = local_profile(
                full.getsockname()[1], timeouts=Timeouts(connect=0.05), retry=RetryPolicy(base=0, attempts=2)
            )
            async with session_at(profile) as session:
                error = await error_of(session.call(request_))
                assert isinstance(error, NotSentError), repr(error)
                assert "no connection within Timeouts.connect" in str(error)
                assert len(error.attempts) == 2

    async def test_the_deadline_while_connecting(self, request_: Any, way: str) -> None:
        with socket.socket() as full, socket.socket() as waiting, socket.socket() as more:
            full.bind(("127.0.0.1", 0))
            full.listen(0)
            for client in (waiting, more):
                client.setblocking(False)
                client.connect_ex(full.getsockname())
            async with session_at(local_profile(full.getsockname()[1], timeouts=Timeouts(total=0.05))) as session:
                error = await error_of(session.call(request_))
                if way == "direct":
                    assert isinstance(error, DeadlineExceededError)
                    assert error.sent is False
                else:  # whether a connection was made can't be known
                    assert isinstance(error, (DeadlineExceededError, OutcomeUnknownError))
                    assert error.sent is None

    async def test_a_certificate_of_a_stranger_is_not_tried_again(self, request_: Any) -> None:
        async with TlsListener(trustme.CA(), trusted=trustme.CA()) as (port, context, connections):
            profile = local_profile(port, base_url=f"https://127.0.0.1:{port}", ssl_context=context)
            async with session_at(profile) as session:
                error = await error_of(session.call(request_))
                assert isinstance(error, NotSentError)
                assert "certificate" in str(error)
                assert "trust store" in str(error)
                assert len(error.attempts) == 1
                assert len(connections) == 0

    async def test_a_certificate_of_another_host_is_not_tried_again(self, request_: Any) -> None:
        ca = trustme.CA()
        async with TlsListener(ca, trusted=ca, host="elsewhere.example") as (port, context, _):
            profile = local_profile(port, base_url=f"https://127.0.0.1:{port}", ssl_context=context)
            async with session_at(profile) as session:
                error = await error_of(session.call(request_))
                assert isinstance(error, NotSentError)
                assert len(error.attempts) == 1

    async def test_a_server_that_speaks_no_tls_is_tried_again(self, request_: Any) -> None:
        async def plain(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await reader.read(10)
            writer.write(b"HTTP/1.1 400 Bad Request\r\n\r\n")
            writer.close()

        async with await asyncio.start_server(plain, "127.0.0.1", 0) as server:
            port = server.sockets[0].getsockname()[1]
            profile = local_profile(port, base_url=f"https://127.0.0.1:{port}")
            async with session_at(profile.evolve(retry=RetryPolicy(base=0, attempts=2))) as session:
                error = await error_of(session.call(request_))
                assert isinstance(error, NotSentError)
                assert len(error.attempts) == 2

    @pytest.mark.parametrize("status", [403, 407, 502])
    async def test_a_proxy_that_refuses_to_connect(self, request_: Any, status: int) -> None:
        ca = trustme.CA()
        async with Proxy(refuse=status) as proxy, TlsListener(ca, trusted=ca) as (port, context, connections):
            profile = local_profile(
                port,
                base_url=f"https://127.0.0.1:{port}",
                ssl_context=context,
                proxy=f"http://127.0.0.1:{proxy.port}",
                retry=RetryPolicy(base=0, attempts=2),
            )
            async with session_at(profile) as session:
                error = await error_of(session.call(request_))
                assert isinstance(error, NotSentError)
                assert len(error.attempts) == 2
                assert proxy.lines == [f"CONNECT 127.0.0.1:{port}"] * 2
                assert connections == []

    async def test_a_proxy_that_is_not_there(self, vendor: FakeVendor, request_: Any) -> None:
        profile = vendor.profile("pandapon", retry=AT_ONCE, proxy=f"http://127.0.0.1:{closed_port()}")
        async with session_at(profile) as session:
            error = await error_of(session.call(request_))
            assert isinstance(error, NotSentError)
            assert len(error.attempts) == 4
            assert sum(vendor.ledger.seen.values()) == 0

    async def test_a_signer_that_raises_leaves_nothing_in_doubt(self, vendor: FakeVendor, request_: Any) -> None:
        def broken(*_: Any) -> Any:
            raise KeyError("no key")

        async with session_at(vendor.profile("pandapon", retry=AT_ONCE, signer=broken)) as session:
            error = await error_of(session.call(request_))
            assert not isinstance(error, (OutcomeUnknownError, DecodeError))

    async def test_a_proxy_address_that_makes_no_sense_leaves_nothing_in_doubt(
        self, vendor: FakeVendor, request_: Any
    ) -> None:
        try:
            profile = vendor.profile("pandapon", retry=AT_ONCE, proxy="proxy.example:8080")
        except ConfigError:
            return
        async with session_at(profile) as session:
            error = await error_of(session.call(request_))
            assert not isinstance(error, (OutcomeUnknownError, DecodeError))


class TlsListener:
    """A TLS server; entering gives its port, the client's context, and the list of its connections that shook hands."""

    def __init__(self, ca: trustme.CA, *, trusted: trustme.CA, host: str = "127.0.0.1") -> None:
        self._server_context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        ca.issue_cert(host).configure_cert(self._server_context)
        self._context = ssl.create_default_context()
        trusted.configure_trust(self._context)
        self._connections: list[Any] = []

    async def __aenter__(self) -> tuple[int, ssl.SSLContext, list[Any]]:
        async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            self._connections.append(await reader.read(1))
            writer.close()

        self._server = await asyncio.start_server(serve, "127.0.0.1", 0, ssl=self._server_context)
        return self._server.sockets[0].getsockname()[1], self._context, self._connections

    async def __aexit__(self, *exc: object) -> None:
        self._server.close()
        await self._server.wait_closed()


# --- connections that died while they were kept ------------------------------------------------------------------------


@pytest.mark.parametrize("way", ["direct"], indirect=True)
async def test_a_dead_kept_connection_and_a_read_by_post(vendor: FakeVendor, session: PandaPonSession) -> None:
    vendor.script("dead_keepalive")
    await session.call(estimate())
    assert (await session.call(estimate())).attempts == 2


@pytest.mark.parametrize("way", ["direct"], indirect=True)
async def test_a_dead_kept_connection_and_a_write_by_post(vendor: FakeVendor, session: PandaPonSession) -> None:
    vendor.script("dead_keepalive")
    await session.call(estimate())
    error = await error_of(session.call(booking("A")))
    assert isinstance(error, OutcomeUnknownError)
    assert vendor.ledger.seen[BOOK] == 0
    assert vendor.ledger.bookings == {}


@pytest.mark.parametrize("way", ["direct"], indirect=True)
async def test_a_read_by_get_is_repeated_by_us_alone_and_signed_anew(
    vendor: FakeVendor, session: PandaPonSession
) -> None:
    vendor.route("GET", "/open/thing", yes({"a": 1}))
    vendor.script("dead_keepalive")
    await session.call_raw("GET", "/open/thing", effect=Effect.READ)
    reply = await session.call_raw("GET", "/open/thing", effect=Effect.READ, signed_query=True)
    assert reply.attempts == 2
    before, dead, after = vendor.ledger.requests
    assert dead.status == 0
    assert len({before.nonce, dead.nonce, after.nonce}) == 3
    assert after.problems == ()


@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE"])
async def test_a_second_pass_of_a_write_is_stopped(vendor: FakeVendor, session: PandaPonSession, method: str) -> None:
    vendor.route(method, "/open/thing", yes({"a": 1}))
    vendor.script("drop_before")
    error = await error_of(session.call_raw(method, "/open/thing", effect=Effect.WRITE, reference="X"))
    assert isinstance(error, OutcomeUnknownError)
    assert error.reference == "X"
    assert len(vendor.ledger.requests) == 1


async def test_a_put_that_reads_is_repeated_with_its_body() -> None:
    async def answer(request: RawRequest, writer: asyncio.StreamWriter) -> None:
        if len(server.requests) == 2:
            writer.transport.abort()
        else:
            writer.write(http_reply(200, yes({})))

    async with RawServer(answer) as server, session_at(local_profile(server.port)) as session:
        await session.call(estimate())
        await session.call_raw("PUT", "/x", {"a": 1}, effect=Effect.READ)
        assert [request.body for request in server.requests[1:]] == [b'{"a":1}'] * 2
        assert server.requests[1].headers["nonce-str"] != server.requests[2].headers["nonce-str"]


# --- the retry budget --------------------------------------------------------------------------------------------------


async def test_a_storm_dies_down_by_itself(vendor: FakeVendor) -> None:
    vendor.faults = Faults(status={502: 1.0})
    profile = vendor.profile("pandapon", retry=RetryPolicy(base=0, attempts=4, budget=5))
    async with session_at(profile) as session:
        errors = [await error_of(session.call(estimate())) for _ in range(10)]
        assert [type(error) for error in errors] == [HttpStatusError] * 10
        assert vendor.ledger.seen[ESTIMATE] == 10 + 5


async def test_successes_earn_repeats_back(vendor: FakeVendor) -> None:
    profile = vendor.profile("pandapon", retry=RetryPolicy(base=0, attempts=2, budget=1))
    async with session_at(profile) as session:
        vendor.script(502, 502, 502, *["ok"] * 11, 502, "ok")
        assert await error_of(session.call(estimate())) is not None
        assert await error_of(session.call(estimate())) is not None
        for _ in range(11):
            await session.call(estimate())
        assert (await session.call(estimate())).attempts == 2


# --- many, with everything going wrong ---------------------------------------------------------------------------------


@pytest.mark.parametrize("fast", [True, False], ids=["orjson", "without orjson"])
async def test_two_thousand_bookings_never_double(
    vendor: FakeVendor, monkeypatch: pytest.MonkeyPatch, fast: bool
) -> None:
    if fast and jsonio.orjson is None:
        pytest.skip("orjson is not installed")
    if not fast:
        monkeypatch.setattr(jsonio, "orjson", None)
    vendor.faults = Faults(drop_before=0.05, drop_after=0.05, status={502: 0.05, 429: 0.05}, retry_after=0)
    requests = (booking(f"R{number}") for number in range(2000))
    ended: dict[str, str] = {}
    async with (
        SessionManager([vendor.profile("pandapon", retry=AT_ONCE)]) as vendors,
        vendors.pandapon.stream(requests) as outcomes,
    ):
        async for outcome in outcomes:
            assert outcome.reference is not None
            ended[outcome.reference] = "ok" if outcome.error is None else type(outcome.error).__name__
    booked = vendor.ledger.bookings
    assert vendor.ledger.doubled == {}
    assert len(ended) == 2000
    assert set(ended.values()) <= {"ok", "OutcomeUnknownError", "RateLimitedError"}
    assert {reference for reference, end in ended.items() if end == "ok"} <= booked.keys()
    refused = {reference for reference, end in ended.items() if end == "RateLimitedError"}
    assert not refused & booked.keys()
    in_doubt = {reference for reference, end in ended.items() if end == "OutcomeUnknownError"}
    assert booked.keys() <= in_doubt | {reference for reference, end in ended.items() if end == "ok"}
    assert 200 <= len(in_doubt) <= 400
    assert 0 < len(in_doubt & booked.keys()) < len(in_doubt)
