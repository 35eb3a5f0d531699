"""What a vendor may pass on of the platform behind it, 1688 or Taobao Global: their codes, in texts that are INVENTED.

The codes are the platforms' own, from their public references. That a vendor passes them on is inferred, how it words that is
unknown, so every text says that it is invented.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

PLATFORM_TEXTS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "500_001": "该商品不支持在线交易 (no online trade)",
        "500_002": "只支持同一卖家的商品 (several sellers, or no specId)",
        "500_003": "商品规格不匹配 (not a spec of the offer)",
        "500_004": "库存不足 (stock)",
        "500_005": "小于最小起订量 (below the minimum)",
        "500_006": "不符合混批条件 (mixed-batch rule)",
        "500_007": "没有代销关系 (no consign relation)",
        "500_008": "价格为0 (price is 0)",
        "500_009": "小于批发起订量 (below the wholesale minimum)",
        "ORDER_STATUS_ERROR": "订单状态不允许 (only unpaid orders)",
        "ORDER_NOT_EXIST": "订单不存在 (no such order)",
        "CLOSE_ORDER_TOO_FAST": "下单10秒内不能关闭订单 (within 10 s of the creation)",
        "400_3": "没有权限 (no permission)",
        "order.nopermission.buyer": "不是该订单的买家 (not the buyer)",
        "order.createtime.history": "订单超过一年 (older than a year)",
        "5001": "订单不存在 (no such order)",
        "5005": "需要上传凭证 (a voucher is needed)",
        "5010": "订单状态不正确或重复提交 (state, or submitted before)",
        "5011": "退款金额不正确 (amount)",
        "4005": "退款单不存在 (no such refund)",
        "4008": "运单号不正确 (waybill number)",
        "ACCOUNT_BALANCE_NOT_ENOUGH": "账户余额不足 (balance)",
        "ACCOUNT_NOT_EXIST": "账户不存在 (no such account)",
        "ACCOUNT_FROZEN": "账户被冻结 (frozen)",
        "PARAM_ILLEGAL": "参数不合法 (parameter)",
        "gw.QosAppFrequencyLimit": "应用调用频率超限 (the application calls too often)",
        "gw.QosApiFrequencyLimit": "接口调用频率超限 (the operation is called too often)",
        "gw.SignatureInvalid": "签名不合法 (signature)",
        "gw.APIACLDecline": "应用没有权限 (permission of the application)",
        "ParamMissing": "缺少参数 (a parameter is missing)",
        "APIUnsupported": "接口不存在 (no such operation)",
        "ISPInvokeError": "服务调用错误 (the service failed)",
        "ISPInvokeTimeout": "服务调用超时 (the service didn't answer)",
        "IllegalAccessToken": "the specified access token is invalid or expired",
    }
)
"""By code: 1688's, but for the last one, which is Taobao Global's."""


def platform_text(code: str) -> str:
    """The text of a refusal that passes ``code`` on.

    Raises:
        KeyError: the code isn't known.
    """
    return f"passed on from the platform: {code}: {PLATFORM_TEXTS[code]}"
