"""One run of a job: its input taken into the journal, its rows sent, its outcomes read."""

from __future__ import annotations

import asyncio
import contextlib
from collections import deque
from collections.abc import AsyncGenerator, AsyncIterable, Iterable, Sequence
from typing import TYPE_CHECKING, Any, TypeVar

import attrs

from .._errors import JournalError, RequestError
from .._journal.store import Entry, PendingRow, Problem, Store
from .._streams.admission import Admission, Spending
from .._streams.iteration import close_source
from .._streams.workers import Lane, Unwritten, WorkerState, WorkerStream
from .claims import Claims
from .open_journal import OpenJournal, SharedJournal
from .outcome import InputError, JobOutcome, not_taken
from .report import Report
from .row_source import RowSource
from .sender import Sender
from .settings import JobInput, JobSettings
from .spending import LimitedSpending

if TYPE_CHECKING:
    from typing_extensions import Self

R = TypeVar("R")

_PAGE = 256
_MOST_PROBLEMS = 100
_PAGES_AHEAD = 64


@attrs.frozen
class _Ready:
    """What a run has once it is prepared."""

    number: int
    store: Store
    admission: Admission
    sender: Sender[Any]
    spending: LimitedSpending | None


class JobRun(WorkerStream["PendingRow | Problem", JobOutcome[R]]):
    """One run of a job: an async iterator of `JobOutcome`; made by `WriteJob.run`.

    ``async with job.run(requests) as outcomes`` joins everything on every exit. Left early, or stopped, nothing new starts,
    bookings under way get ``drain`` seconds, and the rest stays pending in the journal.

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
        requests: Iterable[JobInput[R]] | AsyncIterable[JobInput[R]] | None,
    ) -> None:
        rows = RowSource(self._pages_of_rows(), self._prepared_admission)
        super().__init__(Lane(settings.client, rows, settings.size), ordered=False, drain=settings.drain)
        self._settings = settings
        self._journal = journal
        self._claims = claims
        self._report = report
        self._requests = requests
        self._stack = contextlib.AsyncExitStack()
        self._ready_run: _Ready | None = None
        self._left_pending = 0

    async def __aenter__(self) -> Self:
        await self._prepared()
        return await super().__aenter__()

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
            report.pending += counts["pending"] - self._left_pending

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
        self._claims.claim_run(self.halt)
        self._stack.callback(self._claims.release_run)
        try:
            journal = await self._stack.enter_async_context(self._journal)
            ready = await self._made_ready(journal)
            if self._requests is None:
                await journal.store.take_unfinished(ready.number)
            elif self._settings.check == "all":
                await self._check_all(ready, self._requests)
            if ready.spending is not None:
                ready.spending.add(await journal.store.spent(run=ready.number))
        except BaseException:
            await self._stack.aclose()
            raise
        self._ready_run = ready
        return ready

    async def _made_ready(self, journal: OpenJournal) -> _Ready:
        settings, store = self._settings, journal.store
        spending = journal.spending_of_run()
        self._stack.callback(journal.end_run)
        admission = Admission(
            settings.stop, settings.pace, settings.size, settings.client.clock, spending or Spending()
        )
        run = await store.begin_run(released=self._requests is None or settings.check == "stream")
        self._stack.push_async_callback(_end_run, store, run)
        return _Ready(run, store, admission, Sender(settings, self._claims, store, admission), spending)

    async def _check_all(self, ready: _Ready, requests: Iterable[JobInput[R]] | AsyncIterable[JobInput[R]]) -> None:
        """The whole input, or nothing of it: it is taken in a page at a time, and counts once it is released."""
        problems: list[Problem] = []
        await self._admit_all(ready, requests, problems)
        if not problems:
            problems = await ready.store.release(ready.number)
        if problems:
            del problems[_MOST_PROBLEMS:]
            first = problems[0]
            more = f", and {len(problems) - 1} more" if len(problems) > 1 else ""
            message = f"number {first.position + 1} of the input can't be taken: {first.text}{more}; nothing was sent"
            raise InputError(message, problems=problems, reference=first.reference or None)

    async def _admit_all(
        self, ready: _Ready, requests: Iterable[JobInput[R]] | AsyncIterable[JobInput[R]], problems: list[Problem]
    ) -> None:
        admitting: deque[asyncio.Future[list[PendingRow | Problem]]] = deque()  # while the next pages are made
        try:
            async with contextlib.aclosing(self._pages(requests, problems)) as pages:
                async for page in pages:
                    if len(problems) < _MOST_PROBLEMS:
                        retry = self._settings.retry_refused
                        admitting.append(ready.store.admit(page, ready.number, retry_refused=retry))
                    while admitting and (admitting[0].done() or len(admitting) >= _PAGES_AHEAD):
                        problems += [made for made in await admitting.popleft() if isinstance(made, Problem)]
            while admitting:
                problems += [made for made in await admitting.popleft() if isinstance(made, Problem)]
        finally:
            if admitting:
                await asyncio.wait(admitting)
                for future in admitting:
                    future.exception()  # looked at, should another have come first
        problems.sort(key=lambda problem: problem.position)

    async def _pages(
        self, requests: Iterable[JobInput[R]] | AsyncIterable[JobInput[R]], problems: list[Problem], size: int = _PAGE
    ) -> AsyncGenerator[list[Entry], None]:
        """The input's entries, ``size`` at a time; what is wrong with the others goes into ``problems``, as far as it is small."""
        page: list[Entry] = []
        async with contextlib.aclosing(_each(requests)) as items:
            async for position, item in items:
                try:
                    page.append(self._settings.entry(position, item))
                except RequestError as error:
                    if len(problems) < _MOST_PROBLEMS:
                        problems.append(Problem(position, error.reference or "", error.message))
                if len(page) >= size or (len(problems) == _MOST_PROBLEMS and self._settings.check == "stream"):
                    yield page
                    page = []
        yield page

    # --- the rows ---

    async def _prepared_admission(self) -> Admission:
        return (await self._prepared()).admission

    async def _pages_of_rows(self) -> AsyncGenerator[Sequence[PendingRow | Problem], None]:
        ready = await self._prepared()
        streamed = self._requests if self._settings.check == "stream" else None
        pages = self._paged(ready) if streamed is None else self._streamed(ready, streamed)
        async with contextlib.aclosing(pages):
            async for page in pages:
                yield page

    async def _paged(self, ready: _Ready) -> AsyncGenerator[Sequence[PendingRow | Problem], None]:
        after = 0
        while page := await ready.store.page(ready.number, after, _PAGE):
            yield page
            after = page[-1].id

    async def _streamed(
        self, ready: _Ready, requests: Iterable[JobInput[R]] | AsyncIterable[JobInput[R]]
    ) -> AsyncGenerator[Sequence[PendingRow | Problem], None]:
        # An input that makes us wait may be waiting for an outcome itself: its bookings are taken one at a time.
        size = 1 if isinstance(requests, AsyncIterable) else _PAGE
        problems: list[Problem] = []
        async with contextlib.aclosing(self._pages(requests, problems, size)) as pages:
            async for page in pages:
                rows = await ready.store.admit(page, ready.number, retry_refused=self._settings.retry_refused)
                if ready.spending is not None:
                    ready.spending.add_page(page, rows)
                yield [*problems, *rows]
                problems.clear()

    # --- the work ---

    async def _make(
        self, worker: WorkerState, index: int, item: PendingRow | Problem
    ) -> JobOutcome[R] | Unwritten[JobOutcome[R]]:
        made: JobOutcome[R] | Unwritten[JobOutcome[R]]
        if isinstance(item, Problem):
            made = not_taken(item)
        else:
            ready = self._ready_run or await self._prepared()
            try:
                made = await ready.sender.finish(worker, item.position, item)
            except asyncio.CancelledError:
                raise  # it ends with `_cut_off`
            except BaseException:
                self._ended(ready, item)
                raise
            self._ended(ready, item)
        self._count(made.made if isinstance(made, Unwritten) else made)
        return made

    async def _cut_off(self, worker: WorkerState, index: int, item: PendingRow | Problem) -> JobOutcome[R]:
        assert isinstance(item, PendingRow)  # a problem is never under way
        ready = await self._prepared()
        try:
            outcome: JobOutcome[R] = await ready.sender.cut_off(worker, item.position, item)
        finally:
            self._ended(ready, item)
        self._count(outcome)
        return outcome

    def _ended(self, ready: _Ready, item: PendingRow) -> None:
        if item.state == "pending":
            ready.admission.ended()

    def _count(self, outcome: JobOutcome[R]) -> None:
        self._report.add(outcome)
        self._left_pending += outcome.recorded == "pending"


async def _end_run(store: Store, run: int) -> None:
    with contextlib.suppress(JournalError):  # what can't be noted any more is seen by the next run
        await store.end_run(run)


async def _each(items: Iterable[Any] | AsyncIterable[Any]) -> AsyncGenerator[tuple[int, Any], None]:
    position = 0
    if not isinstance(items, AsyncIterable):
        for item in items:
            yield position, item
            position += 1
        return
    iterator: Any = aiter(items)
    try:
        async for item in iterator:
            yield position, item
            position += 1
    finally:
        await close_source(iterator)
