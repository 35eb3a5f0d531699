"""What a person does to a journal: resolve, credit, adopt, rename, beside a run."""

from __future__ import annotations

import asyncio
from datetime import datetime, timezone
from decimal import Decimal
from pathlib import Path
from typing import Any

import attrs
import pytest

from pandapon_async import PANDAPON, Credentials, Journal, JournalError, JournalRow
from pandapon_async._journal.resolving import Resolution
from pandapon_async._journal.store import Ending, RowMovedError
from pandapon_async.api.logistics import FreightBookingRequest
from tests.jobs.support import KEY, recorded, row_of
from tests.journal.support import NOW, Where, done, entry, let_count, opened, reading, row, taken, usd

OTHER = attrs.evolve(KEY, name="other", key="f2")


async def filled(path: Where) -> Where:
    """order-0 done (order id 10, no fee), order-1 refused, order-2 unknown, order-3 pending, order-4 sent."""
    async with opened(path) as store:
        await done(store, entry(0), "10")
        for number, state in ((1, "refused"), (2, "unknown")):
            sent = await store.sent(await row(store, entry(number)))
            await store.ended(sent, Ending(state=state, error="why"))  # type: ignore[arg-type]
        await row(store, entry(3))
    return path


def resolved(path: Where, reference: str, state: Any, **facts: Any) -> JournalRow:
    with reading(path, NOW + 3600) as journal:
        return journal.resolve(reference, state, by="jane", note="by phone", **facts)


@pytest.mark.parametrize(
    "facts",
    [
        {"order_id": 21}, {"order_id": "2\x001"}, {"order_id": "\ud800"}, {"fee": 5}, {"fee": "5 USD"}, {"tracking": "LX1"},
        {"tracking": (5,)}, {"tracking": ["LX\x001"]},
    ],
)  # fmt: skip
async def test_what_can_not_be_meant_is_refused_by_its_name(path: Where, facts: dict[str, Any]):
    (name,) = facts
    with pytest.raises(JournalError, match=f"{name}: must be"):
        resolved(await filled(path), "order-2", "done", **facts)
    assert row_of(path, "order-2").state == "unknown"


# --- resolving ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("reference", "state"),
    [
        ("order-2", "done"), ("order-2", "pending"), ("order-1", "done"), ("order-1", "pending"), ("order-3", "void"),
        ("order-0", "void"),
    ],
)  # fmt: skip
async def test_a_person_may(path: Where, reference: str, state: str):
    found = resolved(await filled(path), reference, state)
    assert (found.state, found.resolved_by, found.note) == (state, "jane", "by phone")
    assert (found.history[-1].state, found.history[-1].by) == (state, "jane")


@pytest.mark.parametrize(
    ("reference", "state"),
    [
        ("order-0", "pending"), ("order-0", "refused"), ("order-0", "unknown"), ("order-1", "void"), ("order-2", "void"),
        ("order-2", "refused"), ("order-3", "done"), ("order-3", "sent"), ("order-3", "refused"),
    ],
)  # fmt: skip
async def test_a_person_may_not(path: Where, reference: str, state: str):
    before = recorded(await filled(path))
    with pytest.raises(JournalError, match="by hand"):
        resolved(path, reference, state)
    assert recorded(path) == before


async def test_what_is_so_already_is_left_as_it_is(path: Where):
    await filled(path)
    first = resolved(path, "order-2", "done", order_id="21", fee=usd("12.5"), tracking=("T1", "T2"))
    again = resolved(path, " order-2 ", "done", order_id=" 21", fee=usd("12.50"), tracking=("T2", "T1"))
    assert again == first
    for reference, state in (("order-3", "pending"), ("order-1", "refused"), ("order-2", "done")):
        before = row_of(path, reference)
        assert resolved(path, reference, state) == before


async def test_what_is_done_gets_what_is_not_known_of_it(path: Where):
    await filled(path)
    assert resolved(path, "order-0", "done", fee=usd("12.50")).fee == usd("12.50")
    found = resolved(path, "order-0", "done", order_id="10", fee=usd("11"))
    assert (found.order_id, found.fee) == ("10", usd("11"))
    assert [(one.kind, one.money) for one in found.money] == [("fee", usd("12.50")), ("correction", usd("-1.50"))]
    with reading(path) as journal:
        assert [(total.fees, total.net) for total in journal.totals()] == [(Decimal(11), Decimal(11))]
        assert journal.unpriced() == {}


REFUSED: dict[str, tuple[str, str, dict[str, Any], str]] = {
    "another order id": ("order-0", "done", {"order_id": "11"}, "it has order id 10, and not 11"),
    "an order id that another has": ("order-2", "done", {"order_id": "10"}, "order id 10 is that of order-0"),
    "an empty order id": ("order-2", "done", {"order_id": " "}, "order id is empty"),
    "a fee of what isn't booked": ("order-2", "pending", {"fee": usd("1")}, "only a booking that is done"),
    "a fee below zero": ("order-2", "done", {"fee": usd("-1")}, "no amount"),
    "an absurd fee": ("order-2", "done", {"fee": usd("1" * 25)}, "no amount"),
}


@pytest.mark.parametrize("kind", REFUSED)
async def test_a_contradiction_is_refused(path: Where, kind: str):
    reference, state, facts, why = REFUSED[kind]
    await filled(path)
    before = row_of(path, reference)
    with pytest.raises(JournalError, match=why):
        resolved(path, reference, state, **facts)
    assert row_of(path, reference) == before


async def test_two_that_contradict_each_other_are_refused_and_two_alike_are_one(path: Where):
    await filled(path)
    alike = [Resolution("order-2", "done", "21", usd("12.5")), Resolution(" order-2", "done", " 21", usd("12.50"))]
    other = Resolution("order-2", "done", "22", usd("12.5"))
    with reading(path) as journal:
        with pytest.raises(JournalError, match="contradict each other"):
            journal.resolve_all([*alike, other], by="jane", note="x")
        assert journal.get("order-2").state == "unknown"
        one, two = journal.resolve_all(alike, by="jane", note="x")
        assert one == two
        assert len(one.money) == 1


async def test_of_several_all_or_none_are_resolved(path: Where):
    before = recorded(await filled(path))
    with reading(path) as journal, pytest.raises(JournalError, match="order-0"):
        journal.resolve_all([Resolution("order-2", "done"), Resolution("order-0", "pending")], by="jane", note="x")
    assert recorded(path) == before


async def test_it_goes_on_beside_a_run_but_not_on_what_that_has_under_way(path: Where):
    async with opened(path) as store:
        under_way = await store.sent(await row(store, entry(1)))
        waiting = await row(store, entry(2))
        with pytest.raises(JournalError, match="it is sent"):
            resolved(path, "order-1", "done")
        resolved(path, "order-2", "void")
        with pytest.raises(RowMovedError):
            await store.sent(waiting)
        assert (await store.ended(under_way, Ending(state="unknown"))).state == "unknown"
        resolved(path, "order-1", "pending")
        (again,) = await taken(store, entry(1))
        assert (await store.sent(again)).state == "sent"
    assert recorded(path) == {"order-1": "sent", "order-2": "void"}


async def test_many_resolve_and_read_beside_a_run_and_nothing_is_lost(path: Where):
    async with opened(path) as store:
        rows = await taken(store, *map(entry, range(40)))

        async def sends() -> None:
            for found in rows[:20]:
                await store.ended(await store.sent(found), Ending(state="done"))

        def withdraws() -> None:
            for found in rows[20:]:
                resolved(path, found.reference, "void")

        await asyncio.gather(sends(), asyncio.to_thread(withdraws), asyncio.to_thread(withdraws))
    assert list(recorded(path).values()) == ["done"] * 20 + ["void"] * 20


async def test_one_of_several_shipments_and_operations_is_named(path: Where):
    async with opened(path) as store, opened(path, OTHER) as other:
        await taken(store, entry(1), entry(2, reference="order-1", shipment=2, body={}))
        await taken(other, entry(1, body={}))
    with pytest.raises(JournalError, match="several rows"):
        resolved(path, "order-1", "void")
    assert resolved(path, "order-1", "void", shipment=2).shipment == 2
    assert resolved(path, "order-1", "void", account="other", operation=KEY.operation).account == "other"
    with reading(path) as journal, pytest.raises(JournalError, match="no row"):
        journal.get("order-1", operation="taobao.orders.create")


# --- money -------------------------------------------------------------------------------------------------------------


async def test_a_credit_is_an_entry_of_its_own_and_the_fee_stays(path: Where):
    async with opened(path) as store:
        await done(store, entry(1), fee=usd("12.50"))
    with reading(path, NOW + 86_400) as journal:
        found = journal.credit("order-1", usd("2.50"), by="jane", note="late")
        assert (found.fee, found.history[-1].by) == (usd("12.50"), "jane")
        assert [(one.kind, one.money, one.by, one.note) for one in found.money] == [
            ("fee", usd("12.50"), "job", None),
            ("credit", usd("2.50"), "jane", "late"),
        ]
        (total,) = journal.totals()
        assert (total.account, total.fees, total.credits, total.net) == (
            "shop",
            Decimal("12.5"),
            Decimal("2.5"),
            Decimal(10),
        )
        (later,) = journal.totals(since=found.money[1].at)
        assert (later.fees, later.credits) == (0, Decimal("2.5"))
        with pytest.raises(JournalError, match="above zero"):
            journal.credit("order-1", usd("0"), by="jane", note="x")
    async with opened(path) as store:
        assert (await store.spent()).paid == {"USD": Decimal(10)}


async def test_what_never_cost_anything_is_not_credited(path: Where):
    await filled(path)
    with reading(path) as journal, pytest.raises(JournalError, match="only what was booked"):
        journal.credit("order-3", usd("1"), by="jane", note="x")


@pytest.mark.parametrize(
    ("money", "why"),
    [
        (usd("3.01"), r"12\.51 USD would be credited, and its fee is 12\.50 USD"),
        (usd("1E+9"), r"1000000009\.50 USD would be credited, and its fee is 12\.50 USD"),
        (attrs.evolve(usd("1"), currency="EUR"), "its fee is in USD, and no credit can be in EUR"),
    ],
)
async def test_no_more_is_credited_than_was_paid(path: Where, money: Any, why: str):
    async with opened(path) as store:
        await done(store, entry(1), fee=usd("10"))
    with reading(path, NOW + 86_400) as journal:
        journal.resolve("order-1", "done", by="jane", note="on the bill", fee=usd("12.50"))
        journal.credit("order-1", usd("9.50"), by="jane", note="late")
        with pytest.raises(JournalError, match=why):
            journal.credit("order-1", money, by="jane", note="x")
        assert len(journal.credit("order-1", usd("3"), by="jane", note="the rest").money) == 4


async def test_a_fee_is_not_lowered_below_what_was_credited(path: Where):
    async with opened(path) as store:
        await done(store, entry(1), fee=usd("12.50"))
    with reading(path, NOW + 86_400) as journal:
        journal.credit("order-1", usd("4"), by="jane", note="late")
        journal.credit("order-1", usd("1"), by="jane", note="still late")
        with pytest.raises(JournalError, match=r"^5 USD of it was credited already, so its fee can't become 4\.99 USD"):
            journal.resolve("order-1", "done", by="jane", note="on the bill", fee=usd("4.99"))
        assert len(journal.get("order-1").money) == 3
        assert journal.resolve("order-1", "done", by="jane", note="on the bill", fee=usd("5")).fee == usd("5")


@pytest.mark.parametrize(("state", "why"), [("done", "enter the fee before"), ("void", "cancelled without a fee")])
async def test_what_has_no_fee_is_not_credited(path: Where, state: Any, why: str):
    async with opened(path) as store:
        await done(store, entry(1), fee=None)
    with reading(path, NOW + 86_400) as journal:
        journal.resolve("order-1", state, by="jane", note="seen")
        with pytest.raises(JournalError, match=why):
            journal.credit("order-1", usd("1"), by="jane", note="x")


async def test_what_has_no_fee_is_counted(path: Where):
    with reading(await filled(path)) as journal:
        assert (journal.totals(), journal.unpriced()) == ([], {"shop": 1})


# --- accounts ----------------------------------------------------------------------------------------------------------


async def test_another_host_or_user_id_is_adopted_by_name(path: Where):
    keys = Credentials(access_key="K", access_secret="S", user_id="8")
    profile = PANDAPON.evolve(name="shop", base_url="https://new.example", credentials=keys)
    moved = attrs.evolve(KEY, host="new.example", user_id="8", key=keys.fingerprint)
    async with opened(path) as store:
        await row(store, entry(1))
    with pytest.raises(JournalError, match="another host"):
        async with opened(path, moved):
            pass
    with reading(path) as journal:
        journal.adopt(profile, FreightBookingRequest.operation, by="jane", note="they moved")
        with pytest.raises(JournalError, match="has no account 'x'"):
            journal.adopt(profile.evolve(name="x"), FreightBookingRequest.operation, by="jane", note="x")
    async with opened(path, moved) as store:
        assert (await store.find("order-1")).state == "pending"


async def test_the_same_account_under_another_name_is_refused_until_it_is_renamed(path: Where):
    renamed = attrs.evolve(KEY, name="main")
    async with opened(path) as store:
        await done(store, entry(1))
    with pytest.raises(JournalError, match="under the name 'shop'"):
        async with opened(path, renamed):
            pass
    with reading(path) as journal:
        for old, new, why in (("x", "y", "no account 'x'"), ("shop", "shop", "already"), ("shop", " ", "already")):
            with pytest.raises(JournalError, match=why):
                journal.rename(old, new, by="jane", note="x")
        journal.rename("shop", "main", by="jane", note="a better name")
        assert journal.get("order-1").account == "main"
    async with opened(path, renamed) as store:
        assert (await store.find("order-1")).state == "done"
    with pytest.raises(JournalError, match="under the name 'main'"):
        async with opened(path):
            pass


async def test_an_account_is_not_renamed_while_its_job_runs(path: Where):
    async with opened(path) as store:
        await row(store, entry(1))
        with reading(path) as journal, pytest.raises(JournalError, match="another job"):
            journal.rename("shop", "main", by="jane", note="x")


# --- what is left ------------------------------------------------------------------------------------------------------


async def test_runs_are_told(path: Where):
    async with opened(path) as store:
        run = await store.begin_run(released=False)
        await taken(store, entry(1), run=run)
        await let_count(store, run)
        with Journal.open(path) as journal:
            (found,) = journal.runs()
            assert (found.id, found.account, found.ended) == (run, "shop", None)
            assert found.released is not None
        await store.end_run(run)
    with Journal.open(path) as journal:
        assert journal.runs()[0].ended is not None


async def test_what_is_to_come_can_not_be_forgotten(path: Where):
    await filled(path)
    with reading(path, NOW) as journal:
        with pytest.raises(JournalError, match="in the past"):
            journal.forget_before(datetime.fromtimestamp(NOW + 1, timezone.utc))
        assert journal.forget_before(datetime.fromtimestamp(NOW, timezone.utc)) == 0
    with reading(path, NOW + 9) as journal:
        assert journal.forget_before(datetime.fromtimestamp(NOW + 1, timezone.utc)) == 2
        assert journal.forget_before(datetime.fromtimestamp(NOW + 1, timezone.utc)) == 0


async def test_nothing_is_forgotten_while_a_job_runs(file: Path):
    async with opened(file) as store:
        await done(store, entry(1))
        with reading(file, NOW + 9) as journal, pytest.raises(JournalError, match="another job"):
            journal.forget_before(datetime.fromtimestamp(NOW + 1, timezone.utc))
    assert row_of(file, "order-1").body is not None
