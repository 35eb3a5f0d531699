"""What is told of a call, and to whom: the caller's hooks, and the log."""

from __future__ import annotations

import asyncio
import inspect
import logging
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import attrs

from .._config.profiles import VendorProfile
from .._errors import Attempt, ConfigError, Stage
from .._models.operation import Effect, Operation, Reply
from .responses import cleaned
from .retry import Failure

if TYPE_CHECKING:
    from .exchange import Call, Exchange

OnStart = Callable[["str | None", Operation[Any]], object]
OnAttempt = Callable[[Attempt, "str | None", Operation[Any]], object]
OnReply = Callable[[Reply[Any], "str | None", Operation[Any]], object]
OnInDoubt = Callable[["str | None", Operation[Any]], object]

logger = logging.getLogger("pandapon_async")

# An allow-list: whatever else a vendor sends may be a secret.
_LOGGED_HEADERS = ("Date", "Retry-After", "Content-Type", "Content-Length")


def check_hook(name: str, hook: object) -> None:
    """Check that a hook can be called as one.

    Raises:
        ConfigError: it is no function, or an ``async def``, which nobody would await.
    """
    if hook is None:
        return
    if not callable(hook):
        raise ConfigError(f"{name}: must be a function, not {type(hook).__name__}")
    called: object = getattr(hook, "__call__", None)  # noqa: B004 - of an object that is callable
    for function in (hook, called):
        if inspect.iscoroutinefunction(function) or inspect.isasyncgenfunction(function):
            raise ConfigError(
                f"{name}: must be a plain function, not an async def: it is called in the middle of a call, and nobody "
                "would await it; let it start a task, or put what it is told into a queue"
            )


def _plain(_: object, member: attrs.Attribute[Any], hook: object) -> None:
    check_hook(member.name, hook)


@attrs.define(kw_only=True)
class Hooks:
    """Plain functions that a session calls; one that raises is logged and changes nothing.

    Attributes:
        on_start: ``(reference, operation)`` when a call's turn has come, before its first attempt.
        on_attempt: ``(attempt, reference, operation)`` after each attempt.
        on_reply: ``(reply, reference, operation)`` after each call that succeeded.
        on_in_doubt: ``(reference, operation)`` when a WRITE ends in doubt, by an error or by being cancelled.

    Raises:
        ConfigError: one of them, given or set later, isn't a plain function.
    """

    on_start: OnStart | None = attrs.field(default=None, validator=_plain)
    on_attempt: OnAttempt | None = attrs.field(default=None, validator=_plain)
    on_reply: OnReply | None = attrs.field(default=None, validator=_plain)
    on_in_doubt: OnInDoubt | None = attrs.field(default=None, validator=_plain)


HOOKS = tuple(member.name for member in attrs.fields(Hooks))
"""The names of the hooks."""


class Hooked:
    """A session's hooks as attributes of its own, to be read and set; see `Hooks`."""

    hooks: Hooks

    @property
    def on_start(self) -> OnStart | None:
        """Called when a call's turn has come."""
        return self.hooks.on_start

    @on_start.setter
    def on_start(self, hook: OnStart | None) -> None:
        self.hooks.on_start = hook

    @property
    def on_attempt(self) -> OnAttempt | None:
        """Called after each attempt."""
        return self.hooks.on_attempt

    @on_attempt.setter
    def on_attempt(self, hook: OnAttempt | None) -> None:
        self.hooks.on_attempt = hook

    @property
    def on_reply(self) -> OnReply | None:
        """Called after each call that succeeded."""
        return self.hooks.on_reply

    @on_reply.setter
    def on_reply(self, hook: OnReply | None) -> None:
        self.hooks.on_reply = hook

    @property
    def on_in_doubt(self) -> OnInDoubt | None:
        """Called when a WRITE ends in doubt."""
        return self.hooks.on_in_doubt

    @on_in_doubt.setter
    def on_in_doubt(self, hook: OnInDoubt | None) -> None:
        self.hooks.on_in_doubt = hook


class Observer:
    """Tells one session's hooks, and the log, what happens."""

    def __init__(self, profile: VendorProfile, hooks: Hooks) -> None:
        self._profile = profile
        self._account = profile.name
        self._hooks = hooks

    def start(self, call: Call) -> None:
        """A call's turn has come."""
        if self._hooks.on_start is not None:
            guarded(self._hooks.on_start, call.reference, call.operation)

    def attempt(
        self,
        call: Call,
        result: Reply[Any] | Failure,
        exchange: Exchange | None,
        elapsed: float,
        records: list[Attempt],
    ) -> None:
        """One attempt has ended: add its record, and tell."""
        record = _record(len(records) + 1, result, exchange, elapsed)
        records.append(record)
        if self._hooks.on_attempt is not None:
            guarded(self._hooks.on_attempt, record, call.reference, call.operation)
        if logger.isEnabledFor(logging.DEBUG):
            logger.debug(
                "%s %s attempt %d: %s, status %s, code %s, %.3f s, %s",
                self._account,
                call.operation.name,
                record.number,
                record.error or "ok",
                record.status,
                record.code,
                record.elapsed,
                self._headers(call, exchange),
            )

    def _headers(self, call: Call, exchange: Exchange | None) -> dict[str, str]:
        if exchange is None:
            return {}
        found = {name: exchange.headers[name] for name in _LOGGED_HEADERS if name in exchange.headers}
        return {name: cleaned(text, call, self._profile, exchange.signed) for name, text in found.items()}

    def succeeded(
        self, call: Call, reply: Reply[Any], exchange: Exchange | None, elapsed: float, records: list[Attempt]
    ) -> None:
        """A call has succeeded, with its last attempt."""
        if self._hooks.on_attempt is not None or logger.isEnabledFor(logging.DEBUG):
            self.attempt(call, reply, exchange, elapsed, records)
        if reply.problems:
            paths = "; ".join(reply.problems)
            done = "it was made, but the reply does not fit" if call.operation.effect is Effect.WRITE else "left out"
            logger.warning("%s %s: %s: %s", self._account, call.operation.name, done, paths)
        if self._hooks.on_reply is not None:
            guarded(self._hooks.on_reply, reply, call.reference, call.operation)

    def in_doubt(self, call: Call) -> None:
        """A WRITE has ended in doubt."""
        if self._hooks.on_in_doubt is not None:
            guarded(self._hooks.on_in_doubt, call.reference, call.operation)

    def abandoned(self, call: Call) -> None:
        """A WRITE that was sent was cancelled: no error says so, and whoever cancelled it may not look."""
        whose = "without a reference" if call.reference is None else f"of reference {call.reference!r}"
        logger.warning(
            "%s %s %s was cancelled after it was sent: it may have been made; look it up before you send it again",
            self._account,
            call.operation.name,
            whose,
        )
        self.in_doubt(call)

    def inferred(self, operation: Operation[Any], path: str | None) -> None:
        """A path is used that was never seen."""
        logger.warning("%s %s: the path %s is inferred, not seen", self._account, operation.name, path)


def _record(number: int, result: Reply[Any] | Failure, exchange: Exchange | None, elapsed: float) -> Attempt:
    status = exchange.status if exchange else None
    if not isinstance(result, Failure):
        return Attempt(number=number, stage=Stage.REPLIED, status=status, code=result.code, elapsed=elapsed)
    error = result.error
    return Attempt(
        number=number,
        stage=error.stage or Stage.UNKNOWN,
        error=type(error).__name__,
        status=status,
        code=getattr(error, "code", None),
        elapsed=elapsed,
    )


def guarded(hook: Callable[..., object], *args: object) -> None:
    """Call a hook; what it raises is logged, and changes nothing."""
    try:
        result = hook(*args)
    # A hook is a guest: what it does must not change what is known of a booking. Nobody cancels it: it has awaited something else.
    except (Exception, asyncio.CancelledError) as error:  # noqa: BLE001
        # Without its text: that may quote what the hook was given.
        logger.warning("a hook raised %s; it is ignored", type(error).__name__)
    else:
        if inspect.iscoroutine(result):  # of a lambda, say: nothing tells beforehand
            result.close()
            logger.warning("a hook gave a coroutine, which nobody awaits; it is dropped")
