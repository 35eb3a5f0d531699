"""The work of ``pandapon book``: the job, what is told of it, its rejects and its exit status."""

from __future__ import annotations

import contextlib
import itertools
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import attrs
import click

from .._files.bookings import Booking, BookingFile
from .._files.csv_sheet import FileError, Mistake
from .._files.problems import RejectsWriter
from .._jobs.job import BookingJob
from .._jobs.outcome import InputError, JobOutcome
from .._jobs.report import Report
from .._journal.rows import State
from .._manager import SessionManager
from .progress import Bar
from .shared import FAILED, PENDING, UNKNOWN, json_text, labelled, write_out

if TYPE_CHECKING:
    from .._config.profiles import VendorProfile
    from .._models.money import Money

_PAGE = 256
Tally = Counter[str]
"""How many of the file's bookings the journal has in each state; ``bad``: those that it could not take."""


def exit_of(tally: Tally) -> int:
    """The exit status of a file's bookings."""
    if tally["unknown"]:
        return UNKNOWN
    if tally["pending"] or tally["sent"]:
        return PENDING
    return FAILED if tally["refused"] or tally["bad"] else 0


@attrs.define(kw_only=True)
class BookingWork:
    """One ``pandapon book``. ``count``: how many bookings of the file are good."""

    profile: VendorProfile
    journal: Path
    source: BookingFile | None
    count: int | None
    concurrency: int
    spend: Money | None
    rejects: Path | None
    retry_refused: bool
    as_json: bool
    _report: Report | None = None
    _rejected: int = 0
    _seconds: float = 0.0
    _untaken: dict[int, str] = attrs.field(factory=dict[int, str])

    async def run(self) -> Tally:
        """Book, write the rejects, and count how all of the file's bookings stand."""
        async with SessionManager([self.profile]) as vendors:
            job = BookingJob(
                vendors[self.profile.name],
                journal=self.journal,
                concurrency=self.concurrency,
                spend_limit=self.spend,
                check="all" if self.rejects is None else "stream",
                retry_refused=self.retry_refused,
            )
            async with job:
                self._report = job.report
                began = time.monotonic()
                try:
                    with Bar("Booking", self.count) as bar:
                        tally = await self._book(job, bar)
                finally:
                    self._seconds = time.monotonic() - began
                return tally if self.source is None else await self._stand(job, self.source)

    async def _book(self, job: BookingJob, bar: Bar) -> Tally:
        tally: Tally = Counter()
        requests = None if self.source is None else (item.pair() for item in self.source if not item.mistakes)
        outcomes = job.run(requests)
        try:
            async with outcomes:
                async for outcome in outcomes:
                    self._told(outcome, tally)
                    bar.step(_at_a_glance(job.report))
        except InputError as error:
            raise self._by_line(error) from None
        finally:
            for outcome in outcomes.undelivered:  # interrupted: what was under way counts as well
                self._told(outcome, tally)
        tally["pending"] = job.report.pending  # those that were never reached, too
        return tally

    def _told(self, outcome: JobOutcome[Any], tally: Tally) -> None:
        tally[outcome.recorded or "refused"] += 1
        if outcome.recorded is None:
            self._untaken[outcome.index] = _text(outcome)
        if self.as_json:
            write_out(json_text(_as_json(outcome)))

    def _by_line(self, error: InputError) -> FileError:
        """The journal's objections to the file, by line instead of by number."""
        assert self.source is not None
        wanted = {problem.position: problem.text for problem in error.problems}
        good = (booking for booking in self.source if not booking.mistakes)
        found = [
            Mistake(booking.line, None, wanted[position]) for position, booking in enumerate(good) if position in wanted
        ]
        return FileError.of(self.source.name, found)

    async def _stand(self, job: BookingJob, source: BookingFile) -> Tally:
        """How all of the file's bookings stand in the journal; the bad and the refused ones go into the rejects."""
        tally: Tally = Counter()
        position = 0
        with contextlib.nullcontext() if self.rejects is None else RejectsWriter(self.rejects, source) as rejects:
            for page in _pages(source):
                good = [booking for booking in page if not booking.mistakes]
                known = await job.recorded([booking.pair()[0] for booking in good])
                for booking in page:
                    mistakes = booking.mistakes
                    if mistakes:
                        state: str = "bad"
                    else:
                        state, mistakes = self._standing(position, booking, known)
                        position += 1
                        if state == "bad" and known.get(booking.pair()[0], ("", None))[0] == "unknown":
                            tally["unknown"] += 1  # what was sent under its reference before is in doubt all the same
                    tally[state] += 1
                    if rejects is not None and state in ("bad", "refused"):
                        rejects.add(booking, mistakes)
            self._rejected = rejects.count if rejects is not None else 0
        return tally

    def _standing(
        self, position: int, booking: Booking, known: dict[str, tuple[State, str | None]]
    ) -> tuple[str, tuple[Mistake, ...]]:
        untaken = self._untaken.get(position)
        if untaken is not None:
            return "bad", (Mistake(booking.line, None, untaken),)
        state, error = known.get(booking.pair()[0], ("pending", None))
        return state, (Mistake(booking.line, None, error or "refused"),)

    # --- what is told at the end ---

    def show(self) -> None:
        """The summary: on stdout, or beside JSON on stderr."""
        if self._report is None:
            return
        lines = _summary(self._report, self._seconds)
        if self._rejected:
            lines.append(("Rejects", f"{self._rejected:,} bookings in {self.rejects}: correct them and feed that file"))
        for label, text in lines:
            if self.as_json:
                click.echo(f"{label}: {text}", err=True)
            else:
                labelled(label, text, style="bold" if label in ("Booked", "Stopped") else None)


def _pages(source: BookingFile) -> Iterator[list[Booking]]:
    bookings = iter(source)
    while page := list(itertools.islice(bookings, _PAGE)):
        yield page


def _at_a_glance(report: Report) -> str:
    counts = {"refused": report.refused, "in doubt": report.unknown, "left": report.pending}
    return ", ".join(f"{count:,} {what}" for what, count in counts.items() if count)


def _summary(report: Report, seconds: float) -> list[tuple[str, str]]:
    ended = report.done + report.refused + report.unknown
    fees = ", ".join(f"{fee.amount:,} {currency}" for currency, fee in sorted(report.fees.items())) or "none"
    lines = [("Booked", f"{report.done:,}"), ("Refused", f"{report.refused:,}")]
    if report.codes:
        codes = ", ".join(f"{code}: {count:,}" for code, count in report.codes.most_common(5))
        lines.append(("", f"by code {codes}"))
    lines.append(("In doubt", f"{report.unknown:,}"))
    if report.in_doubt:
        lines.append(("", f"such as {', '.join(report.in_doubt[:5])}: look them up at the vendor, then settle them"))
    lines += [("Pending", f"{report.pending:,}"), ("Ended before", f"{report.skipped:,}"), ("Fees", fees)]
    lines.append(("Time", f"{seconds:.1f} s, {ended / max(seconds, 0.001):,.0f} bookings a second"))
    if report.cuts:
        lines.append(("Pace", f"cut {report.cuts:,} times, down to {report.slowest_pace:.0f} at a time"))
    if report.stopped:
        lines.append(("Stopped", report.stopped))
    return lines


def _as_json(outcome: JobOutcome[Any]) -> dict[str, Any]:
    fee = outcome.fee
    return {
        "reference": outcome.reference,
        "state": outcome.state,
        "recorded": outcome.recorded,
        "order_id": outcome.order_id,
        "fee": None if fee is None else {"amount": str(fee.amount), "currency": fee.currency},
        "tracking": list(outcome.tracking),
        "error": None if outcome.error is None else _text(outcome),
    }


def _text(outcome: JobOutcome[Any]) -> str:
    return str(getattr(outcome.error, "message", None) or type(outcome.error).__name__)
