"""One account's session: a call's way down to the vendor and back up."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterable, Awaitable, Callable, Iterable, Mapping, Sequence
from types import TracebackType
from typing import TYPE_CHECKING, Any, NoReturn, TypedDict, TypeVar

import attrs

from .api.addresses import AddressService
from .api.logistics import LogisticsService
from .clock import Clock, ClockOffset, SystemClock
from .codec import to_wire
from .errors import (
    Attempt,
    ConfigError,
    DeadlineExceeded,
    OutcomeUnknownError,
    PandaponError,
    RequestError,
)
from .exchange import BrokenExchangeError, Call, Exchange
from .jsonio import check_json, dumps, loads
from .limits import Limiter, Turn
from .observer import Hooked, Hooks, Observer, OnAttempt, OnInDoubt, OnReply
from .operation import Effect, Evidence, Input, Operation, Reply, VendorRequest, split_pair
from .placing import encoded_query
from .profiles import RetryPolicy, Timeouts, VendorProfile
from .replies import failure_of_broken, judged
from .retry import Again, Budget, Failure, Retries, pause_after
from .routes import Routes
from .transport import Patience, Transport

if TYPE_CHECKING:
    import aiohttp
    from typing_extensions import Self

    from .bulk.stream import OutcomeStream
    from .bulk.workers import WorkerStream

R = TypeVar("R")

BeforeSend = Callable[[], Awaitable[None]]
HeldBack = Callable[[PandaponError], Awaitable[None]]
ASYNC_ONLY = "this is asynchronous: use `async with` (or `await ...open()` and `await ...close()`)"


class SessionOptions(TypedDict, total=False):
    """What a session can be given besides its profile; see `VendorSession`."""

    clock: Clock | None
    client_session: aiohttp.ClientSession | None
    trace_configs: Sequence[aiohttp.TraceConfig]
    on_attempt: OnAttempt | None
    on_reply: OnReply | None
    on_in_doubt: OnInDoubt | None


@attrs.define
class _Shared:
    """What a session and all its `with_options` copies have in common."""

    transport: Transport
    limiter: Limiter
    offset: ClockOffset
    budget: Budget
    clock: Clock
    streams: set[WorkerStream[Any, Any]] = attrs.field(factory=set["WorkerStream[Any, Any]"])
    warned: set[str] = attrs.field(factory=set[str])


class VendorSession(Hooked):
    """One account at one vendor. Made by a `SessionManager`; safe to share between the tasks of one event loop.

    Args:
        profile: the account, with credentials.
        clock: where time comes from; the machine's clock unless given.
        client_session: an aiohttp session to use instead of an own one; it is not closed.
        trace_configs: aiohttp's trace configs, for the own session. What they see holds signatures.
        on_attempt, on_reply, on_in_doubt: see `Hooks`; also attributes, which may be set later.

    Attributes:
        profile: the account.
        logistics: freight estimates, previews, bookings.
        addresses: the warehouse's domestic addresses.
    """

    def __init__(
        self,
        profile: VendorProfile,
        *,
        clock: Clock | None = None,
        client_session: aiohttp.ClientSession | None = None,
        trace_configs: Sequence[aiohttp.TraceConfig] = (),
        on_attempt: OnAttempt | None = None,
        on_reply: OnReply | None = None,
        on_in_doubt: OnInDoubt | None = None,
    ) -> None:
        if profile.credentials is None:
            raise ConfigError("the profile has no credentials", vendor=profile.name)
        clock = clock or SystemClock()
        self._setup(
            profile,
            _Shared(
                transport=Transport(profile, clock, client_session=client_session, trace_configs=trace_configs),
                limiter=Limiter(profile.limits, profile.group_limits, clock),
                offset=ClockOffset(clock),
                budget=Budget(profile.retry.budget),
                clock=clock,
            ),
            Hooks(on_attempt=on_attempt, on_reply=on_reply, on_in_doubt=on_in_doubt),
        )

    def _setup(self, profile: VendorProfile, shared: _Shared, hooks: Hooks) -> None:
        self.profile = profile
        self.hooks = hooks
        self._observer = Observer(profile, hooks)
        self._shared = shared
        self._patience = Patience(profile.timeouts)
        self._routes = Routes(profile, self._observer, shared.warned)
        self.logistics = LogisticsService(self)
        self.addresses = AddressService(self)

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.profile.name!r} at {self.profile.base_url}>"

    @property
    def clock(self) -> Clock:
        """Where the session takes time from."""
        return self._shared.clock

    @property
    def streams(self) -> set[WorkerStream[Any, Any]]:
        """The streams and runs of jobs that are open; closing the session closes them."""
        return self._shared.streams

    # --- life ---

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    def __enter__(self) -> NoReturn:
        raise TypeError(ASYNC_ONLY)

    def __exit__(self, *exc: object) -> None:  # pragma: no cover - `with` fails in __enter__
        ...

    async def close(self) -> None:
        """Drain the streams that are still open, then close the connections. Twice is fine."""
        try:
            for stream in list(self.streams):
                await stream.aclose()
        finally:
            await self._shared.transport.close()

    def with_options(
        self,
        *,
        timeouts: Timeouts | None = None,
        retry: RetryPolicy | None = None,
        on_attempt: OnAttempt | None = None,
        on_reply: OnReply | None = None,
        on_in_doubt: OnInDoubt | None = None,
    ) -> Self:
        """A session with other waits or hooks that shares this one's connections, limits, pauses and retry budget."""
        copy = object.__new__(type(self))
        copy._setup(
            self.profile.evolve(timeouts=timeouts or self.profile.timeouts, retry=retry or self.profile.retry),
            self._shared,
            Hooks(
                on_attempt=on_attempt or self.hooks.on_attempt,
                on_reply=on_reply or self.hooks.on_reply,
                on_in_doubt=on_in_doubt or self.hooks.on_in_doubt,
            ),
        )
        return copy

    # --- calls ---

    async def call(self, request: Input[R]) -> Reply[R]:
        """Send a request and return the vendor's reply.

        Args:
            request: a request, or a pair (reference, request); the reference stands in errors and hooks.

        Raises:
            RequestError, ConfigError: nothing was sent, since it can't be.
            LimitExceeded: nothing was sent; its turn was further away than ``Limits.max_wait``.
            NotSentError, DeadlineExceeded: nothing is in doubt.
            ApiError, AuthError, RateLimitedError, HttpStatusError: the vendor answered, and refused.
            DecodeError: a READ's reply makes no sense.
            OutcomeUnknownError: a WRITE was sent, and may have been made.
        """
        reference, plain = split_pair(request, self.profile.name)
        return await self.run(self.prepare(plain, reference), patient=False)

    async def call_raw(
        self,
        method: str,
        path: str,
        members: Mapping[str, Any] | None = None,
        *,
        effect: Effect,
        query: Mapping[str, str | int] | None = None,
        signed_query: bool = False,
        reference: str | None = None,
    ) -> Reply[Any]:
        """Call any endpoint: signed, limited, retried and judged like the rest; ``data`` and ``raw`` are plain JSON.

        Args:
            method: HTTP method.
            path: below the base URL, with a leading slash.
            members: the JSON body; with GET they go into the query.
            effect: READ or WRITE; it decides what may be repeated, so it has no default.
            query: more query parameters.
            signed_query: whether ``timestamp`` and ``sign`` go into the query, as on the logistics pages.
            reference: stands in errors and hooks.

        Raises:
            What `call` raises.
        """
        if not path.startswith("/") or "?" in path or "#" in path:
            raise RequestError("path: must start with a slash and hold no query; use query=", field="path")
        operation: Operation[Any] = Operation(
            name=f"{method.upper()} {path}",
            contract_id="",
            method=method.upper(),
            path=path,
            effect=Effect(effect),
            evidence=Evidence.SEEN,
            reply=None,
            vendors=(self.profile.kind,),
            signed_query=signed_query,
        )
        check_json(dict(members or {}), "members")
        parameters = dict(query or {})
        if operation.method == "GET":
            parameters = {**(members or {}), **parameters}
            members = None
        body = None if operation.method == "GET" else dumps(members or {})
        call = Call(operation, None, reference, self._routes.url(path), encoded_query(parameters), body)
        return await self.run(call, patient=False)

    def stream(
        self,
        requests: Iterable[Input[R]] | AsyncIterable[Input[R]],
        *,
        concurrency: int | None = None,
        ordered: bool = False,
        drain: float = 30.0,
    ) -> OutcomeStream[R]:
        """Send many requests, at most ``concurrency`` at a time; see `OutcomeStream`."""
        from .bulk.stream import OutcomeStream

        return OutcomeStream(self, requests, concurrency=concurrency, ordered=ordered, drain=drain)

    # --- one call, step by step (also used by streams and jobs) ---

    def prepare(self, request: VendorRequest[Any], reference: str | None = None) -> Call:
        """Encode a request once: what every attempt sends.

        Raises:
            RequestError: it can't be encoded.
            ConfigError: the path of its operation isn't known.
        """
        kind = type(request)
        target, members = self._routes.target(kind), to_wire(request)
        url, query, body = (target.url, "", dumps(members)) if target.is_plain else target.placed(members)
        return Call(kind.operation, request, reference or request.natural_reference(), url, query, body)

    def check_placing(self, request_type: type[VendorRequest[Any]], members: Mapping[str, Any]) -> None:
        """Whether what `to_wire` gave can go where the operation wants it.

        Raises:
            RequestError, ConfigError: what `prepare` would raise.
        """
        target = self._routes.target(request_type)
        if not target.is_plain:
            target.placed(members)

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
        target = self._routes.target(request_type)
        url, query, sent = (target.url, "", body) if target.is_plain else target.placed(loads(body))
        return Call(request_type.operation, request, reference, url, query, sent)

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
        shared = self._shared
        if not shared.transport.opened:
            await shared.transport.open()  # now, so that making the TLS context takes no time of its turn
        turn = shared.limiter.turn(call.operation.limit_group, patient=patient)
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
        shared, policy = self._shared, self.profile.retry
        call.began = shared.clock.monotonic()
        deadline = call.began + self.profile.timeouts.total
        retries: Retries | None = None
        while True:
            client = shared.transport.ready() or await shared.transport.open()
            result = await self._attempt(client, call, records, deadline)
            if not isinstance(result, Failure):
                return result
            retries = retries or Retries(policy, shared.budget)
            again = retries.verdict(result, len(records))
            if again is None:
                shared.limiter.pause.extend(pause_after(result, policy))
                raise result.error
            if held_back is not None:
                deadline += await self._took(held_back(result.error))
            deadline += await self._wait(again, turn, deadline)
            if shared.clock.monotonic() >= deadline:
                raise DeadlineExceeded("the deadline passed before the next attempt")
            if before_next is not None:
                deadline += await self._took(before_next())

    async def _took(self, hook: Awaitable[None]) -> float:
        """Await a hook; the seconds that it took don't count."""
        began = self._shared.clock.monotonic()
        await hook
        return self._shared.clock.monotonic() - began

    async def _attempt(
        self, client: aiohttp.ClientSession, call: Call, records: list[Attempt], deadline: float
    ) -> Reply[Any] | Failure:
        shared = self._shared
        began = call.began if not records else shared.clock.monotonic()
        exchange: Exchange | None = None
        result: Reply[Any] | Failure
        try:
            offset = shared.offset.seconds()
            exchange = await shared.transport.attempt(client, call, offset, self._patience, deadline - began)
        except BrokenExchangeError as broken:
            result = failure_of_broken(broken, call, self.profile)
        else:
            result = self._judged(exchange, call)
        call.written = False
        ended = shared.clock.monotonic()
        if isinstance(result, Failure):
            self._observer.attempt(call, result, exchange, ended - began, records)
        else:
            self._succeeded(call, result, exchange, ended, began, records)
        return result

    def _judged(self, exchange: Exchange, call: Call) -> Reply[Any] | Failure:
        result, vendor_time = judged(exchange, call, self.profile)
        if vendor_time is not None:
            if isinstance(result, Failure) and result.signed_wrong_time:
                self._shared.offset.adopt(vendor_time, exchange.received)
            else:
                self._shared.offset.observe(vendor_time, exchange.sent, exchange.received)
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
        self._shared.budget.earn()
        # The reply was made a moment ago and nobody else has seen it.
        object.__setattr__(reply, "attempts", len(records) + 1)
        object.__setattr__(reply, "elapsed", ended - call.began)
        if self._observer.watches_success():
            self._observer.attempt(call, reply, exchange, ended - began, records)
        self._observer.reply(call, reply)

    def _failed(self, call: Call, error: PandaponError, records: list[Attempt]) -> None:
        error.__context__ = None  # it may hold the URL, the headers or a signer's words
        error.attempts = tuple(records)
        error.vendor = error.vendor or self.profile.name
        error.operation = error.operation or call.operation.name
        error.reference = error.reference or call.reference
        if isinstance(error, OutcomeUnknownError):
            self._observer.in_doubt(call)

    async def _wait(self, again: Again, turn: Turn, deadline: float) -> float:
        """Wait for the next attempt; returns the seconds of it that the deadline doesn't count."""
        clock = self._shared.clock
        if again.pause:
            self._shared.limiter.pause.extend(again.wait)
        else:
            if clock.monotonic() + again.wait >= deadline:
                raise DeadlineExceeded("the deadline would pass before the next attempt")
            await clock.sleep(again.wait)
        began = clock.monotonic()
        await turn.next_attempt(patient=True)
        return clock.monotonic() - began
