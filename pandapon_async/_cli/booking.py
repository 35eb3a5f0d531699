"""The work of a command that sends a file: a job for each account, what is shown of them, the problems file and the exit status."""

from __future__ import annotations

import contextlib
import itertools
import time
from collections import Counter
from collections.abc import AsyncGenerator, Callable, Generator, Iterator, Mapping, Sequence
from datetime import tzinfo
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import attrs

from .._errors import JournalError
from .._files.booking import Booking
from .._files.bookings import BookingFile
from .._files.findings import FileError, Finding
from .._jobs.job import find_row
from .._jobs.outcome import InputError, JobOutcome
from .._jobs.reading import MOST_PROBLEMS
from .._jobs.run import JobRun, count_in, taking_in
from .._journal.journal import Journal
from .._journal.store import PendingRow
from .._manager import SessionManager
from .in_use import enter_when_free
from .outage import Outage
from .parts import Found, Part, WorkTerms, as_json, found_as_json, found_of, left_out, objections, recorded_of
from .problem_files import ProblemFile
from .progress import Screen
from .reasons import error_text, plain_text
from .shared import UNKNOWN, json_text, labelled, say, tell
from .standing import Standing, exit_of
from .streams import lost
from .sums import sums_of
from .words import Words

if TYPE_CHECKING:
    from typing_extensions import Self

    from .._config.profiles import VendorProfile
    from .._journal.rows import JournalRow
    from .._models.money import Money
    from .journals import ChosenJournal
    from .plan import Accounts

_PAGE = 256
LABELS: Final = 18
_DEARER: Final = 3
"""So many bookings in a row above their previewed fee end the run: the previews are worth nothing any more."""


class ObjectedError(Exception):
    """The journal objects to a part of the file; nothing was sent. ``findings`` are the first hundred."""

    def __init__(self, findings: Sequence[Finding]) -> None:
        super().__init__()
        self.findings = tuple(findings)


@attrs.define(kw_only=True)
class BookingWork:
    """One file, or what waits; ``began`` says whether anything may have been sent.

    Attributes:
        profiles: the accounts that book, one after the other, once the input of all of them is checked.
        journal, source: where to, and from where; without a source, what waits in the journal.
        accounts: whose a booking of the source is.
        count: how many outcomes there will be, if that is known.
        terms: what is done, and how.
        problems: where what isn't booked is written, None if nothing may be left out.
        as_json: one object for each on stdout.
        way_on: the code of the text that says what to do with them.
        on_entered: called once nobody else can book at the accounts, so that what was looked up before is looked up again.
        about: what the journal notes of the run.
        zone: of the times that are told.
    """

    profiles: Sequence[VendorProfile]
    journal: ChosenJournal
    source: BookingFile | None
    accounts: Accounts
    count: int | None
    terms: WorkTerms
    problems: Path | None = None
    way_on: str = "problems.written"
    on_entered: Callable[[], object] | None = None
    as_json: bool = False
    words: Words
    about: Mapping[str, Any]
    zone: tzinfo
    began: bool = False
    _parts: list[Part] = attrs.field(factory=list[Part])
    _standing: Standing = attrs.field(init=False)
    _outage: Outage = attrs.field(init=False)
    _screen: Screen | None = None
    problem_count: int = 0
    problems_at: Path | None = None
    _seconds: float = 0.0

    def __attrs_post_init__(self) -> None:
        self._standing = Standing(self.words)
        self._outage = Outage(self.words)

    async def run(self) -> None:
        """Book, and find out how all of the file's bookings stand; then write the problems.

        Raises:
            ObjectedError: the journal objects to some of them, and nothing may be left out.
        """
        if not self.profiles:  # nothing is good, or nothing waits
            self.began = True
            await self._count_all()
            return
        screen = self._screen = Screen(self.words("phase.checking"), waits_for=self._waits_for)
        hooks: Any = {"on_attempt": self._outage.note} if screen.is_shown else {}
        async with SessionManager(self.profiles, **hooks) as vendors, contextlib.AsyncExitStack() as stack:
            self._parts += [self._part(vendors, profile) for profile in self.profiles]
            self.journal.prepare()
            for part in sorted(self._parts, key=_by_name):  # in one order: two programs can't wait for each other
                await enter_when_free(stack, part.job, self.journal.location, part.name, self.words, self.zone)
            if self.on_entered is not None:
                self.on_entered()
            try:
                with screen:
                    await self._book(screen)
            finally:  # interrupted, too
                if self.began:
                    await self._count_all()

    def _part(self, vendors: SessionManager, profile: VendorProfile) -> Part:
        approved: set[str] = set()
        previewed: dict[str, Money] = {}
        session = vendors[profile.name]
        job = self.terms.job(session, self.journal.location, approved, previewed)
        return Part(name=profile.name, session=session, job=job, approved=approved, previewed=previewed)

    async def _book(self, screen: Screen) -> None:
        start = time.monotonic()
        try:
            async with contextlib.AsyncExitStack() as stack:
                runs = [(part, self._run_of(part)) for part in self._parts]
                for part, run in runs:  # of all before that of one counts: all or nothing is booked
                    await self._taken_in(stack, part, run)
                in_the_way = zip(runs, await count_in([run for _, run in runs]), strict=True)
                if found := [(part.name, problems) for (part, _), problems in in_the_way if problems]:
                    of_each = [objections(self._share(name), problems).values() for name, problems in found]
                    raise ObjectedError([finding for some in of_each for finding in some][:MOST_PROBLEMS])
                for _, run in runs:
                    await stack.enter_async_context(run)
                self._begin()
                screen.phase(self.words("phase.sending"), self.count)
                for part in self._parts:
                    if part.run is not None:
                        async for outcome in part.run:
                            self._take(part, outcome)
                            screen.step(self._at_a_glance())
        finally:
            self._seconds = time.monotonic() - start
            for part in self._parts:
                for outcome in () if part.run is None else part.run.undelivered:  # under way when it was interrupted
                    self._take(part, outcome)

    def _run_of(self, part: Part) -> JobRun[Any]:
        requests = None if self.source is None else part.items(self._share(part.name))
        part.run = part.job.run(requests, about=self.about)
        return part.run

    async def _taken_in(self, stack: contextlib.AsyncExitStack, part: Part, run: JobRun[Any]) -> None:
        try:
            await stack.enter_async_context(taking_in(run))
        except InputError as error:
            found = objections(self._share(part.name), error.problems)
            raise ObjectedError([*found.values()]) from None

    def _begin(self) -> None:
        self.began = True
        if self.journal.is_new:
            tell(self.words("journal.made", path=self.journal.path))

    def _share(self, name: str) -> Iterator[Booking]:
        return self.accounts.share(name, self.source or ())

    def answer(self, number: int) -> str:
        """What a signal is answered with."""
        if number > 1:
            return self.words("stop.again")
        if self._screen is not None:
            self._screen.relabel(self.words("phase.finishing"))
        return self.words("stop.first", what=self._under_way())

    def _under_way(self) -> str:
        if not self.began:
            return self.words("stop.nothing_sent")
        count = sum(part.run.in_flight for part in self._parts if part.run is not None)
        if not count:
            return self.words("stop.nothing_under_way")
        return self.words("stop.finishing", count=f"{count:,}", seconds=f"{self.terms.drain:.0f}")

    def _waits_for(self) -> str:
        pause = max((part.pause for part in self._parts), default=0.0)
        if pause > 0:
            return self.words("screen.slowed", seconds=f"{pause:.0f}")
        tries = [part.run.next_try for part in self._parts if part.run is not None]
        return self._outage.text(next((due for due in tries if due is not None), None))

    def _take(self, part: Part, outcome: JobOutcome[Any]) -> None:
        part.take(outcome)
        if part.dearer >= _DEARER:
            for one in self._parts:
                one.job.halt(self.words("stop.dearer", count=_DEARER))
        if outcome.recorded is not None:
            self._standing.add(outcome)
        if self.as_json:
            say(json_text(as_json(outcome, part.name)))

    def _at_a_glance(self) -> str:
        reports = [part.job.report for part in self._parts]
        counts = {
            "state.refused": sum(report.refused for report in reports),
            "sum.held": sum(report.held for report in reports),
            "state.unknown": sum(report.unknown for report in reports),
            "state.pending": sum(report.pending for report in reports),
        }
        told = (
            self.words("screen.count", count=f"{count:,}", what=self.words(code).lower())
            for code, count in counts.items()
            if count
        )
        return ", ".join(told)

    # --- how all of them stand ---

    async def _count_all(self) -> None:
        if self.source is None:
            met = self._standing.met
            left = sum(part.job.report.pending for part in self._parts)
            self._standing.states = met + Counter(pending=left - met["pending"])
            return
        try:
            await self._count(self.source)
        except JournalError:  # it can't be read any more: the states stay unknown
            pass
        except FileError as error:
            tell(self.words("end.error", why=error_text(error, self.words)))

    async def _count(self, source: BookingFile) -> None:
        states: Counter[str] = Counter()
        has_rows = self.journal.has_rows
        with (
            Journal.open(self.journal.location) if has_rows else contextlib.nullcontext() as journal,
            _Problems(self.problems, source, self.words) as problems,
        ):
            async for one in self._all(source, journal):
                states[one.state] += 1
                self._standing.note_doubt(one.state, one.reference)
                if self.as_json and not one.is_shown:
                    say(json_text(found_as_json(one, await self._made_row(one))))
                if one.findings or one.booking.origins:
                    problems.add(one)
        self._standing.states = states
        self.problem_count, self.problems_at = problems.count, problems.path

    async def _made_row(self, one: Found) -> PendingRow | None:
        if one.state != "done":
            return None
        part = next(part for part in self._parts if part.name == one.account)
        return await find_row(part.job, one.booking.pair()[0], one.booking.shipment)

    async def _all(self, source: BookingFile, journal: Journal | None) -> AsyncGenerator[Found, None]:
        parts = {part.name: part for part in self._parts}
        position: Counter[str] = Counter()
        bookings, operation = iter(source), self.terms.request_type.operation.name
        while page := list(itertools.islice(bookings, _PAGE)):
            names = {id(one): self.accounts.of(one).name for one in page if not one.findings}
            known: dict[str, Any] = {}
            for name in dict.fromkeys(names.values()):
                mine = [one for one in page if names.get(id(one)) == name]
                known[name] = await recorded_of(parts[name], mine)
            for booking in page:
                if (name := names.get(id(booking), "")) not in parts:
                    yield left_out(booking, self.accounts.name_of(booking), journal, operation)
                    continue
                recorded = known[name].get(id(booking))
                yield found_of(parts[name], position[name], booking, recorded)
                position[name] += 1

    # --- what is shown at the end ---

    @property
    def states(self) -> Counter[str] | None:
        """How all of them stand; None: that can't be known."""
        return self._standing.states

    @property
    def status(self) -> int:
        """The exit status; how all of them stand decides, and what can't be known is in doubt."""
        return UNKNOWN if self._standing.states is None else exit_of(self._standing.states)

    def show(self) -> None:
        """The summary: on stdout, or beside JSON on stderr."""
        self._count_unwritten()
        words = self.words
        lines = list(self._standing.lines((part.job.report for part in self._parts), self._seconds))
        if against := [pair for part in self._parts for pair in part.against]:
            facts = {"was": sums_of(was for was, _ in against), "paid": sums_of(paid for _, paid in against)}
            lines.append((words("question.previewed"), words("sum.against", **facts)))
        states = self._standing.states
        if self.source is not None and self.problems is None and states is not None and states["refused"]:
            lines.append((words("sum.problems"), words("sum.refused_way")))
        if self.problem_count:
            text = words(self.way_on, count=f"{self.problem_count:,}", path=self.problems_at)
            lines.append((words("sum.problems"), text))
        if not self.as_json:
            bold = (words("sum.booked"), words("sum.stopped"))
            with contextlib.suppress(OSError):
                for label, text in lines:
                    labelled(label, text, style="bold" if label in bold else None, width=LABELS)
        error = lost()
        is_lost = error is not None and not isinstance(error, BrokenPipeError)
        if is_lost:
            tell(words("sum.no_stdout", why=error.strerror if error else ""))
        if self.as_json or is_lost:
            for label, text in lines:
                tell(f"{label}: {text}")

    def _count_unwritten(self) -> None:
        """Count the endings that the journal couldn't take at once; it goes on trying until it is closed."""
        for part in self._parts:
            rows = self._rows_now(part) if part.unwritten else {}
            for index, outcome in part.unwritten.items():
                row = rows.get(index)
                self._standing.count_late(outcome, row)
                if (row is None or row.state in ("sent", "unknown")) and outcome.state in ("done", "refused"):
                    what = self._facts(outcome)
                    tell(self.words("sum.not_in_journal", reference=outcome.reference, what=what))

    def _rows_now(self, part: Part) -> dict[int, JournalRow]:
        found: dict[int, JournalRow] = {}
        facts = {"account": part.name, "operation": self.terms.request_type.operation.name}
        with contextlib.suppress(JournalError), Journal.open(self.journal.location) as journal:
            for index, outcome in part.unwritten.items():
                found[index] = journal.get(outcome.reference, shipment=outcome.shipment, **facts)
        return found

    def _facts(self, outcome: JobOutcome[Any]) -> str:
        if outcome.state != "done":
            text = plain_text(str(getattr(outcome.error, "message", "")), self.words)
            return f"{self.words('state.refused')}: {text}"
        none = self.words("sum.no_fees")
        return self.words("sum.booked_facts", order_id=outcome.order_id or none, fee=outcome.fee or none)


class _Problems:
    """The problems file while it is written, if one is; that it can't be is told, and ends nothing else.

    ``count``: how many it holds in the end; ``path``: where it is then.
    """

    def __init__(self, path: Path | None, source: BookingFile, words: Words) -> None:
        self.count = 0
        self.path: Path | None = None
        self._words = words
        self._writer = None if path is None else ProblemFile(path, source, words)

    def __enter__(self) -> Self:
        return self

    def add(self, one: Found) -> None:
        """Write one."""
        if self._writer is not None:
            with self._told():
                self._writer.add(one.booking, one.findings)

    def __exit__(self, *error: Any) -> None:
        if self._writer is not None:
            with self._told():
                self._writer.__exit__(*error)
                self.count, self.path = self._writer.count, self._writer.path

    @contextlib.contextmanager
    def _told(self) -> Generator[None, None, None]:
        try:
            yield
        except (OSError, FileError) as error:
            why = (
                self._words.said(error.strerror or "") if isinstance(error, OSError) else error_text(error, self._words)
            )
            tell(self._words("problems.not_written", why=why))
            if self._writer is not None:
                self._writer.__exit__(type(error), error, None)
                self._writer = None


def _by_name(part: Part) -> str:
    return part.name
