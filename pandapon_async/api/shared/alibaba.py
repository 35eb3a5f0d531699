"""Models shared by the 1688 subjects of both vendors and generations: addresses, order lines, searches, refund applications."""

from __future__ import annotations

from decimal import Decimal

import attrs

from ..._errors import DecodeError
from ..._models.base import OpenReply, ReplyModel
from ..._models.fields import many, masked, optional, wire
from ..._models.jsonio import is_array, is_object
from ..._models.requests import RequestModel
from ..paging import Paging

# --- addresses and lines of orders ---------------------------------------------------------------------------------------


@attrs.frozen(kw_only=True)
class _Place(RequestModel):
    full_name: str | None = optional(personal=True)
    mobile: str | None = optional(personal=True)
    phone: str | None = optional(personal=True)
    """May be empty, according to an Xportcn KA sample."""
    post_code: str | None = optional(personal=True)
    city_text: str | None = optional()
    province_text: str | None = optional()
    area_text: str | None = optional()
    """District."""
    town_text: str | None = optional()
    address: str | None = optional(personal=True)
    """Street line."""


@attrs.frozen(kw_only=True)
class Address(_Place):
    """The delivery address in China of a v1 order. Place names are in Chinese; nothing is marked required."""


@attrs.frozen(kw_only=True)
class DeliveryAddress(Address):
    """An `Address` with the members that v1's page on creating orders marks required. Accepted wherever an `Address` is."""

    full_name: str = attrs.field(metadata=wire(personal=True), repr=masked)
    mobile: str = attrs.field(metadata=wire(personal=True), repr=masked)
    phone: str = attrs.field(metadata=wire(personal=True), repr=masked)
    city_text: str = attrs.field()
    province_text: str = attrs.field()
    town_text: str = attrs.field()
    address: str = attrs.field(metadata=wire(personal=True), repr=masked)
    """Street line."""


@attrs.frozen(kw_only=True)
class FastAddress(_Place):
    """A delivery address in China, for the cart, v2 and Xportcn KA (vendors: ``FastAdress``); has a district code."""

    district_code: str | None = optional()
    """Such as ``451481``."""


@attrs.frozen(kw_only=True)
class CargoLine(RequestModel):
    """One line of an order."""

    offer_id: str | None = optional(number=True)
    """The product's 1688 id."""
    spec_id: str | None = optional()
    """1688's hash of the variant (32 hex digits), not the numeric ``skuId``."""
    quantity: Decimal = attrs.field(metadata=wire(number=True))


@attrs.frozen(kw_only=True)
class OrderLine(CargoLine):
    """A line with the members that v1's page on creating orders marks required. Accepted wherever a `CargoLine` is."""

    offer_id: str = attrs.field(metadata=wire(number=True))
    spec_id: str = attrs.field()


# --- searches ------------------------------------------------------------------------------------------------------------


@attrs.frozen(kw_only=True)
class ProductSort(RequestModel):
    """The sort order of results: a JSON object inside a string on the wire. Unseen keys go into ``extra``."""

    price: str | None = optional()
    """``asc`` or ``desc``."""


@attrs.frozen(kw_only=True)
class KeywordQuery(RequestModel):
    """A search by keyword; nothing is marked required."""

    keyword: str | None = optional()
    begin_page: int | None = optional(minimum=1)
    """The page number, from 1."""
    page_size: int | None = optional(minimum=1)
    """The page size; the maximum isn't documented."""
    country: str | None = optional()
    """The language of the reply. The page says to send ``en``; a public client sends ``vi``."""
    filter: str | None = optional()
    """Comma-separated flags, such as ``shipInToday,ksCiphertext``; the vendor's FAQ lists them."""
    sort: ProductSort | None = optional(json_text=True)
    out_member_id: str | None = optional()
    """Your own id for the user."""
    price_start: Decimal | None = optional()
    """Lowest wholesale price; text on the wire."""
    price_end: Decimal | None = optional()
    """Highest wholesale price; text on the wire."""
    category_id: str | None = optional()


def _length(text: str) -> str:
    return f"<{len(text)} characters>"


@attrs.frozen(kw_only=True)
class ImageQuery(RequestModel):
    """A search by image."""

    image_base64: str = attrs.field(repr=_length)
    """The image itself, ``base64.b64encode(picture).decode()``, without a ``data:`` prefix."""
    begin_page: int | None = optional(minimum=1)
    """The page number, from 1."""
    page_size: int | None = optional(minimum=1)
    country: str | None = optional()
    """The language of the reply; the page says to send ``en``."""
    region: str | None = optional()
    """The subject's region in the image."""
    filter: str | None = optional()
    """Comma-separated flags; see `KeywordQuery`."""
    sort: ProductSort | None = optional(json_text=True)
    price_start: Decimal | None = optional()
    price_end: Decimal | None = optional()
    category_id: str | None = optional(number=True)
    """A number on the wire, unlike in the search by keyword."""
    image_address: str | None = optional()
    """The image's URL."""
    out_member_id: str | None = optional()


@attrs.frozen(kw_only=True)
class StoreQuery(RequestModel):
    """A search in one shop; nothing is marked required."""

    keyword: str | None = optional()
    begin_page: int | None = optional(minimum=1)
    """The page number, from 1."""
    page_size: int | None = optional(minimum=1)
    filter: str | None = optional()
    """Comma-separated flags; see `KeywordQuery`."""
    sort: ProductSort | None = optional(json_text=True)
    out_member_id: str | None = optional()
    price_start: Decimal | None = optional()
    price_end: Decimal | None = optional()
    category_id: str | None = optional(number=True)
    """A number on the wire, unlike in the search by keyword."""
    country: str | None = optional()
    """The language of the reply; ``en`` unless given."""
    seller_open_id: str | None = optional()
    """The shop's encrypted id."""


@attrs.frozen(kw_only=True)
class FoundProduct(OpenReply):
    """A product that a search found. No page shows its members: read ``value``."""


@attrs.frozen(kw_only=True)
class ProductPage(OpenReply):
    """A page of search results. The documentation is cut off before it: these members are inferred from v2's searches."""

    total_records: int | None = optional()
    total_page: int | None = optional()
    """One too high in v2's example."""
    page_size: int | None = optional()
    current_page: int | None = optional()
    data: tuple[FoundProduct, ...] = many()


def _found(page: ProductPage) -> tuple[FoundProduct, ...]:
    if page.value is not None and not (is_object(page.value) and is_array(page.value.get("data"))):
        # An unknown shape must not look like an empty search result.
        raise DecodeError(
            "the reply isn't a page as documented for v2: send the request with session.call and read reply.raw"
        )
    return page.data


SEARCH_PAGES = Paging[ProductPage, FoundProduct](
    number="begin_page",
    size="page_size",
    items=_found,
    total=lambda page: page.total_records,
    current=lambda page: page.current_page,
    page_size=lambda page: page.page_size,
)
"""How the searches of v1 and of Xportcn KA are paged."""


# --- orders and refunds --------------------------------------------------------------------------------------------------


@attrs.frozen(kw_only=True)
class Cancellation(RequestModel):
    """Which order to cancel, and why."""

    web_site: str = "1688"
    """The one value seen."""
    order_id: str = attrs.field(metadata=wire(number=True))
    """19 digits."""
    cancel_reason: str
    """Free text, by v2's sample."""
    remark: str | None = optional()


@attrs.frozen(kw_only=True)
class RefundedLine(RequestModel):
    """A sub-order to refund."""

    id: str | None = optional(number=True)
    """The sub-order's id."""
    count: int | None = optional()
    """The quantity bought."""


@attrs.frozen(kw_only=True)
class RefundApplication(RequestModel):
    """A refund application. The pages don't state the unit of the amounts: fen (1/100 CNY) is inferred from 1688's own API."""

    order_id: str = attrs.field(metadata=wire(number=True))
    order_entry_ids: tuple[str, ...] = many(number=True)
    """The sub-orders' ids."""
    dispute_request: str
    """The kind of refund; the values aren't listed."""
    apply_payment_fen: int = attrs.field(metadata=wire("applyPayment"))
    """The amount for the goods, in fen (1/100 CNY)."""
    apply_carriage_fen: int = attrs.field(metadata=wire("applyCarriage"))
    """The amount for freight, in fen (1/100 CNY)."""
    apply_reason_id: str = attrs.field(metadata=wire(number=True))
    description: str
    goods_status: str
    """The vendor lists no values; see `GoodsStatus` for 1688's."""
    vouchers: tuple[str, ...] = many()
    order_entry_count_list: tuple[RefundedLine, ...] = many()


@attrs.frozen(kw_only=True)
class RefundCreated(ReplyModel):
    """The refund that was applied for. All but its id is inferred from 1688's ``alibaba.trade.createRefund``."""

    refund_id: str | None = optional()
    """Set if it was created."""
    inner_reason_id: str | None = optional(number=True, inferred=True)
    inner_reason: str | None = optional(inferred=True)
    inner_post_fee: int | None = optional(inferred=True)
    """The unit isn't stated."""
    is_voucher: bool | None = optional(inferred=True)
    refund_official_solution_cost: int | None = optional(inferred=True)
    """The unit isn't stated."""


@attrs.frozen(kw_only=True)
class Done(OpenReply):
    """A reply whose data is just true or false; ``value`` has it as received."""

    @property
    def is_done(self) -> bool | None:
        """The vendor's answer; None if it is neither true nor false."""
        return self.value if isinstance(self.value, bool) else None
