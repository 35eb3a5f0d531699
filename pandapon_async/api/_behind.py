"""The calls of 1688 and Taobao Global that stand behind undocumented operations (inferred): what they take, and what they answer.

The vendors' Taobao groups are camelCase copies of Taobao Global's API, their 1688 groups are 1688's cross-border API nearly word for
word. It says nothing of a path, and a vendor may differ in every member.
"""

from __future__ import annotations

import attrs

from .._models.base import OpenReply
from .shared.alibaba_orders import OrderPage, OrderTrace, TradeInfo
from .shared.alibaba_products import Category, ChinaFreight, ProductPool, Ranking, RelatedProducts
from .shared.alibaba_refunds import (
    AppliedRefund,
    CaseOutcome,
    LogisticsCompanies,
    RefundReasons,
    RefundSummary,
    UploadedVoucher,
)
from .shared.taobao_orders import (
    CancelStarted,
    CreatedPurchases,
    PaidPurchases,
    PurchaseOrder,
    PurchaseOrders,
    RenderedOrder,
)


@attrs.frozen
class Behind:
    """A platform's call.

    Attributes:
        call: the platform and the call's name.
        takes: its members, with what is known of them; empty if unknown.
        reply: the shape of its reply; `OpenReply` if that isn't known either.
        limits: by a member's wire name, the most that it takes: items of a list, or a number's value.
    """

    call: str
    takes: str = ""
    reply: type[OpenReply] = OpenReply
    limits: dict[str, int] = attrs.field(factory=dict[str, int], hash=False)


_TRADE, _GOODS, _TAOBAO = "1688's alibaba.trade.", "1688's product.", "Taobao Global's "

CATEGORIES = Behind(
    "1688's category.translation.getById",
    "outMemberId, language, categoryId (0 is the root), parentCateId",
    Category,
)
RELATED = Behind(
    f"{_GOODS}related.recommend", "offerId, pageNo, pageSize (at most 10), language", RelatedProducts, {"pageSize": 10}
)
RECOMMENDED = Behind(f"{_GOODS}search.offerRecommend")
DETAILS = Behind(f"{_GOODS}search.queryProductDetail")
IMAGE_SEARCH = Behind(f"{_GOODS}search.imageQuery")
HOT_LIST = Behind(
    f"{_GOODS}topList.query",
    "rankId (a category's id), rankType (`RankType`), limit (at most 20), language",
    Ranking,
    {"limit": 20},
)
CHINA_FREIGHT = Behind(
    f"{_GOODS}freight.estimate",
    "offerId, toProvinceCode, toCityCode, toCountryCode, totalNum, logisticsSkuNumModels (a list of skuId, number)",
    ChinaFreight,
)
POOL = Behind(
    "1688's pool.product.pull",
    "offerPoolId, taskId (the same for every page), pageNo, pageSize, cateId, language, sortField (order1m, buyer1m), sortType",
    ProductPool,
)
ORDERS = Behind(
    f"{_TRADE}getBuyerOrderList",
    "orderStatus (`OrderStatus`), refundStatus (`OrderRefundStatus`), createStartTime, createEndTime, modifyStartTime, modifyEndTime, "
    "page (from 1), pageSize, isHis, orderIds, outOrderId, needBuyerAddressAndPhone, needMemoInfo",
    OrderPage,
)
ORDER = Behind(f"{_TRADE}get.buyerView", "webSite, orderId", TradeInfo)
TRACE = Behind(f"{_TRADE}getLogisticsTraceInfo.buyerView", "orderId, logisticsId, webSite", OrderTrace)
RECEIPT = Behind("1688's trade.receivegoods.confirm", "orderId, orderEntryIds", CaseOutcome)
REASONS = Behind(f"{_TRADE}getRefundReasonList", "orderId, orderEntryIds, goodsStatus (`GoodsStatus`)", RefundReasons)
VOUCHER = Behind(f"{_TRADE}uploadRefundVoucher", "imageData (a JPEG below 1 MB)", UploadedVoucher)
REFUND_CREATE = Behind(
    f"{_TRADE}createRefund",
    "orderId, orderEntryIds, disputeRequest, applyPayment and applyCarriage (fen), applyReasonId, description, goodsStatus, "
    "vouchers (1 to 5), orderEntryCountList (a list of id, count)",
    AppliedRefund,
)
RETURN = Behind(
    f"{_TRADE}refund.returnGoods",
    "refundId, logisticsCompanyNo, freightBill, description, vouchers (up to 10)",
    CaseOutcome,
)
REFUND_CANCEL = Behind(f"{_TRADE}cancelRefund", "refundId", CaseOutcome)
REFUND = Behind(
    f"{_TRADE}refund.OpQueryOrderRefund", "refundId, needTimeOutInfo, needOrderRefundOperation", RefundSummary
)
CARRIERS = Behind("1688's alibaba.logistics.OpQueryLogisticCompanyList", "", LogisticsCompanies)

RENDER = Behind(
    f"{_TAOBAO}/purchase/order/render",
    "renderItemList (JSON in a text: itemId, skuId, quantity), receiverAddress, warehouseAddress (unless cross-border), "
    "needSupplychainService (for cross-border freight), taxId (Brazil)",
    RenderedOrder,
)
PURCHASE = Behind(
    f"{_TAOBAO}/purchase/order/create",
    "outerPurchaseId (required there), purchaseAmount, orderSource, orderLineList, receiver, warehouseAddressInfo, sellerOrderNumber, "
    "channelOrderType (PANAMA, PANAMA_DG), supportPartialSuccess, orderRemark, needSysRetry",
    CreatedPurchases,
)
PURCHASES = Behind(
    f"{_TAOBAO}/purchase/orders/query",
    "status, sortType (ASC, DESC), pageNo, pageSize, modifyTimeStart, modifyTimeEnd, outerPurchaseId, purchaseIds",
    PurchaseOrders,
)
ONE_PURCHASE = Behind(f"{_TAOBAO}/purchase/orders/query", "", PurchaseOrder)
BATCH_PAY = Behind(
    f"{_TAOBAO}/purchase/order/batch/pay",
    "purchaseOrderIdList (at most 10)",
    PaidPurchases,
    {"purchaseOrderIdList": 10},
)
PURCHASE_CANCEL = Behind(
    f"{_TAOBAO}/purchase/order/asyn/cancel",
    "purchaseId, subPurchaseOrderIdList, cancelReason, cancelRemark",
    CancelStarted,
)
REFUND_RENDER = Behind(f"{_TAOBAO}/order/refund/render")
REFUND_SUBMIT = Behind(
    f"{_TAOBAO}/order/refund/submit",
    "purchaseOrderLineId, refundType (`RefundType`), goodsStatus (`RefundGoodsStatus`), reasonId, refundFee, refundDesc, "
    "refundImages (at most 3); PandaPon's form has subOrderId for the first",
)
RETURN_RENDER = Behind(f"{_TAOBAO}/order/refund/render/logistics")
RETURN_SUBMIT = Behind(
    f"{_TAOBAO}/order/refund/submit/logistics", "logisticsCompanyCode, logisticsNo, buyerPhone, returnGoodsDesc"
)
