"""``pandapon journal``: what a job did, and what a person found out since."""

from __future__ import annotations

import getpass
from collections.abc import Iterator, Mapping
from datetime import date, datetime, time, timezone
from pathlib import Path
from typing import TYPE_CHECKING, Any

import attrs
import click

from .._journal.rows import STATES
from .shared import console, json_text, labelled, show_table, write_out

if TYPE_CHECKING:
    from .._journal.journal import Journal
    from .._journal.rows import JournalRow
    from .._models.money import Money

_NOTE = "settled from an edited export"


def _moment(text: str) -> datetime:
    """A day, or a moment; UTC unless it says otherwise."""
    try:
        if len(text) == 10:
            return datetime.combine(date.fromisoformat(text), time(), timezone.utc)
        moment = datetime.fromisoformat(text.replace("Z", "+00:00"))
    except ValueError:
        raise click.BadParameter("expected a date such as 2026-01-31, or 2026-01-31T18:00:00Z") from None
    return moment if moment.tzinfo else moment.replace(tzinfo=timezone.utc)


_file = click.Path(dir_okay=False, path_type=Path)


@click.command("journal", short_help="What a booking job did; settle what is in doubt.")
@click.argument("path", type=_file)
@click.argument("reference", required=False, metavar="[REF]")
@click.option("--state", type=click.Choice(STATES), help="Only rows in this state.")
@click.option("--account", metavar="NAME", help="Only rows of this account.")
@click.option("--since", type=_moment, metavar="D", help="Only rows sent at D (UTC) or later.")
@click.option("--until", type=_moment, metavar="D", help="Only rows sent before D (UTC).")
@click.option("--export", type=_file, metavar="CSV", help="Write the rows to a file, to be looked at or edited.")
@click.option("--contact", is_flag=True, help="With the receivers' names, phones and addresses.")
@click.option("--sum", "as_sum", is_flag=True, help="Fees paid, per account and currency.")
@click.option("--settle", type=_file, metavar="CSV", help="Read an edited export back: all of it, or nothing.")
@click.option("--mark", metavar="REF=STATE", help="Settle one row.")
@click.option("--order-id", metavar="ID", help="With --mark REF=done: the vendor's order id.")
@click.option("--fee", nargs=2, metavar="AMOUNT CUR", help="With --mark REF=done: what it cost.")
@click.option("--tracking", multiple=True, metavar="NUMBER", help="With --mark REF=done; may be repeated.")
@click.option("--by", metavar="NAME", help="Who settles; your login unless given.")
@click.option("--note", metavar="TEXT", help="Why.")
@click.option("--forget-before", type=_moment, metavar="DATE", help="Erase bodies and replies of what ended before.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object a row.")
def command(path: Path, **options: Any) -> None:
    """Look into the journal of a booking job; reading is possible while a job runs.

    Without options: how many bookings are in each state. With REF: one booking and its whole history.

    A person may settle what is in doubt or refused: as done (it was made) or pending (it was not, a job sends it again);
    and what is done as void (cancelled). Who and why stands in the row's history.
    """
    from .._journal.journal import Journal

    asked = _Asked(**options)
    with Journal.open(path) as journal:
        asked.answer(journal)


@attrs.frozen
class _Asked:
    """What was asked for."""

    reference: str | None
    state: Any
    account: str | None
    since: datetime | None
    until: datetime | None
    export: Path | None
    contact: bool
    as_sum: bool
    settle: Path | None
    mark: str | None
    order_id: str | None
    fee: tuple[str, str] | None
    tracking: tuple[str, ...]
    by: str | None
    note: str | None
    forget_before: datetime | None
    as_json: bool

    def answer(self, journal: Journal) -> None:
        """Do it, or show it."""
        deeds = [deed for deed in (self.settle, self.mark, self.forget_before, self.export) if deed is not None]
        if len(deeds) > 1:
            raise click.UsageError("--settle, --mark, --export and --forget-before are done one at a time")
        if (self.order_id or self.fee or self.tracking) and self.mark is None:
            raise click.UsageError("--order-id, --fee and --tracking go with --mark")
        if self.settle is not None:
            self._settle(journal, self.settle)
        elif self.mark is not None:
            self._mark(journal, self.mark)
        elif self.forget_before is not None:
            write_out(f"Erased the bodies and replies of {journal.forget_before(self.forget_before):,} rows")
        elif self.export is not None:
            self._export(journal, self.export)
        elif self.reference is not None:
            self._show_one(journal.get(self.reference, account=self.account))
        else:
            self._show_many(journal)

    # --- changing it ---

    def _author(self) -> str:
        if self.by:
            return self.by
        try:
            return getpass.getuser()
        except (OSError, KeyError, ImportError):  # no login: a container
            raise click.UsageError("--by NAME is needed: who settles it?") from None

    def _settle(self, journal: Journal, file: Path) -> None:
        from .._files.resolutions import read_resolutions

        found = read_resolutions(file, journal)
        if found:
            journal.resolve_all(found, by=self._author(), note=self.note or _NOTE)
        write_out(f"Settled {len(found):,} rows")

    def _mark(self, journal: Journal, mark: str) -> None:
        reference, _, state = mark.rpartition("=")
        if not reference or state not in STATES:
            raise click.BadParameter(f"expected REF=STATE, the state one of {', '.join(STATES)}", param_hint="--mark")
        if state != "done" and (self.order_id or self.fee or self.tracking):
            raise click.UsageError("--order-id, --fee and --tracking go with --mark REF=done")
        row = journal.resolve(
            reference,
            state,
            by=self._author(),
            note=self.note or "settled by hand",
            order_id=self.order_id,
            fee=self._money(),
            tracking=self.tracking,
            account=self.account,
        )
        write_out(f"{row.reference} is {row.state} now")

    def _money(self) -> Money | None:
        from .._files.resolutions import money_of

        return money_of(*self.fee) if self.fee else None

    # --- showing it ---

    def _rows(self, journal: Journal) -> Iterator[JournalRow]:
        rows = journal.rows(state=self.state, account=self.account, since=self.since, until=self.until)
        return (row for row in rows if self.reference in (None, row.reference))

    def _export(self, journal: Journal, file: Path) -> None:
        from .._files.resolutions import write_export

        if file.exists() and file.samefile(journal.path):
            raise click.BadParameter("that is the journal itself", param_hint="--export")
        count = write_export(file, self._rows(journal), contact=self.contact)
        write_out(f"Wrote {count:,} rows to {file}")

    def _show_one(self, row: JournalRow) -> None:
        if self.as_json:
            history = [_step(step) for step in row.history]
            write_out(json_text({**self._as_json(row), "history": history}))
            return
        for name, text in self._cells(row).items():
            if text:
                labelled(name.removeprefix("receiverAddress.")[:12], text)
        labelled("history", "")
        for step in row.history:
            note = f": {step.note}" if step.note else ""
            labelled("", f"{_step(step)['at']} {step.state}, by {step.by}{note}")

    def _show_many(self, journal: Journal) -> None:
        if self.as_sum:
            self._show_sum(journal)
        elif self.as_json:
            for row in self._rows(journal):
                write_out(json_text(self._as_json(row)))
        elif any(given is not None for given in (self.state, self.account, self.since, self.until)) or self.contact:
            self._show_rows(journal)
        else:
            for state, count in journal.counts().items():
                labelled(state, f"{count:,}", style="bold" if state == "unknown" and count else None)

    def _show_sum(self, journal: Journal) -> None:
        totals = journal.totals(since=self.since, until=self.until)
        for account, currency, amount in [(total.account, total.currency, total.net) for total in totals]:
            if self.account not in (None, account):
                continue
            if self.as_json:
                write_out(json_text({"account": account, "currency": currency, "amount": format(amount, "f")}))
            else:
                labelled(account, f"{amount:,f} {currency}")

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
            table.add_column(name.removeprefix("receiverAddress."), overflow="fold")
        for row in self._rows(journal):
            cells = self._cells(row)
            table.add_row(
                *[f"{cells[name]} {cells['currency']}".strip() if name == "fee" else cells[name] for name in columns]
            )
        show_table(table)

    def _cells(self, row: JournalRow) -> dict[str, str]:
        from .._files.resolutions import cells_of, contact_columns, contact_of

        contact = dict(zip(contact_columns(), contact_of(row.body), strict=True)) if self.contact else {}
        return {**cells_of(row), **contact}

    def _as_json(self, row: JournalRow) -> Mapping[str, Any]:
        return {name: text or None for name, text in self._cells(row).items()}


def _step(step: Any) -> dict[str, Any]:
    from .._files.resolutions import time_text

    return {"at": time_text(step.at), "state": step.state, "by": step.by, "note": step.note}
