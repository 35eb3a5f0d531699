"""The vendors' three reply envelopes, read into one, and what they say: yes, no, or nothing.

Standard: ``requestId, code, developId, msg, data``. Logistics: ``errorCode, errorMsg, success, data``. Bare: ``code, msg``.
The only code whose meaning is documented is 200.
"""

from __future__ import annotations

import enum
from collections.abc import Mapping
from typing import Any

import attrs

from .._config.profiles import CodeMeaning, normal_code
from .._models.jsonio import is_object
from .._models.operation import Effect, Operation

SUCCESS = 200
"""The success code (vendors' manual, and the booking page's example)."""


class Verdict(enum.Enum):
    """What an envelope says of the call."""

    YES = "yes"
    NO = "no"
    NONE = "no verdict"


@attrs.define
class Envelope:
    """A reply's envelope; every member None if absent, null, or not of its kind."""

    code: int | str | None
    message: str | None
    request_id: str | None
    success: bool | None
    data: Any


def read_envelope(raw: Any) -> Envelope | None:
    """The envelope of a reply's JSON; None if it has none, or all of its members are null."""
    if not is_object(raw):
        return None
    code = _code(raw.get("code"))
    if code is None:
        code = _code(raw.get("errorCode"))
    success = raw.get("success")
    if not isinstance(success, bool):
        success = None
    if code is None and success is None:
        return None
    message = raw.get("msg")
    if message is None:
        message = raw.get("errorMsg")
    return Envelope(code, _text(message), _text(raw.get("requestId")), success, raw.get("data"))


def judge(envelope: Envelope | None, operation: Operation[Any]) -> Verdict:
    """What the envelope says. A ``success: true`` beside a code that isn't success contradicts itself: no verdict."""
    if envelope is None:
        return Verdict.NONE
    code, success = envelope.code, envelope.success
    if success is False:
        return Verdict.NO
    if code == SUCCESS or (success and code in (0, None)) or (code == 0 and operation.zero_is_success):
        return Verdict.YES
    return Verdict.NONE if success or code == 0 else Verdict.NO


def meaning(code: int | str | None, effect: Effect, table: Mapping[int | str, CodeMeaning]) -> CodeMeaning:
    """What a refusal's code means: by the profile's table; else refused, but of a WRITE one like 5xx or 408, or negative, is in doubt."""
    if code is None:
        return CodeMeaning.REFUSED
    if code in table:
        return table[code]
    if effect is Effect.WRITE and isinstance(code, int) and (code < 0 or code == 408 or 500 <= code <= 599):
        return CodeMeaning.IN_DOUBT
    return CodeMeaning.REFUSED


def _code(value: Any) -> int | str | None:
    if value is None or type(value) is int:
        return value
    if isinstance(value, str):
        return normal_code(value) if value else None
    if isinstance(value, float) and value.is_integer():
        return int(value)
    return None


def _text(value: Any) -> str | None:
    if value is None or type(value) is str:
        return value
    return None if isinstance(value, (bool, dict, list)) else str(value)
