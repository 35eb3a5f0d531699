"""One booking as a unit: called any number of times, from anywhere, it is made once."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from pandapon_async import NOT_BOOKED, InputError, Journal, PandaPonSession, book_once
from pandapon_async._journal.store import Ending
from pandapon_async.api.logistics import DomesticShipmentUpdate
from pandapon_async.testing import FakeVendor
from tests.jobs.support import recorded
from tests.journal.support import asked
from tests.postgres import PostgresServer
from tests.support import AT_ONCE, booking, session_at


@pytest.fixture(params=["sqlite", "postgres"])
def journal(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    where: str = str(tmp_path / "j.db") if request.param == "sqlite" else request.getfixturevalue("postgres").fresh()
    return where


async def test_however_often_it_is_called_it_is_made_once(vendor: FakeVendor, panda: PandaPonSession, journal: str):
    outcomes = await asyncio.gather(
        *[book_once(panda, booking("R1"), reference="a", journal=journal) for _ in range(9)]
    )
    assert vendor.ledger.bookings == {"R1": 1}
    assert [outcome.recorded for outcome in outcomes] == ["done"] * 9
    again = await book_once(panda, booking("R1"), reference=" a ", journal=journal)
    assert (again.ok, again.data) == (True, outcomes[0].data)


async def test_the_journal_stays_open_as_long_as_the_session(vendor: FakeVendor, postgres: PostgresServer):
    url = postgres.fresh()
    async with session_at(vendor.profile("pandapon", retry=AT_ONCE)) as session:
        for number in range(3):
            await book_once(session, booking(f"R{number}"), reference=f"a-{number}", journal=url)
        assert asked(url, "SELECT ended IS NULL FROM workers") == [(True,)]
    assert asked(url, "SELECT ended IS NULL FROM workers") == [(False,)]


async def test_what_is_in_doubt_is_asked_for_and_not_sent_again(
    vendor: FakeVendor, panda: PandaPonSession, journal: str
):
    vendor.script("drop_after")
    first = await book_once(panda, booking("R1"), reference="a", journal=journal)
    second = await book_once(panda, booking("R1"), reference="a", journal=journal)
    assert (first.recorded, second.recorded) == ("unknown", "unknown")

    async def finds_nothing(_: object, __: object) -> object:
        return NOT_BOOKED

    third = await book_once(panda, booking("R1"), reference="a", journal=journal, reconcile=finds_nothing)
    assert third.recorded == "unknown"  # too soon to believe it
    assert vendor.ledger.bookings == {"R1": 1}


async def test_what_waits_is_sent_by_the_next_call(vendor: FakeVendor, panda: PandaPonSession, journal: str):
    vendor.script(401)
    assert (await book_once(panda, booking("R1"), reference="a", journal=journal)).recorded == "pending"
    assert (await book_once(panda, booking("R1"), reference="a", journal=journal)).recorded == "done"


async def test_another_body_is_refused_and_another_s_parcel_is_held_unless_it_may_be(
    vendor: FakeVendor, panda: PandaPonSession, journal: str
):
    await book_once(panda, booking("R1"), reference="a", journal=journal)
    with pytest.raises(InputError, match="another booking under this reference"):
        await book_once(panda, booking("R2"), reference="a", journal=journal)
    held = await book_once(panda, booking("R1"), reference="b", journal=journal)
    assert (held.state, held.recorded) == ("held", None)
    allowed = await book_once(panda, booking("R1"), reference="b", journal=journal, allow_same_parcel=True)
    assert allowed.recorded == "done"


async def test_of_any_write_operation(vendor: FakeVendor, panda: PandaPonSession, journal: str):
    update = DomesticShipmentUpdate(order_id="21", tmall_order_id="22")
    assert (await book_once(panda, update, reference="a", journal=journal)).recorded is not None
    with Journal.open(journal) as opened:
        assert [row.operation for row in opened.rows()] == ["logistics.update_domestic_shipment"]


async def test_what_another_worker_has_under_way_is_told_and_left_to_it(
    vendor: FakeVendor, panda: PandaPonSession, postgres: PostgresServer
):
    url = postgres.fresh()
    vendor.script(401)
    await book_once(panda, booking("R1"), reference="a", journal=url)
    async with session_at(vendor.profile("pandapon", retry=AT_ONCE)) as other:
        vendor.script(401)
        await book_once(other, booking("R2"), reference="b", journal=url)
        (held,) = [held for held in other._client.state.open_streams if hasattr(held, "job")]
        async with held.job._journal as open_journal:
            sent = await open_journal.store.sent(await open_journal.store.find("a"))
            outcome = await book_once(panda, booking("R1"), reference="a", journal=url)
            assert (outcome.state, outcome.recorded) == ("skipped", "sent")
            await open_journal.store.ended(sent, Ending(state="done"))
    assert recorded(url)["a"] == "done"
    assert "R1" not in vendor.ledger.bookings
