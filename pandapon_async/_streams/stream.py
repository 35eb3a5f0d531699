"""Streams of calls: a fixed worker pool over any iterable, outcomes as they finish, in constant memory."""

from __future__ import annotations

from collections.abc import AsyncIterable, Iterable
from typing import TYPE_CHECKING, Any, Generic, TypeVar

import attrs

from .._errors import ConfigError, NotSentError, OutcomeUnknownError, PandaponError, Stage
from .._models.operation import Effect, Input, Operation, Reply, VendorRequest, split_pair
from .workers import Lane, WorkerState, WorkerStream

if TYPE_CHECKING:
    from .._calls.client import ApiClient
    from .._calls.exchange import Call

R = TypeVar("R")
R_co = TypeVar("R_co", covariant=True)


@attrs.frozen(kw_only=True, slots=False)  # frozen slots take three times as long to set: 2 % of a booking
class Outcome(Generic[R_co]):
    """The outcome of one request in a stream.

    Attributes:
        index: its position in the input, from 0.
        reference: the caller's reference, or the request's own number.
        request: the request (the input item as received if it wasn't a request).
        reply: the vendor's reply; None if it failed.
        error: why it failed; None on success.
        elapsed: seconds from the start of its first attempt to its end (0 if nothing was attempted).
    """

    index: int
    reference: str | None
    request: VendorRequest[R_co] | Any
    reply: Reply[R_co] | None = None
    error: Exception | None = None
    elapsed: float = 0.0

    @property
    def ok(self) -> bool:
        """Whether it succeeded."""
        return self.error is None

    @property
    def data(self) -> R_co | None:
        """The reply's data; None if it failed."""
        return None if self.reply is None else self.reply.data

    @property
    def in_doubt(self) -> bool:
        """Whether it may or may not have taken effect."""
        return isinstance(self.error, OutcomeUnknownError)

    @property
    def attempts(self) -> int:
        """The number of attempts."""
        if self.reply is not None:
            return self.reply.attempts
        return len(self.error.attempts) if isinstance(self.error, PandaponError) else 0


class OutcomeStream(WorkerStream[Input[R], Outcome[R]]):
    """The outcomes of many requests, as an async iterator; created by `VendorSession.stream`.

    At most ``concurrency`` requests are in flight, and as many outcomes again wait for the reader: a slow reader slows down
    sending, and memory doesn't grow with the input. One failure doesn't stop the others. An error raised by the input is
    re-raised after the outcomes of what had started.

    ``async with session.stream(...) as outcomes`` joins all tasks on every exit; a bare ``async for`` does so at its end, or
    soon after an early exit. On an early exit nothing new starts, READs are cancelled, WRITEs in flight get ``drain`` seconds
    (of event loop time) to finish, and items taken from the input whose outcome the reader hasn't seen are in ``undelivered``.

    Attributes:
        undelivered: outcomes that the reader hasn't seen; those never sent have a `NotSentError`.
    """

    def __init__(
        self,
        client: ApiClient,
        requests: Iterable[Input[R]] | AsyncIterable[Input[R]],
        *,
        concurrency: int | None,
        ordered: bool,
        drain: float,
    ) -> None:
        limit = client.profile.limits.concurrency
        if concurrency is not None and concurrency < 1:
            raise ConfigError(f"concurrency: must be at least 1, not {concurrency}", vendor=client.profile.name)
        size = limit if concurrency is None else min(concurrency, limit)
        super().__init__(Lane(client, requests, size), ordered=ordered, drain=drain)
        self._client = client

    @property
    def in_doubt(self) -> tuple[Outcome[R], ...]:
        """The `undelivered` outcomes that are in doubt."""
        return tuple(outcome for outcome in self.undelivered if outcome.in_doubt)

    async def _make(self, worker: WorkerState, index: int, item: Input[R]) -> Outcome[R]:
        """Turn one request into its outcome; never raises."""
        reference: str | None = None
        request: Any = item
        call: Call | None = None
        try:
            reference, request = split_pair(item, self._client.profile.name)
            call = worker.call = self._client.prepare(request, reference)
            reference = call.reference
            reply: Reply[R] = await self._client.run(call, wait_forever=True, on_requeue=worker.requeued)
            return Outcome(index=index, reference=reference, request=request, reply=reply, elapsed=reply.elapsed)
        except Exception as error:  # noqa: BLE001 - one failure doesn't stop the others
            elapsed = self._client.clock.monotonic() - call.began if call is not None and call.began else 0.0
            return Outcome(index=index, reference=reference, request=request, error=error, elapsed=elapsed)

    async def _cut_off(self, worker: WorkerState, index: int, item: Input[R]) -> Outcome[R]:
        _, request = split_pair(item)
        reference = worker.call.reference if worker.call else None
        return Outcome(index=index, reference=reference, request=request, error=self._cancelled(worker.call))

    def _cancelled(self, call: Call | None) -> PandaponError:
        operation: Operation[Any] | None = call.operation if call else None
        context: dict[str, Any] = {
            "vendor": self._client.profile.name,
            "operation": operation.name if operation else None,
            "reference": call.reference if call else None,
        }
        if call is not None and call.written:
            if call.operation.effect is Effect.WRITE:
                return OutcomeUnknownError("cancelled after it was sent", **context)
            return PandaponError("cancelled in flight; nothing is in doubt", stage=Stage.UNKNOWN, **context)
        return NotSentError("cancelled before it was sent", **context)
