"""``pandapon journal``: what a job did, and what a person found out since."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import date, datetime, time, timedelta, tzinfo
from pathlib import Path
from typing import TYPE_CHECKING, Any

import attrs
import click

from .._config.profiles import zone_of
from .._config.settings import Settings, find_settings
from .._journal.rows import STATES
from .journal_actions import ACTION_FIELDS, Action, meant_operation
from .journal_lists import Lists
from .journal_totals import show_totals
from .journals import files_of, folder_of, journal_place, location_of
from .reasons import plain_text
from .shared import OnceEach, config_option, console, json_text, labelled, show_table, write_out
from .words import Words, words_for

if TYPE_CHECKING:
    from .._journal.journal import Journal
    from .._journal.places import Place
    from .._journal.rows import HistoryEntry, JournalRow, Run


def _moment(text: str) -> datetime:
    """A day, or a moment; without an offset it is in the time zone of the settings."""
    try:
        if len(text) == 10:
            return datetime.combine(date.fromisoformat(text), time())
        return datetime.fromisoformat(text.replace("Z", "+00:00"))
    except ValueError:
        raise click.BadParameter("expected a date such as 2026-01-31, or 2026-01-31T18:00:00Z") from None


def _month(text: str) -> tuple[datetime, datetime]:
    """A month as its bounds."""
    try:
        begin = datetime.strptime(text, "%Y-%m")
    except ValueError:
        raise click.BadParameter("expected a month such as 2026-01") from None
    return begin, (begin + timedelta(days=32)).replace(day=1)


_STATES_WIDTH = 28
_NAMES_WIDTH = 18
_file = click.Path(dir_okay=False, path_type=Path)


@click.command("journal", cls=OnceEach, short_help="What a booking job did; resolve what is in doubt.")
@click.argument("path", type=journal_place, metavar="PATH or URL")
@click.argument("reference", required=False, metavar="[REF]")
@click.option("--state", type=click.Choice(STATES), help="Only rows in this state.")
@click.option("--account", metavar="NAME", help="Only rows of this account.")
@click.option("--operation", metavar="NAME", help="Only rows of this operation.")
@click.option(
    "--shipment", type=click.IntRange(1), default=1, metavar="N", help="Which shipment of REF; 1 unless given."
)
@click.option("--since", type=_moment, metavar="D", help="Only rows sent at D or later.")
@click.option("--until", type=_moment, metavar="D", help="Only rows sent before D.")
@click.option(
    "--export", type=_file, metavar="F", help="Write the rows to a file, CSV or .xlsx, to be looked at or edited."
)
@click.option("--contact", is_flag=True, help="With the receivers' names, phones and addresses.")
@click.option("--month", type=_month, metavar="M", help="The same for one month, such as 2026-01.")
@click.option("--report", type=_file, metavar="HTML", help="Write a page: counts, money, refusals, what is to be done.")
@click.option("--todo", is_flag=True, help="What a person has to see to.")
@click.option("--runs", is_flag=True, help="Who booked what, from where, and when.")
@click.option(
    "--compare", type=_file, metavar="F", help="Lay the vendor's statement beside the journal; changes nothing."
)
@click.option(
    "--map", "mapped", multiple=True, metavar="THEIRS=OURS", help="With --compare: what a column is; repeatable."
)
@click.option("--decimal", type=click.Choice([".", ","]), default=".", help="With --compare: the decimal sign.")
@click.option("--totals", is_flag=True, help="Fees, credits, net, and what lacks a fee or a credit; see --by.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object a row.")
@click.option("--resolve", type=_file, metavar="F", help="Read an edited export back: all of it, or nothing.")
@click.option("--review", is_flag=True, help="Go through what is unclear, one by one.")
@click.option("--assign", metavar="REF=NAME", help="Say who sees to a booking; --todo shows it.")
@click.option("--mark", metavar="REF=STATE", help="Resolve one booking.")
@click.option("--order-id", metavar="ID", help="With --mark REF=done: the vendor's order id.")
@click.option("--fee", nargs=2, metavar="AMOUNT CUR", help="With --mark REF=done: what it cost.")
@click.option("--tracking", multiple=True, metavar="NUMBER", help="With --mark REF=done; may be repeated.")
@click.option("--credit", nargs=3, metavar="REF AMOUNT CUR", help="Enter what the vendor gave back.")
@click.option("--adopt", metavar="ACCOUNT", help="Accept its host, key and user id as they are configured now.")
@config_option
@click.option("--rename", metavar="OLD=NEW", help="Let an account's bookings stand under another name.")
@click.option("--backup", type=_file, metavar="FILE", help="Write a whole copy, during a run too.")
@click.option("--restore", is_flag=True, help="Let jobs use this backup.")
@click.option("--whole", is_flag=True, help="Take a file whose -wal is lost: you have looked up what was booked last.")
@click.option("--forget-before", type=_moment, metavar="DATE", help="Erase bodies and replies of what ended before.")
@click.option("--by", metavar="NAME", help="Who does it; your login unless given. --totals: see above.")
@click.option("--note", metavar="TEXT", help="Why.")
def command(path: Place, **options: Any) -> None:
    """Look into the journal of a booking job, and change what a person has found out; possible while a job runs.

    Without options: how many bookings are in each state. With REF: one booking and its whole history.

    What is in doubt or refused can be resolved as done (it was made) or pending (it was not, a job sends it again); what is
    pending as void (withdrawn); what is done as void (cancelled), or as done once more to add its order id or fee. Who and why
    stands in the history. --adopt, --restore and --whole need --by and --note.

    --totals sums up by account, or --by currency, month, destination, or a column of the booked files that was kept. Every amount
    counts by its own date, so a month's sums stay what they were.

    Times are in the time_zone of pandapon.toml beside the journal or above it, UTC unless it says otherwise.
    """
    from .._journal.journal import Journal

    if (month := options.pop("month")) is not None:
        if options["since"] or options["until"]:
            raise click.UsageError("--month stands for --since and --until: give it alone")
        options["since"], options["until"] = month
    settings = find_settings(folder_of(path))
    words, zone = words_for(settings), zone_of(settings.time_zone)
    for name in ("since", "until", "forget_before"):
        if options[name] is not None and options[name].tzinfo is None:
            options[name] = options[name].replace(tzinfo=zone)
    action = Action(words=words, zone=zone, **{name: value for name, value in options.items() if name in ACTION_FIELDS})
    shown = {name: options[name] for name in attrs.fields_dict(_View) if name in options}
    view = _View(words=words, zone=zone, settings=settings, **shown)
    change = action.asked()
    if (change is not None or action.whole) and (view.export or view.report) is not None:
        raise click.UsageError("--export and --report change nothing: give them alone")
    if action.whole:
        action.declare_whole(path)
        return
    after = settings.not_booked_after
    with Journal.open(location_of(path), **({} if after is None else {"not_booked_after": after})) as journal:
        if change is not None:
            change(journal)
        else:
            view.show(journal)


@attrs.frozen
class _View:
    """Which rows are shown, and how."""

    reference: str | None
    state: Any
    account: str | None
    operation: str | None
    shipment: int
    since: datetime | None
    until: datetime | None
    export: Path | None
    contact: bool
    report: Path | None
    compare: Path | None
    mapped: tuple[str, ...]
    decimal: str
    todo: bool
    runs: bool
    totals: bool
    by: str | None
    as_json: bool
    words: Words
    zone: tzinfo
    settings: Settings

    def show(self, journal: Journal) -> None:
        """Show it, or write it to a file."""
        if self.compare is not None:
            self._compare(journal, self.compare)
        elif self.export is not None:
            self._export(journal, self.export)
        elif self.report is not None:
            self._report(journal, self.report)
        elif self.todo:
            self._lists(journal).show_todo()
        elif self.runs:
            self._lists(journal).show_runs()
        elif self.totals:
            self._show_totals(journal)
        elif self.reference is not None:
            operation = meant_operation(journal, self.reference, self.shipment, self.account, self.operation)
            row = journal.get(self.reference, shipment=self.shipment, account=self.account, operation=operation)
            self._show_one(row, next((run for run in journal.runs() if run.id == row.run), None))
        elif self.as_json:
            for row in self._rows(journal):
                write_out(json_text(self._as_json(row)))
        elif self.contact or any(
            given is not None for given in (self.state, self.account, self.operation, self.since, self.until)
        ):
            self._show_rows(journal)
        else:
            self._show_counts(journal)

    def _show_counts(self, journal: Journal) -> None:
        """How many are in each state; of each operation, if there are several."""
        from .._journal.journal import counts_by_operation

        found = counts_by_operation(journal)
        if len(found) < 2:
            found = {"": journal.counts()}
        for operation, counts in found.items():
            if operation:
                write_out(operation)
            for state, count in counts.items():
                style = "bold" if state == "unknown" and count else None
                labelled(self._state(state), f"{count:,}", style=style, width=_STATES_WIDTH)

    def _lists(self, journal: Journal) -> Lists:
        return Lists(journal, self.account, self.as_json, self.words, self.zone, self.settings.max_increase)

    def _show_totals(self, journal: Journal) -> None:
        show_totals(
            journal,
            self.by or "account",
            self.words,
            self.zone,
            since=self.since,
            until=self.until,
            account=self.account,
            as_json=self.as_json,
        )

    def _state(self, state: str) -> str:
        """A state as a clerk reads it, and its code, which options and exports have."""
        return f"{self.words(f'state.{state}')} ({state})"

    def _rows(self, journal: Journal) -> Iterator[JournalRow]:
        rows = journal.rows(
            state=self.state, account=self.account, operation=self.operation, since=self.since, until=self.until
        )
        return (row for row in rows if self.reference in (None, row.reference))

    def _export(self, journal: Journal, file: Path) -> None:
        from .._files.outputs import check_output
        from .._files.resolutions import SourceColumns, is_export, write_export

        check_output(file, files_of(journal), is_export)
        sources = SourceColumns.of(journal)
        count = write_export(file, self._rows(journal), contact=self.contact, zone=self.zone, sources=sources)
        write_out(self.words("review.wrote", count=f"{count:,}", path=file, zone=self.settings.time_zone))

    def _compare(self, journal: Journal, statement: Path) -> None:
        from ..api.logistics import FreightBookingRequest
        from .compare import Comparison

        # What else is in the journal (reports, cancellations) is on no statement.
        bookings = attrs.evolve(self, operation=self.operation or FreightBookingRequest.operation.name)
        Comparison(
            statement=statement,
            mapped=self.mapped,
            decimal=self.decimal,
            export=self.export,
            as_json=self.as_json,
            zone=self.zone,
            words=self.words,
        ).show(journal, bookings._rows(journal))

    def _report(self, journal: Journal, file: Path) -> None:
        from .._files.outputs import check_output, replaced
        from .day_report import DayReport
        from .report_page import MARK, page_of

        check_output(file, files_of(journal), lambda path: path.read_bytes().startswith(MARK.encode()))
        report = DayReport.of(journal, self.since, self.until, self.zone)
        page = page_of(report, journal.path.name, datetime.now(self.zone), self.words)
        with replaced(file) as target:
            target.file.write(page.encode())
        write_out(self.words("report.wrote", path=file, zone=self.settings.time_zone))

    def _show_one(self, row: JournalRow, run: Run | None) -> None:
        from .._files.resolutions import source_as_json

        brought = {"file": run and run.file, "person": run and run.person}
        if self.as_json:
            history = [self._step(step) for step in row.history]
            write_out(json_text({**self._as_json(row), **brought, "history": history}))
            return
        for name, text in self._cells(row).items():
            if text:
                labelled(self._name(name), self._plain(name, text), width=_NAMES_WIDTH)
        shown: dict[str, Any] = {**source_as_json(row), **brought}
        for name, value in shown.items():
            for label, text in value.items() if name == "kept" else ((self._name(name), value),):
                if text is not None:
                    labelled(label[:_NAMES_WIDTH], str(text), width=_NAMES_WIDTH)
        labelled(self._name("history"), "", width=_NAMES_WIDTH)
        for step in row.history:
            note = f": {plain_text(step.note, self.words)}" if step.note else ""
            state, at = self.words(f"state.{step.state}"), self._step(step)["at"]
            labelled("", self.words("journal.step", at=at, state=state, person=step.by, note=note), width=_NAMES_WIDTH)

    def _plain(self, column: str, text: str) -> str:
        """A cell as a clerk reads it."""
        if column == "state":
            return self._state(text)
        return plain_text(text, self.words) if column in ("error", "note") else text

    def _name(self, column: str) -> str:
        """A column of an export as a clerk reads it."""
        code = f"name.{column}"
        return self.words(code) if self.words.has(code) else column.removeprefix("receiverAddress.")[:_NAMES_WIDTH]

    def _show_rows(self, journal: Journal) -> None:
        from rich.table import Table

        from .._files.resolutions import contact_columns

        out = console()
        if not out.is_terminal:
            for row in self._rows(journal):
                write_out("\t".join(" ".join(text.split()) for text in self._cells(row).values()))
            return
        table = Table(box=None, pad_edge=False)
        narrow = ("reference", "state", "order_id", "fee", "error")
        columns = (*narrow, *(contact_columns() if self.contact else ()))
        for name in columns:
            table.add_column(self._name(name), overflow="fold")
        for row in self._rows(journal):
            cells = {name: self._plain(name, text) for name, text in self._cells(row).items()}
            table.add_row(
                *[f"{cells[name]} {cells['currency']}".strip() if name == "fee" else cells[name] for name in columns]
            )
        show_table(table)

    def _cells(self, row: JournalRow) -> dict[str, str]:
        from .._files.resolutions import cells_of, contact_columns, contact_of

        contact = dict(zip(contact_columns(), contact_of(row.body), strict=True)) if self.contact else {}
        return {**cells_of(row, self.zone), **contact}

    def _as_json(self, row: JournalRow) -> Mapping[str, Any]:
        from .._files.resolutions import source_as_json

        return {name: text or None for name, text in self._cells(row).items()} | source_as_json(row)

    def _step(self, step: HistoryEntry) -> dict[str, Any]:
        from .._files.resolutions import time_text

        return {"at": time_text(step.at, self.zone), "state": step.state, "by": step.by, "note": step.note}
