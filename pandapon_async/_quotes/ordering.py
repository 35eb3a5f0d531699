"""From quotes to orders: previews and bookings of the chosen quotes, with no order lost or duplicated."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any

from .._errors import RequestError, suggestion
from .._journal.journal import Journal
from .._models.converters import to_wire
from .._models.digest import digest_of
from .._models.money import Money
from .._models.operation import QuotedPair
from ..api.logistics import (
    BookingItem,
    FreightBookingRequest,
    FreightEstimateRequest,
    FreightPreviewRequest,
    RenderItem,
)
from .quote import Quote
from .requests import SweepRequest


def check_clear(rows: Iterable[Quote]) -> None:
    """Reject a table in which one choice may be several orders.

    Raises:
        RequestError: two equal requests have no reference, so they may be one order or two.
    """
    first: dict[Any, int] = {}
    for row in rows:
        if row.reference is None and row.ok and first.setdefault(row.choice, row.index) != row.index:
            raise RequestError(
                f"numbers {first[row.choice] + 1} and {row.index + 1} of the input are equal and have no reference, so "
                "they may be one order or two: give each order its own reference, as (reference, request)"
            )


def one_per_choice(chosen: Iterable[Quote]) -> list[Quote]:
    """The chosen quotes, after checking that there is one per choice.

    Raises:
        RequestError: two are for the same choice, which would be ordered twice; or one has no quote.
    """
    quotes: dict[Any, Quote] = {}
    for quote in chosen:
        if not quote.ok:
            raise RequestError(f"number {quote.index + 1} of the input has no quote", reference=quote.reference)
        other = quotes.setdefault(quote.choice, quote)
        if other is not quote:
            raise RequestError(
                f"{_named(other)} and {_named(quote)} are two quotes for the same goods, address and reference: choose one "
                "(comparing quotes in two currencies needs rates=)",
                reference=quote.reference,
            )
    return list(quotes.values())


def _named(quote: Quote) -> str:
    return f"{quote.vendor} {quote.service} for {quote.price}"


def order_of(quote: Quote) -> Any:
    """The key of a quote's order: estimates with one reference and address form one order, anything else is its own."""
    joined = quote.reference is not None and isinstance(quote.request, FreightEstimateRequest)
    return (quote.reference, quote.address) if joined else quote.choice


class OrderChoice:
    """Chooses the cheapest account for each whole order: an order is never split between accounts.

    Args:
        rows: all rows of a table.
        measure: converts a price to a comparable (currency, amount); see `Rates.measure`.

    Attributes:
        best: the chosen quotes of each order that some account priced completely, one for each of its goods.
        missing: the first row of every other order.
    """

    def __init__(self, rows: Iterable[Quote], measure: Callable[[Money], tuple[str, Fraction]]) -> None:
        self._measure = measure
        orders: dict[Any, list[Quote]] = {}
        for row in rows:
            orders.setdefault(order_of(row), []).append(row)
        self.best: list[list[Quote]] = []
        self.missing: list[Quote] = []
        self._unclear: list[list[Quote]] = []
        for order in orders.values():
            self._decide(order)

    def quotes(self) -> list[Quote]:
        """The chosen quotes of all orders.

        Raises:
            RequestError: an order has prices in two currencies that can't be compared.
        """
        for order in self._unclear:
            one_per_choice(order)
        return [quote for order in self.best for quote in order]

    def _decide(self, order: Sequence[Quote]) -> None:
        offers: dict[tuple[str, str], dict[Any, tuple[Fraction, Quote]]] = {}
        for quote in order:
            if quote.price is not None:
                currency, amount = self._measure(quote.price)
                offer = offers.setdefault((currency, quote.vendor), {})
                if quote.choice not in offer or amount < offer[quote.choice][0]:
                    offer[quote.choice] = (amount, quote)
        goods = {quote.choice for quote in order}
        whole: dict[str, list[list[tuple[Fraction, Quote]]]] = {}
        for (currency, _), offer in offers.items():
            if offer.keys() == goods:
                whole.setdefault(currency, []).append(list(offer.values()))
        if not whole:
            self.missing.append(order[0])
            return
        cheapest = [min(found, key=lambda offer: sum(amount for amount, _ in offer)) for found in whole.values()]
        self.best.append([quote for _, quote in cheapest[0]])
        if len(cheapest) > 1:
            self._unclear.append([quote for offer in cheapest for _, quote in offer])


def _orders(quotes: Iterable[Quote]) -> list[list[Quote]]:
    orders: dict[Any, list[Quote]] = {}
    accounts: dict[str, str] = {}
    for quote in quotes:
        orders.setdefault(order_of(quote), []).append(quote)
        if (
            quote.reference is not None
            and (other := accounts.setdefault(quote.reference, quote.vendor)) != quote.vendor
        ):
            raise RequestError(
                f"the order would be split between {other} and {quote.vendor}: choose one account, or give its parts "
                "their own references",
                reference=quote.reference,
            )
    return list(orders.values())


def previews(quotes: Iterable[Quote]) -> list[SweepRequest]:
    """Preview requests for orders, each for the account that quoted it."""
    requests: list[SweepRequest] = []
    for order in _orders(quotes):
        first = order[0]
        request: FreightPreviewRequest = (
            first.request
            if isinstance(first.request, FreightPreviewRequest)
            else FreightPreviewRequest(
                receiver_address=first.address, render_items=tuple(_render_item(quote) for quote in order)
            )
        )
        requests.append(SweepRequest(request=request, reference=first.reference, vendors=(first.vendor,)))
    return requests


def _render_item(quote: Quote) -> RenderItem:
    return RenderItem(**_item_of(quote.request), freight_info=quote.freight_info)


def _item_of(item: Any) -> dict[str, Any]:
    return {name: getattr(item, name) for name in ("item_id", "sku_id", "quantity", "currency", "price")}


def bookings(quotes: Iterable[Quote]) -> list[QuotedPair[FreightBookingRequest]]:
    """Booking requests for orders, each bound to the account that quoted it."""
    return [_booking(order) for order in _orders(quotes)]


def only_of(
    vendor: str, queried: Collection[str], pairs: Iterable[QuotedPair[FreightBookingRequest]]
) -> list[QuotedPair[FreightBookingRequest]]:
    """One account's bookings.

    Raises:
        RequestError: it was not queried.
    """
    if vendor not in queried:
        known = ", ".join(sorted(queried))
        raise RequestError(f"no quotes from {vendor!r}{suggestion(vendor, queried)}; there are {known}")
    return [pair for pair in pairs if pair.vendor == vendor]


def new_to(
    journal: Path, pairs: Sequence[QuotedPair[FreightBookingRequest]]
) -> list[QuotedPair[FreightBookingRequest]]:
    """The bookings not in a journal at any account, or there only as refused, void, or pending at their own account."""
    if not journal.exists():
        return list(pairs)
    waiting = {pair[0] for pair in pairs}
    taken: dict[str, set[str | None]] = {}
    with Journal.open(journal) as opened:
        for row in opened.rows():
            if row.reference in waiting and row.state not in ("refused", "void"):
                taken.setdefault(row.reference, set()).add(row.account if row.state == "pending" else None)
    return [pair for pair in pairs if taken.get(pair[0], set()) <= {pair.vendor}]


def _booking(order: Sequence[Quote]) -> QuotedPair[FreightBookingRequest]:
    first = order[0]
    items = (
        tuple(BookingItem(**_item_of(item), freight_info=item.freight_info) for item in first.request.render_items)
        if isinstance(first.request, FreightPreviewRequest)
        else tuple(BookingItem(**_item_of(quote.request), freight_info=quote.freight_info) for quote in order)
    )
    request = FreightBookingRequest(render_id=first.render_id, receiver_address=first.address, line_items=items)
    reference = first.reference or first.render_id or digest_of(to_wire(request))
    return QuotedPair(reference, request, first.vendor)
