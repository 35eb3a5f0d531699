"""From quotes to orders: previews and bookings of what was chosen, so that no order is lost on the way or doubled."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from typing import Any

from ..api.logistics import (
    BookingItem,
    FreightBookingRequest,
    FreightEstimateRequest,
    FreightPreviewRequest,
    RenderItem,
)
from ..codec import to_wire
from ..errors import RequestError
from ..model import suggestion
from ..operation import QuotedPair
from .asks import Ask
from .offers import Quote
from .rows import digest_of


def check_clear(rows: Iterable[Quote]) -> None:
    """Refuse a table in which one choice may stand for several orders.

    Raises:
        RequestError: two equal requests without a reference; they may be two orders or one.
    """
    first: dict[Any, int] = {}
    for row in rows:
        if row.reference is None and row.ok and first.setdefault(row.choice, row.index) != row.index:
            raise RequestError(
                f"numbers {first[row.choice] + 1} and {row.index + 1} of the input are equal and have no reference, so it "
                "isn't clear whether that is one order or two: give each order its own reference, as (reference, request)"
            )


def without_rivals(chosen: Iterable[Quote]) -> list[Quote]:
    """The chosen quotes, if each is of another choice.

    Raises:
        RequestError: two are rivals, so that an order would be made twice; or one is no quote.
    """
    quotes: dict[Any, Quote] = {}
    for quote in chosen:
        if not quote.ok:
            raise RequestError(f"number {quote.index + 1} of the input has no quote", reference=quote.reference)
        rival = quotes.setdefault(quote.choice, quote)
        if rival is not quote:
            raise RequestError(
                f"{_named(rival)} and {_named(quote)} are two quotes for the same goods, place and reference: choose one "
                "(quotes in two currencies are compared only by rates=)",
                reference=quote.reference,
            )
    return list(quotes.values())


def _named(quote: Quote) -> str:
    return f"{quote.vendor} {quote.service} for {quote.price}"


def _orders(quotes: Iterable[Quote]) -> list[list[Quote]]:
    """Estimates under one reference, at one vendor and to one address, are one order; everything else is one by itself."""
    orders: dict[Any, list[Quote]] = {}
    for quote in quotes:
        joined = quote.reference is not None and isinstance(quote.request, FreightEstimateRequest)
        key = (quote.vendor, quote.reference, quote.address) if joined else quote.choice
        orders.setdefault(key, []).append(quote)
    return list(orders.values())


def previews(quotes: Iterable[Quote]) -> list[Ask]:
    """The previews of orders; each goes to the vendor that quoted it."""
    asks: list[Ask] = []
    for order in _orders(quotes):
        first = order[0]
        request: FreightPreviewRequest = (
            first.request
            if isinstance(first.request, FreightPreviewRequest)
            else FreightPreviewRequest(
                receiver_address=first.address, render_items=tuple(_render_item(quote) for quote in order)
            )
        )
        asks.append(Ask(request=request, reference=first.reference, vendors=(first.vendor,)))
    return asks


def _render_item(quote: Quote) -> RenderItem:
    return RenderItem(**_item_of(quote.request), freight_info=quote.freight_info)


def _item_of(item: Any) -> dict[str, Any]:
    return {name: getattr(item, name) for name in ("item_id", "sku_id", "quantity", "currency", "price")}


def bookings(
    quotes: Sequence[Quote], asked: Collection[str], vendor: str | None
) -> list[QuotedPair[FreightBookingRequest]]:
    """The bookings of orders, each bound to the account that quoted it.

    Raises:
        RequestError: no such vendor was asked.
    """
    if vendor is not None and vendor not in asked:
        raise RequestError(f"no quotes of {vendor!r}{suggestion(vendor, asked)}; there are {', '.join(sorted(asked))}")
    return [_booking(order) for order in _orders(quotes) if vendor is None or order[0].vendor == vendor]


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
