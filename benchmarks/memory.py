"""How memory grows with the number of bookings: few against 25 times as many, both from a generator."""

from __future__ import annotations

from typing import Any

from .lab import Job, Lab, Spread

TITLE = "Most memory held, few bookings against 25 times as many (MB: median [least-most] over the rounds)"

_MEGA = 1 << 20
_JOBS = (
    Job("bare ClientSession, ready bytes", "bare.client_session"),
    Job("stream, models built", "package.stream_built"),
    Job("job, journaled", "package.job"),
    Job("sweep of quotes, two accounts", "package.sweep"),
)


def run(lab: Lab) -> list[dict[str, Any]]:
    """One row a contestant: the peak of a fresh process for each number, and the difference."""
    many = lab.options.memory or lab.options.bookings * 5
    return [_row(lab, job, max(1, many // 25), many) for job in _JOBS]


def _row(lab: Lab, job: Job, few: int, many: int) -> dict[str, Any]:
    lab.fresh(job, 1)  # compiling what isn't compiled yet takes memory, too
    peaks = [(_peak(lab, job, few), _peak(lab, job, many)) for _ in range(lab.options.rounds)]
    return {
        "contestant": job.name,
        f"{few:,} bookings": Spread.of(small for small, _ in peaks),
        f"{many:,} bookings": Spread.of(large for _, large in peaks),
        "growth": Spread.of(large - small for small, large in peaks),
    }


def _peak(lab: Lab, job: Job, bookings: int) -> float:
    return lab.fresh(job, bookings)[0].peak / _MEGA
