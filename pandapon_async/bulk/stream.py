"""Many calls at once: a fixed set of workers over any iterator, outcomes as they finish, in constant memory."""

from __future__ import annotations

import asyncio
import contextlib
from collections import deque
from collections.abc import AsyncGenerator, AsyncIterable, AsyncIterator, Iterable, Iterator
from types import TracebackType
from typing import TYPE_CHECKING, Any, Generic, NoReturn, TypeVar, cast

import attrs

from ..errors import ConfigError, NotSentError, OutcomeUnknownError, PandaponError, Stage
from ..operation import Effect, Input, Operation, Reply, VendorRequest, split_pair
from ..session import ASYNC_ONLY

if TYPE_CHECKING:
    from typing_extensions import Self

    from ..exchange import Call
    from ..session import VendorSession

R = TypeVar("R")
R_co = TypeVar("R_co", covariant=True)


@attrs.frozen(kw_only=True)
class Outcome(Generic[R_co]):
    """How one request of a stream ended.

    Attributes:
        index: its place in the input, from 0.
        reference: the caller's reference, or the request's own number.
        request: what was asked for (as it came, if it was no request).
        reply: the vendor's reply; None if it failed.
        error: why it failed; None if it didn't.
        elapsed: seconds from the start of its first attempt to its end (0 if nothing was attempted).
    """

    index: int
    reference: str | None
    request: VendorRequest[R_co] | Any
    reply: Reply[R_co] | None = None
    error: Exception | None = None
    elapsed: float = 0.0

    @property
    def ok(self) -> bool:
        """Whether the vendor said yes."""
        return self.error is None

    @property
    def data(self) -> R_co | None:
        """The reply's data; None if it failed."""
        return None if self.reply is None else self.reply.data

    @property
    def in_doubt(self) -> bool:
        """Whether it may have been made, and nobody can tell."""
        return isinstance(self.error, OutcomeUnknownError)

    @property
    def attempts(self) -> int:
        """How many attempts it took."""
        if self.reply is not None:
            return self.reply.attempts
        return len(self.error.attempts) if isinstance(self.error, PandaponError) else 0


class _Source(Generic[R]):
    """The input, one item at a time, whatever kind of iterable it is; shared by the workers."""

    def __init__(self, requests: Iterable[Input[R]] | AsyncIterable[Input[R]]) -> None:
        self._later: AsyncIterator[Any] | None = None
        self._now: Iterator[Input[R]] = iter(())
        if isinstance(requests, AsyncIterable):
            self._later = aiter(requests)
        else:
            self._now = iter(requests)
        self._line = asyncio.Lock()  # an async generator can't be asked twice at once
        self._index = 0
        self._ended = False

    @property
    def is_ready(self) -> bool:
        """Whether the next item needs no waiting."""
        return self._later is None

    def end(self) -> None:
        """Take nothing more from it."""
        self._ended = True

    def next_now(self) -> tuple[int, Input[R]] | None:
        """The next item of an input that needs no waiting, and its index; None at the end."""
        return None if self._ended else self._numbered(next(self._now, _END))

    async def next(self) -> tuple[int, Input[R]] | None:
        """The next item and its index; None at the end."""
        async with self._line:
            later = cast("AsyncIterator[Any]", self._later)
            return None if self._ended else self._numbered(await anext(later, _END))

    def _numbered(self, item: Any) -> tuple[int, Input[R]] | None:
        if item is _END:
            self._ended = True
            return None
        index = self._index
        self._index += 1
        return index, item

    async def close(self) -> None:
        """Close an async generator that was left before its end."""
        aclose = getattr(self._later, "aclose", None)  # an async generator has it
        if aclose is not None:
            with contextlib.suppress(RuntimeError):  # it is running: whoever runs it was cancelled and is closing it
                await aclose()


_END: Any = object()


class OutcomeStream(Generic[R]):
    """The outcomes of many requests, as an async iterator; made by `VendorSession.stream`.

    At most ``concurrency`` requests are under way, and as many outcomes again wait for the reader: a slow reader slows the
    sending, and memory doesn't grow with the input. One failure stops nobody. An error of the input itself is raised after the
    outcomes of what had been started.

    ``async with session.stream(...) as outcomes`` joins everything on every exit; a bare ``async for`` does so when it ends, or
    soon after it is left. When it is left early, nothing new starts, READs are cancelled, WRITEs that are under way get
    ``drain`` seconds (of the event loop's time) to end, and what was taken from the input without reaching the reader stands in
    ``undelivered``.

    Attributes:
        undelivered: outcomes that the reader has not seen; those never sent have a `NotSentError`.
    """

    def __init__(
        self,
        session: VendorSession,
        requests: Iterable[Input[R]] | AsyncIterable[Input[R]],
        *,
        concurrency: int | None,
        ordered: bool,
        drain: float,
    ) -> None:
        most = session.profile.limits.concurrency
        if concurrency is not None and concurrency < 1:
            raise ConfigError(f"concurrency: must be at least 1, not {concurrency}", vendor=session.profile.name)
        self.undelivered: list[Outcome[R]] = []
        self._session = session
        self._requests = requests
        self._size = most if concurrency is None else min(concurrency, most)
        self._ordered = ordered
        self._drain = drain
        self._source: _Source[R] | None = None
        self._workers: dict[asyncio.Task[None], Call | None] = {}
        self._ready: deque[Outcome[R]] = deque()
        self._early: dict[int, Outcome[R]] = {}
        self._next_index = 0
        self._reader: asyncio.Future[None] | None = None
        self._room = asyncio.Event()
        self._failure: BaseException | None = None
        self._entered = self._closed = False

    @property
    def in_doubt(self) -> tuple[Outcome[R], ...]:
        """What the reader has not seen and nobody can tell whether it was made."""
        return tuple(outcome for outcome in self.undelivered if outcome.in_doubt)

    # --- reading ---

    async def __aenter__(self) -> Self:
        self._entered = True
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.aclose()

    def __enter__(self) -> NoReturn:
        raise TypeError(ASYNC_ONLY)

    def __exit__(self, *exc: object) -> None:  # pragma: no cover - `with` fails in __enter__
        ...

    def __aiter__(self) -> AsyncIterator[Outcome[R]]:
        return self if self._entered else self._closing()

    async def _closing(self) -> AsyncGenerator[Outcome[R], None]:
        """Without `async with`: a generator, so that leaving the loop early closes the stream all the same."""
        try:
            while True:
                try:
                    outcome = await self.__anext__()
                except StopAsyncIteration:
                    return
                yield outcome
        finally:
            await self.aclose()

    async def __anext__(self) -> Outcome[R]:
        if self._source is None and not self._closed:
            self._start()
        while not self._ready:
            if not self._workers or self._closed:
                await self._finish()
                raise StopAsyncIteration
            if self._reader is not None and not self._reader.done():
                raise RuntimeError("two tasks read the same stream at once")
            self._reader = asyncio.get_running_loop().create_future()
            await self._reader
        outcome = self._ready.popleft()
        self._next_index += 1
        if not self._full():
            self._room.set()
        return outcome

    async def _finish(self) -> None:
        failure, self._failure = self._failure, None
        await self.aclose()
        if failure is not None:
            raise failure

    # --- working ---

    def _start(self) -> None:
        self._source = _Source(self._requests)
        self._session.streams.add(self)
        for _ in range(self._size):
            task = asyncio.create_task(self._work(self._source))
            self._workers[task] = None
            task.add_done_callback(self._worker_ended)

    async def _work(self, source: _Source[R]) -> None:
        task = cast("asyncio.Task[None]", asyncio.current_task())
        while True:
            try:
                numbered = source.next_now() if source.is_ready else await source.next()
            except BaseException as error:
                source.end()
                if not self._closed:
                    self._failure = self._failure or error  # the input's own, for the reader
                if isinstance(error, Exception):
                    return
                raise
            if numbered is None:
                return
            await self._one(task, *numbered)
            if self._full():
                await self._wait_for_room()

    async def _one(self, task: asyncio.Task[None], index: int, item: Input[R]) -> None:
        """One request to its outcome, whatever happens."""
        reference: str | None = None
        request: Any = item
        call: Call | None = None
        try:
            reference, request = split_pair(item)
            call = self._workers[task] = self._session.prepare(request, reference)
            reference = call.reference
            reply: Reply[R] = await self._session.run(call, patient=True)
            outcome = Outcome(index=index, reference=reference, request=request, reply=reply, elapsed=reply.elapsed)
        except asyncio.CancelledError:
            self._put(Outcome(index=index, reference=reference, request=request, error=self._cancelled(call)))
            raise
        except Exception as error:  # noqa: BLE001 - one failure stops nobody
            elapsed = self._session.clock.monotonic() - call.began if call is not None and call.began else 0.0
            outcome = Outcome(index=index, reference=reference, request=request, error=error, elapsed=elapsed)
        finally:
            self._workers[task] = None
        self._put(outcome)

    def _cancelled(self, call: Call | None) -> PandaponError:
        operation: Operation[Any] | None = call.operation if call else None
        context: dict[str, Any] = {
            "vendor": self._session.profile.name,
            "operation": operation.name if operation else None,
            "reference": call.reference if call else None,
        }
        if call is not None and call.written:
            if call.operation.effect is Effect.WRITE:
                return OutcomeUnknownError("cancelled after it was sent", **context)
            return PandaponError(
                "cancelled while it was under way; nothing is in doubt", stage=Stage.UNKNOWN, **context
            )
        return NotSentError("cancelled before it was sent", **context)

    def _put(self, outcome: Outcome[R]) -> None:
        if self._ordered:
            self._early[outcome.index] = outcome
            while (following := self._early.pop(self._next_index + len(self._ready), None)) is not None:
                self._ready.append(following)
        else:
            self._ready.append(outcome)
        if self._ready:
            self._wake()

    def _full(self) -> bool:
        return len(self._ready) + len(self._early) >= self._size and not self._closed

    async def _wait_for_room(self) -> None:
        while self._full():
            self._room.clear()
            await self._room.wait()

    def _worker_ended(self, task: asyncio.Task[None]) -> None:
        del self._workers[task]
        if not task.cancelled() and (error := task.exception()) is not None:
            self._failure = self._failure or error
        if not self._workers:
            self._wake()

    def _wake(self) -> None:
        if self._reader is not None and not self._reader.done():
            self._reader.set_result(None)

    # --- ending ---

    async def aclose(self) -> None:
        """Stop taking input, end what is under way, join the workers. Twice is fine."""
        self._closed = True
        source = self._source
        if source is not None:
            source.end()
            try:
                await self._end_workers()
            finally:
                self._session.streams.discard(self)
                self.undelivered += [*self._ready, *self._early.values()]
                self._ready.clear()
                self._early.clear()
                self._wake()
            await source.close()

    async def _end_workers(self) -> None:
        draining: set[asyncio.Task[None]] = set()
        for task, call in self._workers.items():
            if call is not None and call.written and call.operation.effect is Effect.WRITE:
                draining.add(task)
            else:
                task.cancel()
        try:
            if draining:
                await asyncio.wait(draining, timeout=self._drain)
        finally:
            left = set(self._workers)
            for task in left:
                task.cancel()
            if left:
                await asyncio.wait(left)
