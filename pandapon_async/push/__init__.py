"""Vendor messages: verified and parsed for any framework, handled once, and a route for aiohttp.web.

The parts are loaded when they are first named: who only opens messages doesn't load aiohttp.web.
"""

from __future__ import annotations

from importlib import import_module
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pandapon_async.errors import MessageRejected
    from pandapon_async.push.bodies import (
        AlibabaPriceChange,
        MessageBody,
        OrderSummary,
        PurchasePrice,
        RefundSummary,
        TaobaoPriceChange,
        TaobaoPriceLine,
    )
    from pandapon_async.push.inbox import Answer, Inbox
    from pandapon_async.push.message import Message, MessageType, Platform, open_message
    from pandapon_async.push.route import MessageRoute, message_route

__all__ = [
    "AlibabaPriceChange",
    "Answer",
    "Inbox",
    "Message",
    "MessageBody",
    "MessageRejected",
    "MessageRoute",
    "MessageType",
    "OrderSummary",
    "Platform",
    "PurchasePrice",
    "RefundSummary",
    "TaobaoPriceChange",
    "TaobaoPriceLine",
    "message_route",
    "open_message",
]

_HOMES = MappingProxyType(
    {
        "Answer": "push.inbox",
        "Inbox": "push.inbox",
        "Message": "push.message",
        "MessageRejected": "errors",
        "MessageRoute": "push.route",
        "MessageType": "push.message",
        "Platform": "push.message",
        "message_route": "push.route",
        "open_message": "push.message",
    }
)
_BODIES = "push.bodies"


def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"pandapon_async.{_HOMES.get(name, _BODIES)}"), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
