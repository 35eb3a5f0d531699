"""The work of ``pandapon book``: the job, what is shown of it, its rejects and its exit status."""

from __future__ import annotations

import contextlib
import itertools
import time
from collections import Counter
from collections.abc import AsyncGenerator
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import attrs

from .._errors import JournalError
from .._files.booking import Booking
from .._files.bookings import BookingFile
from .._files.findings import FileError, Finding
from .._files.problems import ProblemsWriter
from .._jobs.job import BookingJob
from .._jobs.outcome import InputError, JobOutcome
from .._jobs.report import Report
from .._jobs.run import JobRun
from .._journal.journal import Journal
from .._journal.rows import State
from .._manager import SessionManager
from ..api.logistics import FreightBooking, FreightBookingRequest
from .progress import Bar
from .shared import UNKNOWN, json_text, labelled, say, tell
from .standing import Standing, exit_of
from .streams import lost

if TYPE_CHECKING:
    from .._config.profiles import VendorProfile
    from .._models.money import Money

_PAGE = 256
_DRAIN: Final = 30.0


@attrs.define(kw_only=True)
class BookingWork:
    """One ``pandapon book``.

    ``count``: how many bookings of the file are good; ``adopt_key``: accept a new access key of the account. ``began`` says
    whether anything may have been sent.
    """

    profile: VendorProfile
    journal: Path
    source: BookingFile | None
    count: int | None
    concurrency: int
    spend: Money | None
    rejects: Path | None
    retry_refused: bool
    adopt_key: bool
    as_json: bool
    began: bool = False
    _outcomes: JobRun[FreightBooking] | None = None
    _report: Report = attrs.field(factory=Report)
    _standing: Standing = attrs.field(factory=Standing)
    _rejected: int = 0
    _seconds: float = 0.0
    _untaken: dict[int, JobOutcome[Any]] = attrs.field(factory=dict[int, JobOutcome[Any]])
    _unwritten: dict[int, JobOutcome[Any]] = attrs.field(factory=dict[int, JobOutcome[Any]])
    _shown: bytearray = attrs.field(factory=bytearray)

    async def run(self) -> None:
        """Book, and find out how all of the file's bookings stand; then write the rejects."""
        async with SessionManager([self.profile]) as vendors:
            job = BookingJob(
                vendors[self.profile.name],
                journal=self.journal,
                concurrency=self.concurrency,
                spend_limit=self.spend,
                check="all" if self.rejects is None else "stream",
                retry_refused=self.retry_refused,
                drain=_DRAIN,
                adopt_account=self.adopt_key,
            )
            async with job:
                self._report = job.report
                try:
                    await self._book(job)
                finally:  # interrupted, too
                    if self.began:
                        await self._count_all(job)

    async def _book(self, job: BookingJob) -> None:
        requests = None if self.source is None else (item.pair() for item in self.source if not item.findings)
        self._shown = bytearray(self.count or 0)
        self._outcomes = outcomes = job.run(requests)
        start = time.monotonic()
        try:
            with Bar("Booking", self.count) as bar:
                async with outcomes:
                    self.began = True
                    async for outcome in outcomes:
                        self._take(outcome)
                        bar.step(_at_a_glance(job.report))
        except InputError as error:
            raise self._by_line(error) from None
        finally:
            self._seconds = time.monotonic() - start
            for outcome in outcomes.undelivered:  # what was under way when it was interrupted
                self._take(outcome)

    def under_way(self) -> str:
        """What an interruption ends, for whoever interrupts."""
        if self._outcomes is None or not self.began:
            return "nothing was sent"
        if not (count := self._outcomes.in_flight):
            return "nothing is in flight"
        return f"{count:,} in flight, up to {_DRAIN:.0f} s; again: they stay in doubt"

    def _take(self, outcome: JobOutcome[Any]) -> None:
        if outcome.recorded is None:
            self._untaken[outcome.index] = outcome
        else:
            self._standing.add(outcome)
        if outcome.recorded == "sent":
            self._unwritten[outcome.index] = outcome
        if outcome.index < len(self._shown):
            self._shown[outcome.index] = True
        if self.as_json:
            say(json_text(_as_json(outcome)))

    def _by_line(self, error: InputError) -> FileError:
        """The journal's objections to the file, by line instead of by number."""
        assert self.source is not None
        wanted = {problem.position: problem.text for problem in error.problems}
        good = (booking for booking in self.source if not booking.findings)
        found = [
            Finding.of("cell", booking.line, None, why=wanted[position])
            for position, booking in enumerate(good)
            if position in wanted
        ]
        return FileError.of(self.source.name, found)

    # --- how all of them stand ---

    async def _count_all(self, job: BookingJob) -> None:
        if self.source is None:
            met = self._standing.met
            self._standing.states = met + Counter(pending=job.report.pending - met["pending"])
            return
        with contextlib.suppress(JournalError):  # it can't be read any more: the states stay unknown
            states: Counter[str] = Counter()
            async for one in self._all(job, self.source):
                states[one.state] += 1
                if self.as_json and not one.is_shown:
                    say(json_text(one.as_json()))
            self._standing.states = states
            if self.rejects is not None and (self._untaken or states["wrong"] or states["refused"]):
                await self._write_rejects(job, self.source, self.rejects)

    async def _all(self, job: BookingJob, source: BookingFile) -> AsyncGenerator[_Found, None]:
        position = 0
        bookings = iter(source)
        while page := list(itertools.islice(bookings, _PAGE)):
            known = await job.recorded([booking.pair()[0] for booking in page if not booking.findings])
            for booking in page:
                if booking.findings:
                    yield _Found(booking, "wrong", booking.findings)
                else:
                    yield self._found(position, booking, known.get(booking.pair()[0]))
                    position += 1

    def _found(self, position: int, booking: Booking, known: tuple[State, str | None] | None) -> _Found:
        state: str
        state, error = known or ("unread", None)
        if position in self._unwritten:
            return _Found(booking, "unwritten", is_shown=True)
        is_shown = position < len(self._shown) and bool(self._shown[position])
        if (untaken := self._untaken.get(position)) is not None:
            # What was sent under its reference before is in doubt all the same.
            if state not in ("sent", "unknown"):
                state = "held" if untaken.state == "held" else "wrong"
            return _Found(booking, state, (Finding.of("cell", booking.line, None, why=_text(untaken)),), is_shown)
        mistakes = (Finding.of("cell", booking.line, None, why=error or "refused"),) if state == "refused" else ()
        return _Found(booking, state, mistakes, is_shown)

    async def _write_rejects(self, job: BookingJob, source: BookingFile, path: Path) -> None:
        try:
            with ProblemsWriter(path, source) as rejects:
                async for one in self._all(job, source):
                    if one.findings:
                        rejects.add(one.booking, one.findings)
            self._rejected = rejects.count
        except (OSError, FileError) as error:
            why = error.strerror if isinstance(error, OSError) else error.message
            tell(f"The rejects could not be written: {why}")

    # --- what is shown at the end ---

    @property
    def status(self) -> int:
        """The exit status; how all of them stand decides, and what can't be known is in doubt."""
        return UNKNOWN if self._standing.states is None else exit_of(self._standing.states)

    def show(self) -> None:
        """The summary: on stdout, or beside JSON on stderr."""
        self._count_unwritten()
        lines = list(self._standing.lines(self._report, self._seconds))
        if self._rejected:
            lines.append(("Rejects", f"{self._rejected:,} bookings in {self.rejects}: correct them and feed that file"))
        if not self.as_json:
            with contextlib.suppress(OSError):
                for label, text in lines:
                    labelled(label, text, style="bold" if label in ("Booked", "Stopped") else None)
        error = lost()
        if error is not None and not isinstance(error, BrokenPipeError):
            tell(f"stdout takes nothing: {error.strerror}; the bookings are in the journal")
        if self.as_json or (error is not None and not isinstance(error, BrokenPipeError)):
            for label, text in lines:
                tell(f"{label}: {text}")

    def _count_unwritten(self) -> None:
        """Count the endings that the journal couldn't take at once; it goes on trying until it is closed."""
        if not self._unwritten:
            return
        states = self._states_now()
        for index, outcome in self._unwritten.items():
            state = states.get(index, "sent")
            self._standing.count_late(state)
            if state in ("sent", "unknown") and outcome.state in ("done", "refused"):
                tell(f"Not in the journal: {outcome.reference} is {outcome.state}{_facts(outcome)}")

    def _states_now(self) -> dict[int, str]:
        found: dict[int, str] = {}
        operation = FreightBookingRequest.operation.name
        with contextlib.suppress(JournalError), Journal.open(self.journal) as journal:
            for index, outcome in self._unwritten.items():
                row = journal.get(outcome.reference, account=self.profile.name, operation=operation)
                found[index] = row.state
        return found


@attrs.frozen
class _Found:
    """A booking of the file as the journal has it: its state, why it can't be booked as it is, whether its outcome was shown."""

    booking: Booking
    state: str
    findings: tuple[Finding, ...] = ()
    is_shown: bool = False

    def as_json(self) -> dict[str, Any]:
        """It, as an outcome is shown."""
        booking, state = self.booking, self.state
        is_recorded = state not in ("wrong", "unread")
        return {
            "reference": booking.reference if booking.findings else booking.pair()[0],
            "state": state if state in ("wrong", "pending") else "skipped" if is_recorded else "pending",
            "recorded": state if is_recorded else None,
            "order_id": None,
            "fee": None,
            "tracking": [],
            "error": "; ".join(map(str, self.findings)) or None,
        }


def _at_a_glance(report: Report) -> str:
    counts = {"refused": report.refused, "held": report.held, "in doubt": report.unknown, "left": report.pending}
    return ", ".join(f"{count:,} {what}" for what, count in counts.items() if count)


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


def _facts(outcome: JobOutcome[Any]) -> str:
    if outcome.state != "done":
        return f": {_text(outcome)}"
    fee = "" if outcome.fee is None else f", fee {outcome.fee}"
    return f", order id {outcome.order_id or 'none'}{fee}"


def _text(outcome: JobOutcome[Any]) -> str:
    return str(getattr(outcome.error, "message", None) or type(outcome.error).__name__)
