"""``pandapon domestic``: report the domestic parcels of booked orders, by a file."""

from __future__ import annotations

from typing import Any

import click

from .file_options import on_disk, work_options
from .shared import OnceEach


@click.command("domestic", cls=OnceEach, short_help="Report the domestic parcels of booked orders.")
@click.argument("file", metavar="FILE | -")
@work_options
def command(file: str, **options: Any) -> None:
    """Report which domestic parcels bring the goods of your orders to the vendor's warehouse.

    FILE is a sheet with a row a parcel: reference (your order number), itemId or skuId, carrier, number, under these names or the
    common words for them; or JSON objects {"reference": ..., "parcels": [{"itemId": ..., "carrier": ..., "number": ...}]}. The
    item may be left out where the order has one parcel. The vendor's order, the international number and the account are looked
    up in the journal; a column internationalNumber says which, if an item is in several parcels. What isn't booked is a problem.

    Each order is one update, with all its parcels so far. A file that is fed again reports nothing twice; a file with further
    parcels of the same order is a further update of it.

    Checks, questions, problems file, --json and exit status are those of `pandapon book`.
    """
    from .._files.domestic import DomesticUpdates, ParcelRows
    from ..api.logistics import DomesticShipmentUpdate
    from .book_file import book_file
    from .book_options import BookOptions

    given = BookOptions.of(options, request_type=DomesticShipmentUpdate, rows=ParcelRows, completion=DomesticUpdates)
    with on_disk(file) as (path, name):
        status = book_file(path, name, given)
    raise SystemExit(status)
