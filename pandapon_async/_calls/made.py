"""What in a reply contradicts a "no": something that was made (an order id, a fee, a tracking number), or a word of success;
and what contradicts a "yes": a second level that says no, such as 1688's ``data.success: false``.

The vendors document neither their codes nor what a refusal looks like, so names are matched by their parts, wherever they
stand, and success by what is usual: at worst, a refusal is looked up at the vendor.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import parse_qsl, unquote

from .._models.jsonio import DuplicateKeyError, JsonError, is_array, is_object, loads
from .exchange import Call

_MOST = 5
"""How many are told."""

_SUBJECT = (
    "order|purchase|booking|trade|refund|dispute|payment|pay|transaction|shipment|parcel|package|waybill|tracking|"
    "logistics?|mail|express|cart|address"
)
# A member's name, without underscores and the like, after the name of what holds it. `numer` is the vendors' spelling.
_NAMES = re.compile(rf"(({_SUBJECT})s?(id|no|num|numer|number|code|sn|url)|fee|freight)s?(amount|total|value|cents?)?$")
_DATA_IDS = re.compile(r"^data(id|no)s?$")
# These name something if what they hold looks like an id.
_WHOLES = re.compile(r"^(data|.*(order|booking|waybill|tracking)s?)$")
_ID = re.compile(r"(?=.*\d)[\w./:#-]{1,64}")
_NOTHING = ("", "null", "none", "undefined", "nil", "n/a")
_IN_TEXT = re.compile(r"(?<![\w-])([A-Za-z][\w-]{1,40})[\"']?\s*[:=>]\s*[\"']?([^\s\"'<>,;&}\]]+)")

# 2xx and what is made of 200 with more zeros; or a word of success, but not "unsuccessful".
_CODE = re.compile(
    r"2\d\d|20{3,}|.*((?<!un)succe(ss|ed)|成功|(?<![a-z])(ok|done|created|accepted|completed?|true|yes)(?![a-z])).*",
    re.IGNORECASE | re.DOTALL,
)
_MESSAGE = re.compile(r"(ok|done|success(ful(ly)?)?|succeeded|[^不未没无非]{0,6}成功)[.!。！]?", re.IGNORECASE)

# What says no in a reply that says yes, wherever it stands: part of what was asked for may have been made all the same.
_FLAG = re.compile(r"(is)?success(ful(ly)?)?$")
_FAULT = re.compile(r".*(err(or)?(code|no|num)$|fail)")
# What says no only if nothing is named that was made: flags of one step (`cancelSuccess`), texts, and a second envelope's code.
_STEP = re.compile(r".*success$")
_REASON = re.compile(
    r"(.*err(or)?s?(msg|message|info|reason|desc|description|detail|text)?s?|(sub|ret|return|result)code)$"
)
_FALSE = ("false", "0", "no", "n", "fail", "failed", "failure", "error")
_FAILED = re.compile(r"fail|error|exception|失败|错误|异常|不足", re.IGNORECASE)
_ENVELOPE = frozenset(("requestId", "code", "developId", "msg", "data", "errorCode", "errorMsg", "success"))
_USUAL = (None, "", "成功", "success", "Success", "SUCCESS", "ok", "OK")


def says_success(raw: Any) -> bool:
    """Whether one of a body's codes looks like success, or its message says nothing else."""
    if not is_object(raw):
        return False
    codes, messages = ("code", "errorCode", "success"), ("msg", "errorMsg")
    return any(_CODE.fullmatch(_scalar(raw.get(name))) for name in codes) or any(
        _MESSAGE.fullmatch(_scalar(raw.get(name))) for name in messages
    )


def denied(raw: Any, body: bytes, call: Call) -> tuple[str, ...]:
    """What in a WRITE's yes says no, as ``"data.success false"``, the first few.

    Args:
        raw: the JSON of its body, an object.
        body: the body.
        call: what was sent.
    """
    # A search costs a third of a booking, and to see that it would find nothing a fortieth. What stands before the data is looked at
    # by its name.
    data, text = raw.get("data"), body[body.find(b'"data"') :].lower()
    if (
        b"success" in text
        or b"err" in text
        or b"fail" in text
        or len(text) < 2  # there is none, or not in UTF-8
        or data is False
        or (type(data) is dict and "code" in data)
        or raw.get("success") not in (True, None)
        or raw.get("errorMsg") not in _USUAL
        or raw.get("msg") not in _USUAL
        or ("code" in raw and "errorCode" in raw)
        or not raw.keys() <= _ENVELOPE
    ):
        return _denials(raw, body, call)
    return ()


def _denials(raw: Any, body: bytes, call: Call) -> tuple[str, ...]:
    if says_twice(body):
        return ("a member twice",)
    hard: dict[str, None] = {}
    soft: dict[str, None] = {}
    for holder, name, value, beside in _members(raw):
        told = f"{holder}.{name}".lstrip(".") + ("" if is_object(value) or is_array(value) else f" {_shown(value)}")
        plain = _plain(name)
        is_no = _FLAG.match(plain) and _is_false(value)
        if is_no or (plain == "data" and value is False) or (_FAULT.match(plain) and _is_fault(value)):
            hard[told] = None
        elif _is_soft(plain, value, beside):
            soft[told] = None
    found = hard if hard or not soft or made(raw, "", call) else soft
    return tuple(found)[:_MOST]


def says_twice(body: bytes) -> bool:
    """Whether an object of a body has two members of one name, of which parsing keeps the last."""
    try:
        loads(body, unique_keys=True)
    except DuplicateKeyError:
        return True
    except JsonError:
        pass
    return False


def _is_false(value: Any) -> bool:
    return value is False or (not isinstance(value, bool) and _shown(value).lower() in _FALSE)


def _is_fault(value: Any) -> bool:
    """Whether an error's code, or something that failed, is there, and more than a placeholder."""
    if isinstance(value, bool) or is_object(value) or is_array(value):
        return bool(value)
    text = _shown(value)
    return says_something(text) and text.lower() != "false" and not _CODE.fullmatch(text)


def _is_soft(name: str, value: Any, beside: Mapping[str, Any]) -> bool:
    if _STEP.match(name):
        return _is_false(value)
    if name in ("msg", "message", "data"):
        return isinstance(value, str) and _FAILED.search(value) is not None
    is_second = name == "code" and any(_scalar(beside.get(other)) for other in ("msg", "message"))
    if not (is_second or _REASON.match(name)) or is_object(value) or is_array(value):
        return False
    return _is_fault(value) and not _MESSAGE.fullmatch(_shown(value))


def _shown(value: Any) -> str:
    return ("true" if value else "false") if isinstance(value, bool) else str(value).strip()


def _scalar(value: Any) -> str:
    return str(value).strip() if isinstance(value, (str, int)) else ""


def made(raw: Any, text: str, call: Call) -> tuple[str, ...]:
    """What a reply names that the call may have made, as ``"orderId 21"``, the first few; what the request named isn't among it.

    Args:
        raw: the JSON of its body.
        text: the text of its body, in which names are looked for if it is no JSON; what must not be shown is masked in it.
        call: what was sent.
    """
    sent = {value for _, value in _named(_request(call))}
    sent |= {value for name, value in parse_qsl(call.query) if _NAMES.search(_plain(name))}
    sent |= {unquote(part) for part in call.url.raw_path.split("/")}
    found: dict[str, None] = {}
    for name, value in _in_text(text) if raw is None else _named(raw):
        if value not in sent:
            found[f"{name} {value}"] = None
            if len(found) == _MOST:
                break
    return tuple(found)


def _request(call: Call) -> Any:
    try:
        return loads(call.body or b"null")
    except JsonError:  # a job's body, from a journal that somebody wrote into
        return None


def _named(raw: Any) -> Iterator[tuple[str, str]]:
    """Name and value of whatever says that something was made."""
    for holder, name, value, _ in _members(raw):
        if is_object(value) or is_array(value) or isinstance(value, bool):
            continue
        if says_something(text := str(value).strip()):
            alone = _plain(name)
            if _NAMES.search(alone) or (_WHOLES.match(alone) and _ID.fullmatch(text)):
                yield name, text
            elif _NAMES.search(both := _plain(holder) + alone) or _DATA_IDS.match(both):
                yield f"{holder}.{name}", text


def _members(raw: Any) -> Iterator[tuple[str, str, Any, Mapping[str, Any]]]:
    """Everything in a reply, also in JSON that is a text: the name of what holds it, its own, the value, and what stands beside it."""
    nothing: Mapping[str, Any] = {}
    waiting: list[tuple[str, str, Any, Mapping[str, Any]]] = [("", "", raw, nothing)]
    while waiting:
        holder, name, value, beside = waiting.pop()
        if isinstance(value, str) and value.lstrip()[:1] in ("{", "["):
            value = _parsed(value)
        yield holder, name, value, beside
        if is_object(value):
            waiting += [(name, inner, value[inner], value) for inner in reversed(value)]
        elif is_array(value):
            waiting += [(holder, name, inner, nothing) for inner in reversed(value)]


def _parsed(text: str) -> Any:
    try:
        return loads(text.encode("utf-8", "surrogatepass"))
    except JsonError:
        return text


def _in_text(text: str) -> Iterator[tuple[str, str]]:
    for name, value in _IN_TEXT.findall(text):
        if _NAMES.search(_plain(name)) and says_something(value) and _ID.fullmatch(value):
            yield name, value


def _plain(name: str) -> str:
    return re.sub(r"[\W_]", "", name).lower()


def says_something(text: str) -> bool:
    """Whether a value is more than a placeholder."""
    return text.lower() not in _NOTHING and text.strip("0.-+") != ""
