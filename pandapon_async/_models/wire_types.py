"""Members whose wire form isn't their type's own: JSON that stands in a text, and ids or amounts that are numbers.

How a member is declared (``json_text``, ``number``) is read in `model`; here is what that does to a value on its way out and in.
"""

from __future__ import annotations

import typing
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import attrs

from .decimals import as_json_number, is_digits
from .fields import is_json_text, is_number, optional_inner
from .jsonio import JsonError, dumps, is_array, loads
from .problems import UnfitError

Hook = Callable[[Any, Any], Any]
Write = Callable[[Any], Any]


def is_special(member: attrs.Attribute[Any]) -> bool:
    """Whether a member's wire form isn't its type's own."""
    return is_json_text(member) or is_number(member)


def writer(member: attrs.Attribute[Any], annotation: Any, hook_of: Callable[[Any], Write]) -> Write:
    """What writes a special member.

    Args:
        member: the member.
        annotation: its type, resolved.
        hook_of: gives the hook that unstructures a type.
    """
    inner = optional_inner(annotation) or annotation
    item = typing.get_args(inner)[0] if typing.get_origin(inner) is tuple else None
    one: Write = _to_number if is_number(member) else hook_of(item or inner)
    whole: Write = (lambda value: [one(part) for part in value]) if item else one
    return (lambda value: dumps(whole(value)).decode()) if is_json_text(member) else whole


def _to_number(value: Any) -> Any:
    if isinstance(value, Decimal):
        return as_json_number(value)
    return int(value) if is_digits(value) else value  # a reply's id may be anything


def lenient_reader(member: attrs.Attribute[Any], annotation: Any, hook_of: Callable[[Any], Hook]) -> Hook | None:
    """What reads a special member of a reply: JSON in a text or not, numbers either way; None if it needs nothing special."""
    return _json_reader(annotation, hook_of, strict=False) if is_json_text(member) else None


def strict_reader(member: attrs.Attribute[Any], annotation: Any, hook_of: Callable[[Any], Hook]) -> Hook | None:
    """What reads a special member of a request; None if it isn't special."""
    if is_json_text(member):
        return _json_reader(annotation, hook_of, strict=True)
    if not is_number(member):
        return None
    return _take_numbers if typing.get_origin(annotation) is tuple else _take_number


def _json_reader(annotation: Any, hook_of: Callable[[Any], Hook], *, strict: bool) -> Hook:
    plain = optional_inner(annotation) or annotation
    hook, listed = hook_of(plain), typing.get_origin(plain) is tuple

    def read(value: Any, _: Any) -> Any:
        if type(value) is str:
            value = _parsed(value) if value or strict else None
        elif strict and value is not None:
            raise UnfitError("expected text that holds JSON")
        return hook(value, plain) if listed or value is not None else None

    return read


def _parsed(text: str) -> Any:
    try:
        return loads(text.encode("utf-8", "surrogatepass"))
    except JsonError:
        raise UnfitError("the text doesn't hold JSON") from None


def _take_number(value: Any, _: Any) -> Any:
    """A number as it stands, or text: the model's own check decides, as when it is built in Python."""
    if type(value) is float:
        return repr(value)
    return value


def _take_numbers(value: Any, _: Any) -> Any:
    return [_take_number(item, _) for item in value] if is_array(value) else () if value is None else value
