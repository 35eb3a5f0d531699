"""Generated converters: one function per model and direction, for valid data.

cattrs' own generated functions collect what they need to explain a failure. These just fail (the caller then falls back to
cattrs for the explanation), and on the sample booking they take a third of the time.
"""

from __future__ import annotations

import typing
from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import Any

import attrs

from .base import NO_EXTRA, Model, OpenReply, inferred_members, members_of
from .fields import optional_inner, wire_name
from .wire_types import Hook, is_special, lenient_reader, writer

_PLAIN = (str, int, bool)


def compile_structure(cls: type[Model], hook_of: Callable[[Any], Hook]) -> Hook:
    """A hook from a JSON object to the model; raises an arbitrary exception if the object or a member doesn't fit.

    Args:
        cls: the model. Its inferred members stay unset: `converters` reads them.
        hook_of: returns the structure hook of a type.
    """
    inferred = [member.name for member, _ in inferred_members(cls)]
    seen = [(member, annotation) for member, annotation in members_of(cls) if member.name not in inferred]
    names: dict[str, Any] = {"cls": cls, "twin": _twin(cls), "new": object.__new__}
    names |= {"NO_EXTRA": NO_EXTRA, "rest": _rest, "ABSENT": object()}
    names["known"] = frozenset(wire_name(member) for member, _ in seen)
    lines = [
        "def convert(data, _):",
        " if type(data) is not dict: raise ValueError",
        " get = data.get",
        " model = new(twin)",
        # Counting what is known saves 2 % of a booking over comparing sets of names.
        " unknown = len(data)",
    ]
    for index, (member, annotation) in enumerate(seen):
        lines += _structure_lines(index, member, annotation, names, hook_of)
    lines.append(" model.extra = rest(data, known) if unknown else NO_EXTRA")
    if issubclass(cls, OpenReply):
        lines.append(" model.value = data")
    hook: Hook = compile_function([*lines, " model.__class__ = cls", " return model"], names)
    return hook


def _twin(cls: type[Model]) -> type[Model]:
    """A subclass that isn't frozen: an instance is filled as that, then becomes the model.

    It saves 3 % of a booking over calling the setters of the slots.
    """
    thawed = {"__slots__": (), "__setattr__": object.__setattr__, "__delattr__": object.__delattr__}
    return type(cls.__name__, (cls,), thawed)


def _structure_lines(
    index: int, member: attrs.Attribute[Any], annotation: Any, names: dict[str, Any], hook_of: Callable[[Any], Hook]
) -> list[str]:
    inner = optional_inner(annotation)
    plain = annotation if inner is None else inner
    special = lenient_reader(member, annotation, hook_of)
    hook = special or hook_of(plain)
    names[f"hook{index}"], names[f"type{index}"], names[f"default{index}"] = hook, plain, member.default
    structured = f"value = hook{index}(value, type{index})"
    unfit = f"type(value) is not type{index}" if plain in _PLAIN else ""
    if special:
        change = structured
    elif typing.get_origin(plain) is tuple:
        item = typing.get_args(plain)[0]
        names[f"item{index}"], names[f"of{index}"] = hook_of(item), item
        listed = f"tuple([item{index}(item, of{index}) for item in value]) if type(value) is list else {structured[8:]}"
        change = f"value = () if value is None else {listed}"
    elif inner is not None:
        change = f"if value is not None{' and ' + unfit if unfit else ''}: {structured}"
    else:
        change = f"if {unfit}: {structured}" if unfit else structured
    needed = member.default is attrs.NOTHING
    return [
        f" value = get({wire_name(member)!r}, ABSENT)",
        " if value is not ABSENT:",
        "  unknown -= 1",
        f"  {change}",
        " else: raise ValueError" if needed else f" else: value = default{index}",
        f" model.{member.name} = value",
    ]


def compile_unstructure(cls: type[Model], hook_of: Callable[[Any], Callable[[Any], Any]]) -> Callable[[Any], Any]:
    """A hook from the model to a JSON object, without None and unset members, and with ``extra`` merged in.

    Args:
        cls: the model.
        hook_of: returns the unstructure hook of a type.
    """
    names: dict[str, Any] = {}
    lines = ["def convert(model):", " data = {}"]
    for index, (member, annotation) in enumerate(members_of(cls)):
        inner = optional_inner(annotation) or annotation
        key = repr(wire_name(member))
        if is_special(member):
            names[f"hook{index}"] = writer(member, annotation, hook_of)
            value = f"hook{index}(value)"
        elif inner in _PLAIN:
            value = "value"
        elif typing.get_origin(inner) is tuple:
            item = typing.get_args(inner)[0]
            if item is not cls:
                names[f"hook{index}"] = hook_of(item)
            value = f"[{'convert' if item is cls else f'hook{index}'}(item) for item in value]"
        else:
            names[f"hook{index}"] = _plain_decimal if inner is Decimal else hook_of(inner)
            value = f"hook{index}(value)"
        unset = "value == ()" if member.default == () else "value is None"
        lines += [f" value = model.{member.name}", f" if not ({unset}): data[{key}] = {value}"]
    hook: Callable[[Any], Any] = compile_function(
        [*lines, " if model.extra: data.update(model.extra)", " return data"], names
    )
    return hook


def compile_function(lines: list[str], names: dict[str, Any]) -> Any:
    exec("\n".join(lines), names)  # noqa: S102 - built from the model's own names only
    return names["convert"]


def _plain_decimal(number: Decimal) -> str:
    return format(number, "f")


def _rest(data: Mapping[str, Any], known: frozenset[str]) -> dict[str, Any]:
    return {name: value for name, value in data.items() if name not in known}
