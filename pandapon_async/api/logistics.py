"""Warehouse logistics: estimate, preview and book freight, and report domestic parcels.

Order of use: `estimate_freight` -> `preview_freight` (gives the ``render_id``) -> `book_freight` -> `update_domestic_shipment`.
Paths, members and examples are from the vendors' pages "Create international logistics orders" and its siblings; PandaPon
and Xportcn KA document the same request and reply.
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
    """The receiver of a parcel abroad. All members are optional at the vendors; the personal ones are masked in reprs."""

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
    """The freight service for an item; members from the vendors' example (the table is folded)."""

    service_id: str | None = optional()
    company_name: str | None = optional()
    """Empty in the vendors' examples."""
    service_category: str | None = optional()
    """Empty in the vendors' examples."""


@attrs.frozen(kw_only=True)
class TmallOrderInfo(RequestModel):
    """The Taobao or Tmall order of the goods."""

    tmall_order_id: str | None = optional()


@attrs.frozen(kw_only=True)
class RenderItem(RequestModel):
    """One item of a freight preview. The page marks currency and price required, but its own example has neither."""

    item_id: str
    sku_id: str
    quantity: int = attrs.field(metadata=wire(minimum=1))
    freight_info: FreightInfo
    currency: str | None = optional()
    price: Decimal | None = optional()
    """Unit price in ``currency``; text on the wire."""


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
    """Unit price in ``currency``; text on the wire."""


@attrs.frozen(kw_only=True)
class ShippedItem(RequestModel):
    """The item in a parcel; members from the vendors' example (the table is folded)."""

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
    """Ten digits in the example, so apparently Unix seconds; the meaning (ready to ship?) isn't documented."""


@attrs.frozen(kw_only=True)
class ShipmentInfo(RequestModel):
    """One international parcel and its domestic parcels."""

    line_item: ShippedItem | None = optional()
    logistic_number: str | None = optional("logisticNumer")
    """The international tracking number from the booking (the wire name is the vendors' spelling)."""
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
    """The international parcel of a sub-order: one object in both vendors' examples, despite its plural wire name."""

    logistic_number: str | None = optional("logisticNumer")
    """The international tracking number (the wire name is the vendors' spelling)."""
    logistic_company_name: str | None = optional()
    tracking_url: str | None = optional()
    logistic_type: str | None = optional()


@attrs.frozen(kw_only=True)
class FreightSubOrder(ReplyModel):
    """One parcel of a booking; one per line item in the vendors' example."""

    item_infos: tuple[BookedItem, ...] = many()
    international_logistic_infos: InternationalLogistics | None = optional()


@attrs.frozen(kw_only=True)
class FreightBooking(ReplyModel):
    """A booking (vendors: ``OrderBookingFreightResult``). Members that the page folds are in ``extra``."""

    order_id: str | None = optional()
    """The international order id."""
    order_fee: Money | None = optional()
    sub_orders: tuple[FreightSubOrder, ...] = many()


@attrs.frozen(kw_only=True)
class FreightPreview(OpenReply):
    """The reply to a preview. The page doesn't show it; ``renderId`` is inferred, since a booking takes one."""

    render_id: str | None = optional()


@attrs.frozen(kw_only=True)
class FreightEstimate(OpenReply):
    """The reply to an estimate. The page doesn't show it: read ``value``."""


@attrs.frozen(kw_only=True)
class DomesticShipmentUpdated(OpenReply):
    """The reply to an update. The page doesn't show it."""


# --- requests ----------------------------------------------------------------------------------------------------------


@attrs.frozen(kw_only=True)
class FreightEstimateRequest(VendorRequest[FreightEstimate]):
    """Estimate the cost of shipping one item abroad."""

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
    """Unit price in ``currency``; marked required on the page, absent from its own example."""


@attrs.frozen(kw_only=True)
class FreightPreviewRequest(VendorRequest[FreightPreview]):
    """Preview the cost of shipping a whole order; a booking needs the reply's ``render_id``.

    PandaPon's second generation lists the path as ``/v2/open/pp/logistics/orderRenderFreight``, with the same members: set
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
    """The page doesn't show whether this belongs here or inside ``tmallOrderInfo`` (there: ``extra={"remark": ...}``)."""

    def natural_reference(self) -> str | None:
        """The render id. It identifies a quote, so a merchant's own order number is a better reference."""
        return self.render_id


@attrs.frozen(kw_only=True)
class DomesticShipmentUpdate(VendorRequest[DomesticShipmentUpdated]):
    """Report which domestic parcels belong to a booking."""

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
    """The international order id from the booking."""
    tmall_order_id: str | None = optional()
    logistic_infos: tuple[ShipmentInfo, ...] = many()


# --- methods -----------------------------------------------------------------------------------------------------------


class LogisticsService(Service):
    """``session.logistics``. Every method raises what `VendorSession.call` raises."""

    async def estimate_freight(
        self, request: FreightEstimateRequest, **options: Unpack[CallOptions]
    ) -> FreightEstimate:
        """Estimate the freight of one item (READ).

        PandaPon's path is seen in its v2 documentation; Xportcn KA's is inferred from related paths. The reply's
        shape is not documented: it is decoded leniently, and ``value`` has all of it.
        """
        return await self._data(request, **options)

    async def preview_freight(self, request: FreightPreviewRequest, **options: Unpack[CallOptions]) -> FreightPreview:
        """Preview the freight of a whole order (READ); a booking needs its ``render_id``.

        The reply's shape is not documented: it is decoded leniently, and ``value`` has all of it.
        """
        return await self._data(request, **options)

    async def book_freight(self, request: FreightBookingRequest, **options: Unpack[CallOptions]) -> FreightBooking:
        """Book the freight of an order (WRITE: it costs money).

        Raises:
            OutcomeUnknownError: it may have been booked; the library never sends it again.
        """
        return await self._data(request, **options)

    async def update_domestic_shipment(
        self, request: DomesticShipmentUpdate, **options: Unpack[CallOptions]
    ) -> DomesticShipmentUpdated:
        """Report the domestic parcels of a booking (WRITE: it changes the vendor's records).

        The reply's shape is not documented.
        """
        return await self._data(request, **options)
