"""A session: calls of every kind, hooks, limits and the clock offset from end to end."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import AsyncIterator
from decimal import Decimal
from email.utils import formatdate
from typing import Any

import attrs
import pytest

from pandapon_async import (
    PANDAPON,
    ApiError,
    AuthError,
    ConfigError,
    ConnectionLostError,
    DeadlineExceededError,
    DecodeError,
    Effect,
    HttpStatusError,
    LimitExceededError,
    Limits,
    NotSentError,
    OutcomeUnknownError,
    PandaPonSession,
    Reply,
    RequestError,
    RetryPolicy,
    Stage,
    Timeouts,
)
from pandapon_async._session import client_of
from pandapon_async.api.addresses import AddressSaveRequest
from pandapon_async.api.logistics import (
    DomesticShipmentUpdate,
    FreightBookingRequest,
    FreightPreviewRequest,
    ReceiverAddress,
)
from pandapon_async.testing import FakeVendor, VirtualClock
from tests.support import (
    AT_ONCE,
    BOOK,
    RawRequest,
    RawServer,
    booking,
    closed_port,
    error_of,
    estimate,
    http_reply,
    local_profile,
    no,
    says,
    session_at,
    spin,
    until,
    yes,
)

KINDS = ["pandapon", "xportcn_ka"]

# --- services ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", KINDS)
async def test_every_service_method_reaches_the_vendor(vendor: FakeVendor, kind: Any) -> None:
    async with session_at(vendor.profile(kind)) as session:
        estimated = await session.logistics.estimate_freight(estimate())
        assert isinstance(estimated.value, list)
        preview = await session.logistics.preview_freight(
            FreightPreviewRequest(receiver_address=ReceiverAddress(country="US"))
        )
        assert preview.render_id is not None
        booked = await session.logistics.book_freight(FreightBookingRequest(render_id=preview.render_id))
        assert booked.order_fee is not None
        assert booked.order_fee.amount > Decimal(0)
        await session.logistics.update_domestic_shipment(DomesticShipmentUpdate(order_id=booked.order_id))
        await session.addresses.save(AddressSaveRequest(name="Jane Example"))
    assert [record.problems for record in vendor.ledger.requests] == [()] * 5
    assert {record.vendor for record in vendor.ledger.requests} == {kind}
    prefix = "/v2" if kind == "pandapon" else "/api"
    assert vendor.ledger.requests[0].path == f"{prefix}/open/pp/logistics/itemLogisticsPrice"


async def test_a_reply_tells_how_it_came_about(vendor: FakeVendor, panda: PandaPonSession) -> None:
    vendor.script({"status": 429, "headers": {"Retry-After": "0"}}, "ok")
    reply = await panda.call(booking())
    assert (reply.code, reply.message, reply.request_id, reply.status) == (200, None, None, 200)
    assert reply.attempts == 2
    assert reply.elapsed > 0
    assert reply.headers["content-type"].startswith("application/json")
    assert reply["data"]["orderId"] == reply.data.order_id
    assert reply.problems == ()


async def test_a_pair_names_the_booking(vendor: FakeVendor, panda: PandaPonSession) -> None:
    vendor.script(502)
    error = await error_of(panda.call(("order-4711", booking("R1"))))
    assert isinstance(error, OutcomeUnknownError)
    assert error.reference == "order-4711"
    assert "order-4711" in str(error)


async def test_the_reference_of_a_call_names_the_booking(vendor: FakeVendor, panda: PandaPonSession) -> None:
    vendor.script(502)
    error = await error_of(panda.logistics.book_freight(booking("R1"), reference="order-4711"))
    assert isinstance(error, OutcomeUnknownError)
    assert error.reference == "order-4711"


@pytest.mark.parametrize("reference", ["", 7])
async def test_a_reference_that_is_none_is_refused_before_anything_is_sent(
    vendor: FakeVendor, panda: PandaPonSession, reference: Any
) -> None:
    with pytest.raises(RequestError, match="a reference must be non-empty text"):
        await panda.call(booking("R1"), reference=reference)
    assert vendor.ledger.requests == ()


async def test_a_call_has_one_reference(vendor: FakeVendor, panda: PandaPonSession) -> None:
    with pytest.raises(RequestError, match="expected a request or a pair"):
        await panda.call(("order-1", booking("R1")), reference="order-2")
    assert vendor.ledger.requests == ()


async def test_without_a_pair_the_render_id_names_it(vendor: FakeVendor, panda: PandaPonSession) -> None:
    vendor.script(502)
    error = await error_of(panda.call(booking("R1")))
    assert isinstance(error, OutcomeUnknownError)
    assert error.reference == "R1"


@pytest.mark.parametrize("item", [{"renderId": "R1"}, None, ("", booking()), (7, booking()), ("a", "b"), (booking(),)])
async def test_what_is_no_request_is_refused_before_anything_is_sent(
    vendor: FakeVendor, panda: PandaPonSession, item: Any
) -> None:
    with pytest.raises(RequestError):
        await panda.call(item)
    assert vendor.ledger.requests == ()


async def test_the_time_out_of_a_booking_that_was_sent_leaves_it_in_doubt(
    vendor: FakeVendor, panda: PandaPonSession
) -> None:
    vendor.script("stall")
    error = await error_of(panda.logistics.book_freight(booking("A"), reference="order-4711", timeout=0.05))
    assert isinstance(error, OutcomeUnknownError)
    assert error.reference == "order-4711"
    assert vendor.ledger.bookings == {"A": 1}


async def test_the_time_out_of_a_read_is_its_deadline(vendor: FakeVendor, panda: PandaPonSession) -> None:
    vendor.script("stall")
    error = await error_of(panda.logistics.estimate_freight(estimate(), timeout=0.05))
    assert isinstance(error, DeadlineExceededError)


async def test_the_time_out_of_a_raw_call_is_its_deadline(vendor: FakeVendor, panda: PandaPonSession) -> None:
    vendor.script("stall")
    call = panda.call_raw("POST", FreightBookingRequest.operation.path or "", {}, effect=Effect.READ, timeout=0.05)
    assert isinstance(await error_of(call), DeadlineExceededError)


async def test_the_waits_between_attempts_count_against_the_time_out(vendor: FakeVendor) -> None:
    clock = VirtualClock(time.time())
    profile = vendor.profile("pandapon", retry=RetryPolicy(base=1, attempts=1000))
    async with session_at(profile, clock=clock) as session:
        vendor.script(*[502] * 100)
        assert isinstance(await error_of(session.call(estimate(), timeout=5)), DeadlineExceededError)
        assert sum(clock.slept) < 5


async def test_a_time_out_may_be_longer_than_the_profiles_and_is_that_calls_only(vendor: FakeVendor) -> None:
    clock = VirtualClock(time.time())
    profile = vendor.profile("pandapon", retry=RetryPolicy(base=300, cap=300), timeouts=Timeouts(total=1e-3))
    async with session_at(profile, clock=clock) as session:
        vendor.script(502, "ok")
        assert (await session.call(estimate(), timeout=2000)).attempts == 2
        vendor.script(502, "ok")
        assert isinstance(await error_of(session.call(estimate())), DeadlineExceededError)


@pytest.mark.parametrize("timeout", [0, -1.0, float("nan")])
async def test_a_time_out_that_leaves_no_time_sends_nothing(
    vendor: FakeVendor, panda: PandaPonSession, timeout: float
) -> None:
    with pytest.raises(RequestError, match="timeout: must be above 0 seconds"):
        await panda.call(booking("A"), timeout=timeout)
    assert vendor.ledger.requests == ()


async def test_an_unknown_path_is_a_config_error_until_the_profile_gives_it(vendor: FakeVendor) -> None:
    operation = attrs.evolve(FreightBookingRequest.operation, path=None, routes={}, name="logistics.elsewhere")

    class Elsewhere(FreightBookingRequest):
        pass

    Elsewhere.operation = operation
    async with session_at(vendor.profile("pandapon")) as session:
        with pytest.raises(ConfigError, match=r'paths = \{"logistics.elsewhere" = "/..."\}'):
            client_of(session).prepare(Elsewhere(render_id="R1"))
    path = "/open/pp/logistics/orderBookingFreight"
    async with session_at(vendor.profile("pandapon", paths={"logistics.elsewhere": path})) as session:
        call = client_of(session).prepare(Elsewhere(render_id="R1"))
        assert call.url.path == path


async def test_a_path_of_the_profile_replaces_the_known_one() -> None:
    async with RawServer(says(http_reply(200, yes({})))) as server:
        profile = local_profile(server.port, paths={"logistics.book_freight": "/v2/book"})
        async with session_at(profile) as session:
            await session.call(booking())
        assert server.requests[0].target.startswith("/v2/book?")


@pytest.mark.parametrize(
    ("name", "said"),
    [
        (
            "logistics.book_frieght",
            r"there is no operation 'logistics.book_frieght' \(did you mean 'logistics.book_freight'\?\)",
        ),
        ("zzz", r"there is no operation 'zzz'$"),
    ],
)
def test_a_path_for_an_operation_that_does_not_exist_is_refused(name: str, said: str) -> None:
    with pytest.raises(ConfigError, match=said):
        PandaPonSession(local_profile(1, paths={"logistics.book_freight": "/a", name: "/b"}))


@pytest.mark.parametrize("name", ["logistics.book_freight", "logistics.order.book_freight"])
def test_a_path_may_be_given_by_name_or_by_contract_id(name: str) -> None:
    assert PandaPonSession(local_profile(1, paths={name: "/a"})).profile.paths == {name: "/a"}


async def test_an_inferred_path_is_warned_of_once(vendor: FakeVendor, caplog: pytest.LogCaptureFixture) -> None:
    async with session_at(vendor.profile("xportcn_ka")) as session:
        await session.call(estimate())
        await session.with_options(timeouts=Timeouts(total=9)).call(estimate())
    warnings = [record.getMessage() for record in caplog.records if record.levelno == logging.WARNING]
    assert len(warnings) == 1
    assert "inferred" in warnings[0]


async def test_a_path_of_the_profiles_own_is_not_warned_of(
    vendor: FakeVendor, caplog: pytest.LogCaptureFixture
) -> None:
    paths = {"logistics.estimate_freight": "/open/pp/logistics/itemLogisticsPrice"}
    async with session_at(vendor.profile("xportcn_ka", paths=paths)) as session:
        await session.call(estimate())
    assert [record for record in caplog.records if record.levelno >= logging.WARNING] == []


async def test_a_booking_that_does_not_fit_is_warned_of(
    vendor: FakeVendor, panda: PandaPonSession, caplog: pytest.LogCaptureFixture
) -> None:
    vendor.script({"json": yes({"orderId": [1]}), "done": True})
    await panda.call(booking())
    assert "it was made, but the reply does not fit: $.data.orderId" in caplog.text


# --- call_raw ----------------------------------------------------------------------------------------------------------


async def test_a_raw_read_returns_plain_json(vendor: FakeVendor, panda: PandaPonSession) -> None:
    vendor.route("POST", "/open/anything", yes({"a": [1, None, {"b": "c"}]}))
    reply = await panda.call_raw("post", "/open/anything", {"q": "ä"}, effect=Effect.READ)
    assert reply.data == {"a": [1, None, {"b": "c"}]}
    assert reply.raw["success"] is True
    assert vendor.ledger.requests[-1].problems == ()


async def test_a_raw_call_without_members_sends_an_empty_object() -> None:
    async with RawServer(says(http_reply(200, yes()))) as server, session_at(local_profile(server.port)) as session:
        await session.call_raw("POST", "/x", effect=Effect.READ)
        assert server.requests[0].body == b"{}"


async def test_a_raw_get_puts_its_members_into_the_query() -> None:
    async with RawServer(says(http_reply(200, yes()))) as server, session_at(local_profile(server.port)) as session:
        await session.call_raw("GET", "/x", {"a": 1, "b": "ä"}, query={"b": "2"}, effect=Effect.READ)
        assert server.requests[0].target == "/x?a=1&b=2"
        assert server.requests[0].body == b""


async def test_the_effect_decides_what_is_repeated(vendor: FakeVendor, panda: PandaPonSession) -> None:
    vendor.route("POST", "/open/anything", yes({}))
    vendor.script(502, "ok")
    assert (await panda.call_raw("POST", "/open/anything", effect=Effect.READ)).attempts == 2
    vendor.script(502, "ok")
    error = await error_of(panda.call_raw("POST", "/open/anything", effect=Effect.WRITE, reference="X1"))
    assert isinstance(error, OutcomeUnknownError)
    assert (error.reference, error.operation) == ("X1", "POST /open/anything")


@pytest.mark.parametrize("effect", ["read", "write"])
async def test_an_effect_may_be_given_as_text(vendor: FakeVendor, panda: PandaPonSession, effect: Any) -> None:
    vendor.route("POST", "/open/anything", yes({}))
    await panda.call_raw("POST", "/open/anything", effect=effect)
    with pytest.raises(ValueError, match="maybe"):
        await panda.call_raw("POST", "/open/anything", effect="maybe")  # type: ignore[arg-type]


@pytest.mark.parametrize("path", ["x", "/x?y=1", "/x#y", ""])
async def test_a_raw_path_must_be_one(panda: PandaPonSession, path: str) -> None:
    with pytest.raises(RequestError, match="path"):
        await panda.call_raw("POST", path, effect=Effect.READ)


@pytest.mark.parametrize("members", [{"a": Decimal(1)}, {"a": float("nan")}, {1: "a"}, {"a": {"b": {3}}}])
async def test_raw_members_must_be_json(vendor: FakeVendor, panda: PandaPonSession, members: Any) -> None:
    with pytest.raises(RequestError, match="members"):
        await panda.call_raw("POST", "/open/anything", members, effect=Effect.READ)
    assert vendor.ledger.requests == ()


@pytest.mark.parametrize("members", [{"a": {"b": "c"}}, {"a": [1]}, {"a": True}, {"a": None}])
async def test_what_a_query_cannot_hold_is_refused(members: Any) -> None:
    async with RawServer(says(http_reply(200, yes()))) as server, session_at(local_profile(server.port)) as session:
        try:
            await session.call_raw("GET", "/x", members, effect=Effect.READ)
        except RequestError:
            return
        assert not any(python in server.requests[0].target for python in ("%27", "True", "None", "%5B1"))


# --- with_options ------------------------------------------------------------------------------------------------------


async def test_a_copy_shares_pool_limits_pauses_and_budget(vendor: FakeVendor) -> None:
    clock = VirtualClock(time.time())
    async with session_at(vendor.profile("pandapon"), clock=clock) as session:
        copy = session.with_options(timeouts=Timeouts(total=5), retry=RetryPolicy(attempts=1))
        assert type(copy) is PandaPonSession
        assert copy._client.state is session._client.state
        assert (copy.profile.timeouts.total, copy.profile.retry.attempts) == (5, 1)
        assert session.profile.timeouts.total == 60
        assert copy.clock is clock
        vendor.script({"status": 429, "headers": {"Retry-After": "20"}})
        await error_of(copy.call(booking("A")))
        await session.call(booking("B"))
        assert clock.slept == [20.0]


async def test_a_copy_keeps_what_is_not_changed(vendor: FakeVendor) -> None:
    seen: list[str] = []
    profile = vendor.profile("pandapon", timeouts=Timeouts(total=7), retry=RetryPolicy(attempts=2))
    async with session_at(profile, on_attempt=lambda *_: seen.append("first")) as session:
        copy = session.with_options(on_reply=lambda *_: seen.append("reply"))
        assert (copy.profile.timeouts.total, copy.profile.retry.attempts) == (7, 2)
        await copy.call(booking())
        assert seen == ["first", "reply"]
        await copy.with_options(on_attempt=lambda *_: seen.append("second")).call(booking("B"))
        assert seen[2:] == ["second", "reply"]
        await session.call(booking("C"))
        assert seen[4:] == ["first"]


async def test_a_copy_has_its_own_time_outs_for_silence(vendor: FakeVendor) -> None:
    async with session_at(vendor.profile("pandapon")) as session:
        copy = session.with_options(timeouts=Timeouts(read=0.05, total=1), retry=RetryPolicy(attempts=1))
        vendor.script("stall")
        error = await error_of(copy.call(estimate()))
        assert isinstance(error, ConnectionLostError)
        assert "nothing came within Timeouts.read" in str(error)


async def test_a_copy_with_another_retry_budget_has_a_budget_of_its_own(vendor: FakeVendor) -> None:
    async with session_at(vendor.profile("pandapon", retry=AT_ONCE)) as session:
        copy = session.with_options(retry=attrs.evolve(AT_ONCE, budget=0))
        vendor.script(502, 502)
        error = await error_of(copy.call(estimate()))
        assert isinstance(error, HttpStatusError)
        assert len(error.attempts) == 1
        assert (await session.call(estimate())).attempts == 2


async def test_a_copy_of_a_copy_shares_the_budget_of_that(vendor: FakeVendor) -> None:
    async with session_at(vendor.profile("pandapon", retry=AT_ONCE)) as session:
        copy = session.with_options(retry=attrs.evolve(AT_ONCE, budget=1))
        second = copy.with_options(retry=attrs.evolve(AT_ONCE, budget=1, attempts=9))
        assert second._client.state is copy._client.state
        assert copy._client.state.budget is not session._client.state.budget


async def test_a_copy_with_a_budget_of_its_own_shares_the_rest(vendor: FakeVendor) -> None:
    session = PandaPonSession(vendor.profile("pandapon"))
    copy = session.with_options(retry=RetryPolicy(budget=0))
    ours, its = session._client.state, copy._client.state
    for name in ("transport", "limiter", "offset", "clock", "open_streams", "warned"):
        assert getattr(its, name) is getattr(ours, name)
    stream = copy.stream([booking()])
    await stream.__aenter__()
    await session.close()
    with pytest.raises(ConfigError, match="closed"):
        await copy.call(estimate())


async def test_closing_the_session_closes_its_copies(vendor: FakeVendor) -> None:
    session = PandaPonSession(vendor.profile("pandapon"))
    copy = session.with_options()
    await copy.call(estimate())
    await session.close()
    with pytest.raises(ConfigError, match="closed"):
        await copy.call(estimate())


# --- hooks -------------------------------------------------------------------------------------------------------------


async def test_hooks_may_be_set_later_and_a_copy_keeps_its_own(vendor: FakeVendor) -> None:
    told: list[str] = []
    async with session_at(vendor.profile("pandapon")) as session:
        session.on_attempt = lambda *_: told.append("attempt")
        session.on_reply = lambda *_: told.append("reply")
        session.on_in_doubt = lambda *_: told.append("doubt")
        copy = session.with_options()
        session.on_attempt = session.on_reply = session.on_in_doubt = None
        await session.call(booking("A"))
        assert told == []
        await copy.call(booking("B"))
        assert told == ["attempt", "reply"]
        assert (session.on_attempt, session.on_reply, session.on_in_doubt) == (None, None, None)
        assert copy.on_in_doubt is not None


async def test_the_hooks_see_attempts_replies_and_doubts(vendor: FakeVendor) -> None:
    attempts: list[Any] = []
    replies: list[Any] = []
    doubts: list[Any] = []
    async with session_at(
        vendor.profile("pandapon", retry=AT_ONCE),
        on_attempt=lambda attempt, reference, operation: attempts.append((attempt, reference, operation.name)),
        on_reply=lambda reply, reference, operation: replies.append((reply, reference, operation.name)),
        on_in_doubt=lambda reference, operation: doubts.append((reference, operation.name)),
    ) as session:
        vendor.script({"status": 429, "headers": {"Retry-After": "0"}}, "ok", 502)
        reply = await session.call(("A", booking()))
        await error_of(session.call(("B", booking("R2"))))
    assert [(attempt.number, attempt.status, attempt.error, reference) for attempt, reference, _ in attempts] == [
        (1, 429, "RateLimitedError", "A"),
        (2, 200, None, "A"),
        (1, 502, "OutcomeUnknownError", "B"),
    ]
    assert attempts[1][0].code == 200
    assert attempts[1][0].stage is Stage.REPLIED
    assert replies == [(reply, "A", "logistics.book_freight")]
    assert replies[0][0].attempts == 2
    assert doubts == [("B", "logistics.book_freight")]


async def test_a_hook_that_raises_changes_nothing(vendor: FakeVendor, caplog: pytest.LogCaptureFixture) -> None:
    def broken(*_: Any) -> None:
        raise RuntimeError("not to be shown")

    async with session_at(
        vendor.profile("pandapon", retry=AT_ONCE), on_attempt=broken, on_reply=broken, on_in_doubt=broken
    ) as session:
        assert (await session.call(booking("A"))).attempts == 1
        vendor.script(502)
        assert isinstance(await error_of(session.call(booking("B"))), OutcomeUnknownError)
    assert caplog.text.count("a hook raised RuntimeError; it is ignored") == 4
    assert "not to be shown" not in caplog.text


async def test_on_start_is_called_once_a_call_before_it_is_sent(vendor: FakeVendor) -> None:
    seen: list[Any] = []

    def note(reference: str | None, operation: Any) -> None:
        seen.append((reference, operation.name, len(vendor.ledger.requests)))

    async with session_at(vendor.profile("pandapon", retry=AT_ONCE), on_start=note) as session:
        vendor.script(502, "ok")
        await session.call(("mine", estimate()))
    assert seen == [("mine", "logistics.estimate_freight", 0)]


async def test_each_attempt_is_logged_without_what_it_holds(
    vendor: FakeVendor, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG, "pandapon_async")
    async with session_at(vendor.profile("pandapon", retry=AT_ONCE)) as session:
        vendor.script("drop_before", "ok")
        await session.call(estimate())
    lines = [record.getMessage() for record in caplog.records if record.name == "pandapon_async"]
    assert len(lines) == 2
    assert "attempt 1: ConnectionLostError, status None" in lines[0]
    assert "attempt 2: ok, status 200, code 200" in lines[1]
    assert "signature" not in caplog.text


# --- limits ------------------------------------------------------------------------------------------------------------


async def test_concurrency_is_never_exceeded() -> None:
    async def slow(_: RawRequest, writer: asyncio.StreamWriter) -> None:
        await spin(5)
        writer.write(http_reply(200, yes({})))

    async with RawServer(slow) as server:
        async with session_at(local_profile(server.port, limits=Limits(concurrency=3))) as session:
            copy = session.with_options(timeouts=Timeouts(total=50))
            calls = [(session if number % 2 else copy).call(booking(f"R{number}")) for number in range(40)]
            await asyncio.gather(*calls)
            assert session._client.state.limiter.free == 3
        assert server.most == 3
        assert server.connections == 3
        assert len(server.requests) == 40


async def test_a_call_that_waits_too_long_for_a_slot_is_refused() -> None:
    release = asyncio.Event()

    async def held(_: RawRequest, writer: asyncio.StreamWriter) -> None:
        await release.wait()
        writer.write(http_reply(200, yes({})))

    clock = VirtualClock(time.time(), auto=False)
    async with RawServer(held) as server:
        limits = Limits(concurrency=1, max_wait=3)
        async with session_at(local_profile(server.port, limits=limits), clock=clock) as session:
            first = asyncio.create_task(session.call(booking("A")))
            await until(lambda: server.requests)
            second = asyncio.create_task(session.call(booking("B")))
            await until(lambda: clock.slept)
            clock.advance(3)
            error = await error_of(second)
            assert isinstance(error, LimitExceededError)
            assert (error.stage, error.sent, error.reference) == (Stage.WAIT, False, "B")
            assert error.operation == "logistics.book_freight"
            release.set()
            await first
            assert session._client.state.limiter.free == 1
        assert len(server.requests) == 1


async def test_a_call_whose_token_is_too_far_away_is_refused(vendor: FakeVendor) -> None:
    clock = VirtualClock(time.time(), auto=False)
    limits = Limits(rate=0.1, max_wait=5)
    async with session_at(vendor.profile("pandapon", limits=limits), clock=clock) as session:
        await session.call(booking("A"))
        error = await error_of(session.call(booking("B")))
        assert isinstance(error, LimitExceededError)
        assert session._client.state.limiter.free == 64
    assert vendor.ledger.bookings == {"A": 1}


async def test_every_attempt_takes_a_token(vendor: FakeVendor) -> None:
    clock = VirtualClock(time.time())
    profile = vendor.profile("pandapon", limits=Limits(rate=2), retry=RetryPolicy(base=0))
    async with session_at(profile, clock=clock) as session:
        vendor.script(502, 502, "ok")
        await session.call(estimate())
    assert clock.monotonic() == pytest.approx(1.0)


async def test_waiting_for_a_turn_does_not_count_against_the_deadline(vendor: FakeVendor) -> None:
    clock = VirtualClock(time.time())
    profile = vendor.profile("pandapon", limits=Limits(rate=0.1, max_wait=100), timeouts=Timeouts(total=5))
    async with session_at(profile, clock=clock) as session:
        await session.call(booking("A"))
        await session.call(booking("B"))
    assert clock.monotonic() == pytest.approx(10)
    assert vendor.ledger.bookings == {"A": 1, "B": 1}


async def test_waiting_for_the_token_of_a_repeat_does_not_count_either(vendor: FakeVendor) -> None:
    clock = VirtualClock(time.time())
    profile = vendor.profile("pandapon", limits=Limits(rate=0.1), timeouts=Timeouts(total=5), retry=RetryPolicy(base=0))
    async with session_at(profile, clock=clock) as session:
        vendor.script(502, 502, "ok")
        assert (await session.call(estimate())).attempts == 3


async def test_the_rate_holds_after_a_pause() -> None:
    clock = VirtualClock(time.time(), auto=False)
    starts: list[float] = []

    async def answer(_: RawRequest, writer: asyncio.StreamWriter) -> None:
        starts.append(clock.monotonic())
        first = len(starts) == 1
        writer.write(http_reply(429, b"", {"Retry-After": "10"}) if first else http_reply(200, yes({})))

    async with RawServer(answer) as server:
        limits = Limits(rate=1, concurrency=20, max_wait=1000)
        async with session_at(local_profile(server.port, limits=limits), clock=clock) as session:
            first = asyncio.create_task(session.call(booking("first")))
            await until(lambda: session._client.state.limiter.pause.left() > 0)
            others = [asyncio.create_task(session.call(booking(str(number)))) for number in range(8)]
            while not all(task.done() for task in (first, *others)):
                clock.advance(0.25)
                for _ in range(10):
                    await asyncio.sleep(0.0005)
    resumed = [start for start in starts if start >= 10]
    assert len(resumed) == 9
    assert sum(1 for start in resumed if start < 11) <= 2


async def test_before_send_is_awaited_once_after_the_turn_has_come(vendor: FakeVendor) -> None:
    free: list[int] = []

    async def before() -> None:
        assert vendor.ledger.requests == ()
        free.append(session._client.state.limiter.free)

    async with session_at(vendor.profile("pandapon", retry=AT_ONCE)) as session:
        vendor.script({"status": 429, "headers": {"Retry-After": "0"}}, "ok")
        reply = await client_of(session).run(
            client_of(session).prepare(booking()), wait_forever=True, before_send=before
        )
        assert reply.attempts == 2
        assert free == [63]
        assert session._client.state.limiter.free == 64


async def test_nothing_is_sent_if_before_send_raises(vendor: FakeVendor) -> None:
    doubts: list[Any] = []

    async def before() -> None:
        raise OSError("the disk is full")

    async with session_at(vendor.profile("pandapon"), on_in_doubt=lambda *_: doubts.append(1)) as session:
        with pytest.raises(OSError, match="disk"):
            await client_of(session).run(client_of(session).prepare(booking()), wait_forever=True, before_send=before)
        assert session._client.state.limiter.free == 64
    assert vendor.ledger.requests == ()
    assert doubts == []


async def test_the_time_that_before_send_takes_does_not_count(vendor: FakeVendor) -> None:
    clock = VirtualClock(time.time())
    async with session_at(vendor.profile("pandapon", timeouts=Timeouts(total=5)), clock=clock) as session:
        await client_of(session).run(
            client_of(session).prepare(booking()), wait_forever=True, before_send=lambda: clock.sleep(100)
        )
    assert vendor.ledger.bookings == {"R1": 1}


async def test_a_patient_call_waits_however_long_it_takes(vendor: FakeVendor) -> None:
    clock = VirtualClock(time.time())
    async with session_at(vendor.profile("pandapon", limits=Limits(rate=0.01, max_wait=1)), clock=clock) as session:
        for name in "AB":
            await client_of(session).run(client_of(session).prepare(booking(name)), wait_forever=True)
    assert vendor.ledger.bookings == {"A": 1, "B": 1}


# --- the vendor's clock ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("off", [700, -700, 86_400 * 400])
async def test_a_call_refused_because_of_the_time_is_signed_anew_once(vendor: FakeVendor, off: float) -> None:
    vendor.clock_offset = off
    async with session_at(vendor.profile("pandapon", retry=AT_ONCE)) as session:
        reply = await session.call(booking("A"))
        assert reply.attempts == 2
        assert (await session.call(booking("B"))).attempts == 1
    assert vendor.ledger.bookings == {"A": 1, "B": 1}
    assert abs(int(vendor.ledger.requests[-1].timestamp or 0) - vendor.ledger.requests[-1].received_at) <= 3


async def test_an_offset_is_learnt_from_two_replies_that_agree(vendor: FakeVendor) -> None:
    vendor.clock_offset = 300
    async with session_at(vendor.profile("pandapon")) as session:
        for _ in range(3):
            await session.call(estimate())
    offs = [int(record.timestamp or 0) - record.received_at for record in vendor.ledger.requests]
    assert all(abs(off + 300) <= 3 for off in offs[:2])
    assert abs(offs[2]) <= 3


async def test_one_reply_with_a_wrong_date_is_not_believed(vendor: FakeVendor) -> None:
    date = formatdate(time.time() + 300, usegmt=True)
    async with session_at(vendor.profile("pandapon")) as session:
        vendor.script({"json": yes({}), "headers": {"Date": date}}, "ok", "ok")
        for _ in range(3):
            await session.call(estimate())
    assert all(abs(int(record.timestamp or 0) - record.received_at) <= 3 for record in vendor.ledger.requests)


async def test_an_offset_is_dropped_when_the_clocks_agree_again(vendor: FakeVendor) -> None:
    vendor.clock_offset = 300
    async with session_at(vendor.profile("pandapon")) as session:
        for _ in range(3):
            await session.call(estimate())
        vendor.clock_offset = 0
        for _ in range(2):
            await session.call(estimate())
    offs = [int(record.timestamp or 0) - record.received_at for record in vendor.ledger.requests]
    assert abs(offs[3] - 300) <= 3
    assert abs(offs[4]) <= 3


async def test_a_date_from_a_cache_is_not_believed(vendor: FakeVendor) -> None:
    date = formatdate(time.time() + 700, usegmt=True)
    async with session_at(vendor.profile("pandapon", retry=AT_ONCE)) as session:
        vendor.script({"status": 401, "json": no(1), "headers": {"Date": date, "Age": "3"}})
        assert isinstance(await error_of(session.call(booking())), AuthError)
    assert vendor.ledger.seen[BOOK] == 1


async def test_a_date_without_an_envelope_is_not_believed(vendor: FakeVendor) -> None:
    date = formatdate(time.time() + 700, usegmt=True)
    async with session_at(vendor.profile("pandapon", retry=AT_ONCE)) as session:
        vendor.script({"status": 401, "body": b"<html>", "headers": {"Date": date}})
        assert isinstance(await error_of(session.call(booking())), AuthError)
    assert vendor.ledger.seen[BOOK] == 1


async def test_a_date_over_plain_http_is_not_believed(vendor: FakeVendor) -> None:
    vendor.clock_offset = 700
    async with session_at(vendor.profile("pandapon", retry=AT_ONCE)) as session:
        way = await session._client.state.transport.open()
        way._authentic = False  # type: ignore[attr-defined]
        assert isinstance(await error_of(session.call(booking())), AuthError)
    assert vendor.ledger.seen[BOOK] == 1


async def test_a_vendor_whose_clock_jumps_for_one_call(vendor: FakeVendor) -> None:
    async with session_at(vendor.profile("pandapon", retry=AT_ONCE)) as session:
        vendor.script("wrong_clock")
        error = await error_of(session.call(booking("A")))
        assert isinstance(error, AuthError)
        assert len(error.attempts) == 2
        assert (await session.call(booking("B"))).attempts == 1
    assert vendor.ledger.bookings == {"B": 1}


async def test_a_refusal_of_a_call_with_the_right_time_is_not_signed_anew(vendor: FakeVendor) -> None:
    async with session_at(vendor.profile("pandapon", retry=AT_ONCE)) as session:
        vendor.script({"status": 401, "json": no(1)})
        error = await error_of(session.call(booking()))
        assert isinstance(error, AuthError)
        assert len(error.attempts) == 1


async def test_an_api_error_because_of_the_time_is_signed_anew_as_well(vendor: FakeVendor) -> None:
    date = formatdate(time.time() + 700, usegmt=True)
    vendor.clock_offset = 700
    async with session_at(vendor.profile("pandapon", retry=AT_ONCE)) as session:
        vendor.script({"json": no(1), "headers": {"Date": date}}, "ok")
        assert (await session.call(booking())).attempts == 2


# --- life --------------------------------------------------------------------------------------------------------------


def test_a_session_needs_credentials() -> None:
    with pytest.raises(ConfigError, match="no credentials"):
        PandaPonSession(PANDAPON)


async def test_with_explains_itself(panda: PandaPonSession) -> None:
    with pytest.raises(TypeError, match="async with"), panda:  # type: ignore[attr-defined]
        pass


async def test_a_session_is_an_async_context(vendor: FakeVendor) -> None:
    async with PandaPonSession(vendor.profile("pandapon")) as session:
        await session.call(estimate())
    with pytest.raises(ConfigError, match="closed"):
        await session.call(estimate())


async def test_the_repr_names_the_account(vendor: FakeVendor) -> None:
    async with session_at(vendor.profile("pandapon", name="shop")) as session:
        assert repr(session) == f"<PandaPonSession 'shop' at {vendor.url}>"


async def test_a_call_that_waits_while_the_session_is_closed_leaves_nothing_in_doubt(vendor: FakeVendor) -> None:
    session = PandaPonSession(vendor.profile("pandapon", limits=Limits(concurrency=1)))
    vendor.script("stall")
    first = asyncio.create_task(error_of(session.call(booking("A"))))
    await until(lambda: vendor.ledger.seen[BOOK])
    second = asyncio.create_task(error_of(session.call(booking("B"))))
    await spin()
    await session.close()
    assert isinstance(await first, OutcomeUnknownError)
    assert isinstance(await second, ConfigError)
    assert vendor.ledger.bookings == {"A": 1}


async def test_a_session_closed_before_the_first_byte_leaves_nothing_in_doubt(vendor: FakeVendor) -> None:
    session = PandaPonSession(vendor.profile("pandapon"))
    await session.call(estimate())
    error = await error_of(
        client_of(session).run(client_of(session).prepare(booking()), wait_forever=True, before_send=session.close)
    )
    assert isinstance(error, ConfigError)
    assert vendor.ledger.bookings == {}


async def test_closing_drains_the_streams(vendor: FakeVendor) -> None:
    session = PandaPonSession(vendor.profile("pandapon"))
    outcomes = session.stream((booking(f"R{number}") for number in range(100)), concurrency=2)
    async with outcomes:
        await outcomes.__anext__()
        assert client_of(session).state.open_streams == {outcomes}
        await session.close()
        assert client_of(session).state.open_streams == set()
    assert vendor.ledger.doubled == {}
    assert len(vendor.ledger.bookings) < 100


async def test_a_stream_that_fails_to_close_does_not_keep_the_connections_open(vendor: FakeVendor) -> None:
    async def source() -> AsyncIterator[FreightBookingRequest]:
        try:
            for number in range(100):
                yield booking(f"R{number}")
        finally:
            raise RuntimeWarning("the input's own trouble")

    session = PandaPonSession(vendor.profile("pandapon"))
    outcomes = session.stream(source(), concurrency=1)
    async with outcomes:
        await outcomes.__anext__()
        connector = session._client.state.transport._connector
        assert connector is not None
        await error_of(session.close())
        closed = connector.closed
        await session.close()
    assert closed


def test_a_stream_under_uvloop() -> None:
    uvloop = pytest.importorskip("uvloop")
    with FakeVendor() as vendor:

        async def main() -> int:
            async with session_at(vendor.profile("pandapon", retry=AT_ONCE)) as session:
                vendor.script(502, "drop_before", {"status": 429, "headers": {"Retry-After": "0"}})
                async with session.stream(booking(f"R{number}") for number in range(200)) as outcomes:
                    return sum([outcome.ok async for outcome in outcomes])

        loop = uvloop.new_event_loop()
        try:
            assert loop.run_until_complete(main()) == 198
        finally:
            loop.close()
        assert vendor.ledger.doubled == {}
        assert len(vendor.ledger.bookings) == 198


@pytest.mark.parametrize(
    ("step", "kind"),
    [("garbage", OutcomeUnknownError), (401, AuthError), ({"json": no(1)}, ApiError), ("stall", OutcomeUnknownError)],
)
def test_failures_under_uvloop(step: Any, kind: type[Exception]) -> None:
    uvloop = pytest.importorskip("uvloop")
    with FakeVendor() as vendor:

        async def main() -> None:
            profile = vendor.profile("pandapon", retry=AT_ONCE, timeouts=Timeouts(read=0.05))
            async with session_at(profile) as session:
                vendor.script(step)
                assert type(await error_of(session.call(booking()))) is kind
            async with session_at(local_profile(closed_port())) as session:
                assert type(await error_of(session.call(booking()))) is NotSentError

        loop = uvloop.new_event_loop()
        try:
            loop.run_until_complete(main())
        finally:
            loop.close()


async def test_errors_keep_nothing_of_aiohttp_alive(vendor: FakeVendor, panda: PandaPonSession) -> None:
    vendor.script("drop_after", "html")
    errors = [await error_of(panda.call(booking(name))) for name in "AB"]
    async with session_at(local_profile(closed_port())) as session:
        errors.append(await error_of(session.call(booking())))
    for error in errors:
        assert error is not None
        assert error.__context__ is None
        assert error.__cause__ is None
        for value in vars(error).values():
            assert not type(value).__module__.startswith(("aiohttp", "yarl", "multidict"))


async def test_a_replys_headers_and_data_are_not_in_its_repr(panda: PandaPonSession) -> None:
    reply: Reply[Any] = await panda.call(booking())
    assert "Content-Type" not in repr(reply)
    assert str(reply.data.order_id) not in repr(reply)


async def test_a_decode_error_is_not_in_doubt(vendor: FakeVendor, panda: PandaPonSession) -> None:
    vendor.script("null_envelope")
    error = await error_of(panda.call(estimate()))
    assert isinstance(error, DecodeError)
    assert error.sent is True
