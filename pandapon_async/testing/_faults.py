"""Seeded random faults: the same seed and sequence of requests give the same faults."""

from __future__ import annotations

import math
import random
from collections.abc import Mapping
from itertools import accumulate
from types import MappingProxyType
from typing import Any, Final, Literal

import attrs

from pandapon_async.testing._steps import NAMED, Step, platform_step, status_step

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
        "price_moved": "price_moved",
        "render_expired": "render_expired",
    }
)


def _probability(_: Any, attribute: attrs.Attribute[float], value: float) -> None:
    if not 0.0 <= value <= 1.0:
        raise ValueError(f"{attribute.name} must be a probability from 0 to 1, not {value!r}")


def _seconds(_: Any, attribute: attrs.Attribute[Any], value: float | None) -> None:
    if value is not None and not (value >= 0.0 and math.isfinite(value)):
        raise ValueError(f"{attribute.name} must be a number of seconds, at least 0, not {value!r}")


def _statuses(_: Any, attribute: attrs.Attribute[Mapping[int, float]], value: Mapping[int, float]) -> None:
    for status, probability in value.items():
        status_step(status)
        if not 0.0 <= probability <= 1.0:
            raise ValueError(f"{attribute.name}[{status}] must be a probability from 0 to 1, not {probability!r}")


def _platform_codes(_: Any, attribute: attrs.Attribute[Any], value: Mapping[str, float]) -> None:
    for code, probability in value.items():
        platform_step(code)
        if not 0.0 <= probability <= 1.0:
            raise ValueError(f"{attribute.name}[{code!r}] must be a probability from 0 to 1, not {probability!r}")


def _copied(value: Mapping[Any, float]) -> Mapping[Any, float]:
    return dict(value)


@attrs.frozen(kw_only=True)
class Faults:
    """The probability of each fault. A call has at most one fault, so the probabilities must add up to at most 1.

    Attributes:
        latency: seconds before each answer. The operation itself is carried out when the request arrives, even if the client
            gives up waiting.
        jitter: up to this many additional seconds, at random.
        drop_before: not carried out: the connection is aborted after the whole request has been read.
        drop_after: carried out, then the connection is aborted without sending a byte.
        half_header: carried out; the answer is cut off in its header.
        half_body: carried out; the answer is cut off in its body.
        garbage: carried out; the answer isn't HTTP.
        html: carried out; 200 with an HTML page.
        empty_body: carried out; 200 without a body.
        refuse: not carried out: a refusal envelope (with an invented code).
        price_moved: carried out; a preview or a booking costs 10 % more than it would (invented).
        render_expired: not carried out: a refusal that says that the preview has expired (invented).
        platform_codes: code of 1688 or Taobao Global -> probability; not carried out: a refusal envelope whose text carries it.
        status: HTTP status -> probability; not carried out, answered with that status.
        status_after: HTTP status -> probability; carried out, then answered with that status.
        retry_after: seconds sent in Retry-After with 429 and 503, rounded up. None: 1 with 429, no header with 503.
        retry_after_form: Retry-After as seconds or as a date.
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
    price_moved: float = attrs.field(default=0.0, validator=_probability)
    render_expired: float = attrs.field(default=0.0, validator=_probability)
    platform_codes: Mapping[str, float] = attrs.field(
        factory=dict, converter=_copied, validator=_platform_codes, hash=False
    )
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
        """Every possible fault, with its probability."""
        every = [(NAMED[step], float(getattr(self, field))) for field, step in _STEP_OF_FIELD.items()]
        every += [(platform_step(code), p) for code, p in self.platform_codes.items()]
        every += [(status_step(status), p) for status, p in self.status.items()]
        every += [
            (attrs.evolve(status_step(status, done=True), name=f"status_{status}_after"), p)
            for status, p in self.status_after.items()
        ]
        return [(step, probability) for step, probability in every if probability > 0.0]


class FaultDice:
    """Draws the fault of each call, using one random number per call, so that the sequence depends on nothing else."""

    def __init__(self, faults: Faults, seed: int) -> None:
        self.faults = faults
        odds = faults.odds()
        self._steps = [step for step, _ in odds]
        self._bounds = list(accumulate(probability for _, probability in odds))
        self._faults = random.Random(f"faults {seed} {faults.seed}")
        # A separate generator: jitter doesn't change which calls fail.
        self._jitter = random.Random(f"jitter {seed} {faults.seed}")

    def step(self) -> Step:
        """The step for the next call."""
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
