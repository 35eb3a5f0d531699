"""Models shared by the Taobao subjects of both vendors and generations: receivers and parcels."""

from __future__ import annotations

import attrs

from ..._models.base import ReplyModel
from ..._models.fields import many, optional
from ..._models.requests import RequestModel


@attrs.frozen(kw_only=True)
class Receiver(RequestModel):
    """A receiver in China; members from the pages' examples. Place names, including the country's, are in Chinese."""

    name: str | None = optional(personal=True)
    phone: str | None = optional(personal=True)
    """Empty text in the examples."""
    mobile_phone: str | None = optional("mobile_phone", personal=True)
    """The wire name is the vendor's spelling."""
    country: str | None = optional()
    state: str | None = optional()
    """The province."""
    city: str | None = optional()
    district: str | None = optional()
    address: str | None = optional(personal=True)
    """Street line."""
    zip: str | None = optional(personal=True)


# --- where goods are -----------------------------------------------------------------------------------------------------


@attrs.frozen(kw_only=True)
class LogisticsTrace(ReplyModel):
    """One tracking event of a parcel."""

    time: str | None = optional()
    """``yyyy-MM-dd HH:mm:ss``; the zone isn't stated."""
    status: str | None = optional()
    """Such as ``TRANSPORT``; the values aren't listed."""
    status_desc: str | None = optional()
    action: str | None = optional()
    """Such as ``TMS_STATION_OUT``."""
    standard_desc: str | None = optional("standerdDesc")
    """A description in Chinese (the wire name is the vendor's spelling)."""
    facility_name: str | None = optional()
    province: str | None = optional()
    city: str | None = optional()
    district: str | None = optional()
    next_city: str | None = optional()
    next_node_name: str | None = optional()


@attrs.frozen(kw_only=True)
class Carrier(ReplyModel):
    """The carrier of a parcel."""

    company: str | None = optional()
    company_contact: str | None = optional()
    company_image_url: str | None = optional()


@attrs.frozen(kw_only=True)
class ParcelReceiver(ReplyModel):
    """The receiver of a parcel."""

    name: str | None = optional(personal=True)
    phone: str | None = optional(personal=True)
    address: str | None = optional(personal=True)
    zip_code: str | None = optional(personal=True)
    province: str | None = optional()
    city: str | None = optional()
    district: str | None = optional()


@attrs.frozen(kw_only=True)
class ShippedGoods(ReplyModel):
    """The goods in a parcel."""

    title: str | None = optional()
    property: str | None = optional()
    image_url: str | None = optional()
    quantity: str | None = optional()
    """Text in v2's generated example, so kept as received."""


@attrs.frozen(kw_only=True)
class Parcel(ReplyModel):
    """One parcel of a sub-order."""

    mail_no: str | None = optional()
    logistics_traces: tuple[LogisticsTrace, ...] = many()
    carriers: tuple[Carrier, ...] = many("logisticsPartner")
    receiver: ParcelReceiver | None = optional()
    goods: tuple[ShippedGoods, ...] = many("logisticsGoods")
    logistics_status: str | None = optional(inferred=True)
    """From Taobao Global, not the vendor's page; see `ParcelStatus`."""
    logistics_desc: str | None = optional(inferred=True)
    """From Taobao Global, not the vendor's page."""
    goods_number: str | None = optional(inferred=True)
    """From Taobao Global, not the vendor's page."""


@attrs.frozen(kw_only=True)
class Logistics(ReplyModel):
    """The tracking of a sub-order. Carriers, receiver and goods are from v2's page of the same call; v1's is cut off before them."""

    purchase_order_outer_id: str | None = optional()
    """Taobao's id of the sub-order."""
    parcels: tuple[Parcel, ...] = many("pnmLogisticsDetails")
