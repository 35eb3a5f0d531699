"""What the commands share: options, the choice of an account, running and being interrupted, output."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import re
import signal
import sys
from collections.abc import Coroutine, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from .._errors import ConfigError, OutcomeUnknownError, PandaponError, RequestError, suggestion

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table

    from .._config.profiles import VendorProfile
    from ..testing import Faults

T = TypeVar("T")

FAILED, BAD_INPUT, UNKNOWN, PENDING = 1, 2, 3, 4
"""Exit statuses: the vendor refused or failed; nothing was sent; the outcome is unknown; bookings are left."""

config_option = click.option(
    "--config",
    type=click.Path(dir_okay=False, path_type=Path),
    metavar="FILE",
    help="A TOML file of accounts; the environment unless given.",
)
vendor_option = click.option("--vendor", metavar="NAME", help="The account; needed only if there are several.")


class Failed(Exception):  # noqa: N818 - an ending of the program
    """Ends the program with one message on stderr and an exit status."""

    def __init__(self, message: str, status: int = FAILED) -> None:
        super().__init__(message)
        self.status = status


class Interrupted(Exception):  # noqa: N818 - not an error
    """A signal ended the work; ``status`` is the exit status by convention."""

    BY_KEYBOARD = 130

    def __init__(self, signal_number: int) -> None:
        super().__init__(signal_number)
        self.status = 128 + signal_number


def exit_status(error: PandaponError) -> int:
    """What an error means to whoever started the program."""
    if isinstance(error, OutcomeUnknownError):
        return UNKNOWN
    return BAD_INPUT if isinstance(error, (ConfigError, RequestError)) else FAILED


# --- accounts ----------------------------------------------------------------------------------------------------------


def load_profiles(config: Path | None) -> list[VendorProfile]:
    """The accounts of a TOML file, else of the environment.

    Raises:
        ConfigError: there are none, or one can't work.
    """
    from .._config.loading import profiles_from_env, profiles_from_toml

    return profiles_from_env() if config is None else profiles_from_toml(config)


def choose(profiles: Sequence[VendorProfile], vendor: str | None) -> VendorProfile:
    """The account of that name; without a name the only one.

    Raises:
        ConfigError: there is none of that name, or no name and several accounts.
    """
    names = [profile.name for profile in profiles]
    known = ", ".join(map(repr, names))
    if vendor is None:
        if len(profiles) > 1:
            raise ConfigError(f"there are several accounts: take one of {known} with --vendor")
        return profiles[0]
    if vendor not in names:
        raise ConfigError(f"no account is named {vendor!r}{suggestion(vendor, names)}; there are {known}")
    return profiles[names.index(vendor)]


# --- running -----------------------------------------------------------------------------------------------------------


def run(work: Coroutine[Any, Any, T]) -> T:
    """Run ``work`` on an event loop; Ctrl-C or SIGTERM cancels it, so that it ends in order. A second one cancels its ending.

    Raises:
        Interrupted: a signal ended it.
    """
    try:
        return asyncio.run(_watched(work))
    except KeyboardInterrupt:  # where signals can't be watched, or just before or after they were
        raise Interrupted(signal.SIGINT) from None


async def _watched(work: Coroutine[Any, Any, T]) -> T:
    loop, task = asyncio.get_running_loop(), asyncio.current_task()
    assert task is not None
    received: list[int] = []

    def stop(number: int) -> None:
        received.append(number)
        task.cancel()

    watched: list[int] = []
    for number in map(int, (signal.SIGINT, signal.SIGTERM)):
        # Windows, or not the main thread: there asyncio's own way has to do.
        with contextlib.suppress(NotImplementedError, RuntimeError, ValueError):
            loop.add_signal_handler(number, stop, number)
            watched.append(number)
    try:
        return await work
    except asyncio.CancelledError:
        if received:
            raise Interrupted(received[0]) from None
        raise
    finally:
        for number in watched:
            loop.remove_signal_handler(number)


def serve(work: Coroutine[Any, Any, object]) -> None:
    """Run a server until a signal ends it; SIGTERM is how it is meant to end.

    Raises:
        Interrupted: Ctrl-C ended it.
    """
    try:
        run(work)
    except Interrupted as interrupted:
        if interrupted.status != 128 + signal.SIGTERM:
            raise


def cant_listen(what: str, error: OSError) -> Failed:
    """How the program ends when it can't have its port."""
    reason = os.strerror(error.errno) if error.errno and error.errno > 0 else "the address is not known"
    return Failed(f"{what} can't listen there: {reason}", BAD_INPUT)


def bad_day(*, seed: int, retry_after: float | None = None) -> Faults:
    """A vendor that fails in every way, a few percent of its calls each: about one booking in six ends in doubt."""
    from ..testing import Faults

    return Faults(
        drop_before=0.03,
        drop_after=0.03,
        half_header=0.01,
        half_body=0.02,
        garbage=0.02,
        html=0.01,
        empty_body=0.01,
        refuse=0.02,
        status={502: 0.03, 429: 0.03},
        status_after={502: 0.01},
        retry_after=retry_after,
        seed=seed,
    )


# --- output ------------------------------------------------------------------------------------------------------------

_LABELS = 12
_CONTROLS = re.compile("[\x7f-\x9f\u2028\u2029]")  # JSON allows them bare; a terminal may obey them


def console(*, stderr: bool = False) -> Console:
    """A rich console: no colour with NO_COLOR or in a pipe, where lines aren't wrapped either."""
    from rich.console import Console

    stream = sys.stderr if stderr else sys.stdout
    width = None if stream.isatty() else 10_000
    return Console(stderr=stderr, width=width, markup=False, highlight=False, emoji=False)


def labelled(label: str, text: str, *, style: str | None = None) -> None:
    """Print a line of a report: a label, and the text beside it, which wraps there on a narrow terminal."""
    from rich.table import Table

    grid = Table.grid(padding=(0, 1, 0, 0))
    grid.add_column(width=_LABELS, no_wrap=True)
    grid.add_column(overflow="fold")
    grid.add_row(label, text, style=style)
    show_table(grid)


def show_table(table: Table) -> None:
    """Print a table; in a pipe without the blanks that pad its lines."""
    out = console()
    if out.is_terminal:
        out.print(table)
        return
    with out.capture() as captured:
        out.print(table)
    click.echo("\n".join(line.rstrip() for line in captured.get().splitlines()))


def json_text(value: Any, *, indent: int | None = None) -> str:
    """JSON as it may be shown: readable, or in ASCII where stdout can't hold it."""
    text = json.dumps(value, ensure_ascii=False, indent=indent)
    text = _CONTROLS.sub(lambda found: f"\\u{ord(found[0]):04x}", text)
    try:
        text.encode(sys.stdout.encoding or "utf-8")
    except UnicodeEncodeError:
        return json.dumps(value, indent=indent)
    return text


def write_out(text: str) -> None:
    """Write to stdout and make sure that it arrived.

    Raises:
        OSError: it didn't (the reader has gone, the disk is full); stdout is then pointed at nothing.
    """
    try:
        click.echo(text)
        sys.stdout.flush()
    except OSError:
        # What is left in the buffer would fail once more when Python ends, and change the exit status.
        with contextlib.suppress(OSError, ValueError):
            nowhere = os.open(os.devnull, os.O_WRONLY)
            os.dup2(nowhere, sys.stdout.fileno())
            os.close(nowhere)
        raise
