"""What a journal costs: a booking job against the same bookings in a stream, which forgets."""

from __future__ import annotations

from typing import Any

from .lab import Job, Lab, Sample, Spread, orjson_is_there

TITLE = "A job over a journal against the same stream without (ratios of the same round: median [least-most])"

_STREAM = Job("stream, model reused", "contestants", "stream_reused", speed=orjson_is_there(), pinned=False)
_JOB = Job("job, journaled", "contestants", "job_journaled", speed=orjson_is_there(), pinned=False)


def run(lab: Lab) -> list[dict[str, Any]]:
    """One row a contestant: throughput as a share of the stream's in the same round; more is better."""
    rounds = lab.interleaved([_STREAM, _JOB])
    return [_row(job, rounds, lab.options.bookings) for job in (_STREAM, _JOB)]


def _row(job: Job, rounds: list[dict[str, Sample]], bookings: int) -> dict[str, Any]:
    return {
        "contestant": job.name,
        "throughput ratio": Spread.of([samples[_STREAM.name].wall / samples[job.name].wall for samples in rounds]),
        "CPU us": Spread.of([samples[job.name].cpu / bookings * 1e6 for samples in rounds]),
        "bookings/s": Spread.of([bookings / samples[job.name].wall for samples in rounds]),
    }
