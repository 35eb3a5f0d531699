"""``pandapon worker``: sends what was submitted, until it is asked to stop."""

from __future__ import annotations

import os
import socket
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from .._config.settings import find_settings
from .._version import __version__
from .journals import journal_place, location_of
from .running import serve
from .shared import OnceEach, choose, config_option, load_profiles, require_fleet, tell
from .words import words_for

if TYPE_CHECKING:
    from .._journal.places import Place


@click.command("worker", cls=OnceEach, short_help="Send what was submitted, until stopped.")
@click.option("--journal", type=journal_place, required=True, metavar="URL", help="The journal, in PostgreSQL.")
@click.option("--vendor", multiple=True, metavar="NAME", help="Only this account; repeatable. All unless given.")
@config_option
@click.option(
    "--concurrency",
    type=click.IntRange(1),
    default=16,
    show_default=True,
    metavar="N",
    help="Of each account, at a time.",
)
@click.option("--heartbeat", type=click.FloatRange(1), default=30.0, hidden=True)
def command(journal: Place, vendor: Sequence[str], config: Path | None, concurrency: int, heartbeat: float) -> None:
    """Send what `pandapon submit` has queued for the accounts that are configured here; any number of workers may.

    An account's rate, pauses, daily_spend_limit and concurrency hold over all of them. What a worker that dies had under way is in
    doubt, and the rest is taken up by the others. SIGTERM and Ctrl-C let what is under way end; a second one leaves it in doubt.
    SIGTERM ends it with status 0.
    """
    require_fleet()
    from .._fleet.worker import Worker

    profiles = load_profiles(config)
    if vendor:
        profiles = [choose(profiles, name) for name in vendor]
    worker = Worker(profiles, str(location_of(journal)), concurrency, heartbeat)
    accounts = ", ".join(profile.name for profile in profiles)
    settings = find_settings(Path())
    words = words_for(settings)
    here = {"process": os.getpid(), "host": socket.gethostname(), "version": __version__}
    tell(words("worker.begun", **here, accounts=accounts, journal=journal))
    try:
        serve(worker.run(), lambda number: words("worker.stop" if number == 1 else "stop.again"))
    finally:
        tell(words("worker.ended", count=f"{worker.done:,}"))
