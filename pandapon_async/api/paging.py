"""Pages of a list as they are asked for: one by one, or all items in order with the next page fetched ahead."""

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


def _unsaid(_: Any) -> None:
    """The reply doesn't say it."""


@attrs.frozen(kw_only=True)
class Paging(Generic[R, Item]):
    """How an operation is paged.

    Attributes:
        number: the request's member that says which page; the first is 1.
        size: the request's member that says how many items a page has.
        items: a page's items in its reply.
        total: how many items there are in all, by the reply.
        current: which page it is, by the reply.
        page_size: how many items a page has, by the reply.
    """

    number: str
    size: str
    items: Callable[[R], tuple[Item, ...]]
    total: Callable[[R], int | None] = _unsaid
    current: Callable[[R], int | None] = _unsaid
    page_size: Callable[[R], int | None] = _unsaid


@attrs.frozen(kw_only=True)
class Page(Generic[Item]):
    """One page of a list.

    Attributes:
        items: what is on it.
        page_no: which page was asked for, from 1.
        page_size: how many items a page has, by the reply, else by the request; None if neither says it.
        total: how many items there are in all, if the vendor says it.
        reply: the whole reply's data.
        problems: what of the reply didn't fit and was left out, see `Reply.problems`.
    """

    items: tuple[Item, ...]
    page_no: int
    page_size: int | None
    total: int | None
    reply: Any = attrs.field(repr=False)
    problems: tuple[str, ...] = ()


class Pager(Generic[Item]):
    """A list at the vendor, page by page.

    ``async for item in pager`` gives all items in order, from the request's page on; ``await pager`` gives that one page;
    ``pager.pages()`` gives the pages. While a page is read the next is fetched already; when the loop is left that is
    cancelled (``async with pager`` does it on the spot, a bare loop soon after).

    It ends at an empty page, at one that isn't full and reaches the total, or where the last or the first page comes again. The
    vendor's total alone ends nothing: one that is too low loses no items, one that is too high costs a call. Without a total, a
    page shorter than one before is the last.

    Args:
        fetch: sends a request and gives its reply.
        request: the first page's request.
        paging: how its operation is paged.
        prefetch: how many pages are fetched ahead; 0: none.
        max_pages: how many pages are read at most; None: all.

    Raises (when read):
        DecodeError: of a page no item fits; or a page comes again that can't be the whole list.
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
        self._under_way: weakref.WeakSet[AsyncGenerator[Any, None]] = weakref.WeakSet()

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
        return self._kept(self._items())

    def pages(self) -> AsyncIterator[Page[Item]]:
        """The pages in order, without empty ones."""
        return self._kept(self._pages())

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.aclose()

    async def aclose(self) -> None:
        """End the loops over it that are under way, and what they fetch ahead."""
        for generator in list(self._under_way):
            await generator.aclose()

    # --- one page ---

    @property
    def _first(self) -> int:
        return int(getattr(self._request, self._paging.number) or 1)

    async def _page(self, number: int) -> Page[Item]:
        paging, request = self._paging, self._request
        if number != self._first:
            turned: dict[str, Any] = {paging.number: self._typed(number)}
            request = attrs.evolve(request, **turned)
        reply = await self._fetch(request)
        data, asked = reply.data, getattr(request, paging.size)
        page = Page(
            items=paging.items(data),
            page_no=number,
            page_size=paging.page_size(data) or (int(asked) if asked else None),
            total=paging.total(data),
            reply=data,
            problems=reply.problems,
        )
        if page.problems and not page.items:  # must not look like the end of the list
            message = f"of page {number} no item fits: {'; '.join(page.problems[:3])}"
            raise DecodeError(message, operation=self._request.operation.name, problems=page.problems)
        return page

    def _typed(self, number: int) -> int | str:
        """A page's number as the request takes it: some vendors want text."""
        types = {member.name: annotation for member, annotation in members_of(type(self._request))}
        annotation = types[self._paging.number]
        return str(number) if str in (annotation, optional_inner(annotation)) else number

    # --- all pages ---

    def _kept(self, generator: AsyncGenerator[Any, None]) -> AsyncGenerator[Any, None]:
        self._under_way.add(generator)
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
                ended = progress.ends_with(page) or page.page_no == last
                while not ended and len(ahead) < self._prefetch and number != last and progress.promises(number + 1):
                    number += 1
                    ahead.append(_started(self._page(number)))
                if not progress.is_past:
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
    # Nobody may come for it: then its failure is nobody's.
    task.add_done_callback(_look_at)
    return task


def _look_at(task: asyncio.Task[Any]) -> None:
    if not task.cancelled():
        task.exception()


class _Progress:
    """How far the reading has come, and whether it ends.

    ``is_past``: the page that was told last holds nothing new.
    """

    def __init__(self, paging: Paging[Any, Any], operation: str) -> None:
        self._paging = paging
        self._operation = operation
        self._seen = 0
        self._largest = 0
        self._first: Page[Any] | None = None
        self._before: Page[Any] | None = None
        self.is_past = False

    def ends_with(self, page: Page[Any]) -> bool:
        """Whether a page is the last.

        Raises:
            DecodeError: it is one that was here already, though there should be more.
        """
        first, before = self._first, self._before
        self._first, self._before = first or page, page
        if not page.items or (first is not None and before is not None and self._is_again(page, first, before)):
            self.is_past = True
            return True
        # Of a page that lost items nobody knows how many there were: it isn't taken for a short one.
        count = max(len(page.items), self._size(page)) if page.problems else len(page.items)
        self._largest = max(self._largest, count)
        if first is None:
            self._seen = (page.page_no - 1) * self._size(page)
        self._seen += count
        return (
            count < self._size(page) and self._reaches(page.total) if page.total is not None else count < self._largest
        )

    def promises(self, number: int) -> bool:
        """Whether there should be a page of this number: else it is fetched only when it is its turn."""
        page = self._before
        return page is None or page.total is None or (number - 1) * self._size(page) < page.total

    def _size(self, page: Page[Any]) -> int:
        return page.page_size or self._largest

    def _reaches(self, total: int | None) -> bool:
        return total is not None and self._seen >= total

    def _is_again(self, page: Page[Any], first: Page[Any], before: Page[Any]) -> bool:
        """Whether a page was here already: some vendors give the last one, or the first, for any number beyond the end."""
        current = self._paging.current(page.reply)
        says_so = current is not None and current == self._paging.current(before.reply)
        same = page.items in (first.items, before.items)
        # One page may be the whole list, or all that a vendor who knows no pages ever sends.
        doubtful = (same and before is first and before.total is not None) or (says_so and not same)
        if doubtful and not self._reaches(before.total):
            raise DecodeError(
                f"page {page.page_no} is page {before.page_no} again: the vendor doesn't page this list, or not so far",
                operation=self._operation,
            )
        return same or says_so
