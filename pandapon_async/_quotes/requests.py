"""What a sweep asks: requests, to whom, and one input read by several sessions at once."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from decimal import Decimal
from typing import Any, Union

import attrs

from .._errors import RequestError
from .._models.operation import split_pair
from ..api.logistics import FreightEstimateRequest, FreightPreviewRequest, ReceiverAddress

QuoteRequest = Union[FreightEstimateRequest, FreightPreviewRequest]  # noqa: UP007 - evaluated at run time on 3.10


@attrs.frozen(kw_only=True)
class Ask:
    """One request of a sweep.

    Attributes:
        request: an estimate or a preview.
        reference: the caller's reference; quotes under one reference are for the same order.
        vendors: the accounts that are asked, by name; None: every session of the sweep.
    """

    request: QuoteRequest
    reference: str | None = None
    vendors: tuple[str, ...] | None = None


@attrs.frozen(kw_only=True)
class Shipment:
    """Goods to be shipped, wherever: one item of an estimate without its address.

    Attributes:
        item_id, sku_id, quantity: what and how many.
        price, currency: of one piece.
        reference: the caller's reference.
    """

    item_id: str
    sku_id: str
    quantity: int = 1
    price: Decimal | None = None
    currency: str | None = None
    reference: str | None = None

    def to(self, address: ReceiverAddress) -> FreightEstimateRequest:
        """The estimate of shipping it there.

        Raises:
            RequestError: a member is wrong.
        """
        return FreightEstimateRequest(
            item_id=self.item_id,
            sku_id=self.sku_id,
            quantity=self.quantity,
            price=self.price,
            currency=self.currency,
            receiver_address=address,
        )


def quote_product(
    shipments: Iterable[Shipment], addresses: Iterable[ReceiverAddress], vendors: Sequence[str] | None = None
) -> Iterator[Ask]:
    """Every shipment to every address at every vendor, made one after the other as they are taken.

    Args:
        shipments: may be endless; iterated once.
        addresses: kept in memory.
        vendors: the accounts, by name; None: every session of the sweep.
    """
    places = list(addresses)
    names = None if vendors is None else tuple(vendors)
    for shipment in shipments:
        for place in places:
            yield Ask(request=shipment.to(place), reference=shipment.reference, vendors=names)


def as_ask(item: Any) -> Ask:
    """One item of a sweep's input: an `Ask`, a request, or a pair (reference, request).

    Raises:
        RequestError: it is none of them.
    """
    if isinstance(item, Ask):
        return item
    reference, request = split_pair(item)
    if not isinstance(request, (FreightEstimateRequest, FreightPreviewRequest)):
        wrong = type(request).__name__
        raise RequestError(f"expected an estimate or a preview request, not {wrong}", reference=reference)
    return Ask(request=request, reference=reference)
