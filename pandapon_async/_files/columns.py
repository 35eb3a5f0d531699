"""The columns of a file of requests: dotted wire names derived from the request's class, one row per entry of its list."""

from __future__ import annotations

import functools
import re
import typing
from collections.abc import Collection, Iterator, Mapping
from decimal import Decimal
from typing import Any, Final, cast

import attrs

from .._models.base import Model, members_of
from .._models.fields import is_json_text, is_number, optional_inner, wire_name
from .._models.jsonio import is_object
from .._models.operation import VendorRequest
from ..api.logistics import FreightBookingRequest
from . import cells
from .cells import CellKind
from .findings import CHECKS, Finding

REFERENCE: Final = "reference"
SHIPMENT: Final = "shipment"
"""Which shipment of its order a booking is, from 1: a replacement or a second part has the next number."""
PROBLEM: Final = ("line", "column", "code", "problem", "decision")
"""The last columns of a problems file (members, in JSON)."""


_LINES: Final = ("address", "title", "remark")
"""Members whose text may have line breaks."""
_IDS: Final = ("Id", "_id", "Numer", "tracking_number")
"""How the names of members end that hold an id or a number of the vendor's or a carrier's."""


@attrs.frozen
class Column:
    """One column: the path of its cells in the request's wire JSON (in the entry's, if it is ``of_item``), and what they hold."""

    name: str
    path: tuple[str, ...]
    kind: CellKind
    of_item: bool


def kind_of_text(name: str) -> CellKind:
    """What a member that is text holds, by its name: an id can't have what a name or an address can."""
    if name in _LINES:
        return "lines"
    return "id" if name.endswith(_IDS) and name != "taxId" else "text"


def _kind(member: attrs.Attribute[Any], inner: Any) -> CellKind:
    if inner is int:
        return "whole"
    if inner is Decimal:
        return "decimal"
    if inner is not str:
        return "json"  # a list, or true and false
    return "id" if is_number(member) else kind_of_text(wire_name(member))


@attrs.frozen
class Layout:
    """What a file of one request class can hold.

    Attributes:
        request_type: the class.
        columns: by name, in the order of the models.
        list_name: the wire name of the list whose entries are the rows; None: one row a request. Other lists are a cell of JSON.
        json_text: the members that are sent as JSON inside a string.
    """

    request_type: type[VendorRequest[Any]]
    columns: Mapping[str, Column] = attrs.field(repr=False)
    list_name: str | None
    json_text: tuple[str, ...] = ()

    @classmethod
    def of(cls, request_type: type[VendorRequest[Any]]) -> Layout:
        """The layout of a request class."""
        return _layout_of(cast("Any", request_type))

    @property
    def is_freight(self) -> bool:
        """Whether its rows are freight bookings, which have checks of their own."""
        return issubclass(self.request_type, FreightBookingRequest)

    @property
    def is_open(self) -> bool:
        """Whether the documentation doesn't show its members: its files are JSON."""
        return not self.columns

    @property
    def members(self) -> frozenset[str]:
        """The wire names of the request's own members."""
        return frozenset(wire_name(member) for member, _ in members_of(self.request_type))

    def column_of(self, field: str | None) -> str | None:
        """The column of a wire path such as ``lineItems[0].freightInfo.serviceId``."""
        if field is None or self.list_name is None:
            return field
        inside = re.sub(rf"^{re.escape(self.list_name)}\[\d+\]\.?", "", field)
        if inside == field:
            return field
        path = tuple(inside.split("."))
        names = (one.name for one in self.columns.values() if one.of_item and one.path == path)
        return next(names, inside) or None


@functools.cache
def _layout_of(request_type: Any) -> Layout:  # a class with a generated __hash__ isn't hashable to mypy
    members = members_of(request_type)
    rows = next((wire_name(member) for member, annotation in members if _entry_of(annotation) is not None), None)
    own = [*_columns(request_type, ())]
    taken = {column.name for column in own}
    found: list[Column] = []
    for column in own:
        if column.path == (rows,):
            found += _entry_columns(request_type, column.name, taken)
        else:
            found.append(column)
    texts = tuple(wire_name(member) for member, _ in members if is_json_text(member))
    return Layout(request_type, {column.name: column for column in found}, rows, texts)


def _entry_columns(request_type: type[Model], rows: str, taken: Collection[str]) -> Iterator[Column]:
    """The columns of the list's entries; one that is named as one of the request's own has the list's name before it."""
    (entry,) = (_entry_of(hint) for member, hint in members_of(request_type) if wire_name(member) == rows)
    assert entry is not None
    for column in _columns(entry, ()):
        name = f"{rows}.{column.name}" if column.name in taken else column.name
        yield attrs.evolve(column, name=name, of_item=True)


def _entry_of(annotation: Any) -> type[Model] | None:
    """The class of a list's entries, if they are models."""
    inner = typing.get_args(annotation)[0] if typing.get_origin(annotation) is tuple else None
    return inner if isinstance(inner, type) and issubclass(inner, Model) else None


def _columns(cls: type[Model], path: tuple[str, ...]) -> Iterator[Column]:
    for member, annotation in members_of(cls):
        inner = optional_inner(annotation) or annotation
        where = (*path, wire_name(member))
        if isinstance(inner, type) and issubclass(inner, Model):
            yield from _columns(inner, where)
        else:
            yield Column(".".join(where), where, _kind(member, inner), of_item=False)


def layout() -> Mapping[str, Column]:
    """The columns of a booking, by name, in the order of the models."""
    return Layout.of(FreightBookingRequest).columns


def list_name() -> str:
    """The wire name of a booking's list of items."""
    name = Layout.of(FreightBookingRequest).list_name
    assert name is not None
    return name


def columns_of(cls: type[Model]) -> Iterator[Column]:
    """The columns of a model without lists, in the order of its members."""
    return _columns(cls, ())


def template() -> tuple[str, ...]:
    """All columns that a booking file can have."""
    return (REFERENCE, SHIPMENT, *layout())


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
