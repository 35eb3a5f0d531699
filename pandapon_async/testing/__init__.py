"""A fake vendor for tests and demos: both vendors' contracts on localhost, with scripted faults.

Importing this package does nothing; the parts are loaded when they are first named.
"""

from __future__ import annotations

from importlib import import_module
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pandapon_async.testing.checks import Account
    from pandapon_async.testing.clock import VirtualClock
    from pandapon_async.testing.faults import Faults
    from pandapon_async.testing.ledger import Ledger, MessageAttempt, RequestRecord, SentMessage
    from pandapon_async.testing.messages import SignedMessage
    from pandapon_async.testing.vendor import FakeVendor

__all__ = [
    "Account",
    "FakeVendor",
    "Faults",
    "Ledger",
    "MessageAttempt",
    "RequestRecord",
    "SentMessage",
    "SignedMessage",
    "VirtualClock",
]

_HOMES = MappingProxyType(
    {
        "Account": "checks",
        "FakeVendor": "vendor",
        "Faults": "faults",
        "Ledger": "ledger",
        "MessageAttempt": "ledger",
        "RequestRecord": "ledger",
        "SentMessage": "ledger",
        "SignedMessage": "messages",
        "VirtualClock": "clock",
    }
)


def __getattr__(name: str) -> Any:
    home = _HOMES.get(name)
    if home is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{home}"), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
