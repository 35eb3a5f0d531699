"""Decoding problems: wire paths and reasons from cattrs' error tree, and plain JSON with those places removed."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from types import MappingProxyType
from typing import Any, cast

from cattrs import ClassValidationError, IterableValidationError

from .._errors import RequestError
from .base import Model, members_of
from .fields import camel_case, wire_name
from .jsonio import is_object, loads

MISSING = "is missing"
GONE: Any = object()
"""Replaces a removed list item, so that the others keep their indexes."""


class MismatchError(ValueError):
    """A value doesn't fit its member. The text contains no value, since it may be personal."""


Path = tuple["str | int", ...]


def leaves(
    error: BaseException, path: Path = (), names: Mapping[str, str] = MappingProxyType({})
) -> list[tuple[Path, str]]:
    """Every failure in cattrs' error tree, as (wire path, reason); ``names``: wire names of the model at ``path``, if known."""
    inner: list[tuple[Path, BaseException]]
    if isinstance(error, ClassValidationError):
        names = {member.name: wire_name(member) for member, _ in members_of(cast("type[Model]", error.cl))}
        noted, loose = error.group_exceptions()
        inner = [((*path, names.get(note.name, note.name)), sub) for sub, note in noted]
    elif isinstance(error, IterableValidationError):
        noted_items, loose = error.group_exceptions()
        inner = [((*path, note.index), sub) for sub, note in noted_items]
    elif isinstance(error, RequestError) and error.field:
        # Raised by the validation of the model at this path; `field` is the Python name of one of its members.
        member, *inside = error.field.split(".")
        name, bracket, index = member.partition("[")
        checked = names.get(name) or camel_case(name)
        return [((*path, checked + bracket + index, *inside), error.message.removeprefix(f"{error.field}: "))]
    else:
        return [(path, _reason(error))]
    found = [leaf for where, sub in inner for leaf in leaves(sub, where)]
    return found + [leaf for sub in loose for leaf in leaves(sub, path, names)]


def _reason(error: BaseException) -> str:
    if isinstance(error, KeyError):
        return MISSING
    if isinstance(error, RequestError):
        return error.message
    return str(error) if isinstance(error, MismatchError) else type(error).__name__


def dotted(path: Path) -> str:
    return "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in path)


def without(data: Any, paths: Iterable[Path]) -> Any:
    """A copy of plain JSON without the members and items at the given paths, none of which contains another."""
    tree: dict[str | int, Any] = {}
    for path in paths:
        node = tree
        for part in path[:-1]:
            node = node.setdefault(part, {})
        node[path[-1]] = GONE
    return _pruned(data, tree)


def _pruned(data: Any, tree: Mapping[str | int, Any]) -> Any:
    if isinstance(data, str):
        data = loads(data.encode("utf-8", "surrogatepass"))  # a path leads into it, so it is JSON text
    copy: Any = dict(data) if is_object(data) else list(data)
    for part, inner in tree.items():
        if inner is not GONE:
            copy[part] = _pruned(copy[part], inner)
        elif isinstance(part, int):
            copy[part] = GONE
        else:
            del copy[part]
    return copy
