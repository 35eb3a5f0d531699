"""Undocumented operations: listed in the vendors' menus, but with no readable page, so their paths aren't known.

They are callable as methods of their services (`OpenService`), wire JSON in and an `OpenReply` out, once the profile's
``paths`` provide the path. Where the call of the platform behind one is known (`Behind`), the reply has its members.
To document one, delete its row here and type it in its service's file.
"""

from __future__ import annotations

from functools import partial

import attrs

from .._models.base import OpenReply
from .._models.operation import Effect, Evidence, Operation
from . import _behind
from ._behind import Behind

_VENDORS = {"session": ("pandapon", "xportcn_ka"), "panda": ("pandapon",), "ka": ("xportcn_ka",)}


@attrs.frozen
class _Row:
    """One operation.

    Attributes:
        effect: READ or WRITE; ``_read(...)`` or ``_write(...)`` in the table.
        name: its method's name.
        title: the vendor's title of the page.
        why: the reasons for the inferred path or effect.
        method: HTTP method.
        contract: the last part of its contract id, if that isn't the method's name.
        path: the path, if it can be inferred; a warning is logged when it is used.
        lacks: what else the documentation doesn't show, besides path, request (for GET: query) and reply.
        behind: the call of 1688 or Taobao Global that is inferred to stand behind it.
    """

    effect: Effect
    name: str
    title: str
    why: str = ""
    method: str = attrs.field(default="POST", kw_only=True)
    contract: str | None = attrs.field(default=None, kw_only=True)
    path: str | None = attrs.field(default=None, kw_only=True)
    lacks: str = attrs.field(default="", kw_only=True)
    behind: Behind | None = attrs.field(default=None, kw_only=True)


@attrs.frozen
class Undocumented:
    """An undocumented operation: its service, method name and docstring."""

    service: str
    method: str
    operation: Operation[OpenReply]
    doc: str


@attrs.frozen
class _Menu:
    """The undocumented operations of one service.

    Attributes:
        service: its path on a session: ``panda...`` (PandaPon), ``ka...`` (Xportcn KA) or ``session...`` (both).
        contract: the prefix of their contract ids.
        rows: the operations.
        lacks: as in a row, for all of them.
        note: appended to each one's ``why``.
    """

    service: str
    contract: str
    rows: tuple[_Row, ...]
    lacks: str
    note: str

    def operation(self, row: _Row) -> Undocumented:
        """The operation of a row."""
        session, _, name = self.service.partition(".")
        shown = "query" if row.method == "GET" else "request"
        operation: Operation[OpenReply] = Operation(
            name=f"{name}.{row.name}",
            contract_id=f"{self.contract}.{row.contract or row.name}",
            title=row.title,
            method=row.method,
            path=row.path,
            effect=row.effect,
            evidence=Evidence.INFERRED if row.path else Evidence.MISSING,
            reply=row.behind.reply if row.behind else OpenReply,
            vendors=_VENDORS[session],
            limits=row.behind.limits if row.behind else {},
            missing=", ".join(filter(None, (row.lacks or self.lacks, "path", shown, "reply"))),
        )
        path = f"is inferred ({row.path})" if row.path else "isn't known"
        lead = (
            f"{row.title} ({row.effect.name}). Its path {path}; the documentation doesn't show its {operation.missing}."
        )
        return Undocumented(
            self.service, row.name, operation, " ".join(filter(None, (lead, row.why, self.note, _told(row.behind))))
        )


def _told(behind: Behind | None) -> str:
    """What is known of the platform's call, as a part of a docstring."""
    if behind is None:
        return ""
    takes = f", which takes: {behind.takes}" if behind.takes else ""
    shape = (
        "" if behind.reply is OpenReply else f" The shape of the reply is inferred from it (`{behind.reply.__name__}`)."
    )
    return f"Behind it is, inferred, {behind.call}{takes}.{shape}"


def undocumented(service: str) -> list[Undocumented]:
    """The undocumented operations of one service, created when its module is imported."""
    return [menu.operation(row) for menu in _MENUS if menu.service == service for row in menu.rows]


def _menu(service: str, contract: str, *rows: _Row, lacks: str = "", note: str = "") -> _Menu:
    return _Menu(service, contract, rows, lacks, note)


_TREE = "The path is inferred: PandaPon's known paths of refunds follow Taobao Global's, where this one stands."

_read, _write = partial(_Row, Effect.READ), partial(_Row, Effect.WRITE)

# One row per line, whatever the formatter would do.
# fmt: off
_MENUS: tuple[_Menu, ...] = (
    _menu("session.addresses", "foundations.address",
        _read("get", "Get user address information")),
    _menu("panda.alibaba.cart", "alibaba1688.cart",
        _write("add", "Add a shopping cart", "It changes the cart.", lacks="method (POST, as at Taobao)"),
        _write("delete", "Delete the shopping cart products", "It changes the cart.", lacks="method (taken as POST)"),
        _read("list", "List of shopping carts", method="GET", path="/alibaba/cart/list", lacks="method",
              why="In v2 it is GET /v2/alibaba/cart/list, and other v1 paths are v2's without /v2.")),
    _menu("panda.alibaba.marketing", "alibaba1688.marketing",
        _read("global_selection", "Global strict selection"),
        _read("strict_selection", "1688 Strict Selection"),
        _read("hot_list", "Hot selling list", behind=_behind.HOT_LIST),
        lacks="method (POST, as in v2)"),
    _menu("panda.alibaba.orders", "alibaba1688.order",
        _read("logistics_trace", "Obtain the logistics tracking information of the order", method="GET",
              behind=_behind.TRACE),
        _read("list", "Order list paging query", contract="page", path="/alibaba/order/page",
              why="In v2 it is /v2/alibaba/order/page, and the other paths of v1's orders are v2's without /v2.",
              behind=_behind.ORDERS)),
    _menu("panda.alibaba.products", "alibaba1688.product",
        _read("categories", "Query multilingual categories according to category ID", behind=_behind.CATEGORIES),
        _read("recommend", "Product recommendation inquiry", behind=_behind.RECOMMENDED),
        _read("related", "Related commodity inquiry", path="/alibaba/product/productRelatedRecommendQuery",
              why="In v2 it is /v2/alibaba/product/productRelatedRecommendQuery, and other v1 paths are v2's without /v2.",
              behind=_behind.RELATED)),
    _menu("panda.alibaba.refunds", "alibaba1688.refund",
        _read("reasons", "Check the reason for refund and return (used to create refund and return)",
              behind=_behind.REASONS),
        _write("upload_voucher", "Upload the refund and return voucher", "It stores something at the vendor.",
              behind=_behind.VOUCHER),
        _read("logistics_companies", "List of logistics companies - all logistics companies", method="GET",
              behind=_behind.CARRIERS)),
    _menu("panda.taobao.cart", "taobao.cart",
        _read("list", "List of shopping carts", method="GET", path="/open/cart/list",
              why="Its siblings are /open/cart/add and /open/cart/create/order, and 1688's counterpart is GET /v2/alibaba/cart/list."),
        _read("preview_order", "Generate an order preview", "By its title it only previews an order."),
        _write("edit_quantity", "Edit the quantity of goods", "It changes the cart."),
        _write("delete", "Delete the shopping cart products", "It changes the cart.")),
    _menu("panda.taobao.orders", "taobao.order",
        _read("list", "Paging to query the order list", "It is a GET here and a POST in v2.", method="GET",
              behind=_behind.PURCHASES),
        _read("get", "Get the order details according to the order ID", method="GET", behind=_behind.ONE_PURCHASE),
        _write("pay", "Pay for the order", "It moves money.", behind=_behind.BATCH_PAY),
        _write("upload_voucher", "Upload the payment voucher", "A proof of payment: it probably advances the order."),
        _write("cancel", "Cancel the order", "It ends the order. Treat it as a request, and check the order afterwards.",
              behind=_behind.PURCHASE_CANCEL)),
    _menu("panda.taobao.products", "taobao.product",
        _read("search", "Taobao product search interface", path="/open/product/item/search",
              why="In v2 it is /v2/taobao/product/item/search, and other pairs differ in that prefix only. The weakest of these guesses."),
        _read("search_image", "Taobao commodity picture search interface"),
        lacks="method"),
    _menu("panda.taobao.refunds", "taobao.refund",
        _read("render", "Reverse single rendering interface", path="/open/order/refund/render",
              why="In v2 it shows a form, and is /v2/taobao/order/refund/render; other pairs differ in that prefix only. "
                  "Taobao Global has it, too.",
              behind=_behind.REFUND_RENDER),
        _write("submit", "Reverse order submission", f"It applies for a refund. {_TREE}",
              path="/open/order/refund/submit", behind=_behind.REFUND_SUBMIT),
        _write("modify", "Reverse order modification", "It changes an application."),
        _read("messages", "Reverse single message list query", contract="message_list"),
        _read("render_return", "Return logistics rendering",
              f"By its title it only shows a form. {_TREE}", contract="return_logistics_render", method="GET",
              path="/open/order/refund/render/logistics", behind=_behind.RETURN_RENDER),
        _write("submit_return", "Return logistics submission",
              f"It tells the seller how the goods are returned. {_TREE}", contract="return_logistics_submit",
              path="/open/order/refund/submit/logistics", behind=_behind.RETURN_SUBMIT)),
    _menu("panda.v2.alibaba.cart", "alibaba1688_v2.cart",
        _write("add", "Add Shopping Cart Item", "It changes the cart.", lacks="method (taken as POST)"),
        _write("delete", "删除购物车商品 (delete products of the cart)", "It changes the cart.", lacks="method (taken as POST)"),
        _write("edit_quantity", "编辑商品数量 (edit the quantity of goods)", "It changes the cart.", lacks="method (POST, as in v1)"),
        _read("preview_order", "创建订单前预览数据接口 (preview the data before creating an order)", lacks="method (POST, as in v1)"),
        _write("create_order", "创建订单 (create an order)", "It orders.", lacks="method (POST, as in v1)")),
    _menu("panda.v2.alibaba.marketing", "alibaba1688_v2.marketing",
        _read("global_selection", "Global strictly selected keyword query"),
        _read("strict_selection", "1688 Strictly select keyword query"),
        _read("hot_list", "Hot list query", behind=_behind.HOT_LIST)),
    _menu("panda.v2.alibaba.orders", "alibaba1688_v2.order",
        _write("submit_batch_payment", "Developers submit 1688 orders for payment in batch", "It moves money."),
        _read("preview_batch", "Preview data interface before order creation (different merchants)"),
        _read("logistics_trace", "Obtain logistics tracking information", method="GET", behind=_behind.TRACE),
        _write("confirm_receipt", "Buyer confirms receipt", "The buyer's confirmation closes the purchase.",
              behind=_behind.RECEIPT),
        _read("decrypt_open_uid", "1688 conversion and decryption to Wangwang nickname interface", "It only looks something up.")),
    _menu("panda.v2.alibaba.products", "alibaba1688_v2.product",
        _read("get", "1688 commodity details inquiry", contract="detail", behind=_behind.DETAILS),
        _read("categories", "Query multilingual categories according to category ID", behind=_behind.CATEGORIES),
        _read("recommend", "Product recommendation", behind=_behind.RECOMMENDED)),
    _menu("panda.v2.taobao.cart", "taobao.v2.cart",
        _read("list", "Shopping Cart List", method="GET"),
        _read("preview_order", "Generate Order Preview", "By its title it only previews an order."),
        _write("create_order", "Create Order", "Sent twice, it orders twice."),
        _write("edit_quantity", "Edit item quantity", "It changes the cart."),
        _write("delete", "Delete Cart Item", "It changes the cart.")),
    _menu("panda.v2.taobao.orders", "taobao.v2.order",
        _write("create", "Taobao Order Creation", "Sent twice, it orders twice."),
        _read("list", "Taobao order paging query"),
        _read("get", "Get order details according to order ID", method="GET"),
        _write("pay", "Payment Order", "It moves money."),
        _write("cancel", "Cancel Order", "It ends the order."),
        _write("update_warehouse", "Modify the pre warehouse information of an order", "It changes where the goods go."),
        _read("im_link", "Get IM Link", "As in v1 it changes nothing, but the URL grants access.")),
    _menu("panda.v2.taobao.products", "taobao.v2.product",
        _read("get_many", "Query products in bulk based on Taobao product IDs", contract="batch"),
        _read("search_image", "Taobao image search interface")),
    _menu("panda.v2.taobao.refunds", "taobao.v2.refund",
        _read("list", "Get the reverse order list interface"),
        _write("submit", "Reverse order submission", f"It applies for a refund. {_TREE}",
              path="/v2/taobao/order/refund/submit", behind=_behind.REFUND_SUBMIT),
        _write("modify", "Reverse order modification", "It changes an application."),
        _write("cancel", "Reverse Order Cancellation", "It withdraws an application, though a GET.", method="GET"),
        _read("messages", "Query of message list", contract="message_list"),
        _write("submit_message", "Submit reverse message", "It sends a message."),
        _read("render_return", "Return logistics rendering",
              f"By its title it only shows a form. {_TREE}", contract="return_logistics_render", method="GET",
              path="/v2/taobao/order/refund/render/logistics", behind=_behind.RETURN_RENDER),
        _write("submit_return", "Return logistics submission",
              f"It tells the seller how the goods are returned. {_TREE}", contract="return_logistics_submit",
              path="/v2/taobao/order/refund/submit/logistics", behind=_behind.RETURN_SUBMIT)),
    _menu("ka.alibaba.orders", "ka.order",
        _read("list", "Order list", behind=_behind.ORDERS),
        _read("get", "Get order details", contract="detail", behind=_behind.ORDER),
        _read("logistics_trace", "Order Logistics", "It is a POST here and a GET at PandaPon.", contract="logistics",
              behind=_behind.TRACE)),
    _menu("ka.alibaba.products", "ka.product",
        _read("search_image", "AlibabaProductImageQuery", behind=_behind.IMAGE_SEARCH),
        _read("categories", "AlibabaProductCategory", behind=_behind.CATEGORIES),
        _read("get", "AlibabaProductDetail", contract="detail", behind=_behind.DETAILS),
        _read("get_many", "AlibabaProductDetailMulti", contract="detail_multi"),
        _read("estimate_freight", "AlibabaProductFreightEstimateGet",
              "By its title it is 1688's own estimate for shipping inside China, not overseas (`logistics.estimate_freight`).",
              contract="freight_estimate", behind=_behind.CHINA_FREIGHT),
        _read("pool_list", "AlibabaProductPoolList", "It is gone from the newest menu.", lacks="method (taken as POST)",
              behind=_behind.POOL)),
    _menu("ka.alibaba.refunds", "ka.refund",
        _read("reasons", "Refund Reason List", behind=_behind.REASONS),
        _write("upload_voucher", "upload voucher", "It stores something at the vendor.", behind=_behind.VOUCHER),
        _write("create", "Create refund", "It opens a case against the seller, over money.",
              behind=_behind.REFUND_CREATE),
        _write("submit_return", "Buyer submits refund information", "It changes the case.", behind=_behind.RETURN),
        _read("logistics_companies", "List of logistics companies - All logistics companies", method="GET",
              behind=_behind.CARRIERS),
        _read("get", "Get Refund Detail", contract="detail", behind=_behind.REFUND),
        _write("cancel", "cancel refund", "It ends the case. PandaPon has no counterpart.",
              behind=_behind.REFUND_CANCEL)),
    _menu("ka.taobao.products", "ka.taobao",
        _read("get", "TaoBaoProductDetail", contract="product_detail"),
        _read("search", "TaoBaoProductKeywordsQuery", contract="product_keywords"),
        _read("search_image", "TaoBaoProductImageQuery", contract="product_image"),
        note="Not in every copy of the KA menu.", lacks="method"),
    _menu("ka.taobao.products", "taobao.product",
        _read("get_v2", "Taobao Product Detail V2", contract="detail_v2"),
        _read("list_spus", "Taobao Spus list query interface", contract="spus_list"),
        _read("get_spu", "Taobao Spus Details Query Interface", contract="spus_detail"),
        note="In Xportcn's open menu, not the KA one.", lacks="method"),
    _menu("ka.taobao.orders", "ka.taobao",
        _read("render", "TaoBaoOrderRender", "By its title it only previews an order.", contract="order_render",
              behind=_behind.RENDER),
        _write("create", "TaoBaoOrderCreate", "Sent twice, it orders twice.", contract="order_create",
              behind=_behind.PURCHASE),
        _read("list", "TaoBaoOrderList", contract="order_list", path="/open/purchase/page",
              why="KA's document on Taobao order states names it; `ka.taobao.purchases.list` calls the same path.",
              behind=_behind.PURCHASES)),
    _menu("ka.taobao.purchases", "taobao.purchase",
        _read("render", "purchase order render", "By its title it only previews an order.", behind=_behind.RENDER),
        _read("render_v2", "purchase order render v2", "By its title it only previews an order.",
              behind=_behind.RENDER),
        _write("create", "purchase order create", "Sent twice, it orders twice.", behind=_behind.PURCHASE),
        _write("create_v2", "purchase order create V2", "Sent twice, it orders twice.", behind=_behind.PURCHASE),
        _write("pay", "purchase order pay", "It moves money.", behind=_behind.BATCH_PAY),
        _write("cancel", "purchase order cancel", "It ends the order.", behind=_behind.PURCHASE_CANCEL),
        note="In Xportcn's open menu, not the KA one."),
    _menu("ka.wms", "ka.wms",
        _write("package_forecast", "Package forecasting", "By its title it announces parcels."),
        _write("package_update", "package update", "By its title it changes a parcel.")),
)
# fmt: on
