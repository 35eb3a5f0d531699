"""Async SDK for the PandaPon and Xportcn (KA) warehouse-logistics APIs: nothing booked twice, nothing lost.

Importing this module imports nothing else of the package: every public name is looked up on first use.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ._lazy import lazy
from ._version import __version__ as __version__

if TYPE_CHECKING:
    from ._clock import Clock as Clock
    from ._config.profiles import (
        PANDAPON as PANDAPON,
        XPORTCN_KA as XPORTCN_KA,
        CodeMeaning as CodeMeaning,
        Credentials as Credentials,
        Limits as Limits,
        RetryPolicy as RetryPolicy,
        Timeouts as Timeouts,
        VendorProfile as VendorProfile,
    )
    from ._config.signing import Signer as Signer
    from ._errors import (
        ApiError as ApiError,
        AuthError as AuthError,
        ConfigError as ConfigError,
        ConnectionLostError as ConnectionLostError,
        DeadlineExceededError as DeadlineExceededError,
        DecodeError as DecodeError,
        HttpStatusError as HttpStatusError,
        JournalError as JournalError,
        LimitExceededError as LimitExceededError,
        MessageRejectedError as MessageRejectedError,
        NotSentError as NotSentError,
        OutcomeUnknownError as OutcomeUnknownError,
        PandaponError as PandaponError,
        RateLimitedError as RateLimitedError,
        RequestError as RequestError,
        Stage as Stage,
    )
    from ._files.bookings import read_bookings as read_bookings
    from ._jobs.job import BookingJob as BookingJob, WriteJob as WriteJob
    from ._jobs.once import book_once as book_once
    from ._jobs.outcome import InputError as InputError, JobOutcome as JobOutcome
    from ._jobs.report import Report as Report
    from ._jobs.sender import NOT_BOOKED as NOT_BOOKED
    from ._journal.journal import Journal as Journal
    from ._journal.rows import JournalRow as JournalRow
    from ._manager import SessionManager as SessionManager
    from ._models.converters import from_wire as from_wire, to_wire as to_wire
    from ._models.money import Money as Money
    from ._models.operation import (
        Effect as Effect,
        Evidence as Evidence,
        Operation as Operation,
        Reply as Reply,
        VendorRequest as VendorRequest,
    )
    from ._quotes.quote import Quote as Quote
    from ._quotes.rates import Rates as Rates
    from ._quotes.sweep import QuoteSweep as QuoteSweep
    from ._quotes.table import QuoteTable as QuoteTable
    from ._session import VendorSession as VendorSession
    from ._streams.admission import Pace as Pace, Stop as Stop
    from ._streams.stream import Outcome as Outcome
    from ._vendors import PandaPonSession as PandaPonSession, XportcnKaSession as XportcnKaSession
    from .push.inbox import Inbox as Inbox
    from .push.message import (
        Message as Message,
        open_message as open_message,
    )
    from .push.route import message_route as message_route
else:
    __getattr__, __dir__, __all__ = lazy(
        __name__,
        {
            "._errors": "ApiError AuthError ConfigError ConnectionLostError DeadlineExceededError DecodeError HttpStatusError "
            "JournalError LimitExceededError MessageRejectedError NotSentError OutcomeUnknownError PandaponError RateLimitedError "
            "RequestError Stage",
            "._clock": "Clock",
            "._models.converters": "from_wire to_wire",
            "._models.operation": "Effect Evidence Operation Reply VendorRequest",
            "._config.profiles": "PANDAPON XPORTCN_KA CodeMeaning Credentials Limits RetryPolicy Timeouts VendorProfile",
            "._config.signing": "Signer",
            "._streams.admission": "Pace Stop",
            "._streams.stream": "Outcome",
            "._files.bookings": "read_bookings",
            "._journal.journal": "Journal",
            "._journal.rows": "JournalRow",
            "._jobs.job": "BookingJob WriteJob",
            "._jobs.once": "book_once",
            "._jobs.outcome": "InputError JobOutcome",
            "._jobs.report": "Report",
            "._jobs.sender": "NOT_BOOKED",
            "._models.money": "Money",
            "._quotes.quote": "Quote",
            "._quotes.rates": "Rates",
            "._quotes.sweep": "QuoteSweep",
            "._quotes.table": "QuoteTable",
            "._manager": "SessionManager",
            "._session": "VendorSession",
            "._vendors": "PandaPonSession XportcnKaSession",
            ".push.inbox": "Inbox",
            ".push.message": "Message open_message",
            ".push.route": "message_route",
        },
    )
