"""Paging: fetches a list page by page, or all items in order with the next page prefetched."""

from __future__ import annotations

import asyncio
import weakref
from collections import deque
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Coroutine, Generator
from contextlib import aclosing
from types import TracebackType
from typing import TYPE_CHECKING, Any, Generic, TypeVar

import attrs

from .._errors import DecodeError
from .._models.base import members_of
from .._models.fields import optional_inner
from .._models.operation import Reply, VendorRequest

if TYPE_CHECKING:
    from typing_extensions import Self

R = TypeVar("R")
Item = TypeVar("Item")


def _not_stated(_: Any) -> None:
    """The default for what the reply doesn't state."""


@attrs.frozen(kw_only=True)
class Paging(Generic[R, Item]):
    """How an operation is paged.

    Attributes:
        number: the request's member for the page number; the first page is 1.
        size: the request's member for the page size.
        items: gets a page's items from its reply.
        total: gets the total number of items from the reply.
        current: gets the page number from the reply.
        page_size: gets the page size from the reply.
    """

    number: str
    size: str
    items: Callable[[R], tuple[Item, ...]]
    total: Callable[[R], int | None] = _not_stated
    current: Callable[[R], int | None] = _not_stated
    page_size: Callable[[R], int | None] = _not_stated


@attrs.frozen(kw_only=True)
class Page(Generic[Item]):
    """One page of a list.

    Attributes:
        items: the page's items.
        page_no: the requested page number, from 1.
        page_size: the page size from the reply, else from the request; None if neither states it.
        total: the total number of items, if the vendor states it.
        reply: the whole reply's data.
        problems: what didn't fit and was left out; see `Reply.problems`.
    """

    items: tuple[Item, ...]
    page_no: int
    page_size: int | None
    total: int | None
    reply: Any = attrs.field(repr=False)
    problems: tuple[str, ...] = ()


class Pager(Generic[Item]):
    """A list at the vendor, page by page.

    ``async for item in pager`` yields all items in order, starting at the request's page; ``await pager`` returns that one
    page; ``pager.pages()`` yields the pages. The next page is fetched while one is being read; leaving the loop cancels that
    (immediately with ``async with pager``, otherwise soon after).

    It ends at an empty page, at one that isn't full and reaches the total, or when the previous or the first page is repeated.
    The vendor's total alone doesn't end it: one that is too low loses no items, one that is too high costs a call. Without a
    total, a page shorter than an earlier one is the last.

    Args:
        fetch: sends a request and returns its reply.
        request: the first page's request.
        paging: how its operation is paged.
        prefetch: how many pages to fetch ahead.
        max_pages: the maximum number of pages to read; None: all.

    Raises (when read):
        DecodeError: no item of a page fits; or a page is repeated that can't be the whole list.
    """

    def __init__(
        self,
        fetch: Callable[[VendorRequest[R]], Awaitable[Reply[R]]],
        request: VendorRequest[R],
        paging: Paging[R, Item],
        *,
        prefetch: int = 1,
        max_pages: int | None = None,
    ) -> None:
        if prefetch < 0 or (max_pages is not None and max_pages < 1):
            raise ValueError("prefetch must be at least 0, and max_pages at least 1")
        self._fetch: Callable[[VendorRequest[Any]], Awaitable[Reply[Any]]] = fetch
        self._request: VendorRequest[Any] = request
        self._paging: Paging[Any, Item] = paging
        self._prefetch = prefetch
        self._max_pages = max_pages
        self._running: weakref.WeakSet[AsyncGenerator[Any, None]] = weakref.WeakSet()

    def with_options(self, *, prefetch: int | None = None, max_pages: int | None = None) -> Pager[Item]:
        """The same list, read with other options."""
        return Pager(
            self._fetch,
            self._request,
            self._paging,
            prefetch=self._prefetch if prefetch is None else prefetch,
            max_pages=max_pages or self._max_pages,
        )

    def __repr__(self) -> str:
        return f"<Pager of {self._request.operation.name}>"

    def __await__(self) -> Generator[Any, None, Page[Item]]:
        return self._page(self._first).__await__()

    def __aiter__(self) -> AsyncIterator[Item]:
        return self._tracked(self._items())

    def pages(self) -> AsyncIterator[Page[Item]]:
        """The non-empty pages in order."""
        return self._tracked(self._pages())

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.aclose()

    async def aclose(self) -> None:
        """End all running loops, and cancel their prefetching."""
        for generator in list(self._running):
            await generator.aclose()

    # --- one page ---

    @property
    def _first(self) -> int:
        return int(getattr(self._request, self._paging.number) or 1)

    async def _page(self, number: int) -> Page[Item]:
        paging, request = self._paging, self._request
        if number != self._first:
            changes: dict[str, Any] = {paging.number: self._typed(number)}
            request = attrs.evolve(request, **changes)
        reply = await self._fetch(request)
        data, requested = reply.data, getattr(request, paging.size)
        page = Page(
            items=paging.items(data),
            page_no=number,
            page_size=paging.page_size(data) or (int(requested) if requested else None),
            total=paging.total(data),
            reply=data,
            problems=reply.problems,
        )
        if page.problems and not page.items:  # must not look like the end of the list
            message = f"no item of page {number} fits: {'; '.join(page.problems[:3])}"
            raise DecodeError(message, operation=self._request.operation.name, problems=page.problems)
        return page

    def _typed(self, number: int) -> int | str:
        """A page number in the request's type: some vendors want text."""
        types = {member.name: annotation for member, annotation in members_of(type(self._request))}
        annotation = types[self._paging.number]
        return str(number) if str in (annotation, optional_inner(annotation)) else number

    # --- all pages ---

    def _tracked(self, generator: AsyncGenerator[Any, None]) -> AsyncGenerator[Any, None]:
        self._running.add(generator)
        return generator

    async def _items(self) -> AsyncGenerator[Item, None]:
        async with aclosing(self._pages()) as pages:
            async for page in pages:
                for item in page.items:
                    yield item

    async def _pages(self) -> AsyncGenerator[Page[Item], None]:
        progress = _Progress(self._paging, self._request.operation.name)
        ahead: deque[asyncio.Task[Page[Item]]] = deque()
        number = self._first
        last = None if self._max_pages is None else number + self._max_pages - 1
        try:
            page = await self._page(number)
            while True:
                ended = progress.is_last(page) or page.page_no == last
                while not ended and len(ahead) < self._prefetch and number != last and progress.expects(number + 1):
                    number += 1
                    ahead.append(_started(self._page(number)))
                if not progress.nothing_new:
                    yield page
                if ended:
                    return
                page = await (ahead.popleft() if ahead else self._page(page.page_no + 1))
                number = max(number, page.page_no)
        finally:
            for task in ahead:
                task.cancel()
            await asyncio.gather(*ahead, return_exceptions=True)


def _started(fetching: Coroutine[Any, Any, Page[Item]]) -> asyncio.Task[Page[Item]]:
    task = asyncio.get_running_loop().create_task(fetching)
    # If nobody awaits it, its exception must not be reported as never retrieved.
    task.add_done_callback(_retrieve_exception)
    return task


def _retrieve_exception(task: asyncio.Task[Any]) -> None:
    if not task.cancelled():
        task.exception()


class _Progress:
    """Tracks the pages read so far, and decides which is the last.

    ``nothing_new``: the latest page is empty or a repeat.
    """

    def __init__(self, paging: Paging[Any, Any], operation: str) -> None:
        self._paging = paging
        self._operation = operation
        self._seen = 0
        self._largest = 0
        self._first: Page[Any] | None = None
        self._before: Page[Any] | None = None
        self.nothing_new = False

    def is_last(self, page: Page[Any]) -> bool:
        """Record a page; return whether it is the last.

        Raises:
            DecodeError: it repeats an earlier page, though there should be more.
        """
        first, before = self._first, self._before
        self._first, self._before = first or page, page
        if not page.items or (first is not None and before is not None and self._repeats(page, first, before)):
            self.nothing_new = True
            return True
        # A page with undecodable items may have been full, so it doesn't count as short.
        count = max(len(page.items), self._size(page)) if page.problems else len(page.items)
        self._largest = max(self._largest, count)
        if first is None:
            self._seen = (page.page_no - 1) * self._size(page)
        self._seen += count
        return (
            count < self._size(page) and self._reaches(page.total) if page.total is not None else count < self._largest
        )

    def expects(self, number: int) -> bool:
        """Whether this page should exist; otherwise it isn't prefetched."""
        page = self._before
        return page is None or page.total is None or (number - 1) * self._size(page) < page.total

    def _size(self, page: Page[Any]) -> int:
        return page.page_size or self._largest

    def _reaches(self, total: int | None) -> bool:
        return total is not None and self._seen >= total

    def _repeats(self, page: Page[Any], first: Page[Any], before: Page[Any]) -> bool:
        """Whether a page repeats an earlier one: some vendors return the last or first page for any number beyond the end."""
        current = self._paging.current(page.reply)
        says_so = current is not None and current == self._paging.current(before.reply)
        same = page.items in (first.items, before.items)
        # A single page may be the whole list, or all that a vendor without paging ever sends.
        doubtful = (same and before is first and before.total is not None) or (says_so and not same)
        if doubtful and not self._reaches(before.total):
            raise DecodeError(
                f"page {page.page_no} repeats page {before.page_no}: the vendor doesn't page this list, or not that far",
                operation=self._operation,
            )
        return same or says_so
