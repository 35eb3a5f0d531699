"""One run of a job: its input taken into the journal, its rows sent, its outcomes read."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncGenerator, AsyncIterable, Iterable, Sequence
from typing import TYPE_CHECKING, Any, TypeVar

import attrs

from .._errors import JournalError, RequestError
from .._journal.sqlite.store import Entry, Problem, Records, Row
from .._models.operation import Input
from .._streams.admission import Admission
from .._streams.iteration import close_source
from .._streams.workers import Lane, Settling, Slot, WorkerStream
from .open_journal import OpenDesk
from .outcome import InputError, JobOutcome
from .row_source import Rows
from .sender import Sender

if TYPE_CHECKING:
    from typing_extensions import Self

    from .job import WriteJob

R = TypeVar("R")

_PAGE = 256
_MOST_PROBLEMS = 100


@attrs.frozen
class _Ready:
    """What a run has once it is prepared."""

    number: int
    records: Records
    admission: Admission
    sender: Sender[Any]


class JobRun(WorkerStream["Row | Problem", JobOutcome[R]]):
    """One run of a job: an async iterator of `JobOutcome`; made by `WriteJob.run`.

    ``async with job.run(requests) as outcomes`` joins everything on every exit. Left early, or stopped, nothing new starts,
    bookings under way get ``drain`` seconds, and the rest stays pending in the journal.

    Raises (on entering, or at the first outcome):
        InputError: with ``check="all"``: the input has mistakes; nothing was taken, nothing was sent.
        JournalError: the journal is in use, or can't be opened.
    """

    def __init__(self, job: WriteJob[R], requests: Iterable[Input[R]] | AsyncIterable[Input[R]] | None) -> None:
        rows = Rows(self._pages_of_rows(), self._prepared_admission)
        super().__init__(Lane(job.session, rows, job.size), ordered=False, drain=job.drain)
        self._job = job
        self._requests = requests
        self._stack = contextlib.AsyncExitStack()
        self._ready_run: _Ready | None = None
        self._left_pending = 0
        self._summed_up = False

    async def __aenter__(self) -> Self:
        await self._prepared()
        return await super().__aenter__()

    async def aclose(self) -> None:
        """Stop taking bookings, end what is under way, close the journal. Twice is fine."""
        try:
            await super().aclose()
        finally:
            try:
                await self._sum_up()
            finally:
                await self._stack.aclose()

    async def _sum_up(self) -> None:
        """Put into the report what only a run's end tells. Twice is fine."""
        ready = self._ready_run
        if ready is None or self._summed_up:
            return
        self._summed_up = True
        report, admission = self._job.report, ready.admission
        report.stopped, report.cuts = admission.reason, admission.cuts
        report.slowest_pace = admission.slowest_window
        with contextlib.suppress(JournalError):  # it can't be read any more: what was ended has been told
            report.pending += await ready.records.count(ready.number, "pending") - self._left_pending

    def halt(self, reason: str) -> None:
        """Let nothing more start; what is under way ends, the rest stays pending."""
        if self._ready_run is not None:
            self._ready_run.admission.halt(reason)

    # --- the input ---

    async def _prepared(self) -> _Ready:
        if self._ready_run is not None:
            return self._ready_run
        if self._job.running is not None:
            raise JournalError("a run of this job is under way: end it first")
        self._job.running = self
        self._stack.callback(self._stop_running)
        try:
            desk = await self._stack.enter_async_context(self._job.desk)
            ready = self._made_ready(desk)
            if self._requests is None:
                await desk.records.take_unfinished(ready.number)
            elif self._job.check == "all":
                await self._check_all(ready, self._requests)
        except BaseException:
            await self._stack.aclose()
            raise
        self._ready_run = ready
        return ready

    def _made_ready(self, desk: OpenDesk) -> _Ready:
        job = self._job
        admission = Admission(job.stop, job.pace, job.size, desk.spending, job.session.clock)
        return _Ready(desk.records.begin_run(), desk.records, admission, Sender(job, desk, admission))

    def _stop_running(self) -> None:
        self._job.running = None

    async def _check_all(self, ready: _Ready, requests: Iterable[Input[R]] | AsyncIterable[Input[R]]) -> None:
        """The whole input in one transaction: all of it, or nothing."""
        problems: list[Problem] = []
        records = ready.records
        await records.clear_staged()
        await self._stage_all(records, requests, problems)
        if not problems:
            retry = self._job.retry_refused
            problems = await records.admit_staged(ready.number, retry_refused=retry, most_problems=_MOST_PROBLEMS)
        if problems:
            first = problems[0]
            more = f", and {len(problems) - 1} more" if len(problems) > 1 else ""
            message = f"number {first.position + 1} of the input can't be taken: {first.text}{more}; nothing was sent"
            raise InputError(message, problems=problems, reference=first.reference or None)

    async def _stage_all(
        self, records: Records, requests: Iterable[Input[R]] | AsyncIterable[Input[R]], problems: list[Problem]
    ) -> None:
        staging: asyncio.Future[None] | None = None  # of the page before, while the next one is made
        try:
            async with contextlib.aclosing(self._pages(requests, problems)) as pages:
                async for page in pages:
                    if not problems:
                        last, staging = staging, records.stage(page)
                        if last is not None:
                            await last
        finally:
            if staging is not None:
                await asyncio.wait([staging])
                staging.exception()  # looked at, should another have come first
        if staging is not None:
            staging.result()

    async def _pages(
        self, requests: Iterable[Input[R]] | AsyncIterable[Input[R]], problems: list[Problem], size: int = _PAGE
    ) -> AsyncGenerator[list[Entry], None]:
        """The input's entries, ``size`` at a time; what is wrong with the others goes into ``problems``, as far as it is small."""
        page: list[Entry] = []
        async with contextlib.aclosing(_each(requests)) as items:
            async for position, item in items:
                try:
                    page.append(self._job.entry(position, item))
                except RequestError as error:
                    if len(problems) < _MOST_PROBLEMS:
                        problems.append(Problem(position, error.reference or "", error.message))
                if len(page) >= size or (len(problems) == _MOST_PROBLEMS and self._job.check == "stream"):
                    yield page
                    page = []
        yield page

    # --- the rows ---

    async def _prepared_admission(self) -> Admission:
        return (await self._prepared()).admission

    async def _pages_of_rows(self) -> AsyncGenerator[Sequence[Row | Problem], None]:
        ready = await self._prepared()
        streamed = self._requests if self._job.check == "stream" else None
        pages = self._paged(ready) if streamed is None else self._streamed(ready, streamed)
        async with contextlib.aclosing(pages):
            async for page in pages:
                yield page

    async def _paged(self, ready: _Ready) -> AsyncGenerator[Sequence[Row | Problem], None]:
        after = 0
        while page := await ready.records.page(ready.number, after, _PAGE):
            yield page
            after = page[-1].id

    async def _streamed(
        self, ready: _Ready, requests: Iterable[Input[R]] | AsyncIterable[Input[R]]
    ) -> AsyncGenerator[Sequence[Row | Problem], None]:
        # An input that makes us wait may be waiting for an outcome itself: its bookings are taken one at a time.
        size = 1 if isinstance(requests, AsyncIterable) else _PAGE
        problems: list[Problem] = []
        async with contextlib.aclosing(self._pages(requests, problems, size)) as pages:
            async for page in pages:
                rows = await ready.records.admit(page, ready.number, retry_refused=self._job.retry_refused)
                yield [*problems, *rows]
                problems.clear()

    # --- the work ---

    async def _make(self, slot: Slot, index: int, item: Row | Problem) -> JobOutcome[R] | Settling[JobOutcome[R]]:
        made: JobOutcome[R] | Settling[JobOutcome[R]]
        if isinstance(item, Problem):
            error = RequestError(item.text, reference=item.reference or None)
            made = JobOutcome(
                index=item.position, reference=item.reference, state="refused", recorded="refused", error=error
            )
        else:
            ready = self._ready_run or await self._prepared()
            try:
                made = await ready.sender.finish(slot, item.position, item)
            finally:
                if item.state == "pending":
                    ready.admission.ended()
        self._count(made.made if isinstance(made, Settling) else made)
        return made

    async def _cut_off(self, slot: Slot, index: int, item: Row | Problem) -> JobOutcome[R]:
        assert isinstance(item, Row)  # a problem is never under way
        outcome: JobOutcome[R] = await (await self._prepared()).sender.cut_off(slot, item.position, item)
        self._count(outcome)
        return outcome

    def _count(self, outcome: JobOutcome[R]) -> None:
        self._job.report.add(outcome)
        self._left_pending += outcome.recorded == "pending"


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
