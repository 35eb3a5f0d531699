"""1688 orders: the caller's own number goes with them, and by it a job looks up what became of one in doubt."""

from __future__ import annotations

import contextlib
import json
from collections.abc import AsyncIterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from pandapon_async import NOT_BOOKED, ConfigError, Journal, WriteJob, XportcnKaSession
from pandapon_async.api.shared.alibaba import FastAddress
from pandapon_async.api.xportcn_ka.orders import CargoLine, OrderCreateRequest
from pandapon_async.testing import FakeVendor
from tests.support import AT_ONCE

LIST = "/alibaba/ka/order/some-list"
ORDER = "3305075340000000001"


def order(quantity: int = 1, **members: Any) -> OrderCreateRequest:
    lines = (CargoLine(offer_id="889512351602", spec_id="5" * 32, quantity=Decimal(quantity)),)
    return OrderCreateRequest(address_param=FastAddress(full_name="Li Test"), cargo_param_list=lines, **members)


@contextlib.asynccontextmanager
async def ka_at(vendor: FakeVendor, **changes: Any) -> AsyncIterator[XportcnKaSession]:
    settings = {"retry": AT_ONCE, "paths": {"alibaba.orders.list": LIST}, "lists_by_own_number": True, **changes}
    session = XportcnKaSession(vendor.profile("xportcn_ka", **settings))
    try:
        yield session
    finally:
        await session.close()


def job_of(session: XportcnKaSession, path: Path, **options: Any) -> WriteJob[Any]:
    return WriteJob(session, OrderCreateRequest, journal=path, **{"not_booked_after": 0.0, **options})


def listed(*orders: tuple[str, str | None], total: Any = None) -> dict[str, Any]:
    """A list of orders as 1688's: (own number, id)."""
    result = [{"baseInfo": {"outOrderId": number, "idOfStr": id_}} for number, id_ in orders]
    return {
        "requestId": "r1",
        "code": 200,
        "developId": "1",
        "msg": "成功",
        "data": {"result": result, "totalRecord": len(orders) if total is None else total},
    }


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "orders.db"


def body_of(path: Path, reference: str, shipment: int = 1) -> dict[str, Any]:
    with Journal.open(path) as journal:
        row = journal.get(reference, shipment=shipment)
    return row.body or {}


# --- the own number ---


async def test_the_reference_goes_with_an_order_as_its_own_number(vendor: FakeVendor, path: Path):
    async with ka_at(vendor) as ka, job_of(ka, path) as job:
        await job.book(order(1), "order-4711")
        await job.book(order(2, out_order_id="mine"), "order-4712")
        await job.book(order(3), "order-4711", 2)
        await job.book(order(4, out_order_id="own"))
    assert body_of(path, "order-4711")["outOrderId"] == "order-4711"
    assert body_of(path, "order-4712")["outOrderId"] == "mine"
    assert body_of(path, "order-4711", 2)["outOrderId"] == "order-4711#2"
    assert body_of(path, "own")["outOrderId"] == "own"


async def test_so_it_does_without_a_job(vendor: FakeVendor):
    async with ka_at(vendor) as ka:
        prepared = [
            ka._client.prepare(request, reference)
            for request, reference in [(order(), "A"), (order(out_order_id="B"), "A"), (order(), None)]
        ]
    assert [json.loads(call.body or b"").get("outOrderId") for call in prepared] == ["A", "B", None]


async def test_the_same_order_again_is_no_other_body(vendor: FakeVendor, path: Path):
    async with ka_at(vendor) as ka:
        for state in ("done", "skipped"):
            async with job_of(ka, path) as job:
                assert (await job.book(order(), "A")).state == state


# --- in doubt ---


async def outcome_in_doubt(vendor: FakeVendor, path: Path, answer: Any, **changes: Any) -> Any:
    """What a job says of an order whose reply was lost, when the list answers this."""
    vendor.route("POST", LIST, answer)
    vendor.script("drop_after")
    async with ka_at(vendor, **changes) as ka, job_of(ka, path) as job:
        return await job.book(order(), "A")


async def test_an_order_in_doubt_is_found_by_its_own_number(vendor: FakeVendor, path: Path):
    outcome = await outcome_in_doubt(vendor, path, listed(("A", ORDER)))
    assert (outcome.state, outcome.order_id) == ("done", ORDER)
    assert [record.operation for record in vendor.ledger.requests] == ["ka.order.create", f"POST {LIST}"]
    with Journal.open(path) as journal:
        assert (journal.get("A").state, journal.get("A").order_id) == ("done", ORDER)


async def test_one_that_the_list_doesnt_have_was_not_made(vendor: FakeVendor, path: Path):
    outcome = await outcome_in_doubt(vendor, path, listed())
    assert outcome.state == "pending"


@pytest.mark.parametrize(
    "answer",
    [
        listed(("B", ORDER)),
        listed(("A", ORDER), ("B", "7")),
        listed(("A", ORDER), ("A", "7")),
        listed(("A", None)),
        listed(("A", ORDER), total=500),
        listed(total=500),
        listed(total="odd"),
        {"code": 200, "data": []},
        {"code": 200, "data": None},
        {"code": 200, "data": {"records": []}},
        {"code": 99499, "msg": "no"},
    ],
)
async def test_an_answer_that_doesnt_show_that_it_was_filtered_leaves_the_doubt(
    vendor: FakeVendor, path: Path, answer: Any
):
    outcome = await outcome_in_doubt(vendor, path, answer)
    assert (outcome.state, outcome.order_id) == ("unknown", None)


async def test_unless_the_profile_says_so_nobody_is_asked(vendor: FakeVendor, path: Path):
    outcome = await outcome_in_doubt(vendor, path, listed(("A", ORDER)), lists_by_own_number=False)
    assert outcome.state == "unknown"
    assert len(vendor.ledger.requests) == 1


async def test_a_reconcile_of_ones_own_comes_first(vendor: FakeVendor, path: Path):
    async def never_made(*_: Any) -> Any:
        return NOT_BOOKED

    vendor.route("POST", LIST, listed(("A", ORDER)))
    vendor.script("drop_after")
    async with ka_at(vendor) as ka, job_of(ka, path, reconcile=never_made) as job:
        assert (await job.book(order(), "A")).state == "pending"


async def test_without_a_path_to_the_list_the_job_says_so_at_once(vendor: FakeVendor, path: Path):
    async with ka_at(vendor, paths={}) as ka:
        with pytest.raises(ConfigError, match=r'lists_by_own_number.*paths = \{"alibaba.orders.list"'):
            job_of(ka, path)


async def test_the_order_id_of_a_reply_is_written_down(vendor: FakeVendor, path: Path):
    vendor.script({"json": {"code": 200, "data": {"orderId": ORDER, "totalSuccessAmount": 6400}}, "done": True})
    async with ka_at(vendor) as ka, job_of(ka, path) as job:
        outcome = await job.book(order(), "A")
    assert (outcome.state, outcome.order_id) == ("done", ORDER)
    assert outcome.reply.data.total_success_amount_fen == 6400
