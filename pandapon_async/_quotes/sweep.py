"""Quote sweeps: many requests at several accounts concurrently, every result a row."""

from __future__ import annotations

from collections import deque
from collections.abc import AsyncGenerator, AsyncIterable, Iterable, Sequence
from typing import TYPE_CHECKING, Any, Union

import attrs

from .._config.profiles import CodeMeaning
from .._errors import (
    ApiError,
    ConfigError,
    HttpStatusError,
    NotSentError,
    PandaponError,
    RateLimitedError,
    RequestError,
    in_short,
)
from .._models.operation import Reply, VendorRequest
from .._session import VendorSession, client_of
from .._streams.admission import Admission, Pace, Spending, Stop, is_fatal
from .._streams.fan import Fan
from .._streams.iteration import ClosableIterator
from .._streams.workers import Lane, WorkerState, WorkerStream
from .cache import QuoteCache
from .quote import Quote, failed, quotes_of
from .requests import QuoteRequest, SweepRequest, as_sweep_request
from .table import QuoteTable

if TYPE_CHECKING:
    from .._calls.exchange import Call

SweepInput = Union[SweepRequest, QuoteRequest, "tuple[str, QuoteRequest]"]
"""What a sweep takes: a `SweepRequest`, an estimate or preview request, or a pair (reference, request)."""

DOWN = Stop(down_for=30.0, longest_wait=10.0)
"""When an account counts as down: 25 failures in a row, then 30 s of single tries with growing waits and no success."""
_AHEAD = 5_000


class QuoteSweep:
    """Fetches quotes from several accounts concurrently, each under its own limits.

    Every request goes to every session, unless it is a `SweepRequest` that names its vendors. Failures are rows. An account
    that is down affects only its own rows, and not for long (see ``stop``); one that rejects the key is not queried again.

    Args:
        sessions: the accounts.
        concurrency: concurrent requests per account, capped by its profile; None: as many as the profile allows.
        keep: seconds that the reply to an estimate is reused; None: never. Concurrent equal estimates are always sent once.
        keep_most: replies cached per account.
        stop: when an account counts as down, so that its remaining rows fail without being sent.
        ahead: how many requests a fast account may be ahead of a slow one, if the input isn't a list.

    Raises:
        ConfigError: there is no session, two have the same name, or a number is out of range.
    """

    def __init__(
        self,
        sessions: Sequence[VendorSession],
        *,
        concurrency: int | None = None,
        keep: float | None = None,
        keep_most: int = 10_000,
        stop: Stop = DOWN,
        ahead: int = _AHEAD,
    ) -> None:
        names = [session.profile.name for session in sessions]
        if not names:
            raise ConfigError("a sweep needs at least one session")
        if len(set(names)) < len(names):
            raise ConfigError(f"the sessions of a sweep must differ in their accounts' names, not {', '.join(names)}")
        for name, number in (("concurrency", concurrency), ("keep_most", keep_most), ("ahead", ahead)):
            if number is not None and number < 1:
                raise ConfigError(f"{name}: must be at least 1, not {number}")
        if keep is not None and keep <= 0:
            raise ConfigError(f"keep: must be above 0 s, not {keep:g}")
        self._stop = stop
        self._ahead = ahead
        self._caches = tuple(QuoteCache(client_of(session), keep, keep_most) for session in sessions)
        self._concurrency = concurrency

    def stream(self, requests: Iterable[SweepInput] | AsyncIterable[SweepInput]) -> QuoteStream:
        """Quotes as they arrive, in constant memory. See `QuoteStream`."""
        return QuoteStream(self._caches, requests, stop=self._stop, ahead=self._ahead, concurrency=self._concurrency)

    async def run(self, requests: Iterable[SweepInput] | AsyncIterable[SweepInput]) -> QuoteTable:
        """All quotes as a table, in input order.

        Raises:
            Exception: any that the input raises, or `ConfigError` if a `SweepRequest` names an unknown session.
        """
        async with self.stream(requests) as quotes:
            return QuoteTable(
                [quote async for quote in quotes], vendors=[cache.client.profile.name for cache in self._caches]
            )


class QuoteStream(ClosableIterator[Quote]):
    """The quotes of a sweep as an async iterator; created by `QuoteSweep.stream`.

    ``async with sweep.stream(...) as quotes`` joins all tasks on every exit; a bare ``async for`` does so at its end, or soon
    after an early exit. Quotes are only READs, so leaving early just stops.
    """

    def __init__(
        self,
        caches: Sequence[QuoteCache],
        requests: Iterable[SweepInput] | AsyncIterable[SweepInput],
        *,
        stop: Stop,
        ahead: int,
        concurrency: int | None,
    ) -> None:
        self._results = _Results(caches, requests, stop, ahead, concurrency)
        self._waiting: deque[Quote] = deque()

    async def __anext__(self) -> Quote:
        while not self._waiting:
            self._waiting.extend(await self._results.__anext__())
        return self._waiting.popleft()

    async def aclose(self) -> None:
        """Stop, and join all tasks. Idempotent."""
        await self._results.aclose()


@attrs.define
class _Account:
    """One account's state in a stream; ``last_failure`` describes its most recent failure."""

    cache: QuoteCache
    admission: Admission
    last_failure: str = ""


@attrs.frozen
class _Task:
    """One request at one account; ``call`` is None if it can't be sent, and ``error`` says why."""

    blank: Quote
    account: _Account
    call: Call | None = None
    error: Exception | None = None
    admitted: bool = False


class _Results(WorkerStream[_Task, "tuple[Quote, ...]"]):
    """The results of a sweep, each a tuple of rows."""

    def __init__(
        self,
        caches: Sequence[QuoteCache],
        requests: Iterable[SweepInput] | AsyncIterable[SweepInput],
        stop: Stop,
        ahead: int,
        concurrency: int | None,
    ) -> None:
        self._fan: Fan[SweepInput] = Fan(requests, len(caches), ahead)
        self._names = frozenset(cache.client.profile.name for cache in caches)
        lanes: list[Lane[_Task]] = []
        for number, cache in enumerate(caches):
            limit = cache.client.profile.limits.concurrency
            size = limit if concurrency is None else min(concurrency, limit)
            lanes.append(Lane(cache.client, self._tasks(number, cache, stop, size), size))
        super().__init__(*lanes, ordered=False, drain=0)

    async def aclose(self) -> None:
        try:
            await super().aclose()
        finally:
            await self._fan.close()

    # --- the input of one account ---

    async def _tasks(self, number: int, cache: QuoteCache, stop: Stop, size: int) -> AsyncGenerator[_Task, None]:
        client = cache.client
        account = _Account(cache, Admission(stop, Pace(), size, client.clock, Spending()))
        reading = self._fan.read(number)
        try:
            async for index, item in reading:
                task = self._task(index, item, account)
                if task is not None:
                    yield await self._admitted(task)
        finally:
            await reading.aclose()

    def _task(self, index: int, item: Any, account: _Account) -> _Task | None:
        """One item as this account's task; None if it isn't for this account."""
        client = account.cache.client
        try:
            wanted = as_sweep_request(item)
        except RequestError as error:
            blank = Quote(index=index, vendor=client.profile.name, reference=error.reference, request=item)
            return _Task(blank, account, error=error)
        if wanted.vendors is not None:
            if unknown := set(wanted.vendors) - self._names:
                known = ", ".join(sorted(self._names))
                raise ConfigError(f"number {index + 1} names {', '.join(sorted(unknown))}; the sweep has {known}")
            if client.profile.name not in wanted.vendors:
                return None
        request: VendorRequest[Any] = wanted.request
        blank = Quote(index=index, vendor=client.profile.name, reference=wanted.reference, request=request)
        try:
            return _Task(blank, account, call=client.prepare(request, wanted.reference))
        except PandaponError as error:
            return _Task(blank, account, error=error)

    async def _admitted(self, task: _Task) -> _Task:
        """The task once it may be sent, or with the error that prevents it."""
        call, admission = task.call, task.account.admission
        if call is None or task.account.cache.cached(call) is not None:
            return task
        if await admission.admit():
            admission.began()
            return attrs.evolve(task, admitted=True)
        error = NotSentError(
            f"not sent: {admission.reason}{task.account.last_failure}",
            vendor=task.blank.vendor,
            operation=call.operation.name,
            reference=call.reference,
        )
        return attrs.evolve(task, error=error)

    # --- workers ---

    async def _make(self, worker: WorkerState, index: int, item: _Task) -> tuple[Quote, ...]:
        """Turn one task into its rows; never raises."""
        if item.error is not None or item.call is None:
            return failed(item.blank, item.error or NotSentError("not sent"))
        account = item.account
        try:
            result, shared = await account.cache.fetch(worker, item.call)
        finally:
            if item.admitted:
                account.admission.ended()
        if not shared:
            _classify(result, account)
        if isinstance(result, Exception):
            return failed(item.blank, result)
        return quotes_of(attrs.evolve(item.blank, shared=shared), result, account.cache.reader)

    async def _cut_off(self, worker: WorkerState, index: int, item: _Task) -> tuple[Quote, ...]:
        return failed(item.blank, PandaponError("the sweep was closed before the reply arrived"))


def _classify(result: Reply[Any] | Exception, account: _Account) -> None:
    """Classify a result for the account: healthy, fatal, failing or refused."""
    admission = account.admission
    if not isinstance(result, Exception):
        admission.succeeded(None, result.elapsed)
    elif is_fatal(result):
        admission.halt(in_short(result))
    elif _is_refusal(result):
        admission.succeeded(None, 0.0)
    else:
        account.last_failure = f"; the last failure was {in_short(result)}"
        admission.failed(result)


def _is_refusal(error: Exception) -> bool:
    if isinstance(error, ApiError):
        return error.meaning == CodeMeaning.REFUSED
    return isinstance(error, HttpStatusError) and error.status < 500 and not isinstance(error, RateLimitedError)
