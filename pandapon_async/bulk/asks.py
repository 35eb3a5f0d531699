"""What a sweep asks: requests, to whom, and one input read by several sessions at once."""

from __future__ import annotations

import asyncio
import math
from collections import deque
from collections.abc import AsyncGenerator, AsyncIterable, AsyncIterator, Iterable, Iterator, Sequence, Sized
from decimal import Decimal
from typing import Any, Generic, TypeVar, Union, cast

import attrs

from ..api.logistics import FreightEstimateRequest, FreightPreviewRequest, ReceiverAddress
from ..errors import RequestError
from ..operation import split_pair
from .reading import close_source

T = TypeVar("T")

QuoteRequest = Union[FreightEstimateRequest, FreightPreviewRequest]  # noqa: UP007 - evaluated at run time on 3.10
_END: Any = object()


@attrs.frozen(kw_only=True)
class Ask:
    """One request of a sweep.

    Attributes:
        request: an estimate or a preview.
        reference: the caller's reference; quotes under one reference are for the same order.
        vendors: the accounts that are asked, by name; None: every session of the sweep.
    """

    request: QuoteRequest
    reference: str | None = None
    vendors: tuple[str, ...] | None = None


@attrs.frozen(kw_only=True)
class Shipment:
    """Goods to be shipped, wherever: one item of an estimate without its address.

    Attributes:
        item_id, sku_id, quantity: what and how many.
        price, currency: of one piece.
        reference: the caller's reference.
    """

    item_id: str
    sku_id: str
    quantity: int = 1
    price: Decimal | None = None
    currency: str | None = None
    reference: str | None = None

    def to(self, address: ReceiverAddress) -> FreightEstimateRequest:
        """The estimate of shipping it there.

        Raises:
            RequestError: a member is wrong.
        """
        return FreightEstimateRequest(
            item_id=self.item_id,
            sku_id=self.sku_id,
            quantity=self.quantity,
            price=self.price,
            currency=self.currency,
            receiver_address=address,
        )


def quote_product(
    shipments: Iterable[Shipment], addresses: Iterable[ReceiverAddress], vendors: Sequence[str] | None = None
) -> Iterator[Ask]:
    """Every shipment to every address at every vendor, made one after the other as they are taken.

    Args:
        shipments: may be endless; iterated once.
        addresses: kept in memory.
        vendors: the accounts, by name; None: every session of the sweep.
    """
    places = list(addresses)
    names = None if vendors is None else tuple(vendors)
    for shipment in shipments:
        for place in places:
            yield Ask(request=shipment.to(place), reference=shipment.reference, vendors=names)


def as_ask(item: Any) -> Ask:
    """One item of a sweep's input: an `Ask`, a request, or a pair (reference, request).

    Raises:
        RequestError: it is none of them.
    """
    if isinstance(item, Ask):
        return item
    reference, request = split_pair(item)
    if not isinstance(request, (FreightEstimateRequest, FreightPreviewRequest)):
        wrong = type(request).__name__
        raise RequestError(f"expected an estimate or a preview request, not {wrong}", reference=reference)
    return Ask(request=request, reference=reference)


class Fan(Generic[T]):
    """One input, read by several readers at their own speeds.

    A reader may be ``ahead`` items ahead of the slowest; then it waits. An input that is in memory anyhow (a list) may be
    read ahead without limit.

    Args:
        items: the input; taken from once.
        readers: how many there are; each calls `read` once.
        ahead: items.
    """

    def __init__(self, items: Iterable[T] | AsyncIterable[T], readers: int, ahead: int) -> None:
        self._items: Iterator[T] | AsyncIterator[T] = aiter(items) if isinstance(items, AsyncIterable) else iter(items)
        self._ahead = math.inf if isinstance(items, Sized) else ahead
        self._kept: deque[T] = deque()
        self._gone = 0
        self._places = dict.fromkeys(range(readers), 0)
        self._line = asyncio.Lock()
        self._room = asyncio.Event()
        self._ended = False

    async def read(self, reader: int) -> AsyncGenerator[tuple[int, T], None]:
        """Every item and its index, as the reader of that number."""
        try:
            while (place := self._places[reader]) < self._taken or await self._take(reader):
                item = self._kept[place - self._gone]
                self._move(reader, place + 1)
                yield place, item
        finally:
            self.leave(reader)

    def leave(self, reader: int) -> None:
        """The reader takes no more, so nobody waits for it."""
        if self._places.pop(reader, None) is not None:
            self._forget()

    async def close(self) -> None:
        """Take nothing more, and close an async generator that was left before its end."""
        self._ended = True
        await close_source(self._items)

    @property
    def _taken(self) -> int:
        return self._gone + len(self._kept)

    def _move(self, reader: int, place: int) -> None:
        self._places[reader] = place
        self._forget()

    def _forget(self) -> None:
        slowest = min(self._places.values(), default=self._taken)
        while self._gone < slowest and self._kept:
            self._kept.popleft()
            self._gone += 1
        self._room.set()

    async def _take(self, reader: int) -> bool:
        """Take one more item, unless another reader has; False: there is none."""
        async with self._line:  # an async generator can't be asked twice at once
            while self._places[reader] >= self._taken and not self._ended:
                if len(self._kept) >= self._ahead:
                    self._room.clear()
                    await self._room.wait()
                    continue
                try:
                    item = await self._next()
                except BaseException:
                    self._ended = True
                    raise
                if item is _END:
                    self._ended = True
                else:
                    self._kept.append(item)
            return self._places[reader] < self._taken

    async def _next(self) -> T:
        if isinstance(self._items, AsyncIterator):
            return cast("T", await anext(cast("AsyncIterator[Any]", self._items), _END))
        return next(self._items, _END)
