"""What is found in a file: its code, its place, and a sentence for whoever corrects it.

All checks of rows are in one table, `CHECKS`. A row with a finding is *wrong* (it can't be sent) or *held* (it can, and looks
wrong: a person decides row by row).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Final, Literal

import attrs

from .._errors import RequestError

if TYPE_CHECKING:
    from typing_extensions import Self

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
    # the row as a whole
    "cells-missing": Check(
        "wrong", "has {cells} cells, and the header {columns}: it is cut, or a line break isn't quoted"
    ),
    "cells-extra": Check(
        "wrong", "has {cells} cells, and the header {columns}: a separator inside a cell isn't quoted"
    ),
    "cells-torn": Check("wrong", "is beside a line of a single cell (line {other}), which may be torn off it"),
    "row-missing": Check("wrong", "a row that can't be read may be of this order: line {other}"),
    "not-csv": Check("wrong", "not CSV: {why}"),
    "inside-cell": Check("wrong", "a quotation mark isn't closed, so that the lines below became part of a cell"),
    "too-long": Check("wrong", "longer than {most} characters"),
    "not-json": Check("wrong", "{why}"),
    "not-an-object": Check("wrong", "expected a JSON object"),
    "duplicate-key": Check("wrong", "has the same key twice"),
    "continues-nothing": Check("wrong", "has an item and nothing else: write the reference of its order into it"),
    "differs": Check("wrong", "differs from line {other} of the same booking"),
    # a cell, whatever its column
    "not-text": Check(
        "wrong", "has bytes that aren't {encoding}: the encoding is another (--encoding), or the cell was damaged"
    ),
    "lost-characters": Check(
        "wrong", "has characters that were lost when a program read it in a wrong encoding: enter it again"
    ),
    "control-character": Check("wrong", "has a control character: enter it again"),
    "error-word": Check("wrong", "is an error of the spreadsheet, not a value"),
    "no-value": Check("wrong", "is a formula without a value: open the workbook in a spreadsheet and save it again"),
    "formula": Check("wrong", "is a formula: enter its value as text"),
    "apostrophe": Check("wrong", "begins with an apostrophe: enter it without"),
    "scientific": Check("wrong", "was altered by a spreadsheet (format the column as text and enter it again)"),
    "rounded": Check("wrong", "is a number of more than 15 digits, which a spreadsheet rounds: enter it again as text"),
    "decimals": Check("wrong", "was made a decimal number by a spreadsheet: enter it again as text"),
    "grouped": Check("wrong", "has separators between its digits: enter it again as text"),
    "date": Check("wrong", "was made a date by a spreadsheet: enter it again as text"),
    "truth": Check("wrong", "was made TRUE or FALSE by a spreadsheet: enter it again as text"),
    # a cell of a column
    "blank-inside": Check("wrong", "has a blank inside (if that is meant: --text)"),
    "separator-inside": Check("wrong", "has a separator or a quotation mark inside (if that is meant: --text)"),
    "invisible": Check("wrong", "has a character inside that can't be seen: enter it again"),
    "full-width": Check("wrong", "has letters or digits of full width: enter it again in plain ones"),
    "whole-number": Check("wrong", "expected a whole number"),
    "number": Check("wrong", "expected a number with the decimal sign {sign} (another one: --decimal)"),
    "json": Check("wrong", 'expected JSON, such as ["12", "13"]'),
    "member": Check("wrong", "{why}"),
    "unknown-sku": Check("wrong", "isn't in the table of SKUs"),
    "sku-differs": Check("wrong", "isn't what the table of SKUs says"),
    # a problems file that is fed again
    "decision": Check("wrong", "expected book, or nothing; what is wrong must be corrected"),
    "code-altered": Check(
        "wrong", "was altered, so that nobody can tell whether its row was: write the row into a file of its own"
    ),
    # held
    "no-reference": Check("held", "is empty: fill it in, or leave the column out"),
    "no-render-id": Check("held", "there is no render id"),
    "no-country": Check("held", "there is no country"),
    "no-item": Check("held", "there is no item"),
    "no-quantity": Check("held", "there is no quantity"),
    "unknown-country": Check("held", "isn't a country's two-letter code, nor exactly its name"),
    "short-zip": Check("held", "has {digits} digits, and a zip of {country} has {expected}: a zero was lost"),
    "thousands": Check("held", "may be in thousands, or have three decimals"),
    "stray-quote": Check("held", "has a quotation mark, and isn't quoted: another one was lost"),
    "line-break": Check("held", "has a line break inside (if that is meant: --text)"),
    "question-marks": Check("held", "has a question mark where a letter may have been lost"),
    "placeholder": Check("held", "is a word for nothing, or for a sum: leave it blank (if it is meant: --text)"),
    "markup": Check("held", "has markup of a web page, such as &amp; or <br> (if that is meant: --text)"),
    "same-parcel": Check("held", "{why}"),
    "hidden-row": Check("held", "is a row that is hidden in the workbook, by hand or by a filter: is it meant?"),
    "not-previewed": Check("wrong", "could not be previewed: {why}"),
    "price-moved": Check("held", "costs {now}, and the preview said {was}"),
    # domestic parcels, against the journal
    "no-order": Check("wrong", "there is no order number: which booking is it?"),
    "not-in-journal": Check("wrong", "isn't in the journal: nothing was booked under it"),
    "not-booked": Check("wrong", "isn't booked: the journal has it as {state}"),
    "several-accounts": Check("wrong", "is booked at several accounts ({names}): say which, in a column account"),
    "several-orders": Check("wrong", "has rows of several of the vendor's orders ({orders}): a file for each"),
    "unknown-item": Check("wrong", "no parcel of this order has it"),
    "unknown-parcel": Check("wrong", "no parcel of this order has this international number and item"),
    "several-parcels": Check(
        "wrong", "may be in several parcels ({numbers}): say which, by its item or in a column internationalNumber"
    ),
    "no-parcel": Check(
        "wrong", "the vendor gave no international number for it: look it up, and enter it in the journal"
    ),
    "update-forgotten": Check(
        "wrong", "an earlier update of it was erased from the journal, so nobody can tell what was reported already"
    ),
    # the header
    "no-header": Check("wrong", "there is no header"),
    "no-name": Check("wrong", "has no name"),
    "double-column": Check("wrong", "is the same column as {other}"),
    "unknown-column": Check("wrong", "is unknown{near}"),
    "missing-column": Check("wrong", "is missing"),
    # the file as a whole
    "no-booking": Check("wrong", "holds no booking"),
    "not-there": Check("wrong", "isn't there"),
    "is-folder": Check("wrong", "is a folder, not a file"),
    "not-allowed": Check("wrong", "may not be read by this user"),
    "not-readable": Check("wrong", "can't be read: {why}"),
    "other-kind": Check(
        "wrong", "is a file of another kind ({what}), whatever its name: save the table as xlsx or CSV"
    ),
    "web-page": Check("wrong", "is a web page or XML, whatever its name: open it in a spreadsheet and save it as xlsx"),
    "damaged-file": Check("wrong", "is damaged, or none that can be read: save it again as xlsx"),
    "password": Check("wrong", "has a password: save it without one"),
    "several-sheets": Check(
        "wrong", "has several sheets ({names}): save the one that is meant as a workbook of its own"
    ),
    "no-sheet": Check("wrong", "has no sheet {sheet}; it has {names}"),
    "needs-sheets": Check("wrong", "workbooks need the extra packages of `pip install 'pandapon-async[sheets]'`"),
    "half-utf-16": Check("wrong", "is UTF-16, and half a character is missing: it was cut or damaged; save it again"),
    "no-encoding": Check("wrong", "there is no encoding {encoding} (gb18030, cp1252, utf-16 are some)"),
    "unknown-encoding": Check(
        "wrong", "is neither UTF-8 nor UTF-16; save it as UTF-8, or say its encoding (--encoding)"
    ),
    "looks-chinese": Check(
        "wrong",
        "isn't UTF-8; looks like {label}: what isn't ASCII reads as usual Chinese. If that is right: --encoding {encoding}",
    ),
    "looks-western": Check(
        "wrong",
        "isn't UTF-8; looks like {label}: what isn't ASCII reads as letters with accents. If that is right: --encoding {encoding}",
    ),
    "looks-like": Check(
        "wrong",
        "isn't UTF-8; looks like {label}: its letters are as frequent as in such texts. If that is right: --encoding {encoding}",
    ),
    "file-changed": Check("wrong", "was changed or moved while it was in use; no more of it is sent: book it again"),
    "only-json": Check(
        "wrong", "the members of {operation} aren't documented, so there are no columns: give JSON objects"
    ),
    "not-our-column": Check("wrong", "isn't a column of such a file{near}"),
    "json-no-table": Check("wrong", "is JSON, and a table was expected"),
    "is-kept": Check("wrong", "is {what}, or belongs to it: choose another file to write to"),
    "is-there": Check("wrong", "is there already, and something else: remove it, or choose another file to write to"),
    "no-folder": Check("wrong", "can't be written: there is no folder {what}"),
    "not-writable": Check("wrong", "can't be written: {why}"),
    # the words of other rooms
    "refused": Check("wrong", "was refused by the vendor: {why}"),
    "journal": Check("wrong", "{why}"),
    "cell": Check("wrong", "{why}"),
}


@attrs.frozen
class Finding:
    """What was found: where, and what. The value itself is never shown: it may be personal.

    Attributes:
        line: in a workbook, the number of the row; 0: it is about the whole file.
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
        """Its sentence, in English; a translation is made from ``CHECKS[code].text`` and ``facts``.

        A problems file that is fed again has the sentence itself, as the fact ``said``.
        """
        return self.facts["said"] if "said" in self.facts else CHECKS[self.code].text.format_map(self.facts)

    def __str__(self) -> str:
        if not self.line:
            return self.text
        return f"line {self.line}{f', column {self.column}' if self.column else ''}: {self.text}"


class FileError(RequestError):
    """A file has mistakes; nothing from it was sent.

    ``findings`` are the first hundred, in file order; ``name`` is what the file is called, ``more`` how many findings there are
    beyond them.
    """

    def __init__(self, message: str, *, findings: Sequence[Finding] = (), name: str = "", more: int = 0) -> None:
        super().__init__(message)
        self.findings = tuple(findings)
        self.name = name
        self.more = more

    @classmethod
    def whole(cls, name: object, code: str, **facts: str) -> Self:
        """The error of a file that can't be used at all."""
        finding = Finding.of(code, 0, **facts)
        return cls(f"{name}: {finding}", findings=[finding], name=str(name))

    @classmethod
    def of(cls, name: str, findings: Sequence[Finding], more: int = 0) -> FileError:
        """The error for a file; ``more`` is the number of further findings."""
        shown = "; ".join(map(str, findings[:_MAX_SHOWN]))
        left = len(findings) - _MAX_SHOWN + more
        text = f"{name}: {shown}" + (f"; and {left} more" if left > 0 else "")
        return cls(text, findings=findings, name=name, more=more)


class EncodingError(FileError):
    """A text file is neither UTF-8 nor UTF-16; ``guess`` is what it looks like, to be asked for, or None.

    Reading it with ``Reading(encoding=error.guess)`` is for whoever knows the file: many encodings can read the same bytes.
    """

    guess: str | None = None


@attrs.frozen(kw_only=True)
class Checked:
    """What a whole file holds.

    Attributes:
        good, wrong, held: numbers of bookings.
        previewed: how many of them have a preview.
        findings: the first hundred, in file order.
        more: how many there are beyond them.
        wrong_everywhere: columns that are wrong in every row (of several): a column was mistaken, not a cell.
        said: what was understood from it and isn't written there: that it is a workbook whatever its name, which country names
            were read as codes. One sentence each.
    """

    good: int
    wrong: int
    held: int
    previewed: int
    findings: tuple[Finding, ...]
    more: int
    wrong_everywhere: tuple[str, ...]
    said: tuple[str, ...]

    @property
    def bookings(self) -> int:
        """How many there are in all."""
        return self.good + self.wrong + self.held
