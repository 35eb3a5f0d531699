"""The columns of a CSV booking file: dotted wire names derived from the models, one row per line item."""

from __future__ import annotations

import functools
import re
import typing
from collections.abc import Iterator, Mapping
from decimal import Decimal
from typing import Any, Final

import attrs

from .._models.base import Model, members_of
from .._models.fields import optional_inner, wire_name
from .._models.jsonio import is_object
from ..api.logistics import FreightBookingRequest
from . import cells
from .cells import CellKind
from .findings import CHECKS, Finding

REFERENCE: Final = "reference"
PROBLEM: Final = ("line", "column", "code", "problem", "decision")
"""The last columns of a problems file (members, in JSON)."""


_LINES: Final = ("address", "title", "remark")
"""Members whose text may have line breaks."""


@attrs.frozen
class Column:
    """One column: the path of its cells in the request's wire JSON, and their type."""

    name: str
    path: tuple[str, ...]
    type: type
    of_item: bool

    @property
    def kind(self) -> CellKind:
        """What its cells hold: an id can't have what a name or an address can."""
        if self.type is int:
            return "whole"
        if self.type is Decimal:
            return "decimal"
        return kind_of_text(self.path[-1])


def kind_of_text(name: str) -> CellKind:
    """What a member that is text holds, by its name."""
    if name in _LINES:
        return "lines"
    return "id" if name.endswith("Id") and name != "taxId" else "text"


@functools.cache
def layout() -> Mapping[str, Column]:
    """The columns of a booking, by name, in the order of the models."""
    return {column.name: column for column in columns_of(FreightBookingRequest)}


@functools.cache
def list_name() -> str:
    """The wire name of the list that holds the line items."""
    return next(
        wire_name(member)
        for member, annotation in members_of(FreightBookingRequest)
        if typing.get_origin(annotation) is tuple
    )


def columns_of(cls: type[Model]) -> Iterator[Column]:
    """The columns of a model, in the order of its members."""
    return _columns(cls, (), of_item=False)


def _columns(cls: type[Model], path: tuple[str, ...], *, of_item: bool) -> Iterator[Column]:
    for member, annotation in members_of(cls):
        inner = optional_inner(annotation) or annotation
        if typing.get_origin(inner) is tuple:
            yield from _columns(typing.get_args(inner)[0], (), of_item=True)
        elif issubclass(inner, Model):
            yield from _columns(inner, (*path, wire_name(member)), of_item=of_item)
        else:
            where = (*path, wire_name(member))
            yield Column(".".join(where), where, inner, of_item)


def template() -> tuple[str, ...]:
    """All columns that a booking file can have."""
    return (REFERENCE, *layout())


def column_of(field: str | None) -> str | None:
    """The column of a wire path such as ``lineItems[0].freightInfo.serviceId``."""
    if field is None:
        return None
    name = re.sub(rf"^{re.escape(list_name())}\[\d+\]\.?", "", field)
    return name or None


def put(target: dict[str, Any], column: Column, value: Any) -> None:
    """Set a column's value in wire JSON members."""
    *outer, last = column.path
    for name in outer:
        inner = target.setdefault(name, {})
        assert is_object(inner)
        target = inner
    target[last] = value


def value_of(column: Column, cell: str, line: int) -> Any:
    """A cell as its column's wire value; a `Finding` if it can't be sent."""
    value, code = cells.value_of(cells.trimmed(cell), column.kind, ".", meant=False)
    if code is None or CHECKS[code].kind == "held":
        return value
    return Finding.of(code, line, column.name, encoding="UTF-8", sign=".")
