"""A fixed worker pool over any iterable: results as they finish, in constant memory."""

from __future__ import annotations

import asyncio
from abc import abstractmethod
from collections import deque
from collections.abc import AsyncIterable, Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Any, Generic, TypeVar, cast

import attrs

from .._errors import ConfigError
from .._models.operation import Effect
from .iteration import ClosableIterator
from .sources import Items, Source

if TYPE_CHECKING:
    from typing_extensions import Self

    from .._calls.client import ApiClient
    from .._calls.exchange import Call
    from .._errors import PandaponError

ItemT = TypeVar("ItemT")
OutT = TypeVar("OutT")


@attrs.define(eq=False)
class WorkerState:
    """What one worker is doing.

    ``made`` is the final result, set before its bookkeeping is finished; ``cut``: it was cancelled; ``left``: nobody waits for
    more than the attempt that is under way.
    """

    call: Call | None = None
    made: Any = None
    cut: bool = False
    left: bool = False

    @property
    def must_end(self) -> bool:
        """Whether cancelling would lose something: a WRITE is in flight, or its outcome is being recorded."""
        if self.made is not None:
            return True
        return self.call is not None and self.call.written and self.call.operation.effect is Effect.WRITE

    async def requeued(self, error: PandaponError) -> None:
        """An attempt has proved that nothing was done: once it is left, there is no next one."""
        if self.left:
            raise error


async def lead_out(workers: Mapping[asyncio.Task[Any], WorkerState], drain: float) -> None:
    """Cancel the tasks that have nothing under way; the others get ``drain`` seconds to end, and are cancelled then.

    Cancelled itself, it cancels them at once. They may still be writing down how they ended when it returns.
    """
    for task, worker in workers.items():
        worker.left = worker.must_end
        if not worker.left:
            task.cancel()
    try:
        if ending := [task for task, worker in workers.items() if worker.left]:
            await asyncio.wait(ending, timeout=drain)
    finally:
        cut_off(workers)


def cut_off(workers: Mapping[asyncio.Task[Any], WorkerState]) -> None:
    """Cancel the tasks that weren't cancelled yet: those that were are ending, and may be writing down how."""
    for task, worker in workers.items():
        if not worker.cut:
            task.cancel()


@attrs.define(eq=False)
class Unwritten(Generic[OutT]):
    """A result that the reader may only have once ``future`` is done; its worker doesn't wait. Such futures end in order.

    ``written`` is then called with it, once, and returns what the reader gets.
    """

    made: OutT
    future: asyncio.Future[Any]
    written: Callable[[Unwritten[OutT]], OutT]


@attrs.frozen(eq=False)
class Lane(Generic[ItemT]):
    """One account's part of a stream: its items, and the maximum number in flight."""

    client: ApiClient
    items: Iterable[ItemT] | AsyncIterable[ItemT] | Source[ItemT]
    size: int


class WorkerStream(ClosableIterator[OutT], Generic[ItemT, OutT]):
    """An async iterator over the results of a fixed worker pool; `OutcomeStream` describes its guarantees.

    Each lane has its own items and workers, so that a slow or paused session doesn't hold up the others.

    Attributes:
        undelivered: results that the reader hasn't seen.
    """

    def __init__(
        self,
        *lanes: Lane[ItemT],
        ordered: bool,
        drain: float,
    ) -> None:
        self.undelivered: list[OutT] = []
        self._lanes = lanes
        self._size = sum(lane.size for lane in lanes)
        self._ordered = ordered
        self._drain = drain
        self._sources: list[Source[ItemT]] = []
        self._workers: dict[asyncio.Task[None], WorkerState] = {}
        self._unwritten: deque[tuple[int, Unwritten[OutT]]] = deque()
        self._ready: deque[OutT] = deque()
        self._early: dict[int, OutT] = {}
        self._next_index = 0
        self._reader: asyncio.Future[None] | None = None
        self._room = asyncio.Event()
        self._room.set()
        self._failure: BaseException | None = None
        self._closed = False
        self._ending: asyncio.Future[None] | None = None
        self._end_has_begun = False

    @property
    def in_flight(self) -> int:
        """The number of items that are under way, or were made and aren't written down yet."""
        return sum(worker.must_end for worker in self._workers.values()) + len(self._unwritten)

    # --- for subclasses ---

    @abstractmethod
    async def _make(self, worker: WorkerState, index: int, item: ItemT) -> OutT | Unwritten[OutT]:
        """Turn one item into what the reader gets, now or later; raises only CancelledError."""

    @abstractmethod
    async def _cut_off(self, worker: WorkerState, index: int, item: ItemT) -> OutT:
        """The result for an item whose `_make` was cancelled."""

    # --- reading ---

    async def __aenter__(self) -> Self:
        if self._closed:
            raise ConfigError("this has ended, or its session was closed: begin another one")
        return await super().__aenter__()

    async def __anext__(self) -> OutT:
        if not self._sources and not self._closed:
            self._start()
        while not self._ready:
            if self._closed or not (self._workers or self._unwritten):
                await self._finish()
                raise StopAsyncIteration
            if self._reader is not None and not self._reader.done():
                raise RuntimeError("two tasks read the same stream at once")
            self._reader = asyncio.get_running_loop().create_future()
            await self._reader
        made = self._ready.popleft()
        self._next_index += 1
        if not self._room.is_set() and not self._full():
            self._room.set()
        return made

    async def _finish(self) -> None:
        failure, self._failure = self._failure, None
        await self.aclose()
        if failure is not None:
            raise failure

    # --- working ---

    def _start(self) -> None:
        for lane in self._lanes:
            source = lane.items if isinstance(lane.items, Source) else Items(lane.items)
            self._sources.append(source)
            lane.client.state.open_streams.add(self)
            for _ in range(lane.size):
                worker = WorkerState()
                task = asyncio.create_task(self._work(source, worker))
                self._workers[task] = worker
                task.add_done_callback(self._worker_ended)

    async def _work(self, source: Source[ItemT], worker: WorkerState) -> None:
        while True:
            try:
                numbered = source.next_now() if source.is_ready else await source.next()
            except BaseException as error:
                source.end()
                if not self._closed:
                    self._failure = self._failure or error  # raised by the input; re-raised to the reader
                if isinstance(error, Exception):
                    return
                raise
            if numbered is None:
                return
            index, item = numbered
            try:
                made = await self._make(worker, index, item)
            except asyncio.CancelledError:
                worker.cut = True
                self._put(index, await self._cut_off(worker, index, item))
                raise
            finally:
                worker.call = worker.made = None
            if isinstance(made, Unwritten):
                self._put_when_written(index, cast("Unwritten[OutT]", made))
            else:
                self._put(index, made)
            if self._full():
                await self._wait_for_room()

    def _put_when_written(self, index: int, unwritten: Unwritten[OutT]) -> None:
        # Only the first is waited for: their futures end in order, and many at once.
        self._unwritten.append((index, unwritten))
        if len(self._unwritten) == 1:
            unwritten.future.add_done_callback(self._put_written)

    def _put_written(self, _: asyncio.Future[Any]) -> None:
        while self._unwritten:
            index, unwritten = self._unwritten[0]
            if not unwritten.future.done():
                unwritten.future.add_done_callback(self._put_written)
                return
            del self._unwritten[0]
            self._put(index, unwritten.written(unwritten))

    def _put(self, index: int, made: OutT) -> None:
        if self._ordered:
            self._early[index] = made
            while (following := self._early.pop(self._next_index + len(self._ready), None)) is not None:
                self._ready.append(following)
        else:
            self._ready.append(made)
        if self._ready and self._reader is not None:
            self._wake()

    def _full(self) -> bool:
        waiting = len(self._ready) + len(self._early) + len(self._unwritten)
        return waiting >= self._size and not self._closed

    async def _wait_for_room(self) -> None:
        while self._full():
            self._room.clear()
            await self._room.wait()

    def _worker_ended(self, task: asyncio.Task[None]) -> None:
        del self._workers[task]
        if not task.cancelled() and (error := task.exception()) is not None:
            self._failure = self._failure or error
        if not self._workers and not self._unwritten:
            self._wake()

    def _wake(self) -> None:
        if self._reader is not None and not self._reader.done():
            self._reader.set_result(None)

    # --- ending ---

    async def aclose(self) -> None:
        """Stop taking input, finish what is in flight, join the workers. Idempotent.

        Cancelled, it cuts off what is under way, and is joined all the same: what becomes of it must be written down.
        """
        self._closed = True
        for source in self._sources:
            source.end()
        if self._ending is None:
            self._ending = asyncio.ensure_future(self._end())
        elif self._ending.done():
            _ = self._ending.cancelled() or self._ending.exception()  # whoever closed it first has been told
            return
        try:
            await asyncio.shield(self._ending)
        except asyncio.CancelledError:
            cut_off(self._workers)
            if not self._ending.done():
                await asyncio.wait([self._ending])
            if not self._end_has_begun:  # all tasks were cancelled just before
                await self._end()
            raise

    async def _end(self) -> None:
        """What `aclose` does, once."""
        self._end_has_begun = True
        try:
            await lead_out(dict(self._workers), self._drain)
        finally:
            while left := {*self._workers, *(unwritten.future for _, unwritten in self._unwritten)}:
                await asyncio.wait(left)
            for lane in self._lanes:
                lane.client.state.open_streams.discard(self)
            self.undelivered += [*self._ready, *self._early.values()]
            self._ready.clear()
            self._early.clear()
            self._wake()
            for source in self._sources:
                await source.close()
