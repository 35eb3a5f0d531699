"""The last columns of a problems file, and what they say when it is fed again.

A row counts if another cell of it has changed since it was written, or if its decision is ``book``; else it stays out. The file
says by itself whether a row has changed: the column ``code`` ends with a digest of the others.
"""

from __future__ import annotations

import datetime
import hashlib
from collections.abc import Collection, Iterable, Sequence
from typing import Final

import attrs

from .columns import PROBLEM
from .findings import CHECKS, Finding

BOOK: Final = "book"


@attrs.frozen
class Marks:
    """What a row (an object, in JSON) says in those columns.

    Attributes:
        line: where it stood.
        codes: why it was written there; nothing for the other rows of the same order.
        column, problem: as it was written.
        decision: ``""``, ``"book"``, or another word.
        digest: of the other cells as they were.
        is_changed: another cell isn't as it was.
        is_altered: the code can't be read, so nobody can tell.
    """

    line: str
    codes: tuple[str, ...]
    column: str | None
    problem: str
    decision: str
    digest: str
    is_changed: bool
    is_altered: bool = False

    @classmethod
    def read(cls, cells: Sequence[str], others: Iterable[object]) -> Marks | None:
        """The marks of a row; None if it was added by hand and has none.

        Args:
            cells: of the columns of `PROBLEM`.
            others: all other cells.
        """
        line, column, code, problem, decision = (cell.strip() for cell in cells)
        if not any((line, column, code, problem, decision)):
            return None
        *codes, digest = code.split() or [""]
        is_altered = not digest.startswith("#") or any(one not in CHECKS for one in codes)
        is_changed = digest != digest_of_cells(others)
        return cls(line, tuple(codes), column or None, problem, decision.casefold(), digest, is_changed, is_altered)

    def findings(self, line: int, *, counts: bool) -> list[Finding]:
        """What keeps its row out; ``counts``: something of its order has changed."""
        if self.is_altered:
            return [Finding.of("code-altered", line, PROBLEM[2])]
        found: list[Finding] = []
        kinds = {CHECKS[code].kind for code in self.codes}
        if self.decision not in ("", BOOK) or (self.decision and "wrong" in kinds and not counts):
            found.append(Finding.of("decision", line, PROBLEM[4]))
        if not counts:
            found += [Finding.of(code, line, self.column, said=self.problem) for code in self.codes]
        return found


def other_cells(cells: Iterable[object], count: int, marks: Collection[int]) -> list[object]:
    """A row's cells but for those of a problems file: those of the ``count`` columns, then what is beside them.

    Args:
        cells: as they came.
        count: of the columns that the header names.
        marks: the numbers of those of `PROBLEM`, from 0.
    """
    found = list(cells)
    found += [""] * (count - len(found))
    while len(found) > count and found[-1] == "":
        found.pop()
    return [cell for index, cell in enumerate(found) if index not in marks]


def digest_of_cells(cells: Iterable[object]) -> str:
    """The digest by which a row is known to be as it was; of a cell its type counts, too."""
    text = "\x1f".join(map(_stable, cells))
    return "#" + hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=4).hexdigest()


def _stable(cell: object) -> str:
    """A cell as it is read again from the workbook to which it was written."""
    if isinstance(cell, str):
        return cell.replace("\r\n", "\n").replace("\r", "\n") if "\r" in cell else cell
    if isinstance(cell, (int, float)):
        return f"\x1e{type(cell) is bool} {cell:.14g}"
    if isinstance(cell, (datetime.date, datetime.time, datetime.timedelta)):
        return "\x1edate" + "".join(filter(str.isdigit, str(cell)))[:14].removesuffix("000000")
    return f"\x1e{cell}"


def approved_by(marks: Sequence[Marks]) -> frozenset[str]:
    """The codes that a person has decided to book all the same: of an order, those of all its rows."""
    if not any(one.decision == BOOK for one in marks):
        return frozenset()
    return frozenset(code for one in marks for code in one.codes if CHECKS[code].kind == "held")


def is_changed(marks: Sequence[Marks | None]) -> bool:
    """Whether an order counts again: one of its rows has changed, or was added."""
    return any(one is None or one.is_changed for one in marks)


def written(
    findings: Sequence[Finding],
    line: int,
    digest: str,
    approved: Iterable[str] = (),
) -> tuple[str, str, str, str, str]:
    """The cells of `PROBLEM` for a row with these findings.

    Args:
        findings: what keeps it out; nothing if it is good, and only stays in the file.
        line: where it stands in the file.
        digest: by which it is known to be as it was.
        approved: the codes that a person has decided on. A new finding asks for another decision, on all of them.
    """
    columns = dict.fromkeys(one.column for one in findings if one.column)
    codes = dict.fromkeys((*(one.code for one in findings), *sorted(approved)))
    texts = [f"{one.column}: {one.text}" if one.column and len(findings) > 1 else one.text for one in findings]
    decision = BOOK if approved and not findings else ""
    return str(line), " ".join(columns), " ".join((*codes, digest)), "; ".join(texts), decision
