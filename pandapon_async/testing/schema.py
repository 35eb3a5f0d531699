"""A small checker for the part of JSON Schema that the contract files use.

Only ``type``, ``properties``, ``items`` and ``required`` decide. Unknown members are allowed: the vendors' pages fold
many of their tables, so a member that the contract doesn't list may well exist.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any, cast

import attrs

_PYTHON_TYPES: Mapping[str, tuple[type, ...]] = MappingProxyType(
    {
        "object": (dict,),
        "array": (list,),
        "string": (str,),
        "integer": (int,),
        "number": (int, float),
        "boolean": (bool,),
        "null": (type(None),),
    }
)
_JSON_NAMES: Mapping[type, str] = MappingProxyType(
    {dict: "object", list: "array", str: "string", int: "integer", float: "number", bool: "boolean", type(None): "null"}
)
_DECIDING = frozenset({"type", "properties", "items", "required"})
_ANNOTATIONS = frozenset({"title", "description", "example", "examples", "format"})
_MOST_PROBLEMS = 20


@attrs.frozen(kw_only=True)
class Shape:
    """A compiled schema. ``types`` are the Python types that `json.loads` gives; empty means that any fits.

    ``plain`` and ``deep`` are ``properties`` once more, parted into those whose type decides alone and the others.
    """

    types: frozenset[type]
    expected: str
    properties: Mapping[str, Shape]
    required: tuple[str, ...]
    items: Shape | None
    plain: Mapping[str, frozenset[type]]
    deep: Mapping[str, Shape]


def compile_schema(schema: Mapping[str, Any], samples: Sequence[Any] = ()) -> Shape:
    """Compile ``schema``; members that a sample lacks are not required.

    Args:
        schema: the JSON Schema of a body.
        samples: the documentation's own examples. Where the documentation's example leaves a required member out, the
            mark is doubtful, so it isn't enforced.

    Raises:
        ValueError: the schema uses a keyword that this checker would not obey.
    """
    strange = schema.keys() - _DECIDING - _ANNOTATIONS
    if strange:
        raise ValueError(f"schema keywords that are not supported: {', '.join(sorted(strange))}")
    declared = schema.get("type", [])
    names = cast("list[str]", [declared] if isinstance(declared, str) else declared)
    objects = [cast("dict[str, Any]", sample) for sample in samples if isinstance(sample, dict)]
    entries = [entry for sample in samples if isinstance(sample, list) for entry in cast("Sequence[Any]", sample)]
    declared_properties: Mapping[str, Mapping[str, Any]] = schema.get("properties", {})
    properties = {
        name: compile_schema(part, [sample[name] for sample in objects if name in sample])
        for name, part in declared_properties.items()
    }
    items: Mapping[str, Any] | None = schema.get("items")
    return Shape(
        types=frozenset(python_type for name in names for python_type in _PYTHON_TYPES[name]),
        expected=" or ".join(names),
        properties=properties,
        required=tuple(name for name in schema.get("required", ()) if all(name in sample for sample in objects)),
        items=None if items is None else compile_schema(items, entries),
        plain={name: part.types for name, part in properties.items() if part.types and _is_plain(part)},
        deep={name: part for name, part in properties.items() if not _is_plain(part)},
    )


def _is_plain(shape: Shape) -> bool:
    return not shape.properties and not shape.required and shape.items is None


def find_problems(value: Any, shape: Shape) -> list[str]:
    """What in ``value`` doesn't fit, as ``JSON path: problem`` without any value; at most about 20."""
    if _fits(value, shape):
        return []
    found: list[str] = []
    _check(value, shape, "$", found)
    return found


def _fits(value: Any, shape: Shape) -> bool:
    """The same as `_check` without words: nearly every body is right, and paths cost more than the check."""
    if shape.types and type(value) not in shape.types:
        return False
    if isinstance(value, dict):
        return _object_fits(cast("dict[str, Any]", value), shape)
    if isinstance(value, list) and shape.items is not None:
        items = shape.items
        return all(_fits(entry, items) for entry in cast("Sequence[Any]", value))
    return True


def _object_fits(value: dict[str, Any], shape: Shape) -> bool:
    plain, deep = shape.plain, shape.deep
    for name in shape.required:
        if name not in value:
            return False
    for name, member in value.items():
        types = plain.get(name)
        if types is not None:
            if type(member) not in types:
                return False
        elif name in deep and not _fits(member, deep[name]):
            return False
    return True


def _check(value: Any, shape: Shape, path: str, found: list[str]) -> None:
    if len(found) >= _MOST_PROBLEMS:
        return
    if shape.types and type(value) not in shape.types:
        found.append(f"{path}: must be {shape.expected}, not {_json_name(value)}")
    elif isinstance(value, dict):
        members = cast("dict[str, Any]", value)
        found += [f"{path}.{name}: is required" for name in shape.required if name not in members]
        for name, part in shape.properties.items():
            if name in members:
                _check(members[name], part, f"{path}.{name}", found)
    elif isinstance(value, list) and shape.items is not None:
        for index, entry in enumerate(cast("Sequence[Any]", value)):
            _check(entry, shape.items, f"{path}[{index}]", found)


def _json_name(value: object) -> str:
    return _JSON_NAMES.get(type(value), "something else")
