"""A problems file beside its file: what was corrected there takes the place of the file's own rows whenever that is read again.

Each row of a problems file has the digest of the row of the file that it was, so it is known again wherever that stands now, and
whatever became of its reference. The corrections stay in the problems file: it is what differs from the file.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Final

import attrs

from .booking import Booking
from .bookings import BookingFile
from .columns import PROBLEM
from .findings import FileError
from .headers import Column
from .json_bookings import JsonBookings, digest_text
from .json_out import members_of
from .marks import digest_of_cells
from .table_bookings import TableBookings
from .tables import Row

_SHOWN: Final = 5


@attrs.frozen
class Corrections:
    """What takes the place of a file's bookings.

    Attributes:
        name: the problems file.
        count: how many bookings it corrects.
        lines: of the file's bookings that stand in it, corrected or not.
    """

    source: BookingFile
    name: str
    count: int
    lines: frozenset[int]
    _instead: Mapping[int, tuple[Sequence[str], Sequence[Booking]]]

    def __call__(self, bookings: Iterable[Booking]) -> Iterator[Booking]:
        """The bookings with the corrected ones in their places.

        Raises:
            FileError: the file was modified since it was looked into.
        """
        for position, booking in enumerate(bookings):
            if position not in self._instead:
                yield booking
                continue
            digests, corrected = self._instead[position]
            if _digests(self.source, booking) != digests:
                raise FileError(f"{self.source.name}: was modified while it was read: run this again")
            yield from corrected


def corrections_in(path: Path, source: BookingFile) -> Corrections:
    """The corrections of a file in its problems file.

    Raises:
        FileError: a row there can't be brought together with the file, or both were changed.
    """
    there = BookingFile(path, reading=attrs.evolve(source.reading, corrects=True, sheet=None))
    shaped = _Shape(source, there)
    links = _Links(source, there)
    instead: dict[int, tuple[Sequence[str], Sequence[Booking]]] = {}
    lines: set[int] = set()
    for position, booking in enumerate(source.bookings):
        if not (found := links.of(position)):
            continue
        lines.add(booking.line)
        if not any(_counts(one) for one in found):
            continue
        digests = _digests(source, booking)
        if not {digest for one in found for digest in _origins(one) if digest} <= {*digests}:
            links.differing.append((booking, found[0]))
            continue
        instead[position] = digests, [shaped.booking(one, booking, digests) for one in found]
    links.check()
    source.carried.add(there.state)
    return Corrections(source, there.name, len(instead), frozenset(lines), instead)


def _counts(booking: Booking) -> bool:
    """Whether somebody has changed or decided something."""
    return any(marks is None or marks.is_changed or marks.decision for marks in booking.marks)


def _origins(booking: Booking) -> tuple[str | None, ...]:
    return tuple(None if marks is None else marks.digest for marks in booking.marks)


def _digests(source: BookingFile, booking: Booking) -> list[str]:
    """Of a booking's rows as the file has them."""
    bookings = source.bookings
    if isinstance(bookings, JsonBookings):
        assert isinstance(booking.source, str)
        return [digest_of_cells((digest_text(members_of(booking.source)),))]
    assert isinstance(booking.source, tuple)
    return [digest_of_cells(bookings.others(row)) for row in booking.source]


def _lines(booking: Booking) -> list[int]:
    return [row.line for row in booking.source] if isinstance(booking.source, tuple) else [booking.line]


class _Links:
    """Which bookings of a problems file belong to which of its file, by the place of that.

    Rows that are the same are told apart by their line; else, since the file was changed above them, by their order.
    """

    def __init__(self, source: BookingFile, there: BookingFile) -> None:
        self.differing: list[tuple[Booking, Booking]] = []
        self._source = source
        self._there = there
        self._altered: list[int] = []
        self._strangers: list[int] = []
        self._found: defaultdict[int, list[Booking]] = defaultdict(list)
        corrected = list(there.bookings)
        wanted = {digest for one in corrected for digest in _origins(one) if digest}
        rows: defaultdict[str, list[tuple[int, int]]] = defaultdict(list)
        keys: dict[tuple[str | None, str], int] = {}
        names = {(one.account, one.reference) for one in corrected}
        for position, booking in enumerate(source.bookings):
            for line, digest in zip(_lines(booking), _digests(source, booking), strict=True):
                if digest in wanted:
                    rows[digest].append((line, position))
            if booking.reference is not None and (booking.account, booking.reference) in names:
                keys[booking.account, booking.reference] = position
        for one in corrected:
            self._link(one, rows, keys)

    def _link(
        self,
        one: Booking,
        rows: Mapping[str, list[tuple[int, int]]],
        keys: Mapping[tuple[str | None, str], int],
    ) -> None:
        if any(marks is not None and marks.is_altered for marks in one.marks):
            self._altered.append(one.line)
            return
        marks = next((marks for marks in one.marks if marks is not None), None)
        places = rows.get(marks.digest, []) if marks is not None else []
        place = next((place for place in places if marks is not None and str(place[0]) == marks.line), None)
        if place is None and places:
            place = places.pop(0)
        position = place[1] if place is not None else None
        if position is None and one.reference is not None:
            position = keys.get((one.account, one.reference))
        if position is None:
            self._strangers.append(one.line)
        else:
            self._found[position].append(one)

    def of(self, position: int) -> Sequence[Booking]:
        """Those that belong to a booking of the file."""
        return self._found.get(position, ())

    def check(self) -> None:
        """Refuse what nobody can bring together.

        Raises:
            FileError: says which rows, and what to do.
        """
        name, theirs = self._source.name, self._there.name
        if self._altered:
            raise FileError(
                f"{theirs}: {_named(self._altered)}: the code was altered, so nobody can tell which row it was: correct the order "
                f"in {name}, and remove its rows here"
            )
        if self._strangers:
            raise FileError(
                f"{theirs}: {_named(self._strangers)}: no row of {name}: put the order there, or remove its rows here"
            )
        if self.differing:
            here, there = zip(*[(mine.line, one.line) for mine, one in self.differing], strict=True)
            raise FileError(
                f"{theirs}: {_named(there)}: corrected here, and changed in {name} ({_named(here)}): take one of both back, or "
                "remove the rows here"
            )


def _named(lines: Sequence[int]) -> str:
    more = f" and {len(lines) - _SHOWN} more" if len(lines) > _SHOWN else ""
    return f"line {', '.join(map(str, sorted(lines)[:_SHOWN]))}{more}"


class _Shape:
    """Gives bookings of a problems file the form of its file: its columns, its lines."""

    def __init__(self, source: BookingFile, there: BookingFile) -> None:
        self._cells: list[tuple[int, int]] | None = None
        mine, theirs = source.bookings, there.bookings
        if isinstance(mine, TableBookings) and isinstance(theirs, TableBookings):
            self._count, self._beside = mine.count, theirs.count
            here, away = ([one for one in table.titles if one.name not in PROBLEM] for table in (mine, theirs))
            self._cells = _pairs(here, away, source.name, there.name)
        elif isinstance(mine, TableBookings) != isinstance(theirs, TableBookings):
            raise FileError(f"{there.name}: isn't in the format of {source.name}")

    def booking(self, one: Booking, instead_of: Booking, digests: Sequence[str]) -> Booking:
        """A correction as the file would have it."""
        lines = dict(zip(reversed(digests), reversed(_lines(instead_of)), strict=True))
        origins = list(_origins(one))
        if not any(origins):
            origins[0] = digests[0]
        at = {line: lines.get(origin or "", instead_of.line) for line, origin in zip(_lines(one), origins, strict=True)}
        source = one.source
        if isinstance(source, tuple):
            source = tuple(self._row(row, at[row.line]) for row in source)
        findings = (attrs.evolve(finding, line=at.get(finding.line, instead_of.line)) for finding in one.findings)
        return attrs.evolve(one, line=instead_of.line, findings=tuple(findings), source=source, origins=tuple(origins))

    def _row(self, row: Row, line: int) -> Row:
        assert self._cells is not None
        cells, source = [""] * self._count, list[object]([""] * self._count)
        for mine, theirs in self._cells:
            cells[mine] = row.cells[theirs] if theirs < len(row.cells) else ""
            source[mine] = row.source[theirs] if theirs < len(row.source) else ""
        return attrs.evolve(
            row,
            line=line,
            cells=[*cells, *row.cells[self._beside :]],
            source=[*source, *row.source[self._beside :]],
        )


def _pairs(here: Sequence[Column], away: Sequence[Column], name: str, theirs: str) -> list[tuple[int, int]]:
    """The places of the same columns in both files.

    Raises:
        FileError: they haven't the same ones.
    """
    by_title: defaultdict[str, list[int]] = defaultdict(list)
    for one in away:
        by_title[one.title].append(one.index)
    try:
        pairs = [(one.index, by_title[one.title].pop(0)) for one in here]
    except IndexError:
        pairs = []
    if len(pairs) != len(away):
        raise FileError(f"{theirs}: hasn't the columns of {name} any more: give it the same ones again")
    return pairs
