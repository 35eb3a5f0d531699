"""What is known of the bodies of vendor messages, as models.

The vendors' message manuals and callback pages could be read in part only, so every model is open: a member that it doesn't
declare stands in ``extra``, and every member, declared or not, can be read by its wire name.
"""

from __future__ import annotations

import functools
from collections.abc import Iterator, Mapping
from typing import Any, ClassVar

import attrs

from .._models.base import OpenReply, ReplyModel, members_of
from .._models.fields import is_personal, many, optional, wire, wire_name


@attrs.frozen(kw_only=True, eq=False)
class MessageBody(OpenReply, Mapping[str, Any]):
    """Base of the typed bodies: a mapping of the body as it came, by wire names, whose known members are attributes too."""

    __hash__: ClassVar[None] = None  # type: ignore[assignment]  # pyright: ignore - as a dict's, which it may equal

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Mapping) and dict(self) == dict(other)  # pyright: ignore[reportUnknownArgumentType]

    def __getitem__(self, name: str) -> Any:
        return self._members()[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._members())

    def __len__(self) -> int:
        return len(self._members())

    def _members(self) -> Mapping[str, Any]:
        return self.value or {}


# --- Xportcn KA: a summary, sent as JSON inside a text -----------------------------------------------------------------


@attrs.frozen(kw_only=True, eq=False)
class OrderSummary(MessageBody):
    """An order in a message of Xportcn KA; members from its manual's examples, all of them of 1688 orders.

    The amounts are whole numbers, in minor units by their look (10000 = 9500 + 500): inferred. Their currency isn't stated.
    The times are ``yyyy-MM-dd HH:mm:ss``; their zone isn't stated.
    """

    order_id: str | None = optional()
    """The 1688 order."""
    order_no: str | None = optional()
    """The platform's number of it, ``PO...``."""
    order_status: str | None = optional()
    """Seen: ``WAITING_FOR_PAYMENT``, ``WAITING_FOR_SENT``, ``CANCEL``."""
    pay_status: int | None = optional()
    """Seen: 1 in messages of unpaid orders, and of one that was cancelled after its payment; 2 when it was paid."""
    total_amount: int | None = optional()
    shipping_fee: int | None = optional()
    product_amount: int | None = optional()
    refund_amount: int | None = optional()
    refund_status: str | None = optional()
    """Null in all examples; that it is text is inferred."""
    close_reason: str | None = optional()
    """Seen: ``buyer_cancel``."""
    tb_create_time: str | None = optional()
    pay_time: str | None = optional()


@attrs.frozen(kw_only=True, eq=False)
class RefundSummary(MessageBody):
    """A refund in a message of Xportcn KA; the manual's example is cut off after these two members."""

    refund_id: str | None = optional()
    """``TQ...``."""
    order_id: str | None = optional()


# --- PandaPon: the whole order, sent as an object ----------------------------------------------------------------------


@attrs.frozen(kw_only=True, eq=False)
class AlibabaPriceChange(MessageBody):
    """A 1688 order whose seller changed its price; the first members of PandaPon's callback page, the rest is cut off.

    The page names these members and not what is in them: read their ``value``.
    """

    guarantees_terms: OpenReply | None = optional()
    native_logistics: OpenReply | None = optional()
    product_items: tuple[OpenReply, ...] = many()
    trade_terms: tuple[OpenReply, ...] = many()
    ext_attributes: tuple[OpenReply, ...] = many()
    order_rate_info: OpenReply | None = optional()
    order_invoice_info: OpenReply | None = optional(personal=True)
    customs: OpenReply | None = optional()
    overseas_extra_address: OpenReply | None = optional(personal=True)
    base_info: OpenReply | None = optional()
    order_biz_info: OpenReply | None = optional()


@attrs.frozen(kw_only=True)
class TaobaoPriceLine(ReplyModel):
    """One line of a Taobao order whose price changed; 8 of the 26 members, the others can't be seen on PandaPon's page."""

    purchase_order_outer_id: str | None = optional("purchase_order_outer_id")
    purchase_order_line_outer_id: str | None = optional("purchase_order_line_outer_id")
    close_time_without_payment: str | None = optional("close_time_without_payment")
    """``yyyy-MM-dd HH:mm:ss``; the zone isn't stated."""
    detail_error_code: str | None = optional("detail_error_code")
    product_amount: str | None = optional("product_amount")
    """Text on the page; neither its unit nor its currency is stated."""
    logistic_company_name: str | None = optional("logistic_company_name")
    logistic_number: str | None = optional("logistic_number")
    quantity: int | None = optional("quantity")


@attrs.frozen(kw_only=True)
class PurchasePrice(OpenReply):
    """The price of a Taobao order. PandaPon's page doesn't show what is in it: these members are inferred from another reseller's
    description of the same message, in which they are whole numbers."""

    purchase_currency: str | None = optional()
    purchase_total_fee: int | None = optional()
    purchase_product_fee: int | None = optional()
    purchase_shipping_fee: int | None = optional()


@attrs.frozen(kw_only=True, eq=False)
class TaobaoPriceChange(MessageBody):
    """A Taobao order whose seller changed its price; members from PandaPon's callback page."""

    sales_order_id: str | None = optional()
    """The Taobao order."""
    sub_orders: tuple[TaobaoPriceLine, ...] = many()
    purchase_order_price: PurchasePrice | None = attrs.field(default=None, metadata=wire("purchaseOrderPriceDTO"))


@functools.cache
def harmless() -> frozenset[str]:
    """The wire names of the declared members that aren't personal: what may be shown of a message."""
    models = (OrderSummary, RefundSummary, AlibabaPriceChange, TaobaoPriceChange, TaobaoPriceLine, PurchasePrice)
    return frozenset(
        wire_name(member) for model in models for member, _ in members_of(model) if not is_personal(member)
    )
