"""What in a reply contradicts a "no": something that was made (an order id, a fee, a tracking number), or a word of success.

The vendors document neither their codes nor what a refusal looks like, so names are matched by their parts, wherever they
stand, and success by what is usual: at worst, a refusal is looked up at the vendor.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any
from urllib.parse import parse_qsl, unquote

from .._models.jsonio import JsonError, is_array, is_object, loads
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


def says_success(raw: Any) -> bool:
    """Whether one of a body's codes looks like success, or its message says nothing else."""
    if not is_object(raw):
        return False
    codes, messages = ("code", "errorCode", "success"), ("msg", "errorMsg")
    return any(_CODE.fullmatch(_scalar(raw.get(name))) for name in codes) or any(
        _MESSAGE.fullmatch(_scalar(raw.get(name))) for name in messages
    )


def _scalar(value: Any) -> str:
    return str(value).strip() if isinstance(value, (str, int)) else ""


def made(raw: Any, text: str, call: Call) -> tuple[str, ...]:
    """What a reply names that the call may have made, as ``"orderId 21"``, the first few; what the request named isn't among it.

    Args:
        raw: the JSON of its body.
        text: the text of its body, in which names are looked for if it is no JSON; what must not be shown is masked in it.
        call: what was sent.
    """
    sent = {value for _, value in _named(_request(call), "")}
    sent |= {value for name, value in parse_qsl(call.query) if _NAMES.search(_plain(name))}
    sent |= {unquote(part) for part in call.url.raw_path.split("/")}
    found: dict[str, None] = {}
    for name, value in _in_text(text) if raw is None else _named(raw, ""):
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


def _named(raw: Any, holder: str) -> Iterator[tuple[str, str]]:
    """Name and value of whatever says that something was made."""
    waiting: list[tuple[str, str, Any]] = [(holder, "", raw)]
    while waiting:
        holder, name, value = waiting.pop()
        if isinstance(value, str) and value.lstrip()[:1] in ("{", "["):
            value = _parsed(value)
        if is_object(value):
            waiting += [(name, inner, value[inner]) for inner in reversed(value)]
        elif is_array(value):
            waiting += [(holder, name, inner) for inner in reversed(value)]
        elif not isinstance(value, bool) and _says_something(text := str(value).strip()):
            alone = _plain(name)
            if _NAMES.search(alone) or (_WHOLES.match(alone) and _ID.fullmatch(text)):
                yield name, text
            elif _NAMES.search(both := _plain(holder) + alone) or _DATA_IDS.match(both):
                yield f"{holder}.{name}", text


def _parsed(text: str) -> Any:
    try:
        return loads(text.encode("utf-8", "surrogatepass"))
    except JsonError:
        return text


def _in_text(text: str) -> Iterator[tuple[str, str]]:
    for name, value in _IN_TEXT.findall(text):
        if _NAMES.search(_plain(name)) and _says_something(value) and _ID.fullmatch(value):
            yield name, value


def _plain(name: str) -> str:
    return re.sub(r"[\W_]", "", name).lower()


def _says_something(text: str) -> bool:
    """Whether a value is more than a placeholder."""
    return text.lower() not in _NOTHING and text.strip("0.-+") != ""
