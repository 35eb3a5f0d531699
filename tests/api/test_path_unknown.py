"""Operations of which no page shows the path: what calling one says, and how it works once the path is given."""

from __future__ import annotations

import inspect
import logging
import pickle
from typing import Any

import pytest

from pandapon_async import ConfigError, Effect, Evidence, RequestError, WriteJob, from_wire, to_wire
from pandapon_async._models.base import OpenReply
from pandapon_async._models.operation import OpenRequest
from pandapon_async.api.service import Group, Service, subject
from pandapon_async.api.undocumented import path_unknown
from pandapon_async.testing import FakeVendor
from tests.support import RawServer, http_reply, local_profile, says, session_at, yes


class Parcels(Service):
    """A made-up subject."""

    list = path_unknown(
        "made_up.parcels.list",
        contract_id="made_up.parcel.list",
        method="GET",
        effect=Effect.READ,
        title="Parcels, page by page",
        vendors=("pandapon",),
        missing="path, request, reply",
    )
    lose = path_unknown(
        "made_up.parcels.lose",
        contract_id="made_up.parcel.lose",
        method="POST",
        effect=Effect.WRITE,
        title="Lose a parcel",
        vendors=("pandapon",),
        missing="reply",
        inferred_path="/open/parcel/lose",
        why="its sibling is /open/parcel/find.",
    )


class MadeUp(Group):
    parcels = subject(Parcels)


def parcels(session: Any) -> Parcels:
    return MadeUp(session).parcels


async def test_calling_one_says_what_is_missing_and_what_to_do(vendor: FakeVendor):
    async with session_at(vendor.profile("pandapon")) as session:
        with pytest.raises(ConfigError) as caught:
            await parcels(session).list({"pageNo": 1})
    assert caught.value.operation == "made_up.parcels.list"
    assert caught.value.message == (
        "the path of 'Parcels, page by page' isn't known (the documentation doesn't show its path, request, reply); once "
        'you know it, give it in the profile as paths = {"made_up.parcels.list" = "/..."}, or use call_raw'
    )
    assert vendor.ledger.requests == ()


@pytest.mark.parametrize("key", ["made_up.parcels.list", "made_up.parcel.list"])
async def test_with_a_path_in_the_profile_it_works_like_any_other(key: str):
    async with RawServer(says(http_reply(200, yes({"list": [1]})))) as server:
        async with session_at(local_profile(server.port, paths={key: "/open/parcels/{kind}"})) as session:
            reply = await parcels(session).list({"kind": "a/b", "pageNo": 1, "open": True})
        request = server.requests[0]
    assert (request.method, request.target, request.body) == ("GET", "/open/parcels/a%2Fb?pageNo=1&open=true", b"")
    assert len(request.headers["signature"]) == 32
    assert reply.value == {"list": [1]}


async def test_an_inferred_path_is_used_and_warned_of_once(caplog: pytest.LogCaptureFixture):
    async with (
        RawServer(says(*[http_reply(200, yes({}))] * 2)) as server,
        session_at(local_profile(server.port)) as session,
    ):
        await parcels(session).lose({"id": "1"})
        await parcels(session).lose()
    assert [(request.target, request.body) for request in server.requests] == [
        ("/open/parcel/lose", b'{"id":"1"}'),
        ("/open/parcel/lose", b"{}"),
    ]
    warnings = [record.getMessage() for record in caplog.records if record.levelno == logging.WARNING]
    assert len(warnings) == 1
    assert "made_up.parcels.lose: the path /open/parcel/lose is inferred" in warnings[0]


def test_it_is_a_documented_coroutine_method():
    service = Parcels(None)  # type: ignore[arg-type]
    assert inspect.iscoroutinefunction(service.lose)
    assert inspect.getdoc(service.lose) == (
        "Lose a parcel (WRITE). Its path is inferred (/open/parcel/lose); the documentation doesn't show its reply. "
        "its sibling is /open/parcel/find."
    )


def test_its_operation_says_how_surely_the_path_is_known():
    listed, lost = Parcels.list.request_type.operation, Parcels.lose.request_type.operation
    assert (listed.path, listed.evidence, listed.effect) == (None, Evidence.MISSING, Effect.READ)
    assert (lost.path, lost.evidence, lost.effect) == ("/open/parcel/lose", Evidence.INFERRED, Effect.WRITE)
    assert listed.reply is lost.reply is OpenReply


def test_its_requests_take_any_wire_json():
    wire = {"a": {"b": [1]}, "extra": {"c": 2}}
    request = from_wire(Parcels.list.request_type, wire)
    assert isinstance(request, OpenRequest)
    assert to_wire(request) == wire
    assert pickle.loads(pickle.dumps(request)) == request
    with pytest.raises(RequestError, match="has no JSON form"):
        Parcels.list.request_type(extra={"a": {1}})


async def test_its_writes_go_through_a_job(tmp_path: Any):
    lose = Parcels.lose.request_type
    async with RawServer(says(http_reply(200, yes({})))) as server, session_at(local_profile(server.port)) as session:
        job = WriteJob(session, lose, journal=tmp_path / "lost.db")
        outcome = await job.book(lose(extra={"id": "1"}), reference="A")
        again = await job.book(lose(extra={"id": "1"}), reference="A")
    assert (outcome.state, again.state, len(server.requests)) == ("done", "skipped", 1)


def test_a_group_makes_its_services_once():
    group = MadeUp(None)  # type: ignore[arg-type]
    assert group.parcels is group.parcels
    assert isinstance(MadeUp.parcels, subject)
