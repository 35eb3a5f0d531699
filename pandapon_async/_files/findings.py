"""What is found in a file: its code, its place, and a sentence for whoever corrects it.

All checks of rows are in one table, `CHECKS`. A row with a finding is *wrong* (it can't be sent) or *held* (it can, and looks
wrong: a person decides row by row).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final, Literal

import attrs

from .._errors import RequestError

Kind = Literal["wrong", "held"]

_MAX_SHOWN = 5
MAX_FINDINGS = 100
"""The most findings that an error lists."""


@attrs.frozen
class Check:
    """What a code stands for: whether a row is wrong or held, and the sentence, with ``{names}`` for what differs."""

    kind: Kind
    text: str


CHECKS: Final[Mapping[str, Check]] = {
    # other rooms' objections, written into a problems file like a row's own
    "journal": Check("wrong", "{why}"),
    "refused": Check("wrong", "was refused by the vendor: {why}"),
    "same-parcel": Check("held", "{why}"),
    "price-moved": Check("held", "costs {now}, and the preview said {was}"),
    # what has no code of its own
    "cell": Check("wrong", "{why}"),
}


@attrs.frozen
class Finding:
    """What was found: where, and what. The value itself is never shown: it may be personal.

    Attributes:
        line: in a workbook, the number of the row.
        column: as the file's header has it; None if it is about the whole row.
        code: stable, for machines and translations: a key of `CHECKS`.
        facts: what its sentence names, by name.
    """

    line: int
    column: str | None
    code: str
    facts: Mapping[str, str] = attrs.field(factory=dict[str, str])

    @classmethod
    def of(cls, code: str, line: int, column: str | None = None, **facts: str) -> Finding:
        """A finding; ``facts`` are what its sentence names."""
        return cls(line, column, code, facts)

    @property
    def kind(self) -> Kind:
        """Whether its row is wrong or held."""
        return CHECKS[self.code].kind

    @property
    def text(self) -> str:
        """Its sentence, in English; a translation is made from ``CHECKS[code].text`` and ``facts``."""
        return CHECKS[self.code].text.format_map(self.facts)

    def __str__(self) -> str:
        return f"line {self.line}{f', column {self.column}' if self.column else ''}: {self.text}"


class FileError(RequestError):
    """A file has mistakes; nothing from it was sent.

    ``findings`` are the first hundred, in file order.
    """

    def __init__(self, message: str, *, findings: Sequence[Finding] = ()) -> None:
        super().__init__(message)
        self.findings = tuple(findings)

    @classmethod
    def of(cls, name: str, findings: Sequence[Finding], more: int = 0) -> FileError:
        """The error for a file; ``more`` is the number of further findings."""
        shown = "; ".join(map(str, findings[:_MAX_SHOWN]))
        left = len(findings) - _MAX_SHOWN + more
        return cls(f"{name}: {shown}" + (f"; and {left} more" if left > 0 else ""), findings=findings)


class EncodingError(FileError):
    """A text file is neither UTF-8 nor UTF-16; ``guess`` is what it looks like, to be asked for, or None.

    Reading it with ``Reading(encoding=error.guess)`` is for whoever knows the file: many encodings can read the same bytes.
    """

    def __init__(self, message: str, *, guess: str | None = None) -> None:
        super().__init__(message)
        self.guess = guess


@attrs.frozen(kw_only=True)
class Checked:
    """What a whole file holds.

    Attributes:
        good, wrong, held: numbers of bookings.
        findings: the first hundred, in file order.
        more: how many there are beyond them.
        wrong_everywhere: columns that are wrong in every row (of several): a column was mistaken, not a cell.
        said: what was understood from it and isn't written there: that it is a workbook whatever its name, which country names
            were read as codes. One sentence each.
    """

    good: int
    wrong: int
    held: int
    findings: tuple[Finding, ...]
    more: int
    wrong_everywhere: tuple[str, ...]
    said: tuple[str, ...]

    @property
    def bookings(self) -> int:
        """How many there are in all."""
        return self.good + self.wrong + self.held
