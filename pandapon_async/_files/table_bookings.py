"""The bookings of a table: rows of one order joined, cells checked, every finding at its line and column."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import attrs

from .booking import Booking, Draft, Finisher
from .cells import BLANKS, USUAL, CellKind, trimmed, value_of
from .columns import PROBLEM, REFERENCE, SHIPMENT, Column, Layout, put
from .csv_table import CsvTable
from .findings import CHECKS, FileError, Finding
from .headers import ACCOUNT, SKU, Column as Title, columns_of_header, recognised
from .marks import Marks, other_cells
from .orders import Group, OrderIndex, Places
from .previewed import PREVIEWED, PREVIEWED_FEE
from .reading import Reading
from .sheets import header_of, open_table
from .tables import Format, Row, Table

_NEEDED: Final = ("renderId", "receiverAddress.")
_AS_ABOVE: Final = ("freightInfo.", "currency")
"""Columns of an item whose blank cell means as above, inside an order; another's may mean that there is none."""
_BESIDE: Final[Mapping[str, CellKind]] = {
    SHIPMENT: "whole",
    **{name: "decimal" if name == PREVIEWED_FEE else "text" for name in PREVIEWED},
}
"""Columns of an order that aren't sent, and what they hold."""
_TEXT_IN_A_WORKBOOK = re.compile(r"[0-9]+[eE][0-9]+")


@attrs.frozen
class Field:
    """A column of the file that is one of ours; all that a usual cell needs is looked up once.

    ``usual``: what most of its cells are, and then need no other check; ``outer``, ``last``: where its value is put.
    """

    index: int
    title: str
    column: Column
    kind: CellKind
    usual: re.Pattern[str] | None
    outer: str | None
    last: str
    is_meant: bool

    @classmethod
    def of(cls, title: Title, column: Column) -> Field:
        """The field of a column."""
        *outer, last = column.path
        return cls(
            title.index,
            title.title,
            column,
            column.kind,
            USUAL.get(column.kind),
            outer[0] if len(outer) == 1 else None,
            last,
            title.is_meant,
        )


class TableBookings:
    """The bookings of a CSV file or a workbook; each iteration reads it again.

    Raises:
        FileError: it can't be read, or its header is invalid.
    """

    def __init__(self, path: Path, name: str, kind: Format, reading: Reading) -> None:
        self._reading = reading
        self.table = open_table(path, name, kind, encoding=reading.encoding, sheet=reading.sheet)
        self._encoding = self.table.dialect.encoding.label if isinstance(self.table, CsvTable) else "text"
        header, said = header_of(self.table, lambda cells: recognised(cells, reading))
        if header is None:
            raise FileError.whole(name, "no-booking")
        if header.finding is not None:
            raise FileError.of(name, [header.finding])
        if reading.layout.is_open:
            raise FileError.whole(name, "only-json", operation=reading.layout.request_type.operation.name)
        self.said = (*self.table.said, *said)
        self._header_line = header.line
        titles = columns_of_header(name, header.line, header.cells, reading)
        self._marks = tuple(one.index for one in titles if one.name in PROBLEM)
        self.count = len(titles)
        self.titles = titles
        self.columns = tuple(one.title for one in titles if one.name not in PROBLEM)
        self._finisher = Finisher(name, reading)
        if isinstance(self.table, CsvTable):
            self.table.columns = len(header.cells)
        self._set_fields(header, titles)
        self._is_simple = False  # no order stands apart, as one iteration has found

    def _set_fields(self, header: Row, titles: tuple[Title, ...]) -> None:
        numbers = {one.name: one.index for one in titles if one.name}
        meant = {one.name for one in titles if one.is_meant}
        ours = self._reading.layout.columns
        fields = [
            Field.of(one, column)
            for one in titles
            if one.name is not None and (column := ours.get(one.name)) is not None
        ]
        self._order = [field for field in fields if not field.column.of_item]
        self._item = [field for field in fields if field.column.of_item]
        is_freight = self._reading.layout.is_freight
        self._as_above = [field for field in self._item if is_freight and field.column.name.startswith(_AS_ABOVE)]
        self._kept = [one for one in titles if one.is_kept]
        self._sku = next((one for one in titles if one.name == SKU), None)
        self._beside = [one for one in titles if one.name in _BESIDE]
        self._ids = [(one, one.name in meant) for one in titles if one.name in (REFERENCE, ACCOUNT)]
        self._titles_by_name = {one.name: one.title for one in titles if one.name}
        if self._sku is not None:  # what is wrong with ids that the file has not is wrong with its SKU
            self._titles_by_name = {"itemId": self._sku.title, "skuId": self._sku.title, **self._titles_by_name}
        self._places = Places(
            columns=len(header.cells) if isinstance(self.table, CsvTable) else self.count,
            named=self.count,
            reference=numbers.get(REFERENCE),
            account=numbers.get(ACCOUNT),
            render=numbers.get("renderId"),
            order=[field.index for field in self._order],
            item=[field.index for field in self._item],
            needed=[field.index for field in self._order if not is_freight or field.column.name.startswith(_NEEDED)],
            is_exact=isinstance(self.table, CsvTable),
        )

    # --- all of them ---

    def __iter__(self) -> Iterator[Booking]:
        if self._is_simple or (self._places.reference is None and self._places.render is None):
            for group in self._places.groups(self._rows()):
                yield self._booking(group, None)
            return
        with contextlib.ExitStack() as stack:
            index = stack.enter_context(OrderIndex.of(self._places, self._rows))
            if index.is_simple:
                self._is_simple = True
                stack.close()
            for group in self._places.groups(self._rows()):
                whole = group if index.is_simple else index.whole(self._places.key(group[0]), group)
                if whole is not None:
                    twice = None if index.is_simple else index
                    yield self._booking(whole, twice)

    def _rows(self) -> Iterator[Row]:
        rows = self.table.rows()
        for row in rows:
            if row.line >= self._header_line:
                break
        return rows

    # --- one ---

    def _booking(self, rows: Group, index: OrderIndex | None) -> Booking:
        first = rows[0]
        key = self._places.key(first)
        reference, account = (None, None) if key is None else (key.reference, key.account or None)
        place = _Place(self._reading.layout, self._titles_by_name, first.line)
        draft = Draft(first.line, reference, account, {}, [], tuple(rows), place)
        if key is None and self._places.account is not None:
            draft.account = trimmed(first.cells[self._places.account]) or None
        if self._marks:
            self._read_marks(rows, draft)
        above: dict[str, str] = {}
        items: list[dict[str, Any]] = []
        is_first = True
        for row in rows:
            if row.finding is not None:
                draft.findings.append(row.finding)
                continue
            if row.is_hidden and not self._marks:  # in a problems file a row counts once somebody has changed it
                draft.findings.append(Finding.of("hidden-row", row.line))
            item = self._read_row(row, draft, above, is_first=is_first)
            is_first = False
            if item:
                items.append(item)
                place.lines.append(row.line)
        if items and self._reading.layout.list_name is not None:
            draft.members[self._reading.layout.list_name] = items
        if self._beside:
            self._read_beside(rows, draft)
        if self._kept:
            draft.kept = self._kept_of(rows, draft)
        if key is None and self._places.reference is not None and first.finding is None:
            self._without_reference(first, draft)
        if index is not None:
            self._find_elsewhere(index, rows, above, draft)
        return self._finisher.finish(draft)

    def _read_row(self, row: Row, draft: Draft, above: dict[str, str], *, is_first: bool) -> dict[str, Any]:
        """Put a row's cells into the draft; its item is returned. ``above``: the texts of the rows before, by our names."""
        cells, count, usual_id = row.cells, len(row.cells), USUAL["id"]
        for title, is_meant in self._ids:
            if title.index < count and (text := cells[title.index].strip(BLANKS)):
                if usual_id.fullmatch(text) and not row.damage:
                    continue
                self._value(row, title.index, title.title, "id", text, draft, is_meant=is_meant)
        for field in self._order:
            text = cells[field.index].strip(BLANKS) if field.index < count else ""
            if not text and field.index not in row.damage:
                continue
            if is_first:
                above[field.column.name] = text
                self._take(row, field, text, draft, draft.members)
            elif text != above.get(field.column.name):
                draft.findings.append(Finding.of("differs", row.line, field.title, other=str(draft.line)))
        item: dict[str, Any] = {}
        for field in self._item:
            text = cells[field.index].strip(BLANKS) if field.index < count else ""
            if text or field.index in row.damage:
                self._take(row, field, text, draft, item)
        if self._sku is not None:
            self._read_sku(row, draft, item)
        if item and self._as_above:
            self._fill_as_above(row, item, above)
        return item

    def _fill_as_above(self, row: Row, item: dict[str, Any], above: dict[str, str]) -> None:
        for field in self._as_above:
            name = field.column.name
            if text := trimmed(row.cells[field.index]) if field.index < len(row.cells) else "":
                above[name] = text
            elif name in above and field.index not in row.damage:
                put(item, field.column, above[name])

    def _take(self, row: Row, field: Field, text: str, draft: Draft, target: dict[str, Any]) -> None:
        value: Any = text
        if row.damage or field.usual is None or field.usual.fullmatch(text) is None:
            value = self._value(row, field.index, field.title, field.kind, text, draft, is_meant=field.is_meant)
        elif field.kind == "whole":
            value = int(text)
        if value is None:
            return
        if field.outer is not None:
            target.setdefault(field.outer, {})[field.last] = value
        elif len(field.column.path) == 1:
            target[field.last] = value
        else:
            put(target, field.column, value)

    def _value(
        self, row: Row, index: int, title: str, kind: CellKind, text: str, draft: Draft, *, is_meant: bool
    ) -> Any:
        """A cell's value for the wire; None if it can't be sent. What is found is noted."""
        seen = row.damage.get(index) if row.damage else None
        value, code = None, seen
        if seen is None or CHECKS[seen].kind == "held":
            value, code = self._read(row, index, kind, text, is_meant=is_meant)
            code = code or (None if is_meant else seen)
        if code is not None:
            facts = {"encoding": self._encoding, "sign": self._reading.decimal}
            draft.findings.append(Finding.of(code, row.line, title, **facts))
        return value

    def _read(self, row: Row, index: int, kind: CellKind, text: str, *, is_meant: bool) -> tuple[Any, str | None]:
        if isinstance(self.table, CsvTable):
            return value_of(text, kind, self._reading.decimal, meant=is_meant)
        is_text = isinstance(row.source[index], str)  # the decimal sign of a number cell is nobody's choice
        if not is_text and kind == "id" and "." in text:
            return None, "decimals"
        is_meant = is_meant or (is_text and _TEXT_IN_A_WORKBOOK.fullmatch(text) is not None)
        return value_of(text, kind, self._reading.decimal if is_text else ".", meant=is_meant)

    def _read_sku(self, row: Row, draft: Draft, item: dict[str, Any]) -> None:
        assert self._sku is not None
        text = trimmed(row.cells[self._sku.index]) if self._sku.index < len(row.cells) else ""
        if not text and self._sku.index not in row.damage:
            return
        sku = self._value(row, self._sku.index, self._sku.title, "text", text, draft, is_meant=True)
        if sku is None:
            return
        if sku not in self._reading.skus:
            draft.findings.append(Finding.of("unknown-sku", row.line, self._sku.title))
            return
        for name, value in zip(("itemId", "skuId"), self._reading.skus[sku], strict=True):
            if item.setdefault(name, value) != value:
                draft.findings.append(Finding.of("sku-differs", row.line, self._titles_by_name.get(name, name)))

    def _read_beside(self, rows: Group, draft: Draft) -> None:
        """An order's shipment, and what a preview said of it: the same in all its rows that say it."""
        cells: dict[str, Any] = {}
        for title in self._beside:
            assert title.name is not None
            kind = _BESIDE[title.name]
            for row in rows:
                text = trimmed(row.cells[title.index]) if title.index < len(row.cells) else ""
                if row.finding is not None or not (text or title.index in row.damage):
                    continue
                value = self._value(row, title.index, title.title, kind, text, draft, is_meant=True)
                if value is not None and cells.setdefault(title.name, value) != value:
                    draft.findings.append(Finding.of("differs", row.line, title.title, other=str(draft.line)))
        if (number := cells.pop(SHIPMENT, None)) is not None:
            draft.take_shipment(number)
        if not draft.is_wrong:
            draft.take_previewed(cells)

    def _kept_of(self, rows: Group, draft: Draft) -> dict[str, str]:
        """The kept cells of an order; what differs from row to row is joined."""
        kept: dict[str, str] = {}
        for title in self._kept:
            found: dict[str, None] = {}
            for row in rows:
                text = trimmed(row.cells[title.index]) if title.index < len(row.cells) else ""
                if text:
                    found[text] = None
                    if not text.isascii() and value_of(text, "text", ".", meant=True)[1] is not None:
                        self._value(row, title.index, title.title, "text", text, draft, is_meant=True)
            kept[title.title] = "; ".join(found)
        return kept

    def _without_reference(self, row: Row, draft: Draft) -> None:
        order = [field.index for field in self._order]
        is_blank = not any(trimmed(row.cells[index]) for index in order if index < len(row.cells))
        code = "continues-nothing" if is_blank else "no-reference"
        draft.find(code, REFERENCE)

    def _find_elsewhere(self, index: OrderIndex, rows: Group, above: dict[str, str], draft: Draft) -> None:
        """What other rows of the file say of an order."""
        lines = [row.line for row in rows]
        place = self._places.reference
        if draft.reference and place is not None and (torn := index.torn_rows(rows, place)):
            draft.find("row-missing", REFERENCE, other=", ".join(map(str, torn[:5])))
        render = above.get("renderId")
        if others := index.others_with_render(render, lines) if render else []:
            why = f"its render id is also in line {', '.join(map(str, others[:5]))}"
            draft.find("same-parcel", "renderId", why=why)

    def _read_marks(self, rows: Group, draft: Draft) -> None:
        found: list[tuple[int, Marks | None]] = []
        for row in rows:
            cells = [row.cells[index] if index < len(row.cells) else "" for index in self._marks]
            found.append((row.line, Marks.read(cells, self.others(row))))
        draft.take_marks(found, corrects=self._reading.corrects)

    def others(self, row: Row) -> list[object]:
        """A row's cells as they came, but for those of a problems file: those of the columns, then what is beside them."""
        return other_cells(as_it_came(row, self.table), self.count, self._marks)


def as_it_came(row: Row, table: Table) -> Sequence[object]:
    """A row's cells as they are written again."""
    return row.source if row.finding or not isinstance(table, CsvTable) else row.cells


class _Place:
    """Where a wire path came from, in the rows of an order. ``lines``: of its items."""

    def __init__(self, layout: Layout, titles: Mapping[str, str], line: int) -> None:
        self._layout = layout
        self._titles = titles
        self._line = line
        self.lines: list[int] = []

    def __call__(self, field: str | None) -> tuple[int, str | None]:
        inside = (field or "").removeprefix(f"{self._layout.list_name}[").partition("]")[0]
        line = self.lines[int(inside)] if inside.isdigit() and int(inside) < len(self.lines) else self._line
        name = self._layout.column_of(field)
        return line, None if name is None else self._titles.get(name, name)
