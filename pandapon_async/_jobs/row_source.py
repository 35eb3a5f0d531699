"""A run's rows, as its workers take them: each when it may start."""

from __future__ import annotations

from collections import deque
from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from typing import Any, TypeGuard

from .._journal.store import PendingRow, Problem
from .._streams.admission import Admission
from .._streams.iteration import close_source
from .._streams.sources import END, Source


class RowSource(Source["PendingRow | Problem"]):
    """The rows of a run's pages; a pending one is taken as soon as the admission lets it start.

    Args:
        pages: gives the pages.
        admission: gives what decides, once the run is prepared.
    """

    def __init__(
        self,
        pages: AsyncGenerator[Sequence[PendingRow | Problem], None],
        admission: Callable[[], Awaitable[Admission]],
    ) -> None:
        super().__init__()
        self._pages = pages
        self._prepared = admission
        self._admission: Admission | None = None
        self._page: deque[PendingRow | Problem] = deque()

    @property
    def is_ready(self) -> bool:
        if self._ended:
            return True
        if not self._page or self._admission is None or self._line.locked():
            return False
        return not _must_start(self._page[0]) or self._admission.admits_now()

    def _take_now(self) -> PendingRow | Problem:
        return self._started(self._page.popleft())

    async def _take(self) -> PendingRow | Problem | Any:
        admission = self._admission = self._admission or await self._prepared()
        while not self._page:
            page = await anext(self._pages, None)
            if page is None:
                return END
            self._page.extend(page)
        if _must_start(self._page[0]) and not await admission.admit():
            return END
        return self._started(self._page.popleft())

    def _started(self, item: PendingRow | Problem) -> PendingRow | Problem:
        if self._admission is not None and _must_start(item):
            item.admitted = True
            self._admission.began()
        return item

    async def close(self) -> None:
        await close_source(self._pages)


def _must_start(item: PendingRow | Problem) -> TypeGuard[PendingRow]:
    return isinstance(item, PendingRow) and item.state == "pending"
