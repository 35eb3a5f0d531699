"""A job's journal while somebody uses it: opened by the first, closed by the last."""

from __future__ import annotations

import asyncio
from pathlib import Path
from types import TracebackType

from .._clock import Clock
from .._journal.rows import AccountKey
from .._journal.sqlite.store import Records
from .._journal.sqlite.writer import Writer
from .._models.money import Money
from .spending import Spending


class OpenDesk:
    """What is there while the journal is open: the rows, and what they say of money spent.

    Attributes:
        leftover: how many bookings were found as sent, and put in doubt.
    """

    def __init__(self, writer: Writer, records: Records, spending: Spending, leftover: int) -> None:
        self.writer = writer
        self.records = records
        self.spending = spending
        self.leftover = leftover


class Desk:
    """``async with desk as open_desk``, by as many users as there are."""

    def __init__(self, path: Path, key: AccountKey, spend: Money | None, clock: Clock) -> None:
        self._path = path
        self._key = key
        self._spend = spend
        self._clock = clock
        self._users = 0
        self._open: OpenDesk | None = None
        self._lock = asyncio.Lock()
        self._closing: asyncio.Task[None] | None = None

    async def __aenter__(self) -> OpenDesk:
        async with self._lock:
            if self._closing is not None:
                await asyncio.shield(self._closing)
            if self._open is None:
                self._open = await self._opened()
            self._users += 1
            return self._open

    async def _opened(self) -> OpenDesk:
        opening = asyncio.ensure_future(asyncio.to_thread(Writer, self._path))
        try:
            writer = await asyncio.shield(opening)
        except asyncio.CancelledError:
            opening.add_done_callback(_close_unused)
            raise
        try:
            records = Records(writer, self._key, self._clock)
            leftover = await records.open()
            return OpenDesk(writer, records, Spending(self._spend, *await records.totals()), leftover)
        except BaseException:
            await writer.close()
            raise

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._users -= 1
        if not self._users and self._open is not None:
            desk, self._open = self._open, None
            self._closing = asyncio.ensure_future(desk.writer.close())
            await asyncio.shield(self._closing)


def _close_unused(opening: asyncio.Future[Writer]) -> None:
    if not opening.cancelled() and opening.exception() is None:
        opening.result().end()
