"""An account's connections: taken empty, and spent by whatever leaves them in doubt.

HTTP/1.1 has no correlation: the next bytes on a connection are the next reply, whoever they were meant for. So what had come
before our first byte must never be taken for an answer, and a connection on which anything unusual has happened is not
used again.
"""

from __future__ import annotations

import asyncio
import math
import re
import select
from collections import deque
from collections.abc import Callable, Mapping
from typing import Any

from multidict import istr

from . import aiohttp_seam as seam
from .aiohttp_seam import Connection, ResponseHandler, Route, StreamReader
from .broken import AttemptError
from .timeouts import Deadline, TimedOutError

_KEEP_ALIVE = istr("Keep-Alive")
_TIMEOUT = re.compile(r"(?:^|[,;\s])timeout\s*=\s*([0-9]{1,6})", re.IGNORECASE)
_NOTE = "pandapon"
_LAST_ORDERS = 16
_MOST_MADE = 4

NOT_EMPTY = "on every connection something had come, or its end, before anything was asked"


class Peer:
    """The other end of one connection, as long as it lives.

    Attributes:
        poll: called with 0, it gives something if bytes, or an end, have come that the loop hasn't read.
        idle_until: the loop's time after which the connection isn't used again.
        payload: the body that is being read.
    """

    __slots__ = ("_orders", "_protocol", "_seen", "idle_until", "payload", "poll")

    def __init__(self, protocol: ResponseHandler) -> None:
        self._protocol = protocol
        self._orders: dict[tuple[str, str], str | None] = {}
        self._seen = 0
        self.poll = _poller(protocol)
        self.idle_until = math.inf
        self.payload: StreamReader | None = None

    def first_told(self, operation: str, order_id: str, reference: str | None, /) -> str | None:
        """Note that this connection has told an order id; another booking's reference if it was that one's before.

        A reply that comes twice answers the next call, and what comes after it belongs to somebody else as well: then the
        connection has to be closed.

        Args:
            operation: what was called; ids are told apart by it.
            order_id: the id.
            reference: the booking's reference.
        """
        orders, key = self._orders, (operation, order_id)
        if key in orders:
            whose = orders.pop(key)
            if whose is None or whose != reference:
                orders[key] = whose
                return whose or "another booking"
        elif len(orders) == _LAST_ORDERS:
            del orders[next(iter(orders))]
        orders[key] = reference
        return None

    def close(self) -> None:
        """Never use the connection again."""
        self._protocol.close()

    def has_news(self) -> bool:
        """Whether anything of the reply has come that nobody has seen."""
        payload = self.payload
        if payload is not None and (payload.is_eof() or payload.total_bytes != self._seen):
            self._seen = payload.total_bytes
            return True
        return seam.has_message(self._protocol) or bool(self.poll is not None and self.poll(0))

    def fail(self, error: Exception) -> None:
        """Whoever waits for the reply gets the error, and the connection is dropped."""
        transport = self._protocol.transport
        self._protocol.set_exception(error)
        if self.payload is not None:
            self.payload.set_exception(error)
        if transport is not None:
            transport.abort()


def _poller(protocol: ResponseHandler) -> Callable[[int], object] | None:
    """The poll of a connection's descriptor: a third of a microsecond, on asyncio and uvloop, and over TLS; None: there is none."""
    transport = protocol.transport
    found = None if transport is None else transport.get_extra_info("socket")
    if found is None or not hasattr(select, "poll"):
        return None
    poller = select.poll()
    poller.register(found.fileno(), select.POLLIN)
    return poller.poll


Taken = tuple[Connection, ResponseHandler, Peer]
"""A connection with its protocol, and what is known of it."""


class Connections:
    """An account's connections: those that are idle are taken again, others are made.

    aiohttp's pool would do that too, for 6 % of a booking; here it only makes connections and bounds their number. There are
    never more than there have been calls under way, so it never has to wait for one that is idle here. A pool that others
    share gets its connections back.

    Args:
        route: the way there.
        idle: seconds that a connection may have been idle.
        shared: others use the connector, too.
    """

    def __init__(self, route: Route, idle: float, *, shared: bool) -> None:
        self._route = route
        self._most_idle = idle
        self._keeps = not shared
        self._idle: deque[Taken] = deque()
        self._loop = asyncio.get_running_loop()
        self._sweeper: asyncio.TimerHandle | None = None

    def close(self) -> None:
        """Nothing is kept any more."""
        self._keeps = False
        if self._sweeper is not None:
            self._sweeper.cancel()
        while self._idle:
            self._idle.popleft()[0].release()

    def take_idle(self) -> Taken | None:
        """A kept connection on which nothing has happened since its last reply; None: there is none."""
        while self._idle:
            taken = self._idle.popleft()
            if self._is_fit(taken):
                return taken
            taken[0].close()
        return None

    async def make(self, deadline: Deadline, connect: float, *, own: bool) -> Taken:
        """Another connection: a new one, or one that was idle in a shared pool.

        Args:
            deadline: the attempt's.
            connect: seconds that connecting may take.
            own: shared with nobody.

        Raises:
            AttemptError: new ones aren't empty either.
        """
        if self._idle:
            self._idle.popleft()[0].release()  # its place in the pool may be the last one
        made = 0
        while made < _MOST_MADE:
            connection = await self._connected(deadline, connect, own=own)
            protocol = connection.protocol
            assert protocol is not None
            peer: Peer | None = seam.notes(protocol).get(_NOTE)
            if peer is None:
                peer = seam.notes(protocol)[_NOTE] = Peer(protocol)
                seam.limit_receives(protocol)
                made += 1
            if self._is_fit(taken := (connection, protocol, peer)):
                return taken
            connection.close()
        raise AttemptError(NOT_EMPTY)

    def _is_fit(self, taken: Taken) -> bool:
        _, protocol, peer = taken
        return self._loop.time() <= peer.idle_until and seam.is_clean(protocol)

    async def is_empty(self, protocol: ResponseHandler, peer: Peer) -> bool:
        """Whether nothing has come on a connection, after the loop has read what there is.

        Bytes may be there without a reply: over TLS a new connection is sent its session tickets.
        """
        for _ in range(2):
            await asyncio.sleep(0)
        return seam.is_clean(protocol) and not (peer.poll is not None and peer.poll(0))

    def give_back(self, taken: Taken, headers: Mapping[str, str]) -> None:
        """Keep a connection for the next call; close it if it can't be."""
        connection, protocol, peer = taken
        idle = self._most_idle
        if (said := headers.get(_KEEP_ALIVE)) is not None and (found := _TIMEOUT.search(said)):
            idle = min(idle, int(found[1]) - 1.0)
        if not (idle > 0 and seam.ends_clean(protocol)):
            connection.close()
            return
        peer.idle_until = self._loop.time() + idle
        if not self._keeps:
            connection.release()
            return
        self._idle.append(taken)
        if self._sweeper is None:
            self._sweeper = self._loop.call_at(peer.idle_until, self._sweep)

    def _sweep(self) -> None:
        """Close what has been idle for too long, or was closed by the other end."""
        self._sweeper, now = None, self._loop.time()
        for taken in [taken for taken in self._idle if taken[2].idle_until <= now or not self._is_fit(taken)]:
            self._idle.remove(taken)
            taken[0].close()
        if self._idle:
            self._sweeper = self._loop.call_at(min(peer.idle_until for _, _, peer in self._idle), self._sweep)

    async def _connected(self, deadline: Deadline, connect: float, *, own: bool) -> Connection:
        """A new connection, made by a task of its own: what ends that is never taken for a cancel of the caller's."""
        making = _Making(self._loop, deadline, connect)
        task = self._loop.create_task(self._route.connect(making.begin, own=own))
        task.add_done_callback(making.made)
        try:
            return await making.future
        except BaseException:
            task.cancel()
            task.add_done_callback(_close_late)
            making.give_up()
            raise
        finally:
            deadline.pause()


class _Making:
    """A connection that is being made, as something that an attempt waits for."""

    def __init__(self, loop: asyncio.AbstractEventLoop, deadline: Deadline, seconds: float) -> None:
        self.future: asyncio.Future[Connection] = loop.create_future()
        self._task: asyncio.Task[Connection] | None = None
        self._deadline = deadline
        self._seconds = seconds
        deadline.awaited = self

    def begin(self) -> None:
        """There is a place in the pool: from now on its seconds count."""
        self._deadline.expect(self, "connect", self._seconds)

    def made(self, task: asyncio.Task[Connection]) -> None:
        """The task has ended."""
        if self.future.done():
            return
        if task.cancelled():  # aiohttp cancels those who wait for a place when its connector is closed
            self.future.set_exception(AttemptError("the connector was closed"))
        elif (error := task.exception()) is not None:
            self.future.set_exception(error)
        else:
            self.future.set_result(task.result())

    def give_up(self) -> None:
        """Nobody waits any more: an error of it is nobody's."""
        if self.future.done() and not self.future.cancelled():
            self.future.exception()

    def has_news(self) -> bool:
        return self.future.done()

    def fail(self, error: TimedOutError) -> None:
        if not self.future.done():
            self.future.set_exception(error)


def _close_late(task: asyncio.Task[Any]) -> None:
    """A connection that nobody waits for any more."""
    if not task.cancelled() and task.exception() is None:
        task.result().close()
