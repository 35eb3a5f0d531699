"""``pandapon status``: how a journal, or a job in it, stands; once, or until it has ended."""

from __future__ import annotations

import contextlib
import time
from collections import Counter
from collections.abc import Callable
from datetime import datetime
from typing import TYPE_CHECKING, Final

import click

from .._config.profiles import zone_of
from .._config.settings import find_settings
from .journals import folder_of, journal_place
from .shared import OnceEach, json_text, labelled, write_out
from .words import Words, words_for

if TYPE_CHECKING:
    from .._fleet.status import Status, StatusReader
    from .._journal.places import Place

_EVERY: Final = 1.0
_WIDTH: Final = 28


@click.command("status", cls=OnceEach, short_help="How a journal, or a job in it, stands.")
@click.option("--journal", type=journal_place, required=True, metavar="PATH or URL", help="The journal.")
@click.argument("job", required=False, metavar="[JOB]")
@click.option("--watch", is_flag=True, help="Go on until nothing waits and nothing is under way.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object a look.")
def command(journal: Place, job: str | None, watch: bool, as_json: bool) -> None:
    """Say how many bookings of a journal are in each state, and who works on it.

    JOB: only of what was submitted under this name, or came from a file of this name.

    Status 0: all are booked; 1: some are refused or cancelled; 3: some are unclear; 4: some wait or are under way.
    """
    from .._fleet.status import StatusReader

    settings = find_settings(folder_of(journal))
    words = words_for(settings)
    zone = zone_of(settings.time_zone)
    with contextlib.closing(StatusReader(journal, job)) as reader:
        seen = _watch(reader, lambda status: _show(status, words, as_json=as_json), watch=watch)
    for worker in () if as_json else seen.workers:
        since = f"{worker.began.astimezone(zone):%Y-%m-%d %H:%M:%S}"
        who = {"process": worker.pid, "host": worker.host, "version": worker.version, "account": worker.account}
        labelled(words("status.worker"), words("status.who", **who, since=since, zone=zone), width=_WIDTH)
    states: Counter[str] = Counter({str(state): count for state, count in seen.counts.items()})
    states["pending"] += states.pop("sent", 0)
    from .standing import exit_of

    raise SystemExit(exit_of(states))


def _watch(reader: StatusReader, show: Callable[[Status], None], *, watch: bool) -> Status:
    shown = None
    while True:
        status = reader.read()
        if status.counts != shown:
            show(status)
            shown = status.counts
        if not watch or not (status.counts["pending"] or status.counts["sent"]):
            return status
        time.sleep(_EVERY)


def _show(status: Status, words: Words, *, as_json: bool) -> None:
    if as_json:
        write_out(json_text(status.counts))
        return
    labelled(words("status.at"), f"{datetime.now().astimezone():%H:%M:%S}", width=_WIDTH)
    for state, count in status.counts.items():
        if count:
            labelled(f"{words(f'state.{state}')} ({state})", f"{count:,}", width=_WIDTH)
