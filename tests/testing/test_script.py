"""Each scripted step: what a raw client sees, and what the ledger counts."""

from __future__ import annotations

import gzip
import json
import time
from email.utils import parsedate_to_datetime
from typing import Any

import aiohttp
import pytest

from pandapon_async.testing import FakeVendor, Faults
from pandapon_async.testing._steps import NAMED, parse_step

from .wire import (
    ADDRESS,
    BOOKING_ID,
    arrived,
    booking,
    call,
    connect,
    hang_up,
    read_all,
    request_bytes,
    seen_bytes,
    sign,
)


def outcome(vendor: FakeVendor) -> tuple[bool, str | None, int]:
    """What the latest record says."""
    record = vendor.ledger.requests[-1]
    assert record.done == bool(vendor.ledger.bookings)
    return record.done, record.fault, record.status


async def test_ok_is_answered(vendor: FakeVendor) -> None:
    vendor.script("ok")
    assert (await call(vendor)).json["success"] is True
    assert outcome(vendor) == (True, None, 200)


async def test_steps_are_taken_in_order_and_appended(vendor: FakeVendor) -> None:
    vendor.script(503, "ok")
    vendor.script("refuse")
    assert vendor.script_left == 3
    assert [(await call(vendor)).status, (await call(vendor)).status] == [503, 200]
    assert (await call(vendor)).json["success"] is False
    assert vendor.script_left == 0
    assert (await call(vendor)).json["success"] is True


@pytest.mark.parametrize(("step", "done"), [("drop_before", False), ("drop_after", True)])
async def test_a_drop_sends_no_byte(vendor: FakeVendor, step: str, done: bool) -> None:
    vendor.script(step)
    assert await seen_bytes(vendor) == b""
    assert outcome(vendor) == (done, step, 0)
    assert vendor.ledger.seen == {BOOKING_ID: 1}


async def test_half_header_ends_within_the_header(vendor: FakeVendor) -> None:
    vendor.script("half_header")
    got = await seen_bytes(vendor)
    assert got.startswith(b"HTTP/1.1 200 OK\r\n")
    assert b"\r\n\r\n" not in got
    assert outcome(vendor) == (True, "half_header", 0)


async def test_half_body_ends_within_the_body(vendor: FakeVendor) -> None:
    vendor.script("half_body")
    head, _, body = (await seen_bytes(vendor)).partition(b"\r\n\r\n")
    length = next(int(line.split(b":")[1]) for line in head.split(b"\r\n") if line.startswith(b"Content-Length"))
    assert len(body) == length // 2
    assert outcome(vendor) == (True, "half_body", 200)


async def test_garbage_is_no_http(vendor: FakeVendor) -> None:
    vendor.script("garbage")
    got = await seen_bytes(vendor)
    assert got
    assert b"HTTP/1" not in got
    assert outcome(vendor) == (True, "garbage", 0)


async def test_dead_keepalive_answers_and_kills_the_next_on_that_connection(vendor: FakeVendor) -> None:
    vendor.script("dead_keepalive")
    reader, writer = await connect(vendor)
    writer.write(request_bytes(vendor, close=False))
    head = await reader.readuntil(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 200 OK")
    length = int(head.lower().partition(b"content-length:")[2].split()[0])
    assert json.loads(await reader.readexactly(length))["success"] is True
    writer.write(request_bytes(vendor, close=False))
    assert await read_all(reader) == b""
    await hang_up(writer)
    assert vendor.ledger.seen == vendor.ledger.done == {BOOKING_ID: 1}
    assert [(r.done, r.fault, r.status) for r in vendor.ledger.requests] == [
        (True, "dead_keepalive", 200),
        (False, "dead_keepalive", 0),
    ]


async def test_dead_keepalive_spares_other_connections_and_takes_no_step(vendor: FakeVendor) -> None:
    vendor.script("dead_keepalive", "refuse")
    reader, writer = await connect(vendor)
    writer.write(request_bytes(vendor, close=False))
    await reader.readuntil(b"\r\n\r\n")
    assert (await call(vendor)).json["success"] is False
    await hang_up(writer)


async def test_html_comes_with_200(vendor: FakeVendor) -> None:
    vendor.script("html")
    got = await call(vendor)
    assert (got.status, got.headers["Content-Type"]) == (200, "text/html; charset=utf-8")
    assert got.body.startswith(b"<!doctype html>")
    assert outcome(vendor) == (True, "html", 200)


@pytest.mark.parametrize(("step", "status"), [("empty", 200), ("no_content", 204)])
async def test_no_body_at_all(vendor: FakeVendor, step: str, status: int) -> None:
    vendor.script(step)
    got = await call(vendor)
    assert (got.status, got.body) == (status, b"")
    assert outcome(vendor) == (True, step, status)


async def test_slow_body_comes_in_two_halves() -> None:
    async with FakeVendor(slow=0.01) as vendor:
        vendor.script("slow_body")
        assert (await call(vendor)).json["success"] is True
        assert outcome(vendor) == (True, "slow_body", 200)


async def test_slow_body_sends_the_first_half_before_it_waits() -> None:
    async with FakeVendor(slow=3600) as vendor:
        vendor.script("slow_body")
        reader, writer = await connect(vendor)
        writer.write(request_bytes(vendor))
        assert (await reader.readuntil(b"\r\n\r\n")).startswith(b"HTTP/1.1 200 OK")
        assert await reader.readuntil(b'"errorCode":200')
        await hang_up(writer)


async def test_stall_never_answers_and_its_client_may_leave(vendor: FakeVendor) -> None:
    vendor.script("stall")
    reader, writer = await connect(vendor)
    writer.write(request_bytes(vendor))
    await arrived(vendor)
    assert outcome(vendor) == (True, "stall", 0)
    await hang_up(writer)
    assert await reader.read() == b""


async def test_a_stalled_call_ends_when_the_vendor_stops() -> None:
    vendor = FakeVendor()
    await vendor.start()
    vendor.script("stall")
    reader, writer = await connect(vendor)
    writer.write(request_bytes(vendor))
    await arrived(vendor)
    await vendor.stop()
    assert await read_all(reader) == b""
    await hang_up(writer)


async def test_a_huge_body_is_longer_than_asked() -> None:
    async with FakeVendor(huge=300_000) as vendor:
        vendor.script("huge_body")
        got = await call(vendor)
        assert len(got.body) > 300_000
        assert got.json["success"] is True
        assert outcome(vendor) == (True, "huge_body", 200)


async def test_a_client_may_leave_a_huge_body() -> None:
    async with FakeVendor() as vendor:
        vendor.script("huge_body")
        reader, writer = await connect(vendor)
        writer.write(request_bytes(vendor))
        await reader.readuntil(b"\r\n\r\n")
        await hang_up(writer)
        assert (await call(vendor)).status == 200


async def test_a_gzip_bomb_is_small_until_inflated() -> None:
    async with FakeVendor(huge=3_000_000) as vendor:
        vendor.script("gzip_bomb")
        head, _, body = (await seen_bytes(vendor)).partition(b"\r\n\r\n")
        assert b"Content-Encoding: gzip" in head
        assert len(body) < 30_000
        inflated = gzip.decompress(body)
        assert len(inflated) > 3_000_000
        assert json.loads(inflated)["success"] is True
        assert outcome(vendor) == (True, "gzip_bomb", 200)


async def test_aiohttp_inflates_the_bomb() -> None:
    async with FakeVendor(huge=200_000) as vendor:
        vendor.script("gzip_bomb")
        assert len((await call(vendor)).body) > 200_000


async def test_wrong_clock_is_for_one_call(vendor: FakeVendor) -> None:
    vendor.script("wrong_clock")
    got = await call(vendor)
    assert (got.status, got.json["code"]) == (401, 99403)
    assert parsedate_to_datetime(got.headers["Date"]).timestamp() > time.time() + 800
    assert outcome(vendor) == (False, "wrong_clock", 401)
    assert (await call(vendor)).status == 200


async def test_refuse_is_an_envelope_that_says_no(vendor: FakeVendor) -> None:
    vendor.script("refuse", "refuse")
    got = await call(vendor)
    assert (got.status, got.json["errorCode"], got.json["success"]) == (200, 99499, False)
    assert outcome(vendor) == (False, "refuse", 200)
    assert (await call(vendor, ADDRESS, {})).json.keys() == {"code", "msg"}


async def test_null_envelope_says_nothing(vendor: FakeVendor) -> None:
    vendor.script("null_envelope")
    assert (await call(vendor)).json == {"errorCode": None, "errorMsg": None, "success": None, "data": None}
    assert outcome(vendor) == (True, "null_envelope", 200)


async def test_a_status_is_answered_instead_of_doing(vendor: FakeVendor) -> None:
    vendor.script(502)
    assert (await call(vendor)).status == 502
    assert outcome(vendor) == (False, "status_502", 502)


@pytest.mark.parametrize(("status", "after", "expected"), [(429, None, "1"), (503, None, None), (503, 2.5, "3")])
async def test_retry_after(vendor: FakeVendor, status: int, after: float | None, expected: str | None) -> None:
    vendor.faults = Faults(retry_after=after)
    vendor.script(status)
    assert (await call(vendor)).headers.get("Retry-After") == expected


async def test_retry_after_as_a_date_by_the_vendor_s_clock() -> None:
    faults = Faults(retry_after=10, retry_after_form="date")
    async with FakeVendor(now=lambda: 1_700_000_000.0, faults=faults) as vendor:
        vendor.script(429)
        assert (await call(vendor)).headers["Retry-After"] == "Tue, 14 Nov 2023 22:13:30 GMT"


async def test_a_dict_decides_exactly(vendor: FakeVendor) -> None:
    vendor.script({"status": 418, "headers": {"X-One": "1"}, "json": {"a": [1]}})
    got = await call(vendor)
    assert (got.status, got.headers["X-One"], got.json) == (418, "1", {"a": [1]})
    assert outcome(vendor) == (False, "custom", 418)


async def test_a_dict_may_do_before_it_answers(vendor: FakeVendor) -> None:
    vendor.script({"done": True, "status": 500, "body": "sorry", "delay": 0.001})
    got = await call(vendor)
    assert (got.status, got.body) == (500, b"sorry")
    assert outcome(vendor) == (True, "custom", 500)


async def test_a_dict_that_is_only_done_answers_properly(vendor: FakeVendor) -> None:
    vendor.script({"done": True, "headers": {"Age": "5", "Date": "Tue, 14 Nov 2023 22:13:20 GMT"}})
    got = await call(vendor)
    assert got.json["success"] is True
    assert (got.headers["Age"], got.headers["Date"]) == ("5", "Tue, 14 Nov 2023 22:13:20 GMT")


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
async def test_a_redirect_has_a_location(vendor: FakeVendor, status: int) -> None:
    vendor.script({"status": status}, status, {"status": status, "headers": {"location": "/else"}})
    locations = [(await call(vendor)).headers["Location"] for _ in range(3)]
    assert locations == [f"{vendor.url}/redirected"] * 2 + ["/else"]


async def test_a_call_that_fails_the_checks_is_never_done(vendor: FakeVendor) -> None:
    vendor.script("drop_after", {"done": True})
    signed = sign(vendor, secret="wrong")
    with pytest.raises(aiohttp.ClientError):
        await call(vendor, signed=signed)
    assert (await call(vendor, signed=sign(vendor, secret="wrong"))).status == 401
    assert vendor.ledger.bookings == {}
    assert [r.problems for r in vendor.ledger.requests] == [("signature: does not match",)] * 2


@pytest.mark.parametrize(
    "step", ["nonsense", 99, 600, True, {"stauts": 500}, {"json": 1, "body": ""}, {"status": "500"}]
)
def test_an_unknown_step_is_an_error_at_once(step: Any) -> None:
    vendor = FakeVendor()
    with pytest.raises(ValueError):
        vendor.script("ok", step)
    assert vendor.script_left == 0


def test_the_error_lists_the_known_steps() -> None:
    with pytest.raises(ValueError, match="drop_before, drop_after"):
        parse_step("dorp")


@pytest.mark.parametrize("step", sorted(NAMED.keys() - {"drop_before", "refuse", "render_expired", "wrong_clock"}))
async def test_a_step_that_does_books_exactly_once(step: str) -> None:
    async with FakeVendor(huge=1000, slow=0.001) as vendor:
        vendor.script(step)
        _, writer = await connect(vendor)
        writer.write(request_bytes(vendor, body=booking("R1")))
        await arrived(vendor)
        await hang_up(writer)
        assert vendor.ledger.bookings == {"R1": 1}
