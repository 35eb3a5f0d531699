"""What of a request goes into the path, the query and the body, as the vendor sees it."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path
from typing import Any, ClassVar
from urllib.parse import parse_qsl, unquote, urlsplit

import attrs
import pytest
from hypothesis import assume, given, strategies as st

from pandapon_async import Effect, Evidence, Operation, OutcomeUnknownError, RequestError, VendorRequest, WriteJob
from pandapon_async._calls.endpoints import target_of
from pandapon_async._models.base import OpenReply
from pandapon_async._models.fields import many, optional
from pandapon_async._models.requests import RequestModel
from tests.support import RawRequest, RawServer, error_of, http_reply, local_profile, says, session_at, yes


def operation(method: str, path: str, effect: Effect = Effect.READ, **more: Any) -> Operation[OpenReply]:
    return Operation(
        name=f"test.{method.lower()}",
        contract_id=f"test.{method.lower()}",
        method=method,
        path=path,
        effect=effect,
        evidence=Evidence.SEEN,
        reply=OpenReply,
        vendors=("pandapon",),
        **more,
    )


@attrs.frozen(kw_only=True)
class Part(RequestModel):
    number: int | None = optional()


@attrs.frozen(kw_only=True)
class Get(VendorRequest[OpenReply]):
    operation: ClassVar[Operation[OpenReply]] = operation("GET", "/open/get")

    order_id: str | None = optional()
    page: int | None = optional()
    weight: Decimal | None = optional(number=True)
    all: bool | None = optional()
    number: str | None = optional(number=True)
    parts: tuple[Part, ...] = many(json_text=True)
    ids: tuple[str, ...] = many()


@attrs.frozen(kw_only=True)
class Cancel(VendorRequest[OpenReply]):
    """A GET that changes something, with a path parameter."""

    operation: ClassVar[Operation[OpenReply]] = operation("GET", "/refund/cancel/{refundId}/now", Effect.WRITE)

    refund_id: str | None = optional()
    reason: str | None = optional()


@attrs.frozen(kw_only=True)
class Mixed(VendorRequest[OpenReply]):
    operation: ClassVar[Operation[OpenReply]] = operation(
        "POST", "/shop/{shopId}/item/{itemId}", Effect.WRITE, signed_query=True
    )

    shop_id: str
    item_id: str = attrs.field(metadata={"number": True})
    language: str | None = optional(place="query")
    title: str | None = optional()


@attrs.frozen(kw_only=True)
class Remove(VendorRequest[OpenReply]):
    operation: ClassVar[Operation[OpenReply]] = operation("DELETE", "/cart", Effect.WRITE)

    cart_id: str | None = optional()
    reason: str | None = optional(place="body")


async def sent(*requests: VendorRequest[Any]) -> list[RawRequest]:
    async with RawServer(says(http_reply(200, yes({})))) as server:
        async with session_at(local_profile(server.port)) as session:
            for request in requests:
                await session.call(request)
        return server.requests


async def test_a_get_puts_its_members_into_the_query_and_sends_no_body():
    request = Get(order_id="ä/1&2", page=2, weight=Decimal("2.5"), all=True, number="9223372036854775807")
    (got,) = await sent(request)
    assert (got.method, got.body) == ("GET", b"")
    assert "content-type" not in got.headers
    assert got.target == ("/open/get?orderId=%C3%A4%2F1%262&page=2&weight=2.5&all=true&number=9223372036854775807")


async def test_json_in_a_text_may_stand_in_a_query():
    (got,) = await sent(Get(parts=(Part(number=1),)))
    assert parse_qsl(urlsplit(got.target).query) == [("parts", '[{"number":1}]')]


async def test_a_get_without_members_has_no_query():
    (got,) = await sent(Get())
    assert (got.target, got.body) == ("/open/get", b"")


async def test_extra_members_of_a_get_go_into_the_query_too():
    (got,) = await sent(Get(page=1, extra={"more": "x", "none": None}))
    assert got.target == "/open/get?page=1&more=x"


async def test_path_members_fill_the_path_and_go_nowhere_else():
    (got,) = await sent(Cancel(refund_id="110/000 ä", reason="late"))
    assert (got.target, got.body) == ("/refund/cancel/110%2F000%20%C3%A4/now?reason=late", b"")


async def test_each_request_has_its_own_path():
    first, second = await sent(Cancel(refund_id="1"), Cancel(refund_id="2"))
    assert (first.target, second.target) == ("/refund/cancel/1/now", "/refund/cancel/2/now")


async def test_path_query_signed_query_and_body_go_together():
    (got,) = await sent(Mixed(shop_id="s 1", item_id="7", language="en", title="T", extra={"more": [1]}))
    parts = urlsplit(got.target)
    assert parts.path == "/shop/s%201/item/7"
    assert [name for name, _ in parse_qsl(parts.query)] == ["language", "timestamp", "sign"]
    assert got.body == b'{"title":"T","more":[1]}'


async def test_a_post_whose_members_all_stand_elsewhere_sends_an_empty_object():
    (got,) = await sent(Mixed(shop_id="1", item_id="2"))
    assert got.body == b"{}"


async def test_a_delete_sends_a_body_only_if_it_is_declared():
    bare, full = await sent(Remove(cart_id="1"), Remove(cart_id="1", reason="x"))
    assert (bare.target, bare.body) == ("/cart?cartId=1", b"")
    assert (full.target, full.body) == ("/cart?cartId=1", b'{"reason":"x"}')


@pytest.mark.parametrize(
    ("refund_id", "message"),
    [
        (None, "refundId: is part of the path, so it is needed"),
        ("", "refundId: is part of the path, so it can't be empty or dots"),
        (".", "can't be empty or dots"),
        ("..", "can't be empty or dots"),
        ("\ud800", "half a surrogate pair"),
    ],
)
async def test_what_a_path_cannot_hold_is_refused_before_anything_is_sent(refund_id: str | None, message: str):
    async with RawServer(says(http_reply(200, yes({})))) as server, session_at(local_profile(server.port)) as session:
        error = await error_of(session.call(Cancel(refund_id=refund_id)))
        assert isinstance(error, RequestError)
        assert message in error.message
        assert error.field == "refundId"
        assert server.requests == []


async def test_a_list_cannot_stand_in_a_query():
    async with session_at(local_profile(1)) as session:
        error = await error_of(session.call(Get(ids=("1", "2"))))
    assert isinstance(error, RequestError)
    assert error.message == "ids: a query holds text, numbers, true and false, not list"


@given(st.text(min_size=1))
def test_a_path_value_is_one_segment_whatever_it_holds(value: str):
    assume(value not in (".", "..") and not any("\ud800" <= char <= "\udfff" for char in value))
    url, query, body = target_of(Cancel, "http://h/api", "/a/{refundId}/b").placed({"refundId": value})
    path = url.raw_path.removeprefix("/api/a/").removesuffix("/b")
    assert "/" not in path
    assert unquote(path) == value
    assert (url.raw_query_string, url.raw_fragment, query, body) == ("", "", "", None)


async def test_a_path_of_the_profile_may_have_other_placeholders():
    paths = {"test.get": "/orders/{orderId}/list"}
    async with RawServer(says(http_reply(200, yes({})))) as server:
        async with session_at(local_profile(server.port, paths=paths)) as session:
            await session.call(Get(order_id="7", page=1))
        assert server.requests[0].target == "/orders/7/list?page=1"


async def test_a_request_is_placed_the_same_in_a_stream_and_in_a_job(tmp_path: Path):
    request = Cancel(refund_id="1/2", reason="late")
    async with RawServer(says(http_reply(200, yes({})))) as server, session_at(local_profile(server.port)) as session:
        async for outcome in session.stream([request]):
            assert outcome.ok
        job = WriteJob(session, Cancel, journal=tmp_path / "cancelled.db")
        assert (await job.book(request, reference="A")).state == "done"
        assert [(got.method, got.target, got.body) for got in server.requests] == [
            ("GET", "/refund/cancel/1%2F2/now?reason=late", b"")
        ] * 2


async def test_a_job_refuses_what_cannot_be_placed_before_it_is_in_the_journal(tmp_path: Path):
    async with session_at(local_profile(1)) as session:
        job = WriteJob(session, Cancel, journal=tmp_path / "cancelled.db")
        error = await error_of(job.book(Cancel(), reference="A"))
    assert isinstance(error, RequestError)
    assert error.field == "refundId"


async def test_a_write_by_get_in_doubt_is_not_sent_again():
    async with RawServer(says(b"HTTP/1.1 502 Bad\r\nContent-Length: 0\r\n\r\n")) as server:
        async with session_at(local_profile(server.port)) as session:
            error = await error_of(session.call(Cancel(refund_id="1")))
        assert isinstance(error, OutcomeUnknownError)
        assert len(server.requests) == 1
