"""``pandapon quote``: a file of destinations in, the cheapest services out."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from .progress import Screen
from .running import run
from .shared import (
    BAD_INPUT,
    FAILED,
    Failed,
    Interrupted,
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

_MAX_REASONS = 5


@click.command("quote", short_help="Compare freight prices at one or several accounts.")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--vendor", "names", multiple=True, metavar="NAME", help="An account to query; repeatable. Default: all.")
@config_option
@click.option(
    "--out", type=click.Path(dir_okay=False, path_type=Path), metavar="FILE", help="Write all quotes: .csv or .jsonl."
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
def command(
    file: Path,
    names: Sequence[str],
    config: Path | None,
    out: Path | None,
    chart: Path | None,
    fx: Sequence[str],
    concurrency: int | None,
    as_json: bool,
) -> None:
    """Get quotes from every account for every line of FILE, and print the cheapest for each.

    FILE is CSV (comma, semicolon or tab; UTF-8) with columns item_id, sku_id and country, and optionally quantity, price,
    currency, state, city, zip, reference, name, phone, mobile_phone, email, address, tax_id. The whole file is checked before
    anything is sent.

    Two currencies are never compared without --fx. Where a reply has the price is not documented: if none is recognised, the
    contents of one reply are listed; then set price_paths in the account's settings.

    Status 0 if every request got a reply, every line a price, and every account's prices were recognised, 1 if not, 2 if
    nothing was sent, 130 if interrupted (quotes received by then are still shown and written).
    """
    from .._quotes.file import read_quote_file
    from .._quotes.rates import Rates
    from .._quotes.table import QuoteTable

    _check_endings(out, chart)
    rates = Rates.parse(list(fx))
    requests = read_quote_file(file)
    profiles = load_profiles(config)
    chosen = [choose(profiles, name) for name in dict.fromkeys(names)] or profiles
    quotes: list[Quote] = []
    interrupted: Interrupted | None = None
    try:
        with Screen("quoting", len(requests) * len(chosen)) as bar:
            run(_sweep(chosen, requests, concurrency, quotes, bar))
    except Interrupted as signal:
        interrupted = signal
    table = QuoteTable(quotes, [profile.name for profile in chosen])
    _Report(table, rates).show(out, chart, as_json=as_json)
    if interrupted is not None:
        raise interrupted
    _judge(table)


def _check_endings(out: Path | None, chart: Path | None) -> None:
    for option, path, endings in (("--out", out, (".csv", ".jsonl")), ("--chart", chart, (".svg", ".png"))):
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

    def show(self, out: Path | None, chart: Path | None, *, as_json: bool) -> None:
        from .._quotes.table import json_record

        table = self._table
        if as_json:
            for row in table.rows:
                write_out(json_text(json_record(row, raw=False)))
        elif table.priced:
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
