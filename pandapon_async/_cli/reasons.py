"""Why a booking waits or failed, in a clerk's words: the names of Python's exceptions are for programmers."""

from __future__ import annotations

import re
from typing import Final

from .._errors import AuthError, JournalError, LimitExceededError, NotSentError, PandaponError, RateLimitedError
from .words import Words

_CODES: Final = (
    (NotSentError, "reason.unreachable"),
    (RateLimitedError, "reason.rate_limited"),
    (AuthError, "reason.keys"),
    (LimitExceededError, "reason.limit"),
    (JournalError, "reason.journal"),
)
_PYTHON: Final = re.compile(r"\b[A-Z]\w*(?:Error|Exception|Warning|Exit|Interrupt)\b|\bNoneType\b|Traceback|<class '")
_BESIDE: Final = re.compile(r"^[A-Z]\w*Error: |, [A-Z]\w*(?:Error|Exception)\b|\[Errno -?[0-9]+\] ")
"""Where a sentence stands beside the name: before it in the journal, behind it of a connection; or beside the system's number."""
_LEFT: Final = "the job was left before"


def reason_of(error: Exception, words: Words) -> str:
    """Why a booking wasn't made."""
    for kind, code in _CODES:
        if isinstance(error, kind):
            return words(code)
    if not isinstance(error, PandaponError):
        return words("reason.fault")
    return words("reason.left") if error.message.startswith(_LEFT) else plain_text(error.message, words)


def stopped_text(reason: str, words: Words) -> str:
    """Why a run ended before its input did."""
    return plain_text(reason, words)


def plain_text(text: str, words: Words) -> str:
    """A text of the library or the journal without the names of exceptions."""
    plain = _BESIDE.sub("", text)
    return words("reason.fault") if _PYTHON.search(plain) else plain
