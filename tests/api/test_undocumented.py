"""Operations that only a menu shows: what calling one says, and how it works once the path is given."""

from __future__ import annotations

import inspect
import logging
import pickle
from typing import Any

import pytest

from pandapon_async import ConfigError, Effect, Evidence, RequestError, WriteJob, from_wire, to_wire
from pandapon_async._models.base import OpenReply
from pandapon_async._models.operation import OpenRequest
from pandapon_async.api import catalogue
from pandapon_async.api.pandapon.alibaba.marketing import MarketingService
from pandapon_async.api.pandapon.alibaba.orders import OrderService
from pandapon_async.api.pandapon.alibaba.refunds import RefundService
from pandapon_async.api.pandapon.taobao import Taobao
from pandapon_async.api.service import OpenService
from pandapon_async.api.shared.alibaba_orders import OrderPage, OrderTrace
from pandapon_async.api.shared.alibaba_refunds import UploadedVoucher
from pandapon_async.api.undocumented import _MENUS, _menu, _write
from pandapon_async.testing import FakeVendor
from tests.support import RawServer, http_reply, local_profile, says, session_at, yes

NOBODY: Any = None

ROWS = [menu.operation(row) for menu in _MENUS for row in menu.rows]


async def test_calling_one_says_what_is_missing_and_what_to_do(vendor: FakeVendor):
    async with session_at(vendor.profile("pandapon")) as session:
        with pytest.raises(ConfigError) as caught:
            await session.alibaba.marketing.hot_list({"pageNo": 1})
    assert caught.value.operation == "alibaba.marketing.hot_list"
    assert caught.value.message == (
        "the path of 'Hot selling list' isn't known (the documentation doesn't show its method (POST, as in v2), path, "
        "request, reply); once you know it, give it in the profile as "
        'paths = {"alibaba.marketing.hot_list" = "/..."}, or use call_raw'
    )
    assert vendor.ledger.requests == ()


@pytest.mark.parametrize("key", ["alibaba.orders.logistics_trace", "alibaba1688.order.logistics_trace"])
async def test_with_a_path_in_the_profile_it_works_like_any_other(key: str):
    async with RawServer(says(http_reply(200, yes({"list": [1]})))) as server:
        async with session_at(local_profile(server.port, paths={key: "/orders/{kind}/trace"})) as session:
            reply = await session.alibaba.orders.logistics_trace({"kind": "a/b", "pageNo": 1, "open": True})
        request = server.requests[0]
    assert (request.method, request.target, request.body) == ("GET", "/orders/a%2Fb/trace?pageNo=1&open=true", b"")
    assert len(request.headers["signature"]) == 32
    assert reply.value == {"list": [1]}


async def test_an_inferred_path_is_used_and_warned_of_once(caplog: pytest.LogCaptureFixture):
    async with (
        RawServer(says(*[http_reply(200, yes({}))] * 2)) as server,
        session_at(local_profile(server.port)) as session,
    ):
        await session.alibaba.orders.list({"id": "1"})
        await session.alibaba.orders.list()
    assert [(request.target, request.body) for request in server.requests] == [
        ("/alibaba/order/page", b'{"id":"1"}'),
        ("/alibaba/order/page", b"{}"),
    ]
    warnings = [record.getMessage() for record in caplog.records if record.levelno == logging.WARNING]
    assert len(warnings) == 1
    assert "alibaba.orders.list: the path /alibaba/order/page is inferred" in warnings[0]


async def test_its_method_takes_a_reference_too(vendor: FakeVendor):
    async with session_at(vendor.profile("pandapon")) as session:
        with pytest.raises(ConfigError):
            await session.addresses.get({}, reference="mine", timeout=1)
        with pytest.raises(RequestError, match="reference must be non-empty text"):
            await session.addresses.get({}, reference="")


def test_it_is_a_documented_coroutine_method():
    method = OrderService(NOBODY).list
    assert inspect.iscoroutinefunction(method)
    assert repr(method).startswith("<bound method OrderService.list of")
    assert inspect.getdoc(method) == (
        "Order list paging query (READ). Its path is inferred (/alibaba/order/page); the documentation doesn't show its "
        "path, request, reply. In v2 it is /v2/alibaba/order/page, and the other paths of v1's orders are v2's without /v2. "
        "Behind it is, inferred, 1688's alibaba.trade.getBuyerOrderList, which takes: orderStatus (`OrderStatus`), refundStatus "
        "(`OrderRefundStatus`), createStartTime, createEndTime, modifyStartTime, modifyEndTime, page (from 1), pageSize, isHis, "
        "orderIds, outOrderId, needBuyerAddressAndPhone, needMemoInfo. The shape of the reply is inferred from it (`OrderPage`)."
    )


def test_a_service_lists_them_beside_its_typed_methods():
    assert {"create", "preview", "list", "logistics_trace"} <= set(dir(OrderService(NOBODY)))
    shown = {name for name in dir(MarketingService(NOBODY)) if not name.startswith("_")}
    assert shown == {"global_selection", "strict_selection", "hot_list"}


def test_a_name_that_no_menu_shows_is_no_method():
    with pytest.raises(AttributeError, match="hot_lists"):
        MarketingService(NOBODY).hot_lists  # noqa: B018


def test_a_service_has_those_of_its_own_vendor_only():
    found = {row.operation.contract_id for row in ROWS if row.operation.name == "alibaba.orders.list"}
    assert found == {"alibaba1688.order.page", "ka.order.list"}
    assert OrderService(NOBODY).list.request_type.operation.contract_id == "alibaba1688.order.page"


def test_a_service_that_is_derived_keeps_them():
    class Mine(OrderService): ...

    assert Mine(NOBODY).list.request_type is OrderService(NOBODY).list.request_type


def test_every_row_of_the_table_is_some_services():
    offered = [request.operation for request in catalogue() if issubclass(request, OpenRequest)]
    assert sorted(operation.contract_id for operation in offered) == sorted(row.operation.contract_id for row in ROWS)


def test_its_operation_says_how_surely_the_path_is_known():
    orders = OrderService(NOBODY)
    traced, listed = orders.logistics_trace.request_type.operation, orders.list.request_type.operation
    uploaded = RefundService(NOBODY).upload_voucher.request_type.operation
    assert (traced.path, traced.evidence, traced.effect) == (None, Evidence.MISSING, Effect.READ)
    assert (listed.path, listed.evidence, listed.effect) == ("/alibaba/order/page", Evidence.INFERRED, Effect.READ)
    assert (uploaded.path, uploaded.evidence, uploaded.effect) == (None, Evidence.MISSING, Effect.WRITE)
    assert (traced.reply, listed.reply, uploaded.reply) == (OrderTrace, OrderPage, UploadedVoucher)
    assert MarketingService(NOBODY).global_selection.request_type.operation.reply is OpenReply


@pytest.mark.parametrize(
    ("session", "vendors"),
    [("session", ("pandapon", "xportcn_ka")), ("panda", ("pandapon",)), ("ka", ("xportcn_ka",))],
)
def test_a_row_is_read_with_the_defaults_of_its_menu(session: str, vendors: tuple[str, ...]):
    rows = (
        _write("lose", "Lose a parcel", "It loses it."),
        _write("find", "Find it", method="GET", contract="found", path="/open/found", lacks="name"),
    )
    menu = _menu(f"{session}.some.parcels", "made_up.parcel", *rows, lacks="method", note="In one menu.")
    lost, found = map(menu.operation, menu.rows)
    assert (lost.service, lost.method, lost.operation.vendors) == (f"{session}.some.parcels", "lose", vendors)
    assert (lost.operation.name, lost.operation.contract_id) == ("some.parcels.lose", "made_up.parcel.lose")
    assert (lost.operation.method, lost.operation.missing) == ("POST", "method, path, request, reply")
    assert lost.doc == (
        "Lose a parcel (WRITE). Its path isn't known; the documentation doesn't show its method, path, request, reply. "
        "It loses it. In one menu."
    )
    assert (found.operation.name, found.operation.contract_id) == ("some.parcels.find", "made_up.parcel.found")
    assert (found.operation.method, found.operation.missing) == ("GET", "name, path, query, reply")
    assert found.operation.evidence is Evidence.INFERRED


def test_a_service_whose_name_is_not_in_the_table_has_none():
    class Parcels(OpenService, name="panda.parcels"): ...

    assert [name for name in dir(Parcels) if not name.startswith("_")] == []


def test_its_requests_take_any_wire_json():
    request_type = OrderService(NOBODY).logistics_trace.request_type
    wire = {"a": {"b": [1]}, "extra": {"c": 2}}
    request = from_wire(request_type, wire)
    assert isinstance(request, OpenRequest)
    assert to_wire(request) == wire
    with pytest.raises(RequestError, match="has no JSON form"):
        request_type(extra={"a": {1}})


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.operation.contract_id)
def test_its_requests_are_rebuilt_by_pickle(row: Any):
    (request_type,) = [cls for cls in catalogue() if cls.operation == row.operation]
    request = request_type(extra={"id": "1"})
    assert pickle.loads(pickle.dumps(request)) == request


async def test_its_writes_go_through_a_job(tmp_path: Any):
    async with RawServer(says(http_reply(200, yes({})))) as server:
        profile = local_profile(server.port, paths={"alibaba.refunds.upload_voucher": "/voucher"})
        async with session_at(profile) as session:
            upload = session.alibaba.refunds.upload_voucher.request_type
            job = WriteJob(session, upload, journal=tmp_path / "uploaded.db")
            outcome = await job.book(upload(extra={"id": "1"}), reference="A")
            again = await job.book(upload(extra={"id": "1"}), reference="A")
    assert (outcome.state, again.state, len(server.requests)) == ("done", "skipped", 1)


async def test_its_requests_go_through_a_stream():
    async with (
        RawServer(says(*[http_reply(200, yes({"list": []}))] * 2)) as server,
        session_at(local_profile(server.port)) as session,
    ):
        page = session.alibaba.orders.list.request_type
        replies = [outcome.data async for outcome in session.stream([page(extra={"pageNo": n}) for n in (1, 2)])]
    assert [reply.value for reply in replies if reply] == [{"list": []}] * 2


def test_a_group_makes_its_services_once():
    group = Taobao(NOBODY)
    assert group.orders is group.orders
