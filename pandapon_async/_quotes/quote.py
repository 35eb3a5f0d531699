"""Quotes: what a vendor asks for a service, in one shape for all vendors."""

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
"""Where a service's own facts stand: the members of ``freightInfo``, which takes the chosen service."""


@attrs.frozen(kw_only=True)
class Goods:
    """What a quote is for."""

    item_id: str
    sku_id: str
    quantity: int

    def __str__(self) -> str:
        return f"{self.quantity} x {self.item_id}/{self.sku_id}"


@attrs.frozen(kw_only=True)
class Quote:
    """What one service costs, or why that isn't known: a row of a sweep.

    Attributes:
        index: the place of the request in the sweep's input, from 0; ``number``: the place of the service in the reply.
        vendor: the account that was asked, by name.
        reference: the caller's reference.
        request: what was asked (as it came, if it was no request).
        price: None if the vendor gave none that could be told; see ``raw``.
        service_id, company, category: the service, as a booking takes it; None if the reply doesn't name it.
        render_id: what a booking of exactly this takes (previews only).
        raw: the whole reply as plain JSON; None if there is none.
        error: why there is no quote; None if there is one.
        shared: an equal request's reply was taken, so that nothing was sent for this one.
        elapsed: seconds that the call took (0 if ``shared``).
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
        """Whether the vendor answered; the price may be None all the same."""
        return self.error is None

    @property
    def address(self) -> ReceiverAddress | None:
        """Where the goods are to go."""
        address: ReceiverAddress | None = getattr(self.request, "receiver_address", None)
        return address

    @property
    def place(self) -> tuple[str, str, str, str]:
        """Country, state, city and postal code of the destination; empty texts where the address has none."""
        address = self.address
        if address is None:
            return ("", "", "", "")
        return (address.country or "", address.state or "", address.city or "", address.zip or "")

    @property
    def destination(self) -> str:
        """The destination in words: country, state, city, postal code; nothing personal."""
        return " ".join(part for part in self.place if part) or "?"

    @property
    def goods(self) -> tuple[Goods, ...]:
        """What is to be shipped: one item of an estimate, or all of a preview."""
        if isinstance(self.request, FreightEstimateRequest):
            return (_goods(self.request),)
        return (
            tuple(_goods(item) for item in self.request.render_items)
            if isinstance(self.request, FreightPreviewRequest)
            else ()
        )

    @property
    def service(self) -> str:
        """The service in words: company, category and id, as far as they are known."""
        names = " ".join(part for part in (self.company, self.category) if part)
        return f"{names} ({self.service_id})" if names and self.service_id else names or self.service_id or "?"

    @property
    def freight_info(self) -> FreightInfo:
        """The service as an order's item takes it."""
        return FreightInfo(service_id=self.service_id, company_name=self.company, service_category=self.category)

    @property
    def choice(self) -> Any:
        """What this quote is one way of: quotes of equal choice are rivals, of which one is taken.

        That is the same goods to the same address under the same reference; a preview without a reference is an order of its
        own.
        """
        comparable = isinstance(self.request, FreightEstimateRequest) or (
            isinstance(self.request, FreightPreviewRequest) and self.reference is not None
        )
        return (self.reference, self.address, self.goods, None if comparable else self.index)


def _goods(item: Any) -> Goods:
    return Goods(item_id=item.item_id, sku_id=item.sku_id, quantity=item.quantity)


def _text(value: Any) -> str | None:
    """A name or an id; numbers as text, nothing else coerced."""
    return str(value) if isinstance(value, (str, int)) and not isinstance(value, bool) else None


def _service_of(service: Mapping[str, Any]) -> dict[str, str | None]:
    inner = service.get("freightInfo")
    places = [service, inner] if is_object(inner) else [service]
    found: dict[str, str | None] = {}
    for wire, name in _SERVICE.items():
        values = (_text(place.get(wire)) for place in places)
        found[name] = next((value for value in values if value is not None), None)
    return found


def _asked_service(request: Any) -> dict[str, str | None]:
    """The service that a preview asked for, if it is one for all items."""
    if not isinstance(request, FreightPreviewRequest):
        return {}
    services = {item.freight_info for item in request.render_items}
    if len(services) != 1:
        return {}
    (info,) = services
    return {"service_id": info.service_id, "company": info.company_name, "category": info.service_category}


def quotes_of(blank: Quote, reply: Reply[Any], reader: PriceReader) -> tuple[Quote, ...]:
    """The quotes in a reply: one for each service; one without a price if none can be told.

    Args:
        blank: what is known before the reply.
        reply: the vendor's.
        reader: where prices stand.
    """
    render_id = getattr(reply.data, "render_id", None)
    filled = attrs.evolve(blank, raw=reply.raw, render_id=render_id, elapsed=0.0 if blank.shared else reply.elapsed)
    asked = _asked_service(blank.request)
    made: list[Quote] = []
    for number, offer in enumerate(reader.services(reply.raw) or [PricedService(service={}, price=None)]):
        told = {name: value for name, value in _service_of(offer.service).items() if value is not None}
        price = None if offer.price is None else Money(amount=offer.price[0], currency=offer.price[1])
        changes: dict[str, Any] = {"number": number, "price": price, **asked, **told}
        made.append(attrs.evolve(filled, **changes))
    return tuple(made)


def failed(blank: Quote, error: Exception) -> tuple[Quote, ...]:
    """The row of a request that has no quote."""
    return (attrs.evolve(blank, error=error),)
