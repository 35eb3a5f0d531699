"""Operations, requests and replies as values."""

from __future__ import annotations

import pickle
from typing import Any

import pytest

from pandapon_async._models.operation import Effect, Evidence, Operation, Reply, Route, VendorRequest
from pandapon_async.api.logistics import FreightBooking, FreightBookingRequest, FreightEstimateRequest


def operation(**changes: Any) -> Operation[Any]:
    members: dict[str, Any] = {
        "name": "things.get",
        "contract_id": "things.get",
        "method": "POST",
        "path": "/things",
        "effect": Effect.READ,
        "evidence": Evidence.SEEN,
        "reply": None,
        "vendors": ("pandapon",),
    }
    return Operation(**{**members, **changes})


def reply(**changes: Any) -> Reply[FreightBooking]:
    members: dict[str, Any] = {
        "data": FreightBooking(order_id="21"),
        "code": 200,
        "message": "ok",
        "request_id": "rid-1",
        "status": 200,
        "headers": {"Date": "today"},
        "raw": {"errorCode": 200, "data": {"orderId": "21"}},
    }
    return Reply(**{**members, **changes})


def test_a_vendor_without_a_route_of_its_own_has_the_operations_path():
    assert operation().route("pandapon") == Route(path="/things", evidence=Evidence.SEEN)


def test_a_vendors_own_route_wins():
    own = Route(path="/other", evidence=Evidence.INFERRED)
    assert operation(routes={"xportcn_ka": own}).route("xportcn_ka") is own
    assert operation(routes={"xportcn_ka": own}).route("pandapon").path == "/things"


def test_a_path_may_be_unknown():
    assert operation(path=None, evidence=Evidence.MISSING).route("pandapon") == Route(
        path=None, evidence=Evidence.MISSING
    )


def test_effects_are_their_wire_words():
    assert [Effect("read"), Effect("write")] == [Effect.READ, Effect.WRITE]


@pytest.mark.parametrize("value", [operation(routes={"a": Route(path="/", evidence=Evidence.SEEN)}), reply(raw=None)])
def test_operations_and_routes_pickle(value: Any):
    assert pickle.loads(pickle.dumps(value)) == value


def test_operations_are_hashable():
    one = operation(routes={"a": Route(path="/", evidence=Evidence.SEEN)})
    assert hash(one) == hash(operation(routes={}))


def test_a_booking_is_named_by_its_render_id():
    assert FreightBookingRequest(render_id="FF2024080200007").natural_reference() == "FF2024080200007"
    assert FreightBookingRequest().natural_reference() is None


def test_a_request_without_a_number_of_its_own_has_no_reference():
    class Bare(VendorRequest[None]):
        operation = operation()

    assert Bare().natural_reference() is None


def test_a_request_class_carries_its_operation():
    assert FreightEstimateRequest.operation.name == "logistics.estimate_freight"


def test_a_reply_gives_members_of_the_body_by_wire_name():
    assert reply()["errorCode"] == 200
    with pytest.raises(KeyError):
        reply()["code"]


def test_the_repr_of_a_reply_shows_neither_body_nor_message_nor_headers():
    text = repr(
        reply(
            message="for Jane Example",
            data=FreightBooking(order_id="O-4711"),
            raw={"secret": "S"},
            headers={"Set-Cookie": "C"},
        )
    )
    assert "O-4711" not in text
    assert "Jane" not in text
    assert "secret" not in text
    assert "Set-Cookie" not in text
    assert "rid-1" in text
