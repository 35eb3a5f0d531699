"""How long one booking takes while many are under way, at a vendor that answers after 50 ms."""

from __future__ import annotations

from typing import Any

from .lab import Job, Lab, over

TITLE = "One booking's time at a vendor that takes 50 ms (ms: median [least-most] over the rounds)"

_VENDOR = 50
_AT_ONCE = (64, 500)
_BOOKINGS_A_WAVE = 250
"""How many of ``--bookings`` make one wave in which all places are filled: 40 waves of 10,000."""

_CONTESTANTS = (
    ("raw asyncio protocol, ready bytes", "raw.protocol"),
    ("bare ClientSession, ready bytes", "bare.client_session"),
    ("by hand", "by_hand.client"),
    ("httpx, ready bytes", "by_httpx.async_client"),
    ("book_freight", "package.book_freight"),
    ("stream", "package.stream"),
    ("job, journaled", "package.job"),
)


def run(lab: Lab) -> list[dict[str, Any]]:
    """One row a contestant and a number at once."""
    return [row for at_once in _AT_ONCE for row in _rows(lab, at_once)]


def _rows(lab: Lab, at_once: int) -> list[dict[str, Any]]:
    every = [
        Job(name, contestant, timed=True, latency=_VENDOR, concurrency=at_once, needs=_needs(contestant))
        for name, contestant in _CONTESTANTS
        if at_once == _AT_ONCE[0] or "httpx" not in contestant  # which makes less than a hundred a second of 500
    ]
    jobs = [job for job in every if job.can_run]
    rounds = lab.one_by_one(jobs, at_once * max(1, lab.options.bookings // _BOOKINGS_A_WAVE))
    return [
        {
            "contestant": job.name,
            "at once": at_once,
            "p50": over(rounds, job, lambda sample: sample.percentile(50)),
            "p90": over(rounds, job, lambda sample: sample.percentile(90)),
            "p99": over(rounds, job, lambda sample: sample.percentile(99)),
            "bookings/s": over(rounds, job, lambda sample: sample.bookings / (sample.wall - sample.prepared_wall)),
        }
        for job in jobs
    ]


def _needs(contestant: str) -> tuple[str, ...]:
    return ("httpx",) if "httpx" in contestant else ()
