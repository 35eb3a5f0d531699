"""Fetches quotes from one account: concurrent equal requests are sent once, and replies may be cached."""

from __future__ import annotations

import asyncio
import copy
from collections import OrderedDict
from typing import TYPE_CHECKING, Any

import attrs

from .._config.price_paths import PriceReader
from .._errors import PandaponError
from .._models.operation import Reply
from .._streams.workers import WorkerState
from ..api.logistics import FreightEstimateRequest

if TYPE_CHECKING:
    from .._calls.client import ApiClient
    from .._calls.exchange import Call

Key = tuple[str, "bytes | None"]


@attrs.frozen
class _Cached:
    reply: Reply[Any]
    until: float


class QuoteCache:
    """Fetches quotes from one account, with a cache.

    Only estimates are shared and cached: a preview's reply holds a render id, which belongs to one order.

    Args:
        client: the account's client.
        keep: seconds that a reply stays valid; None: no caching.
        max_size: replies to cache; the oldest are evicted first.
    """

    def __init__(self, client: ApiClient, keep: float | None, max_size: int) -> None:
        self.client = client
        self.reader = PriceReader(client.profile.price_paths)
        self._keep = keep
        self._max_size = max_size
        self._cache: OrderedDict[Key, _Cached] = OrderedDict()
        self._in_flight: dict[Key, asyncio.Future[Reply[Any] | Exception]] = {}

    def cached(self, call: Call) -> Reply[Any] | None:
        """The reply to an equal request, if it is still valid."""
        key = _key(call)
        found = self._cache.get(key)
        if found is None:
            return None
        if self.client.clock.monotonic() >= found.until:
            del self._cache[key]
            return None
        return found.reply

    async def fetch(self, worker: WorkerState, call: Call) -> tuple[Reply[Any] | Exception, bool]:
        """The vendor's reply or the error, and whether it was shared with an equal request."""
        if not isinstance(call.request, FreightEstimateRequest):
            worker.call = call
            return await self._reply(call), False
        key = _key(call)
        while (other := self._in_flight.get(key)) is not None:
            await asyncio.wait([other])
            if not other.cancelled():  # otherwise its task was cancelled, and this one sends the request
                return _shared(other.result(), call), True
        if (reply := self.cached(call)) is not None:
            return reply, True
        worker.call = call
        return await self._fetch(key, call), False

    async def _fetch(self, key: Key, call: Call) -> Reply[Any] | Exception:
        future: asyncio.Future[Reply[Any] | Exception] = asyncio.get_running_loop().create_future()
        self._in_flight[key] = future
        try:
            result = await self._reply(call)
            future.set_result(result)
        finally:
            del self._in_flight[key]
            future.cancel()  # no effect unless this task was cancelled
        self._store(key, result)
        return result

    async def _reply(self, call: Call) -> Reply[Any] | Exception:
        try:
            return await self.client.run(call, wait_forever=True)
        except Exception as error:  # noqa: BLE001 - becomes a row
            return error

    def _store(self, key: Key, reply: Reply[Any] | Exception) -> None:
        if self._keep is None or isinstance(reply, Exception):
            return
        self._cache[key] = _Cached(reply, self.client.clock.monotonic() + self._keep)
        self._cache.move_to_end(key)
        while len(self._cache) > self._max_size:
            self._cache.popitem(last=False)


def _key(call: Call) -> Key:
    return call.operation.name, call.body


def _shared(result: Reply[Any] | Exception, call: Call) -> Reply[Any] | Exception:
    """The shared result; an error gets this call's own reference."""
    if isinstance(result, PandaponError):
        result = copy.copy(result)
        result.reference = call.reference
    return result
