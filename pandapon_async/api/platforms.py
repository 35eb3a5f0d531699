"""Named values of 1688 and Taobao Global, the platforms behind the vendors. They are constants, and no list of what may come.

Members of replies stay plain text and numbers, so a value that isn't here passes through; a constant equals its plain value.
Unless it says otherwise, the names and numbers are the platforms' own: that a vendor passes them on is inferred.
"""

from __future__ import annotations

import enum

# --- 1688 ----------------------------------------------------------------------------------------------------------------


class OrderFlow(str, enum.Enum):
    """1688's order flows. ``general`` and ``fenxiaonew`` were seen at the vendors."""

    GENERAL = "general"
    FENXIAO = "fenxiao"
    FENXIAO_NEW = "fenxiaonew"
    PAIRED = "paired"
    REPURCHASE = "repurchase"
    BOUTIQUE_FENXIAO = "boutiquefenxiao"
    BOUTIQUE_PIFA = "boutiquepifa"


class OrderStatus(str, enum.Enum):
    """The state of a 1688 order."""

    WAIT_BUYER_PAY = "waitbuyerpay"
    WAIT_SELLER_SEND = "waitsellersend"
    WAIT_BUYER_RECEIVE = "waitbuyerreceive"
    SUCCESS = "success"
    CANCEL = "cancel"


class OrderRefundStatus(str, enum.Enum):
    """The state of a 1688 order's refund."""

    WAIT_SELLER_AGREE = "waitselleragree"
    WAIT_BUYER_MODIFY = "waitbuyermodify"
    WAIT_BUYER_SEND = "waitbuyersend"
    WAIT_SELLER_RECEIVE = "waitsellerreceive"
    SUCCESS = "refundsuccess"
    CLOSE = "refundclose"


class GoodsStatus(str, enum.Enum):
    """Where the goods are when a refund of a 1688 order is applied for."""

    WAIT_SELLER_SEND = "refundWaitSellerSend"
    WAIT_BUYER_RECEIVE = "refundWaitBuyerReceive"
    BUYER_RECEIVED = "refundBuyerReceived"
    AFTER_SALE_NOT_RECEIVED = "aftersaleBuyerNotReceived"
    AFTER_SALE_RECEIVED = "aftersaleBuyerReceived"


class PayStatus(enum.IntEnum):
    """The state of a phase of a 1688 order's payment. Xportcn KA's messages agree in 1 and 2."""

    UNPAID = 1
    PAID = 2
    REFUNDED = 4
    """In full."""
    SELLER_PAID = 6
    """The seller has the money."""
    NOT_CREATED = 7
    """There is no payment order."""
    CANCELLED = 8
    """Before it was paid."""
    PAYING = 9


class PayWay(enum.IntEnum):
    """How a phase of a 1688 order is paid; 1688 has more."""

    ALIPAY = 1
    CREDIT = 3
    ACCOUNT_PERIOD = 7
    NONE = 9


class RankType(str, enum.Enum):
    """1688's rankings of products."""

    COMPLEX = "complex"
    HOT = "hot"
    GOOD_PRICE = "goodPrice"


class ChargeType(enum.IntEnum):
    """What freight inside China is charged by."""

    WEIGHT = 0
    COUNT = 1
    VOLUME = 2


class RefundAction(str, enum.Enum):
    """What was done about a 1688 refund; 1688 has about 30."""

    BUYER_APPLIED = "BUYER_APPLY_REFUND"
    SELLER_AGREED = "SELLER_AGREE_REFUND"
    SELLER_REJECTED = "SELLER_REJECT_REFUND"
    SYSTEM_AGREED = "SYSTEM_AGREE_REFUND"


class Topic(str, enum.Enum):
    """1688's messages to buyers, and Taobao Global's numbers: likely further values of `Message.event`."""

    ORDER_MADE = "ORDER_BUYER_VIEW_BUYER_MAKE"
    ORDER_PAID = "ORDER_BUYER_VIEW_ORDER_PAY"
    ORDER_STEP_PAID = "ORDER_BUYER_VIEW_ORDER_STEP_PAY"
    ORDERS_PAID = "ORDER_BATCH_PAY"
    """The outcome of a batch payment."""
    ORDER_SENT = "ORDER_BUYER_VIEW_ANNOUNCE_SENDGOODS"
    ORDER_SENT_IN_PART = "ORDER_BUYER_VIEW_PART_PART_SENDGOODS"
    ORDER_RECEIVED = "ORDER_BUYER_VIEW_ORDER_COMFIRM_RECEIVEGOODS"
    """1688's spelling."""
    ORDER_SUCCESS = "ORDER_BUYER_VIEW_ORDER_SUCCESS"
    CLOSED_BY_BUYER = "ORDER_BUYER_VIEW_ORDER_BUYER_CLOSE"
    CLOSED_BY_SELLER = "ORDER_BUYER_VIEW_ORDER_SELLER_CLOSE"
    CLOSED_BY_PLATFORM = "ORDER_BUYER_VIEW_ORDER_BOPS_CLOSE"
    REFUND_IN_SALES = "ORDER_BUYER_VIEW_ORDER_BUYER_REFUND_IN_SALES"
    """Very likely what the name that KA's manual cuts off goes on to."""
    REFUND_AFTER_SALES = "ORDER_BUYER_VIEW_ORDER_REFUND_AFTER_SALES"
    TRACE = "LOGISTICS_BUYER_VIEW_TRACE"
    WAYBILL_CHANGED = "LOGISTICS_MAIL_NO_CHANGE"
    PACKAGE_CHANGED = "LOGISTICS_GLOBAL_1688_PACKAGE_CHANGE"
    TAOBAO_STATUS = "3"
    TAOBAO_PRICE = "8"
    TAOBAO_REFUND = "9"


# --- Taobao Global -------------------------------------------------------------------------------------------------------


class PurchaseStatus(enum.IntEnum):
    """The state of a Taobao purchase order, from Xportcn KA's own document."""

    TO_BE_PAID = 0
    PAID = 1
    """Or its proof of payment is uploaded."""
    ACCEPTED = 2
    """By finance."""
    REFUSED = 3
    """By finance."""
    CANCELLED = 4
    TO_BE_PAID_BY_FINANCE = 5
    OTHER = 9
    TO_BE_SHIPPED = 10
    SHIPPED = 11
    BEING_MADE = 12


class RefundStatus(enum.IntEnum):
    """The state of a Taobao refund, from Xportcn KA's own document, but for `AGREED`."""

    NONE = 0
    REQUESTED = 10
    SELLER_AGREES = 20
    SENT_BACK = 30
    AGREED = 90
    """The money is pending; in one other client of Taobao Global only."""
    REFUNDED = 100
    SELLER_REFUSES = -10
    CLOSED = -20


class RefundType(enum.IntEnum):
    """The kind of a Taobao refund."""

    REFUND = 1
    """The goods stay."""
    RETURN = 2
    """The goods are sent back."""


class RefundGoodsStatus(enum.IntEnum):
    """Where the goods of a Taobao refund are."""

    NOT_SHIPPED = 1
    SHIPPED = 2
    NOT_RECEIVED = 3
    RECEIVED = 4
    SENT_BACK = 5
    SELLER_RECEIVED = 6


class ParcelStatus(str, enum.Enum):
    """The state of a Taobao parcel. The vendor's own example has ``TRANSPORT``, which isn't among them."""

    WAITING_COLLECT = "WAITING_COLLECT"
    COLLECTED = "COLLECTED"
    DELIVERING = "DELIVERING"
    SIGNED = "SIGNED"
    REJECTED = "REJECTED"
    RETURNED = "RETURNED"
    EXCEPTION = "EXCEPTION"
    WAITING_CUSTOMS = "WAITING_CUSTOMS"
    CUSTOMS_CLEARANCE = "CUSTOMS_CLEARANCE"
    CUSTOMS_FAILED = "CUSTOMS_FAILED"
    UNKNOWN = "UNKNOWN"
