"""JSON bytes in and out, with the same results and errors whether or not orjson is installed."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple, TypeGuard

from .._errors import RequestError

try:
    import orjson
except ImportError:  # the extra `speed` is not installed
    orjson = None  # type: ignore[assignment]

MAX_DEPTH = 400
"""Deeper nesting is rejected, in both directions."""

# orjson turns integers beyond 64 bits into floats, so bodies that could hold one are parsed by the standard library. Looking
# for a run of 19 digits first costs a twelfth of the regular expression, which alone would be a third of a booking.
_DIGITS = bytes(ord("0") if chr(byte).isdigit() else ord(" ") for byte in range(256))
_LONG_RUN = b"0" * 19
_LONG_INTEGER = re.compile(rb"-\d{19}|\d{20}")
# The standard library accepts a lone surrogate, orjson doesn't, and it has no UTF-8 form to be sent in.
_SURROGATE = re.compile(rb"\\u[dD][89a-fA-F]")


class JsonError(ValueError):
    """The bytes are not JSON (UTF-8, one value, finite numbers, nested at most `MAX_DEPTH` deep)."""


class DuplicateKeyError(JsonError):
    """An object has a duplicate key, and was to have none."""


def is_object(value: Any) -> TypeGuard[dict[str, Any]]:
    """Whether a plain value is a JSON object."""
    return isinstance(value, dict)


def is_array(value: Any) -> TypeGuard[list[Any] | tuple[Any, ...]]:
    """Whether a plain value is a JSON array (a tuple counts as one on the way out)."""
    return isinstance(value, (list, tuple))


def loads(body: bytes, *, unique_keys: bool = False) -> Any:
    """Parse JSON exactly: integers of any length, no NaN or Infinity.

    Args:
        body: the JSON.
        unique_keys: reject an object with a duplicate key; otherwise the last one wins.

    Raises:
        JsonError: it isn't JSON (a `DuplicateKeyError` for a duplicate key). The message quotes nothing from the body.
    """
    try:
        if unique_keys:
            value = _loads_exactly(body, _refuse_duplicates)
        elif orjson is None or _may_hold_long_integer(body):
            value = _loads_exactly(body)
        else:
            value = orjson.loads(body)
    except DuplicateKeyError:
        raise DuplicateKeyError("an object has a duplicate key") from None
    except (ValueError, RecursionError):
        raise JsonError("not JSON") from None
    if _may_be_deep(body) and _depth_exceeds(value, MAX_DEPTH):
        raise JsonError(f"nested more than {MAX_DEPTH} deep")
    return value


class JsonFault(NamedTuple):
    """Where bytes stop being valid JSON (line and column, from 1; the column counts bytes if they aren't UTF-8), and why."""

    line: int
    column: int
    text: str


def fault_in(body: bytes) -> JsonFault | None:
    """The error in bytes that `loads` rejects; None if it has no position. Quotes nothing: the content may be personal."""
    try:
        json.loads(body.decode("utf-8"))
    except json.JSONDecodeError as error:
        return JsonFault(error.lineno, error.colno, f"not JSON: {error.msg}")
    except UnicodeDecodeError as error:
        before = body[: error.start]
        return JsonFault(before.count(b"\n") + 1, error.start - before.rfind(b"\n"), "not JSON: not UTF-8")
    except (ValueError, RecursionError):
        pass
    return None


def dumps(value: Any) -> bytes:
    """Compact UTF-8 JSON of a value that `check_json` accepts.

    Raises:
        RequestError: a text holds a lone surrogate, so it has no UTF-8 form.
    """
    if orjson is not None:
        try:
            return orjson.dumps(value)
        except TypeError:
            pass  # an integer beyond 64 bits, or a lone surrogate: the standard library tells which
    try:
        return json.dumps(value, separators=(",", ":"), ensure_ascii=False, allow_nan=False).encode()
    except UnicodeEncodeError:
        why = "a text contains a lone surrogate, so it can't be sent as UTF-8"
    except ValueError:
        why = "a number has too many digits"
    # Raised outside the handler, so that it has no __context__: the original error quotes the text.
    raise RequestError(why)


def member_as_received(body: bytes, name: str) -> bytes | None:
    """The bytes of one member's value exactly as written in a JSON object; for a string, its content.

    None if it isn't a JSON object with exactly one member of that name.
    """
    try:
        found = [(value, written) for key, value, written in _members(body.decode("utf-8")) if key == name]
        if len(found) != 1:
            return None
        value, written = found[0]
        return (value if isinstance(value, str) else written).encode()
    except (ValueError, IndexError, RecursionError):
        return None


def _members(text: str) -> Iterator[tuple[str, Any, str]]:
    """Each member of a JSON object: its key, its value, and the value as written."""
    decoder, at = json.JSONDecoder(), _expect(text, 0, "{")
    separator = "}" if text[at] == "}" else ","
    while separator == ",":
        key, at = decoder.raw_decode(text, at)
        at = _expect(text, at, ":")
        value, end = decoder.raw_decode(text, at)
        yield key, value, text[at:end]
        separator = text[_blank_until(text, end)]
        at = _expect(text, end, separator if separator in ",}" else ",")


def _expect(text: str, at: int, char: str) -> int:
    """Where the next token after ``char`` begins."""
    at = _blank_until(text, at)
    if text[at] != char:
        raise ValueError(char)
    return _blank_until(text, at + 1)


def _blank_until(text: str, at: int) -> int:
    while text[at : at + 1] in (" ", "\t", "\n", "\r"):
        at += 1
    return at


def check_json(value: Any, path: str) -> None:
    """Reject what has no JSON form: other types, NaN, keys that aren't strings, nesting beyond `MAX_DEPTH`.

    Raises:
        RequestError: names the JSON path.
    """
    waiting: list[tuple[Any, str, int]] = [(value, path, 0)]
    while waiting:
        item, where, depth = waiting.pop()
        if depth > MAX_DEPTH:
            raise RequestError(f"{path}: nested more than {MAX_DEPTH} deep", field=path)
        if item is None or isinstance(item, (str, bool, int)):
            continue
        if isinstance(item, float):
            if not math.isfinite(item):
                raise RequestError(f"{where}: JSON has no {item}", field=where)
        elif is_object(item):
            for key, inner in item.items():
                _check_key(key, where)
                waiting.append((inner, f"{where}.{key}", depth + 1))
        elif is_array(item):
            for index, inner in enumerate(item):
                waiting.append((inner, f"{where}[{index}]", depth + 1))
        else:
            raise RequestError(f"{where}: {type(item).__name__} has no JSON form", field=where)


def _may_hold_long_integer(body: bytes) -> bool:
    return _LONG_RUN in body.translate(_DIGITS) and _LONG_INTEGER.search(body) is not None


def _may_be_deep(body: bytes) -> bool:
    """Whether the body could exceed the depth limit; False for most, which then skip the full walk."""
    return len(body) > 2 * MAX_DEPTH and body.count(b"[") + body.count(b"{") > MAX_DEPTH


def _check_key(key: object, where: str) -> None:
    if not isinstance(key, str):
        raise RequestError(f"{where}: a key must be text, not {type(key).__name__}", field=where)


def _loads_exactly(body: bytes, object_of: Callable[[list[tuple[str, Any]]], Any] | None = None) -> Any:
    value = json.loads(
        body.decode("utf-8"), parse_constant=_refuse_constant, parse_float=_finite, object_pairs_hook=object_of
    )
    if _SURROGATE.search(body):
        json.dumps(value, ensure_ascii=False).encode()
    return value


def _refuse_duplicates(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    made = dict(pairs)
    if len(made) < len(pairs):
        raise DuplicateKeyError
    return made


def _refuse_constant(name: str) -> Any:
    raise ValueError(name)


def _finite(text: str) -> float:
    number = float(text)
    if not math.isfinite(number):
        raise ValueError(text)
    return number


def _depth_exceeds(value: Any, limit: int) -> bool:
    level: list[Any] = [value]
    for _ in range(limit + 1):
        deeper: list[Any] = []
        for item in level:
            if is_object(item):
                deeper.extend(item.values())
            elif is_array(item):
                deeper.extend(item)
        if not deeper:
            return False
        level = deeper
    return True
