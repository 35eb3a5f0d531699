"""A cold start: from the start of a fresh interpreter to the first reply."""

from __future__ import annotations

from typing import Any

from .lab import Job, Lab, Spread

TITLE = "Cold start: interpreter, imports, session, first call (ms: median [least-most] over the rounds)"

_JOBS = (
    Job("raw asyncio protocol", "raw.protocol"),
    Job("bare ClientSession", "bare.client_session"),
    Job("by hand", "by_hand.client"),
    Job("httpx", "by_httpx.async_client", needs=("httpx",)),
    Job("book_freight", "package.book_freight"),
    Job("stream", "package.stream"),
    Job("job, journaled", "package.job"),
)


def run(lab: Lab) -> list[dict[str, Any]]:
    """One row a contestant; all take turns in each round."""
    jobs = [job for job in _JOBS if job.can_run]
    for job in jobs:
        lab.fresh(job, 1)  # what isn't compiled yet, is now
    rounds = [{job.name: lab.fresh(job, 1) for job in jobs} for _ in range(lab.options.rounds)]
    return [
        {
            "contestant": job.name,
            "wall ms": Spread.of(each[job.name][1] * 1000 for each in rounds),
            "CPU ms": Spread.of(each[job.name][0].life_cpu * 1000 for each in rounds),
        }
        for job in jobs
    ]
