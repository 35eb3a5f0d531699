"""Jobs: each booking is made once, every outcome is written down, and what is left can be picked up again."""

from __future__ import annotations

import asyncio
import time
from datetime import datetime, timezone
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from pandapon_async import (
    NOT_BOOKED,
    ApiError,
    BookingJob,
    CodeMeaning,
    ConfigError,
    InputError,
    Journal,
    JournalError,
    OutcomeUnknownError,
    PandaPonSession,
    RequestError,
    RetryPolicy,
    WriteJob,
)
from pandapon_async._version import __version__
from pandapon_async.api.logistics import DomesticShipmentUpdate, FreightBooking, FreightEstimateRequest, Money
from pandapon_async.testing import FakeVendor
from tests.jobs.support import on_virtual_clock, pairs, ran, recorded, row_of, states
from tests.streams.test_stream import held
from tests.support import AT_ONCE, booking, no, session_at, spin, until as until_true


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "bookings.db"


# --- run, resume, skip -------------------------------------------------------------------------------------------------


async def test_a_run_books_everything_and_writes_it_down(vendor: FakeVendor, panda: PandaPonSession, path: Path):
    outcomes = await ran(BookingJob(panda, journal=path), pairs(300))
    assert states(outcomes) == {f"order-{n}": "done" for n in range(300)} == recorded(path)
    assert vendor.ledger.bookings == {f"R{n}": 1 for n in range(300)}


async def test_a_booking_that_is_done_is_skipped_with_what_is_recorded(
    vendor: FakeVendor, panda: PandaPonSession, path: Path
):
    (first,) = await ran(BookingJob(panda, journal=path), pairs(1))
    (again,) = await ran(BookingJob(panda, journal=path), pairs(1))
    assert (again.state, again.recorded, again.ok) == ("skipped", "done", True)
    assert (again.order_id, again.fee) == (first.order_id, first.fee)
    assert first.order_id
    assert vendor.ledger.count("R0") == 1


async def test_the_reply_is_stored_whole(vendor: FakeVendor, panda: PandaPonSession, path: Path):
    await ran(BookingJob(panda, journal=path), pairs(1))
    assert row_of(path, "order-0").reply["data"] == vendor.ledger.replies["R0"]


async def test_one_job_runs_twice(vendor: FakeVendor, panda: PandaPonSession, path: Path):
    job = BookingJob(panda, journal=path)
    async with job:
        await ran(job, [booking("A")])
        assert states(await ran(job, [booking("A"), booking("B")])) == {"A": "skipped", "B": "done"}


async def test_two_runs_of_a_job_at_once_are_refused(panda: PandaPonSession, path: Path):
    job = BookingJob(panda, journal=path)
    async with job.run(pairs(1)):
        with pytest.raises(JournalError, match="under way"):
            await ran(job, pairs(1))


async def test_a_run_without_an_input_sends_what_is_pending(vendor: FakeVendor, panda: PandaPonSession, path: Path):
    async with BookingJob(panda, journal=path).run(pairs(5)):
        pass  # taken into the journal, left before anything was read
    assert set(recorded(path).values()) == {"pending"}
    outcomes = await ran(BookingJob(panda, journal=path))
    assert states(outcomes) == {f"order-{n}": "done" for n in range(5)}


async def test_a_bare_loop_works_too(vendor: FakeVendor, panda: PandaPonSession, path: Path):
    seen = [outcome.reference async for outcome in BookingJob(panda, journal=path).run(pairs(3))]
    assert sorted(seen) == ["order-0", "order-1", "order-2"]


async def test_a_clock_set_back_between_two_runs_changes_nothing(vendor: FakeVendor, path: Path):
    now = time.time()
    async with on_virtual_clock(vendor, now) as (session, _):
        job = BookingJob(session, journal=path, concurrency=1)
        async with job.run(pairs(6)) as outcomes:
            async for outcome in outcomes:
                if outcome.index == 2:
                    break
    async with on_virtual_clock(vendor, now - 86_400) as (session, _):
        outcomes = await ran(BookingJob(session, journal=path), pairs(6))
    assert {outcome.recorded for outcome in outcomes} == {"done"}
    assert vendor.ledger.bookings == {f"R{number}": 1 for number in range(6)}
    with Journal.open(path) as journal:
        assert all(
            (row.history[0].state, row.history[-1].state) == ("pending", "done") and row.state == "done"
            for row in journal.rows()
        )


async def test_what_a_stopped_run_never_reached_counts_as_pending(
    vendor: FakeVendor, panda: PandaPonSession, path: Path
):
    vendor.script("ok", {"status": 403})
    job = BookingJob(panda, journal=path, concurrency=1)
    outcomes = await ran(job, pairs(9))
    assert len(outcomes) == 2
    assert (job.report.done, job.report.pending) == (1, 8)


async def test_a_long_streamed_input_is_taken_a_page_at_a_time(vendor: FakeVendor, panda: PandaPonSession, path: Path):
    taken: list[int] = []

    def source():
        for number, pair in enumerate(pairs(600)):
            taken.append(number)
            yield pair

    job = BookingJob(panda, journal=path, concurrency=4, check="stream")
    async with job.run(source()) as outcomes:
        await anext(outcomes)
        assert len(taken) == 256
    await ran(BookingJob(panda, journal=path))
    assert len(vendor.ledger.bookings) == 256
    assert set(vendor.ledger.bookings.values()) == {1}


async def test_a_streamed_input_is_booked_as_it_comes(vendor: FakeVendor, panda: PandaPonSession, path: Path):
    items = [*pairs(3), booking("R8", remark="another"), ("order-1", booking("R9")), "no request"]
    outcomes = await ran(BookingJob(panda, journal=path, check="stream"), items)
    assert sorted((outcome.reference, outcome.state) for outcome in outcomes) == [
        ("", "refused"),
        ("R8", "done"),
        ("order-0", "done"),
        ("order-1", "done"),
        ("order-1", "refused"),
        ("order-2", "done"),
    ]
    assert "R9" not in vendor.ledger.bookings


async def test_any_write_operation_can_be_journaled(vendor: FakeVendor, panda: PandaPonSession, path: Path):
    update = DomesticShipmentUpdate(order_id="21", tmall_order_id="22")
    (outcome,) = await ran(WriteJob(panda, DomesticShipmentUpdate, journal=path), [("u1", update)])  # type: ignore[arg-type]
    assert outcome.state in ("done", "refused")
    assert row_of(path, "u1").operation == "logistics.update_domestic_shipment"


def test_a_read_is_no_job(tmp_path: Path):
    with FakeVendor() as vendor:
        session = PandaPonSession(vendor.profile("pandapon"))
    with pytest.raises(ConfigError, match="WRITE"):
        WriteJob(session, FreightEstimateRequest, journal=tmp_path / "x.db")


async def test_another_account_has_rows_of_its_own(vendor: FakeVendor, path: Path):
    async with (
        session_at(vendor.profile("pandapon", retry=AT_ONCE)) as one,
        session_at(vendor.profile("xportcn_ka", retry=AT_ONCE)) as other,
    ):
        await ran(BookingJob(one, journal=path), [("order-1", booking("A"))])
        (outcome,) = await ran(BookingJob(other, journal=path), [("order-1", booking("B"))])
    assert outcome.state == "done"
    assert vendor.ledger.bookings == {"A": 1, "B": 1}


async def test_members_that_this_release_does_not_know_are_sent_and_given_back(panda: PandaPonSession, path: Path):
    request = booking("R1", extra={"insurance": {"amount": 1.5}, "extra": 1})
    (outcome,) = await ran(BookingJob(panda, journal=path), [request])
    assert outcome.request == request


# --- references --------------------------------------------------------------------------------------------------------


async def test_a_reference_is_given_or_made_or_the_render_id_or_the_digest(panda: PandaPonSession, path: Path):
    requests = [("mine", booking("A")), booking("B"), booking(None, remark="x")]  # type: ignore[arg-type]
    outcomes = await ran(BookingJob(panda, journal=path), requests)
    references = [outcome.reference for outcome in sorted(outcomes, key=lambda outcome: outcome.index)]
    assert references[:2] == ["mine", "B"]
    assert references[2].startswith("v1-")
    job = BookingJob(panda, journal=path.with_name("2.db"), reference=lambda request: f"fn-{request.render_id}")
    assert states(await ran(job, [booking("A")])) == {"fn-A": "done"}


BAD_INPUTS: dict[str, tuple[list[Any], str]] = {
    "two equal derived references": (
        [booking("A"), booking("B"), booking("A")],
        "number 3 .* same booking as number 1",
    ),
    "one reference with two bodies": ([("x", booking("A")), ("x", booking("B"))], "number 2 .* number 1"),
    "no request": ([booking("A"), 42], "number 2"),
    "a reference with a line break": ([("a\nb", booking("A"))], "printable"),
    "half a surrogate pair": ([("a", booking("A", remark="\ud800"))], "number 1"),
}


@pytest.mark.parametrize("kind", BAD_INPUTS)
async def test_a_bad_input_is_refused_whole(vendor: FakeVendor, panda: PandaPonSession, path: Path, kind: str):
    requests, expected = BAD_INPUTS[kind]
    with pytest.raises(InputError, match=expected):
        await ran(BookingJob(panda, journal=path), requests)
    assert recorded(path) == {}
    assert vendor.ledger.bookings == {}


async def test_a_mistake_behind_many_good_bookings_keeps_them_all_out(
    vendor: FakeVendor, panda: PandaPonSession, path: Path
):
    with pytest.raises(InputError) as caught:
        await ran(BookingJob(panda, journal=path), [*pairs(600), ("order-1", booking("Z"))])
    assert [problem.position for problem in caught.value.problems] == [600]
    assert recorded(path) == {}
    assert vendor.ledger.seen == {}


async def test_the_same_pair_twice_is_booked_once(vendor: FakeVendor, panda: PandaPonSession, path: Path):
    await ran(BookingJob(panda, journal=path), [*pairs(1), *pairs(1)])
    assert vendor.ledger.bookings == {"R0": 1}


async def test_another_body_under_a_done_reference_is_refused_with_order_id_and_fields(
    panda: PandaPonSession, path: Path
):
    (first,) = await ran(BookingJob(panda, journal=path), pairs(1))
    with pytest.raises(InputError, match=rf"order id {first.order_id}, done\); different: renderId, remark"):
        await ran(BookingJob(panda, journal=path), [("order-0", booking("Z", remark="r"))])


async def test_another_body_under_an_unknown_reference_is_refused(
    vendor: FakeVendor, panda: PandaPonSession, path: Path
):
    vendor.script("drop_after")
    await ran(BookingJob(panda, journal=path), pairs(1))
    with pytest.raises(InputError, match=r"\(unknown\); different: renderId"):
        await ran(BookingJob(panda, journal=path), [("order-0", booking("Z"))])


async def test_a_refused_booking_takes_a_new_body_and_keeps_the_old_in_its_history(
    vendor: FakeVendor, panda: PandaPonSession, path: Path
):
    vendor.script("refuse")
    await ran(BookingJob(panda, journal=path), pairs(1))
    assert states(await ran(BookingJob(panda, journal=path), pairs(1))) == {"order-0": "skipped"}
    (outcome,) = await ran(BookingJob(panda, journal=path), [("order-0", booking("Z"))])
    assert outcome.state == "done"
    assert [step.state for step in row_of(path, "order-0").history] == [
        "pending", "sent", "refused", "pending", "sent", "done",
    ]  # fmt: skip
    assert vendor.ledger.bookings == {"Z": 1}


async def test_what_was_refused_is_sent_again_if_asked_for(vendor: FakeVendor, panda: PandaPonSession, path: Path):
    vendor.script("refuse")
    await ran(BookingJob(panda, journal=path), pairs(1))
    assert states(await ran(BookingJob(panda, journal=path, retry_refused=True), pairs(1))) == {"order-0": "done"}


# --- how failures end --------------------------------------------------------------------------------------------------

ENDINGS: dict[str, tuple[Any, str]] = {
    "reply lost": ("drop_after", "unknown"),
    "502": (502, "unknown"),
    "garbage": ("garbage", "unknown"),
    "envelope says no": ("refuse", "refused"),
    "404": (404, "refused"),
    "key revoked": (401, "pending"),
}


@pytest.mark.parametrize("kind", ENDINGS)
async def test_how_a_failure_is_written_down(vendor: FakeVendor, panda: PandaPonSession, path: Path, kind: str):
    step, state = ENDINGS[kind]
    vendor.script(step)
    (outcome,) = await ran(BookingJob(panda, journal=path), pairs(1))
    assert (outcome.state, outcome.recorded) == (state, state)
    assert outcome.error is not None
    assert outcome.error.reference == "order-0"
    row = row_of(path, "order-0")
    assert row.state == state
    assert row.error is not None
    assert row.error.startswith(type(outcome.error).__name__)


DOUBTFUL = {"code": 0, "data": {"orderId": "INTL-42"}}
KEPT: dict[str, tuple[Any, str, Any]] = {
    "a refusal": ({"json": no(4711)}, "refused", no(4711)),
    "a refusal as a page": ({"body": "<html>gone, 没有".encode("gbk"), "status": 404}, "refused", "<html>gone, 没有"),
    "no verdict": ({"json": DOUBTFUL}, "unknown", DOUBTFUL),
    "a page": ({"body": b"<html>hello", "status": 200}, "unknown", "<html>hello"),
    "a 502 with an envelope": ({"json": no(1), "status": 502}, "unknown", no(1)),
    "an empty object": ({"json": {}}, "unknown", {}),
    "an empty body": ({"body": b"", "status": 502}, "unknown", None),
    "no reply": ("drop_after", "unknown", None),
    "one that will be sent again": ({"json": no(1), "status": 401}, "pending", None),
}


@pytest.mark.parametrize("kind", KEPT)
async def test_the_reply_to_what_is_refused_or_in_doubt_is_kept(
    vendor: FakeVendor, panda: PandaPonSession, path: Path, kind: str
):
    step, state, reply = KEPT[kind]
    vendor.script(step)
    await ran(BookingJob(panda, journal=path), pairs(1))
    row = row_of(path, "order-0")
    assert (row.state, row.reply) == (state, reply)


async def test_what_is_sent_anew_does_not_keep_the_reply_to_its_earlier_sending(
    vendor: FakeVendor, panda: PandaPonSession, path: Path
):
    vendor.script({"json": DOUBTFUL}, "drop_before")
    await ran(BookingJob(panda, journal=path), pairs(1))
    with Journal.open(path, not_booked_after=0) as journal:
        journal.resolve("order-0", "pending", by="me", note="not there")
    await ran(BookingJob(panda, journal=path), pairs(1))
    row = row_of(path, "order-0")
    assert (row.state, row.reply) == ("unknown", None)


async def test_a_doubtful_reply_stays_when_the_booking_is_found(vendor: FakeVendor, panda: PandaPonSession, path: Path):
    vendor.script({"json": DOUBTFUL}, {"body": b"<html>", "status": 200})
    await ran(BookingJob(panda, journal=path, concurrency=1), pairs(2))
    with Journal.open(path) as journal:
        for reference, order_id in (("order-0", "INTL-42"), ("order-1", "INTL-43")):
            journal.resolve(reference, "done", by="me", note="it is there", order_id=order_id)
    async with BookingJob(panda, journal=path) as job:
        found = await job.book(booking("R0"), reference="order-0")
        page = await job.book(booking("R1"), reference="order-1")
    assert found.ok
    assert found.data is not None
    assert found.data.order_id == "INTL-42"
    assert page.ok
    assert page.data is None
    assert row_of(path, "order-0").reply == DOUBTFUL


async def test_nobody_listens_leaves_everything_pending(vendor: FakeVendor, panda: PandaPonSession, path: Path):
    await vendor.stop()
    (outcome,) = await ran(BookingJob(panda, journal=path), pairs(1))
    assert outcome.state == "pending"
    assert recorded(path) == {"order-0": "pending"}


async def test_one_in_doubt_is_never_sent_again(vendor: FakeVendor, panda: PandaPonSession, path: Path):
    vendor.script("drop_after")
    await ran(BookingJob(panda, journal=path), pairs(1))
    (again,) = await ran(BookingJob(panda, journal=path), pairs(1))
    assert (again.state, again.recorded) == ("skipped", "unknown")
    assert isinstance(again.error, OutcomeUnknownError)
    assert vendor.ledger.bookings == {"R0": 1}


async def test_a_revoked_key_ends_the_job_and_leaves_the_rest_pending(
    vendor: FakeVendor, panda: PandaPonSession, path: Path
):
    vendor.script(*["ok"] * 20, *[401] * 16)
    job = BookingJob(panda, journal=path, concurrency=8)
    outcomes = await ran(job, pairs(200))
    assert job.report.stopped is not None
    assert "401" in job.report.stopped
    assert list(recorded(path).values()).count("done") >= 20
    assert set(recorded(path).values()) == {"done", "pending"}
    assert len(outcomes) < 40
    vendor._handler.script.clear()
    await ran(BookingJob(panda, journal=path), pairs(200))
    assert vendor.ledger.bookings == {f"R{n}": 1 for n in range(200)}


async def test_a_code_marked_stop_ends_the_job(vendor: FakeVendor, path: Path):
    vendor.script({"json": {"errorCode": 777, "errorMsg": "no balance", "success": False}})
    profile = vendor.profile("pandapon", retry=AT_ONCE, codes={777: CodeMeaning.STOP})
    async with session_at(profile) as session:
        job = BookingJob(session, journal=path, concurrency=1)
        outcomes = await ran(job, pairs(10))
    assert [outcome.state for outcome in outcomes] == ["pending"]
    assert job.report.stopped is not None
    assert set(recorded(path).values()) == {"pending"}


async def test_a_booking_that_waits_out_a_pause_is_pending_on_disk(vendor: FakeVendor, path: Path):
    vendor.script({"status": 429, "headers": {"Retry-After": "7"}})
    seen: list[str] = []
    async with on_virtual_clock(vendor, time.time(), retry=RetryPolicy(base=0)) as (session, clock):
        sleep = clock.sleep

        async def watched(seconds: float) -> None:
            seen.append(recorded(path)["order-0"])
            await sleep(seconds)

        clock.sleep = watched  # type: ignore[method-assign]
        job = BookingJob(session, journal=path)
        (outcome,) = await ran(job, pairs(1))
    assert outcome.state == "done"
    assert seen == ["pending"]
    assert [step.state for step in row_of(path, "order-0").history] == ["pending", "sent", "pending", "sent", "done"]
    assert job.report.cuts == 1


# --- book --------------------------------------------------------------------------------------------------------------


async def test_booking_once_more_gives_the_recorded_outcome(vendor: FakeVendor, panda: PandaPonSession, path: Path):
    async with BookingJob(panda, journal=path) as job:
        first = await job.book(booking("A"), reference="order-1")
        again = await job.book(booking("A"), reference="order-1")
    assert (first.state, again.state, again.recorded) == ("done", "skipped", "done")
    assert again.order_id == first.order_id
    assert first.data is not None
    assert (again.data, again.reply) == (first.data, None)
    assert vendor.ledger.bookings == {"A": 1}


async def test_the_data_of_a_booking_whose_reply_was_erased_is_gone(panda: PandaPonSession, path: Path):
    async with BookingJob(panda, journal=path) as job:
        await job.book(booking("A"), reference="order-1")
    with Journal.open(path) as journal:
        assert journal.forget_before(datetime.now(timezone.utc)) == 1
    async with BookingJob(panda, journal=path) as job:
        again = await job.book(booking("A"), reference="order-1")
    assert (again.recorded, again.data) == ("done", None)
    assert again.order_id is not None


async def test_the_same_booking_by_many_tasks_at_once_is_made_once(
    vendor: FakeVendor, panda: PandaPonSession, path: Path
):
    async with BookingJob(panda, journal=path) as job:
        outcomes = await asyncio.gather(*(job.book(booking("A"), reference="order-1") for _ in range(10)))
    assert sorted(outcome.state for outcome in outcomes) == ["done", *["skipped"] * 9]
    assert vendor.ledger.bookings == {"A": 1}


async def test_booking_while_a_run_has_the_same_booking_makes_it_once(
    vendor: FakeVendor, panda: PandaPonSession, path: Path
):
    job = BookingJob(panda, journal=path, concurrency=4)
    async with job.run(pairs(50)) as outcomes:
        booked = [asyncio.create_task(job.book(request, reference=reference)) for reference, request in pairs(50)]
        ended = [outcome async for outcome in outcomes]
        results = await asyncio.gather(*booked)
    assert {outcome.recorded for outcome in [*ended, *results]} == {"done"}
    assert job.report.stopped is None
    assert vendor.ledger.bookings == {f"R{n}": 1 for n in range(50)}


async def test_a_second_caller_that_gives_up_takes_nothing_from_the_first(path: Path):
    async with held("R1") as (server, session), BookingJob(session, journal=path, drain=0.01) as job:
        first = asyncio.create_task(job.book(booking("R1"), reference="order-1"))
        await until_true(lambda: server.seen)
        second = asyncio.create_task(job.book(booking("R1"), reference="order-1"))
        await spin()
        second.cancel()
        with pytest.raises(asyncio.CancelledError):
            await second
        assert recorded(path) == {"order-1": "sent"}
        server.release()
        assert (await first).state == "done"
        assert (await job.book(booking("R1"), reference="order-1")).state == "skipped"
    assert server.seen == ["R1"]
    assert recorded(path) == {"order-1": "done"}


async def test_one_that_waits_out_a_429_and_is_fed_again_is_sent_as_it_was_fed_last(vendor: FakeVendor, path: Path):
    vendor.script({"status": 429, "headers": {"Retry-After": "7"}})
    async with on_virtual_clock(vendor, time.time(), retry=RetryPolicy(base=0)) as (session, clock):
        job, sleep = BookingJob(session, journal=path), clock.sleep
        corrected: list[Any] = []

        async def feeds_again(seconds: float) -> None:
            if not corrected:
                async with job._journal as journal:
                    entry = job._settings.entry(0, ("order-0", booking("R9")))
                    corrected.extend(await journal.store.admit([entry], 0, retry_refused=False))
            await sleep(seconds)

        clock.sleep = feeds_again  # type: ignore[method-assign]
        (outcome,) = await ran(job, pairs(1))
    assert (outcome.state, outcome.recorded) == ("done", "done")
    assert vendor.ledger.bookings == {"R9": 1}
    assert (row_of(path, "order-0").body or {})["renderId"] == "R9"


async def test_an_order_id_that_another_booking_has_puts_the_new_one_in_doubt(
    vendor: FakeVendor, panda: PandaPonSession, path: Path
):
    (first,) = await ran(BookingJob(panda, journal=path), pairs(1))
    vendor.script({"json": {"success": True, "code": 200, "data": {"orderId": first.order_id}}})
    async with session_at(vendor.profile("pandapon", retry=AT_ONCE)) as later:  # on another connection
        (second,) = await ran(BookingJob(later, journal=path), pairs(1, first=1))
    assert (second.state, second.recorded, second.order_id) == ("unknown", "unknown", None)
    assert isinstance(second.error, OutcomeUnknownError)
    assert f"order id {first.order_id}, which is that of order-0" in str(second.error)


async def test_booking_another_body_under_a_reference_is_refused(panda: PandaPonSession, path: Path):
    async with BookingJob(panda, journal=path) as job:
        await job.book(booking("A"), reference="order-1")
        with pytest.raises(RequestError, match="order id"):
            await job.book(booking("B"), reference="order-1")


async def test_a_cancelled_booking_is_seen_to_its_end(path: Path):
    async with held("R1") as (server, session):
        task = asyncio.create_task(BookingJob(session, journal=path).book(booking("R1")))
        await until_true(lambda: server.seen)
        task.cancel()
        await spin()
        server.release()
        with pytest.raises(asyncio.CancelledError):
            await task
    assert recorded(path) == {"R1": "done"}


# --- reconcile ---------------------------------------------------------------------------------------------------------

ANSWERS: dict[str, tuple[Any, str]] = {
    "adopted": (FreightBooking(order_id="77", order_fee=Money(amount=Decimal("1.50"), currency="USD")), "done"),
    "not booked": (NOT_BOOKED, "pending"),
    "cannot tell": (None, "unknown"),
}


@pytest.mark.parametrize("at_resume", [False, True])
@pytest.mark.parametrize("kind", ANSWERS)
async def test_reconcile_decides_about_one_in_doubt(
    vendor: FakeVendor, panda: PandaPonSession, path: Path, kind: str, at_resume: bool
):
    answer, state = ANSWERS[kind]
    asked: list[Any] = []

    async def reconcile(session: Any, request: Any) -> Any:
        asked.append(request)
        return answer

    vendor.script("drop_after")
    if at_resume:
        await ran(BookingJob(panda, journal=path), pairs(1))
    (outcome,) = await ran(BookingJob(panda, journal=path, reconcile=reconcile, not_booked_after=0), pairs(1))
    assert asked == [booking("R0")]
    assert outcome.recorded == state
    row = row_of(path, "order-0")
    assert row.state == state
    if state == "done":
        assert (row.order_id, str(row.fee)) == ("77", "1.50 USD")
        assert row.history[-1].by == "reconcile"


async def test_reconcile_that_raises_ends_the_job_and_settles_nothing(
    vendor: FakeVendor, panda: PandaPonSession, path: Path
):
    async def reconcile(session: Any, request: Any) -> Any:
        raise KeyError("oops")

    vendor.script("drop_after")
    job = BookingJob(panda, journal=path, reconcile=reconcile, concurrency=1)
    await ran(job, pairs(3))
    assert recorded(path) == {"order-0": "unknown", "order-1": "pending", "order-2": "pending"}
    assert job.report.stopped is not None
    assert "reconcile" in job.report.stopped


# --- leaving early -----------------------------------------------------------------------------------------------------


async def test_left_early_what_is_under_way_ends_and_the_rest_stays_pending(path: Path):
    async with held("R2", "R3", concurrency=2) as (server, session):
        job = BookingJob(session, journal=path, concurrency=2)
        async with job.run(pairs(10)) as outcomes:
            assert {(await anext(outcomes)).reference, (await anext(outcomes)).reference} == {"order-0", "order-1"}
            await until_true(lambda: len(server.seen) == 4)
            asyncio.get_running_loop().call_later(0.01, server.release)
        assert {outcome.state for outcome in outcomes.undelivered} == {"done"}
    assert sorted(recorded(path).values()) == ["done"] * 4 + ["pending"] * 6


async def test_what_does_not_end_while_draining_is_in_doubt(path: Path):
    async with held("R0", concurrency=1) as (server, session):
        job = BookingJob(session, journal=path, drain=0.01)
        async with job.run(pairs(2)) as outcomes:
            reading = asyncio.create_task(anext(outcomes))
            await until_true(lambda: server.seen)
            reading.cancel()
        assert [outcome.state for outcome in outcomes.undelivered] == ["unknown"]
    assert recorded(path) == {"order-0": "unknown", "order-1": "pending"}


async def test_a_halted_job_ends_by_itself(vendor: FakeVendor, panda: PandaPonSession, path: Path):
    job = BookingJob(panda, journal=path, concurrency=2)
    async with job.run(pairs(50)) as outcomes:
        await anext(outcomes)
        job.halt("interrupted")
        left = [outcome async for outcome in outcomes]
    assert len(left) < 20
    assert job.report.stopped == "interrupted"
    assert set(recorded(path).values()) == {"done", "pending"}


# --- the report --------------------------------------------------------------------------------------------------------


async def test_the_report_counts_what_was_done(vendor: FakeVendor, panda: PandaPonSession, path: Path):
    vendor.script("ok", "refuse", "drop_after", "ok")
    job = BookingJob(panda, journal=path, concurrency=1)
    outcomes = await ran(job, pairs(4))
    report = job.report
    assert (report.done, report.refused, report.unknown, report.pending, report.skipped) == (2, 1, 1, 0, 0)
    refused = next(outcome.error for outcome in outcomes if outcome.state == "refused")
    assert isinstance(refused, ApiError)
    assert report.codes == {refused.code: 1}
    assert report.in_doubt == ["order-2"]
    assert {reference for _, reference in report.slowest} == {"order-0", "order-3"}
    assert report.stopped is None
    paid = sum(outcome.fee.amount for outcome in outcomes if outcome.fee is not None)
    assert {currency: fee.amount for currency, fee in report.fees.items()} == {"USD": paid}


async def test_what_is_noted_of_a_run_must_be_json(panda: PandaPonSession, path: Path):
    job = BookingJob(panda, journal=path)
    with pytest.raises(ConfigError, match="about: can't be written as JSON"):
        job.run([], about={"file": path})
    async with job.run([], about={"file": "orders.csv", "person": "jane"}) as outcomes:
        assert [outcome async for outcome in outcomes] == []
    with Journal.open(path) as journal:
        (run,) = journal.runs()
    assert (run.file, run.person, run.about["version"]) == ("orders.csv", "jane", __version__)
    assert (run.counts, run.fees) == ({}, ())
