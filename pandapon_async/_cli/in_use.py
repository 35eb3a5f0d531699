"""Waiting for whoever has an account's bookings under way: who it is, since when, and how far."""

from __future__ import annotations

import asyncio
import contextlib
from datetime import tzinfo
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from .._errors import JournalError
from .._journal.journal import Journal
from .._journal.store import InUseError
from .progress import Screen
from .shared import tell
from .words import Words

if TYPE_CHECKING:
    from .._jobs.job import WriteJob
    from .._journal.rows import Run

_LOOK_AGAIN: Final = 0.5


async def enter_when_free(
    stack: contextlib.AsyncExitStack, job: WriteJob[Any], journal: Path, account: str, words: Words, zone: tzinfo
) -> None:
    """Open a job's journal, once nobody else books at its account. Nothing is sent meanwhile.

    Raises:
        JournalError: it can't be opened.
    """
    try:
        await stack.enter_async_context(job)
        return
    except InUseError as error:
        text = _who(error, journal, account, words, zone)
    tell(text)
    tell(words("running.waiting"))
    with Screen(words("phase.waiting"), waits_for=lambda: text):
        while True:
            await asyncio.sleep(_LOOK_AGAIN)
            try:
                await stack.enter_async_context(job)
                return
            except InUseError as error:
                text = _who(error, journal, account, words, zone)


def _who(error: InUseError, journal: Path, account: str, words: Words, zone: tzinfo) -> str:
    run = None
    with contextlib.suppress(JournalError), Journal.open(journal) as opened:
        run = _run_of(opened, account, error.holder)
    if run is None:
        return words("running.process", account=account, process=error.holder)
    counts = run.counts
    total = sum(counts.values())
    left = counts.get("pending", 0) + counts.get("sent", 0)
    return words(
        "running.who",
        account=account,
        person=run.person or words("waiting.no_person"),
        process=error.holder,
        file=run.file or words("running.no_file"),
        since=f"{run.began.astimezone(zone):%Y-%m-%d %H:%M}",
        zone=zone,
        done=f"{total - left:,}",
        total=f"{total:,}",
    )


def _run_of(journal: Journal, account: str, holder: str) -> Run | None:
    """The run of the process that holds the lock; None: it hasn't begun one yet."""
    last = next((run for run in reversed(journal.runs()) if run.account == account and run.ended is None), None)
    return last if last is not None and f"process {last.pid} on {last.host}" == holder else None
