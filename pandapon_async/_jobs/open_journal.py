"""A job's journal while it is in use: opened by its first user, closed by its last."""

from __future__ import annotations

import asyncio
from pathlib import Path
from types import TracebackType

import attrs

from .._clock import Clock
from .._journal.identity import AccountKey
from .._journal.sqlite.store import SqliteStore
from .._journal.store import Store
from .._models.money import Money
from .spending import Spending


@attrs.frozen(eq=False)
class OpenJournal:
    """What is there while the journal is open: the rows, and what they say of money spent."""

    store: Store
    spending: Spending


class SharedJournal:
    """``async with journal as open_journal``, by any number of users at the same time."""

    def __init__(self, path: Path, key: AccountKey, spend: Money | None, clock: Clock, *, adopt_key: bool) -> None:
        self._path = path
        self._key = key
        self._adopt_key = adopt_key
        self._spend = spend
        self._clock = clock
        self._users = 0
        self._open: OpenJournal | None = None
        self._lock = asyncio.Lock()
        self._closing: asyncio.Task[None] | None = None

    async def __aenter__(self) -> OpenJournal:
        async with self._lock:
            if self._closing is not None:
                await asyncio.shield(self._closing)
            if self._open is None:
                self._open = await self._opened()
            self._users += 1
            return self._open

    async def _opened(self) -> OpenJournal:
        store = await SqliteStore.open(self._path, self._key, self._clock, adopt_key=self._adopt_key)
        try:
            return OpenJournal(store, await self._spending(store))
        except BaseException:
            await store.close()
            raise

    async def _spending(self, store: Store) -> Spending:
        if self._spend is None:  # nothing is summed up that nobody asks for
            return Spending(None, {}, None, 0)
        spent = await store.spent()
        return Spending(self._spend, dict(spent.paid), max(spent.highest.values(), default=None), spent.in_doubt)

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._users -= 1
        if not self._users and self._open is not None:
            store, self._open = self._open.store, None
            self._closing = asyncio.ensure_future(store.close())
            await asyncio.shield(self._closing)
