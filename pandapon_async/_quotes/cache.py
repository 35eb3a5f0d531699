"""Asks one account for quotes: equal questions under way are asked once, and answers may be kept for a while."""

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
class _Kept:
    reply: Reply[Any]
    until: float


class QuoteCache:
    """Asks one account.

    Only estimates are shared and kept: a preview's reply holds a render id, which belongs to one order.

    Args:
        client: the account.
        keep: seconds that an answer is good for; None: none is kept.
        most: answers that are kept; the oldest go first.
    """

    def __init__(self, client: ApiClient, keep: float | None, most: int) -> None:
        self.client = client
        self.reader = PriceReader(client.profile.price_paths)
        self._keep = keep
        self._most = most
        self._kept: OrderedDict[Key, _Kept] = OrderedDict()
        self._under_way: dict[Key, asyncio.Future[Reply[Any] | Exception]] = {}

    def kept(self, call: Call) -> Reply[Any] | None:
        """The answer that an equal question got, if it is still good."""
        key = _key(call)
        found = self._kept.get(key)
        if found is None:
            return None
        if self.client.clock.monotonic() >= found.until:
            del self._kept[key]
            return None
        return found.reply

    async def ask(self, worker: WorkerState, call: Call) -> tuple[Reply[Any] | Exception, bool]:
        """The vendor's reply or why there is none, and whether it is that of an equal question."""
        if not isinstance(call.request, FreightEstimateRequest):
            worker.call = call
            return await self._reply(call), False
        key = _key(call)
        while (other := self._under_way.get(key)) is not None:
            await asyncio.wait([other])
            if not other.cancelled():  # else whoever asked was cut off: it is asked anew
                return _shared(other.result(), call), True
        if (reply := self.kept(call)) is not None:
            return reply, True
        worker.call = call
        return await self._asked(key, call), False

    async def _asked(self, key: Key, call: Call) -> Reply[Any] | Exception:
        answer: asyncio.Future[Reply[Any] | Exception] = asyncio.get_running_loop().create_future()
        self._under_way[key] = answer
        try:
            result = await self._reply(call)
            answer.set_result(result)
        finally:
            del self._under_way[key]
            answer.cancel()  # of no effect, unless this was cut off
        self._keep_for_later(key, result)
        return result

    async def _reply(self, call: Call) -> Reply[Any] | Exception:
        try:
            return await self.client.run(call, wait_forever=True)
        except Exception as error:  # noqa: BLE001 - it is a row
            return error

    def _keep_for_later(self, key: Key, reply: Reply[Any] | Exception) -> None:
        if self._keep is None or isinstance(reply, Exception):
            return
        self._kept[key] = _Kept(reply, self.client.clock.monotonic() + self._keep)
        self._kept.move_to_end(key)
        while len(self._kept) > self._most:
            self._kept.popitem(last=False)


def _key(call: Call) -> Key:
    return call.operation.name, call.body


def _shared(result: Reply[Any] | Exception, call: Call) -> Reply[Any] | Exception:
    """The same, a failure under the reference of who asked."""
    if isinstance(result, PandaponError):
        result = copy.copy(result)
        result.reference = call.reference
    return result
