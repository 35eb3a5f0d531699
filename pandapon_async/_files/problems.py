"""Problems files: what could not be booked, in the input's own format and encoding, to be corrected and fed again."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, BinaryIO, Final, Protocol

import attrs

from .._models.jsonio import JsonError, is_object, loads
from .booking import Booking
from .bookings import BookingFile, state_of
from .columns import PROBLEM
from .csv_table import CsvTable, read_header
from .findings import EncodingError, FileError, Finding
from .headers import is_problem_header
from .json_bookings import JsonBookings, digest_text
from .json_file import JsonFile
from .json_out import ObjectWriter, members_of
from .marks import Marks, digest_of_cells, other_cells, written
from .outputs import Output, check_output, replaced
from .sheets import open_table, writer_like
from .table_bookings import TableBookings, as_it_came
from .tables import format_of
from .workbooks import WorkbookTable

if TYPE_CHECKING:
    from typing_extensions import Self

_WORKBOOKS: Final = (".xlsx", ".xls", ".ods", ".xlsm")


def is_problems(path: Path) -> bool:
    """Whether a file is a problems file."""
    try:
        kind, _ = format_of(path, str(path), None)
        if kind == "csv":
            return is_problem_header(read_header(path))
        if kind == "json":
            first = next(iter(JsonFile(path, str(path), frozenset())), None)
            members = None if first is None else loads(first.text.encode())
            return is_object(members) and {*PROBLEM} <= members.keys()
        header = next(WorkbookTable(path, str(path), kind).rows(), None)
        return header is not None and is_problem_header(header.cells)
    except EncodingError:
        return is_problem_header(read_header(path))
    except (FileError, JsonError, UnicodeError):
        return False


def is_untouched(path: Path, encoding: str | None) -> bool:
    """Whether a problems file is still as it was written: nobody has corrected, decided on or added a row. If in doubt, no.

    Args:
        path: a problems file.
        encoding: of a text file that doesn't say it by itself.
    """
    try:
        return all(_is_as_written(marks) for marks in _marks_in(path, encoding))
    except EncodingError as error:
        return error.guess is not None and is_untouched(path, error.guess)
    except (FileError, JsonError, OSError, UnicodeError):
        return False


def _is_as_written(marks: Marks | None) -> bool:
    return marks is not None and not (marks.is_changed or marks.is_altered or marks.decision)


def _marks_in(path: Path, encoding: str | None) -> Iterator[Marks | None]:
    """What each row says, whatever its columns are."""
    kind, _ = format_of(path, str(path), encoding)
    if kind == "json":
        for value in JsonFile(path, str(path), frozenset(), encoding):
            members = loads(value.text.encode(), unique_keys=True)
            if not is_object(members):
                raise FileError.whole(path, "is-there")
            cells = [str(members.pop(name, "") or "") for name in PROBLEM]
            yield Marks.read(cells, (digest_text(members),))
        return
    table = open_table(path, str(path), kind, encoding=encoding, sheet=None)
    rows = table.rows()
    header = next(rows, None)
    if header is None or not is_problem_header(header.cells):
        raise FileError.whole(path, "is-there")
    if isinstance(table, CsvTable):
        table.columns = len(header.cells)
    count = max(index for index, title in enumerate(header.cells, 1) if title)
    marks = range(count - len(PROBLEM), count)
    for row in rows:
        cells = [row.cells[index] if index < len(row.cells) else "" for index in marks]
        yield Marks.read(cells, other_cells(as_it_came(row, table), count, marks))


def check_format(path: Path, source: BookingFile, what: str) -> None:
    """Refuse a path whose name promises another format than what comes of a file is written in: the file's own, or xlsx.

    Raises:
        FileError: says which.
    """
    is_workbook = source.format in ("xlsx", "xls", "ods")
    if is_workbook != (path.suffix.lower() in _WORKBOOKS) or (is_workbook and path.suffix.lower() != ".xlsx"):
        wanted = "a workbook: name it .xlsx" if is_workbook else "no workbook: name it like the input"
        raise FileError(f"{path}: {what} of {source.name} are written as {wanted}")


class _Writer(Protocol):
    def add(self, booking: Booking, findings: Sequence[Finding]) -> None: ...
    def close(self) -> None: ...


def _in_english(finding: Finding) -> str:
    return finding.text


class ProblemsWriter:
    """Writes bookings of a file, whole, with ``line,column,code,problem,decision``; ``say`` gives a problem in a clerk's language.

    The file is created with the first one, once all are written. A workbook's is xlsx, whatever kind of workbook it was. It replaces
    an earlier one, unless that has corrections or decisions which this one hasn't: then it is put beside it.

    Attributes:
        count: how many bookings with findings were written.
        path: where they are, once written: beside the path asked for, if that file must stay, or a program holds it open.

    Raises:
        FileError: the path belongs to another format.
    """

    def __init__(self, path: Path, source: BookingFile, say: Callable[[Finding], str] = _in_english) -> None:
        self.path = path
        self.count = 0
        self._source = source
        self._say = say
        self._stack = contextlib.ExitStack()
        self._output: Output | None = None
        self._writer: _Writer | None = None
        check_format(path, source, "the problems")

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            if kind is None and self._writer is not None:
                self._writer.close()
        finally:
            self._stack.__exit__(kind, error, trace)
        if self._output is not None:
            self.path = self._output.path
            if kind is None:
                self._source.carried.add(state_of(self.path))

    def add(self, booking: Booking, findings: Sequence[Finding]) -> None:
        """Write one booking with what was found; without, if it is a correction that is to stay.

        Raises:
            FileError: something else has come to the path meanwhile.
        """
        if self._writer is None:
            check_output(self.path, (self._source.path,), is_problems)
            self._output = self._stack.enter_context(replaced(self.path, may_replace=self._may_replace))
            self._writer = self._written(self._output.file)
        self.count += bool(findings)
        self._writer.add(booking, [self._told(finding) for finding in findings])

    def _may_replace(self, path: Path) -> bool:
        source = self._source
        return state_of(path) in source.carried or is_untouched(path, source.reading.encoding)

    def _told(self, finding: Finding) -> Finding:
        """A finding with its sentence in the clerk's language; in English where the file's encoding has no such characters."""
        said = self._say(finding)
        bookings = self._source.bookings
        table = bookings.file if isinstance(bookings, JsonBookings) else bookings.table
        encoding = table.dialect.encoding if isinstance(table, CsvTable) else getattr(table, "encoding", None)
        with contextlib.suppress(UnicodeEncodeError):
            if encoding is not None:
                encoding.encode(said)
            return attrs.evolve(finding, facts={**finding.facts, "said": said})
        return finding

    def _written(self, file: BinaryIO) -> _Writer:
        bookings = self._source.bookings
        return _Objects(file, bookings) if isinstance(bookings, JsonBookings) else _Rows(file, bookings)


class _Rows:
    """Rows of a table; what stands beside its columns stays beside them."""

    def __init__(self, file: BinaryIO, bookings: TableBookings) -> None:
        self._bookings = bookings
        columns = (*bookings.columns, *PROBLEM)
        self._sheet = writer_like(bookings.table, file, columns)

    def add(self, booking: Booking, findings: Sequence[Finding]) -> None:
        assert isinstance(booking.source, tuple)
        origins = booking.origins or [digest_of_cells(self._bookings.others(row)) for row in booking.source]
        lines = {row.line for row, origin in zip(booking.source, origins, strict=True) if origin is not None}
        approved: frozenset[str] = booking.approved
        for row, origin in zip(booking.source, origins, strict=True):
            others = self._bookings.others(row)
            named = len(self._bookings.columns)
            marks = ("",) * len(PROBLEM)
            if origin is not None:  # else it was added, and stays without
                mine = [one for one in findings if one.line == row.line or one.line not in lines]
                marks = written(mine, row.line, origin, approved)
                findings, approved = [one for one in findings if one not in mine], frozenset[str]()
            self._sheet.row([*others[:named], *marks, *others[named:]])

    def close(self) -> None:
        self._sheet.close()


class _Objects:
    """Objects, with the marks as members; what isn't one is a member ``text``, to be replaced."""

    def __init__(self, file: BinaryIO, bookings: JsonBookings) -> None:
        self._objects = ObjectWriter(file, bookings)

    def add(self, booking: Booking, findings: Sequence[Finding]) -> None:
        assert isinstance(booking.source, str)
        members = members_of(booking.source)
        origin = booking.origins[0] if booking.origins else None
        digest = origin or digest_of_cells((digest_text(members),))
        cells = written(findings, booking.line, digest, booking.approved)
        self._objects.write({**members, **dict(zip(PROBLEM, cells, strict=True))})

    def close(self) -> None:
        self._objects.close()
