"""Async SDK for the PandaPon and Xportcn (KA) warehouse-logistics APIs: nothing booked twice, nothing lost.

Importing this module imports nothing else of the package: every public name is looked up on first use.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from ._version import __version__

if TYPE_CHECKING:
    from .bulk.asks import Ask, Shipment, quote_product
    from .bulk.brake import Pace, Stop
    from .bulk.files import read_bookings
    from .bulk.jobs import BookingJob, WriteJob
    from .bulk.journal import Journal, Settlement
    from .bulk.offers import Quote
    from .bulk.outcome import InputError, JobOutcome
    from .bulk.quotes import QuoteStream, QuoteSweep
    from .bulk.quotetable import QuoteTable, Spread
    from .bulk.rates import Rates
    from .bulk.rows import JournalRow
    from .bulk.sending import NOT_BOOKED
    from .bulk.sheet import FileError
    from .bulk.stream import Outcome, OutcomeStream
    from .clock import Clock, SystemClock
    from .codec import from_wire, to_wire
    from .errors import (
        ApiError,
        Attempt,
        AuthError,
        ConfigError,
        DeadlineExceeded,
        DecodeError,
        HttpStatusError,
        JournalError,
        LimitExceeded,
        MessageRejected,
        NotSentError,
        OutcomeUnknownError,
        PandaponError,
        RateLimitedError,
        RequestError,
        Stage,
    )
    from .manager import SessionManager
    from .operation import Effect, Evidence, Operation, QuotedPair, Reply, Route, VendorRequest
    from .profiles import (
        PANDAPON,
        XPORTCN_KA,
        CodeMeaning,
        Credentials,
        Limits,
        RetryPolicy,
        Timeouts,
        VendorProfile,
    )
    from .push.message import Message, MessageType, Platform, open_message
    from .push.route import message_route
    from .session import VendorSession
    from .signing import Signer
    from .vendors import PandaPonSession, XportcnKaSession

_HOMES = {
    "bulk.asks": ("Ask", "Shipment", "quote_product"),
    "bulk.brake": ("Pace", "Stop"),
    "bulk.jobs": ("BookingJob", "WriteJob"),
    "bulk.journal": ("Journal", "Settlement"),
    "bulk.files": ("read_bookings",),
    "bulk.outcome": ("InputError", "JobOutcome"),
    "bulk.sheet": ("FileError",),
    "bulk.offers": ("Quote",),
    "bulk.quotes": ("QuoteStream", "QuoteSweep"),
    "bulk.quotetable": ("QuoteTable", "Spread"),
    "bulk.rates": ("Rates",),
    "bulk.rows": ("JournalRow",),
    "bulk.sending": ("NOT_BOOKED",),
    "bulk.stream": ("Outcome", "OutcomeStream"),
    "clock": ("Clock", "SystemClock"),
    "codec": ("from_wire", "to_wire"),
    "errors": (
        "ApiError",
        "Attempt",
        "AuthError",
        "ConfigError",
        "DeadlineExceeded",
        "DecodeError",
        "HttpStatusError",
        "JournalError",
        "LimitExceeded",
        "MessageRejected",
        "NotSentError",
        "OutcomeUnknownError",
        "PandaponError",
        "RateLimitedError",
        "RequestError",
        "Stage",
    ),
    "manager": ("SessionManager",),
    "operation": ("Effect", "Evidence", "Operation", "QuotedPair", "Reply", "Route", "VendorRequest"),
    "profiles": (
        "PANDAPON",
        "XPORTCN_KA",
        "CodeMeaning",
        "Credentials",
        "Limits",
        "RetryPolicy",
        "Timeouts",
        "VendorProfile",
    ),
    "push.message": ("Message", "MessageType", "Platform", "open_message"),
    "push.route": ("message_route",),
    "session": ("VendorSession",),
    "signing": ("Signer",),
    "vendors": ("PandaPonSession", "XportcnKaSession"),
}
_HOME_OF = {name: module for module, names in _HOMES.items() for name in names}

__all__ = [  # noqa: RUF022 - by subject, as the modules are
    "ApiError",
    "Ask",
    "Attempt",
    "AuthError",
    "BookingJob",
    "Clock",
    "CodeMeaning",
    "ConfigError",
    "Credentials",
    "DeadlineExceeded",
    "DecodeError",
    "Effect",
    "Evidence",
    "FileError",
    "HttpStatusError",
    "InputError",
    "JobOutcome",
    "Journal",
    "JournalError",
    "JournalRow",
    "LimitExceeded",
    "Limits",
    "Message",
    "MessageRejected",
    "MessageType",
    "NOT_BOOKED",
    "NotSentError",
    "Operation",
    "Outcome",
    "OutcomeStream",
    "OutcomeUnknownError",
    "Pace",
    "PANDAPON",
    "PandaPonSession",
    "PandaponError",
    "Platform",
    "Quote",
    "QuoteStream",
    "QuoteSweep",
    "QuoteTable",
    "QuotedPair",
    "RateLimitedError",
    "Rates",
    "Reply",
    "RequestError",
    "RetryPolicy",
    "Route",
    "SessionManager",
    "Settlement",
    "Shipment",
    "Signer",
    "Spread",
    "Stage",
    "Stop",
    "SystemClock",
    "Timeouts",
    "VendorProfile",
    "VendorRequest",
    "VendorSession",
    "WriteJob",
    "XPORTCN_KA",
    "XportcnKaSession",
    "__version__",
    "from_wire",
    "message_route",
    "open_message",
    "read_bookings",
    "quote_product",
    "to_wire",
]


def __getattr__(name: str) -> Any:
    module = _HOME_OF.get(name)
    if module is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(importlib.import_module(f"{__name__}.{module}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
