"""Runs the calls of one account: permit, attempts, retries, outcome."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from logging import DEBUG
from typing import Any, Protocol

import attrs

from .._clock import Clock, ClockOffset
from .._config.profiles import VendorProfile
from .._errors import ApiError, Attempt, DeadlineExceededError, OutcomeUnknownError, PandaponError
from .._models.converters import to_wire
from .._models.jsonio import dumps, loads
from .._models.operation import Effect, Operation, Reply, VendorRequest, fill_own_number
from .endpoints import Targets, encoded_query
from .envelope import ordinary_reply, vendor_time
from .exchange import BrokenExchangeError, Call, Exchange
from .hooks import Hooks, Observer, logger
from .limiter import Limiter
from .responses import classify, failure_of_broken
from .retry import Budget, Failure, Retries, RetryAfter
from .transport import Transport

BeforeSend = Callable[[], Awaitable[object]]
OnRequeue = Callable[[PandaponError], Awaitable[None]]


class Closable(Protocol):
    """What is open on a client, and closed with it: a stream, or the run of a job."""

    async def aclose(self) -> None: ...


@attrs.define
class ClientState:
    """What all clients of an account share, whatever their options.

    ``open_streams`` are closed before the connections; ``warned`` are the operations whose inferred path has been told of.
    """

    transport: Transport
    limiter: Limiter
    offset: ClockOffset
    budget: Budget
    clock: Clock
    open_streams: set[Closable] = attrs.field(factory=set[Closable])
    warned: set[str] = attrs.field(factory=set[str])


class ApiClient:
    """Prepares requests to one account and runs them.

    Args:
        profile: the account, with the time-outs and the retry policy of these calls.
        state: what they share with the account's other calls.
        hooks: are told what happens to them.
    """

    def __init__(self, profile: VendorProfile, state: ClientState, hooks: Hooks) -> None:
        self.profile = profile
        self.state = state
        self._hooks = hooks
        self._observer = Observer(profile, hooks)
        self._targets = Targets(profile, self._observer, state.warned)

    @property
    def clock(self) -> Clock:
        """Where time comes from."""
        return self.state.clock

    # --- requests ---

    def prepare(self, request: VendorRequest[Any], reference: str | None = None) -> Call:
        """Encode a request once: what every attempt sends.

        Raises:
            RequestError: it can't be encoded.
            ConfigError: the path of its operation isn't known.
        """
        kind = type(request)
        target, members = self._targets[kind], to_wire(request)
        if reference and kind.operation.own_number:
            fill_own_number(kind.operation, members, reference)
        url, query, body = (target.url, "", dumps(members)) if target.is_plain else target.placed(members)
        return Call(kind.operation, request, reference or request.natural_reference(), url, query, body)

    def prepare_body(
        self, request_type: type[VendorRequest[Any]], body: bytes, reference: str, request: Callable[[], Any]
    ) -> Call:
        """The same from a request that was encoded earlier.

        Args:
            request_type: its class.
            body: its wire JSON.
            reference: the caller's reference.
            request: gives the request; called only to keep what it holds of persons out of an error.

        Raises:
            RequestError: it can't be sent as it is.
            ConfigError: the path of the operation isn't known.
        """
        target = self._targets[request_type]
        url, query, sent = (target.url, "", body) if target.is_plain else target.placed(loads(body))
        return Call(request_type.operation, request, reference, url, query, sent)

    def prepare_raw(
        self, operation: Operation[Any], members: Mapping[str, Any], query: Mapping[str, Any], reference: str | None
    ) -> Call:
        """Encode a call to any path: with GET, ``members`` go into the query as well."""
        bodiless = operation.method == "GET"
        parameters = {**members, **query} if bodiless else query
        url = self._targets.url_of(operation.path or "")
        return Call(operation, None, reference, url, encoded_query(parameters), None if bodiless else dumps(members))

    def check_endpoint(self, request_type: type[VendorRequest[Any]], members: Mapping[str, Any]) -> None:
        """Check that what `to_wire` gave can go where the operation wants it.

        Raises:
            RequestError, ConfigError: what `prepare` would raise.
        """
        target = self._targets[request_type]
        if not target.is_plain:
            target.placed(members)

    # --- calls ---

    async def run(
        self,
        call: Call,
        *,
        wait_forever: bool,
        before_send: BeforeSend | None = None,
        on_requeue: OnRequeue | None = None,
    ) -> Reply[Any]:
        """Take a permit, send, and send again where the table of failures allows it.

        Args:
            call: what `prepare` gave.
            wait_forever: wait for the permit however long it takes.
            before_send: awaited once, with a permit and before the first attempt; if it raises, nothing is sent.
            on_requeue: awaited with the failure when an attempt has proved that nothing was done and the call waits for the
                next one; ``before_send`` is then awaited again before that.
        """
        # Every call's way if nothing is out of the ordinary: one function, since layers on it cost a sixth of a booking. It looks at
        # a few attributes itself, so that limiter, hooks, budget and clock offset are entered only when there is something to do.
        state, hooks, profile = self.state, self._hooks, self.profile
        clock, limiter, offset, budget = state.clock, state.limiter, state.offset, state.budget
        # Now: making the TLS context takes no time of a permit, and what can't be sent from here takes none.
        way = state.transport.way
        if way is None or not way.is_usable():
            way = await state.transport.open()
        permits = limiter.semaphore
        records: list[Attempt] = []
        try:
            if permits.free and limiter.pacer is None and limiter.pause.until <= clock.monotonic():
                permits.free -= 1
                waited, start = False, None
            else:
                start = await limiter.acquire(wait_forever=wait_forever)
                waited = True
            try:
                if hooks.on_start is not None:
                    self._observer.start(call)
                if before_send is not None:
                    await before_send()
                    waited = True
                if start is not None:
                    await limiter.reach(start)
                began = call.began = clock.monotonic()
                exchange: Exchange | None = None
                result: Reply[Any] | Failure | None
                try:
                    if waited and not way.is_usable():
                        way = await state.transport.open()
                    ahead = 0.0 if offset.learnt is None else offset.seconds()
                    exchange = await way.attempt(call, ahead, profile.timeouts, call.seconds or profile.timeouts.total)
                except BrokenExchangeError as broken:
                    result = failure_of_broken(broken, call, profile)
                else:
                    result = ordinary_reply(exchange, call, clock.monotonic() - began)
                    if result is None:
                        result = self._classified(exchange, call)
                    elif (date := vendor_time(exchange)) is not None and date != offset.agreed:
                        offset.observe(date, exchange.sent, exchange.received)
                if isinstance(result, Reply):
                    if budget.left < budget.most:
                        budget.earn()
                    if (
                        hooks.on_attempt is not None
                        or hooks.on_reply is not None
                        or result.problems
                        or logger.isEnabledFor(DEBUG)
                    ):
                        self._observer.succeeded(call, result, exchange, clock.monotonic() - began, records)
                    return result
                self._observer.attempt(call, result, exchange, clock.monotonic() - began, records)
                call.written = False  # only now: whatever a hook has raised, a yes is no cancel before it was sent
                return await self._again(call, records, result, before_send if on_requeue else None, on_requeue)
            finally:
                if permits.waiters:
                    permits.release()
                else:
                    permits.free += 1
        except PandaponError as error:
            self._failed(call, error, records)
            raise
        except BaseException:  # a cancel, or whatever else ends the task
            if call.written and call.operation.effect is Effect.WRITE:
                self._observer.abandoned(call)
            raise

    async def _again(
        self,
        call: Call,
        records: list[Attempt],
        result: Failure,
        before_next: BeforeSend | None,
        on_requeue: OnRequeue | None,
    ) -> Reply[Any]:
        """What follows a first attempt that failed."""
        state, policy = self.state, self.profile.retry
        deadline = call.began + (call.seconds or self.profile.timeouts.total)
        retries = Retries(policy, state.budget)
        while True:
            retry_after = retries.verdict(result, len(records))
            if retry_after is None:
                state.limiter.pause.extend(retries.pause_after(result))
                raise result.error
            if on_requeue is not None:
                deadline += await self._took(on_requeue(result.error))
            start, waited = await self._wait(retry_after, deadline)
            deadline += waited
            if state.clock.monotonic() >= deadline:
                raise DeadlineExceededError("the deadline passed before the next attempt")
            if before_next is not None:
                deadline += await self._took(before_next())
            if start is not None:
                deadline += await self._took(state.limiter.reach(start))
            next_result = await self._attempt(call, records, deadline)
            if not isinstance(next_result, Failure):
                return next_result
            result = next_result

    async def _took(self, hook: Awaitable[object]) -> float:
        """Await a hook; the seconds that it took don't count."""
        began = self.state.clock.monotonic()
        await hook
        return self.state.clock.monotonic() - began

    async def _attempt(self, call: Call, records: list[Attempt], deadline: float) -> Reply[Any] | Failure:
        """One more attempt."""
        state = self.state
        way = state.transport.way
        if way is None or not way.is_usable():
            way = await state.transport.open()
        began = state.clock.monotonic()
        exchange: Exchange | None = None
        result: Reply[Any] | Failure
        try:
            exchange = await way.attempt(call, state.offset.seconds(), self.profile.timeouts, deadline - began)
        except BrokenExchangeError as broken:
            result = failure_of_broken(broken, call, self.profile)
        else:
            result = self._classified(exchange, call)
        elapsed = state.clock.monotonic() - began
        if isinstance(result, Failure):
            self._observer.attempt(call, result, exchange, elapsed, records)
            call.written = False
        else:
            object.__setattr__(result, "attempts", len(records) + 1)
            state.budget.earn()
            self._observer.succeeded(call, result, exchange, elapsed, records)
        return result

    def _classified(self, exchange: Exchange, call: Call) -> Reply[Any] | Failure:
        state = self.state
        result, date = classify(exchange, call, self.profile)
        if isinstance(result, Failure) and exchange.peer is not None and not _is_plain_refusal(result, call):
            exchange.peer.close()  # it may be another call's reply: then the next one on the connection is this call's
        if date is not None:
            if isinstance(result, Failure) and result.signed_wrong_time:
                state.offset.adopt(date, exchange.received)
            else:
                state.offset.observe(date, exchange.sent, exchange.received)
        if isinstance(result, Reply):
            # It was made a moment ago and nobody else has seen it.
            object.__setattr__(result, "elapsed", state.clock.monotonic() - call.began)
        return result

    def _failed(self, call: Call, error: PandaponError, records: list[Attempt]) -> None:
        error.__context__ = None  # it may hold the URL, the headers or a signer's words
        error.attempts = tuple(records)
        error.vendor = error.vendor or self.profile.name
        error.operation = error.operation or call.operation.name
        error.reference = error.reference or call.reference
        if isinstance(error, OutcomeUnknownError):
            self._observer.in_doubt(call)

    async def _wait(self, retry_after: RetryAfter, deadline: float) -> tuple[float | None, float]:
        """Wait for the next attempt; returns its start, and the seconds that the deadline doesn't count."""
        clock = self.state.clock
        if retry_after.pause:
            self.state.limiter.pause.extend(retry_after.wait)
        else:
            if clock.monotonic() + retry_after.wait >= deadline:
                raise DeadlineExceededError("the deadline would pass before the next attempt")
            await clock.sleep(retry_after.wait)
        began = clock.monotonic()
        start = await self.state.limiter.next_attempt(wait_forever=True)
        return start, clock.monotonic() - began


def _is_plain_refusal(failure: Failure, call: Call) -> bool:
    """Whether a READ was refused in so many words: nothing is at stake, and sweeps get many of these."""
    return call.operation.effect is Effect.READ and isinstance(failure.error, ApiError)
