"""What was paid, by account, currency, month, destination and kept column; and that last month's sums stay what they were."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

import attrs
import pytest

from pandapon_async import ConfigError, Journal, Money
from pandapon_async._journal.sql.store import SqlStore
from pandapon_async._journal.store import Ending, Entry, PendingRow, Source
from pandapon_async._journal.sums import sums_by
from tests.jobs.support import KEY
from tests.journal.support import Where, entry, opened, reading, taken, usd

MAY, JUNE = (datetime(2026, month, 20, tzinfo=timezone.utc) for month in (5, 6))
BOUNDS: dict[str, Any] = {
    "since": datetime(2026, 5, 1, tzinfo=timezone.utc),
    "until": datetime(2026, 6, 1, tzinfo=timezone.utc),
}
LATE = datetime(2026, 7, 20, tzinfo=timezone.utc).timestamp()


def booking(number: int, country: str, **kept: str) -> Entry:
    body = {"renderId": f"R{number}", "receiverAddress": {"country": country}}
    return attrs.evolve(entry(number, body=body), source=Source(number, kept))


async def book(store: SqlStore, one: Entry, fee: Money | None) -> PendingRow:
    (row,) = await taken(store, one, run=await store.begin_run(released=True))
    return await store.ended(await store.sent(row), Ending(state="done", order_id=one.reference, fee=fee))


@pytest.fixture
async def books(path: Where) -> Where:
    """Booked in May: 1 and 2 for Acme in USD, 3 for Zebra without a fee, 4 in EUR for nobody; in June: 5 at another account."""
    async with opened(path, now=MAY.timestamp()) as store:
        await book(store, booking(1, "US", Customer="Acme"), usd("10"))
        await book(store, booking(2, "DE", Customer="Acme"), usd("2.50"))
        await book(store, booking(3, "DE", Customer="Zebra"), None)
        await book(store, booking(4, "DE"), Money(amount="4", currency="EUR"))  # type: ignore[arg-type]
    other = attrs.evolve(KEY, name="other", key="other", user_id="other")
    async with opened(path, other, now=JUNE.timestamp()) as store:
        await book(store, booking(5, "US", Customer="Acme"), usd("1"))
    return path


def sums(path: Where, by: str, zone: Any = timezone.utc, **options: Any) -> dict[str, Any]:
    with reading(path, LATE) as journal:
        return {
            one.name: (
                {currency: (str(of.fees), str(of.credits)) for currency, of in one.amounts.items()},
                one.unpriced,
                one.uncredited,
            )
            for one in sums_by(journal, by, zone, **options)
        }


@pytest.mark.parametrize(
    ("by", "expected"),
    [
        ("account", {"shop": ({"USD": ("12.50", "0"), "EUR": ("4", "0")}, 1, 0), "other": ({"USD": ("1", "0")}, 0, 0)}),
        ("currency", {"USD": ({"USD": ("13.50", "0")}, 0, 0), "EUR": ({"EUR": ("4", "0")}, 0, 0), "": ({}, 1, 0)}),
        (
            "month",
            {"2026-05": ({"USD": ("12.50", "0"), "EUR": ("4", "0")}, 1, 0), "2026-06": ({"USD": ("1", "0")}, 0, 0)},
        ),
        ("destination", {"US": ({"USD": ("11", "0")}, 0, 0), "DE": ({"USD": ("2.50", "0"), "EUR": ("4", "0")}, 1, 0)}),
        ("customer", {"Acme": ({"USD": ("13.50", "0")}, 0, 0), "Zebra": ({}, 1, 0), "": ({"EUR": ("4", "0")}, 0, 0)}),
    ],
)
async def test_they_are_by(books: Where, by: str, expected: dict[str, Any]):
    found = sums(books, by)
    assert {name: (dict(sorted(of[0].items())), *of[1:]) for name, of in found.items()} == {
        name: (dict(sorted(of[0].items())), *of[1:]) for name, of in expected.items()
    }


async def test_a_column_that_was_not_kept_is_named(books: Where):
    with pytest.raises(
        ConfigError, match=r"--by custmer: no such column was kept \(did you mean 'Customer'\?\); there are: account"
    ):
        sums(books, "custmer")


async def test_a_month_is_one_of_the_time_zone(path: Where):
    night = datetime(2026, 5, 31, 20, tzinfo=timezone.utc)
    async with opened(path, now=night.timestamp()) as store:
        await book(store, booking(1, "US"), usd("10"))
    assert sums(path, "month") == {"2026-05": ({"USD": ("10", "0")}, 0, 0)}
    assert sums(path, "month", ZoneInfo("Asia/Shanghai")) == {"2026-06": ({"USD": ("10", "0")}, 0, 0)}


@pytest.mark.parametrize("by", ["account", "currency", "month", "destination", "customer"])
async def test_last_months_sums_are_the_same_after_any_later_act(books: Where, by: str):
    before = sums(books, by, **BOUNDS)
    with reading(books, JUNE.timestamp()) as journal:
        named: Any = {"by": "jane", "note": "later"}
        journal.credit("order-1", usd("3"), **named)
        journal.resolve("order-2", "void", **named)
        journal.credit("order-2", usd("1"), **named)
        journal.resolve("order-3", "done", fee=usd("9"), **named)
        journal.resolve("order-4", "done", fee=Money(amount="6", currency="EUR"), **named)  # type: ignore[arg-type]
        journal.resolve("order-5", "void", account="other", **named)
    async with opened(books, now=LATE) as store:
        again = attrs.evolve(booking(1, "US"), source=Source(1, {"Customer": "Another"}))
        await taken(store, again, run=await store.begin_run(released=True))
    assert sums(books, by, **BOUNDS) == before


async def test_what_is_cancelled_and_not_credited_is_counted_where_it_was_cancelled(books: Where):
    with reading(books, JUNE.timestamp()) as journal:
        journal.resolve("order-2", "void", by="jane", note="cancelled")
    assert sums(books, "month")["2026-06"] == ({"USD": ("1", "0")}, 0, 1)
    with reading(books, LATE) as journal:
        journal.credit("order-2", usd("2.50"), by="jane", note="all of it")
    assert sums(books, "month")["2026-06"] == ({"USD": ("1", "0")}, 0, 0)


async def test_what_was_withdrawn_before_it_was_sent_lacks_neither_fee_nor_credit(path: Where):
    async with opened(path, now=MAY.timestamp()) as store:
        await taken(store, booking(1, "US"))
    with reading(path, LATE) as journal:
        journal.resolve("order-1", "void", by="jane", note="withdrawn")
    assert sums(path, "account") == {}


async def test_destinations_are_summed_up_when_the_receivers_are_forgotten(books: Where):
    before = sums(books, "destination")
    with reading(books, LATE) as journal:
        assert journal.forget_before(datetime.fromtimestamp(LATE, timezone.utc) - timedelta(days=1)) == 5
    assert sums(books, "destination") == before
    with Journal.open(books) as journal:
        assert [row.body for row in journal.rows()] == [None] * 5


async def test_the_sums_of_the_groups_are_the_journals(books: Where):
    with Journal.open(books) as journal:
        whole = {(total.account, total.currency): total.net for total in journal.totals()}
        for by in ("month", "destination", "customer", "currency"):
            found: dict[str, Decimal] = {}
            for one in sums_by(journal, by, timezone.utc):
                for currency, of in one.amounts.items():
                    found[currency] = found.get(currency, Decimal(0)) + of.net
            assert found == {"USD": whole["shop", "USD"] + whole["other", "USD"], "EUR": whole["shop", "EUR"]}
