"""Models: checked when they are built, frozen, and discreet about persons."""

from __future__ import annotations

import copy
import operator
import pickle
from collections.abc import Mapping
from decimal import Decimal
from typing import Any

import attrs
import pytest

from pandapon_async._errors import RequestError, Stage, suggestion
from pandapon_async._models.base import members_of, personal_texts
from pandapon_async._models.fields import camel_case, masked, optional_inner, wire_name
from pandapon_async._models.requests import RequestModel
from pandapon_async.api.addresses import AddressSaveRequest
from pandapon_async.api.logistics import (
    BookingItem,
    DomesticShipmentUpdate,
    FreightBooking,
    FreightBookingRequest,
    FreightEstimate,
    FreightEstimateRequest,
    FreightInfo,
    FreightPreviewRequest,
    FreightSubOrder,
    Money,
    ReceiverAddress,
    RenderItem,
    ShipmentInfo,
    ShippedItem,
    TmallOrderInfo,
)

PERSON = {
    "name": "Jane Example",
    "phone": "5550100100",
    "mobile_phone": "5550100101",
    "address": "1 Example Street",
    "email": "jane@example.com",
    "tax_id": "TAX-00-1",
}
JANE = ReceiverAddress(**PERSON, country="US", state="California", city="Springfield", zip="90000")


def booking(**changes: Any) -> FreightBookingRequest:
    members: dict[str, Any] = {
        "render_id": "FF2024080200007",
        "receiver_address": JANE,
        "line_items": (BookingItem(item_id="2048020617114736", quantity=1, price=Decimal("12.50"), currency="USD"),),
        "tmall_order_info": TmallOrderInfo(tmall_order_id="123123444"),
        "extra": {"memo": "note-4711"},
    }
    return FreightBookingRequest(**{**members, **changes})


def refused(cls: type[RequestModel], **members: Any) -> RequestError:
    with pytest.raises(RequestError) as caught:
        cls(**members)
    assert caught.value.stage is Stage.PREPARE
    return caught.value


# --- checked when built ---


def test_an_unknown_member_is_refused_with_a_suggestion():
    error = refused(FreightBookingRequest, reciever_address=None)
    assert error.field == "reciever_address"
    assert error.message == (
        "FreightBookingRequest has no member 'reciever_address' (did you mean 'receiver_address'?)"
    )


def test_an_unknown_member_far_from_all_others_is_refused_without_a_suggestion():
    assert refused(FreightInfo, qqq=1).message == "FreightInfo has no member 'qqq'"


def test_a_missing_member_is_named():
    error = refused(FreightEstimateRequest, item_id="1", sku_id="2", receiver_address=JANE)
    assert (error.field, error.message) == ("quantity", "FreightEstimateRequest needs 'quantity'")


def test_positional_arguments_are_a_type_error():
    with pytest.raises(TypeError):
        FreightInfo("1")  # type: ignore[misc]


ITEM = {"item_id": "1", "sku_id": "2", "quantity": 1, "freight_info": FreightInfo()}


@pytest.mark.parametrize(
    ("cls", "members", "field", "expected"),
    [
        (FreightBookingRequest, {"render_id": 7}, "render_id", "expected text, not int"),
        (FreightBookingRequest, {"receiver_address": {"name": "Jane"}}, "receiver_address", "expected ReceiverAddress"),
        (FreightBookingRequest, {"receiver_address": FreightInfo()}, "receiver_address", "expected ReceiverAddress"),
        (FreightBookingRequest, {"line_items": BookingItem()}, "line_items", "expected a tuple or list"),
        (FreightBookingRequest, {"line_items": "ab"}, "line_items", "expected a tuple or list, not str"),
        (FreightBookingRequest, {"line_items": None}, "line_items", "expected a tuple or list, not NoneType"),
        (FreightBookingRequest, {"line_items": [BookingItem(), None]}, "line_items[1]", "expected BookingItem"),
        (FreightEstimateRequest, {**ITEM, "receiver_address": None}, "freight_info", "no member"),
        (RenderItem, {**ITEM, "item_id": None}, "item_id", "expected text, not NoneType"),
        (RenderItem, {**ITEM, "quantity": "1"}, "quantity", "expected a whole number, not str"),
        (RenderItem, {**ITEM, "quantity": True}, "quantity", "expected a whole number, not bool"),
        (RenderItem, {**ITEM, "quantity": 1.0}, "quantity", "expected a whole number, not float"),
        (RenderItem, {**ITEM, "quantity": 0}, "quantity", "must be at least 1"),
        (RenderItem, {**ITEM, "price": 1.5}, "price", "a float loses cents"),
        (RenderItem, {**ITEM, "price": True}, "price", "expected a Decimal"),
        (RenderItem, {**ITEM, "price": "1,50"}, "price", "not a decimal number"),
        (RenderItem, {**ITEM, "price": Decimal("NaN")}, "price", "must be finite"),
        (RenderItem, {**ITEM, "price": "Infinity"}, "price", "must be finite"),
        (RenderItem, {**ITEM, "price": "1E+40"}, "price", "at most 40 digits"),
        (RenderItem, {**ITEM, "price": Decimal("1E-40")}, "price", "at most 40 digits"),
        (BookingItem, {"quantity": -1}, "quantity", "must be at least 1"),
        (ShippedItem, {"quantity": 0}, "quantity", "must be at least 1"),
        (AddressSaveRequest, {"id": "7"}, "id", "expected a whole number, not str"),
    ],
)
def test_a_wrong_member_is_named(cls: type[RequestModel], members: dict[str, Any], field: str, expected: str):
    error = refused(cls, **members)
    assert error.field == field
    assert expected in error.message


def test_a_wrong_value_is_not_shown():
    assert "5550100100" not in str(refused(ReceiverAddress, phone=["5550100100"]))
    assert "5550100100" not in str(refused(ReceiverAddress, phone=5550100100))


def test_quantity_has_no_default_of_its_own():
    assert BookingItem().quantity is None
    assert BookingItem(quantity=1).quantity == 1


@pytest.mark.parametrize("value", [Decimal("12.50"), "12.50", 12])
def test_decimals_are_taken_from_text_and_integers(value: Any):
    price = BookingItem(price=value).price
    assert type(price) is Decimal
    assert str(price) == str(value)


def test_lists_are_taken_for_tuples():
    request = FreightBookingRequest(line_items=[BookingItem(title="a"), BookingItem(title="b")])
    assert request.line_items == (BookingItem(title="a"), BookingItem(title="b"))
    assert hash(request) == hash(FreightBookingRequest(line_items=request.line_items))


def test_nested_lists_are_taken_for_tuples():
    shipment = ShipmentInfo(domestic_logistic_info=[])
    assert DomesticShipmentUpdate(logistic_infos=[shipment]).logistic_infos == (shipment,)
    assert shipment.domestic_logistic_info == ()


def test_a_subclass_of_a_request_is_checked_too():
    @attrs.frozen(kw_only=True)
    class Mine(FreightBookingRequest):
        colour: str

    assert refused(Mine, colour=5).field == "colour"
    assert refused(Mine, colour="red", line_items=5).field == "line_items"
    assert refused(Mine).field == "colour"
    assert Mine(colour="red", line_items=[]).line_items == ()


def test_a_member_of_an_open_type_is_not_checked():
    @attrs.frozen(kw_only=True)
    class Opened(RequestModel):
        plain: object
        either: int | str

    assert Opened(plain=[], either=None).plain == []  # type: ignore[arg-type]


def test_a_member_that_is_plain_json_is_not_checked():
    @attrs.frozen(kw_only=True)
    class Opened(RequestModel):
        anything: Any
        mapping: Mapping[str, Any]

    assert Opened(anything=5, mapping={}).anything == 5


# --- extra ---


def test_extra_is_kept_as_it_is():
    assert booking().extra == {"memo": "note-4711"}


@pytest.mark.parametrize("name", ["renderId", "lineItems", "extra_"])
def test_extra_must_not_repeat_a_known_member(name: str):
    if name == "extra_":
        assert FreightBookingRequest(extra={name: 1}).extra == {name: 1}
        return
    error = refused(FreightBookingRequest, extra={name: "x"})
    assert error.field == f"extra.{name}"
    assert "is a known member: set" in error.message


def test_extra_that_has_no_json_form_is_refused():
    assert refused(FreightBookingRequest, extra={"a": {"b": {1}}}).field == "extra.a.b"
    assert refused(FreightBookingRequest, extra={1: "a"}).field == "extra"


@pytest.mark.parametrize("extra", [5, "ab", [("a", 1)], None])
def test_extra_that_is_no_object_is_refused(extra: Any):
    with pytest.raises(RequestError):
        FreightBookingRequest(extra=extra)


def test_models_without_extra_have_an_empty_one_that_cannot_be_filled():
    request, reply = FreightBookingRequest(), FreightBooking()
    assert (dict(request.extra), dict(reply.extra)) == ({}, {})
    for change in (
        lambda extra: extra.__setitem__("a", 1),
        lambda extra: extra.update(a=1),
        lambda extra: extra.setdefault("a", 1),
        lambda extra: operator.ior(extra, {"a": 1}),
    ):
        with pytest.raises(TypeError, match="make a new model"):
            change(request.extra)
    assert dict(FreightBookingRequest().extra) == {}


def test_an_empty_extra_stays_the_same_after_pickling_and_copying():
    request = FreightBookingRequest(render_id="1")
    for again in (pickle.loads(pickle.dumps(request)), copy.copy(request), copy.deepcopy(request)):
        assert again == request
        assert again.extra == {}
        assert attrs.evolve(again, extra={"a": 1}).extra == {"a": 1}


# --- values ---


def test_requests_are_hashable_and_equal_by_value():
    assert booking() == booking()
    assert {booking(): 1}[booking()] == 1
    assert booking(render_id="other") != booking()


def test_replies_are_hashable_whatever_they_hold():
    reply = FreightBooking(order_id="21", sub_orders=(FreightSubOrder(extra={"a": [1]}),), extra={"b": {}})
    assert hash(reply) == hash(attrs.evolve(reply, extra={}))
    assert hash(FreightEstimate(value=[{}])) == hash(FreightEstimate())


@pytest.mark.parametrize(
    "value",
    [
        booking(),
        FreightBooking(order_fee=Money(amount=Decimal("322.92"), currency="USD"), extra={"a": [1]}),
        FreightEstimate(value={"a": 1}),
    ],
    ids=lambda value: type(value).__name__,
)
def test_models_pickle(value: Any):
    for protocol in range(2, pickle.HIGHEST_PROTOCOL + 1):
        again = pickle.loads(pickle.dumps(value, protocol))
        assert again == value
        assert again.extra == value.extra


def test_models_are_frozen_and_have_no_room_for_typos():
    request = booking()
    with pytest.raises(AttributeError):
        request.render_id = "other"  # type: ignore[misc]
    with pytest.raises(AttributeError):
        request.rendr_id = "other"  # type: ignore[attr-defined]
    assert not hasattr(request, "__dict__")


def test_evolve_makes_a_changed_copy():
    other = attrs.evolve(booking(), render_id="other", line_items=[BookingItem(title="b")])
    assert (other.render_id, other.line_items) == ("other", (BookingItem(title="b"),))
    assert other.receiver_address is JANE


@pytest.mark.parametrize(
    ("change", "field"),
    [({"render_id": 7}, "render_id"), ({"render": "7"}, "render"), ({"extra": {"lineItems": 1}}, "extra.lineItems")],
)
def test_evolve_checks(change: dict[str, Any], field: str):
    with pytest.raises(RequestError) as caught:
        attrs.evolve(booking(), **change)
    assert caught.value.field == field


# --- persons ---


def test_personal_members_are_masked():
    text = repr(booking())
    assert not [value for value in PERSON.values() if value in text]
    assert "name='***'" in text
    assert "country='US'" in text


@pytest.mark.parametrize("name", PERSON)
def test_each_personal_member_is_masked(name: str):
    assert repr(ReceiverAddress(**{name: PERSON[name]})).count("***") == 1


def test_a_personal_member_that_is_not_set_shows_as_none():
    assert "email=None" in repr(ReceiverAddress())
    assert masked(None) == "None"


def test_the_address_book_is_personal_too():
    text = repr(AddressSaveRequest(name="Jane Example", phone="5550100100", address="1 Example Street", city="Yiwu"))
    assert not [value for value in PERSON.values() if value in text]
    assert "Yiwu" in text


@pytest.mark.parametrize("cls", [FreightBookingRequest, ReceiverAddress, FreightBooking, FreightEstimate])
def test_the_repr_shows_the_names_in_extra_but_no_values(cls: type[Any]):
    text = repr(cls(extra={"buyerName": "Jane Example", "n": {"deep": "Jane Example"}}))
    assert "'buyerName': ***" in text
    assert "Jane" not in text
    assert "deep" not in text


def test_the_repr_of_an_open_reply_does_not_show_its_value():
    assert "Jane" not in repr(FreightEstimate(value={"name": "Jane Example"}))


def test_the_personal_texts_of_a_request_are_found_at_any_depth():
    assert personal_texts(booking()) == set(PERSON.values())
    assert personal_texts([booking(receiver_address=ReceiverAddress(name="Joe Example"))]) == {"Joe Example"}
    assert personal_texts(FreightPreviewRequest()) == set()
    assert personal_texts(None) == set()


# --- names ---


@pytest.mark.parametrize(
    ("name", "wire"), [("receiver_address", "receiverAddress"), ("zip", "zip"), ("line_2", "line2"), ("a_b_c", "aBC")]
)
def test_wire_names_are_camel_case(name: str, wire: str):
    assert camel_case(name) == wire


def test_the_vendors_typo_stays_on_the_wire():
    names = {member.name: wire_name(member) for member, _ in members_of(ShipmentInfo)}
    assert names["logistic_number"] == "logisticNumer"


def test_extra_and_value_are_no_members():
    assert [member.name for member, _ in members_of(FreightEstimate)] == []


@pytest.mark.parametrize(
    ("annotation", "inner"),
    [
        (int | None, int),
        (str, None),
        (int | str, None),
        (int | str | None, None),
        (tuple[int, ...] | None, tuple[int, ...]),
    ],
)
def test_the_inside_of_an_optional(annotation: Any, inner: Any):
    assert optional_inner(annotation) == inner


def test_a_suggestion_is_made_only_for_near_names():
    assert suggestion("recieverAddress", ["receiverAddress", "renderId"]) == " (did you mean 'receiverAddress'?)"
    assert suggestion("x", ["receiverAddress"]) == ""
