"""``pandapon bulk``: any WRITE for each row of a file, resumable."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from .._errors import ConfigError
from .file_options import on_disk, work_options
from .shared import OnceEach, choose, load_profiles

if TYPE_CHECKING:
    from .._models.operation import VendorRequest


@click.command("bulk", cls=OnceEach, short_help="Send any WRITE for each row of a file, resumable.")
@click.argument("operation", metavar="OPERATION")
@click.argument("file", metavar="FILE | -")
@work_options
def command(operation: str, file: str, **options: Any) -> None:
    """Send one request for each row or object of a file, each once, however often this is interrupted and started again.

    OPERATION is the name or the contract id of a WRITE from `pandapon operations`, such as alibaba.orders.cancel. FILE is JSON
    lines (each the vendor's own request body, with an optional "reference"), or a sheet whose columns are the request's members by
    their dotted wire names. The first list of objects that a request has is given by rows, one an entry: the rows of a reference
    belong together. Any other list is a cell of JSON.

    What is sent under a reference is sent once by each operation: a booking, its cancellation and its refund may have the same one.
    Without a column "reference" it is the request's own number, such as the order to be cancelled, or a digest of it.

    Checks, questions, journal, problems file, --json and exit status are those of `pandapon book`.
    """
    from .book_file import book_file
    from .book_options import BookOptions

    request_type = _chosen(operation, options["config"], options["vendor"])
    given = BookOptions.of(options, request_type=request_type)
    with on_disk(file) as (path, name):
        status = book_file(path, name, given)
    raise SystemExit(status)


def _chosen(name: str, config: Path | None, vendor: str | None) -> type[VendorRequest[Any]]:
    """The WRITE of this name; where several vendors have one of that name, the account decides."""
    from .._models.operation import Effect
    from .operations import find_requests

    found = find_requests(name)
    if len(found) > 1:
        kind = choose(load_profiles(config), vendor).kind
        offered = [one for one in found if kind in one.operation.vendors]
        if not offered:
            raise ConfigError(f"{name} is not offered by {kind}")
        found = offered
    (request_type,) = found
    if request_type.operation.effect is not Effect.WRITE:
        raise click.BadParameter(f"{name} only reads: `pandapon call`", param_hint="OPERATION")
    return request_type
