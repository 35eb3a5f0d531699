"""The table of a sweep: what is cheapest, what goes into files, and what is booked of it."""

from __future__ import annotations

import csv
import json
import pickle
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from pandapon_async import (
    BookingJob,
    InputError,
    Journal,
    NotSentError,
    Quote,
    QuoteSweep,
    QuoteTable,
    RequestError,
    VendorSession,
)
from pandapon_async._models.operation import QuotedPair
from pandapon_async.api.logistics import FreightBookingRequest, ReceiverAddress
from pandapon_async.testing import FakeVendor
from tests.support import booking, error_of, estimate

from .support import preview, quote, sessions

RATE = {"USD/CNY": "7"}
TO_VN = estimate(receiver_address=ReceiverAddress(country="VN"))


def prices(quotes: Any) -> list[str]:
    return [str(quote.price) for quote in quotes]


# --- comparing ---


def test_the_cheapest_of_each_destination_and_goods() -> None:
    rows = [
        quote("12 USD"),
        quote("9 USD", vendor="xportcn_ka"),
        quote("5 USD", index=1, request=TO_VN),
        quote("30 USD", index=2, request=estimate(quantity=9)),
    ]
    table = QuoteTable(rows)
    assert [(q.vendor, str(q.price)) for q in table.cheapest()] == [
        ("xportcn_ka", "9 USD"),
        ("pandapon", "5 USD"),
        ("pandapon", "30 USD"),
    ]


def test_a_tie_goes_to_the_session_that_was_named_first() -> None:
    rows = [quote("9 USD", vendor="a"), quote("9.00 USD", vendor="b")]
    assert [q.vendor for q in QuoteTable(rows, ["b", "a"]).cheapest()] == ["b"]
    assert [q.vendor for q in QuoteTable(rows, ["a", "b"]).cheapest()] == ["a"]


def test_two_currencies_are_listed_separately_without_a_rate() -> None:
    table = QuoteTable([quote("10 USD"), quote("60 CNY", number=1), quote("80 CNY", number=2)])
    assert prices(table.cheapest()) == ["10 USD", "60 CNY"]
    assert prices(table.cheapest(RATE)) == ["60 CNY"]
    assert prices(table.cheapest({"USD/CNY": 5})) == ["10 USD"]
    assert prices(table.cheapest({"USD/EUR": 1})) == ["10 USD", "60 CNY"]


def test_the_spread_is_from_the_cheapest_to_the_most_expensive() -> None:
    (spread,) = QuoteTable([quote("10 USD"), quote("25 USD", number=1), quote(number=2)]).spread()
    assert (str(spread.low.price), str(spread.high.price), spread.count, spread.ratio) == (
        "10 USD",
        "25 USD",
        2,
        Decimal("2.50"),
    )
    assert QuoteTable([quote("0 USD"), quote("1 USD", number=1)]).spread()[0].ratio is None


def test_orders_with_different_references_are_different_choices() -> None:
    table = QuoteTable([quote("9 USD", reference="a"), quote("8 USD", index=1, reference="b")])
    assert prices(table.cheapest()) == ["9 USD", "8 USD"]


def test_previews_are_alternatives_only_under_one_reference() -> None:
    alone = [quote("9 USD", request=preview()), quote("8 USD", index=1, request=preview())]
    assert prices(QuoteTable(alone).cheapest()) == ["9 USD", "8 USD"]
    named = [quote(f"{9 - n} USD", index=n, request=preview(str(n)), reference="a") for n in range(2)]
    assert prices(QuoteTable(named).cheapest()) == ["8 USD"]


def test_orders_without_a_price_from_any_vendor_are_listed() -> None:
    failure = NotSentError("no connection")
    rows = [
        quote("9 USD"),
        quote(vendor="xportcn_ka", error=failure),
        quote(index=1, request=TO_VN, error=failure),
        quote(index=1, vendor="xportcn_ka", request=TO_VN),
    ]
    table = QuoteTable(rows, ["pandapon", "xportcn_ka"])
    assert [(q.index, q.vendor) for q in table.unquoted] == [(1, "pandapon")]
    assert (len(table), len(table.priced)) == (4, 1)
    assert repr(table) == "<QuoteTable of 4 quotes, 1 with a price, 2 failed>"


def test_a_table_without_a_recognised_price_says_what_a_reply_holds() -> None:
    notice = QuoteTable([quote(raw={"data": {"x": {"cost": 1}}})]).notice
    assert notice is not None
    assert "no price was recognised in any reply of pandapon" in notice
    assert "  data.x.cost\n" in notice
    other = QuoteTable([quote("1 USD"), quote(vendor="xportcn_ka")]).notice
    assert other is not None
    assert "any reply of xportcn_ka" in other
    assert "any reply of pandapon" not in other
    assert QuoteTable([quote("1 USD"), quote(number=1)]).notice is None
    assert QuoteTable([]).notice is None
    assert QuoteTable([quote(raw=None, error=NotSentError("x"))]).notice is None


# --- out ---


def test_records_are_plain(tmp_path: Path) -> None:
    full = quote("12.50 USD", reference="=1+1", company="顺丰", category="EXPRESS", request=TO_VN)
    failed = quote(vendor="xportcn_ka", error=NotSentError("no connection"))
    orders = quote("3 USD", index=1, request=preview("1", "2"), render_id="FF1")
    table = QuoteTable([full, failed, orders])
    first, second, third = table.records()
    assert (first["price"], first["currency"], first["country"], first["quantity"]) == (
        Decimal("12.50"),
        "USD",
        "VN",
        1,
    )
    assert (second["price"], second["error"]) == (None, "NotSentError: no connection")
    assert (third["item_id"], third["sku_id"], third["quantity"], third["render_id"]) == (
        "0; 1",
        "2; 2",
        "1; 1",
        "FF1",
    )

    table.write_csv(tmp_path / "quotes.csv")
    content = (tmp_path / "quotes.csv").read_bytes()
    assert content.startswith(b"\xef\xbb\xbfreference,vendor,country,")
    cells = list(csv.DictReader(content.decode("utf-8-sig").splitlines()))
    assert (cells[0]["reference"], cells[0]["company"], cells[0]["price"]) == ("'=1+1", "顺丰", "12.50")
    assert (cells[1]["price"], cells[1]["error"]) == ("", "NotSentError: no connection")

    table.write_jsonl(tmp_path / "quotes.jsonl")
    lines = [json.loads(line) for line in (tmp_path / "quotes.jsonl").read_text(encoding="utf-8").splitlines()]
    assert (lines[0]["price"], lines[0]["reference"], lines[0]["raw"]) == ("12.50", "=1+1", {})


def test_nothing_personal_is_in_a_record_or_a_repr() -> None:
    person = ReceiverAddress(name="Jane Example", phone="5550100100", address="1 Example Street", country="US")
    row = quote("1 USD", request=estimate(receiver_address=person))
    shown = f"{row!r} {row.destination} {QuoteTable([row]).records()} {QuoteTable([row])!r}"
    assert not any(text in shown for text in ("Jane", "5550100100", "Street"))


def test_an_error_that_is_not_ours_shows_its_type_only() -> None:
    assert QuoteTable([quote(error=ValueError("Jane"))]).records()[0]["error"] == "ValueError"


# --- to orders ---


@pytest.fixture
def order() -> list[Quote]:
    """Two items of one order at two vendors, and another order of one item."""
    one, two = estimate(item_id="1"), estimate(item_id="2", quantity=3)
    return [
        quote("5 USD", reference="order-1", request=one, company="UCS", category="EXPRESS"),
        quote("6 USD", reference="order-1", request=one, number=1),
        quote("1 USD", reference="order-1", request=one, vendor="xportcn_ka"),
        quote("8 USD", index=1, reference="order-1", request=two),
        quote("20 USD", index=1, reference="order-1", request=two, vendor="xportcn_ka"),
        quote("7 USD", index=2, reference="order-2", request=one, vendor="xportcn_ka"),
    ]


def test_an_order_goes_as_one_preview_to_the_account_where_the_whole_is_cheapest(order: list[Quote]) -> None:
    first, second = QuoteTable(order).to_previews()
    assert (first.reference, first.vendors) == ("order-1", ("pandapon",))
    assert [(item.item_id, item.quantity) for item in first.request.render_items] == [("1", 1), ("2", 3)]  # type: ignore[union-attr]
    info = first.request.render_items[0].freight_info  # type: ignore[union-attr]
    assert (info.service_id, info.company_name, info.service_category) == ("1", "UCS", "EXPRESS")
    assert (second.reference, second.vendors) == ("order-2", ("xportcn_ka",))


def test_an_order_that_no_account_priced_completely_is_listed(order: list[Quote]) -> None:
    table = QuoteTable([order[0], order[4], order[5]])
    assert [row.reference for row in table.unquoted] == ["order-1"]
    assert [ask.reference for ask in table.to_previews()] == ["order-2"]


def test_an_order_is_never_split_between_accounts(order: list[Quote]) -> None:
    with pytest.raises(RequestError, match="split between xportcn_ka and pandapon") as caught:
        QuoteTable(order).to_bookings([order[2], order[3]])
    assert caught.value.reference == "order-1"


def test_a_preview_is_booked_under_its_render_id() -> None:
    request = preview("1", "2", country="VN")
    (pair,) = QuoteTable([quote("9 USD", request=request, render_id="FF7")]).to_bookings()
    reference, made = pair
    assert (reference, made.render_id, pair.vendor) == ("FF7", "FF7", "pandapon")
    assert made.receiver_address == request.receiver_address
    assert [item.freight_info.service_id for item in made.line_items if item.freight_info] == ["1", "2"]


def test_an_estimate_is_booked_without_a_render_id(order: list[Quote]) -> None:
    pairs = QuoteTable(order).to_bookings()
    assert [(pair[0], pair.vendor, len(pair[1].line_items)) for pair in pairs] == [
        ("order-1", "pandapon", 2),
        ("order-2", "xportcn_ka", 1),
    ]
    assert pairs[0][1].render_id is None
    assert [pair[0] for pair in QuoteTable(order).to_bookings(vendor="xportcn_ka")] == ["order-2"]


def test_a_booking_without_any_reference_gets_the_same_one_each_time() -> None:
    table = QuoteTable([quote("5 USD")])
    assert table.to_bookings()[0][0] == table.to_bookings()[0][0] != ""


def test_what_was_chosen_by_hand_is_taken(order: list[Quote]) -> None:
    assert [pair.vendor for pair in QuoteTable(order).to_bookings([order[2]])] == ["xportcn_ka"]


@pytest.mark.parametrize("method", ["to_previews", "to_bookings"])
def test_two_quotes_for_the_same_goods_are_not_both_ordered(order: list[Quote], method: str) -> None:
    with pytest.raises(RequestError, match="choose one"):
        getattr(QuoteTable(order), method)(order[:2])


def test_the_same_quote_twice_is_ordered_once(order: list[Quote]) -> None:
    assert len(QuoteTable(order).to_bookings([order[0], order[0]])) == 1


def test_a_quote_that_failed_is_not_ordered() -> None:
    with pytest.raises(RequestError, match="number 1 of the input has no quote"):
        QuoteTable([]).to_bookings([quote(error=NotSentError("x"))])


def test_quotes_in_two_currencies_need_a_choice() -> None:
    table = QuoteTable([quote("10 USD"), quote("60 CNY", number=1)])
    with pytest.raises(RequestError, match=r"choose one \(comparing quotes in two currencies needs rates=\)"):
        table.to_bookings()
    assert len(table.to_bookings(rates=RATE)) == 1


def test_equal_requests_without_a_reference_may_be_two_orders() -> None:
    table = QuoteTable([quote("10 USD"), quote("10 USD", index=4)])
    with pytest.raises(RequestError, match="numbers 1 and 5 of the input are equal and have no reference"):
        table.to_bookings()
    assert len(table.cheapest()) == 1


def test_an_unknown_vendor_is_named(order: list[Quote]) -> None:
    with pytest.raises(RequestError, match=r"no quotes from 'pandpon' \(did you mean 'pandapon'\?\)"):
        QuoteTable(order).to_bookings(vendor="pandpon")


# --- what an earlier run has booked ---


@pytest.mark.parametrize(
    ("script", "settled", "left"),
    [
        ("ok", None, []),  # done
        ("drop_after", None, []),  # in doubt
        ("refuse", None, ["xportcn_ka"]),
        ("ok", "void", ["xportcn_ka"]),
        ("drop_after", "pending", []),  # the other account would send it, too
    ],
)
async def test_what_a_journal_knows_at_any_account_is_left_out(
    vendor: FakeVendor, tmp_path: Path, script: str, settled: Any, left: list[str]
) -> None:
    path = tmp_path / "bookings.db"
    vendor.script(script)
    async with sessions((vendor, "pandapon")) as (session,), BookingJob(session, journal=path) as job:
        await job.book(booking("FF1"), reference="order-1")
    if settled:
        with Journal.open(path, not_booked_after=0) as journal:
            journal.resolve("order-1", settled, by="Jane", note="seen")
    table = QuoteTable([quote("1 USD", reference="order-1", vendor="xportcn_ka")])
    assert [pair.vendor for pair in table.to_bookings(journal=path)] == left
    assert [pair.vendor for pair in table.to_bookings()] == ["xportcn_ka"]


async def test_what_is_pending_at_its_own_account_is_booked(vendor: FakeVendor, tmp_path: Path) -> None:
    path = tmp_path / "bookings.db"
    vendor.script("drop_after")
    async with sessions((vendor, "pandapon")) as (session,), BookingJob(session, journal=path) as job:
        await job.book(booking("FF1"), reference="order-1")
    with Journal.open(path, not_booked_after=0) as journal:
        journal.resolve("order-1", "pending", by="Jane", note="not there")
    table = QuoteTable([quote("1 USD", reference="order-1")])
    assert len(table.to_bookings(journal=path)) == 1


def test_a_journal_that_is_not_there_yet_leaves_nothing_out(order: list[Quote], tmp_path: Path) -> None:
    assert len(QuoteTable(order).to_bookings(journal=tmp_path / "none.db")) == 2


# --- a booking belongs to who quoted it ---


async def sent_by(how: str, session: VendorSession, pair: Any, path: Path) -> Exception | None:
    if how == "call":
        return await error_of(session.call(pair))
    if how == "stream":
        async with session.stream([pair]) as outcomes:
            return (await anext(outcomes)).error
    async with BookingJob(session, journal=path / "bookings.db") as job:
        return await error_of(job.run([pair]).__anext__())


@pytest.mark.parametrize("how", ["call", "stream", "job"])
async def test_another_account_refuses_it(vendor: FakeVendor, tmp_path: Path, how: str) -> None:
    pair: QuotedPair[FreightBookingRequest] = QuotedPair("order-1", booking("FF1"), "pandapon")
    async with sessions((vendor, "xportcn_ka"), (vendor, "pandapon")) as (wrong, right):
        error = await sent_by(how, wrong, pair, tmp_path)
        assert isinstance(error, InputError if how == "job" else RequestError)
        assert "quoted by 'pandapon', this is 'xportcn_ka'" in str(error)
        assert vendor.ledger.bookings == {}
        assert await sent_by(how, right, pair, tmp_path) is None
    assert vendor.ledger.bookings == {"FF1": 1}


def test_a_pair_survives_pickling() -> None:
    pair = pickle.loads(pickle.dumps(QuotedPair("order-1", booking("FF1"), "pandapon")))
    assert (pair[0], pair.vendor, repr(pair)[:25]) == ("order-1", "pandapon", "<'order-1' at 'pandapon':")


# --- quote, choose, book ---


async def test_from_estimates_over_previews_to_bookings(vendor: FakeVendor, tmp_path: Path) -> None:
    orders = [(f"order-{n}", estimate(item_id=str(n), receiver_address=TO_VN.receiver_address)) for n in range(5)]
    orders.append(("order-0", estimate(item_id="99", receiver_address=TO_VN.receiver_address)))
    async with sessions((vendor, "pandapon"), (vendor, "xportcn_ka")) as both:
        sweep = QuoteSweep(both)
        estimates = await sweep.run(orders)
        previews = await sweep.run(estimates.to_previews())
        pairs = previews.to_bookings()
        quoted = {row.render_id: row.price for row in previews.rows}
        for session in both:
            mine = [pair for pair in pairs if pair.vendor == session.profile.name]
            job = BookingJob(session, journal=tmp_path / f"{session.profile.name}.db")
            async with job.run(mine) as outcomes:
                async for outcome in outcomes:
                    assert outcome.ok
                    assert outcome.fee == quoted[outcome.request.render_id]  # type: ignore[union-attr]
    assert sorted(pair[0] for pair in pairs) == [f"order-{n}" for n in range(5)]
    assert sorted(vendor.ledger.bookings.values()) == [1] * 5
