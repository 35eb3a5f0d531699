"""A call's way down to the vendor and back up: its turn, its attempts, how it ends."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any

import attrs

from .._clock import Clock, ClockOffset
from .._config.profiles import VendorProfile
from .._errors import Attempt, DeadlineExceeded, OutcomeUnknownError, PandaponError
from .._models.operation import Effect, Reply
from .exchange import BrokenExchangeError, Call, Exchange
from .hooks import Observer
from .limiter import Limiter, Turn
from .responses import failure_of_broken, judged
from .retry import Again, Budget, Failure, Retries, pause_after
from .transport import Patience, Transport

if TYPE_CHECKING:
    import aiohttp

BeforeSend = Callable[[], Awaitable[None]]
HeldBack = Callable[[PandaponError], Awaitable[None]]


@attrs.define
class Means:
    """What all calls of an account share, whatever their options."""

    transport: Transport
    limiter: Limiter
    offset: ClockOffset
    budget: Budget
    clock: Clock


class Runner:
    """Takes calls to an account and brings their replies back.

    Args:
        profile: the account, with the waits and the retry policy of these calls.
        means: what they share with the account's other calls.
        observer: is told what happens to them.
    """

    def __init__(self, profile: VendorProfile, means: Means, observer: Observer) -> None:
        self._profile = profile
        self._means = means
        self._observer = observer
        self._patience = Patience(profile.timeouts)

    async def run(
        self,
        call: Call,
        *,
        patient: bool,
        before_send: BeforeSend | None = None,
        held_back: HeldBack | None = None,
    ) -> Reply[Any]:
        """Take a turn, send, and send again where the table of failures allows it.

        Args:
            call: what `prepare` gave.
            patient: wait for the turn however long it takes.
            before_send: awaited once, after the turn has come and before the first attempt; if it raises, nothing is sent.
            held_back: awaited with the failure when an attempt has proved that nothing was done and the call waits for the
                next one; ``before_send`` is then awaited again before that.
        """
        means = self._means
        if not means.transport.opened:
            await means.transport.open()  # now, so that making the TLS context takes no time of its turn
        turn = means.limiter.turn(call.operation.limit_group, patient=patient)
        records: list[Attempt] = []
        try:
            if not turn.begin_now():
                await turn.begin()
            try:
                if before_send is not None:
                    await before_send()
                return await self._attempts(call, turn, records, before_send if held_back else None, held_back)
            finally:
                turn.end()
        except PandaponError as error:
            self._failed(call, error, records)
            raise
        except asyncio.CancelledError:
            if call.written and call.operation.effect is Effect.WRITE:
                self._observer.in_doubt(call)
            raise

    async def _attempts(
        self,
        call: Call,
        turn: Turn,
        records: list[Attempt],
        before_next: BeforeSend | None,
        held_back: HeldBack | None,
    ) -> Reply[Any]:
        means, policy = self._means, self._profile.retry
        call.began = means.clock.monotonic()
        deadline = call.began + self._profile.timeouts.total
        retries: Retries | None = None
        while True:
            client = means.transport.ready() or await means.transport.open()
            result = await self._attempt(client, call, records, deadline)
            if not isinstance(result, Failure):
                return result
            retries = retries or Retries(policy, means.budget)
            again = retries.verdict(result, len(records))
            if again is None:
                means.limiter.pause.extend(pause_after(result, policy))
                raise result.error
            if held_back is not None:
                deadline += await self._took(held_back(result.error))
            deadline += await self._wait(again, turn, deadline)
            if means.clock.monotonic() >= deadline:
                raise DeadlineExceeded("the deadline passed before the next attempt")
            if before_next is not None:
                deadline += await self._took(before_next())

    async def _took(self, hook: Awaitable[None]) -> float:
        """Await a hook; the seconds that it took don't count."""
        began = self._means.clock.monotonic()
        await hook
        return self._means.clock.monotonic() - began

    async def _attempt(
        self, client: aiohttp.ClientSession, call: Call, records: list[Attempt], deadline: float
    ) -> Reply[Any] | Failure:
        means = self._means
        began = call.began if not records else means.clock.monotonic()
        exchange: Exchange | None = None
        result: Reply[Any] | Failure
        try:
            offset = means.offset.seconds()
            exchange = await means.transport.attempt(client, call, offset, self._patience, deadline - began)
        except BrokenExchangeError as broken:
            result = failure_of_broken(broken, call, self._profile)
        else:
            result = self._judged(exchange, call)
        call.written = False
        ended = means.clock.monotonic()
        if isinstance(result, Failure):
            self._observer.attempt(call, result, exchange, ended - began, records)
        else:
            self._succeeded(call, result, exchange, ended, began, records)
        return result

    def _judged(self, exchange: Exchange, call: Call) -> Reply[Any] | Failure:
        result, vendor_time = judged(exchange, call, self._profile)
        if vendor_time is not None:
            if isinstance(result, Failure) and result.signed_wrong_time:
                self._means.offset.adopt(vendor_time, exchange.received)
            else:
                self._means.offset.observe(vendor_time, exchange.sent, exchange.received)
        return result

    def _succeeded(
        self,
        call: Call,
        reply: Reply[Any],
        exchange: Exchange | None,
        ended: float,
        began: float,
        records: list[Attempt],
    ) -> None:
        self._means.budget.earn()
        # The reply was made a moment ago and nobody else has seen it.
        object.__setattr__(reply, "attempts", len(records) + 1)
        object.__setattr__(reply, "elapsed", ended - call.began)
        if self._observer.watches_success():
            self._observer.attempt(call, reply, exchange, ended - began, records)
        self._observer.reply(call, reply)

    def _failed(self, call: Call, error: PandaponError, records: list[Attempt]) -> None:
        error.__context__ = None  # it may hold the URL, the headers or a signer's words
        error.attempts = tuple(records)
        error.vendor = error.vendor or self._profile.name
        error.operation = error.operation or call.operation.name
        error.reference = error.reference or call.reference
        if isinstance(error, OutcomeUnknownError):
            self._observer.in_doubt(call)

    async def _wait(self, again: Again, turn: Turn, deadline: float) -> float:
        """Wait for the next attempt; returns the seconds of it that the deadline doesn't count."""
        clock = self._means.clock
        if again.pause:
            self._means.limiter.pause.extend(again.wait)
        else:
            if clock.monotonic() + again.wait >= deadline:
                raise DeadlineExceeded("the deadline would pass before the next attempt")
            await clock.sleep(again.wait)
        began = clock.monotonic()
        await turn.next_attempt(patient=True)
        return clock.monotonic() - began
