"""``pandapon book``: book a file, resumable."""

from __future__ import annotations

import contextlib
import sys
import tempfile
from collections.abc import Generator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import attrs
import click

from .._errors import PandaponError
from .shared import BAD_INPUT, FAILED, Failed, choose, config_option, load_profiles, run, tell, vendor_option, write_out

if TYPE_CHECKING:
    from .._config.profiles import VendorProfile
    from .._files.bookings import BookingFile
    from .._models.money import Money

_SHOWN = 20


@click.command("book", short_help="Book a file of freight orders, resumable.")
@click.argument("file", required=False, metavar="[FILE | -]")
@vendor_option
@config_option
@click.option("--journal", type=click.Path(dir_okay=False, path_type=Path), metavar="PATH", help="The durable record.")
@click.option("--concurrency", type=click.IntRange(1), default=64, show_default=True, metavar="N", help="At a time.")
@click.option("--rate", type=click.FloatRange(0, min_open=True), metavar="R", help="Attempts a second, at most.")
@click.option("--dry-run", is_flag=True, help="Check the file; send nothing.")
@click.option("--preview", is_flag=True, help="Ask the vendor for the fees; book nothing.")
@click.option("--spend", nargs=2, metavar="AMOUNT CUR", help="What may be spent in all, earlier runs included.")
@click.option(
    "--rejects",
    type=click.Path(dir_okay=False, path_type=Path),
    metavar="PATH",
    help="Book the good ones, and write the bad and the refused ones here, in the file's own format.",
)
@click.option("--retry-refused", is_flag=True, help="Send again what an earlier run had refused.")
@click.option(
    "--adopt", metavar="NAME", help="Accept that the account NAME has another access key than the journal knows."
)
@click.option("--template", type=click.Choice(["csv"]), help="Print the columns that a file can have.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object a booking on stdout.")
def command(file: str | None, template: str | None, **options: Any) -> None:
    """Book the freight orders of a file, each once, however often this is interrupted and started again.

    FILE is JSON lines (each the vendor's own request body, with an optional "reference"), or CSV with the columns of
    --template csv, one row a line item; "-" is stdin. Without FILE the journal's pending bookings are sent. Nothing is sent
    before the whole file has been checked.

    Ctrl-C, SIGTERM and SIGHUP let what is in flight end, for 30 s; a second one leaves it in doubt.

    \b
    Exit status, of all the file's bookings, earlier runs included:
      0  all done                            3  some in doubt: look them up, then `pandapon journal --resolve`
      1  some refused, void or wrong         4  some still pending: run it again
      2  bad input, nothing was sent       130  interrupted (128 + the signal); run it again
    """
    if template is not None:
        write_out(_template())
        return
    given = _Options(**options)
    with _source(file) as source:
        if source is None:
            if given.dry_run or given.preview or given.rejects is not None:
                raise click.UsageError("--dry-run, --preview and --rejects need a FILE")
            if given.retry_refused:
                raise click.UsageError("--retry-refused needs a FILE; or `pandapon journal PATH --mark REF=pending`")
            raise SystemExit(_work(None, None, given))
        count, has_bad = _check(source, given)
        if given.dry_run:
            write_out(f"{source.name}: {count:,} bookings are good" + (", the others aren't" if has_bad else ""))
            raise SystemExit(BAD_INPUT if has_bad else 0)
        status = _work(source, count, given)
    raise SystemExit(status or (FAILED if has_bad else 0))


@attrs.frozen
class _Options:
    """What was asked for."""

    vendor: str | None
    config: Path | None
    journal: Path | None
    concurrency: int
    rate: float | None
    dry_run: bool
    preview: bool
    spend: tuple[str, str] | None
    rejects: Path | None
    retry_refused: bool
    adopt: str | None
    as_json: bool


def _template() -> str:
    from .._files.columns import template

    return ",".join(template())


@contextlib.contextmanager
def _source(file: str | None) -> Generator[BookingFile | None, None, None]:
    """The file of bookings; what comes from stdin is kept on disk meanwhile, since it is read more than once."""
    from .._files.bookings import BookingFile

    if file is None:
        yield None
    elif file != "-":
        yield BookingFile(file)
    else:
        with tempfile.TemporaryDirectory() as folder:  # only its owner can look into it
            if sys.stdin is None:  # closed
                raise click.UsageError("there is no stdin to read")
            copy = Path(folder) / "stdin"
            with copy.open("wb") as target:
                while piece := sys.stdin.buffer.read(2**20):
                    target.write(piece)
            yield BookingFile(copy, "stdin")


def _check(source: BookingFile, options: _Options) -> tuple[int, bool]:
    """How many bookings of the file are good, and whether any is bad; without --rejects a bad one ends the program."""
    from .._files.outputs import check_output
    from .._files.problems import is_problems

    checked = source.check()
    good, bad = checked.good, checked.wrong + checked.held
    for mistake in checked.findings[:_SHOWN]:
        tell(f"{source.name}: {mistake}")
    if bad > _SHOWN:
        tell(f"{source.name}: and {bad - _SHOWN:,} more")
    if bad and options.rejects is None and not options.dry_run:
        raise Failed(
            f"{bad:,} of {good + bad:,} bookings can't be read; nothing was sent. With --rejects PATH the good ones are booked",
            BAD_INPUT,
        )
    if not good and not bad:
        raise Failed(f"{source.name}: holds no booking", BAD_INPUT)
    if options.rejects is not None:
        kept = [path for path in (source.path, options.journal, options.config) if path is not None]
        check_output(options.rejects, kept, is_problems)
    return good, bool(bad)


def _work(source: BookingFile | None, count: int | None, options: _Options) -> int:
    """Preview or book; the exit status."""
    from .booking import BookingWork
    from .preview import preview

    profile = _profile(options)
    if options.preview and source is not None:
        return run(preview(profile, source, options.concurrency))
    if options.journal is None:
        raise click.UsageError("--journal PATH is needed: it is what a booking is found in again after a crash")
    work = BookingWork(
        profile=profile,
        journal=options.journal,
        source=source,
        count=count,
        concurrency=options.concurrency,
        spend=_money(options.spend),
        rejects=options.rejects,
        retry_refused=options.retry_refused,
        adopt_key=options.adopt is not None,
        as_json=options.as_json,
    )
    failed = False
    try:
        run(work.run(), work.under_way)
    except PandaponError as error:
        if not work.began:
            raise
        failed = True
        tell(f"Error: {error}")
    finally:
        if work.began:
            work.show()
    return work.status or (FAILED if failed else 0)


def _profile(options: _Options) -> VendorProfile:
    profile = choose(load_profiles(options.config), options.vendor or options.adopt)
    if options.adopt not in (None, profile.name):
        raise click.UsageError(f"--adopt {options.adopt}: the account is {profile.name}")
    if options.rate is None:
        return profile
    return profile.evolve(limits=attrs.evolve(profile.limits, rate=options.rate))


def _money(spend: tuple[str, str] | None) -> Money | None:
    from .._files.resolutions import money_of

    return money_of(*spend) if spend else None
