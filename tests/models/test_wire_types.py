"""Members whose wire form isn't their type's own: JSON in a text, ids and amounts that are numbers."""

from __future__ import annotations

from decimal import Decimal
from typing import Any, ClassVar

import attrs
import pytest
from hypothesis import given, strategies as st

from pandapon_async import Effect, Evidence, Operation, RequestError, VendorRequest, from_wire, to_wire
from pandapon_async._models.base import OpenReply, ReplyModel, WholeReply
from pandapon_async._models.converters import decode
from pandapon_async._models.fields import many, optional, wire
from pandapon_async._models.requests import RequestModel


@attrs.frozen(kw_only=True)
class Line(RequestModel):
    item_id: str = attrs.field(metadata=wire(number=True))
    mobile_phone: str | None = optional("mobile_phone")
    count: int | None = optional(minimum=1)


@attrs.frozen(kw_only=True)
class Order(VendorRequest[OpenReply]):
    operation: ClassVar[Operation[OpenReply]] = Operation(
        name="test.order",
        contract_id="test.order",
        method="POST",
        path="/order",
        effect=Effect.WRITE,
        evidence=Evidence.SEEN,
        reply=OpenReply,
        vendors=("pandapon",),
    )
    order_id: str | None = optional(number=True)
    cart_ids: tuple[str, ...] = many(number=True)
    lines: tuple[Line, ...] = many("orderLineList", json_text=True)
    receiver: Line | None = optional(json_text=True)
    weight: Decimal | None = optional(number=True)
    price: Decimal | None = optional()


@attrs.frozen(kw_only=True)
class Answer(ReplyModel):
    order_id: str | None = optional(number=True)
    sku_ids: tuple[str, ...] = many(number=True)
    weight: Decimal | None = optional(number=True)
    tags: tuple[str, ...] = many(json_text=True)
    line: Inner | None = optional(json_text=True)


@attrs.frozen(kw_only=True)
class Inner(ReplyModel):
    item_id: str | None = optional()
    count: int | None = optional()


@attrs.frozen(kw_only=True)
class Offers(WholeReply):
    offers: tuple[Inner, ...] = many()


LONG = "9223372036854775807"
WIRE: dict[str, Any] = {
    "orderId": int(LONG),
    "cartIds": [1, int(LONG)],
    "orderLineList": '[{"itemId":672991141190,"mobile_phone":"5550100100","count":2}]',
    "receiver": '{"itemId":1}',
    "weight": 2.5,
    "price": "2.50",
}
ORDER = Order(
    order_id=LONG,
    cart_ids=("1", LONG),
    lines=(Line(item_id="672991141190", mobile_phone="5550100100", count=2),),
    receiver=Line(item_id="1"),
    weight=Decimal("2.5"),
    price=Decimal("2.50"),
)


# --- requests ---


def test_a_request_is_written_in_its_wire_forms():
    assert to_wire(ORDER) == WIRE


def test_a_request_is_read_from_its_wire_forms():
    assert from_wire(Order, WIRE) == ORDER


def test_what_is_not_set_is_left_out():
    assert to_wire(Order()) == {}
    assert from_wire(Order, {"receiver": None, "orderLineList": None, "cartIds": None}) == Order()


@pytest.mark.parametrize("given", [int(LONG), LONG])
def test_an_id_that_is_a_number_on_the_wire_is_taken_as_text_or_number(given: Any):
    assert Order(order_id=given).order_id == LONG
    assert from_wire(Order, {"orderId": given}).order_id == LONG
    assert Order(cart_ids=(given,)).cart_ids == (LONG,)


@given(st.integers(min_value=0, max_value=10**39))
def test_such_an_id_is_exact_at_any_length(number: int):
    assert to_wire(Order(order_id=str(number))) == {"orderId": number}
    assert from_wire(Order, {"orderId": number}).order_id == str(number)


@pytest.mark.parametrize("bad", ["", "007", "1e3", "-1", -1, "x", "١", 1.0, True, [], "1" * 41])
def test_such_an_id_is_refused_if_it_is_no_number(bad: Any):
    with pytest.raises(RequestError) as caught:
        Order(order_id=bad)
    assert caught.value.field == "order_id"
    with pytest.raises(RequestError) as caught:
        from_wire(Order, {"orderId": bad})
    assert caught.value.field == "orderId"


@pytest.mark.parametrize(
    ("number", "written"), [("2.0", "2.0"), ("2", "2"), ("2.50", "2.5"), ("1E+2", "100"), ("0.000001", "1e-06")]
)
def test_a_decimal_that_is_a_number_on_the_wire_keeps_its_value(number: str, written: str):
    wired = to_wire(Order(weight=Decimal(number)))["weight"]
    assert repr(wired) == written
    assert from_wire(Order, {"weight": wired}).weight == Decimal(number)


@pytest.mark.parametrize("bad", ["0.12345678901234567890", "9007199254740993.5"])
def test_a_decimal_with_more_digits_than_a_json_number_keeps_is_refused(bad: str):
    with pytest.raises(RequestError, match="weight: has more digits than a JSON number keeps"):
        Order(weight=Decimal(bad))


@given(st.decimals(min_value=-(10**9), max_value=10**9, places=4))
def test_a_sensible_amount_survives_being_a_number(amount: Decimal):
    assert from_wire(Order, to_wire(Order(weight=amount))).weight == amount


@pytest.mark.parametrize(
    ("data", "field", "reason"),
    [
        ({"orderLineList": [{"itemId": 1}]}, "orderLineList", "expected a string of JSON"),
        ({"orderLineList": "[{"}, "orderLineList", "the string isn't JSON"),
        ({"orderLineList": ""}, "orderLineList", "the string isn't JSON"),
        ({"orderLineList": "{}"}, "orderLineList", "expected a list, not an object"),
        ({"orderLineList": "[{}]"}, "orderLineList[0].itemId", "is missing"),
        ({"orderLineList": '[{"itemId":"x"}]'}, "orderLineList[0].itemId", "must be digits"),
        ({"orderLineList": '[{"itemId":1,"mobilePhone":"1"}]'}, "orderLineList[0]", "has no member 'mobilePhone'"),
        ({"orderLineList": '[{"itemId":1,"mobile_phone":1}]'}, "orderLineList[0].mobile_phone", "expected text"),
        ({"receiver": '{"itemId":1,"count":0}'}, "receiver.count", "must be at least 1"),
        ({"cartIds": [1, "x"]}, "cartIds[1]", "must be digits"),
        ({"cartIds": "1"}, "cartIds", "expected a tuple or list"),
    ],
)
def test_what_is_wrong_is_named_by_its_path_also_inside_a_text(data: Any, field: str, reason: str):
    with pytest.raises(RequestError) as caught:
        from_wire(Order, data)
    assert caught.value.field == field
    assert reason in caught.value.message


def test_what_is_wrong_in_python_is_named_too():
    with pytest.raises(RequestError) as caught:
        Order(lines=(Line(item_id="1"), "x"))
    assert caught.value.field == "lines[1]"


# --- replies ---


@pytest.mark.parametrize(
    "data",
    [
        {"orderId": int(LONG), "skuIds": [int(LONG)], "weight": 2.5, "tags": '["a","b"]', "line": '{"count":2}'},
        {"orderId": LONG, "skuIds": [LONG], "weight": "2.5", "tags": ["a", "b"], "line": {"count": 2}},
    ],
    ids=["as declared", "the other way"],
)
def test_a_reply_is_read_either_way(data: Any):
    answer, problems = decode(Answer, data)
    assert problems == ()
    assert answer == Answer(order_id=LONG, sku_ids=(LONG,), weight=Decimal("2.5"), tags=("a", "b"), line=Inner(count=2))


def test_a_reply_is_written_as_it_came():
    data = {"orderId": int(LONG), "skuIds": [1], "weight": 2.5, "tags": '["a"]', "line": '{"count":2}'}
    answer, _ = decode(Answer, data)
    assert answer is not None
    assert to_wire(answer) == data


def test_an_id_of_a_reply_that_is_no_number_stays_as_it_is():
    answer, problems = decode(Answer, {"orderId": "PO-7"})
    assert (problems, to_wire(answer or Answer())) == ((), {"orderId": "PO-7"})


@pytest.mark.parametrize("empty", [None, ""])
def test_an_empty_text_holds_nothing(empty: str | None):
    assert decode(Answer, {"tags": empty, "line": empty}) == (Answer(), ())


@pytest.mark.parametrize(
    ("data", "problem", "kept"),
    [
        ({"tags": "[", "weight": 1}, "$.data.tags: the string isn't JSON", Answer(weight=1)),
        ({"line": '{"count":"x","itemId":"1"}'}, "$.data.line.count", Answer(line=Inner(item_id="1"))),
        ({"tags": '["a",{}]'}, "$.data.tags[1]", Answer(tags=("a",))),
    ],
)
def test_what_does_not_fit_inside_a_text_is_left_out_and_named(data: Any, problem: str, kept: Answer):
    answer, problems = decode(Answer, data)
    assert [text.startswith(problem) for text in problems] == [True]
    assert answer == kept


# --- replies whose data is no object ---


def test_data_that_is_a_list_is_a_models_one_member():
    assert decode(Offers, [{"itemId": 1}, {"count": 2}]) == (Offers(offers=(Inner(item_id="1"), Inner(count=2))), ())


def test_a_problem_in_such_a_list_is_named_as_it_stands_on_the_wire():
    offers, problems = decode(Offers, [{"itemId": 1}, {"count": "x"}])
    assert offers == Offers(offers=(Inner(item_id="1"), Inner()))
    assert problems == ("$.data[1].count: expected a whole number, not text",)


def test_data_of_another_kind_is_a_problem():
    offers, problems = decode(Offers, {"itemId": 1})
    assert offers is None
    assert problems == ("$.data: expected a list, not an object",)


def test_no_data_is_no_model():
    assert decode(Offers, None) == (None, ())
