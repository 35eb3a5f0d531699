"""Lists page by page: how they are read, when they end, and what is left behind."""

from __future__ import annotations

import asyncio
import gc
from collections.abc import Callable, Sequence
from contextlib import aclosing
from typing import Any, ClassVar

import attrs
import pytest
from hypothesis import given, settings, strategies as st

from pandapon_async import DecodeError, Effect, Evidence, Operation, Reply, RequestError, VendorRequest
from pandapon_async._models.base import ReplyModel
from pandapon_async._models.fields import many, optional
from pandapon_async.api.paging import Page, Pager, Paging
from pandapon_async.api.service import Service


@attrs.frozen(kw_only=True)
class Found(ReplyModel):
    data: tuple[int, ...] = many()
    total: int | None = optional()
    current: int | None = optional()
    size: int | None = optional()


@attrs.frozen(kw_only=True)
class Search(VendorRequest[Found]):
    operation: ClassVar[Operation[Found]] = Operation(
        name="test.search",
        contract_id="test.search",
        method="POST",
        path="/search",
        effect=Effect.READ,
        evidence=Evidence.SEEN,
        reply=Found,
        vendors=("pandapon",),
    )
    begin_page: int | None = optional()
    page_size: int | None = optional()


@attrs.frozen(kw_only=True)
class TextSearch(Search):
    """Wants its page's number as text."""

    operation: ClassVar[Operation[Found]] = Search.operation
    begin_page: str | None = optional()


PAGING: Paging[Found, int] = Paging(
    number="begin_page",
    size="page_size",
    items=lambda reply: reply.data,
    total=lambda reply: reply.total,
    current=lambda reply: reply.current,
    page_size=lambda reply: reply.size,
)


def answered(data: Found, problems: tuple[str, ...] = ()) -> Reply[Found]:
    return Reply(data=data, code=200, message=None, request_id=None, status=200, headers={}, raw={}, problems=problems)


class Vendor:
    """Answers with the pages it is given, the last one again and again; may be held, and fail."""

    def __init__(self, *pages: Found) -> None:
        self.pages = pages
        self.asked: list[Any] = []
        self.under_way = self.cancelled = self.most = 0
        self.gate: Callable[[int], asyncio.Event | None] = lambda number: None
        self.failing: set[int] = set()
        self.problems: dict[int, tuple[str, ...]] = {}

    async def fetch(self, request: Any) -> Reply[Found]:
        number = int(request.begin_page or 1)
        self.asked.append(request.begin_page)
        self.under_way += 1
        self.most = max(self.most, self.under_way)
        try:
            await asyncio.sleep(0)
            gate = self.gate(number)
            if gate is not None:
                await gate.wait()
            if number in self.failing:
                raise RequestError(f"page {number} fails")
            return answered(self.pages[min(number, len(self.pages)) - 1], self.problems.get(number, ()))
        except asyncio.CancelledError:
            self.cancelled += 1
            raise
        finally:
            self.under_way -= 1


def pager(vendor: Vendor, request: Any = None, **options: Any) -> Pager[int]:
    return Pager(vendor.fetch, request or Search(page_size=2), PAGING, **options)


def pages(*lists: Sequence[int], **said: Any) -> tuple[Found, ...]:
    return tuple(Found(data=tuple(items), **said) for items in lists)


async def read(pager: Pager[int], into: list[int] | None = None) -> list[int]:
    found = [] if into is None else into
    async for item in pager:
        await asyncio.sleep(0)
        found.append(item)
    return found


THREE = pages((1, 2), (3, 4), (5,), total=5)


# --- reading ---


@pytest.mark.parametrize("prefetch", [0, 1, 2, 9])
async def test_all_items_come_in_order(prefetch: int):
    vendor = Vendor(*THREE)
    assert await read(pager(vendor, prefetch=prefetch)) == [1, 2, 3, 4, 5]
    assert vendor.asked == [None, 2, 3]


async def test_awaiting_gives_the_one_page():
    vendor = Vendor(*THREE)
    page = await pager(vendor, Search(begin_page=2, page_size=2))
    assert page == Page(items=(3, 4), page_no=2, page_size=2, total=5, reply=THREE[1])
    assert vendor.asked == [2]


async def test_pages_come_one_by_one():
    read = [(page.page_no, page.items) async for page in pager(Vendor(*THREE)).pages()]
    assert read == [(1, (1, 2)), (2, (3, 4)), (3, (5,))]


async def test_reading_begins_where_the_request_says():
    vendor = Vendor(*THREE)
    assert await read(pager(vendor, Search(begin_page=2, page_size=2))) == [3, 4, 5]
    assert vendor.asked == [2, 3]


async def test_a_page_number_may_be_text():
    vendor = Vendor(*THREE)
    assert await read(pager(vendor, TextSearch(begin_page="2", page_size=2))) == [3, 4, 5]
    assert vendor.asked == ["2", "3"]


async def test_the_same_list_can_be_read_twice():
    list_ = pager(Vendor(*THREE))
    assert await read(list_) == await read(list_) == [1, 2, 3, 4, 5]


async def test_the_next_page_is_fetched_while_one_is_read():
    vendor = Vendor(*THREE)
    async for _ in pager(vendor).pages():
        await asyncio.sleep(0)
        assert vendor.asked == [None, 2]
        break


@pytest.mark.parametrize("prefetch", [1, 2, 3])
async def test_no_more_is_fetched_ahead_than_was_asked_for(prefetch: int):
    vendor = Vendor(*pages(*[(number, -number) for number in range(1, 20)], ()))
    assert len(await read(pager(vendor, prefetch=prefetch))) == 38
    assert vendor.most <= prefetch


@pytest.mark.parametrize("options", [{"prefetch": -1}, {"max_pages": 0}])
def test_options_that_make_no_sense_are_refused(options: Any):
    with pytest.raises(ValueError, match="prefetch must be at least 0"):
        pager(Vendor(), **options)


async def test_options_may_be_given_afterwards():
    vendor = Vendor(*pages((1, 2), (3, 4), (5, 6), (7, 8), total=8))
    list_ = pager(vendor).with_options(max_pages=2, prefetch=3)
    assert await read(list_) == [1, 2, 3, 4]
    assert vendor.asked == [None, 2]


async def test_a_service_makes_it():
    class Caller:
        async def call(self, request: Any) -> Any:
            return answered(THREE[(request.begin_page or 1) - 1])

    assert await read(Service(Caller())._pages(Search(page_size=2), PAGING)) == [1, 2, 3, 4, 5]


# --- the end ---


@pytest.mark.parametrize(
    ("lists", "total", "size", "calls", "items"),
    [
        pytest.param([()], None, 2, 1, 0, id="nothing"),
        pytest.param([()], 7, 2, 1, 0, id="nothing, though the total says otherwise"),
        pytest.param([(1,)], 1, 2, 1, 1, id="one page that reaches the total"),
        pytest.param([(1, 2), ()], 2, 2, 2, 2, id="a full page that reaches the total might not be the last"),
        pytest.param([(1, 2), (3, 4), ()], 2, 2, 3, 4, id="a total that is too low"),
        pytest.param([(1, 2), (3, 4), (5,)], 0, 2, 3, 5, id="a total of nothing"),
        pytest.param([(1, 2), (3,), ()], 2000, 2, 3, 3, id="a total that is too high"),
        pytest.param([(1,), (2, 3), (4,)], 4, 2, 3, 4, id="a page in between from which something was filtered"),
        pytest.param([(1, 2), (3,)], None, 2, 2, 3, id="no total: a shorter page is the last"),
        pytest.param([(1, 2), (3, 4), ()], None, 9, 3, 4, id="no total: the vendor's pages are smaller than asked for"),
        pytest.param([(1, 2), ()], None, None, 2, 2, id="no total, no size"),
        pytest.param([(1, 2), (3,)], 3, None, 2, 3, id="no size"),
    ],
)
@pytest.mark.parametrize("prefetch", [0, 1])
async def test_where_a_list_ends(
    lists: list[tuple[int, ...]], total: int | None, size: int | None, calls: int, items: int, prefetch: int
):
    vendor = Vendor(*pages(*lists, total=total))
    found = await read(pager(vendor, Search(page_size=size), prefetch=prefetch))
    assert found == list(range(1, items + 1))
    assert len(vendor.asked) == calls


async def test_what_comes_past_the_end_is_not_given_out():
    read = [page async for page in pager(Vendor(*pages((1, 2), (), total=2))).pages()]
    assert [page.page_no for page in read] == [1]


@pytest.mark.parametrize("total", [None, 4, 9, 2000])
@pytest.mark.parametrize("beyond", [(3, 4), (1, 2)], ids=["the last page", "the first page"])
async def test_a_list_ends_where_a_page_comes_again(total: int | None, beyond: tuple[int, int]):
    vendor = Vendor(*pages((1, 2), (3, 4), beyond, total=total))
    assert await read(pager(vendor)) == [1, 2, 3, 4]
    assert len(vendor.asked) <= 4


@pytest.mark.parametrize("total", [None, 0, 2])
async def test_a_list_of_one_page_ends_where_it_comes_again(total: int | None):
    vendor = Vendor(*pages((1, 2), total=total))
    assert await read(pager(vendor)) == [1, 2]
    assert len(vendor.asked) <= 3


async def test_a_first_page_that_comes_again_and_lacks_the_rest_is_an_error():
    vendor = Vendor(*pages((1, 2), total=9))
    found: list[int] = []
    with pytest.raises(DecodeError, match="page 2 repeats page 1") as caught:
        await read(pager(vendor), found)
    assert found == [1, 2]
    assert caught.value.operation == "test.search"
    assert len(vendor.asked) == 2


async def test_other_items_under_the_number_of_the_page_before_are_an_error():
    vendor = Vendor(Found(data=(1, 2), current=1), Found(data=(2, 1), current=1))
    with pytest.raises(DecodeError, match="page 2 repeats page 1"):
        await read(pager(vendor))


@pytest.mark.parametrize("total", [None, 5])
async def test_a_page_that_lost_an_item_is_not_taken_for_the_last(total: int | None):
    vendor = Vendor(*pages((1, 2), (3,), (5,), (), total=total))
    vendor.problems = {2: ("$.data.data[1]: expected a whole number, not text",)}
    assert await read(pager(vendor)) == [1, 2, 3, 5]


async def test_a_page_names_what_it_lost():
    vendor = Vendor(*pages((1,)))
    vendor.problems = {1: ("$.data.data[1]: expected a whole number, not text",)}
    assert (await pager(vendor)).problems == vendor.problems[1]


async def test_a_page_of_which_no_item_fits_does_not_look_like_the_end():
    vendor = Vendor(*pages((1, 2), (), (5, 6), total=6))
    vendor.problems = {2: ("$.data.data: expected a list, not text",)}
    with pytest.raises(DecodeError, match="no item of page 2 fits") as caught:
        await read(pager(vendor))
    assert caught.value.problems == vendor.problems[2]


@given(count=st.integers(0, 40), size=st.integers(1, 7), total=st.sampled_from(["right", "none", "low", "high"]))
@settings(max_examples=150)
async def test_nothing_is_lost_and_nothing_comes_twice(count: int, size: int, total: str):
    said = {"right": count, "none": None, "low": count // 2, "high": count * 2 + 1}[total]
    lists = [tuple(range(start, min(start + size, count))) for start in range(0, count, size)]
    vendor = Vendor(*pages(*lists, (), total=said))
    assert await read(pager(vendor, Search(page_size=size))) == list(range(count))
    assert len(vendor.asked) <= len(lists) + 1


# --- left early ---


@pytest.mark.parametrize("way", ["async with", "aclosing", "aclose"])
async def test_leaving_early_ends_what_is_fetched_ahead(way: str):
    vendor, held = Vendor(*THREE), asyncio.Event()
    vendor.gate = lambda number: held if number > 1 else None
    list_ = pager(vendor)
    if way == "async with":
        async with list_:
            async for _ in list_:
                break
    elif way == "aclosing":
        async with aclosing(list_):
            async for _ in list_:
                break
    else:
        iterator = aiter(list_)
        assert await anext(iterator) == 1
        await list_.aclose()
    assert vendor.under_way == 0


async def test_a_bare_loop_that_is_left_ends_it_soon():
    vendor, held = Vendor(*THREE), asyncio.Event()
    vendor.gate = lambda number: held if number > 1 else None
    async for _ in pager(vendor):
        await asyncio.sleep(0)
        break
    gc.collect()
    for _ in range(10):
        await asyncio.sleep(0)
    assert (vendor.under_way, vendor.cancelled) == (0, 1)


async def test_a_failure_is_raised_when_its_page_is_due_and_ends_the_others():
    vendor = Vendor(*pages((1, 2), (3, 4), (5, 6), (7,), total=7))
    vendor.failing, held = {2}, asyncio.Event()
    vendor.gate = lambda number: held if number > 2 else None
    found: list[int] = []
    with pytest.raises(RequestError, match="page 2 fails"):
        await read(pager(vendor, prefetch=3), found)
    assert found == [1, 2]
    assert vendor.under_way == 0


async def test_a_failure_of_a_page_that_nobody_comes_for_is_silent(caplog: pytest.LogCaptureFixture):
    vendor = Vendor(*THREE)
    vendor.failing = {2}
    async with pager(vendor) as list_:
        async for _ in list_:
            for _ in range(5):
                await asyncio.sleep(0)
            break
    gc.collect()
    assert caplog.records == []


async def test_cancelling_the_reader_cancels_what_it_waits_for():
    vendor, held = Vendor(*THREE), asyncio.Event()
    vendor.gate = lambda number: held if number > 1 else None
    task = asyncio.ensure_future(read(pager(vendor)))
    for _ in range(5):
        await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert (vendor.under_way, vendor.cancelled) == (0, 1)
