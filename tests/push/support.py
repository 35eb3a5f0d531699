"""Signed messages, made by the fake vendor's own independent code."""

from __future__ import annotations

import hashlib
import hmac
import json
from typing import Any

from pandapon_async import PANDAPON, XPORTCN_KA, Credentials, Message, VendorProfile
from pandapon_async.testing import FakeVendor, SignedMessage

KEYS = Credentials(access_key="demo-access-key", access_secret="demo-access-secret")
PANDA = PANDAPON.evolve(credentials=KEYS)
KA = XPORTCN_KA.evolve(credentials=KEYS)
ORDER = {"orderId": "3305075340000000001", "orderNo": "PO202605200001", "orderStatus": "WAITING_FOR_PAYMENT"}


def signature(body: bytes, *, key: str = KEYS.access_key, secret: str = KEYS.access_secret) -> str:
    return hmac.new(secret.encode(), key.encode() + body, hashlib.sha256).hexdigest()


def headers(body: bytes) -> dict[str, str]:
    return {"Authorization": signature(body)}


def envelope(**changes: Any) -> bytes:
    """A message of KA's shape, signed by nobody yet."""
    members: dict[str, Any] = {
        "messageType": "ORDER_CREATE",
        "messageBody": json.dumps(ORDER),
        "messagePlatform": 1,
        "timestamp": "1779263269913",
    }
    members |= changes
    return json.dumps({name: value for name, value in members.items() if value is not ...}).encode()


class Post:
    """A vendor at work: messages of the fake vendor, and the profile that they fit."""

    def __init__(self, kind: Any = "pandapon") -> None:
        self.kind = kind
        self.vendor = FakeVendor(port=1)  # never started: it only sends
        self.profile: VendorProfile = self.vendor.profile(kind)

    def message(self, order: object = 1, **options: Any) -> SignedMessage:
        return self.vendor.sign_message(self.kind, "ORDER_CREATE", {"orderId": str(order)}, timestamp=1, **options)


def order_of(message: Message) -> str:
    return str(message.body["orderId"])
