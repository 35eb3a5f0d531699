"""``pandapon submit``: a file's bookings into a journal in PostgreSQL, for workers to send."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from .._errors import JournalError
from .._journal.places import Place
from .._journal.postgres.url import PostgresUrl
from .file_options import reading_options
from .journals import journal_place
from .shared import OnceEach, config_option, require_fleet, vendor_option

_FIXED = {
    "new_journal": True, "concurrency": 64, "rate": None, "dry_run": False, "retry_refused": False, "adopt": None, "as_json": False,
}  # fmt: skip
"""What `pandapon book` has as options, and this command hasn't."""


@click.command("submit", cls=OnceEach, short_help="Hand a file of freight orders to the workers.")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--journal", type=journal_place, required=True, metavar="URL", help="The journal, in PostgreSQL.")
@vendor_option
@config_option
@click.option("--job", metavar="NAME", help="What `pandapon status` calls it; FILE's name unless given.")
@click.option(
    "--problems",
    type=click.Path(dir_okay=False, path_type=Path),
    metavar="PATH",
    help="Submit the good ones; write the others here.",
)
@reading_options
@click.option("--yes", is_flag=True, help="Don't ask before: for scripts.")
def command(file: Path, journal: Place, job: str | None, **options: Any) -> None:
    """Take the orders of FILE into the journal and queue them; nothing is sent by this command.

    What is wrong or held in FILE is told, and then nothing is taken, unless --problems says where those rows are written. FILE may be of
    several accounts (column account). Submitting a file again queues what waits of it and isn't queued any more, and nothing twice.

    \b
    Exit status:
      0  all submitted    1  the good ones submitted, the others in --problems    2  bad input, or no: nothing was submitted
    """
    require_fleet()
    if not isinstance(journal, PostgresUrl):
        raise JournalError(f"{journal}: workers need a journal in PostgreSQL: postgresql://..., env:NAME or file:PATH")
    from .book_file import book_file
    from .book_options import BookOptions
    from .submitting import FileSubmission

    asked = BookOptions.of({**options, **_FIXED, "journal": journal, "job": job or file.name})
    raise SystemExit(book_file(file, None, asked, FileSubmission))
