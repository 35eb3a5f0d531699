"""One account's transport: its connector, the event loop and the process it belongs to, and which way its calls go."""

from __future__ import annotations

import asyncio
import logging
import os
import ssl
from collections.abc import Iterable
from typing import Any, Protocol

import aiohttp
from aiohttp.connector import BaseConnector
from yarl import URL

from .._clock import Clock
from .._config.profiles import Timeouts, VendorProfile, is_loopback
from .._errors import ConfigError
from . import aiohttp_seam as seam
from .direct_transport import DirectTransport
from .exchange import Call, Exchange
from .plain_transport import PlainTransport

logger = logging.getLogger("pandapon_async")


class Way(Protocol):
    """How an attempt is made."""

    def is_usable(self) -> bool:
        """Whether a call can be sent by it here and now: in this process, on this event loop. False: ask `Transport.open`."""
        ...

    async def attempt(self, call: Call, offset: float, timeouts: Timeouts, seconds: float) -> Exchange:
        """Send the call once and read the whole reply.

        Args:
            call: what to send; ``call.written`` is kept up to date.
            offset: how many seconds the vendor's clock is ahead of ours.
            timeouts: how long a connection and a silence may take.
            seconds: what is left until the call's deadline.

        Raises:
            BrokenExchangeError: there is no whole reply.
            ConfigError: the request can't be signed; nothing was sent.
        """
        ...

    def close(self) -> None:
        """Nothing begins any more."""
        ...


class Transport:
    """One account's way to the vendor, over an own connector made at the first call, or over the caller's.

    Args:
        profile: the account.
        clock: where time comes from.
        connector: a connector to use instead of an own one; it is shared, and never closed.

    Attributes:
        way: the way to send a call; None: it isn't open.

    Raises:
        ConfigError: the connector can't be used.
    """

    def __init__(self, profile: VendorProfile, clock: Clock, *, connector: BaseConnector | None = None) -> None:
        if connector is not None:
            refuse_small_pool(connector, [profile])
        self._profile = profile
        self._clock = clock
        self._given = connector
        self._connector: BaseConnector | None = None
        self.way: Way | None = None
        self._opening: asyncio.Lock | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._process = 0
        self._closed = False

    async def open(self) -> Way:
        """The way to send a call; made at the first one.

        Raises:
            ConfigError: closed, or used from a second event loop or in another process.
        """
        self._check()
        if self._opening is None:
            self._loop, self._opening, self._process = asyncio.get_running_loop(), asyncio.Lock(), os.getpid()
        async with self._opening:
            if self.way is None:
                await self._make()
                if self._was_closed():  # while the TLS context was being made
                    await self.close()
                    raise ConfigError("the session is closed", vendor=self._profile.name)
            assert self.way is not None
            return self.way

    def _check(self) -> None:
        name, loop = self._profile.name, asyncio.get_running_loop()
        if self._opening is not None and os.getpid() != self._process:
            raise ConfigError(
                "the session was first used in the process that this one was forked from, whose connections it would "
                "share: make one session for each process",
                vendor=name,
            )
        if self._was_closed():
            raise ConfigError("the session is closed", vendor=name)
        if self._opening is not None and loop is not self._loop:
            raise ConfigError(
                "the session was first used on another event loop: make one session for each loop, inside it",
                vendor=name,
            )
        if self._given is not None:
            if self._given.closed:
                raise ConfigError("the connector that was given is closed", vendor=name)
            if seam.loop_of(self._given) not in (None, loop):
                raise ConfigError("the connector that was given belongs to another event loop", vendor=name)

    async def _make(self) -> None:
        profile, tls = self._profile, self._profile.ssl_context
        if tls is None and self._given is None and profile.base_url.startswith("https:"):
            tls = await asyncio.to_thread(ssl.create_default_context)  # reads the trust store: not on the loop
        differs = await seam.differences()
        if differs:
            logger.warning(
                "%s: aiohttp %s differs from what this release knows (%s): calls go the plain way, a connection of its "
                "own for each, which is slower, and more of them end in doubt",
                profile.name,
                aiohttp.__version__,
                differs,
            )
        keep: dict[str, Any] = {"force_close": True} if differs else {"keepalive_timeout": profile.idle_timeout}
        self._connector = self._given or aiohttp.TCPConnector(limit=profile.limits.concurrency, **keep)
        base = URL(profile.base_url)
        authentic = base.scheme == "https" or is_loopback(base.host or "")
        parts = (profile, self._clock, self._connector, tls or True)
        self.way = (
            PlainTransport(*parts, authentic=authentic)
            if differs
            else DirectTransport(*parts, authentic=authentic, shared=self._given is not None)
        )

    def _was_closed(self) -> bool:
        return self._closed

    async def close(self) -> None:
        """Close what was opened here; a given connector stays open. Idempotent."""
        self._closed = True
        if self._opening is not None and os.getpid() != self._process:
            return  # the connections are the parent's: not even forgotten here, since aiohttp closes what is forgotten
        way, self.way = self.way, None
        connector, self._connector = self._connector, None
        if way is None or connector is None:
            return
        way.close()
        if connector is not self._given:
            await connector.close()


def refuse_small_pool(connector: BaseConnector, profiles: Iterable[VendorProfile]) -> None:
    """Refuse a connector that can't hold all that the accounts' limits allow: its pool would be a hidden limit.

    Raises:
        ConfigError: it is too small, or closed.
    """
    if connector.closed:
        raise ConfigError("connector: is closed")
    hosts: dict[Any, int] = {}
    for profile in profiles:
        origin = URL(profile.base_url).origin()
        hosts[origin] = hosts.get(origin, 0) + profile.limits.concurrency
    for name, limit, needed in (
        ("limit", connector.limit, sum(hosts.values())),
        ("limit_per_host", connector.limit_per_host, max(hosts.values(), default=0)),
    ):
        if limit and limit < needed:
            raise ConfigError(
                f"connector: its {name} is {limit}, and the accounts that share it may have {needed} calls under way"
            )
