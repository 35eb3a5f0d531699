"""Why a booking waits or failed, in a clerk's words: the names of Python's exceptions are for programmers."""

from __future__ import annotations

import re
from typing import Final

from .._errors import AuthError, JournalError, LimitExceededError, NotSentError, PandaponError, RateLimitedError
from .._files.findings import FileError, Finding
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
_SHOWN: Final = 5
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


def error_text(error: PandaponError, words: Words) -> str:
    """An error as a clerk reads it: of a file, what was found, by the codes; in English it is the error's own text."""
    if not words.table:
        return plain_text(str(error), words)
    if not isinstance(error, FileError) or not error.findings:
        return _with_context(error, words)
    shown = [finding_line(one, words) for one in error.findings[:_SHOWN]]
    if (more := len(error.findings) - _SHOWN + error.more) > 0:
        shown.append(words("rows.more", count=f"{more:,}"))
    return _advised(f"{error.name}: {'; '.join(shown)}", error, words)


def _with_context(error: PandaponError, words: Words) -> str:
    """What ``str()`` of an error says beside its message, too: where, of which booking, and what to do next."""
    where = " ".join(part for part in (error.vendor, error.operation) if part)
    facts = [
        words("error.reference", reference=error.reference) if error.reference else "",
        words("error.request_id", request_id=error.request_id) if error.request_id else "",
        words("error.attempts", count=len(error.attempts)) if len(error.attempts) > 1 else "",
    ]
    details = ", ".join(fact for fact in facts if fact)
    text = plain_text(error.message, words)
    text = words("error.text", where=where, message=text) if where else text
    text += f" [{details}]" if details else ""
    return _advised(text, error, words)


def _advised(text: str, error: PandaponError, words: Words) -> str:
    return words("error.advice", text=text, advice=words.said(error.advice)) if error.advice else text


def finding_line(finding: Finding, words: Words) -> str:
    """A finding as a clerk reads it."""
    text = finding_text(finding, words)
    if not finding.line:
        return text
    if finding.column is None:
        return words("rows.finding", line=finding.line, text=text)
    return words("rows.finding_in_column", line=finding.line, column=finding.column, text=text)


def finding_text(finding: Finding, words: Words) -> str:
    """Its sentence alone, as a problems file has it."""
    facts = {name: words.said(value) for name, value in finding.facts.items()}
    return facts.get("said") or words(f"row.{finding.code}", **facts)


def plain_text(text: str, words: Words) -> str:
    """A text of the library or the journal as a clerk reads it, without the names of exceptions."""
    plain = _BESIDE.sub("", text)
    return words("reason.fault") if _PYTHON.search(plain) else words.said(plain)
