"""Opening one message: the signature over the bytes as received, both shapes of the body, and malformed messages."""

from __future__ import annotations

import contextlib
import hashlib
import json
import pickle
import subprocess
import sys
from datetime import datetime, timezone
from email.message import Message as EmailMessage
from typing import Any

import attrs
import pytest
from hypothesis import assume, given, strategies as st
from multidict import CIMultiDict

from pandapon_async import PANDAPON, ConfigError, DecodeError, MessageRejectedError, VendorProfile, open_message
from pandapon_async.push import (
    AlibabaPriceChange,
    MessageBody,
    MessageType,
    OrderSummary,
    Platform,
    PurchasePrice,
    RefundSummary,
    TaobaoPriceChange,
    TaobaoPriceLine,
)
from pandapon_async.testing import FakeVendor
from tests.conftest import contract

from .support import KA, KEYS, ORDER, PANDA, envelope, headers, signature

VECTOR = b'{"messageType":"ORDER_CREATE","messageBody":"{}","messagePlatform":1,"timestamp":"1700000000000"}'
VECTOR_SIGNATURE = "423b9e2748f8fffdc25441615d1096490af472ea67c5551e4f7d724c1ef3de46"
KA_EXAMPLE = json.dumps(contract("messages")["ka.message.push"].example_request, separators=(",", ":")).encode()


def opened(profile: VendorProfile, body: bytes) -> Any:
    return open_message(profile, headers(body), body)


# --- what a message says -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("profile", [PANDA, KA], ids=lambda profile: profile.kind)
def test_the_contracts_vector_opens(profile: VendorProfile):
    message = open_message(profile, {"Authorization": VECTOR_SIGNATURE}, VECTOR)
    assert (message.type, message.platform, message.body) == ("ORDER_CREATE", Platform.ALIBABA_1688, {})
    assert message.time == datetime(2023, 11, 14, 22, 13, 20, tzinfo=timezone.utc)
    assert message.raw == json.loads(VECTOR)
    assert message.digest == hashlib.sha256(VECTOR).hexdigest()
    assert (message.vendor, message.problems) == (profile.name, ())


def test_the_manuals_example_is_typed_and_nothing_of_it_is_lost():
    message = opened(KA, KA_EXAMPLE)
    body = message.body
    assert isinstance(body, OrderSummary)
    assert (body.order_id, body.order_no, body.order_status) == (*ORDER.values(),)
    assert (body.pay_status, body.total_amount_fen, body.shipping_fee_fen, body.product_amount_fen) == (
        1,
        10000,
        500,
        9500,
    )
    assert (body.refund_amount_fen, body.refund_status, body.close_reason, body.pay_time) == (0, None, None, None)
    assert body.tb_create_time == "2026-05-20 15:40:00"
    assert body == json.loads(message.raw["messageBody"])
    assert (body.extra, message.problems) == ({}, ())
    assert message.time == datetime(2026, 5, 20, 7, 47, 49, 913000, tzinfo=timezone.utc)


@pytest.mark.parametrize("value", [{"a": [1, {"b": None}]}, {}, [1], 5, True])
def test_a_body_may_be_an_object_or_json_in_a_text(value: Any):
    for written in (value, json.dumps(value)):
        assert opened(PANDA, envelope(messageBody=written)).body == value


@pytest.mark.parametrize("nothing", [None, ..., "", "  "])
def test_a_message_without_a_body_has_none(nothing: Any):
    assert opened(KA, envelope(messageBody=nothing)).body is None


def test_a_body_is_read_by_wire_names_whether_it_is_typed_or_not():
    for profile in (KA, PANDA):
        body = opened(profile, envelope()).body
        assert body["orderId"] == ORDER["orderId"]
        assert (body.get("nothing"), dict(body), len(body), "orderNo" in body) == (None, ORDER, 3, True)


def test_a_typed_body_keeps_what_this_release_does_not_know():
    body = opened(KA, envelope(messageBody=json.dumps({**ORDER, "new": {"er": 1}}))).body
    assert body.extra == {"new": {"er": 1}}
    assert body["new"] == {"er": 1}


def test_a_refund_of_ka():
    body = opened(
        KA, envelope(messageType=MessageType.REFUND.value, messageBody='{"refundId":"TQ1","orderId":"2"}')
    ).body
    assert isinstance(body, RefundSummary)
    assert (body.refund_id, body.order_id) == ("TQ1", "2")


LINE = {
    "purchase_order_outer_id": "o",
    "purchase_order_line_outer_id": "l",
    "close_time_without_payment": "2026-05-20 15:40:00",
    "detail_error_code": "e",
    "product_amount": "12.50",
    "logistic_company_name": "c",
    "logistic_number": "n",
    "quantity": 2,
}


@pytest.mark.parametrize("kind", ["TAOBAO_ORDER_BUYER_VIEW_ORDER_PRICE_MODIFY", "ORDER_BUYER_VIEW_ORDER_PRICE_MODIFY"])
def test_a_taobao_price_change_of_pandapon(kind: str):
    price = {"purchaseCurrency": "CNY", "purchaseTotalFee": 3, "purchaseProductFee": 2, "purchaseShippingFee": 1}
    sent = {"salesOrderId": "s", "subOrders": [LINE], "purchaseOrderPriceDTO": price}
    message = opened(PANDA, envelope(messageType=kind, messagePlatform=0, messageBody=sent))
    assert isinstance(message.body, TaobaoPriceChange)
    assert message.event == MessageType.PRICE_CHANGED
    (line,) = message.body.sub_orders
    assert isinstance(line, TaobaoPriceLine)
    assert {name: getattr(line, name) for name in LINE} == LINE
    assert line.extra == {}
    found = message.body.purchase_order_price
    assert isinstance(found, PurchasePrice)
    assert (found.purchase_currency, found.purchase_total_fee) == ("CNY", 3)
    assert (found.purchase_product_fee, found.purchase_shipping_fee) == (2, 1)
    assert message.body.sales_order_id == "s"
    assert message.body == sent


@pytest.mark.parametrize("kind", ["1688_ORDER_BUYER_VIEW_ORDER_PRICE_MODIFY", "ORDER_BUYER_VIEW_ORDER_PRICE_MODIFY"])
def test_a_1688_price_change_of_pandapon(kind: str):
    objects = ("guaranteesTerms", "nativeLogistics", "orderRateInfo", "orderInvoiceInfo", "customs")
    more = ("overseasExtraAddress", "baseInfo", "orderBizInfo")
    lists = ("productItems", "tradeTerms", "extAttributes")
    sent = {**{name: {"in": name} for name in (*objects, *more)}, **{name: [{"in": name}] for name in lists}}
    message = opened(PANDA, envelope(messageType=kind, messageBody=sent))
    body = message.body
    assert isinstance(body, AlibabaPriceChange)
    assert body.extra == {}
    assert body.native_logistics.value == {"in": "nativeLogistics"}
    assert [item.value for item in body.product_items] == [{"in": "productItems"}]
    assert message.event == MessageType.PRICE_CHANGED


def test_the_prefix_of_a_type_tells_the_platform_when_nothing_else_does():
    body = envelope(messageType="TAOBAO_ORDER_BUYER_VIEW_ORDER_PRICE_MODIFY", messagePlatform=..., messageBody={"a": 1})
    message = opened(PANDA, body)
    assert isinstance(message.body, TaobaoPriceChange)
    assert message.platform is None


@pytest.mark.parametrize("kind", ["SOMETHING_NEW", "1688_", "订单", "a\nb", " "])
@pytest.mark.parametrize("profile", [PANDA, KA], ids=lambda profile: profile.kind)
def test_an_unknown_type_never_fails(kind: str, profile: VendorProfile):
    message = opened(profile, envelope(messageType=kind))
    assert (message.type, message.body) == (kind, ORDER)
    assert not isinstance(message.body, MessageBody)


@pytest.mark.parametrize(
    ("number", "platform"), [(0, Platform.TAOBAO), ("1", Platform.ALIBABA_1688), (7, 7), (None, None)]
)
def test_the_platform_is_open(number: Any, platform: Any):
    message = opened(PANDA, envelope(messagePlatform=number))
    assert message.platform == platform
    assert type(message.platform) is type(platform)


@pytest.mark.parametrize(
    ("timestamp", "seconds"),
    [("1779263269913", 1779263269.913), (1779263269913, 1779263269.913), ("1779263269", 1779263269), ("0", 0)],
)
def test_the_time_is_read_from_milliseconds_or_seconds(timestamp: Any, seconds: float):
    message = opened(KA, envelope(timestamp=timestamp))
    assert message.time.timestamp() == pytest.approx(seconds, abs=1e-6)
    assert message.time.tzinfo is timezone.utc


@pytest.mark.parametrize("timestamp", ["2026-05-20 15:40:00", "-1", "", "9" * 18, "9" * 30, "١", True, [1]])
def test_a_time_that_is_none_is_a_problem_and_no_error(timestamp: Any):
    message = opened(KA, envelope(timestamp=timestamp))
    assert message.time is None
    assert [problem.startswith("$.timestamp: ") for problem in message.problems] == [True]
    assert message.raw["timestamp"] == timestamp


def test_what_does_not_fit_is_named_and_the_rest_is_kept():
    body = json.dumps({**ORDER, "payStatus": [], "totalAmount": True})
    message = opened(KA, envelope(messageBody=body, messagePlatform=1))
    assert message.body.order_id == ORDER["orderId"]
    assert (message.body.pay_status, message.body.total_amount_fen) == (None, None)
    assert set(message.problems) == {
        "$.messageBody.payStatus: expected a whole number, not a list",
        "$.messageBody.totalAmount: expected a whole number, not true or false",
    }
    assert opened(KA, envelope(messagePlatform="x")).problems == (
        "$.messagePlatform: expected a whole number, not text",
    )


def test_a_known_type_with_a_body_that_is_no_object_stays_plain():
    assert opened(KA, envelope(messageBody="[1]")).body == [1]


def test_nineteen_digits_stay_exact():
    assert opened(KA, envelope(messageBody='{"orderId":9223372036854775809}')).body.order_id == "9223372036854775809"


def test_a_message_is_a_value():
    one, same, other = opened(KA, envelope()), opened(KA, envelope()), opened(KA, envelope(timestamp="1"))
    assert one == same != other
    assert len({one, same, other}) == 2
    assert pickle.loads(pickle.dumps(one)) == one
    with pytest.raises(attrs.exceptions.FrozenInstanceError):
        one.type = "x"
    with pytest.raises(TypeError):
        hash(one.body)


def test_a_repr_shows_no_value_that_may_be_personal():
    for profile in (PANDA, KA):
        message = opened(profile, envelope(messageBody={"receiver": "Jane Example", "orderId": "1"}))
        assert "Jane" not in f"{message!r}{message}"
        assert "receiver" in repr(message)
    assert "Jane" not in repr(opened(PANDA, envelope(messageBody=["Jane"])))
    assert "body=None" in repr(opened(PANDA, envelope(messageBody=None)))


# --- the signature -----------------------------------------------------------------------------------------------------


@given(st.dictionaries(st.text(st.characters(codec="utf-8")), st.text(st.characters(codec="utf-8"))), st.integers())
def test_what_the_vendor_signs_opens(body: dict[str, str], platform: int):
    vendor = FakeVendor(port=1)
    for kind in ("pandapon", "xportcn_ka"):
        for base in ("body", "message_body"):
            signed = vendor.sign_message(kind, "ANY", body, platform=platform, base=base)
            profile = vendor.profile(kind, push_base=base)
            message = open_message(profile, signed.headers, signed.content)
            assert (message.body, message.platform, message.type) == (body, platform, "ANY")


@given(st.data())
def test_any_flipped_bit_is_rejected(data: st.DataObject):
    body = bytearray(KA_EXAMPLE)
    place = data.draw(st.integers(0, len(body) - 1))
    body[place] ^= 1 << data.draw(st.integers(0, 7))
    with pytest.raises(MessageRejectedError):
        open_message(KA, headers(KA_EXAMPLE), bytes(body))


@given(st.integers(0, 63), st.sampled_from("0123456789abcdef"))
def test_any_other_signature_is_rejected(place: int, digit: str):
    good = signature(KA_EXAMPLE)
    assume(good[place] != digit)
    with pytest.raises(MessageRejectedError):
        open_message(KA, {"Authorization": good[:place] + digit + good[place + 1 :]}, KA_EXAMPLE)


@pytest.mark.parametrize(
    "profile",
    [
        KA.evolve(credentials=attrs.evolve(KEYS, access_secret="another")),
        KA.evolve(credentials=attrs.evolve(KEYS, access_key="another")),
        KA.evolve(push_base="message_body"),
    ],
    ids=["secret", "key", "base"],
)
def test_another_account_or_base_is_rejected(profile: VendorProfile):
    with pytest.raises(MessageRejectedError, match="signature doesn't match"):
        open_message(profile, headers(KA_EXAMPLE), KA_EXAMPLE)


def email_headers(name: str, value: str) -> EmailMessage:
    made = EmailMessage()
    made[name] = value
    return made


@pytest.mark.parametrize(
    "given_headers",
    [
        {"Authorization": signature(KA_EXAMPLE)},
        {"AUTHORIZATION": signature(KA_EXAMPLE).upper()},
        {"authorization": f" {signature(KA_EXAMPLE)} ", "Host": "x"},
        CIMultiDict({"authorization": signature(KA_EXAMPLE)}),
        [("Host", "x"), ("authorization", signature(KA_EXAMPLE))],
        [(b"host", b"\xff"), (b"authorization", signature(KA_EXAMPLE).encode())],
        (pair for pair in [("Authorization", signature(KA_EXAMPLE))]),
        email_headers("Authorization", signature(KA_EXAMPLE)),
    ],
    ids=["dict", "upper case", "lower case", "multidict", "pairs", "asgi", "iterator", "no mapping"],
)
def test_headers_may_be_of_any_framework(given_headers: Any):
    assert open_message(KA, given_headers, KA_EXAMPLE).type == "ORDER_CREATE"


@pytest.mark.parametrize(
    ("given_headers", "told"),
    [
        ({}, "no Authorization header"),
        ({"X-Authorization": signature(KA_EXAMPLE)}, "no Authorization header"),
        ([("Authorization", signature(KA_EXAMPLE)), ("authorization", "0" * 64)], "more than one Authorization header"),
        ({"Authorization": ""}, "signature doesn't match"),
        ({"Authorization": "ключ"}, "signature doesn't match"),
        ([(b"authorization", b"\xff\x00")], "signature doesn't match"),
    ],
)
def test_headers_that_do_not_prove_anything_are_rejected(given_headers: Any, told: str):
    with pytest.raises(MessageRejectedError, match=told) as caught:
        open_message(KA, given_headers, KA_EXAMPLE)
    assert caught.value.vendor == "xportcn_ka"
    assert "Answer it with HTTP 401" in str(caught.value)


def test_a_rejection_shows_neither_secret_nor_signatures_nor_the_message():
    with pytest.raises(MessageRejectedError) as caught:
        open_message(KA, {"Authorization": "f" * 64}, KA_EXAMPLE)
    shown = f"{caught.value}{caught.value!r}{pickle.loads(pickle.dumps(caught.value))!r}{vars(caught.value)}"
    for hidden in (KEYS.access_secret, KEYS.access_key, signature(KA_EXAMPLE), "f" * 64, ORDER["orderId"]):
        assert hidden not in shown


def test_without_credentials_nothing_is_believed():
    with pytest.raises(ConfigError, match="no credentials"):
        open_message(PANDAPON, headers(KA_EXAMPLE), KA_EXAMPLE)
    with pytest.raises(ConfigError, match="no credentials"):
        open_message(PANDAPON, {}, KA_EXAMPLE)


@pytest.mark.parametrize("kind", [bytes, bytearray, memoryview])
def test_the_body_may_be_any_kind_of_bytes(kind: Any):
    assert open_message(KA, headers(KA_EXAMPLE), kind(KA_EXAMPLE)).digest == hashlib.sha256(KA_EXAMPLE).hexdigest()


@pytest.mark.parametrize("body", [KA_EXAMPLE.decode(), {}, None])
def test_a_body_that_is_not_bytes_is_a_type_error(body: Any):
    with pytest.raises(TypeError, match="must be the bytes as received"):
        open_message(KA, headers(KA_EXAMPLE), body)


# --- malformed ---------------------------------------------------------------------------------------------------------


SENSELESS = {
    "nothing": (b"", r"\$: not JSON"),
    "no JSON": (b"{", r"\$: not JSON"),
    "invalid UTF-8": (b'{"messageType":"\xff"}', r"\$: not JSON"),
    "a lone surrogate": (b'{"messageType":"\\ud800"}', r"\$: not JSON"),
    "a byte order mark": (b"\xef\xbb\xbf" + envelope(), r"\$: not JSON"),
    "NaN": (b'{"messageType":"T","messageBody":NaN}', r"\$: not JSON"),
    "an infinite number": (b'{"messageType":"T","messageBody":1e999}', r"\$: not JSON"),
    "more after it": (envelope() + b"{}", r"\$: not JSON"),
    "a duplicate key": (b'{"messageType":"T","messageType":"U"}', r"\$: an object has a duplicate key"),
    "a duplicate key inside": (b'{"messageType":"T","messageBody":{"a":1,"a":2}}', "a duplicate key"),
    "a duplicate key in the text": (
        envelope(messageBody='{"a":1,"a":2}'),
        r"\$\.messageBody: an object has a duplicate key",
    ),
    "a list": (b"[]", "isn't a JSON object"),
    "null": (b"null", "isn't a JSON object"),
    "no type": (envelope(messageType=...), "no messageType"),
    "a null type": (envelope(messageType=None), "no messageType"),
    "an empty type": (envelope(messageType=""), "no messageType"),
    "a type that is no text": (envelope(messageType={}), "no messageType"),
    "a text that is no JSON": (envelope(messageBody="{orderId"), r"\$\.messageBody: not JSON"),
    "NaN in the text": (envelope(messageBody='{"a":NaN}'), r"\$\.messageBody: not JSON"),
    "deep": (b'{"messageType":"T","messageBody":' + b"[" * 500 + b"]" * 500 + b"}", "nested more than 400 deep"),
    "deep in the text": (envelope(messageBody="[" * 500 + "]" * 500), r"\$\.messageBody: nested more than 400 deep"),
    "bottomless": (b"[" * 200_000, r"\$: not JSON"),
    "a number without end": (b'{"messageType":"T","messageBody":' + b"9" * 10_000 + b"}", r"\$: not JSON"),
}


@pytest.mark.parametrize(("body", "told"), SENSELESS.values(), ids=SENSELESS)
def test_a_malformed_message_says_why(body: bytes, told: str):
    with pytest.raises(DecodeError, match=told) as caught:
        opened(KA, body)
    assert caught.value.problems
    assert "Answer it with HTTP 400" in str(caught.value)
    assert caught.value.__cause__ is caught.value.__context__ is None


def test_a_message_that_is_too_long_is_not_even_verified():
    with pytest.raises(DecodeError, match="longer than 1048576 bytes"):
        open_message(KA, {}, bytes(1024 * 1024 + 1))
    body = envelope()
    assert open_message(KA, headers(body), body, max_bytes=len(body)).type
    with pytest.raises(DecodeError, match="longer than"):
        open_message(KA, headers(body), body, max_bytes=len(body) - 1)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)
MEMBERS = st.fixed_dictionaries(
    {}, optional=dict.fromkeys(("messageType", "messageBody", "messagePlatform", "timestamp", "more"), JSON)
)
GARBAGE = (
    st.binary(max_size=60)
    | JSON.map(lambda value: json.dumps(value).encode())
    | MEMBERS.map(lambda value: json.dumps(value).encode())
)
ANY_HEADERS = st.dictionaries(st.text() | st.just("Authorization"), st.text()) | st.lists(
    st.tuples(st.binary() | st.just(b"authorization"), st.binary())
)


@given(GARBAGE, ANY_HEADERS, st.booleans(), st.sampled_from([PANDA, KA, KA.evolve(push_base="message_body")]))
def test_garbage_is_rejected_or_named_and_nothing_else(body: bytes, around: Any, signed: bool, profile: VendorProfile):
    given_headers = headers(body) if signed else around
    with contextlib.suppress(MessageRejectedError, DecodeError):
        assert open_message(profile, given_headers, body).raw == json.loads(body)


# --- what it costs to load ---------------------------------------------------------------------------------------------


def test_opening_messages_loads_no_web_server():
    code = "import sys; from pandapon_async import open_message; import pandapon_async.push.inbox; print('aiohttp.web' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"
