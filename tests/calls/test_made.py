"""What in a reply contradicts a "no", and what contradicts a "yes"."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings, strategies as st
from yarl import URL

from pandapon_async._calls.exchange import Call
from pandapon_async._calls.made import denied, made, says_success
from pandapon_async.api.logistics import FreightBookingRequest


def call_of(body: Any = None, query: str = "", path: str = "/x") -> Call:
    return Call(
        operation=FreightBookingRequest.operation,
        request=None,
        reference="mine",
        url=URL(f"http://127.0.0.1{path}"),
        query=query,
        body=None if body is None else json.dumps(body).encode(),
    )


def named(raw: Any, call: Call | None = None) -> tuple[str, ...]:
    return made(raw, "", call or call_of())


@pytest.mark.parametrize(
    ("raw", "what"),
    [
        ({"code": 4711, "data": {"orderId": "INTL-42"}}, "orderId INTL-42"),
        ({"orderId": "INTL-42"}, "orderId INTL-42"),
        ([{"orderId": "INTL-42"}], "orderId INTL-42"),
        ({"data": {"order_id": 42}}, "order_id 42"),
        ({"data": {"OrderNo": "42"}}, "OrderNo 42"),
        ({"data": {"orderIds": ["42"]}}, "orderIds 42"),
        ({"data": {"order": {"id": 42}}}, "order.id 42"),
        ({"data": {"orders": [{"id": 42}]}}, "orders.id 42"),
        ({"data": {"order": "INTL-42"}}, "order INTL-42"),
        ({"data": {"id": 42}}, "data.id 42"),
        ({"data": "INTL-42"}, "data INTL-42"),
        ({"data": 42}, "data 42"),
        ({"data": ["INTL-42"]}, "data INTL-42"),
        ({"data": '{"orderId": "INTL-42"}'}, "orderId INTL-42"),
        ({"data": '[{"orderId": 1.0}]'}, "orderId 1.0"),
        ({"data": {"orderFee": {"amount": "322.92", "currency": "USD"}}}, "orderFee.amount 322.92"),
        ({"data": {"fee": 3}}, "fee 3"),
        ({"data": {"totalFreight": "3.50"}}, "totalFreight 3.50"),
        ({"data": {"subOrders": [{"internationalLogisticInfos": {"logisticNumer": "LP1"}}]}}, "logisticNumer LP1"),
        ({"data": {"trackingNumber": "LP1"}}, "trackingNumber LP1"),
        ({"data": {"waybill_no": "LP1"}}, "waybill_no LP1"),
        ({"data": {"refundId": "TQ1"}}, "refundId TQ1"),
        ({"data": {"a": {"b": [{"c": {"orderId": "deep"}}]}}}, "orderId deep"),
    ],
)
def test_what_is_named(raw: Any, what: str) -> None:
    assert named(raw) == (what,)


@pytest.mark.parametrize(
    "raw",
    [
        None,
        "text",
        {},
        {"code": 4711, "msg": "order 21 is refused", "requestId": "q-1", "developId": "d-1", "data": None},
        {"errorCode": 1, "errorMsg": "no", "success": False, "data": {}},
        {"data": {"orderId": None, "orderFee": None, "subOrders": []}},
        {"data": {"orderId": "", "orderNo": "null", "orderFee": {"amount": "0.00", "currency": "USD"}}},
        {"data": {"orderId": 0, "fee": 0.0}},
        {"data": {"orderId": False}},
        {"data": "no stock"},
        {"data": False},
        {"data": 0},
        {"data": "{not JSON"},
        {"timestamp": 1, "status": 400, "error": "Bad Request", "path": "/open/pp/logistics/orderBookingFreight"},
        {
            "data": {
                "userId": "7",
                "renderId": "FF1",
                "itemId": "1",
                "skuId": "2",
                "orderStatus": "NEW",
                "sortOrder": "asc",
            }
        },
        {"returnCode": "FAIL", "errorNo": 5},
    ],
)
def test_what_names_nothing(raw: Any) -> None:
    assert named(raw) == ()


@pytest.mark.parametrize(
    "call",
    [
        call_of({"orderId": 21}),
        call_of({"logisticInfos": [{"orderId": "21"}]}),
        call_of(query="orderId=21&x=1"),
        call_of(path="/order/21/cancel"),
    ],
)
def test_what_the_request_named_was_not_made_by_it(call: Call) -> None:
    assert named({"code": 1, "data": {"orderId": "21"}}, call) == ()
    assert named({"code": 1, "data": {"orderId": "22"}}, call) == ("orderId 22",)


@pytest.mark.parametrize("call", [call_of({"quantity": 21}), call_of(query="page=21"), call_of([21])])
def test_a_number_that_the_request_holds_by_chance_is_no_excuse(call: Call) -> None:
    assert named({"code": 1, "data": {"orderId": "21"}}, call) == ("orderId 21",)


def test_a_body_that_is_no_json_names_nothing_of_the_request() -> None:
    call = call_of()
    call.body = b"{"
    assert named({"orderId": "21"}, call) == ("orderId 21",)


@pytest.mark.parametrize(
    "text",
    [
        '{"data": {"orderId": "INTL-42", "sub',
        "{'orderId': 'INTL-42'}",
        "<result><orderId>INTL-42</orderId></result>",
        "code=1&orderId=INTL-42&x=1",
        "refused, orderId: INTL-42",
    ],
)
def test_a_body_that_is_no_json_is_searched_as_text(text: str) -> None:
    assert made(None, text, call_of()) == ("orderId INTL-42",)


@pytest.mark.parametrize(
    "text", ["", "<html><head><title>404 Not Found</title></head>", '<div id="a1" data-id="7" class="order">x</div>']
)
def test_a_page_names_nothing(text: str) -> None:
    assert made(None, text, call_of()) == ()


def test_only_the_first_few_are_told() -> None:
    assert named({"data": [{"orderId": number} for number in range(1, 100)]}) == tuple(
        f"orderId {n}" for n in range(1, 6)
    )


@given(
    st.recursive(
        st.none()
        | st.booleans()
        | st.integers()
        | st.floats()
        | st.text(max_size=8)
        | st.sampled_from(['{"a": 1}', "["]),
        lambda inner: (
            st.lists(inner, max_size=3)
            | st.dictionaries(st.sampled_from(["orderId", "fee", "data", "x"]), inner, max_size=3)
        ),
        max_leaves=10,
    ),
    st.text(max_size=30),
)
@settings(max_examples=200, deadline=None)
def test_nothing_breaks_the_search(raw: Any, text: str) -> None:
    assert len(made(raw, text, call_of({"orderId": 1}))) <= 5


# --- success ---


@pytest.mark.parametrize(
    "raw",
    [
        {"code": 200},
        {"code": 4711, "errorCode": "200"},
        {"errorCode": 201, "success": False},
        {"code": " 200 "},
        {"code": "OK"},
        {"code": "ORDER_CREATED"},
        {"code": "isv.success"},
        {"code": "成功"},
        {"code": True},
        {"code": 1, "success": "true"},
        {"code": 1, "msg": "success"},
        {"code": 1, "msg": "操作成功"},
        {"errorCode": 1, "errorMsg": "OK"},
    ],
)
def test_what_says_success(raw: Any) -> None:
    assert says_success(raw)


@pytest.mark.parametrize(
    "raw",
    [
        None,
        [{"code": 200}],
        {},
        {"code": None},
        {"code": 0},
        {"code": 4711, "msg": "no success"},
        {"code": 1, "msg": "下单不成功"},
        {"code": 1, "msg": "the order was not made"},
        {"code": "UNSUCCESSFUL"},
        {"code": "NOK"},
        {"code": "TOKEN_EXPIRED"},
        {"code": 20},
        {"code": 2001},
        {"code": 200.5},
        {"success": False},
        {"data": {"code": 200}},
    ],
)
def test_what_does_not_say_success(raw: Any) -> None:
    assert not says_success(raw)


# --- a no inside a yes ---


def standard(data: Any, **more: Any) -> dict[str, Any]:
    return {"requestId": "r", "code": 200, "developId": "d", "msg": "成功", "data": data, **more}


def logistic(data: Any, **more: Any) -> dict[str, Any]:
    return {"errorCode": 200, "errorMsg": None, "success": True, "data": data, **more}


def no_in(raw: Any, encoding: str = "utf-8") -> tuple[str, ...]:
    return denied(raw, json.dumps(raw, ensure_ascii=False).encode(encoding), call_of({"orderId": 7}))


@pytest.mark.parametrize(
    ("raw", "told"),
    [
        (standard({"success": False, "errorCode": "", "errorInfo": ""}), ("data.success false",)),
        (standard({"success": False, "orderId": "21"}), ("data.success false",)),
        (standard({"isSuccess": "false"}), ("data.isSuccess false",)),
        (standard({"success": 0}), ("data.success 0",)),
        (standard({"success": True, "errorCode": "ORDER_STATUS_ERROR"}), ("data.errorCode ORDER_STATUS_ERROR",)),
        (standard({"success": None, "error_code": 500001}), ("data.error_code 500001",)),
        (standard({"result": {"success": False}}), ("result.success false",)),
        (standard('{"success": false}'), ("data.success false",)),
        (standard([{"success": True, "orderId": "21"}, {"success": False}]), ("data.success false",)),
        (logistic({"orderId": "21", "subOrders": [{"detail_error_code": "E1"}]}), ("subOrders.detail_error_code E1",)),
        (standard({"orderId": "21", "payFailureOrderList": ["22"]}), ("data.payFailureOrderList", "data.payFailureOrderList 22")),
        (standard({"orderId": "21", "failCount": 1}), ("data.failCount 1",)),
        (standard({"orderId": "21", "failed": True}), ("data.failed true",)),
        (standard(False), ("data false",)),
        (logistic(None, success="false"), ("success false",)),
        ({"code": 200, "errorCode": 500, "errorMsg": "busy", "data": None}, ("errorCode 500",)),
        # These only where nothing is named that was made.
        (logistic(None, errorMsg="out of stock"), ("errorMsg out of stock",)),
        (standard(None, msg="下单失败"), ("msg 下单失败",)),
        (standard({"code": "500", "message": "out of stock"}), ("data.code 500",)),
        (standard({"cancelSuccess": False}), ("data.cancelSuccess false",)),
        (standard({"cancelSuccess": False, "orderId": 7}), ("data.cancelSuccess false",)),
        (standard({"errorInfo": "closed"}), ("data.errorInfo closed",)),
        (standard(None, error={"code": "E1", "message": "x"}), ("error.code E1",)),
    ],
)  # fmt: skip
@pytest.mark.parametrize("encoding", ["utf-8", "gbk", "utf-16"])
def test_what_says_no_inside_a_yes(raw: Any, told: tuple[str, ...], encoding: str) -> None:
    assert no_in(raw, encoding) == told


@pytest.mark.parametrize(
    "raw",
    [
        standard(None),
        logistic(None),
        logistic({"orderId": "21", "orderFee": {"amount": "1", "currency": "USD"}}),
        standard({"success": True, "errorCode": "", "errorInfo": ""}),
        standard({"success": True, "errorCode": None, "errorMsg": "success"}),
        standard({"success": "true", "errorCode": 0, "errorMsg": "OK"}),
        standard({"errorCode": "200", "resultCode": "SUCCESS"}),
        standard({"payUrl": "https://pay.example/1", "protocolPaySuccess": False}),
        standard({"orderId": "21", "errorMsg": "the coupon was not used"}),
        standard({"orderId": "21", "code": "SF", "message": "顺丰"}),
        standard({"code": "US"}),
        standard({"orderId": "21", "failedOfferList": [], "failCount": 0, "failed": False, "failReason": None}),
        standard({"totalSuccessAmount": 0, "email": "a@b.example", "merry": False}),
        standard("ok", msg="操作成功"),
        standard(0),
        standard([]),
    ],
)
def test_what_says_no_no_inside_a_yes(raw: Any) -> None:
    assert no_in(raw) == ()


def test_a_member_that_stands_twice_in_a_yes_says_no() -> None:
    body = b'{"code": 200, "data": {"success": false, "success": true}}'
    assert denied(json.loads(body), body, call_of()) == ("a member twice",)
