"""A fake vendor for tests and demos: both vendors' contracts on localhost, with scripted faults.

Importing this package loads nothing else of it: its names are looked up on first use.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from .._lazy import lazy

if TYPE_CHECKING:
    from .clock import VirtualClock as VirtualClock
    from .faults import Faults as Faults
    from .ledger import (
        Ledger as Ledger,
        MessageAttempt as MessageAttempt,
        RequestRecord as RequestRecord,
        SentMessage as SentMessage,
    )
    from .messages import SignedMessage as SignedMessage
    from .vendor import FakeVendor as FakeVendor
    from .verification import Account as Account
else:
    __getattr__, __dir__, __all__ = lazy(
        __name__,
        {
            ".clock": "VirtualClock",
            ".faults": "Faults",
            ".ledger": "Ledger MessageAttempt RequestRecord SentMessage",
            ".messages": "SignedMessage",
            ".vendor": "FakeVendor",
            ".verification": "Account",
        },
    )
