"""The inbox: verifies messages, handles each once, and acknowledges it within the vendor's time limit. Framework-independent.

From the vendors' manuals: HTTP 200 within 1000 ms acknowledges a message; otherwise it is sent again after half an hour, at
most five times. The order isn't guaranteed, and there is no message id.
"""

from __future__ import annotations

import asyncio
import inspect
import traceback
from collections import OrderedDict, deque
from collections.abc import Awaitable, Callable
from pathlib import PurePath
from typing import Literal, TypedDict

import attrs

from .._calls.hooks import check_hook, guarded, logger
from .._clock import Clock, SystemClock
from .._config.profiles import VendorProfile
from .._errors import ConfigError, DecodeError, MessageRejectedError
from ._deadlines import Deadline, Deadlines
from .message import MAX_BYTES, Headers, Message, MessageTooLongError, open_message

ANSWER_WITHIN = 0.9
"""Seconds after which a message is no longer acknowledged; the vendor waits for one second."""
REMEMBERED_FOR = 3 * 3600.0
"""Seconds that a handled message is remembered; the vendor retries for two and a half hours."""

Ack = Literal["handled", "received"]
Handler = Callable[[Message], Awaitable[object] | object]
OnError = Callable[[Exception, "Message | None"], object]


class InboxOptions(TypedDict, total=False):
    """The keyword options of an `Inbox`, and so of a route."""

    concurrency: int
    queue: int
    remember: int
    max_bytes: int
    drain: float
    on_error: OnError | None
    clock: Clock | None


@attrs.frozen
class Acknowledgement:
    """The answer to the vendor: an HTTP status, and a line of text for manual tests of the callback."""

    status: int
    text: str


_HANDLED = Acknowledgement(200, "handled")
_RECEIVED = Acknowledgement(200, "received")
_LISTENING = Acknowledgement(200, "ready for messages")
_CRASHED = Acknowledgement(500, "the message could not be handled")
_LATE = Acknowledgement(503, "not handled yet, send it again")
_FULL = Acknowledgement(503, "too many messages at once, send it again")


@attrs.define(eq=False)
class _Job:
    message: Message
    handled: asyncio.Future[bool]


class Inbox:
    """Receives one account's messages and passes each to the handler once.

    A message counts as seen only once the handler has returned: after a crash of the handler or the program, the vendor's next
    attempt is handled. The inbox remembers the last ``remember`` messages of the last three hours in this process: after a
    restart, or in another worker, a handled message may arrive again, so make the handler idempotent (see `Message`).
    Concurrent duplicates are handled once, and all are answered together.

    A handler still busy after 900 ms continues; the answer is 503, and the vendor's next attempt finds the message handled.

    Args:
        profile: the account.
        handler: called with each `Message`; a coroutine function, or a plain function that doesn't block.
        ack: when to answer 200. ``"handled"``: after the handler has returned, so that nothing is lost. ``"received"``:
            immediately; a message is lost if its handler then raises, or the program is killed.
        concurrency: maximum number of concurrent handlers.
        queue: maximum number of messages in hand (waiting or in handlers); beyond it the answer is 503.
        remember: number of seen messages to remember, about 200 bytes each.
        max_bytes: longer messages are rejected.
        drain: how many seconds `join` waits.
        on_error: called with the error and the message when a handler raises, and with the error and None when a message is
            rejected or malformed.
        clock: the time source.

    Raises:
        ConfigError: the profile has no credentials, or an argument is invalid.
    """

    def __init__(
        self,
        profile: VendorProfile,
        handler: Handler,
        ack: Ack = "handled",
        *,
        concurrency: int = 64,
        queue: int = 1000,
        remember: int = 100_000,
        max_bytes: int = MAX_BYTES,
        drain: float = 30.0,
        on_error: OnError | None = None,
        clock: Clock | None = None,
    ) -> None:
        if profile.credentials is None:
            raise ConfigError("messages can't be verified: the profile has no credentials", vendor=profile.name)
        if ack not in ("handled", "received"):
            raise ConfigError(f"ack: must be 'handled' or 'received', not {ack!r}", vendor=profile.name)
        for name, value in {"concurrency": concurrency, "queue": queue, "remember": remember}.items():
            if value < 1:
                raise ConfigError(f"{name}: must be at least 1", vendor=profile.name)
        check_hook("on_error", on_error)
        self._profile = profile
        self._handler = handler
        self._at_once = ack == "received"
        self._concurrency, self._queue = concurrency, queue
        self.max_bytes = max_bytes
        self._drain = drain
        self._on_error = on_error
        self._clock = clock or SystemClock()
        self._seen = _Seen(remember, self._clock)
        self._deadlines = Deadlines(self._clock, ANSWER_WITHIN)
        self._jobs: dict[str, _Job] = {}
        self._waiting: deque[_Job] = deque()
        self._running: dict[asyncio.Task[None], _Job] = {}
        self._full_logged = False

    @property
    def in_hand(self) -> int:
        """The number of messages waiting or in handlers."""
        return len(self._jobs)

    async def receive(self, headers: Headers, body: bytes | Callable[[], Awaitable[bytes]]) -> Acknowledgement:
        """Process one request and return the answer.

        Args:
            headers: as for `open_message`.
            body: the body as received, or a coroutine function that reads it within the 900 ms. An
                empty body, as in a GET, is the console's check of the callback and is answered 200.
        """
        deadline = self._deadlines.start()
        try:
            content = body if isinstance(body, bytes) else await self._read(body, deadline)
            if not content:
                return _LATE if content is None else _LISTENING
            message = open_message(self._profile, headers, content, max_bytes=self.max_bytes)
            return await self._take(message, deadline)
        except (MessageRejectedError, DecodeError) as error:
            self._report(error)
            return Acknowledgement(_status_of(error), error.message)
        finally:
            deadline.cancelled = True

    async def join(self) -> None:
        """Wait until every message in hand is handled; cancel and log those still unhandled after ``drain`` seconds."""
        late = asyncio.ensure_future(self._clock.sleep(self._drain))
        try:
            while self._running and not late.done():
                await asyncio.wait((*self._running, late), return_when=asyncio.FIRST_COMPLETED)
        finally:
            late.cancel()
            await asyncio.gather(late, return_exceptions=True)
            await self._abandon()
            await self._deadlines.close()

    # --- one request ---

    async def _read(self, body: Callable[[], Awaitable[bytes]], deadline: Deadline) -> bytes | None:
        """The body; None if it doesn't arrive in time."""
        reading = asyncio.ensure_future(body())
        try:
            return reading.result() if await self._deadlines.wait(deadline, reading) else None
        finally:
            reading.cancel()
            await asyncio.gather(reading, return_exceptions=True)

    async def _take(self, message: Message, deadline: Deadline) -> Acknowledgement:
        if message.digest in self._seen:
            return _HANDLED
        job = self._jobs.get(message.digest)
        if job is None:
            if len(self._jobs) >= self._queue:
                self._log_full()
                return _FULL
            job = self._begin(message)
        if self._at_once:
            return _RECEIVED
        if not await self._deadlines.wait(deadline, job.handled):
            return _LATE
        return _HANDLED if job.handled.result() else _CRASHED

    # --- handling, independent of the request ---

    def _begin(self, message: Message) -> _Job:
        job = _Job(message, asyncio.get_running_loop().create_future())
        self._jobs[message.digest] = job
        if len(self._running) < self._concurrency:
            self._start(job)
        else:
            self._waiting.append(job)
        return job

    def _start(self, job: _Job) -> None:
        task = asyncio.ensure_future(self._handle(job.message))
        self._running[task] = job
        task.add_done_callback(self._ended)

    async def _handle(self, message: Message) -> None:
        result = self._handler(message)
        if inspect.isawaitable(result):
            await result

    def _ended(self, task: asyncio.Task[None]) -> None:
        job = self._running.pop(task)
        error = None if task.cancelled() else task.exception()
        handled = not task.cancelled() and error is None
        if handled:
            self._seen.add(job.message.digest)
        elif isinstance(error, Exception):
            self._report(error, job.message)
        self._finish(job, handled=handled)
        if self._waiting:
            self._start(self._waiting.popleft())

    def _finish(self, job: _Job, *, handled: bool) -> None:
        del self._jobs[job.message.digest]
        job.handled.set_result(handled)
        self._full_logged = self._full_logged and bool(self._jobs)

    async def _abandon(self) -> None:
        waiting, self._waiting = [*self._waiting], deque()
        for job in waiting:
            self._finish(job, handled=False)
        running = [*self._running]
        for task in running:
            task.cancel()
        await asyncio.gather(*running, return_exceptions=True)
        if waiting or running:
            fate = "they were acknowledged: query the API" if self._at_once else "the vendor sends them again"
            count = len(waiting) + len(running)
            logger.warning("%s: messages that were not handled: %d; %s", self._profile.name, count, fate)

    def _log_full(self) -> None:
        """Log it once, until no messages are in hand."""
        if not self._full_logged:
            logger.warning("%s: %d messages are in hand, more are answered 503", self._profile.name, self._queue)
        self._full_logged = True

    def _report(self, error: Exception, message: Message | None = None) -> None:
        if message is None:
            logger.warning("%s", error)
        else:
            # Without the error's text or the body, which may be personal.
            lost = "it was acknowledged and is lost" if self._at_once else "the vendor sends it again"
            logger.warning(
                "%s: the handler of message %s raised %s at %s; %s",
                *(message.vendor, message.digest[:12], type(error).__name__, _where(error), lost),
            )
        if self._on_error is not None:
            guarded(self._on_error, error, message)


def _status_of(error: MessageRejectedError | DecodeError) -> int:
    if isinstance(error, MessageRejectedError):
        return 401
    return 413 if isinstance(error, MessageTooLongError) else 400


def _where(error: BaseException) -> str:
    frames = traceback.extract_tb(error.__traceback__)
    return f"{PurePath(frames[-1].filename).name}:{frames[-1].lineno}" if frames else "an unknown place"


class _Seen:
    """The digests of handled messages: the last ``max_size``, of the last three hours."""

    def __init__(self, max_size: int, clock: Clock) -> None:
        self._max_size = max_size
        self._clock = clock
        self._since: OrderedDict[bytes, float] = OrderedDict()

    def __contains__(self, digest: str) -> bool:
        self._forget()
        return bytes.fromhex(digest) in self._since

    def add(self, digest: str) -> None:
        self._since[bytes.fromhex(digest)] = self._clock.monotonic()
        self._forget()

    def _forget(self) -> None:
        oldest = self._clock.monotonic() - REMEMBERED_FOR
        while self._since and (len(self._since) > self._max_size or next(iter(self._since.values())) < oldest):
            self._since.popitem(last=False)
