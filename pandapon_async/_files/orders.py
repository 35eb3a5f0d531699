"""Which rows are one order's: those of a reference, wherever they stand, and the blank ones directly below.

Adjacent rows stream. An index of 8 bytes a reference, which SQLite keeps in a file of its own without a name beyond a few MiB, tells
whether some stand apart; only those are then put aside there. So memory doesn't grow with the file.
"""

from __future__ import annotations

import contextlib
import pickle
import sqlite3
import unicodedata
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from typing import Any, Final, NamedTuple

import attrs

from .cells import trimmed
from .findings import Finding
from .sheets import shape
from .tables import Row

Group = list[Row]
_MARKS: Final = dict.fromkeys(map(ord, '" \r\n\t'))
"""What may be left between two cells from which the separator was lost."""


class Key(NamedTuple):
    """Whose rows they are."""

    account: str
    reference: str


@attrs.frozen
class Places:
    """Where a row has what tells its order: numbers of cells.

    ``columns``: how many cells a row has; ``named``: those with a name, the others must be blank.
    ``order``: the cells of the order besides; ``item``: those of the item; ``needed``: those without which there is no order.
    """

    columns: int
    named: int
    reference: int | None
    account: int | None
    render: int | None
    order: Sequence[int]
    item: Sequence[int]
    needed: Sequence[int]
    is_exact: bool

    def key(self, row: Row) -> Key | None:
        """A row's order; None if it has no reference."""
        if self.reference is None:
            return None
        text = _cell(row, self.reference)
        if not text:
            return None
        if not text.isascii():
            text = unicodedata.normalize("NFC", text)
        return Key("" if self.account is None else _cell(row, self.account), text)

    def groups(self, rows: Iterable[Row]) -> Iterator[Group]:
        """Adjacent rows of one order."""
        group: Group = []
        last: Key | None = None
        for row in self._checked(rows):
            key = self.key(row)
            if group and (key == last if key is not None else last is not None and self._continues(row, group)):
                group.append(row)
                continue
            if group:
                yield group
            group, last = [row], key
        if group:
            yield group

    def _continues(self, row: Row, group: Group) -> bool:
        """Whether a row has only an item, and stands directly below its order's."""
        if row.is_after_blank or row.finding is not None or any(_cell(row, place) for place in self.order):
            return False
        is_order = any(_cell(group[0], place) for place in self.needed)
        return is_order and any(_cell(row, place) for place in self.item)

    def _checked(self, rows: Iterable[Row]) -> Iterator[Row]:
        """The rows, with what is wrong with their number of cells; a line of a single cell spoils its neighbours."""
        if not self.is_exact:
            yield from self._fitted(rows)
            return
        previous: Row | None = None
        columns, named = self.columns, self.named
        for row in rows:
            if len(row.cells) != columns or row.finding is not None or (named < columns and any(row.cells[named:])):
                row.finding = shape(row, named)
            if previous is not None:
                if len(row.cells) == 1 and columns > 1:
                    previous.finding = previous.finding or _torn(previous, row)
                elif len(previous.cells) == 1 and columns > 1:
                    row.finding = row.finding or _torn(row, previous)
                yield previous
            previous = row
        if previous is not None:
            yield previous

    def _fitted(self, rows: Iterable[Row]) -> Iterator[Row]:
        for row in rows:
            if any(row.cells[self.named :]):
                row.finding = shape(row, self.named)
            yield row


def _torn(row: Row, other: Row) -> Finding:
    return Finding.of("cells-torn", row.line, other=str(other.line))


def _cell(row: Row, place: int) -> str:
    return trimmed(row.cells[place]) if place < len(row.cells) else ""


class OrderIndex:
    """What only the whole file tells: which orders' rows stand apart, which may have a row whose cells don't match the columns, and
    which render ids are in two orders.

    Attributes:
        is_simple: nothing of that occurs, so that nothing need be looked up.
    """

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._db = connection
        self._db.execute(
            "CREATE TABLE apart AS SELECT key FROM groups WHERE key IS NOT NULL GROUP BY key HAVING COUNT(*) > 1"
        )
        self._db.execute(
            "CREATE TABLE twice AS SELECT render FROM groups WHERE render IS NOT NULL GROUP BY render "
            "HAVING MIN(COALESCE(key, -line)) <> MAX(COALESCE(key, -line))"
        )
        self._db.execute("CREATE TABLE torn AS SELECT piece, line FROM groups WHERE piece IS NOT NULL")
        self._has_apart = self._any("SELECT 1 FROM apart LIMIT 1")
        self._has_torn = self._any("SELECT 1 FROM torn LIMIT 1")
        self._has_twice = self._any("SELECT 1 FROM twice LIMIT 1")
        self.is_simple = not (self._has_apart or self._has_torn or self._has_twice)

    def _any(self, query: str) -> bool:
        return self._db.execute(query).fetchone() is not None

    @classmethod
    @contextlib.contextmanager
    def of(cls, places: Places, rows: Callable[[], Iterable[Row]]) -> Generator[OrderIndex, None, None]:
        """The index of a table; ``rows`` reads it from its beginning."""
        with contextlib.closing(sqlite3.connect("", check_same_thread=False, isolation_level=None)) as connection:
            connection.execute("BEGIN")
            connection.execute("CREATE TABLE groups (key INTEGER, render INTEGER, line INTEGER, piece INTEGER)")
            connection.executemany("INSERT INTO groups VALUES (?, ?, ?, ?)", _entries(places, rows()))
            index = cls(connection)
            if not index.is_simple:
                index._put_aside(places, rows())
            yield index

    def _put_aside(self, places: Places, rows: Iterable[Row]) -> None:
        self._db.execute("CREATE UNIQUE INDEX by_apart ON apart (key)")
        self._db.execute(
            "CREATE TABLE doubles AS SELECT render, line FROM groups WHERE render IN (SELECT render FROM twice)"
        )
        self._db.execute("CREATE INDEX by_double ON doubles (render)")
        self._db.execute("CREATE INDEX by_piece ON torn (piece)")
        self._db.execute("CREATE TABLE aside (key INTEGER, number INTEGER, rows BLOB)")
        if self._has_apart:
            self._db.executemany("INSERT INTO aside VALUES (?, ?, ?)", self._apart(places, rows))
            self._db.execute("CREATE INDEX by_aside ON aside (key, number)")

    def _apart(self, places: Places, rows: Iterable[Row]) -> Iterator[tuple[int, int, bytes]]:
        for number, group in enumerate(places.groups(rows)):
            key = places.key(group[0])
            if key is not None and self._is_apart(hash(key)):
                yield hash(key), number, pickle.dumps(group)

    def _is_apart(self, key: int) -> bool:
        return self._db.execute("SELECT 1 FROM apart WHERE key = ?", (key,)).fetchone() is not None

    def whole(self, key: Key | None, group: Group) -> Group | None:
        """All rows of the group's order; None if it was given before."""
        if not self._has_apart or key is None or not self._is_apart(hash(key)):
            return group
        found: Any = self._db.execute("SELECT rows FROM aside WHERE key = ? ORDER BY number", (hash(key),))
        groups: list[Group] = [pickle.loads(blob) for (blob,) in found]  # noqa: S301  our own, from a file without a name
        if groups and groups[0][0].line != group[0].line:
            return None
        return [row for one in groups for row in one] or group

    def others_with_render(self, render: str, lines: Iterable[int]) -> list[int]:
        """The lines of other orders with the same render id."""
        query = "SELECT line FROM doubles WHERE render = ? ORDER BY line LIMIT 100"
        return self._others(query, render, lines) if self._has_twice else []

    def torn_rows(self, group: Group, place: int) -> list[int]:
        """The lines of rows whose cells don't match the columns, and which may be of the order; ``place``: of its reference."""
        if not self._has_torn:
            return []
        found: set[int] = set()
        query = "SELECT line FROM torn WHERE piece = ? LIMIT 100"
        for row in group:
            before, here, after = _neighbours(row, place)
            for text in {here, before + here, here + after} if here else ():
                found.update(self._others(query, _bare(text), [row.line for row in group]))
        return sorted(found)

    def _others(self, query: str, text: str, lines: Iterable[int]) -> list[int]:
        own = set(lines)
        return [line for (line,) in self._db.execute(query, (hash(text),)) if line not in own]


def _entries(places: Places, rows: Iterable[Row]) -> Iterator[tuple[int | None, int | None, int, int | None]]:
    """One a group: its reference and its render id as numbers. A torn row may hold another's render id in any cell, and its own
    reference joined with what was beside it."""
    for group in places.groups(rows):
        first = group[0]
        key = places.key(first)
        number = None if key is None else hash(key)
        render = "" if places.render is None or first.finding else _cell(first, places.render)
        yield number, hash(render) if render else None, first.line, None
        for row in group:
            if row.finding is None:
                continue
            if places.render is not None:
                for cell in {trimmed(cell) for cell in row.cells}:
                    if cell:
                        yield None, hash(cell), row.line, None
            if places.reference is not None and places.is_exact:
                for piece in _pieces(row, places.reference):
                    yield None, None, row.line, hash(piece)


def _pieces(row: Row, place: int) -> set[str]:
    """What may be the cell at a place, if the row's cells don't match the columns: that one or a neighbour, or two torn apart."""
    before, here, after = _neighbours(row, place)
    return set(map(_bare, (before, here, after, before + here, here + after))) - {""}


def _neighbours(row: Row, place: int) -> tuple[str, str, str]:
    return _cell(row, place - 1) if place else "", _cell(row, place), _cell(row, place + 1)


def _bare(text: str) -> str:
    return text.translate(_MARKS)
