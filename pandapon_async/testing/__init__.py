"""A fake vendor for tests and demos: serves both vendors' contracts on localhost, with scripted faults.

Names are loaded on first use.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from .._lazy import lazy

if TYPE_CHECKING:
    from ._clock import VirtualClock as VirtualClock
    from ._faults import Faults as Faults
    from ._ledger import (
        Ledger as Ledger,
        MessageAttempt as MessageAttempt,
        RequestRecord as RequestRecord,
        SentMessage as SentMessage,
    )
    from ._messages import SignedMessage as SignedMessage
    from ._vendor import FakeVendor as FakeVendor
    from ._verification import Account as Account
else:
    __getattr__, __dir__, __all__ = lazy(
        __name__,
        {
            "._clock": "VirtualClock",
            "._faults": "Faults",
            "._ledger": "Ledger MessageAttempt RequestRecord SentMessage",
            "._messages": "SignedMessage",
            "._vendor": "FakeVendor",
            "._verification": "Account",
        },
    )
