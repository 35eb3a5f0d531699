"""The vendors' three reply envelopes, and the error codes invented by the fake vendor.

Of the vendors' codes only 200 is known; every other code here is INVENTED, and each message says so.
"""

from __future__ import annotations

from enum import IntEnum
from typing import Any

from pandapon_async.testing._operations import Family

DEVELOPER_ID = "fake-developer"


class Code(IntEnum):
    """Codes INVENTED by the fake vendor: no error table of either vendor is public."""

    SIGNATURE = 99401
    NONCE = 99402
    TIMESTAMP = 99403
    USER_ID = 99404
    SIGNED_QUERY = 99405
    UNKNOWN_PATH = 99406
    WRONG_METHOD = 99407
    BODY = 99422
    REFUSED = 99499


def refusal(family: Family, code: int, text: str, request_id: str) -> dict[str, Any]:
    """A refusal envelope. ``text`` must contain no secret and no value from the body."""
    message = f"invented: {text}"
    if family == "B":
        return {"errorCode": code, "errorMsg": message, "success": False, "data": None}
    if family == "C":
        return {"code": code, "msg": message}
    return {"requestId": request_id, "code": code, "developId": DEVELOPER_ID, "msg": message, "data": None}


def success(family: Family, data: Any, request_id: str) -> dict[str, Any]:
    """A success envelope, as in the documented examples."""
    if family == "B":
        return {"errorCode": 200, "errorMsg": None, "success": True, "data": data}
    if family == "C":
        return {"code": 200, "msg": "成功"}
    return {"requestId": request_id, "code": 200, "developId": DEVELOPER_ID, "msg": "成功", "data": data}


def nothing(family: Family) -> dict[str, Any]:
    """An envelope with all members null: neither success nor refusal."""
    return dict.fromkeys(success(family, None, ""))
