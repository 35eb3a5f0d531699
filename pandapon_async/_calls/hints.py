"""Codes of the platforms behind the vendors, found in what a vendor says: what they mean there.

The vendors' own error tables could not be read. 1688 and Taobao Global are what stands behind their groups (inferred), and both
publish theirs; a vendor that passes an error on passes on its code. Nothing here says what a code means at the vendor.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from .._models.jsonio import is_object

_1688, _TAOBAO = "1688", "Taobao Global"

_ANYWHERE: Mapping[str, tuple[str, str]] = {
    "500_001": (_1688, "the product can't be ordered online"),
    "500_002": (_1688, "the lines are of several sellers, or one lacks its specId"),
    "500_003": (_1688, "the specId isn't the product's"),
    "500_004": (_1688, "there is too little stock"),
    "500_005": (_1688, "the quantity is below the minimum of an order"),
    "500_006": (_1688, "the lines break the seller's rule for mixed orders"),
    "500_007": (_1688, "there is no consignment relation with the seller"),
    "500_008": (_1688, "the price is 0"),
    "500_009": (_1688, "the quantity is below the minimum of the wholesale price"),
    "ORDER_STATUS_ERROR": (_1688, "the order's state doesn't allow it: only an unpaid one can be cancelled"),
    "ORDER_NOT_EXIST": (_1688, "there is no such order"),
    "CLOSE_ORDER_TOO_FAST": (_1688, "an order can't be cancelled within 10 s of its creation"),
    "400_3": (_1688, "the account has no permission for the order"),
    "order.nopermission.buyer": (_1688, "the order is another buyer's"),
    "order.createtime.history": (_1688, "the order is older than a year"),
    "ACCOUNT_BALANCE_NOT_ENOUGH": (_1688, "the paying account's balance is too low"),
    "ACCOUNT_NOT_EXIST": (_1688, "the paying account doesn't exist"),
    "ACCOUNT_FROZEN": (_1688, "the paying account is frozen"),
    "PARAM_ILLEGAL": (_1688, "a parameter of the payment is wrong"),
    "QosAppFrequencyLimit": (_1688, "the application calls too often"),
    "QosApiFrequencyLimit": (_1688, "the operation is called too often"),
    "gw.SignatureInvalid": (_1688, "its gateway doesn't accept the signature of whoever calls it"),
    "gw.APIACLDecline": (_1688, "the calling application has no permission for the operation"),
    "ParamMissing": (_1688, "a parameter is missing"),
    "APIUnsupported": (_1688, "its gateway doesn't know the operation"),
    "ISPInvokeError": (_1688, "the service behind its gateway failed"),
    "ISPInvokeTimeout": (_1688, "the service behind its gateway didn't answer in time"),
    "IllegalAccessToken": (_TAOBAO, "the access token isn't valid, or no longer"),
}
"""Codes that can't be mistaken for anything else."""

_BY_CALL: tuple[tuple[str, Mapping[str, str]], ...] = (
    (
        "refund.create",
        {
            "5001": "there is no such order",
            "5002": "the caller isn't the order's buyer",
            "5003": "the state of the goods is wrong",
            "5004": "the reason is wrong",
            "5005": "a voucher is needed",
            "5006": "the freight can't be refunded",
            "5010": "the order's state doesn't allow it, or the same application was submitted before: look it up",
            "5011": "the amount is wrong",
            "5012": "the description is too long or too short",
            "5013": "the quantity to refund in part is wrong",
            "5100": "another error",
        },
    ),
    (
        "refund.submit_return",
        {
            "4001": "the token is wrong",
            "4002": "the carrier and the waybill number are needed",
            "4003": "the vouchers are wrong",
            "4004": "the check of the waybill number failed",
            "4005": "there is no such refund",
            "4006": "the account has no permission for the refund",
            "4007": "the refund's state doesn't allow it",
            "4008": "the waybill number is wrong",
            "5001": "its server failed",
            "5002": "its server failed",
            "5003": "its server failed",
        },
    ),
)
"""1688's codes that are mere numbers, so known only of their own call: the end of its contract id, and its codes."""

_1688_GROUPS = ("alibaba1688", "ka.")
_MEMBERS = ("errorCode", "errorMsg", "errorMessage", "errorInfo", "resultCode", "code", "message", "msg")
_FREQUENCY = "FrequencyLimit"
_TOKEN = re.compile(rf"(?<![0-9A-Za-z_])(?:gw\.)?({'|'.join(map(re.escape, _ANYWHERE))})(?![0-9A-Za-z_])")


def hint(contract_id: str, said: str) -> str:
    """What the codes of 1688 or Taobao Global in a vendor's words mean there; empty if it has none that is known."""
    found = {code: _ANYWHERE[code] for code in _TOKEN.findall(said)}
    if contract_id.startswith(_1688_GROUPS):
        numbers = re.findall(r"(?<![0-9A-Za-z_.])[0-9]{4}(?![0-9A-Za-z_])", said)
        for call, codes in _BY_CALL:
            if contract_id.endswith(f".{call}"):
                found |= {code: (_1688, codes[code]) for code in numbers if code in codes}
    if not found and is_rate_limit(said):
        found[_FREQUENCY] = (_1688, "it was called too often")
    told = [f"at {platform}, {code} means: {meaning}" for code, (platform, meaning) in found.items()]
    return f"{'; '.join(told)} (the platform's own table, not the vendor's)" if told else ""


def is_rate_limit(said: str) -> bool:
    """Whether a vendor passes on that 1688's gateway was called too often, which passes."""
    return _FREQUENCY in said


def words_of(raw: Any) -> str:
    """The texts and codes of a reply that tell why, one after another: the envelope's, and those of its data."""
    return " ".join(_words(raw))


def _words(raw: Any) -> Iterator[str]:
    levels = [raw, raw.get("data")] if is_object(raw) else []
    for level in levels:
        if is_object(level):
            values = [level.get(name) for name in _MEMBERS]
            yield from (str(value) for value in values if isinstance(value, (str, int)))
