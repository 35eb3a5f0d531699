"""Warehouse logistics: estimate, preview, book, and report the domestic parcels.

Order of use: `estimate_freight` -> `preview_freight` (gives the ``render_id``) -> `book_freight` -> `update_domestic_shipment`.
Paths, members and examples are from the vendors' pages "Create international logistics orders" and its siblings; PandaPon
and Xportcn KA print the same request and reply.
"""

from __future__ import annotations

from decimal import Decimal
from typing import ClassVar

import attrs

from .._models.base import OpenReply, ReplyModel
from .._models.fields import many, optional, wire
from .._models.money import Money as Money
from .._models.operation import Effect, Evidence, Operation, Route, VendorRequest
from .._models.requests import RequestModel
from .service import CallOptions, Service, Unpack

_BOTH = ("pandapon", "xportcn_ka")


# --- parts of requests -------------------------------------------------------------------------------------------------


@attrs.frozen(kw_only=True)
class ReceiverAddress(RequestModel):
    """Where a parcel goes abroad. All members are optional at the vendors; the personal ones are masked in reprs."""

    name: str | None = optional(personal=True)
    email: str | None = optional(personal=True)
    phone: str | None = optional(personal=True)
    mobile_phone: str | None = optional(personal=True)
    address: str | None = optional(personal=True)
    """Street line."""
    tax_id: str | None = optional(personal=True)
    country: str | None = optional()
    """Two-letter code; the vendors' example is ``US``."""
    state: str | None = optional()
    city: str | None = optional()
    zip: str | None = optional()


@attrs.frozen(kw_only=True)
class FreightInfo(RequestModel):
    """The freight service chosen for an item; members from the vendors' example (its table is folded)."""

    service_id: str | None = optional()
    company_name: str | None = optional()
    """Empty text in the vendors' examples."""
    service_category: str | None = optional()
    """Empty text in the vendors' examples."""


@attrs.frozen(kw_only=True)
class TmallOrderInfo(RequestModel):
    """The Taobao or Tmall order that the goods come from."""

    tmall_order_id: str | None = optional()


@attrs.frozen(kw_only=True)
class RenderItem(RequestModel):
    """One item of a freight preview. The page marks currency and price required, its own example has neither."""

    item_id: str
    sku_id: str
    quantity: int = attrs.field(metadata=wire(minimum=1))
    freight_info: FreightInfo
    currency: str | None = optional()
    price: Decimal | None = optional()
    """Price of one piece in ``currency``; text on the wire."""


@attrs.frozen(kw_only=True)
class BookingItem(RequestModel):
    """One item of a booking."""

    item_id: str | None = optional()
    sku_id: str | None = optional()
    quantity: int | None = optional(minimum=1)
    title: str | None = optional()
    image_url: str | None = optional()
    freight_info: FreightInfo | None = optional()
    currency: str | None = optional()
    price: Decimal | None = optional()
    """Price of one piece in ``currency``; text on the wire."""


@attrs.frozen(kw_only=True)
class ShippedItem(RequestModel):
    """The item that a parcel holds; members from the vendors' example (its table is folded)."""

    item_id: str | None = optional()
    sku_id: str | None = optional()
    quantity: int | None = optional(minimum=1)
    title: str | None = optional()
    image_url: str | None = optional()


@attrs.frozen(kw_only=True)
class DomesticParcel(RequestModel):
    """A parcel inside China, on its way to the warehouse."""

    logistic_number: str | None = optional("logisticNumer")
    """The domestic carrier's tracking number (the wire name is the vendors' spelling)."""
    logistic_company_name: str | None = optional()
    """The carrier's Chinese name, such as 顺丰."""
    rts_time: str | None = optional()
    """Ten digits in the example, so Unix seconds by their look; the meaning (ready to ship?) isn't documented."""


@attrs.frozen(kw_only=True)
class ShipmentInfo(RequestModel):
    """One international parcel and the domestic parcels that make it up."""

    line_item: ShippedItem | None = optional()
    logistic_number: str | None = optional("logisticNumer")
    """The international tracking number that the booking gave (the wire name is the vendors' spelling)."""
    domestic_logistic_info: tuple[DomesticParcel, ...] = many()


# --- parts of replies --------------------------------------------------------------------------------------------------


@attrs.frozen(kw_only=True)
class BookedItem(ReplyModel):
    """An item as the vendor booked it."""

    item_id: str | None = optional()
    sku_id: str | None = optional()
    quantity: int | None = optional()
    title: str | None = optional()


@attrs.frozen(kw_only=True)
class InternationalLogistics(ReplyModel):
    """The international parcel of a sub-order: one object in both vendors' examples, in spite of its plural wire name."""

    logistic_number: str | None = optional("logisticNumer")
    """The international tracking number (the wire name is the vendors' spelling)."""
    logistic_company_name: str | None = optional()
    tracking_url: str | None = optional()
    logistic_type: str | None = optional()


@attrs.frozen(kw_only=True)
class FreightSubOrder(ReplyModel):
    """One parcel of a booking; in the vendors' example one for each line item."""

    item_infos: tuple[BookedItem, ...] = many()
    international_logistic_infos: InternationalLogistics | None = optional()


@attrs.frozen(kw_only=True)
class FreightBooking(ReplyModel):
    """What was booked (vendors: ``OrderBookingFreightResult``). Members that are folded on the page arrive in ``extra``."""

    order_id: str | None = optional()
    """The international order id."""
    order_fee: Money | None = optional()
    sub_orders: tuple[FreightSubOrder, ...] = many()


@attrs.frozen(kw_only=True)
class FreightPreview(OpenReply):
    """What a preview answers. The page doesn't show it; that it holds a ``renderId`` is inferred, since a booking takes one."""

    render_id: str | None = optional()


@attrs.frozen(kw_only=True)
class FreightEstimate(OpenReply):
    """What an estimate answers. The page doesn't show it: read ``value``, whatever its shape."""


@attrs.frozen(kw_only=True)
class DomesticShipmentUpdated(OpenReply):
    """What an update answers. The page doesn't show it."""


# --- requests ----------------------------------------------------------------------------------------------------------


@attrs.frozen(kw_only=True)
class FreightEstimateRequest(VendorRequest[FreightEstimate]):
    """Ask what it costs to ship one item abroad."""

    operation: ClassVar[Operation[FreightEstimate]] = Operation(
        name="logistics.estimate_freight",
        contract_id="logistics.item_price.estimate",
        title="Estimate overseas freight for one item",
        method="POST",
        path="/v2/open/pp/logistics/itemLogisticsPrice",
        routes={"xportcn_ka": Route(path="/open/pp/logistics/itemLogisticsPrice", evidence=Evidence.INFERRED)},
        effect=Effect.READ,
        evidence=Evidence.SEEN,
        reply=FreightEstimate,
        vendors=_BOTH,
        signed_query=True,
        missing="reply",
    )

    item_id: str
    sku_id: str
    quantity: int = attrs.field(metadata=wire(minimum=1))
    receiver_address: ReceiverAddress
    currency: str | None = optional()
    """Marked required on the page, absent from its own example."""
    price: Decimal | None = optional()
    """Price of one piece in ``currency``; marked required on the page, absent from its own example."""


@attrs.frozen(kw_only=True)
class FreightPreviewRequest(VendorRequest[FreightPreview]):
    """Ask what a whole order costs to ship; the reply's ``render_id`` is what a booking needs.

    PandaPon's second generation prints the path as ``/v2/open/pp/logistics/orderRenderFreight``, with the same members: give
    that in the profile's ``paths`` to use it.
    """

    operation: ClassVar[Operation[FreightPreview]] = Operation(
        name="logistics.preview_freight",
        contract_id="logistics.order.render_freight",
        title="Preview of overseas freight for an order",
        method="POST",
        path="/open/pp/logistics/orderRenderFreight",
        routes={"xportcn_ka": Route(path="/open/pp/logistics/orderRenderFreight", evidence=Evidence.INFERRED)},
        effect=Effect.READ,
        evidence=Evidence.SEEN,
        reply=FreightPreview,
        vendors=_BOTH,
        signed_query=True,
        missing="reply",
    )

    receiver_address: ReceiverAddress | None = optional()
    render_items: tuple[RenderItem, ...] = many()


@attrs.frozen(kw_only=True)
class FreightBookingRequest(VendorRequest[FreightBooking]):
    """Book the freight of an order. It costs money, and the vendors document no idempotency key."""

    operation: ClassVar[Operation[FreightBooking]] = Operation(
        name="logistics.book_freight",
        contract_id="logistics.order.book_freight",
        title="Create international logistics orders",
        method="POST",
        path="/open/pp/logistics/orderBookingFreight",
        effect=Effect.WRITE,
        evidence=Evidence.SEEN,
        reply=FreightBooking,
        vendors=_BOTH,
        signed_query=True,
    )

    render_id: str | None = optional()
    """From the preview, such as ``FF2024080200007``."""
    receiver_address: ReceiverAddress | None = optional()
    line_items: tuple[BookingItem, ...] = many()
    tmall_order_info: TmallOrderInfo | None = optional()
    remark: str | None = optional()
    """The page doesn't show whether this stands here or inside ``tmallOrderInfo`` (there: ``extra={"remark": ...}``)."""

    def natural_reference(self) -> str | None:
        """The render id: it belongs to a quote, so a merchant's own order number is the better reference."""
        return self.render_id


@attrs.frozen(kw_only=True)
class DomesticShipmentUpdate(VendorRequest[DomesticShipmentUpdated]):
    """Tell the warehouse which domestic parcels belong to a booking."""

    operation: ClassVar[Operation[DomesticShipmentUpdated]] = Operation(
        name="logistics.update_domestic_shipment",
        contract_id="logistics.domestic.update",
        title="Update domestic logistics information",
        method="POST",
        path="/open/pp/logistics/updateLogisticInfo",
        effect=Effect.WRITE,
        evidence=Evidence.SEEN,
        reply=DomesticShipmentUpdated,
        vendors=_BOTH,
        signed_query=True,
        missing="reply",
    )

    order_id: str | None = optional()
    """The international order id that the booking gave."""
    tmall_order_id: str | None = optional()
    logistic_infos: tuple[ShipmentInfo, ...] = many()


# --- methods -----------------------------------------------------------------------------------------------------------


class LogisticsService(Service):
    """``session.logistics``. Every method raises what `VendorSession.call` raises."""

    async def estimate_freight(
        self, request: FreightEstimateRequest, **options: Unpack[CallOptions]
    ) -> FreightEstimate:
        """Estimate the freight of one item (READ).

        PandaPon's path is the one seen in its v2 documentation; Xportcn KA's is inferred from its siblings. The reply's
        shape is not documented: it is decoded leniently, and everything stands in ``value``.
        """
        return await self._data(request, **options)

    async def preview_freight(self, request: FreightPreviewRequest, **options: Unpack[CallOptions]) -> FreightPreview:
        """Preview the freight of a whole order (READ); ``render_id`` is what a booking needs.

        The reply's shape is not documented: it is decoded leniently, and everything stands in ``value``.
        """
        return await self._data(request, **options)

    async def book_freight(self, request: FreightBookingRequest, **options: Unpack[CallOptions]) -> FreightBooking:
        """Book the freight of an order (WRITE: it costs money).

        Raises:
            OutcomeUnknownError: it may have been booked; it is never sent again by the library.
        """
        return await self._data(request, **options)

    async def update_domestic_shipment(
        self, request: DomesticShipmentUpdate, **options: Unpack[CallOptions]
    ) -> DomesticShipmentUpdated:
        """Report the domestic parcels of a booking (WRITE: it changes what the vendor has on record).

        The reply's shape is not documented.
        """
        return await self._data(request, **options)
