"""Codes of 1688 and Taobao Global in what a vendor says: a hint in the advice, and the one that passes."""

from __future__ import annotations

import logging
from typing import Any

import pytest

from pandapon_async import (
    ApiError,
    OutcomeUnknownError,
    PandaponError,
    PandaPonSession,
    RateLimitedError,
    RetryPolicy,
    SessionManager,
)
from pandapon_async._calls.hints import hint
from pandapon_async.api.pandapon.alibaba.orders import OrderCancelRequest, OrderRequest
from pandapon_async.api.pandapon.alibaba.refunds import RefundRequest
from pandapon_async.testing import FakeVendor, Faults
from pandapon_async.testing._platform_texts import PLATFORM_TEXTS
from tests.support import booking, error_of

CANCEL = OrderCancelRequest(order_id="2542285630000000001", cancel_reason="changed")


@pytest.mark.parametrize(
    ("code", "means"),
    [
        ("CLOSE_ORDER_TOO_FAST", "at 1688, CLOSE_ORDER_TOO_FAST means: an order can't be cancelled within 10 s"),
        ("500_004", "at 1688, 500_004 means: there is too little stock"),
        ("IllegalAccessToken", "at Taobao Global, IllegalAccessToken means: the access token isn't valid"),
    ],
)
async def test_an_error_that_carries_a_platforms_code_says_what_it_means_there(
    vendor: FakeVendor, panda: PandaPonSession, code: str, means: str
):
    vendor.script(code)
    error = await error_of(panda.alibaba.orders.cancel(CANCEL))
    assert type(error) is ApiError
    assert error.advice.startswith(f"{ApiError.advice}; {means}")
    assert error.advice.endswith("(the platform's own table, not the vendor's)")
    assert str(error).endswith(error.advice)


async def test_an_error_without_one_keeps_its_advice(vendor: FakeVendor, panda: PandaPonSession):
    vendor.script("refuse")
    error = await error_of(panda.alibaba.orders.cancel(CANCEL))
    assert isinstance(error, PandaponError)
    assert error.advice == ApiError.advice


@pytest.mark.parametrize(
    "body",
    [
        {"code": 400, "msg": None, "data": {"errorCode": "500_004", "success": False}},
        {"code": "500_004", "msg": ""},
        {"code": 400, "msg": "下单失败[500_004]"},
    ],
)
async def test_the_code_is_found_in_the_text_the_code_and_the_data(
    vendor: FakeVendor, panda: PandaPonSession, body: dict[str, Any]
):
    vendor.script({"json": body})
    error = await error_of(panda.alibaba.orders.cancel(CANCEL))
    assert isinstance(error, PandaponError)
    assert "there is too little stock" in error.advice


@pytest.mark.parametrize("said", ["1500_0049", "x500_004", "500_004_1", "QosAppFrequency", "", "5010"])
def test_what_only_looks_like_a_code_is_none(said: str):
    assert hint("alibaba1688.order.create", said) == ""


def test_a_mere_number_is_a_code_of_its_own_call_only():
    assert "submitted before" in hint("alibaba1688.refund.create", "failed: 5010")
    assert "submitted before" in hint("ka.refund.create", "failed: 5010")
    assert hint("taobao.refund.create", "failed: 5010") == ""
    assert hint("ka.refund.create", "failed: order 35010") == ""


def test_every_text_of_the_fake_vendor_has_its_hint():
    calls = ("alibaba1688.refund.create", "alibaba1688.refund.submit_return")
    for code in PLATFORM_TEXTS:
        assert any(hint(call, f"passed on: {code}: ...") for call in calls), code


async def test_a_write_in_doubt_is_told_to_be_looked_up_first(vendor: FakeVendor, panda: PandaPonSession):
    vendor.script({"json": {"code": 500, "msg": "ISPInvokeTimeout"}})
    error = await error_of(panda.alibaba.orders.cancel(CANCEL))
    assert isinstance(error, OutcomeUnknownError)
    assert error.advice.startswith(f"{OutcomeUnknownError.advice}; at 1688, ISPInvokeTimeout means")


# --- the rate limit of 1688's gateway ---


async def test_a_frequency_limit_passes(vendor: FakeVendor, panda: PandaPonSession):
    vendor.script("gw.QosAppFrequencyLimit", "gw.QosApiFrequencyLimit")
    await panda.alibaba.orders.cancel(CANCEL)
    assert [record.fault for record in vendor.ledger.requests] == [
        "gw.QosAppFrequencyLimit",
        "gw.QosApiFrequencyLimit",
        None,
    ]


async def test_one_that_doesnt_pass_is_a_rate_limit(vendor: FakeVendor):
    vendor.faults = Faults(platform_codes={"gw.QosAppFrequencyLimit": 1.0})
    profile = vendor.profile("pandapon", retry=RetryPolicy(attempts=2, base=0))
    async with SessionManager([profile]) as vendors:
        error = await error_of(vendors.pandapon.alibaba.orders.get(OrderRequest(order_id="1")))
    assert isinstance(error, RateLimitedError)
    assert (error.status, len(error.attempts)) == (200, 2)
    assert "QosAppFrequencyLimit means: the application calls too often" in error.advice


@pytest.mark.parametrize(
    "body",
    [
        {"code": 400, "msg": "QosAppFrequencyLimit", "data": {"orderId": "18"}},
        {"code": 500, "msg": "QosAppFrequencyLimit"},
        {"code": -1, "msg": "QosAppFrequencyLimit"},
        {"code": 429, "msg": "QosAppFrequencyLimit", "data": {"orderFee": {"amount": "1"}}},
        {"code": 400, "msg": "QosAppFrequencyLimit", "success": True},
    ],
)
async def test_a_write_that_may_have_been_made_stays_in_doubt(
    vendor: FakeVendor, panda: PandaPonSession, body: dict[str, Any]
):
    vendor.script({"json": body})
    error = await error_of(panda.logistics.book_freight(booking()))
    assert isinstance(error, OutcomeUnknownError)
    assert len(vendor.ledger.requests) == 1


async def test_a_read_is_repeated_whatever_code_came_with_it(vendor: FakeVendor, panda: PandaPonSession):
    vendor.script({"json": {"code": 500, "msg": "gw.QosAppFrequencyLimit"}})
    await panda.alibaba.refunds.get(RefundRequest(refund_id="TQ1"))
    assert len(vendor.ledger.requests) == 2


async def test_a_code_that_the_profile_knows_means_what_that_says(vendor: FakeVendor):
    vendor.script({"json": {"code": 77, "msg": "QosAppFrequencyLimit"}})
    profile = vendor.profile("pandapon", codes={77: "refused"}, retry=RetryPolicy(base=0))
    async with SessionManager([profile]) as vendors:
        error = await error_of(vendors.pandapon.alibaba.orders.cancel(CANCEL))
    assert type(error) is ApiError
    assert len(vendor.ledger.requests) == 1


async def test_what_the_vendor_said_is_in_no_hint(
    vendor: FakeVendor, panda: PandaPonSession, caplog: pytest.LogCaptureFixture
):
    caplog.set_level(logging.DEBUG)
    vendor.script({"json": {"code": 400, "msg": None, "data": {"message": "500_004 for Li Secret"}}})
    error = await error_of(panda.alibaba.orders.cancel(CANCEL))
    assert isinstance(error, PandaponError)
    assert "too little stock" in error.advice
    assert "Secret" not in str(error) + repr(error) + caplog.text
