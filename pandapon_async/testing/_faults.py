"""Random faults, seeded: the same seed gives the same faults to the same sequence of requests."""

from __future__ import annotations

import math
import random
from collections.abc import Mapping
from itertools import accumulate
from types import MappingProxyType
from typing import Any, Final, Literal

import attrs

from pandapon_async.testing._steps import NAMED, Step, status_step

_STEP_OF_FIELD: Final = MappingProxyType(
    {
        "drop_before": "drop_before",
        "drop_after": "drop_after",
        "half_header": "half_header",
        "half_body": "half_body",
        "garbage": "garbage",
        "html": "html",
        "empty_body": "empty",
        "refuse": "refuse",
    }
)


def _probability(_: Any, attribute: attrs.Attribute[float], value: float) -> None:
    if not 0.0 <= value <= 1.0:
        raise ValueError(f"{attribute.name} is a probability from 0 to 1, not {value!r}")


def _seconds(_: Any, attribute: attrs.Attribute[Any], value: float | None) -> None:
    if value is not None and not (value >= 0.0 and math.isfinite(value)):
        raise ValueError(f"{attribute.name} is a number of seconds from 0 up, not {value!r}")


def _statuses(_: Any, attribute: attrs.Attribute[Mapping[int, float]], value: Mapping[int, float]) -> None:
    for status, probability in value.items():
        status_step(status)
        if not 0.0 <= probability <= 1.0:
            raise ValueError(f"{attribute.name}[{status}] is a probability from 0 to 1, not {probability!r}")


def _copied(value: Mapping[int, float]) -> Mapping[int, float]:
    return dict(value)


@attrs.frozen(kw_only=True)
class Faults:
    """How often which fault happens. At most one happens to a call, so the probabilities add up to at most 1.

    Attributes:
        latency: seconds before each answer. The deed itself happens at once when the request is there, so a client
            that gives up while waiting leaves it done.
        jitter: up to this many seconds more, at random.
        drop_before: the whole request is read and the connection aborted; not done.
        drop_after: done, then the connection aborted without a byte of answer.
        half_header: done, the answer ends within its header.
        half_body: done, the answer ends within its body.
        garbage: done, the answer isn't HTTP.
        html: done, 200 with an HTML page.
        empty_body: done, 200 without a body.
        refuse: an envelope that says no (code invented); not done.
        status: HTTP status -> probability; answered instead of doing.
        status_after: HTTP status -> probability; done, then answered with that status.
        retry_after: seconds told in Retry-After with 429 and 503, rounded up. None: 1 with 429, no header with 503.
        retry_after_form: told as seconds or as a date.
        seed: of the random numbers.

    Raises:
        ValueError: a value is out of range, or the probabilities add up to more than 1.
    """

    latency: float = attrs.field(default=0.0, validator=_seconds)
    jitter: float = attrs.field(default=0.0, validator=_seconds)
    drop_before: float = attrs.field(default=0.0, validator=_probability)
    drop_after: float = attrs.field(default=0.0, validator=_probability)
    half_header: float = attrs.field(default=0.0, validator=_probability)
    half_body: float = attrs.field(default=0.0, validator=_probability)
    garbage: float = attrs.field(default=0.0, validator=_probability)
    html: float = attrs.field(default=0.0, validator=_probability)
    empty_body: float = attrs.field(default=0.0, validator=_probability)
    refuse: float = attrs.field(default=0.0, validator=_probability)
    status: Mapping[int, float] = attrs.field(factory=dict, converter=_copied, validator=_statuses, hash=False)
    status_after: Mapping[int, float] = attrs.field(factory=dict, converter=_copied, validator=_statuses, hash=False)
    retry_after: float | None = attrs.field(default=None, validator=_seconds)
    retry_after_form: Literal["seconds", "date"] = attrs.field(
        default="seconds", validator=attrs.validators.in_(("seconds", "date"))
    )
    seed: int = 0

    def __attrs_post_init__(self) -> None:
        total = sum(probability for _, probability in self.odds())
        if total > 1.0 + 1e-9:
            raise ValueError(f"the probabilities of the faults add up to {total:g}, more than 1")

    def odds(self) -> list[tuple[Step, float]]:
        """Each fault that can happen, with its probability."""
        every = [(NAMED[step], float(getattr(self, field))) for field, step in _STEP_OF_FIELD.items()]
        every += [(status_step(status), p) for status, p in self.status.items()]
        every += [
            (attrs.evolve(status_step(status, done=True), name=f"status_{status}_after"), p)
            for status, p in self.status_after.items()
        ]
        return [(step, probability) for step, probability in every if probability > 0.0]


class FaultDice:
    """Draws the fault of each call: one random number a call, so that the sequence depends on nothing else."""

    def __init__(self, faults: Faults, seed: int) -> None:
        self.faults = faults
        odds = faults.odds()
        self._steps = [step for step, _ in odds]
        self._bounds = list(accumulate(probability for _, probability in odds))
        self._faults = random.Random(f"faults {seed} {faults.seed}")
        # A generator of its own: turning jitter on does not change which calls fail.
        self._jitter = random.Random(f"jitter {seed} {faults.seed}")

    def step(self) -> Step:
        """What happens to the next call."""
        if not self._steps:
            return NAMED["ok"]
        drawn = self._faults.random()
        for bound, step in zip(self._bounds, self._steps, strict=True):
            if drawn < bound:
                return step
        return NAMED["ok"]

    def pause(self) -> float:
        """Seconds before the next answer."""
        faults = self.faults
        return faults.latency + (self._jitter.uniform(0.0, faults.jitter) if faults.jitter else 0.0)
