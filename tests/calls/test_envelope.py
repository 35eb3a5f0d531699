"""The three reply envelopes: what is read, and what it says of the call."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings, strategies as st

from pandapon_async._calls.envelope import Envelope, Verdict, judge, meaning, read_envelope
from pandapon_async._config.profiles import CodeMeaning
from pandapon_async._models.operation import Effect
from pandapon_async.api.addresses import AddressSaveRequest
from pandapon_async.api.logistics import FreightBookingRequest
from tests.conftest import contract

FACTS = contract("logistics")
YES, NO, NONE = Verdict.YES, Verdict.NO, Verdict.NONE


def standard(code: Any, **more: Any) -> dict[str, Any]:
    return {"requestId": "rid-1", "code": code, "developId": "dev-1", "msg": "said", "data": {"a": 1}, **more}


def logistic(code: Any, success: Any) -> dict[str, Any]:
    return {"errorCode": code, "errorMsg": "said", "success": success, "data": {"a": 1}}


def bare(code: Any) -> dict[str, Any]:
    return {"code": code, "msg": "said"}


# --- reading ---


def test_the_standard_envelope_is_read():
    assert read_envelope(standard(200)) == Envelope(200, "said", "rid-1", None, {"a": 1})


def test_the_logistics_envelope_is_read():
    assert read_envelope(logistic(500, False)) == Envelope(500, "said", None, False, {"a": 1})


def test_the_bare_envelope_is_read():
    assert read_envelope(bare(0)) == Envelope(0, "said", None, None, None)


@pytest.mark.parametrize(
    "raw",
    [
        None,
        [],
        "text",
        5,
        True,
        {},
        {"data": {"orderId": "21"}},
        {"orderId": "21"},
        {"code": None, "msg": None},
        {"errorCode": None, "errorMsg": None, "success": None, "data": None},
        {"msg": "hello", "requestId": "rid-1"},
        {"code": True},
        {"code": [200]},
        {"code": {}},
        {"code": ""},
        {"code": 200.5},
        {"success": "true"},
        {"success": 1},
    ],
)
def test_what_is_no_envelope(raw: Any):
    assert read_envelope(raw) is None
    assert judge(read_envelope(raw), FreightBookingRequest.operation) is NONE


@pytest.mark.parametrize(
    ("wire", "code"),
    [(200, 200), ("200", 200), (200.0, 200), ("-1", -1), ("A0001", "A0001"), (0, 0), ("0", 0), (10**20, 10**20)],
)
def test_a_code_has_one_spelling(wire: Any, code: int | str):
    assert read_envelope(standard(wire)).code == code
    assert type(read_envelope(standard(wire)).code) is type(code)


def test_a_code_beside_an_error_code_wins():
    assert read_envelope({"code": 7, "errorCode": 200}).code == 7
    assert read_envelope({"code": None, "errorCode": 200}).code == 200


def test_a_message_beside_an_error_message_wins():
    assert read_envelope({"code": 7, "msg": "a", "errorMsg": "b"}).message == "a"
    assert read_envelope({"code": 7, "msg": None, "errorMsg": "b"}).message == "b"


@pytest.mark.parametrize(
    ("wire", "text"), [("a", "a"), ("", ""), (5, "5"), (None, None), (True, None), ([], None), ({}, None)]
)
def test_message_and_request_id_are_text_or_none(wire: Any, text: str | None):
    envelope = read_envelope({"code": 7, "msg": wire, "requestId": wire})
    assert (envelope.message, envelope.request_id) == (text, text)


@given(
    st.dictionaries(
        st.sampled_from(["code", "errorCode", "success", "msg", "errorMsg", "requestId", "data"]),
        st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=3) | st.just([]) | st.just({}),
    )
)
@settings(deadline=None)
def test_no_reply_breaks_the_reading(raw: dict[str, Any]):
    envelope = read_envelope(raw)
    verdict = judge(envelope, FreightBookingRequest.operation)
    assert verdict in Verdict
    assert (envelope is None) <= (verdict is NONE)


# --- judging ---


@pytest.mark.parametrize(
    ("raw", "verdict"),
    [
        (standard(200), YES),
        (standard("200"), YES),
        (standard(200, data=None), YES),
        (standard(200, success=True), YES),
        (standard(200, success=False), NO),
        (standard(0), NONE),
        (standard(0, success=True), YES),
        (standard(500), NO),
        (standard(-1), NO),
        (standard(4711), NO),
        (standard("A0001"), NO),
        (standard(201), NO),
        (standard(None, success=True), YES),
        (standard(None), NONE),
        (logistic(200, True), YES),
        (logistic(200, None), YES),
        (logistic(200, False), NO),
        (logistic(None, True), YES),
        (logistic(0, True), YES),
        (logistic("0", True), YES),
        (logistic(None, False), NO),
        (logistic(0, False), NO),
        (logistic(500, False), NO),
        (logistic(500, None), NO),
        (logistic(500, True), NONE),
        (logistic(4711, True), NONE),
        (logistic("A0001", True), NONE),
        (logistic(0, None), NONE),
        (logistic(None, None), NONE),
        (logistic(None, "true"), NONE),
        (bare(200), YES),
        (bare(0), NONE),
        (bare(1), NO),
        (bare(None), NONE),
    ],
)
def test_the_verdict_on_a_booking(raw: dict[str, Any], verdict: Verdict):
    assert judge(read_envelope(raw), FreightBookingRequest.operation) is verdict


@pytest.mark.parametrize(
    ("raw", "verdict"),
    [(bare(0), YES), (bare("0"), YES), (bare(200), YES), (bare(1), NO), (logistic(0, False), NO), (bare(None), NONE)],
)
def test_a_bare_zero_is_success_where_the_operation_says_so(raw: dict[str, Any], verdict: Verdict):
    assert judge(read_envelope(raw), AddressSaveRequest.operation) is verdict


@pytest.mark.parametrize("cls", [FreightBookingRequest, AddressSaveRequest])
def test_the_contracts_examples_are_successes(cls: Any):
    raw = FACTS[cls.operation.contract_id].example_response
    assert judge(read_envelope(raw), cls.operation) is YES


# --- the meaning of a refusal ---

TABLE = {
    4711: CodeMeaning.PASSING,
    "BUSY": CodeMeaning.PASSING,
    500: CodeMeaning.REFUSED,
    -1: CodeMeaning.STOP,
    7: CodeMeaning.IN_DOUBT,
}


@pytest.mark.parametrize(
    ("code", "on_read", "on_write"),
    [
        (None, CodeMeaning.REFUSED, CodeMeaning.REFUSED),
        (1, CodeMeaning.REFUSED, CodeMeaning.REFUSED),
        (0, CodeMeaning.REFUSED, CodeMeaning.REFUSED),
        ("A0001", CodeMeaning.REFUSED, CodeMeaning.REFUSED),
        (499, CodeMeaning.REFUSED, CodeMeaning.REFUSED),
        (501, CodeMeaning.REFUSED, CodeMeaning.IN_DOUBT),
        (599, CodeMeaning.REFUSED, CodeMeaning.IN_DOUBT),
        (600, CodeMeaning.REFUSED, CodeMeaning.REFUSED),
        (-2, CodeMeaning.REFUSED, CodeMeaning.IN_DOUBT),
        (4711, CodeMeaning.PASSING, CodeMeaning.PASSING),
        ("BUSY", CodeMeaning.PASSING, CodeMeaning.PASSING),
        (500, CodeMeaning.REFUSED, CodeMeaning.REFUSED),
        (-1, CodeMeaning.STOP, CodeMeaning.STOP),
        (7, CodeMeaning.IN_DOUBT, CodeMeaning.IN_DOUBT),
    ],
)
def test_the_meaning_of_a_code(code: int | str | None, on_read: CodeMeaning, on_write: CodeMeaning):
    assert meaning(code, Effect.READ, TABLE) is on_read
    assert meaning(code, Effect.WRITE, TABLE) is on_write


def test_without_a_table_a_5xx_like_code_of_a_write_is_in_doubt():
    assert meaning(500, Effect.WRITE, {}) is CodeMeaning.IN_DOUBT
    assert meaning(500, Effect.READ, {}) is CodeMeaning.REFUSED
