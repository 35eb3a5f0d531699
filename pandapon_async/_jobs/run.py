"""One run of a job: its input taken into the journal, its rows sent, its outcomes read."""

from __future__ import annotations

import contextlib
import logging
from collections.abc import AsyncGenerator, AsyncIterable, Sequence
from typing import TYPE_CHECKING, Any, TypeVar

import attrs

from .._errors import JournalError
from .._journal.rows import State
from .._journal.store import Entry, PendingRow, Problem, Release, Store, Then
from .._streams.admission import Admission, Spending
from .._streams.workers import Lane, Unwritten, WorkerState, WorkerStream
from .claims import Claims
from .open_journal import OpenJournal, SharedJournal
from .outcome import InputError, JobOutcome, not_taken
from .reading import MOST_PROBLEMS, Requests, admitted
from .report import Report
from .row_source import RowSource
from .sender import Sender
from .settings import JobSettings
from .spending import Bound, LimitedSpending

if TYPE_CHECKING:
    from typing_extensions import Self

R = TypeVar("R")

_log = logging.getLogger("pandapon_async.jobs")
_PAGE = 256
_PAGES_AHEAD = 64


@attrs.frozen
class _Ready:
    """What a run has once it is prepared."""

    number: int
    journal: OpenJournal
    store: Store
    admission: Admission
    sender: Sender[Any]
    spending: LimitedSpending | None
    bound: Bound | None


class JobRun(WorkerStream["PendingRow | Problem", JobOutcome[R]]):
    """One run of a job: an async iterator of `JobOutcome`; made by `WriteJob.run`.

    ``async with job.run(requests) as outcomes`` joins everything on every exit. Left early, or stopped, nothing new starts,
    bookings under way get ``drain`` seconds, and the rest stays pending in the journal. A bare ``async for`` that is left does the
    same soon after, as long as the event loop runs, or when the session is closed; what a program's end cuts off is in doubt, and
    named in a WARNING.

    Raises (on entering, or at the first outcome):
        InputError: with ``check="all"``: the input has mistakes; nothing was taken, nothing was sent.
        JournalError: the journal is in use, or can't be opened.
    """

    def __init__(
        self,
        settings: JobSettings[R],
        journal: SharedJournal,
        claims: Claims,
        report: Report,
        requests: Requests | None,
        about: str,
    ) -> None:
        rows = RowSource(self._pages_of_rows(), self._prepared_admission)
        super().__init__(Lane(settings.client, rows, settings.size), ordered=False, drain=settings.drain)
        self._settings = settings
        self._journal = journal
        self._claims = claims
        self._report = report
        self._requests = requests
        self._about = about
        self._stack = contextlib.AsyncExitStack()
        self._taken: _Ready | None = None
        self._ready_run: _Ready | None = None
        self._counts = False
        self._told = self._told_pending = 0
        self._repeated: set[int] = set()

    async def __aenter__(self) -> Self:
        entered = await super().__aenter__()
        await self._prepared()
        return entered

    @contextlib.asynccontextmanager
    async def taken_in(self, left_out: list[Problem] | None = None) -> AsyncGenerator[None, None]:
        """Take the input into the journal and send nothing; `count_in` lets it count, else it leaves nothing behind.

        Args:
            left_out: where what can't be taken goes; None: then nothing is taken.

        Raises:
            InputError: the input has mistakes.
            JournalError: the journal can't be used.
        """
        async with self._stack:
            self._taken = await self._opened()
            await self._admit_all(self._taken, self._requests or (), left_out)
            yield

    async def states(self) -> dict[State, int]:
        """How many bookings of the input are in each state, once it is taken in."""
        ready = await self._begun()
        return await ready.store.counts(ready.number)

    async def _end(self) -> None:
        try:
            await super()._end()
        finally:
            try:
                await self._sum_up()
            finally:
                await self._stack.aclose()

    async def _sum_up(self) -> None:
        """Put into the report what only a run's end tells."""
        ready = self._ready_run
        if ready is None:
            return
        report, admission = self._report, ready.admission
        report.stopped, report.cuts = admission.reason, admission.cuts
        report.slowest_pace = admission.slowest_window
        with contextlib.suppress(JournalError):  # it can't be read any more: what was ended has been told
            counts = await ready.store.counts(ready.number)
            unreached = max(0, sum(counts.values()) - self._told)
            pending = min(unreached, max(0, counts["pending"] - self._told_pending))
            report.pending += pending
            report.skipped += unreached - pending

    def halt(self, reason: str) -> None:
        """Let nothing more start; what is under way ends, the rest stays pending."""
        if self._ready_run is not None:
            self._ready_run.admission.halt(reason)

    @property
    def next_try(self) -> float | None:
        """Seconds until a booking is tried, while one after another fails; None: nothing is held back by that."""
        ready = self._ready_run
        due = None if ready is None else ready.admission.next_try
        return None if due is None else max(0.0, due - self._settings.client.clock.monotonic())

    # --- the input ---

    async def _prepared(self) -> _Ready:
        if self._ready_run is not None:
            return self._ready_run
        ready = await self._begun()
        try:
            if self._takes_all_in and not self._counts:
                for problems in await count_in([self]):
                    refuse(problems)
        except BaseException:
            await self._stack.aclose()
            raise
        self._ready_run = ready
        return ready

    @property
    def _takes_all_in(self) -> bool:
        """Whether its input counts in one step, once all of it is taken in."""
        return self._requests is not None and self._settings.check == "all"

    async def _begun(self) -> _Ready:
        if self._taken is not None:
            return self._taken
        try:
            ready = await self._opened()
            if self._requests is None:
                await ready.store.take_unfinished(ready.number)
            elif self._takes_all_in:
                await self._admit_all(ready, self._requests, None)
        except BaseException:
            await self._stack.aclose()
            raise
        self._taken = ready
        return ready

    async def _opened(self) -> _Ready:
        self._claims.claim_run(self.halt)
        self._stack.callback(self._claims.release_run)
        return await self._made_ready(await self._stack.enter_async_context(self._journal.used()))

    async def _made_ready(self, journal: OpenJournal) -> _Ready:
        settings, store = self._settings, journal.store
        bound = journal.limits.of_an_input()
        spending = journal.spending(bound)
        self._stack.callback(journal.end_run)
        admission = Admission(
            settings.stop, settings.pace, settings.size, settings.client.clock, spending or Spending()
        )
        released = self._requests is None or settings.check == "stream"
        run = await store.begin_run(released=released, about=self._about)
        self._stack.push_async_callback(_end_run, store, run)
        return _Ready(run, journal, store, admission, Sender(settings, self._claims, store, admission), spending, bound)

    async def _admit_all(self, ready: _Ready, requests: Requests, left_out: list[Problem] | None) -> None:
        """The whole input, or nothing of it: it is taken in a page at a time, and counts once it is released."""
        problems: list[Problem] = [] if left_out is None else left_out
        async with contextlib.aclosing(self._admitted(ready, requests)) as pages:
            async for found in pages:
                problems += [one for one in found if isinstance(one, Problem)]
                if left_out is None and len(problems) >= MOST_PROBLEMS:
                    break
        if left_out is None:
            refuse(problems)

    async def _admitted(
        self, ready: _Ready, requests: Requests
    ) -> AsyncGenerator[Sequence[PendingRow | Problem], None]:
        settings = self._settings
        size, ahead = (_PAGE, _PAGES_AHEAD) if settings.check == "all" else (_PAGE, 1)
        if settings.check == "stream" and isinstance(requests, AsyncIterable):
            size, ahead = 1, _PAGE
        pages = admitted(
            requests,
            settings.entry,
            lambda page: ready.store.admit(page, ready.number, retry_refused=settings.retry_refused),
            size=size,
            ahead=ahead,
        )
        async with contextlib.aclosing(pages):
            async for problems, page, rows in pages:
                yield [*problems, *(map(self._placed, page, rows) if settings.check == "stream" else rows)]

    def _placed(self, entry: Entry, row: PendingRow | Problem) -> PendingRow | Problem:
        """A row where its entry stands in the input; one that stood there before is noted."""
        if isinstance(row, Problem) or row.position == entry.position:
            return row
        self._repeated.add(entry.position)
        return attrs.evolve(row, position=entry.position)

    # --- the rows ---

    async def _prepared_admission(self) -> Admission:
        return (await self._prepared()).admission

    async def _pages_of_rows(self) -> AsyncGenerator[Sequence[PendingRow | Problem], None]:
        ready = await self._prepared()
        streamed = self._requests if self._settings.check == "stream" else None
        if streamed is not None:
            async with contextlib.aclosing(self._admitted(ready, streamed)) as pages:
                async for page in pages:
                    # What the input has cost in earlier runs must be known before the first is sent: so all of it is read first.
                    yield page if ready.spending is None else [one for one in page if isinstance(one, Problem)]
            if ready.spending is None:
                return
        await self._count_spending(ready)
        after = 0
        while page := await ready.store.page(ready.number, after, _PAGE):
            yield page
            after = page[-1].id

    async def _count_spending(self, ready: _Ready) -> None:
        """From now on single bookings count for this run, too: what they cost until now stands in the journal."""
        if ready.spending is not None:
            if self._requests is None:
                self._settings.noted("", None)
            self._report.one_at_a_time = one_at_a_time = ready.journal.limits.one_at_a_time
            if one_at_a_time:
                _log.warning("%s: %s", self._settings.session.profile.name, one_at_a_time)
            ready.spending.add(await ready.store.spent(run=ready.number))
            ready.spending.run = ready.number
            ready.journal.run = ready.bound

    # --- the work ---

    async def _make(
        self, worker: WorkerState, index: int, item: PendingRow | Problem
    ) -> JobOutcome[R] | Unwritten[JobOutcome[R]]:
        if isinstance(item, Problem):
            return not_taken(item)
        ready = self._ready_run or await self._prepared()
        return await ready.sender.finish(worker, item.position, item)

    async def _cut_off(self, worker: WorkerState, index: int, item: PendingRow | Problem) -> JobOutcome[R]:
        assert isinstance(item, PendingRow)  # a problem is never under way
        return await (await self._prepared()).sender.cut_off(worker, item.position, item)

    def _put(self, index: int, made: JobOutcome[R]) -> None:
        self._report.add(made)
        if self._repeated and made.index in self._repeated:
            self._repeated.discard(made.index)
        elif made.recorded is not None:
            self._told += 1
            self._told_pending += made.recorded == "pending"
        super()._put(index, made)


@contextlib.asynccontextmanager
async def taking_in(run: JobRun[Any]) -> AsyncGenerator[None, None]:
    """Take a run's input in already, but let none of it count before the run is entered; left before that, it leaves nothing behind.

    Raises:
        InputError, JournalError: as on entering.
    """
    await run._begun()  # pyright: ignore[reportPrivateUsage]
    try:
        yield
    finally:
        if run._ready_run is None:  # pyright: ignore[reportPrivateUsage]
            await run._stack.aclose()  # pyright: ignore[reportPrivateUsage]


async def count_in(runs: Sequence[JobRun[Any]], then: Sequence[Then | None] = ()) -> list[list[Problem]]:
    """Let the inputs of runs over one journal count, in one step, of which what is ``then`` done with each is part.

    Returns:
        What is in the way, of each; if anything is, none counts.

    Raises:
        JournalError: it can't be written.
    """
    releases: list[Release] = []
    for run, step in zip(runs, then or [None] * len(runs), strict=True):
        ready = await run._begun()  # pyright: ignore[reportPrivateUsage]
        releases.append(Release(ready.store, ready.number, step))
    wanted = [one for run, one in zip(runs, releases, strict=True) if run._takes_all_in]  # pyright: ignore[reportPrivateUsage]
    if wanted:
        await wanted[0].store.release(*wanted)
    if not any(one.problems for one in wanted):
        for run in runs:
            run._counts = True  # pyright: ignore[reportPrivateUsage]
    return [one.problems for one in releases]


def refuse(problems: list[Problem]) -> None:
    """Raise what is wrong with an input, if anything is."""
    if not problems:
        return
    problems = sorted(problems, key=lambda problem: problem.position)[:MOST_PROBLEMS]
    first = problems[0]
    more = f", and {len(problems) - 1} more" if len(problems) > 1 else ""
    message = f"number {first.position + 1} of the input can't be taken: {first.text}{more}; nothing was sent"
    raise InputError(message, problems=problems, reference=first.reference or None)


async def _end_run(store: Store, run: int) -> None:
    with contextlib.suppress(JournalError):  # what can't be noted any more is seen by the next run
        await store.end_run(run)
