"""Quote sweeps: many requests at several vendors at once, every answer a row."""

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
from .._jobs.spending import Spending
from .._models.operation import Reply, VendorRequest
from .._session import VendorSession, client_of
from .._streams.admission import Admission, Pace, Stop, is_about_the_job
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
"""When a vendor counts as down: 25 failures in a row, then single tries with growing waits, for 30 s without a success."""
_AHEAD = 5_000


class QuoteSweep:
    """Asks several accounts for quotes, all at once, each under its own limits.

    Every request goes to every session, unless it is a `SweepRequest` that names its vendors. Failures are rows. An account that is
    down costs its own rows only, and not for long: see ``stop``; one that refuses the key is not asked again.

    Args:
        sessions: the accounts.
        concurrency: requests at the same time at each account; None, or more than its profile allows: what that allows.
        keep: seconds that an estimate's answer is good for; None: every question is asked. Equal estimates that are under
            way at the same time are asked once anyhow.
        keep_most: answers that are kept for each account.
        stop: when an account counts as down, so that its remaining rows say so without being asked.
        ahead: requests that a fast account may be ahead of a slow one, if the input isn't a list.

    Raises:
        ConfigError: there is no session, two have the same name, or a number can't work.
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
        """Quotes as they come; memory doesn't grow with the input. See `QuoteStream`."""
        return QuoteStream(self._caches, requests, stop=self._stop, ahead=self._ahead, concurrency=self._concurrency)

    async def run(self, requests: Iterable[SweepInput] | AsyncIterable[SweepInput]) -> QuoteTable:
        """All quotes as a table, in the order of the input, whatever order they came in.

        Raises:
            Exception: the input's own, or a `ConfigError` for a `SweepRequest` that names no session of the sweep.
        """
        async with self.stream(requests) as quotes:
            return QuoteTable(
                [quote async for quote in quotes], vendors=[cache.client.profile.name for cache in self._caches]
            )


class QuoteStream(ClosableIterator[Quote]):
    """The quotes of a sweep as an async iterator; made by `QuoteSweep.stream`.

    ``async with sweep.stream(...) as quotes`` joins everything on every exit; a bare ``async for`` does so when it ends, or
    soon after it is left. Nothing is written at the vendors, so leaving early just stops.
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
        self._answers = _Answers(caches, requests, stop, ahead, concurrency)
        self._waiting: deque[Quote] = deque()

    async def __anext__(self) -> Quote:
        while not self._waiting:
            self._waiting.extend(await self._answers.__anext__())
        return self._waiting.popleft()

    async def aclose(self) -> None:
        """Stop asking, and join everything. Idempotent."""
        await self._answers.aclose()


@attrs.define
class _Account:
    """What one stream has of one account; ``trouble`` is its last failure, in words."""

    cache: QuoteCache
    admission: Admission
    trouble: str = ""


@attrs.frozen
class _Task:
    """One request at one account: ``call`` None if it can't be asked, and ``error`` says why."""

    blank: Quote
    account: _Account
    call: Call | None = None
    error: Exception | None = None
    admitted: bool = False


class _Answers(WorkerStream[_Task, "tuple[Quote, ...]"]):
    """The answers of a sweep, each as the rows that it makes."""

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
            most = cache.client.profile.limits.concurrency
            size = most if concurrency is None else min(concurrency, most)
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
        nothing = Spending(None, {}, None, 0)
        account = _Account(cache, Admission(stop, Pace(), size, nothing, client.clock))
        reading = self._fan.read(number)
        try:
            async for index, item in reading:
                task = self._task(index, item, account)
                if task is not None:
                    yield await self._admitted(task)
        finally:
            await reading.aclose()

    def _task(self, index: int, item: Any, account: _Account) -> _Task | None:
        """One item as this account's task; None if it isn't asked."""
        client = account.cache.client
        try:
            ask = as_sweep_request(item)
        except RequestError as error:
            blank = Quote(index=index, vendor=client.profile.name, reference=error.reference, request=item)
            return _Task(blank, account, error=error)
        if ask.vendors is not None:
            if strange := set(ask.vendors) - self._names:
                known = ", ".join(sorted(self._names))
                raise ConfigError(f"number {index + 1} asks {', '.join(sorted(strange))}; the sweep has {known}")
            if client.profile.name not in ask.vendors:
                return None
        request: VendorRequest[Any] = ask.request
        blank = Quote(index=index, vendor=client.profile.name, reference=ask.reference, request=request)
        try:
            return _Task(blank, account, call=client.prepare(request, ask.reference))
        except PandaponError as error:
            return _Task(blank, account, error=error)

    async def _admitted(self, task: _Task) -> _Task:
        """The task once it may be asked, or with the reason why it isn't."""
        call, admission = task.call, task.account.admission
        if call is None or task.account.cache.kept(call) is not None:
            return task
        if await admission.admit():
            admission.began()
            return attrs.evolve(task, admitted=True)
        error = NotSentError(
            f"not asked: {admission.reason}{task.account.trouble}",
            vendor=task.blank.vendor,
            operation=call.operation.name,
            reference=call.reference,
        )
        return attrs.evolve(task, error=error)

    # --- the work ---

    async def _make(self, worker: WorkerState, index: int, item: _Task) -> tuple[Quote, ...]:
        """One request to its rows, whatever happens."""
        if item.error is not None or item.call is None:
            return failed(item.blank, item.error or NotSentError("not asked"))
        account = item.account
        try:
            result, shared = await account.cache.ask(worker, item.call)
        finally:
            if item.admitted:
                account.admission.ended()
        if not shared:
            _judge(result, account)
        if isinstance(result, Exception):
            return failed(item.blank, result)
        return quotes_of(attrs.evolve(item.blank, shared=shared), result, account.cache.reader)

    async def _cut_off(self, worker: WorkerState, index: int, item: _Task) -> tuple[Quote, ...]:
        return failed(item.blank, PandaponError("the sweep was left before the answer came"))


def _judge(result: Reply[Any] | Exception, account: _Account) -> None:
    """Classify a result for the account: healthy, fatal, failing or refused."""
    admission = account.admission
    if not isinstance(result, Exception):
        admission.succeeded(None, result.elapsed)
    elif is_about_the_job(result):
        admission.halt(in_short(result))
    elif _is_a_plain_no(result):
        admission.succeeded(None, 0.0)
    else:
        account.trouble = f"; the last failure was {in_short(result)}"
        admission.failed(result)


def _is_a_plain_no(error: Exception) -> bool:
    if isinstance(error, ApiError):
        return error.meaning == CodeMeaning.REFUSED
    return isinstance(error, HttpStatusError) and error.status < 500 and not isinstance(error, RateLimitedError)
