"""One account's session: its life, and the calls that users make."""

from __future__ import annotations

from collections.abc import AsyncIterable, Iterable, Mapping
from types import TracebackType
from typing import TYPE_CHECKING, Any, NoReturn, TypedDict, TypeVar

import attrs

from ._calls.client import ApiClient, ClientState
from ._calls.exchange import Call
from ._calls.hooks import Hooked, Hooks, OnAttempt, OnInDoubt, OnReply, OnStart
from ._calls.limiter import Limiter
from ._calls.retry import Budget
from ._calls.transport import Transport
from ._clock import Clock, ClockOffset, SystemClock
from ._config.profiles import RetryPolicy, Timeouts, VendorProfile
from ._errors import ConfigError, RequestError, suggestion
from ._models.jsonio import check_json
from ._models.operation import Effect, Evidence, Input, Operation, Reply, VendorRequest, split_pair
from .api import catalogue
from .api.addresses import AddressService
from .api.logistics import LogisticsService

if TYPE_CHECKING:
    from aiohttp.connector import BaseConnector
    from typing_extensions import Self

    from ._streams.stream import OutcomeStream
from ._streams.iteration import ASYNC_ONLY

R = TypeVar("R")


class SessionOptions(TypedDict, total=False):
    """What a session can be given besides its profile; see `VendorSession`."""

    clock: Clock | None
    connector: BaseConnector | None
    telemetry: bool
    on_start: OnStart | None
    on_attempt: OnAttempt | None
    on_reply: OnReply | None
    on_in_doubt: OnInDoubt | None


class VendorSession(Hooked):
    """One account at one vendor. Made by a `SessionManager`; safe to share between the tasks of one event loop.

    Args:
        profile: the account, with credentials.
        clock: where time comes from; the machine's clock unless given.
        connector: an aiohttp connector to use instead of an own one; it is not closed. Its ``limit`` and ``limit_per_host``
            must reach the sum of the concurrencies of all sessions that share it.
        telemetry: tell OpenTelemetry of each call and attempt, by the providers that are set globally (extra ``otel``).
        on_start, on_attempt, on_reply, on_in_doubt: see `Hooks`; also attributes, which may be set later.

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
        connector: BaseConnector | None = None,
        telemetry: bool = False,
        on_start: OnStart | None = None,
        on_attempt: OnAttempt | None = None,
        on_reply: OnReply | None = None,
        on_in_doubt: OnInDoubt | None = None,
    ) -> None:
        check_profile(profile)
        client_class = ApiClient
        if telemetry:
            from ._calls.tracing import TracingClient as client_class  # noqa: N813
        clock = clock or SystemClock()
        self._setup(
            profile,
            ClientState(
                transport=Transport(profile, clock, connector=connector),
                limiter=Limiter(profile.limits, clock),
                offset=ClockOffset(clock),
                budget=Budget(profile.retry.budget),
                clock=clock,
            ),
            Hooks(on_start=on_start, on_attempt=on_attempt, on_reply=on_reply, on_in_doubt=on_in_doubt),
            client_class,
        )

    def _setup(self, profile: VendorProfile, state: ClientState, hooks: Hooks, client_class: type[ApiClient]) -> None:
        self.profile = profile
        self.hooks = hooks
        self._client = client_class(profile, state, hooks)
        self.logistics: LogisticsService = LogisticsService(self)
        self.addresses: AddressService = AddressService(self)

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.profile.name!r} at {self.profile.base_url}>"

    @property
    def clock(self) -> Clock:
        """Where the session takes time from."""
        return self._client.clock

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
        """Drain the streams that are still open, then close the connections. Idempotent."""
        state = self._client.state
        try:
            for stream in list(state.open_streams):
                await stream.aclose()
        finally:
            await state.transport.close()

    def with_options(
        self,
        *,
        timeouts: Timeouts | None = None,
        retry: RetryPolicy | None = None,
        on_start: OnStart | None = None,
        on_attempt: OnAttempt | None = None,
        on_reply: OnReply | None = None,
        on_in_doubt: OnInDoubt | None = None,
    ) -> Self:
        """A session with other waits or hooks that shares this one's connections, limits and pauses.

        It shares the retry budget too, unless ``retry`` names another one: then it has a budget of its own.
        """
        copy, state = object.__new__(type(self)), self._client.state
        if retry is not None and retry.budget != self.profile.retry.budget:
            state = attrs.evolve(state, budget=Budget(retry.budget))
        copy._setup(
            self.profile.evolve(timeouts=timeouts or self.profile.timeouts, retry=retry or self.profile.retry),
            state,
            Hooks(
                on_start=on_start or self.hooks.on_start,
                on_attempt=on_attempt or self.hooks.on_attempt,
                on_reply=on_reply or self.hooks.on_reply,
                on_in_doubt=on_in_doubt or self.hooks.on_in_doubt,
            ),
            type(self._client),
        )
        return copy

    # --- calls ---

    async def call(self, request: Input[R], *, reference: str | None = None, timeout: float | None = None) -> Reply[R]:
        """Send a request and return the vendor's reply.

        Args:
            request: a request, or a pair (reference, request).
            reference: stands in errors and hooks.
            timeout: seconds that the call may take, in place of ``Timeouts.total``: from the moment its turn has come.

        Raises:
            RequestError, ConfigError: nothing was sent, since it can't be.
            LimitExceededError: nothing was sent; its turn was further away than ``Limits.max_wait``.
            NotSentError, DeadlineExceededError: nothing is in doubt.
            ApiError, AuthError, RateLimitedError, HttpStatusError: the vendor answered, and refused.
            DecodeError: a READ's reply makes no sense.
            OutcomeUnknownError: a WRITE was sent, and may have been made.
        """
        if reference is not None or not isinstance(request, VendorRequest):
            reference, request = split_pair(request if reference is None else (reference, request), self.profile.name)
        call = self._client.prepare(request, reference)
        if timeout is not None:
            _limit(call, timeout)
        return await self._client.run(call, wait_forever=False)

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
        timeout: float | None = None,
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
            timeout: seconds, as of `call`.

        Raises:
            RequestError: the path or the members can't be sent; beside what `call` raises.
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
        call = self._client.prepare_raw(operation, members or {}, query or {}, reference)
        if timeout is not None:
            _limit(call, timeout)
        return await self._client.run(call, wait_forever=False)

    def stream(
        self,
        requests: Iterable[Input[R]] | AsyncIterable[Input[R]],
        *,
        concurrency: int | None = None,
        ordered: bool = False,
        drain: float = 30.0,
    ) -> OutcomeStream[R]:
        """Send many requests, and give each one's outcome; see `OutcomeStream`.

        Args:
            requests: requests, or pairs (reference, request), of any length.
            concurrency: calls at the same time; None: what the profile allows.
            ordered: outcomes in the input's order, not as they finish.
            drain: seconds that requests under way get to end when the stream is left early.
        """
        from ._streams.stream import OutcomeStream

        return OutcomeStream(self._client, requests, concurrency=concurrency, ordered=ordered, drain=drain)


def _limit(call: Call, timeout: float) -> None:
    if not timeout > 0:  # NaN neither
        raise RequestError("timeout: must be above 0 seconds", field="timeout", reference=call.reference)
    call.seconds = timeout


def check_profile(profile: VendorProfile) -> None:
    """Check what a profile can't check of itself.

    Raises:
        ConfigError: it has no credentials, or a path for an operation that doesn't exist.
    """
    if profile.credentials is None:
        raise ConfigError("the profile has no credentials", vendor=profile.name)
    if not profile.paths or profile.paths.keys() <= _operation_names():
        return
    catalogue()  # imports every subject, which takes a moment
    known = _operation_names()
    for name in profile.paths:
        if name not in known:
            raise ConfigError(f"paths: there is no operation {name!r}{suggestion(name, known)}", vendor=profile.name)


def _operation_names() -> set[str]:
    """Names and contract ids of all operations described so far, whether here or by users."""
    names: set[str] = set()
    kinds: list[type[VendorRequest[Any]]] = [VendorRequest]
    for kind in kinds:
        kinds += kind.__subclasses__()
        if "operation" in vars(kind):
            names |= {kind.operation.name, kind.operation.contract_id}
    return names


def client_of(session: VendorSession) -> ApiClient:
    """The client behind a session, for streams, jobs and sweeps."""
    return session._client  # pyright: ignore[reportPrivateUsage] - the one way in
