"""Quotes: what a service costs, in the same form for all vendors."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import attrs

from .._config.price_paths import PricedService, PriceReader
from .._models.jsonio import is_object
from .._models.money import Money
from .._models.operation import Reply
from ..api.logistics import FreightEstimateRequest, FreightInfo, FreightPreviewRequest, ReceiverAddress

_SERVICE = {"serviceId": "service_id", "companyName": "company", "serviceCategory": "category"}
"""Wire names that identify a service: the members of ``freightInfo``, which takes the chosen service."""


@attrs.frozen(kw_only=True)
class Goods:
    """The goods that a quote is for."""

    item_id: str
    sku_id: str
    quantity: int

    def __str__(self) -> str:
        return f"{self.quantity} x {self.item_id}/{self.sku_id}"


@attrs.frozen(kw_only=True)
class Quote:
    """A row of a sweep: the price of one service, or why there is none.

    Attributes:
        index: the position of the request in the sweep's input, from 0; ``number``: that of the service in the reply.
        vendor: the name of the queried account.
        reference: the caller's reference.
        request: the request (the input item as received if it wasn't a request).
        price: None if none was recognised in the reply; see ``raw``.
        service_id, company, category: the service, as a booking takes it; None if not in the reply.
        render_id: the id for booking exactly this quote (previews only).
        raw: the whole reply as plain JSON; None if there is none.
        error: why there is no quote; None on success.
        shared: the reply is an equal request's; nothing was sent for this one.
        elapsed: duration of the call in seconds (0 if ``shared``).
    """

    index: int
    vendor: str
    number: int = 0
    reference: str | None = None
    request: FreightEstimateRequest | FreightPreviewRequest | Any = attrs.field(hash=False)
    price: Money | None = None
    service_id: str | None = None
    company: str | None = None
    category: str | None = None
    render_id: str | None = None
    raw: Any = attrs.field(default=None, repr=False, hash=False)
    error: Exception | None = attrs.field(default=None, hash=False)
    shared: bool = False
    elapsed: float = 0.0

    @property
    def ok(self) -> bool:
        """Whether the vendor replied; the price may still be None."""
        return self.error is None

    @property
    def address(self) -> ReceiverAddress | None:
        """The delivery address."""
        address: ReceiverAddress | None = getattr(self.request, "receiver_address", None)
        return address

    @property
    def place(self) -> tuple[str, str, str, str]:
        """Country, state, city and postal code of the destination; empty if not given."""
        address = self.address
        if address is None:
            return ("", "", "", "")
        return (address.country or "", address.state or "", address.city or "", address.zip or "")

    @property
    def destination(self) -> str:
        """The destination as text: country, state, city, postal code; nothing personal."""
        return " ".join(part for part in self.place if part) or "?"

    @property
    def goods(self) -> tuple[Goods, ...]:
        """The goods to ship: the item of an estimate, or all items of a preview."""
        if isinstance(self.request, FreightEstimateRequest):
            return (_goods(self.request),)
        return (
            tuple(_goods(item) for item in self.request.render_items)
            if isinstance(self.request, FreightPreviewRequest)
            else ()
        )

    @property
    def service(self) -> str:
        """The service as text: company, category and id, as far as known."""
        names = " ".join(part for part in (self.company, self.category) if part)
        return f"{names} ({self.service_id})" if names and self.service_id else names or self.service_id or "?"

    @property
    def freight_info(self) -> FreightInfo:
        """The service in the form that an order's item takes."""
        return FreightInfo(service_id=self.service_id, company_name=self.company, service_category=self.category)

    @property
    def choice(self) -> Any:
        """Groups alternatives: of the quotes with an equal choice, at most one can be booked.

        Equal means the same goods, address and reference; a preview without a reference is always its own choice.
        """
        comparable = isinstance(self.request, FreightEstimateRequest) or (
            isinstance(self.request, FreightPreviewRequest) and self.reference is not None
        )
        return (self.reference, self.address, self.goods, None if comparable else self.index)


def _goods(item: Any) -> Goods:
    return Goods(item_id=item.item_id, sku_id=item.sku_id, quantity=item.quantity)


def _text(value: Any) -> str | None:
    """A name or an id as text; only integers are converted."""
    return str(value) if isinstance(value, (str, int)) and not isinstance(value, bool) else None


def _service_of(service: Mapping[str, Any]) -> dict[str, str | None]:
    inner = service.get("freightInfo")
    places = [service, inner] if is_object(inner) else [service]
    found: dict[str, str | None] = {}
    for wire, name in _SERVICE.items():
        values = (_text(place.get(wire)) for place in places)
        found[name] = next((value for value in values if value is not None), None)
    return found


def _requested_service(request: Any) -> dict[str, str | None]:
    """The service that a preview requested, if it is the same for all items."""
    if not isinstance(request, FreightPreviewRequest):
        return {}
    services = {item.freight_info for item in request.render_items}
    if len(services) != 1:
        return {}
    (info,) = services
    return {"service_id": info.service_id, "company": info.company_name, "category": info.service_category}


def quotes_of(blank: Quote, reply: Reply[Any], reader: PriceReader) -> tuple[Quote, ...]:
    """The quotes in a reply: one per service; a single one without a price if no price is recognised.

    Args:
        blank: the quote before the reply.
        reply: the vendor's reply.
        reader: finds the prices.
    """
    render_id = getattr(reply.data, "render_id", None)
    filled = attrs.evolve(blank, raw=reply.raw, render_id=render_id, elapsed=0.0 if blank.shared else reply.elapsed)
    requested = _requested_service(blank.request)
    quotes: list[Quote] = []
    for number, priced in enumerate(reader.services(reply.raw) or [PricedService(service={}, price=None)]):
        named = {name: value for name, value in _service_of(priced.service).items() if value is not None}
        price = None if priced.price is None else Money(amount=priced.price[0], currency=priced.price[1])
        changes: dict[str, Any] = {"number": number, "price": price, **requested, **named}
        quotes.append(attrs.evolve(filled, **changes))
    return tuple(quotes)


def failed(blank: Quote, error: Exception) -> tuple[Quote, ...]:
    """The row for a request that got no quote."""
    return (attrs.evolve(blank, error=error),)
