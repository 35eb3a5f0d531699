"""One account's session: its life, and the calls that users make."""

from __future__ import annotations

from collections.abc import AsyncIterable, Callable, Coroutine, Iterable, Mapping, Sequence
from types import TracebackType
from typing import TYPE_CHECKING, Any, NoReturn, TypedDict, TypeVar

import attrs

from ._calls.client import BeforeSend, HeldBack, Means, Runner
from ._calls.endpoints import Routes, encoded_query
from ._calls.exchange import Call
from ._calls.hooks import Hooked, Hooks, Observer, OnAttempt, OnInDoubt, OnReply
from ._calls.limiter import Limiter
from ._calls.retry import Budget
from ._calls.transport import Transport
from ._clock import Clock, ClockOffset, SystemClock
from ._config.profiles import RetryPolicy, Timeouts, VendorProfile
from ._errors import ConfigError, RequestError
from ._models.converters import to_wire
from ._models.jsonio import check_json, dumps, loads
from ._models.operation import Effect, Evidence, Input, Operation, Reply, VendorRequest, split_pair
from .api.addresses import AddressService
from .api.logistics import LogisticsService

if TYPE_CHECKING:
    import aiohttp
    from typing_extensions import Self

    from ._streams.stream import OutcomeStream
    from ._streams.workers import WorkerStream
from ._streams.iteration import ASYNC_ONLY

R = TypeVar("R")


class SessionOptions(TypedDict, total=False):
    """What a session can be given besides its profile; see `VendorSession`."""

    clock: Clock | None
    client_session: aiohttp.ClientSession | None
    trace_configs: Sequence[aiohttp.TraceConfig]
    on_attempt: OnAttempt | None
    on_reply: OnReply | None
    on_in_doubt: OnInDoubt | None


@attrs.define
class _Shared(Means):
    """What a session and all its `with_options` copies have in common."""

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
        self._runner = Runner(profile, shared, self._observer)
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
        from ._streams.stream import OutcomeStream

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

    def run(
        self,
        call: Call,
        *,
        patient: bool,
        before_send: BeforeSend | None = None,
        held_back: HeldBack | None = None,
    ) -> Coroutine[Any, Any, Reply[Any]]:
        """Take a turn, send, and send again where the table of failures allows it; see `Runner.run`."""
        return self._runner.run(call, patient=patient, before_send=before_send, held_back=held_back)
