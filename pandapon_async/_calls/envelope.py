"""Reads a reply: its JSON, in whatever encoding it came; the envelope; what that says, yes, no, or nothing; and the `Reply` to a yes.

The vendors have three envelopes. Standard: ``requestId, code, developId, msg, data``. Logistics: ``errorCode, errorMsg, success,
data``. Bare: ``code, msg``. The only code whose meaning is documented is 200. What isn't an ordinary yes is `responses`' business.
"""

from __future__ import annotations

import codecs
import enum
import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

import attrs
from multidict import istr

from .._clock import http_date
from .._config.profiles import CodeMeaning, normal_code
from .._models.converters import decode
from .._models.jsonio import JsonError, is_object, loads
from .._models.operation import Effect, Operation, Reply
from .exchange import Call, Exchange
from .made import denied, made, says_something

CONTENT_TYPE = istr("Content-Type")
_AGE, _DATE = istr("Age"), istr("Date")

_LONGEST_TEXT = 64 * 1024
_CHARSET = re.compile(r"charset\s*=\s*[\"']?([\w.:-]+)", re.IGNORECASE)
_GBK = "gb18030"  # holds GB 2312 and GBK
# An allow-list, since Python decodes by stranger things than these. Latin-1 isn't in it: servlets name it without meaning it.
_ENCODINGS = {
    **dict.fromkeys(("gbk", "x-gbk", "gb2312", "gb18030", "cp936", "ms936", "windows-936", "euc-cn"), _GBK),
    **{name: name for name in ("utf-16", "utf-16le", "utf-16be", "utf-32", "utf-32le", "utf-32be", "big5")},
}

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


def ordinary_reply(exchange: Exchange, call: Call, elapsed: float) -> Reply[Any] | None:
    """The reply of a first attempt that says yes, as most do; None: there is something about it that `classify` has to look at."""
    if not 200 <= exchange.status < 300:
        return None
    operation, model = call.operation, call.operation.reply
    try:
        raw = read_json(exchange.body, exchange.headers.get(CONTENT_TYPE))
    except JsonError:
        return None
    envelope = read_envelope(raw)
    if envelope is None or judge(envelope, operation) is not Verdict.YES:
        return None
    data, problems = (envelope.data, ()) if model is None else decode(model, envelope.data)
    if problems or (operation.effect is Effect.WRITE and no_clear_yes(exchange, call, envelope, raw)):
        return None
    return Reply(
        data=data,
        code=envelope.code,
        message=envelope.message,
        request_id=envelope.request_id,
        status=exchange.status,
        headers=exchange.headers,
        raw=raw,
        elapsed=elapsed,
    )


def no_clear_yes(exchange: Exchange, call: Call, envelope: Envelope, raw: Any) -> str | None:
    """Why a WRITE's yes can't be believed, or not to be the answer to it; None: it can."""
    if exchange.early:
        return "the vendor said yes before it had read all of it"
    if found := denied(raw, exchange.body, call):
        named = made(raw, "", call)
        return f"the vendor said yes, but also {', '.join(found)}" + (f"; it names {', '.join(named)}" if named else "")
    order_id = _order_id(envelope.data)
    if exchange.peer is None or order_id is None:
        return None
    other = exchange.peer.first_told(call.operation.name, order_id, call.reference)
    if other is None or _names(call, order_id):
        return None
    exchange.peer.close()
    return f"the reply names order {order_id}, which the same connection has told {other} before"


def _order_id(data: Any) -> str | None:
    """The order id of a reply's data, in one spelling; None: it names none."""
    value = data.get("orderId") if is_object(data) else None
    if isinstance(value, bool) or not isinstance(value, (str, int, float)):
        return None
    text = str(int(value) if isinstance(value, float) and value.is_integer() else value).strip()
    return text if says_something(text) else None


def _names(call: Call, order_id: str) -> bool:
    """Whether a request is about an order, so that its id in the reply is no news."""
    value = re.escape(order_id.encode())
    return re.search(rb'[":\[,]%b["\],}]' % value, call.body or b"") is not None or order_id in call.query


def vendor_time(exchange: Exchange) -> float | None:
    """The vendor's clock in Unix seconds, if a reply can be trusted to tell it: over TLS or loopback, from no cache."""
    if not exchange.authentic or _AGE in exchange.headers:
        return None
    return http_date(exchange.headers.get(_DATE))


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


# --- encodings: the vendors are Chinese, and between them and us stand proxies ---


def read_json(body: bytes, content_type: str | None) -> Any:
    """The JSON of a body.

    Raises:
        JsonError: it is none, in any encoding that it can be in.
    """
    declared = None if body.isascii() else _declared(content_type)
    if declared is None:
        try:
            return loads(body)
        except JsonError as error:
            reason = str(error)
    else:
        reason = "not JSON"
    for encoding in _candidates(body, declared):
        try:
            return loads(body.decode(encoding).encode())
        except (UnicodeError, JsonError):
            continue
    raise JsonError(reason)


def text_of(body: bytes, content_type: str | None) -> str:
    """The text of a body, its first 64 KiB; what can't be decoded is replaced."""
    start = body[:_LONGEST_TEXT]
    for encoding in _candidates(start, _declared(content_type)):
        try:
            # What the cut has left of a character is dropped.
            return codecs.getincrementaldecoder(encoding)().decode(start, len(body) <= _LONGEST_TEXT)
        except UnicodeError:
            continue
    return start.decode("utf-8", "replace")


def _candidates(body: bytes, declared: str | None) -> Iterator[str]:
    """The encodings it can be in, the likeliest first."""
    found = json.detect_encoding(body)  # by a BOM, or by where the zeros stand
    if found != "utf-8":
        yield found
    if declared is not None:
        yield declared
    yield "utf-8"
    yield _GBK


def _declared(content_type: str | None) -> str | None:
    found = _CHARSET.search(content_type or "")
    return _ENCODINGS.get(found[1].lower()) if found else None
