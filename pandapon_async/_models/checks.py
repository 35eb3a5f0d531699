"""Validation of requests, compiled once per class from its annotations."""

from __future__ import annotations

import functools
import logging
import typing
from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import Any

import attrs

from .._errors import RequestError, suggestion, wrong
from .base import Model, members_of
from .decimals import as_json_number, is_digits, to_decimal
from .fields import is_number, minimum_of, optional_inner, wire_name
from .jsonio import check_json, is_array

logger = logging.getLogger("pandapon_async")

_Check = Callable[[Any, str], Any]


def explain_members(cls: type[Model], members: Mapping[str, Any]) -> None:
    known = {member.name: member.default is attrs.NOTHING for member in attrs.fields(cls)}
    for name in members:
        if name not in known:
            raise RequestError(f"{cls.__name__} has no member {name!r}{suggestion(name, known)}", field=name) from None
    for name, needed in known.items():
        if needed and name not in members:
            raise RequestError(f"{cls.__name__} needs {name!r}", field=name) from None


def check_extra(model: Model) -> None:
    if not isinstance(model.extra, Mapping):  # pyright: ignore[reportUnnecessaryIsInstance]
        raise wrong("extra", "a mapping", model.extra)
    check_json(dict(model.extra), "extra")
    for member, _ in members_of(type(model)):
        if (name := wire_name(member)) in model.extra:
            raise RequestError(f"extra[{name!r}] is a known member: set {member.name!r} instead", field=f"extra.{name}")


def limit_check(cls: type[Model], limits: Mapping[str, int]) -> Callable[[Any], None]:
    """A function that logs a warning for each member of a request that is above the platform's limit; see `Operation`."""
    names = {wire_name(member): member.name for member, _ in members_of(cls)}

    def check(request: Any) -> None:
        for name, most in limits.items():
            value = getattr(request, names[name]) if name in names else request.extra.get(name)
            size = len(value) if is_array(value) else value
            if isinstance(size, int) and size > most:
                what = f"{name} has {size} items" if is_array(value) else f"{name} is {size}"
                logger.warning(
                    "%s: %s; the platform behind the vendor is known to take at most %d (inferred, so it is sent as it is)",
                    request.operation.name,
                    what,
                    most,
                )

    return check


def check_of_member(member: attrs.Attribute[Any], annotation: Any) -> tuple[_Check, bool]:
    """The function that validates and converts a member's value, and whether an exact type match makes it unnecessary."""
    minimum, number = minimum_of(member), is_number(member)
    inner = optional_inner(annotation) or annotation
    decides = minimum is None and not number and isinstance(inner, type) and inner not in (object, Any, Decimal)
    return check_of(annotation, minimum, number=number), decides and typing.get_origin(inner) is None


def check_of(annotation: Any, minimum: int | None = None, *, number: bool = False) -> _Check:
    inner = optional_inner(annotation)
    if inner is not None:
        check = check_of(inner, minimum, number=number)
        return lambda value, path: None if value is None else check(value, path)
    if typing.get_origin(annotation) is tuple:
        return _tuple_check(check_of(typing.get_args(annotation)[0], number=number))
    if annotation is Decimal:
        return _number if number else to_decimal
    if annotation is int:
        return functools.partial(_integer, minimum=minimum)
    if annotation is str and number:
        return _digits
    if isinstance(annotation, type) and annotation not in (object, Any) and typing.get_origin(annotation) is None:
        return _instance_check(annotation)
    return lambda value, path: value


def _instance_check(cls: type) -> _Check:
    expected = {str: "text", bool: "True or False"}.get(cls, cls.__name__)

    def check(value: Any, path: str) -> Any:
        if not isinstance(value, cls):
            raise wrong(path, expected, value)
        return value

    return check


def _tuple_check(check: _Check) -> _Check:
    def check_all(value: Any, path: str) -> Any:
        if not is_array(value):
            raise wrong(path, "a tuple or list", value)
        return tuple([check(item, f"{path}[{index}]") for index, item in enumerate(value)])

    return check_all


def _integer(value: Any, path: str, minimum: int | None) -> int:
    if not isinstance(value, int) or isinstance(value, bool):
        raise wrong(path, "a whole number", value)
    if minimum is not None and value < minimum:
        raise RequestError(f"{path}: must be at least {minimum}", field=path)
    return value


def _digits(value: Any, path: str) -> str:
    """An id that is a number on the wire, as text, so that 19 digits stay exact wherever they are copied."""
    if type(value) is int and value >= 0:
        return str(value)
    if type(value) is not str:
        raise wrong(path, "a whole number, or text of its digits", value)
    if not is_digits(value):
        raise RequestError(f"{path}: must be digits without leading zeros: it is a number on the wire", field=path)
    return value


def _number(value: Any, path: str) -> Decimal:
    number = to_decimal(value, path)
    if Decimal(repr(as_json_number(number))) != number:
        raise RequestError(f"{path}: has more digits than a JSON number keeps", field=path)
    return number
