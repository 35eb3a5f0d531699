"""A file's bookings taken into the journal and queued, in one transaction: all of them or none."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from .._errors import JournalError
from .._jobs.job import BookingJob
from .._journal.places import place_of
from .._journal.postgres.url import PostgresUrl
from .._journal.rows import State
from .._session import VendorSession
from .queue import enqueue_run, entrypoint_of


async def submit(
    session: VendorSession,
    journal: str,
    requests: Iterable[Any],
    job: str,
    allow_same_parcel: Callable[[str, Any], bool],
) -> dict[State, int]:
    """Take an input into a journal and queue what is pending of it; again: what isn't queued or ended any more.

    Returns:
        How many of its bookings are in each state.

    Raises:
        InputError: the input has mistakes; nothing was taken, nothing is queued.
        JournalError: the journal isn't in PostgreSQL, or can't be used.
    """
    place = place_of(journal)
    if not isinstance(place, PostgresUrl):
        raise JournalError(f"{place}: workers need a journal in PostgreSQL: postgresql://..., env:NAME or file:PATH")
    entrypoint = entrypoint_of(session.profile)
    taking = BookingJob(session, journal=journal, allow_same_parcel=allow_same_parcel)
    return await taking.run(requests).take_in(lambda connection, run: enqueue_run(connection, run, entrypoint, job))
