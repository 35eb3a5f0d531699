"""Models of the known bodies of vendor messages.

The vendors' message manuals and callback pages could only be read in part, so every model is open: undeclared members are in
``extra``, and every member, declared or not, can be read by its wire name.
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
    """Base of the typed bodies: a mapping of the body as received, by wire name, with known members also as attributes."""

    __hash__: ClassVar[None] = None  # type: ignore[assignment]  # pyright: ignore - like dict, which it may equal

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
    """An order in an Xportcn KA message; members from its manual's examples, all of them 1688 orders.

    The amounts are integers, apparently in minor units (10000 = 9500 + 500). Their currency isn't stated; that they are fen (1/100
    CNY) is inferred from the orders being 1688's. The times are ``yyyy-MM-dd HH:mm:ss``; their zone isn't stated.
    """

    order_id: str | None = optional()
    """The 1688 order."""
    order_no: str | None = optional()
    """The platform's number for it, ``PO...``."""
    order_status: str | None = optional()
    """Seen: ``WAITING_FOR_PAYMENT``, ``WAITING_FOR_SENT``, ``CANCEL``."""
    pay_status: int | None = optional()
    """Seen: 1 for unpaid orders, and for one cancelled after payment; 2 when paid; see `PayStatus` for 1688's."""
    total_amount_fen: int | None = optional("totalAmount")
    """In fen (1/100 CNY)."""
    shipping_fee_fen: int | None = optional("shippingFee")
    """In fen (1/100 CNY)."""
    product_amount_fen: int | None = optional("productAmount")
    """In fen (1/100 CNY)."""
    refund_amount_fen: int | None = optional("refundAmount")
    """In fen (1/100 CNY)."""
    refund_status: str | None = optional()
    """Null in all examples; that it is text is inferred."""
    close_reason: str | None = optional()
    """Seen: ``buyer_cancel``."""
    tb_create_time: str | None = optional()
    pay_time: str | None = optional()


@attrs.frozen(kw_only=True, eq=False)
class RefundSummary(MessageBody):
    """A refund in an Xportcn KA message; the manual's example is cut off after two members, the others are inferred from 1688's."""

    refund_id: str | None = optional()
    """``TQ...``."""
    order_id: str | None = optional()
    refund_action: str | None = optional(inferred=True)
    """See `RefundAction`."""
    operator: str | None = optional(inferred=True)
    """``buyer``, ``seller`` or ``system``."""


# --- PandaPon: the whole order, sent as an object ----------------------------------------------------------------------


@attrs.frozen(kw_only=True, eq=False)
class AlibabaPriceChange(MessageBody):
    """A 1688 order whose price the seller changed; the first members on PandaPon's callback page, which is cut off.

    The page names these members but not their contents: read their ``value``.
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
    """One line of a Taobao order whose price changed; 8 of the 26 members, the others aren't visible on PandaPon's page."""

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
    """The price of a Taobao order. PandaPon's page doesn't show its members: these are inferred from another reseller's
    description of the same message, where they are integers."""

    purchase_currency: str | None = optional()
    purchase_total_fee: int | None = optional()
    purchase_product_fee: int | None = optional()
    purchase_shipping_fee: int | None = optional()


@attrs.frozen(kw_only=True, eq=False)
class TaobaoPriceChange(MessageBody):
    """A Taobao order whose price the seller changed; members from PandaPon's callback page."""

    sales_order_id: str | None = optional()
    """The Taobao order."""
    sub_orders: tuple[TaobaoPriceLine, ...] = many()
    purchase_order_price: PurchasePrice | None = attrs.field(default=None, metadata=wire("purchaseOrderPriceDTO"))


@functools.cache
def harmless() -> frozenset[str]:
    """The wire names of declared members that aren't personal, and so may be displayed."""
    models = (OrderSummary, RefundSummary, AlibabaPriceChange, TaobaoPriceChange, TaobaoPriceLine, PurchasePrice)
    return frozenset(
        wire_name(member) for model in models for member, _ in members_of(model) if not is_personal(member)
    )
