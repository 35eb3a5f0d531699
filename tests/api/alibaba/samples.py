"""The contract's examples, built in Python: what a user would write."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from pandapon_async import VendorRequest
from pandapon_async.api.pandapon.alibaba import cart, orders, products, refunds
from pandapon_async.api.pandapon_v2.alibaba import orders as v2_orders, products as v2_products, refunds as v2_refunds
from pandapon_async.api.shared.alibaba import FastAddress, ProductSort, RefundedLine

PICTURE = "https://cbu01.alicdn.com/img/ibank/O1CN01example-0-cib.jpg"
WHERE = FastAddress(
    full_name="Li Test",
    mobile="13800000000",
    phone="13800000000",
    post_code="100000",
    city_text="杭州市",
    province_text="浙江省",
    area_text="西湖区",
    town_text="转塘",
    address="示例路1号",
)
_WORD = "string"
_SHOP = "BBBexampleSellerOpenId0001"

V1: Mapping[str, VendorRequest[Any]] = {
    "alibaba1688.product.detail": products.ProductRequest(offer_id="0", country=_WORD, out_member_id=_WORD),
    "alibaba1688.product.search_keyword": products.ProductSearchRequest(
        keyword="男鞋",
        begin_page=1,
        page_size=20,
        country="en",
        filter="shipInToday,ksCiphertext",
        sort=ProductSort(price="desc"),
        out_member_id="",
        price_start=Decimal("633.69"),
        price_end=Decimal("647.60"),
        category_id="",
    ),
    "alibaba1688.product.search_image": products.ImageSearchRequest(
        image_base64="/9j/4AAQSkZJRg...",
        begin_page=1,
        page_size=20,
        country="en",
        region="",
        filter="shipInToday,ksCiphertext",
        sort=ProductSort(price="asc"),
        price_start=Decimal("239.99"),
        price_end=Decimal("882.05"),
        category_id="72",
        image_address=PICTURE,
        out_member_id="21000000000",
    ),
    "alibaba1688.product.search_store": products.StoreSearchRequest(
        keyword="背心",
        begin_page=1,
        page_size=20,
        filter="shipInToday,ksCiphertext",
        sort=ProductSort(price="desc"),
        out_member_id="",
        price_start=Decimal(10),
        price_end=Decimal(200),
        category_id="6",
        country="en",
        seller_open_id=_SHOP,
    ),
    "alibaba1688.order.submit_batch_payment": orders.BatchPaymentRequest(
        order_ids=("2059624770000000001", "2060506520000000001")
    ),
    "alibaba1688.order.detail": orders.OrderRequest(order_id="2019601740000000001"),
    "alibaba1688.order.confirm_receipt": orders.ReceiptRequest(order_id="0", order_entry_ids=("0",)),
    "alibaba1688.refund.detail": refunds.RefundRequest(refund_id=_WORD),
    "alibaba1688.cart.preview_order": cart.CartPreviewRequest(
        address_param=FastAddress(
            full_name=_WORD,
            mobile=_WORD,
            phone=_WORD,
            post_code=_WORD,
            city_text=_WORD,
            province_text=_WORD,
            area_text=_WORD,
            town_text=_WORD,
            address=_WORD,
            district_code=_WORD,
        ),
        cart_ids=("0",),
    ),
    "alibaba1688.cart.edit_quantity": cart.CartQuantityRequest(quantity=0, id="0", product_no=_WORD, container=_WORD),
}

V2: Mapping[str, VendorRequest[Any]] = {
    "alibaba1688_v2.product.search_keyword": v2_products.ProductSearchRequest(
        keyword="T恤", begin_page=1, page_size=5, country="en"
    ),
    "alibaba1688_v2.product.search_image": v2_products.ImageSearchRequest(
        image_base64="xxxx",
        begin_page=1,
        page_size=5,
        country="en",
        image_address=PICTURE,
        out_member_id="21000000000",
    ),
    "alibaba1688_v2.product.search_store": v2_products.StoreSearchRequest(
        keyword="包", begin_page=1, page_size=5, country="en", seller_open_id=_SHOP
    ),
    "alibaba1688_v2.product.related": v2_products.RelatedProductsRequest(
        offer_id="f6vE-exampleEncodedOfferId", page_no=1, page_size=10, language="en"
    ),
    "alibaba1688_v2.order.create_batch": v2_orders.BatchCreateRequest(
        flow="general",
        address_param=WHERE,
        cargo_param_list=(
            v2_orders.CargoLine(
                offer_map_id="L0PTexampleOfferMapId",
                spec_id="e61a85a671bb3d0301d0412b51641c6b",
                quantity=Decimal(1),
                seller_open_id=_SHOP,
            ),
        ),
    ),
    "alibaba1688_v2.order.cancel": v2_orders.OrderCancelRequest(
        order_id="2542285630000000001", cancel_reason="不想要了"
    ),
    "alibaba1688_v2.refund.create": v2_refunds.RefundCreateRequest(
        order_id="0",
        order_entry_ids=("0",),
        dispute_request=_WORD,
        apply_payment_fen=0,
        apply_carriage_fen=0,
        apply_reason_id="0",
        description=_WORD,
        goods_status=_WORD,
        vouchers=(_WORD,),
        order_entry_count_list=(RefundedLine(id="0", count=0),),
    ),
}

EXAMPLES = {**V1, **V2}
