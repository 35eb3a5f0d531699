"""A job's journal while it is in use, and what may be spent: opened by its first user, closed by its last."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncGenerator
from types import TracebackType

import attrs

from .._calls.client import ApiClient
from .._journal.identity import AccountKey
from .._journal.places import Place, store_at
from .._journal.store import Store
from .spending import Bound, DayBound, LimitedSpending, SpendLimits


@attrs.define(eq=False)
class OpenJournal:
    """What is there while the journal is open: the rows, and what they say of money spent.

    ``singles``, ``run`` and ``day`` bound the job's single bookings, the run that is sending, and the account's day;
    ``changed`` is set when a booking has ended; ``uses`` is how many use it.
    """

    store: Store
    limits: SpendLimits
    singles: Bound | None
    day: DayBound | None
    run: Bound | None = None
    changed: asyncio.Event = attrs.field(factory=asyncio.Event)
    uses: int = 0

    def spending_of_single(self) -> LimitedSpending | None:
        """What bounds a single booking: also the run that is under way, since it may be of its input."""
        return self.spending(self.singles, self.run)

    def spending(self, *inputs: Bound | None) -> LimitedSpending | None:
        """What bounds all that counts against these, and against the day; None: nothing does."""
        bounds = [bound for bound in inputs if bound is not None]
        return LimitedSpending(self.limits, bounds, self.day, self.changed) if self.limits.are_set else None

    def end_run(self) -> None:
        """The run has ended."""
        self.run = None


class SharedJournal:
    """``async with journal.used() as open_journal``, by any number of users at the same time; ``async with journal`` keeps it open.

    One on which nothing more can begin, since its process was taken for dead meanwhile, is left to those who use it; who comes
    next gets another one.
    """

    def __init__(
        self, place: Place, key: AccountKey, limits: SpendLimits, client: ApiClient, *, adopt_key: bool
    ) -> None:
        self._place = place
        self._key = key
        self._adopt_key = adopt_key
        self._limits = limits
        self._singles = limits.of_an_input()
        self._client = client
        self._users = 0
        self._open: OpenJournal | None = None
        self._lock = asyncio.Lock()
        self._closing: asyncio.Task[None] | None = None

    async def __aenter__(self) -> OpenJournal:
        async with self._lock:
            if self._closing is not None:
                await asyncio.wait([self._closing])
            if self._open is not None and self._open.store.is_lost:
                await self._leave()
            found = self._open
            if found is None:
                opening = asyncio.ensure_future(self._opened())
                try:
                    self._open = found = await asyncio.shield(opening)
                except asyncio.CancelledError:
                    opening.add_done_callback(_end_unused)
                    self._closing = asyncio.ensure_future(_close_unused(opening))  # whoever comes next waits for it
                    raise
                if found.store.shared is not None:
                    self._client.state.limiter.share(found.store.shared)
            self._users += 1
            return found

    async def _leave(self) -> None:
        """Open it no more; it is closed once nobody uses it."""
        left, self._open = self._open, None
        assert left is not None
        if left.store.shared is not None:
            self._client.state.limiter.keep_own(left.store.shared)
        if not left.uses:
            self._closing = _closed(left.store)
            await asyncio.shield(self._closing)

    async def _opened(self) -> OpenJournal:
        store = await store_at(
            self._place,
            self._key,
            self._client.clock,
            timeout=self._client.profile.timeouts.total,
            adopt_key=self._adopt_key,
        )
        try:
            return OpenJournal(store, self._limits, self._singles, await self._day(store))
        except BaseException:
            await store.close()
            raise

    async def _day(self, store: Store) -> DayBound | None:
        day = self._limits.of_a_day(self._client.clock)
        if day is not None:
            day.add(await store.spent(since=day.began))
        return day

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._users -= 1
        if not self._users and self._open is not None:
            await self._leave()

    @contextlib.asynccontextmanager
    async def used(self) -> AsyncGenerator[OpenJournal, None]:
        """The journal, as long as it is used."""
        async with self as journal:
            journal.uses += 1
            try:
                yield journal
            finally:
                journal.uses -= 1
                if journal is not self._open and not journal.uses:
                    await asyncio.shield(_closed(journal.store))


def _closed(store: Store) -> asyncio.Task[None]:
    """Close it, also if all tasks are cancelled before this one has begun."""
    store.close_soon()
    return asyncio.ensure_future(store.close())


def _end_unused(opening: asyncio.Future[OpenJournal]) -> None:
    if not opening.cancelled() and opening.exception() is None:  # else whoever comes next opens it, and is told
        opening.result().store.close_soon()


async def _close_unused(opening: asyncio.Future[OpenJournal]) -> None:
    await asyncio.wait([opening])
    if not opening.cancelled() and opening.exception() is None:
        await opening.result().store.close()
