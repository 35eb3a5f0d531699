"""Each check's refusal, through a real socket."""

from __future__ import annotations

import time

import attrs
import pytest

from pandapon_async.testing import FakeVendor
from pandapon_async.testing._verification import NonceMemory

from .wire import ADDRESS, BOOK, ESTIMATE, EXAMPLES, PREVIEW, UPDATE, booking, call, sign

SYSTEM = ["access-key", "timestamp", "nonce-str", "signature"]


async def test_a_good_call_has_no_problems(vendor: FakeVendor) -> None:
    got = await call(vendor)
    assert got.status == 200
    assert vendor.ledger.requests[-1].problems == ()


@pytest.mark.parametrize("name", SYSTEM)
async def test_a_missing_system_header_is_named(vendor: FakeVendor, name: str) -> None:
    signed = sign(vendor)
    del signed.headers[name]
    got = await call(vendor, signed=signed)
    assert (got.status, got.json["code"]) == (401, 99401)
    assert got.json["msg"] == f"invented: {name}: header is missing"


async def test_an_unknown_access_key_is_refused(vendor: FakeVendor) -> None:
    signed = sign(vendor)
    signed.headers["access-key"] = "nobody"
    got = await call(vendor, signed=signed)
    assert (got.status, got.json["msg"]) == (401, "invented: access-key: unknown at this vendor")


async def test_a_key_of_one_vendor_is_unknown_at_the_other(vendor: FakeVendor) -> None:
    got = await call(vendor, f"/api{BOOK}", signed=sign(vendor, "pandapon"))
    assert (got.status, got.json["msg"]) == (401, "invented: access-key: unknown at this vendor")


@pytest.mark.parametrize("spoil", ["secret", "case"])
async def test_a_wrong_signature_is_refused(vendor: FakeVendor, spoil: str) -> None:
    signed = sign(vendor, secret="another" if spoil == "secret" else None)
    if spoil == "case":
        signed.headers["signature"] = signed.query["sign"] = signed.headers["signature"].lower()
    got = await call(vendor, signed=signed)
    assert (got.status, got.json["code"]) == (401, 99401)
    assert got.json["msg"] == "invented: signature: does not match"
    assert vendor.ledger.bookings == {}


async def test_the_documented_formula_is_what_is_checked() -> None:
    account = attrs.evolve(FakeVendor().accounts[0], access_key="demo-access-key", access_secret="demo-access-secret")
    async with FakeVendor(accounts=[account], now=lambda: 1_700_000_000.0) as vendor:
        signed = sign(vendor, timestamp="1700000000", nonce="ABCDEFGHIJKLMNOPQRSTUVWXYZ012345")
        assert signed.headers["signature"] == "C5482417D038615D51673E82D12E50AF"
        assert (await call(vendor, signed=signed)).status == 200


@pytest.mark.parametrize("length", [31, 33])
async def test_a_nonce_of_another_length_is_refused(vendor: FakeVendor, length: int) -> None:
    got = await call(vendor, signed=sign(vendor, nonce="N" * length))
    assert (got.status, got.json["code"]) == (401, 99402)
    assert got.json["msg"] == f"invented: nonce-str: must have 32 characters, not {length}"


async def test_a_nonce_works_once(vendor: FakeVendor) -> None:
    signed = sign(vendor)
    assert (await call(vendor, signed=signed)).status == 200
    got = await call(vendor, signed=signed)
    assert (got.status, got.json["code"], got.json["msg"]) == (401, 99402, "invented: nonce-str: was used before")


async def test_a_nonce_is_used_up_even_if_the_vendor_then_fails(vendor: FakeVendor) -> None:
    vendor.script(503)
    signed = sign(vendor)
    await call(vendor, signed=signed)
    assert (await call(vendor, signed=signed)).json["code"] == 99402


async def test_a_nonce_is_not_used_up_by_a_wrong_signature(vendor: FakeVendor) -> None:
    nonce = "N" * 32
    await call(vendor, signed=sign(vendor, nonce=nonce, secret="wrong"))
    assert (await call(vendor, signed=sign(vendor, nonce=nonce))).status == 200


def test_old_nonces_are_forgotten() -> None:
    memory = NonceMemory(keep=1200.0)
    assert memory.first_time("key", "nonce", 0.0)
    assert not memory.first_time("key", "nonce", 1200.0)
    assert memory.first_time("key", "nonce", 1201.0)
    assert len(memory) == 1


@pytest.mark.parametrize("off", [-601, 601])
async def test_a_timestamp_out_of_the_window_is_refused(off: int) -> None:
    now = time.time()
    async with FakeVendor(now=lambda: now) as vendor:
        got = await call(vendor, signed=sign(vendor, timestamp=str(int(now) + off)))
    assert (got.status, got.json["code"]) == (401, 99403)
    assert got.json["msg"].startswith("invented: timestamp: 60")


@pytest.mark.parametrize("off", [-600, 600])
async def test_a_timestamp_at_the_window_s_edge_is_fine(off: int) -> None:
    async with FakeVendor(now=lambda: 1_700_000_000.0) as vendor:
        got = await call(vendor, signed=sign(vendor, timestamp=str(1_700_000_000 + off)))
    assert got.status == 200


async def test_a_timestamp_must_be_digits(vendor: FakeVendor) -> None:
    got = await call(vendor, signed=sign(vendor, timestamp="1.7e9"))
    assert (got.status, got.json["msg"]) == (401, "invented: timestamp: must be digits")


async def test_milliseconds_are_refused_where_seconds_are_meant(vendor: FakeVendor) -> None:
    got = await call(vendor, signed=sign(vendor, timestamp=str(int(time.time() * 1000))))
    assert got.json["code"] == 99403
    assert "expected in seconds" in got.json["msg"]


async def test_a_vendor_may_mean_milliseconds() -> None:
    async with FakeVendor(timestamp_unit="ms") as vendor:
        assert (await call(vendor, signed=sign(vendor, timestamp=str(int(time.time() * 1000))))).status == 200
        assert (await call(vendor)).json["code"] == 99403


async def test_the_clock_offset_moves_window_and_date(vendor: FakeVendor) -> None:
    vendor.clock_offset = 700.0
    got = await call(vendor)
    assert got.json["code"] == 99403
    assert "behind the vendor's clock" in got.json["msg"]
    ahead = await call(vendor, signed=sign(vendor, timestamp=str(int(time.time() + 700))))
    assert ahead.status == 200
    assert vendor.ledger.requests[-1].received_at > time.time() + 600


async def test_date_is_the_vendor_s_clock() -> None:
    async with FakeVendor(now=lambda: 1_700_000_000.0, clock_offset=-30) as vendor:
        got = await call(vendor)
    assert got.headers["Date"] == "Tue, 14 Nov 2023 22:12:50 GMT"


async def test_a_user_id_of_another_account_is_refused(vendor: FakeVendor) -> None:
    signed = sign(vendor)
    signed.headers["user-id"] = "9999999999999"
    got = await call(vendor, signed=signed)
    assert (got.status, got.json["code"]) == (401, 99404)


async def test_the_user_id_may_be_left_out(vendor: FakeVendor) -> None:
    signed = sign(vendor)
    del signed.headers["user-id"]
    assert (await call(vendor, signed=signed)).status == 200


async def test_the_user_id_can_be_required() -> None:
    async with FakeVendor(require_user_id=True) as vendor:
        signed = sign(vendor)
        del signed.headers["user-id"]
        got = await call(vendor, signed=signed)
    assert got.json["msg"] == "invented: user-id: header is missing"


@pytest.mark.parametrize("name", ["timestamp", "sign"])
async def test_a_logistics_call_needs_the_signed_query(vendor: FakeVendor, name: str) -> None:
    signed = sign(vendor)
    del signed.query[name]
    got = await call(vendor, signed=signed)
    assert (got.status, got.json["code"], got.json["msg"]) == (401, 99405, f"invented: query {name}: is missing")


@pytest.mark.parametrize("required", [True, False])
@pytest.mark.parametrize("name", ["timestamp", "sign"])
async def test_a_signed_query_must_match_the_headers(name: str, required: bool) -> None:
    async with FakeVendor(require_signed_query=required) as vendor:
        signed = sign(vendor)
        signed.query[name] = "1"
        got = await call(vendor, signed=signed)
    assert (got.status, got.json["code"]) == (401, 99405)


async def test_the_signed_query_can_be_optional() -> None:
    async with FakeVendor(require_signed_query=False) as vendor:
        signed = sign(vendor)
        signed.query.clear()
        assert (await call(vendor, signed=signed)).status == 200


async def test_an_address_needs_no_signed_query(vendor: FakeVendor) -> None:
    signed = sign(vendor)
    signed.query.clear()
    assert (await call(vendor, ADDRESS, {"name": "x"}, signed=signed)).json == {"code": 200, "msg": "成功"}


async def test_the_content_type_must_be_json(vendor: FakeVendor) -> None:
    signed = sign(vendor)
    signed.headers["Content-Type"] = "text/plain"
    got = await call(vendor, signed=signed)
    assert (got.status, got.json["errorMsg"]) == (200, "invented: content-type: must be application/json")
    assert vendor.ledger.bookings == {}


@pytest.mark.parametrize("body", [b"{", b"", b'{"a": NaN}', b"\xff", b"[" * 100_000])
async def test_a_body_that_is_not_json_is_refused(vendor: FakeVendor, body: bytes) -> None:
    got = await call(vendor, body=body)
    assert (got.status, got.json["errorCode"], got.json["success"]) == (200, 99422, False)
    assert got.json["errorMsg"] == "invented: body: is not JSON"


async def test_a_body_s_types_are_checked_and_the_path_is_named(vendor: FakeVendor) -> None:
    body = booking("R1")
    body["lineItems"] = [{"quantity": 1}, {"quantity": "very secret"}]
    got = await call(vendor, body=body)
    expected = "invented: body: $.lineItems[1].quantity: must be integer or null, not string"
    assert got.json == {"errorCode": 99422, "errorMsg": expected, "success": False, "data": None}
    assert vendor.ledger.bookings == {}


@pytest.mark.parametrize("wrong", [True, 1.0])
async def test_an_integer_is_no_bool_and_no_float(vendor: FakeVendor, wrong: object) -> None:
    got = await call(vendor, body={"lineItems": [{"quantity": wrong}]})
    assert "$.lineItems[0].quantity" in got.json["errorMsg"]


async def test_a_required_member_is_required(vendor: FakeVendor) -> None:
    body = {**EXAMPLES["pandapon", ESTIMATE]}
    del body["skuId"]
    got = await call(vendor, ESTIMATE, body)
    assert got.json["errorMsg"] == "invented: body: $.skuId: is required"


async def test_unknown_members_are_allowed(vendor: FakeVendor) -> None:
    got = await call(vendor, body={**booking("R1"), "brandNew": {"a": 1}})
    assert got.json["success"] is True


async def test_a_refused_address_has_its_own_envelope(vendor: FakeVendor) -> None:
    got = await call(vendor, ADDRESS, {"id": "1"})
    assert got.json == {"code": 99422, "msg": "invented: body: $.id: must be integer or null, not string"}


async def test_an_unknown_path_is_404(vendor: FakeVendor) -> None:
    got = await call(vendor, "/open/nothing")
    assert (got.status, got.json["code"]) == (404, 99406)


async def test_v2_is_not_served_under_xportcn(vendor: FakeVendor) -> None:
    assert (await call(vendor, f"/v2{PREVIEW}", EXAMPLES["pandapon", PREVIEW])).status == 200
    assert (await call(vendor, f"/api/v2{PREVIEW}", EXAMPLES["pandapon", PREVIEW])).status == 404


async def test_a_wrong_method_is_405(vendor: FakeVendor) -> None:
    got = await call(vendor, UPDATE, None, method="GET")
    assert (got.status, got.json["code"], got.headers["Allow"]) == (405, 99407, "POST")


async def test_a_get_has_no_body(vendor: FakeVendor) -> None:
    signed = sign(vendor)
    signed.query.clear()
    signed.query["itemId"] = "1"
    assert (await call(vendor, "/open/product/get", None, method="GET", signed=signed)).json["code"] == 200
    assert "GET" in (await call(vendor, "/open/product/get", {}, method="GET", signed=sign(vendor))).json["msg"]


async def test_no_refusal_tells_a_secret_or_a_value(vendor: FakeVendor) -> None:
    account = vendor.accounts[0]
    signed = sign(vendor, secret="wrong", nonce="short", timestamp="17")
    got = await call(vendor, body={"receiverAddress": "Jane Example"}, signed=signed)
    told = got.body.decode() + repr(vendor.ledger.requests) + repr(account)
    assert account.access_secret not in told
    assert "Jane" not in told
    assert signed.headers["signature"] not in told


async def test_every_problem_is_in_the_record(vendor: FakeVendor) -> None:
    signed = sign(vendor, secret="wrong")
    signed.headers["user-id"] = "1"
    await call(vendor, body={"renderId": 1}, signed=signed)
    record = vendor.ledger.requests[-1]
    assert [problem.partition(":")[0] for problem in record.problems] == ["signature", "user-id", "body"]
    assert (record.done, record.status, record.fault) == (False, 401, None)
