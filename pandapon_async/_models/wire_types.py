"""Members with a wire form other than their type's own: JSON inside a string, and ids or amounts that are numbers.

`fields` declares them (``json_text``, ``number``); this module converts their values.
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
from .problems import MismatchError

Hook = Callable[[Any, Any], Any]
Write = Callable[[Any], Any]


def is_special(member: attrs.Attribute[Any]) -> bool:
    """Whether a member's wire form differs from its type's own."""
    return is_json_text(member) or is_number(member)


def writer(member: attrs.Attribute[Any], annotation: Any, hook_of: Callable[[Any], Write]) -> Write:
    """The unstructure hook of a special member.

    Args:
        member: the member.
        annotation: its resolved type.
        hook_of: returns the unstructure hook of a type.
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
    """The structure hook of a special reply member, which accepts JSON or a string of it; None if it needs no special one."""
    return _json_reader(annotation, hook_of, strict=False) if is_json_text(member) else None


def strict_reader(member: attrs.Attribute[Any], annotation: Any, hook_of: Callable[[Any], Hook]) -> Hook | None:
    """The structure hook of a special request member; None if it isn't special."""
    if is_json_text(member):
        return _json_reader(annotation, hook_of, strict=True)
    if not is_number(member):
        return None
    return _keep_numbers if typing.get_origin(annotation) is tuple else _keep_number


def _json_reader(annotation: Any, hook_of: Callable[[Any], Hook], *, strict: bool) -> Hook:
    plain = optional_inner(annotation) or annotation
    hook, listed = hook_of(plain), typing.get_origin(plain) is tuple

    def read(value: Any, _: Any) -> Any:
        if type(value) is str:
            value = _parsed(value) if value or strict else None
        elif strict and value is not None:
            raise MismatchError("expected a string of JSON")
        return hook(value, plain) if listed or value is not None else None

    return read


def _parsed(text: str) -> Any:
    try:
        return loads(text.encode("utf-8", "surrogatepass"))
    except JsonError:
        raise MismatchError("the string isn't JSON") from None


def _keep_number(value: Any, _: Any) -> Any:
    """A number or text, left to the model's own validation, as when it is created in Python."""
    if type(value) is float:
        return repr(value)
    return value


def _keep_numbers(value: Any, _: Any) -> Any:
    return [_keep_number(item, _) for item in value] if is_array(value) else () if value is None else value
