"""May this failure be sent again, and when: the table of failures, in one place.

Waits come from ``backoff``'s generator with full jitter; its decorators are not used (they log arguments, measure with the
wall clock and jitter what the vendor asked for).
"""

from __future__ import annotations

from collections.abc import Generator
from typing import Any, cast

import attrs
import backoff

from .._config.profiles import RetryPolicy
from .._errors import PandaponError


@attrs.frozen
class RetryAfter:
    """Send it again after ``wait`` seconds; ``pause``: everybody waits, not just this call."""

    wait: float
    pause: bool = False


class Budget:
    """Repeats that are saved up for a session (see `RetryPolicy.budget`), so that a storm dies down by itself.

    ``left`` is what is saved of ``most``, in units of which a repeat takes `COST`.
    """

    COST = 10
    """What one repeat takes; a success pays back 1."""

    def __init__(self, size: int) -> None:
        self.most = self.left = size * self.COST

    def earn(self) -> None:
        """A call succeeded."""
        if self.left < self.most:
            self.left += 1

    def spend(self) -> bool:
        """Take one repeat; False if there is none."""
        if self.left < self.COST:
            return False
        self.left -= self.COST
        return True


class Waits:
    """The waits of one call: each at most twice the one before, jittered in full."""

    def __init__(self, policy: RetryPolicy) -> None:
        generator = cast("Generator[float | None, None, None]", backoff.expo(factor=policy.base, max_value=policy.cap))
        next(generator)  # backoff's generators begin with an empty step
        self._generator = generator

    def next(self) -> float:
        """Seconds."""
        return backoff.full_jitter(cast("Any", next(self._generator)))


@attrs.frozen
class Failure:
    """One attempt's failure: the error that would be raised, and what decides whether it is.

    ``pauses``: the vendor asks everybody to wait, ``asked`` seconds if it said how long.
    ``repeatable``: nothing was done, or it was a READ, so that sending it again can't do it twice.
    ``signed_wrong_time``: it was refused, and the vendor's own date shows why: it may be signed anew, once.
    """

    error: PandaponError
    repeatable: bool
    signed_wrong_time: bool = False
    pauses: bool = False
    asked: float | None = None


class Retries:
    """One call's retries."""

    def __init__(self, policy: RetryPolicy, budget: Budget) -> None:
        self._policy = policy
        self._budget = budget
        self._waits = Waits(policy)
        self._signed_anew = False

    def verdict(self, failure: Failure, attempt: int) -> RetryAfter | None:
        """Whether to send it again after the ``attempt``-th attempt (1 is the first); None: raise the failure's error."""
        if attempt >= self._policy.attempts:
            return None
        if failure.signed_wrong_time and not self._signed_anew:
            self._signed_anew = True
            return RetryAfter(0.0)
        if not failure.repeatable:
            return None
        if failure.pauses:
            if (failure.asked or 0.0) > self._policy.retry_after_cap:
                return None
            return RetryAfter(self._pause(failure), pause=True)
        return RetryAfter(self._waits.next()) if self._budget.spend() else None

    def pause_after(self, failure: Failure) -> float:
        """Seconds that everybody waits although this call is given up: the next one would be refused as well."""
        return min(self._pause(failure), self._policy.retry_after_cap) if failure.pauses else 0.0

    def _pause(self, failure: Failure) -> float:
        """What the vendor asks for, but never less than our own wait: a ``Retry-After: 0`` is no leave to hammer."""
        return max(self._waits.next(), failure.asked or 0.0)
