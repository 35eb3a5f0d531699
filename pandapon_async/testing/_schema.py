"""Validates bodies against the tables of the contract.

Unknown members are allowed: many tables on the vendors' pages are folded, so members that the contract doesn't list may
exist.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any, cast

import attrs

Row = Mapping[str, Any]
"""A row of a table; see `_operations.Fact`."""

_TYPES: Mapping[str, tuple[type, ...]] = MappingProxyType(
    {
        "object": (dict,),
        "array": (list,),
        "string": (str,),
        "integer": (int,),
        "number": (float, int),
        "boolean": (bool,),
        "null": (type(None),),
    }
)
_NAMES: Mapping[type, str] = MappingProxyType({types[0]: name for name, types in _TYPES.items()})
_MAX_PROBLEMS = 20


@attrs.frozen
class Shape:
    """A compiled row. ``types`` are the Python types that `json.loads` returns; empty allows any.

    ``plain``: only the type matters. Checking it first halves the time to validate a booking.
    """

    types: frozenset[type] = frozenset()
    expected: str = ""
    members: Mapping[str, Shape] = attrs.field(factory=dict[str, "Shape"])
    required: tuple[str, ...] = ()
    items: Shape | None = None
    plain: bool = attrs.field(init=False)

    def __attrs_post_init__(self) -> None:
        object.__setattr__(self, "plain", not self.members and self.items is None)


def types_of(row: Row) -> tuple[str, str]:
    """The types of a row and of its items, such as ``array[string]``; empty if the page doesn't show them.

    Raises:
        ValueError: the type can't be parsed.
    """
    found = re.fullmatch(r"(\w*)(?:<\w+>)?(?:\[(\w+)\])?", row.get("type", ""))
    if found is None:
        raise ValueError(f"unknown type syntax: {row}")
    return found[1], found[2] or ""


def compile_table(rows: Sequence[Row], samples: Sequence[Any] = ()) -> Shape:
    """The shape of an object that a table describes.

    Args:
        rows: the table; inferred rows are left out.
        samples: the documentation's own examples. A required mark is not enforced if one of them lacks the member.

    Raises:
        KeyError, ValueError: a type is unknown.
    """
    rows = [row for row in rows if not row.get("inferred")]
    objects = [cast("dict[str, Any]", sample) for sample in samples if isinstance(sample, dict)]
    required = tuple(row["name"] for row in rows if row.get("required") and all(row["name"] in o for o in objects))
    members: dict[str, Shape] = {}
    for row in rows:
        name = row["name"]
        null = row.get("nullable") or name not in required
        members[name] = _member(row, [sample[name] for sample in objects if name in sample], null=null)
    return attrs.evolve(_typed("object"), members=members, required=required)


def _member(row: Row, samples: Sequence[Any], *, null: bool) -> Shape:
    name, item = types_of(row)
    shape, rows = _typed(name, null=null), row.get("fields", ())
    if name == "array":
        entries = [entry for sample in samples if isinstance(sample, list) for entry in cast("Sequence[Any]", sample)]
        return attrs.evolve(shape, items=compile_table(rows, entries) if rows else _typed(item))
    table = compile_table(rows, samples)
    return attrs.evolve(shape, members=table.members, required=table.required)


def _typed(name: str, *, null: bool = False) -> Shape:
    if not name:
        return Shape()
    names = [name, "null"] if null else [name]
    return Shape(frozenset(found for each in names for found in _TYPES[each]), " or ".join(names))


def find_problems(value: Any, shape: Shape) -> list[str]:
    """At most 20 problems in ``value``, as ``JSON path: problem``, without any values."""
    found: list[str] = []
    _check(value, shape, ("$",), found)
    return found[:_MAX_PROBLEMS]


def _check(value: object, shape: Shape, place: tuple[Any, ...], found: list[str]) -> None:
    """Collect problems. ``place`` is a linked list, formatted only for a problem, since nearly every body is valid."""
    if len(found) >= _MAX_PROBLEMS:
        return
    if shape.types and type(value) not in shape.types:
        actual = _NAMES.get(type(value), "something else")
        found.append(f"{_path(place)}: must be {shape.expected}, not {actual}")
    elif isinstance(value, dict):
        given = cast("dict[str, Any]", value)
        found += [f"{_path(place)}.{name}: is required" for name in shape.required if name not in given]
        for name, member in given.items():
            part = shape.members.get(name)
            if part is not None and not (part.plain and type(member) in part.types):
                _check(member, part, (place, f".{name}"), found)
    elif isinstance(value, list) and shape.items is not None:
        for index, entry in enumerate(cast("Sequence[Any]", value)):
            _check(entry, shape.items, (place, index), found)


def _path(place: tuple[Any, ...]) -> str:
    """A place as a JSON path, such as ``$.orders[0].id``."""
    if len(place) == 1:
        return str(place[0])
    above, step = place
    return _path(above) + (f"[{step}]" if isinstance(step, int) else step)
