"""``pandapon day``: a file's whole day, step by step, resumable."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from .file_options import work_options
from .shared import OnceEach

_path = click.Path(dir_okay=False, path_type=Path)


@click.command("day", cls=OnceEach, short_help="Lead a file of freight orders through its whole day, resumable.")
@click.argument("file", type=_path)
@work_options
@click.option("--spend-limit", nargs=2, metavar="AMOUNT CUR", help="What may be spent in all, earlier runs included.")
@click.option("--highest-fee", nargs=2, metavar="AMOUNT CUR", help="What one booking may cost; more ends the run.")
def command(file: Path, **options: Any) -> None:
    """Check FILE, preview it, ask, book it, and write what is to be corrected and what the shop is told.

    \b
    FILE, such as orders.csv, is never changed. In its format, beside it:
      orders.previewed.csv  what has a preview: render id, fee, time
      orders.problems.csv   what isn't booked, and why (or --problems)
      orders.tracking.csv   all orders, with state and tracking numbers

    The same command goes on wherever it stood: after Ctrl-C, after a crash, after "no", with new rows in FILE, and with what you
    have corrected in the problems file, whose rows take the place of FILE's (write book as the decision of what is held and meant).
    Nothing is booked twice, and no preview is asked again while it is fresh (preview_hours of the settings, 12).

    At its end it says what a person has to do: what is unclear, to be corrected, or waiting, and how the day's page is made.

    Checks, questions, options, journal, --json and exit status are those of `pandapon book`. If more than a fifth of FILE is wrong,
    or a column in every row, nothing is sent; --problems PATH books the good ones all the same.
    """
    from .book_options import BookOptions
    from .day_file import day_file

    raise SystemExit(day_file(file, BookOptions.of(options)))
