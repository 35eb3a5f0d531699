"""``pandapon quote``: a file of destinations in, the cheapest services out."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import attrs
import click

from .file_options import reading_options
from .progress import Screen
from .running import run
from .shared import (
    BAD_INPUT,
    FAILED,
    Failed,
    Interrupted,
    OnceEach,
    choose,
    config_option,
    json_text,
    load_profiles,
    new_table,
    show_table,
    tell,
    write_out,
)

if TYPE_CHECKING:
    from .._config.profiles import VendorProfile
    from .._quotes.quote import Quote
    from .._quotes.rates import Rates
    from .._quotes.requests import SweepRequest
    from .._quotes.table import QuoteTable
    from .quote_orders import QuotedFile

_MAX_REASONS = 5


@click.command("quote", cls=OnceEach, short_help="Compare freight prices at one or several accounts.")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--vendor", "names", multiple=True, metavar="NAME", help="An account to query; repeatable. Default: all.")
@config_option
@click.option(
    "--out",
    type=click.Path(dir_okay=False, path_type=Path),
    metavar="FILE",
    help="Write all offers (.xlsx, .csv) or quotes.",
)
@click.option(
    "--chosen", type=click.Path(exists=True, dir_okay=False, path_type=Path), metavar="F", help="The offers, edited."
)
@click.option(
    "--orders", type=click.Path(dir_okay=False, path_type=Path), metavar="F", help="Where what was chosen is written."
)
@click.option(
    "--chart", type=click.Path(dir_okay=False, path_type=Path), metavar="FILE", help="Draw them: .svg or .png."
)
@click.option("--fx", multiple=True, metavar="USD/CNY=7.1", help="A rate for comparing two currencies; repeatable.")
@click.option(
    "--concurrency",
    type=click.IntRange(1),
    metavar="N",
    help="Requests in flight per account; by default what its profile allows.",
)
@click.option("--json", "as_json", is_flag=True, help="Print all quotes, one JSON object per line.")
@reading_options
def command(
    file: Path,
    names: Sequence[str],
    config: Path | None,
    out: Path | None,
    chosen: Path | None,
    orders: Path | None,
    chart: Path | None,
    fx: Sequence[str],
    concurrency: int | None,
    as_json: bool,
    **reading: Any,
) -> None:
    """Get quotes from every account for every order of FILE, and print the cheapest for each.

    FILE is a booking file, in any format that `pandapon book` reads. --out offers.xlsx (or .csv) writes what each service of
    each account asks for the whole order, with an x under take for the cheapest that [quotes] of the settings allows. Edit it, then
    --chosen offers.xlsx --orders F writes the booking file again with the account and service of what was taken, exactly one
    for each order; nothing is asked for that. Next is `pandapon book F --preview --out G`.

    Or FILE is a list of prices to ask: CSV (comma, semicolon or tab; UTF-8) with columns item_id, sku_id and country, and
    optionally quantity, price, currency, state, city, zip, reference, name, phone, mobile_phone, email, address, tax_id; --out
    writes all quotes then, as .csv or .jsonl. The whole file is checked before anything is sent.

    Two currencies are never compared without --fx. Where a reply has the price is not documented: if none is recognised, the
    contents of one reply are listed; then set price_paths in the account's settings.

    Status 0 if every request got a reply, every line a price, and every account's prices were recognised, 1 if not, 2 if
    nothing was sent, 130 if interrupted (of a list of prices, what has come by then is still shown and written).
    """
    from .._quotes.file import is_quote_file, read_quote_file
    from .._quotes.rates import Rates

    _check_options(out, chosen, orders)
    wants_orders = chosen is not None or (out is not None and out.suffix.lower() == ".xlsx")
    is_list = not wants_orders and is_quote_file(file)
    _check_endings(out, chart, (".csv", ".jsonl") if is_list else (".csv", ".xlsx"))
    rates = Rates.parse(list(fx))
    requests = read_quote_file(file) if is_list else None
    profiles = load_profiles(config)
    asked = [choose(profiles, name) for name in dict.fromkeys(names)] or profiles
    quoted = None if requests is not None else _quoted(file, asked, config, reading)
    if quoted is not None:
        if chosen is not None and orders is not None:
            quoted.write_orders(chosen, orders)
            return
        quoted.check(out)
        requests = [request for order in quoted.orders.values() for request in order.requests]
    table, interrupted = _asked(asked, requests or [], concurrency)
    if quoted is None:
        _Report(table, rates).show(out, chart, as_json=as_json)
    elif interrupted is None:  # of a part of the offers nobody can tell which is the cheapest
        _Report(table, rates).show(None, chart, as_json=as_json, cheapest=False)
        quoted.show(table.rows, rates, out, as_json=as_json)
    if interrupted is not None:
        raise interrupted
    _judge(table)


def _quoted(
    file: Path, profiles: Sequence[VendorProfile], config: Path | None, reading: Mapping[str, Any]
) -> QuotedFile:
    from .._config.settings import find_settings
    from .._files.bookings import BookingFile
    from .file_options import ReadingOptions
    from .quote_orders import QuotedFile

    settings = find_settings(file.parent)
    options = ReadingOptions(**reading)
    source = BookingFile(file, reading=attrs.evolve(options.reading(settings), corrects=True))
    kept = [path for path in (config, settings.path, settings.journal) if isinstance(path, Path)]
    again = [*options.given, *(() if config is None else ("--config", str(config)))]
    return QuotedFile(source=source, profiles=profiles, settings=settings, kept=kept, again=again)


def _asked(
    profiles: Sequence[VendorProfile], requests: Sequence[SweepRequest], concurrency: int | None
) -> tuple[QuoteTable, Interrupted | None]:
    """The quotes, as far as they have come."""
    from .._quotes.table import QuoteTable

    quotes: list[Quote] = []
    interrupted: Interrupted | None = None
    total = sum(len(profiles) if request.vendors is None else len(request.vendors) for request in requests)
    try:
        with Screen("quoting", total) as bar:
            run(_sweep(profiles, requests, concurrency, quotes, bar))
    except Interrupted as signal:
        interrupted = signal
    return QuoteTable(quotes, [profile.name for profile in profiles]), interrupted


def _check_options(out: Path | None, chosen: Path | None, orders: Path | None) -> None:
    """Refuse options that don't go together."""
    if (chosen is None) != (orders is None):
        raise click.UsageError("--chosen and --orders go together: offers in, a booking file out")
    if chosen is not None and out is not None:
        raise click.UsageError("--out is where offers are written; --chosen reads them: give one of them")
    if orders is not None and not orders.resolve().parent.is_dir():
        raise Failed(f"--orders: there is no folder {str(orders.parent)!r}", BAD_INPUT)


def _check_endings(out: Path | None, chart: Path | None, wanted: Sequence[str]) -> None:
    for option, path, endings in (("--out", out, wanted), ("--chart", chart, (".svg", ".png"))):
        if path is not None and path.suffix.lower() not in endings:
            raise click.BadParameter(f"{str(path)!r} must end in {' or '.join(endings)}", param_hint=option)
        if path is not None and not path.resolve().parent.is_dir():
            raise click.BadParameter(f"there is no folder {str(path.parent)!r}", param_hint=option)
    if chart is not None:
        import importlib.util

        if importlib.util.find_spec("matplotlib") is None:
            raise Failed("--chart needs matplotlib: pip install 'pandapon-async[charts]'", BAD_INPUT)


async def _sweep(
    profiles: Sequence[VendorProfile],
    requests: Sequence[SweepRequest],
    concurrency: int | None,
    quotes: list[Quote],
    bar: Screen,
) -> None:
    from .._manager import SessionManager
    from .._quotes.sweep import QuoteSweep

    async with SessionManager(profiles) as vendors:
        sweep = QuoteSweep([vendors[profile.name] for profile in profiles], concurrency=concurrency)
        failures = 0
        async with sweep.stream(requests) as stream:
            async for quote in stream:
                quotes.append(quote)
                failures += not quote.ok
                if quote.number == 0:
                    bar.step(f"{failures} failed" if failures else "")


def _judge(table: QuoteTable) -> None:
    """Exit with status 1 unless everything has a price."""
    if notice := table.notice:
        raise Failed(notice, FAILED)
    failures = [row for row in table.rows if not row.ok]
    if failures or table.unquoted:
        failed, missing = len(failures), len(table.unquoted)
        raise Failed(f"{failed} requests failed, {missing} got no price from any account", FAILED)


class _Report:
    """Shows a table and writes its files."""

    def __init__(self, table: QuoteTable, rates: Rates) -> None:
        self._table = table
        self._rates = rates

    def show(self, out: Path | None, chart: Path | None, *, as_json: bool, cheapest: bool = True) -> None:
        from .._quotes.table import json_record

        table = self._table
        if as_json:
            for row in table.rows:
                write_out(json_text(json_record(row, raw=False)))
        elif table.priced and cheapest:
            self._show_cheapest()
        if out is not None:
            (table.write_csv if out.suffix.lower() == ".csv" else table.write_jsonl)(out)
        if chart is not None and table.priced:
            for notice in table.write_chart(chart, rates=self._rates):
                tell(f"Warning: {notice}")
        self._show_failures()

    def _show_cheapest(self) -> None:
        cheapest = self._table.spread(self._rates)
        referenced = any(spread.low.reference for spread in cheapest)
        grid = new_table()
        columns = [*(["reference"] if referenced else []), "destination", "goods", "account", "service"]
        for column in columns:
            grid.add_column(column, overflow="fold")
        for column in ("price", "currency", "of", "highest"):
            grid.add_column(column, justify="left" if column == "currency" else "right", no_wrap=True)
        for spread in cheapest:
            low = spread.low
            assert low.price is not None
            goods = ", ".join(map(str, low.goods))
            own = [low.reference or "-"] if referenced else []
            highest = "-" if spread.ratio is None else f"{spread.ratio} x"
            words = [*own, low.destination, goods, low.vendor, low.service]
            grid.add_row(*words, f"{low.price.amount:,}", low.price.currency, str(spread.count), highest)
        show_table(grid)

    def _show_failures(self) -> None:
        from .._errors import in_short

        reasons = Counter((row.vendor, in_short(row.error)) for row in self._table.rows if row.error is not None)
        for (vendor, reason), count in reasons.most_common(_MAX_REASONS):
            tell(f"{vendor}: {count} failed: {reason}")
        if len(reasons) > _MAX_REASONS:
            tell(f"... and {len(reasons) - _MAX_REASONS} other reasons; --out has them all")
