"""One booking is one booking: its shipment, its parcel and its account, as a job's input names them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import attrs
import pytest

from pandapon_async import BookingJob, ConfigError, InputError, Journal, JournalError, RequestError, VendorSession
from pandapon_async.api.logistics import BookingItem, FreightBookingRequest, ReceiverAddress, TmallOrderInfo
from pandapon_async.testing import FakeVendor
from tests.jobs.support import ran, recorded, states
from tests.support import AT_ONCE, booking, session_at

ANNA = ReceiverAddress(name="Anna Invented", address="1 Nowhere St", zip="00001", country="US", phone="1")


def parcel(render_id: str, **changes: Any) -> FreightBookingRequest:
    items = (BookingItem(item_id="1", sku_id="2", quantity=3),)
    return booking(render_id, **{"receiver_address": ANNA, "line_items": items, **changes})


# --- shipments ---------------------------------------------------------------------------------------------------------


async def test_a_second_shipment_of_a_reference_is_another_booking(
    vendor: FakeVendor, account: VendorSession, path: Path
):
    items = [("order-1", booking("A")), ("order-1", booking("B"), 2)]
    outcomes = await ran(BookingJob(account, journal=path), items)
    assert sorted((one.reference, one.shipment, one.state) for one in outcomes) == [
        ("order-1", 1, "done"),
        ("order-1", 2, "done"),
    ]
    assert vendor.ledger.bookings == {"A": 1, "B": 1}
    with Journal.open(path) as journal:
        second = journal.get("order-1", shipment=2).order_id
    async with BookingJob(account, journal=path) as job:
        again = await job.book(booking("B"), reference="order-1", shipment=2)
    assert (again.state, again.order_id, again.shipment) == ("skipped", second, 2)


@pytest.mark.parametrize("shipment", [0, -1, True, "2", 1.5, None, 2**31, 10**40])
async def test_a_shipment_that_is_no_number_from_one_is_refused(panda: Any, path: Path, shipment: Any):
    with pytest.raises(InputError, match="a shipment must be a whole number"):
        await ran(BookingJob(panda, journal=path), [("order-1", booking("A"), shipment)])
    with pytest.raises(RequestError, match="a shipment must be a whole number"):
        await BookingJob(panda, journal=path).book(booking("A"), "order-1", shipment)


# --- the same parcel ---------------------------------------------------------------------------------------------------

TMALL = TmallOrderInfo(tmall_order_id="T1")
SAME = {
    "the same render id": (parcel("A"), parcel("A", receiver_address=attrs.evolve(ANNA, name="Bert Invented"))),
    "the same Tmall order": (booking("A", tmall_order_info=TMALL), booking("B", tmall_order_info=TMALL)),
    "the same receiver and items": (parcel("A"), parcel("B")),
}


@pytest.mark.parametrize("kind", SAME)
async def test_a_whole_input_with_the_same_parcel_is_refused_with_a_code(
    vendor: FakeVendor, account: VendorSession, path: Path, kind: str
):
    one, other = SAME[kind]
    with pytest.raises(InputError) as caught:
        await ran(BookingJob(account, journal=path), [("order-1", one), ("order-2", other)])
    (problem,) = caught.value.problems
    assert (problem.position, problem.code) == (1, "same parcel")
    assert "order-1" in problem.text
    assert vendor.ledger.bookings == {}


@pytest.mark.parametrize("kind", SAME)
async def test_of_a_stream_the_same_parcel_is_held_and_all_else_is_sent(
    vendor: FakeVendor, account: VendorSession, path: Path, kind: str
):
    one, other = SAME[kind]
    job = BookingJob(account, journal=path, check="stream")
    outcomes = await ran(job, [("order-1", one), ("order-2", other), ("order-3", booking("C"))])
    assert states(outcomes) == {"order-1": "done", "order-2": "held", "order-3": "done"}
    held = next(outcome for outcome in outcomes if outcome.state == "held")
    assert (held.index, held.recorded, held.ok) == (1, None, False)
    assert isinstance(held.error, InputError)
    assert held.error.problems[0].code == "same parcel"
    assert (job.report.done, job.report.held, job.report.refused) == (2, 1, 0)
    assert recorded(path) == {"order-1": "done", "order-3": "done"}
    assert sum(vendor.ledger.bookings.values()) == 2


async def test_a_single_booking_of_the_same_parcel_is_held_and_names_the_other(
    vendor: FakeVendor, account: VendorSession, path: Path
):
    async with BookingJob(account, journal=path) as job:
        first = await job.book(parcel("A"), reference="order-1")
        held = await job.book(parcel("B"), reference="order-2")
    assert (held.state, held.recorded, held.order_id) == ("held", None, None)
    assert f"order-1 at {account.profile.name}" in str(held.error)
    assert f"order id {first.order_id}" in str(held.error)
    assert job.report.held == 1
    assert vendor.ledger.bookings == {"A": 1}


@pytest.mark.parametrize(
    "allowed",
    [{" order-2 "}, ["order-2"], lambda reference, request: (reference, request.render_id) == ("order-2", "B")],
)
async def test_it_is_allowed_booking_by_booking(vendor: FakeVendor, account: VendorSession, path: Path, allowed: Any):
    job = BookingJob(account, journal=path, allow_same_parcel=allowed, check="stream")
    outcomes = await ran(job, [("order-1", parcel("A")), ("order-2", parcel("B")), ("order-3", parcel("C"))])
    assert states(outcomes) == {"order-1": "done", "order-2": "done", "order-3": "held"}


@pytest.mark.parametrize("allowed", [True, "order-2", 7])
def test_it_is_never_allowed_for_all(panda: Any, path: Path, allowed: Any):
    with pytest.raises(ConfigError, match="allow_same_parcel"):
        BookingJob(panda, journal=path, allow_same_parcel=allowed)


async def test_a_second_shipment_is_not_held_against_the_first(vendor: FakeVendor, account: VendorSession, path: Path):
    items = [("order-1", parcel("A")), ("order-1", parcel("B"), 2)]
    assert [outcome.state for outcome in await ran(BookingJob(account, journal=path), items)] == ["done", "done"]


# --- the account -------------------------------------------------------------------------------------------------------


async def test_a_new_key_sends_nothing_until_the_account_is_adopted(vendor: FakeVendor, path: Path):
    old = vendor.profile("pandapon", retry=AT_ONCE)
    assert old.credentials is not None
    async with session_at(old) as session:
        await ran(BookingJob(session, journal=path), [("order-1", booking("A"))])
    new = old.evolve(credentials=attrs.evolve(old.credentials, access_key="another-key"))
    async with session_at(new) as session:
        with pytest.raises(JournalError, match=r"another key: .*adopt"):
            await ran(BookingJob(session, journal=path), [("order-1", booking("A"))])
        job = BookingJob(session, journal=path, adopt_account=True)
        assert states(await ran(job, [("order-1", booking("A"))])) == {"order-1": "skipped"}
    assert vendor.ledger.bookings == {"A": 1}


@pytest.mark.parametrize("name", [":memory:", "file:j.db", "", "a\0b"])
def test_a_journal_is_a_file(panda: Any, name: str):
    with pytest.raises(JournalError, match="a file on disk"):
        BookingJob(panda, journal=name)


async def test_a_journal_stays_the_file_it_was_whatever_the_working_directory_becomes(
    panda: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
    monkeypatch.chdir(tmp_path / "one")
    job = BookingJob(panda, journal="j.db")
    monkeypatch.chdir(tmp_path / "two")
    await ran(job, [("order-1", booking("A"))])
    assert recorded(tmp_path / "one" / "j.db") == {"order-1": "done"}
