"""``pandapon book``: book a file, resumable."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from .file_options import on_disk, work_options
from .shared import OnceEach, tell, write_out

_path = click.Path(dir_okay=False, path_type=Path)


@click.command("book", cls=OnceEach, short_help="Book a file of freight orders, resumable.")
@click.argument("file", required=False, metavar="[FILE | -]")
@work_options
@click.option("--preview", is_flag=True, help="Ask for render ids and fees, into --out F; book nothing.")
@click.option("--spend-limit", nargs=2, metavar="AMOUNT CUR", help="What may be spent in all, earlier runs included.")
@click.option("--highest-fee", nargs=2, metavar="AMOUNT CUR", help="What one booking may cost; more ends the run.")
@click.option("--template", type=click.Choice(["csv", "xlsx"]), help="Write an empty file with all columns.")
@click.option("--out", type=_path, metavar="F", help="Where --template or --preview is written, else stdout.")
def command(file: str | None, template: str | None, out: Path | None, **options: Any) -> None:
    """Book the freight orders of a file, each once, however often this is interrupted and started again.

    FILE is JSON lines (each the vendor's own request body, with an optional "reference"), or a sheet with the columns of
    --template, one row a line item; "-" is stdin. Without FILE it lists what the journal has waiting, and asks. Nothing is sent
    before the whole file has been checked, nor before you have said yes (--yes, or a vendor on this machine, isn't asked).

    Rows that are wrong or look wrong are never sent. On a terminal you are asked whether the others are; else nothing is sent
    unless --problems PATH says where the rows are written that need a correction or a decision.

    --preview --out F writes the file again with account, render id, and the previewed fee, currency and time; what could not be
    previewed goes to --problems. Book F: what was previewed too long ago (preview_hours of the settings, 12) is previewed again,
    and held if it has become dearer by more than max_increase (3 %). Three bookings in a row above their previewed fee end the run.

    The journal is --journal, else the settings', else the one beside FILE; one is made where there is none. Settings are read
    from pandapon.toml beside FILE or in a folder above it, else from your own folder.

    --json: each object has reference, account, state (done, refused, unknown, pending, held, wrong, skipped), recorded (what the
    journal has), order_id, fee (amount, currency), tracking, code (why it isn't booked) and error.

    Ctrl-C, SIGTERM and SIGHUP (Ctrl-Break, closing the window) let what is under way end, for 30 s; a second one leaves it
    unclear.

    \b
    Exit status, of all the file's bookings, earlier runs included:
      0  all booked                          3  some unclear: look them up, then `pandapon journal --resolve`
      1  some refused, cancelled or wrong    4  some still waiting: run it again
      2  bad input, or no: nothing was sent  130  interrupted (128 + the signal); run it again
    """
    if template is not None:
        _write_template(template, out)
        return
    if out is not None and not options["preview"]:
        raise click.UsageError("--out is where --template or --preview is written")
    from .book_file import book_file, book_waiting
    from .book_options import BookOptions

    given = BookOptions.of({**options, "out": out})
    if file is None:
        raise SystemExit(book_waiting(given))
    with on_disk(file) as (path, name):
        status = book_file(path, name, given)
    raise SystemExit(status)


def _write_template(kind: str, out: Path | None) -> None:
    """An empty file with all columns; what else they may be called is told beside it."""
    from .._files.columns import template
    from .._files.outputs import check_output, replaced
    from .._files.templates import words, write_template

    if kind == "xlsx":
        if out is None:
            raise click.UsageError("--template xlsx is written to a file: --out F")
        write_out(str(write_template(out)))
        return
    header = ",".join(template())
    if out is None:
        write_out(header)
    else:
        check_output(out, (), lambda path: path.read_bytes() == f"\ufeff{header}\r\n".encode())
        with replaced(out, private=False) as target:
            target.file.write(f"\ufeff{header}\r\n".encode())
    for name, others in words():
        if others:
            tell(f"{name}: {others}")
