"""From what came back to a reply or a failure, without a socket."""

from __future__ import annotations

import json
from email.utils import formatdate
from typing import Any

import attrs
import pytest
from hypothesis import given, settings, strategies as st
from multidict import CIMultiDict
from yarl import URL

from pandapon_async import (
    PANDAPON,
    ApiError,
    AuthError,
    ConnectionLostError,
    Credentials,
    DeadlineExceededError,
    DecodeError,
    Effect,
    HttpStatusError,
    NotSentError,
    OutcomeUnknownError,
    PandaponError,
    RateLimitedError,
    Reply,
    Stage,
    VendorProfile,
)
from pandapon_async._calls.exchange import BrokenExchangeError, Call, Exchange
from pandapon_async._calls.responses import classify, cleaned, failure_of_broken
from pandapon_async._calls.retry import Failure
from pandapon_async.api.logistics import FreightBookingRequest, ReceiverAddress
from tests.support import booking, estimate

SENT = 1_700_000_000.0
KEYS = Credentials(access_key="key-of-the-tests", access_secret="secret-of-the-tests", user_id="1234567890123")
PROFILE = PANDAPON.evolve(credentials=KEYS)


def call_of(request: Any) -> Call:
    url = URL("http://127.0.0.1/x")
    return Call(operation=type(request).operation, request=request, reference="mine", url=url, query="", body=b"{}")


def exchange(status: int, body: Any, headers: dict[str, str] | None = None, **changes: Any) -> Exchange:
    members: dict[str, Any] = {
        "status": status,
        "headers": CIMultiDict({"Date": formatdate(SENT, usegmt=True), **(headers or {})}),
        "body": body if isinstance(body, bytes) else json.dumps(body).encode(),
        "sent": SENT,
        "received": SENT + 1,
        "signed_at": SENT,
        "authentic": True,
        "signed": (),
    }
    return Exchange(**{**members, **changes})


def end(
    request: Any, status: int, body: Any, headers: dict[str, str] | None = None, *, profile: VendorProfile = PROFILE
) -> Reply[Any] | Failure:
    result, _ = classify(exchange(status, body, headers), call_of(request), profile)
    return result


json_values = st.recursive(
    st.none() | st.booleans() | st.integers(-10, 700) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)
envelopes = st.fixed_dictionaries(
    {},
    optional={
        "code": json_values,
        "errorCode": json_values,
        "success": json_values,
        "msg": json_values,
        "errorMsg": json_values,
        "requestId": json_values,
        "data": json_values,
    },
)
NOTHING_WAS_DONE = (ApiError, HttpStatusError)


@given(st.integers(100, 599), envelopes | json_values)
@settings(max_examples=400, deadline=None)
def test_whatever_comes_back_ends_in_the_table(status: int, body: Any) -> None:
    for request in (booking(), estimate()):
        result = end(request, status, body)
        if isinstance(result, Reply):
            assert 200 <= status < 300
            continue
        error = result.error
        assert isinstance(error, PandaponError)
        assert (error.operation, error.reference) == (type(request).operation.name, "mine")
        if type(request).operation.effect is Effect.READ:
            assert not isinstance(error, OutcomeUnknownError)
        else:
            assert isinstance(error, (OutcomeUnknownError, *NOTHING_WAS_DONE))
            assert not isinstance(error, DecodeError)
            if result.repeatable:
                assert isinstance(error, RateLimitedError)
            if status >= 500 or status == 408:
                assert isinstance(error, OutcomeUnknownError)


@given(st.binary(max_size=40))
@settings(max_examples=100)
def test_any_bytes_end_in_the_table(body: bytes) -> None:
    written = end(booking(), 200, body)
    assert isinstance(written, Reply) or isinstance(written.error, (OutcomeUnknownError, ApiError))
    read = end(estimate(), 200, body)
    assert isinstance(read, Reply) or isinstance(read.error, (DecodeError, ApiError))


@given(envelopes)
@settings(max_examples=200, deadline=None)
def test_a_yes_to_a_write_is_never_an_error_unless_a_no_stands_in_it(envelope: dict[str, Any]) -> None:
    result = end(booking(), 200, {**envelope, "code": 200, "success": True})
    if isinstance(result, Reply):
        assert result.raw["code"] == 200
    else:
        assert type(result.error) is OutcomeUnknownError
        assert "but also" in str(result.error)


def test_a_write_whose_data_says_no_is_in_doubt_and_shows_what_was_said() -> None:
    said = {"success": False, "errorCode": "ORDER_STATUS_ERROR", "errorInfo": "closed"}
    raw = {"requestId": "rid-1", "code": 200, "developId": "d", "msg": "成功", "data": said}
    result = end(booking(), 200, raw)
    assert isinstance(result, Failure)
    error = result.error
    assert type(error) is OutcomeUnknownError
    assert "the vendor said yes, but also data.success false, data.errorCode ORDER_STATUS_ERROR" in str(error)
    assert "only an unpaid one can be cancelled" in error.advice
    assert (error.raw, error.request_id, result.repeatable) == (raw, "rid-1", False)


def test_a_read_whose_data_says_no_gives_that_data() -> None:
    result = end(estimate(), 200, {"code": 200, "data": {"success": False}})
    assert isinstance(result, Reply)
    assert result.data.value == {"success": False}


@pytest.mark.parametrize(
    "body",
    [
        b'{"errorCode": 200, "errorCode": 400, "success": true, "success": false}',
        b'{"errorCode": 400, "success": false, "data": {"a": 1, "a": 2}}',
    ],
)
def test_a_no_in_which_a_member_stands_twice_is_in_doubt(body: bytes) -> None:
    result = end(booking(), 200, body)
    assert isinstance(result, Failure)
    assert type(result.error) is OutcomeUnknownError
    assert "stands in it twice" in str(result.error)


@given(st.integers())
def test_a_refusal_keeps_its_code(code: int) -> None:
    for request in (booking(), estimate()):
        result = end(request, 200, {"errorCode": code, "success": False, "errorMsg": "no"})
        assert isinstance(result, Failure)
        assert result.error.code == code
        if code in (401, 403):
            assert type(result.error) is AuthError
        elif code == 429:
            assert type(result.error) is RateLimitedError
        elif type(request).operation.effect is Effect.WRITE and (code < 0 or code == 408 or str(code)[0] in "25"):
            assert isinstance(result.error, (ApiError, OutcomeUnknownError))
        else:
            assert type(result.error) is ApiError


@pytest.mark.parametrize("code", [-1, 200, 201, 299, 2000, 20000, 408, 500, 599, "200", "OK", "Success", "success_1"])
def test_a_no_with_a_code_of_success_or_of_a_breakdown_is_in_doubt(code: int | str) -> None:
    result = end(booking(), 200, {"errorCode": code, "success": False, "errorMsg": "no"})
    assert isinstance(result, Failure)
    assert type(result.error) is OutcomeUnknownError


@pytest.mark.parametrize("code", [0, 1, 20, 199, 300, 400, 404, 499, 600, 2001, 20100, "A0200", "UNSUCCESSFUL", "NOK"])
def test_any_other_no_is_a_refusal(code: int | str) -> None:
    result = end(booking(), 200, {"errorCode": code, "success": False, "errorMsg": "no"})
    assert isinstance(result, Failure)
    assert type(result.error) is ApiError


SOMETHING_MADE = st.sampled_from(
    [
        {"orderId": "INTL-42"},
        {"order_id": 42},
        {"order": {"id": "INTL-42"}},
        {"subOrders": [{"internationalLogisticInfos": {"logisticNumer": "LP001"}}]},
        {"orderFee": {"amount": "322.92", "currency": "USD"}},
        {"fee": 3},
        {"trackingNumber": "LP001"},
        '{"orderId": "INTL-42"}',
    ]
)


@given(
    st.integers(100, 599),
    envelopes,
    SOMETHING_MADE,
    st.lists(st.sampled_from(["data", "result", "x"]), max_size=4),
    st.booleans(),
    st.dictionaries(
        st.sampled_from(["Retry-After", "Age", "Location"]), st.text(st.characters(codec="ascii"), max_size=5)
    ),
    st.sampled_from(["utf-8", "gbk", "utf-8-sig", "utf-16"]),
)
@settings(max_examples=400, deadline=None)
def test_a_write_is_never_told_refused_where_something_was_named(
    status: int,
    envelope: dict[str, Any],
    named: Any,
    holders: list[str],
    in_list: bool,
    headers: dict[str, str],
    encoding: str,
) -> None:
    for holder in holders:
        named = {holder: [named] if in_list else named}
    try:
        body = json.dumps({**envelope, "data": named}, ensure_ascii=False).encode(encoding)
    except UnicodeEncodeError:  # not every character is in GBK
        body = json.dumps({**envelope, "data": named}).encode(encoding)
    result = end(booking(), status, body, headers)
    assert isinstance(result, Reply) or type(result.error) is OutcomeUnknownError
    if isinstance(result, Failure):
        assert not result.repeatable
        assert "it names" in result.error.message


# --- no whole reply ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("broken", "read", "write", "repeatable"),
    [
        (BrokenExchangeError(Stage.NOT_SENT, "X"), NotSentError, NotSentError, (True, True)),
        (BrokenExchangeError(Stage.NOT_SENT, "X", hopeless=True), NotSentError, NotSentError, (False, False)),
        (
            BrokenExchangeError(Stage.NOT_SENT, "X", deadline=True),
            DeadlineExceededError,
            DeadlineExceededError,
            (False, False),
        ),
        (BrokenExchangeError(Stage.UNKNOWN, "X"), ConnectionLostError, OutcomeUnknownError, (True, False)),
        (
            BrokenExchangeError(Stage.UNKNOWN, "X", deadline=True),
            DeadlineExceededError,
            OutcomeUnknownError,
            (False, False),
        ),
    ],
)
def test_a_broken_exchange(
    broken: BrokenExchangeError,
    read: type[PandaponError],
    write: type[PandaponError],
    repeatable: tuple[bool, bool],
) -> None:
    for request, kind, again in zip((estimate(), booking()), (read, write), repeatable, strict=True):
        failure = failure_of_broken(broken, call_of(request), PROFILE)
        assert type(failure.error) is kind
        assert failure.repeatable is again


# --- Retry-After -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("after", "date", "seconds"),
    [
        ("0", SENT, 0.0),
        (" 17 ", SENT, 17.0),
        ("999999999", SENT, 999_999_999.0),
        ("9999999999", SENT, None),
        ("-1", SENT, None),
        ("1.5", SENT, 1.5),
        ("0.250", SENT, 0.25),
        ("2.", SENT, 2.0),
        (".5", SENT, None),
        ("1,5", SENT, None),
        ("1.5.1", SENT, None),
        ("1e3", SENT, None),
        ("inf", SENT, None),
        ("١٢", SENT, None),
        ("", SENT, None),
        (formatdate(SENT + 30, usegmt=True), SENT, 30.0),
        (formatdate(SENT + 30, usegmt=True), SENT - 1000, 1030.0),
        (formatdate(SENT - 30, usegmt=True), SENT, 0.0),
        (formatdate(SENT + 30, usegmt=True), None, 29.0),
        ("Wed, 99 Foo 2026", SENT, None),
    ],
)
def test_retry_after(after: str, date: float | None, seconds: float | None) -> None:
    given_ = exchange(429, b"", {"Retry-After": after})
    if date is None:
        del given_.headers["Date"]  # type: ignore[attr-defined]
    else:
        given_.headers["Date"] = formatdate(date, usegmt=True)  # type: ignore[index]
    result, _ = classify(given_, call_of(booking()), PROFILE)
    assert isinstance(result, Failure)
    assert isinstance(result.error, RateLimitedError)
    assert result.error.retry_after == seconds
    assert result.repeatable


# --- the vendor's clock ------------------------------------------------------------------------------------------------

REFUSED = {"code": 4711, "msg": "no"}


@pytest.mark.parametrize(
    ("off", "anew"), [(0, False), (600, False), (601, True), (-601, True), (-600, False), (90_000, True)]
)
def test_a_refusal_beside_a_date_far_off_may_be_signed_anew(off: float, anew: bool) -> None:
    for status, kind in ((200, ApiError), (401, AuthError), (400, ApiError)):
        result = end(booking(), status, REFUSED, {"Date": formatdate(SENT + off, usegmt=True)})
        assert isinstance(result, Failure)
        assert type(result.error) is kind
        assert result.signed_wrong_time is anew


@pytest.mark.parametrize(
    ("change", "headers", "body"),
    [
        ({"authentic": False}, {}, REFUSED),
        ({}, {"Age": "0"}, REFUSED),
        ({}, {"Date": "now"}, REFUSED),
        ({}, {}, b"<html>"),
        ({}, {}, {"code": None}),
    ],
)
def test_a_date_that_is_not_the_vendors_word(change: dict[str, Any], headers: dict[str, str], body: Any) -> None:
    _, vendor_time = classify(exchange(200, body, headers, **change), call_of(booking()), PROFILE)
    assert vendor_time is None


def test_the_vendors_own_date() -> None:
    _, vendor_time = classify(exchange(200, REFUSED), call_of(booking()), PROFILE)
    assert vendor_time == SENT


# --- texts -------------------------------------------------------------------------------------------------------------


def test_a_vendors_text_is_cleaned() -> None:
    request = FreightBookingRequest(receiver_address=ReceiverAddress(name="Jane Example", phone="+15550100", zip="1"))
    text = f"{KEYS.access_secret} {KEYS.access_key} {KEYS.user_id} Jane Example +15550100 S\x1b[31mred\r\n {'n' * 16}"
    assert cleaned(text, call_of(request), PROFILE, ("n" * 16, "short")) == "*** *** *** *** *** S [31mred   ***"


def test_a_long_text_is_cut() -> None:
    text = cleaned("x" * 1000, call_of(booking()), PROFILE, ())
    assert len(text) == 300
    assert text.endswith("...")


def test_a_secret_at_the_cut_does_not_show_in_part() -> None:
    text = cleaned("x" * 290 + KEYS.access_secret, call_of(booking()), PROFILE, ())
    assert "secret" not in text


def test_a_name_within_another_is_hidden_whole() -> None:
    request = FreightBookingRequest(receiver_address=ReceiverAddress(name="Jane", address="Jane Street 1"))
    assert cleaned("to Jane Street 1, Jane", call_of(request), PROFILE, ()) == "to ***, ***"


def test_texts_are_cleaned_without_credentials_too() -> None:
    assert cleaned("all well", call_of(booking()), PANDAPON, ()) == "all well"


@pytest.mark.parametrize("message", [None, 5, True, {"a": 1}])
def test_a_message_that_is_no_text(message: Any) -> None:
    result = end(booking(), 200, {"code": 4711, "msg": message})
    assert isinstance(result, Failure)
    assert isinstance(result.error, ApiError)
    assert result.error.vendor_message == ("5" if message == 5 and message is not True else None)


def test_many_problems_are_cut_short_in_the_text_and_kept_in_full() -> None:
    request = estimate()
    call = call_of(request)
    call.operation = attrs.evolve(call.operation, reply=FreightBookingRequest.operation.reply)
    items = [{"itemInfos": 1, "internationalLogisticInfos": 2} for _ in range(5)]
    strict = PROFILE.evolve(strict=True)
    result, _ = classify(exchange(200, {"code": 200, "data": {"subOrders": items}}), call, strict)
    assert isinstance(result, Failure)
    assert isinstance(result.error, DecodeError)
    assert len(result.error.problems) == 10
    assert result.error.message.endswith("; ...")
