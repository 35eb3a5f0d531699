"""Shared by the commands: options, choosing an account, running and interrupting, output."""

from __future__ import annotations

import json
import os
import re
import shlex
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from .._errors import ConfigError, JournalError, OutcomeUnknownError, PandaponError, RequestError, suggestion
from .streams import lost

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table

    from .._config.profiles import VendorProfile
    from ..testing import Faults


FAILED, BAD_INPUT, UNKNOWN, PENDING = 1, 2, 3, 4
"""Exit statuses: the vendor refused or failed; nothing was sent; an outcome is unknown; bookings are pending."""

config_option = click.option(
    "--config",
    type=click.Path(dir_okay=False, path_type=Path),
    metavar="FILE",
    help="A TOML file of accounts; default: the environment.",
)
vendor_option = click.option("--vendor", metavar="NAME", help="The account; required only if there are several.")
port_option = click.option("--port", type=click.IntRange(0, 65535), default=0, help="The port; by default a free one.")
host_option = click.option("--host", default="127.0.0.1", show_default=True, help="The address to listen on.")


class OnceEach(click.Command):
    """A command that refuses an option given twice: of two journals, limits or acts only the last would count."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        *_, given = self.make_parser(ctx).parse_args(args=list(args))
        for option in given:
            if isinstance(option, click.Option) and not (option.multiple or option.is_flag) and given.count(option) > 1:
                raise click.BadParameter("is given more than once", ctx, option)
        return super().parse_args(ctx, args)


class Failed(Exception):  # noqa: N818 - control flow, not an API error
    """Ends the program with one message on stderr and an exit status."""

    def __init__(self, message: str, status: int = FAILED) -> None:
        super().__init__(message)
        self.status = status


class Interrupted(Exception):  # noqa: N818 - not an error
    """A signal interrupted the program; ``status`` is the conventional exit status."""

    BY_KEYBOARD = 130

    def __init__(self, signal_number: int) -> None:
        super().__init__(signal_number)
        self.status = 128 + signal_number


def exit_status(error: PandaponError) -> int:
    """The exit status for an error. One of the journal gets here only before anything is sent, or where nothing ever is."""
    if isinstance(error, OutcomeUnknownError):
        return UNKNOWN
    return BAD_INPUT if isinstance(error, (ConfigError, RequestError, JournalError)) else FAILED


# --- accounts ----------------------------------------------------------------------------------------------------------


def load_profiles(config: Path | None) -> list[VendorProfile]:
    """The accounts of a TOML file, else of the environment.

    Raises:
        ConfigError: there are none, or one is invalid.
    """
    from .._config.loading import profiles_from_env, profiles_from_toml

    return profiles_from_env() if config is None else profiles_from_toml(config)


def choose(profiles: Sequence[VendorProfile], vendor: str | None) -> VendorProfile:
    """The account of this name; without a name, the only one.

    Raises:
        ConfigError: there is no such account, or no name was given and there are several.
    """
    names = [profile.name for profile in profiles]
    known = ", ".join(map(repr, names))
    if vendor is None:
        if len(profiles) > 1:
            raise ConfigError(f"there are several accounts: choose one of {known} with --vendor")
        return profiles[0]
    if vendor not in names:
        raise ConfigError(f"no account is named {vendor!r}{suggestion(vendor, names)}; there are {known}")
    return profiles[names.index(vendor)]


# --- failing ---------------------------------------------------------------------------------------------------------


def require_fleet() -> None:
    """Refuse what needs the extra.

    Raises:
        ConfigError: it isn't installed.
    """
    from importlib.util import find_spec

    if find_spec("pgqueuer") is None or find_spec("psycopg") is None:
        raise ConfigError("this needs the extra: pip install 'pandapon-async[fleet]'")


def cant_listen(what: str, error: OSError) -> Failed:
    """The failure to listen on a port."""
    reason = os.strerror(error.errno) if error.errno and error.errno > 0 else "unknown address"
    return Failed(f"{what} can't listen there: {reason}", BAD_INPUT)


def mixed_faults(*, seed: int, retry_after: float | None = None) -> Faults:
    """Every kind of fault, each in a few percent of the calls: about one booking in six ends in doubt."""
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
_ANY_WIDTH = 10_000
_READABLE = 24
_CONTROLS = re.compile("[\x7f-\x9f\u2028\u2029]")  # valid unescaped in JSON, but a terminal may interpret them


def console(*, stderr: bool = False) -> Console:
    """A rich console: without colour if NO_COLOR is set, or in a pipe, where it doesn't wrap lines either."""
    from rich.console import Console

    stream = sys.stderr if stderr else sys.stdout
    width = None if stream.isatty() else _ANY_WIDTH
    return Console(stderr=stderr, width=width, markup=False, highlight=False, emoji=False)


def labelled(label: str, text: str, *, style: str | None = None, width: int = _LABELS) -> None:
    """Print a line of a report: a label, and text that wraps beside it on a narrow terminal."""
    from rich.table import Table

    grid = Table.grid(padding=(0, 1, 0, 0))
    grid.add_column(width=width, no_wrap=True)
    grid.add_column(overflow="fold")
    grid.add_row(label, text, style=style)
    _print(grid)


def label_line(label: str, text: str, width: int = _LABELS) -> str:
    """The same as one plain line, for stderr."""
    from rich.cells import cell_len

    return f"{label}{' ' * max(1, width + 1 - cell_len(label))}{text}"


def new_table() -> Table:
    """An empty table without borders."""
    from rich.table import Table

    return Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="bold")


def show_table(table: Table) -> None:
    """Print a table; where the terminal is too narrow for it, its rows one below the other, each cell behind its column's name."""
    out = console()
    if _needed(table) <= out.width:
        _print(table)
        return
    width = max(out.measure(column.header).maximum for column in table.columns)
    for number, cells in enumerate(zip(*(column.cells for column in table.columns), strict=True)):
        if number:
            write_out("")
        for column, cell in zip(table.columns, cells, strict=True):
            if cell:
                labelled(str(column.header), str(cell), width=width)


def _needed(table: Table) -> int:
    """The width below which a table can't be read: words are torn, or a text of a line stands in a tall thin column."""
    from rich.cells import cell_len

    needed = 2 * (len(table.columns) - 1)
    for column in table.columns:
        texts = [str(column.header), *map(str, column.cells)]
        whole = max(map(cell_len, texts))
        words = max(cell_len(word) for text in texts for word in text.split() or [""])
        needed += whole if column.no_wrap else max(words, min(whole, _READABLE))
    return needed


def _print(table: Table) -> None:
    """Print it; in a pipe without trailing blanks."""
    out = console()
    if out.is_terminal:
        out.print(table)
        return
    with out.capture() as captured:
        out.print(table)
    write_out("\n".join(line.rstrip() for line in captured.get().splitlines()))


def json_text(value: Any, *, indent: int | None = None) -> str:
    """JSON for display: readable, or ASCII where stdout can't encode it."""
    text = json.dumps(value, ensure_ascii=False, indent=indent)
    text = _CONTROLS.sub(lambda found: f"\\u{ord(found[0]):04x}", text)
    try:
        text.encode(sys.stdout.encoding or "utf-8")
    except UnicodeEncodeError:
        return json.dumps(value, indent=indent)
    return text


def say(text: str) -> None:
    """Write a line to stdout, whether or not somebody reads it."""
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


def tell(text: str) -> None:
    """Write a line to stderr, whether or not somebody reads it."""
    sys.stderr.write(f"{text}\n")
    sys.stderr.flush()


def command_text(*words: object) -> str:
    """A command as it can be copied into a shell."""
    texts = ["pandapon", *map(str, words)]
    return subprocess.list2cmdline(texts) if sys.platform == "win32" else shlex.join(texts)


def write_out(text: str) -> None:
    """Write a line to stdout, for commands that have nothing else to do.

    Raises:
        OSError: nobody reads it (closed pipe, full disk).
    """
    say(text)
    if (error := lost()) is not None:
        raise error
