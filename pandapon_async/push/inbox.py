"""Messages in, answers out: each is verified, handled once, and acknowledged in the vendor's time. Knows no web framework.

From the vendors' manuals: HTTP 200 within 1000 ms acknowledges a message; any other that isn't is sent again after half an hour,
five times at most. The order isn't guaranteed, there is no message id.
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
"""Seconds after which a message is not acknowledged any more: the vendor waits for one."""
REMEMBERED_FOR = 3 * 3600.0
"""Seconds that a handled message is remembered: the vendor sends it again for two hours and a half."""

Ack = Literal["handled", "received"]
Handler = Callable[[Message], Awaitable[object] | object]
OnError = Callable[[Exception, "Message | None"], object]


class InboxOptions(TypedDict, total=False):
    """What an `Inbox`, and so a route, can be given besides its profile and handler."""

    concurrency: int
    queue: int
    remember: int
    max_bytes: int
    drain: float
    on_error: OnError | None
    clock: Clock | None


@attrs.frozen
class Acknowledgement:
    """What the vendor is to be answered: an HTTP status, and a line for whoever tests the callback by hand."""

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
    """Receives one account's messages and hands each to the handler once.

    A message counts as seen when the handler has returned, and not before: after a crash of the handler, or of the program, the
    vendor's next try is handled. Seen are the last ``remember`` messages of the last three hours, in this process: after a
    restart, or in another worker, one that was handled may come again, so let the handler be repeatable (see `Message`). One
    that comes twice at the same time is handled once, and both are answered when it is.

    A handler that is still busy after 900 ms goes on; the answer is 503, and the vendor's next try finds the message handled.

    Args:
        profile: the account.
        handler: gets each `Message`; a coroutine function, or a plain function that doesn't block.
        ack: when the answer is 200. ``"handled"``: after the handler has returned, so that nothing is lost. ``"received"``: at
            once; a message whose handler then crashes, or that the program takes along when it is killed, is lost.
        concurrency: handlers at the same time.
        queue: messages in hand, those in handlers among them; beyond it the answer is 503.
        remember: seen messages that are remembered, about 200 bytes each.
        max_bytes: a longer message is refused.
        drain: seconds that `join` waits.
        on_error: called with the error and the message when a handler crashes, and with the error and None when a message is
            rejected or makes no sense.
        clock: where time comes from.

    Raises:
        ConfigError: the profile has no credentials, or a value can't work.
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
        self._told_full = False

    @property
    def in_hand(self) -> int:
        """Messages that are being handled, or wait for it."""
        return len(self._jobs)

    async def receive(self, headers: Headers, body: bytes | Callable[[], Awaitable[bytes]]) -> Acknowledgement:
        """Take one request in, and say what to answer.

        Args:
            headers: as `open_message` takes them.
            body: the body as it was received, or a coroutine function that reads it: then reading counts into the 900 ms. An
                empty one, as of a GET, is the console's check of the callback and is answered 200.
        """
        deadline = self._deadlines.begin()
        try:
            content = body if isinstance(body, bytes) else await self._read(body, deadline)
            if not content:
                return _LATE if content is None else _LISTENING
            message = open_message(self._profile, headers, content, max_bytes=self.max_bytes)
            return await self._take(message, deadline)
        except (MessageRejectedError, DecodeError) as error:
            self._tell(error)
            return Acknowledgement(_status_of(error), error.message)
        finally:
            deadline.over = True

    async def join(self) -> None:
        """Wait until every message in hand is handled; what isn't after ``drain`` seconds is cancelled, and told in the log."""
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
        """The body; None if it isn't there in time."""
        reading = asyncio.ensure_future(body())
        try:
            return reading.result() if await self._deadlines.met(deadline, reading) else None
        finally:
            reading.cancel()
            await asyncio.gather(reading, return_exceptions=True)

    async def _take(self, message: Message, deadline: Deadline) -> Acknowledgement:
        if message.digest in self._seen:
            return _HANDLED
        job = self._jobs.get(message.digest)
        if job is None:
            if len(self._jobs) >= self._queue:
                self._tell_full()
                return _FULL
            job = self._begin(message)
        if self._at_once:
            return _RECEIVED
        if not await self._deadlines.met(deadline, job.handled):
            return _LATE
        return _HANDLED if job.handled.result() else _CRASHED

    # --- handling, whoever still waits for the answer ---

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
            self._tell(error, job.message)
        self._finish(job, handled=handled)
        if self._waiting:
            self._start(self._waiting.popleft())

    def _finish(self, job: _Job, *, handled: bool) -> None:
        del self._jobs[job.message.digest]
        job.handled.set_result(handled)
        self._told_full = self._told_full and bool(self._jobs)

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

    def _tell_full(self) -> None:
        """Say so once, until there are none in hand again."""
        if not self._told_full:
            logger.warning("%s: %d messages are in hand, more are put off", self._profile.name, self._queue)
        self._told_full = True

    def _tell(self, error: Exception, message: Message | None = None) -> None:
        if message is None:
            logger.warning("%s", error)
        else:
            # Without the error's text, and without the body: both may be personal.
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
    """The digests of messages that were handled: the last so many, of the last three hours."""

    def __init__(self, most: int, clock: Clock) -> None:
        self._most = most
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
        while self._since and (len(self._since) > self._most or next(iter(self._since.values())) < oldest):
            self._since.popitem(last=False)
