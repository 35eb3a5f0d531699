"""``pandapon journal PATH --compare F``: the vendor's statement beside the journal."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from datetime import tzinfo
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import attrs
import click

from .._files.comparing import Compared, compared
from .._files.statement import read_statement
from .journals import files_of
from .shared import json_text, labelled, new_table, show_table, write_out
from .words import Words

if TYPE_CHECKING:
    from .._journal.journal import Journal
    from .._journal.rows import JournalRow

_ON_STATEMENTS: Final = ("done", "void", "unknown", "sent")
_SHOWN: Final = ("other fee", "twice", "only theirs", "only ours", "proposal")


@attrs.frozen(kw_only=True)
class Comparison:
    """A statement and a journal.

    ``mapped``: THEIRS=OURS, ``export``: where the proposals are written, to be read by --resolve, ``zone``: of their times,
    ``words``: what is said.
    """

    statement: Path
    mapped: Sequence[str]
    decimal: str
    export: Path | None
    as_json: bool
    zone: tzinfo
    words: Words

    def show(self, journal: Journal, rows: Iterator[JournalRow]) -> None:
        """Print what is found; nothing in the journal is changed."""
        lines = read_statement(self.statement, dict(self._pairs()), self.decimal)
        found = list(compared(lines, (row for row in rows if row.state in _ON_STATEMENTS)))
        if self.as_json:
            for one in found:
                write_out(json_text(_as_json(one)))
        else:
            self._show(found)
        if self.export is not None:
            self._export(journal, self.export, found)

    def _pairs(self) -> Iterator[tuple[str, str]]:
        for pair in self.mapped:
            theirs, equals, ours = pair.rpartition("=")
            if not equals or not theirs.strip():
                raise click.BadParameter("expected THEIRS=OURS", param_hint="--map")
            yield theirs.strip(), ours.strip()

    def _show(self, found: Sequence[Compared]) -> None:
        words, counts = self.words, Counter(one.found for one in found)
        for name in ("both", *_SHOWN):
            labelled(words(f"compare.{name}"), f"{counts[name]:,}")
        table = new_table()
        names = ("found", "reference", "order_id", "fee", "their_fee", "line", "by")
        for name in names:
            table.add_column(words(f"compare.column.{name}"), overflow="fold")
        wanted = [one for one in found if one.found in _SHOWN]
        for one in wanted:
            cells = _as_json(one)
            cells |= {name: words(f"compare.{cells[name]}") for name in ("found", "by") if cells[name] is not None}
            table.add_row(*["" if cells[name] is None else str(cells[name]) for name in names])
        if wanted:
            show_table(table)
        if counts["proposal"] and self.export is None:
            write_out(words("compare.way_on"))

    def _export(self, journal: Journal, path: Path, found: Sequence[Compared]) -> None:
        from .._files.outputs import check_output
        from .._files.resolutions import SourceColumns, is_export, write_export

        check_output(path, (*files_of(journal), self.statement), is_export)
        proposed = (_proposed(one) for one in found if one.found == "proposal")
        count = write_export(path, proposed, zone=self.zone, sources=SourceColumns.of(journal))
        write_out(self.words("compare.wrote", count=f"{count:,}", path=path))
        if count:
            write_out(self.words("compare.unchanged"))


def _proposed(one: Compared) -> JournalRow:
    """The row as it would be if the proposal is right."""
    assert one.row is not None
    assert one.line is not None
    return attrs.evolve(
        one.row,
        state="done",
        order_id=one.line.order_id or None,
        fee=one.line.fee,
        note=f"line {one.line.line} of the statement, by {one.by}",
    )


def _as_json(one: Compared) -> dict[str, Any]:
    row, line = one.row, one.line
    fee = None if row is None else row.fee
    return {
        "found": one.found,
        "reference": None if row is None else row.reference,
        "account": None if row is None else row.account,
        "order_id": (row and row.order_id) or (line and line.order_id) or None,
        "fee": None if fee is None else str(fee),
        "their_fee": None if line is None or line.fee is None else str(line.fee),
        "line": None if line is None else line.line,
        "by": one.by,
    }
