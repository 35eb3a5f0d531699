"""The quotes of a sweep as a table: comparison, files, and requests to book."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal
from fractions import Fraction
from pathlib import Path
from typing import Any

import attrs

from .._config.price_paths import key_paths
from .._errors import in_short
from .._files.csv_table import CsvWriter
from .._files.outputs import open_private
from .._models.jsonio import dumps
from .._models.money import Money
from .._models.operation import QuotedPair
from ..api.logistics import FreightBookingRequest
from . import ordering
from .quote import Quote
from .rates import Rates, rates_from
from .requests import SweepRequest

AnyRates = Rates | Mapping[str, "Decimal | int | str"] | None
QUOTE_COLUMNS = (
    "reference",
    "vendor",
    "country",
    "state",
    "city",
    "zip",
    "item_id",
    "sku_id",
    "quantity",
    "service_id",
    "company",
    "category",
    "price",
    "currency",
    "render_id",
    "error",
)
"""The keys of a record, and the columns of a CSV file."""


@attrs.frozen(kw_only=True)
class Spread:
    """The range of the quotes for one choice.

    Attributes:
        low, high: the cheapest and the most expensive.
        count: the number of quotes.
        ratio: the highest price divided by the lowest; None if the lowest is 0.
    """

    low: Quote
    high: Quote
    count: int
    ratio: Decimal | None


class QuoteTable:
    """The quotes of a sweep.

    Currencies are only compared with ``rates``: ``{"USD/CNY": "7.1"}`` means that one USD is 7.1 CNY. Without a rate, quotes
    in two currencies are listed separately.

    Args:
        quotes: the rows, in any order.
        vendors: the names of the queried accounts, in the order of their rows.

    Attributes:
        rows: all rows, including failures, ordered by input, then by vendor.
    """

    def __init__(self, quotes: Iterable[Quote], vendors: Sequence[str] = ()) -> None:
        self._vendors = tuple(vendors)
        order = {name: place for place, name in enumerate(vendors)}
        rows = sorted(quotes, key=lambda row: (row.index, order.get(row.vendor, len(order)), row.vendor, row.number))
        self.rows: tuple[Quote, ...] = tuple(rows)

    def __len__(self) -> int:
        return len(self.rows)

    def __repr__(self) -> str:
        failures = sum(not row.ok for row in self.rows)
        return f"<QuoteTable of {len(self.rows)} quotes, {len(self.priced)} with a price, {failures} failed>"

    @property
    def priced(self) -> tuple[Quote, ...]:
        """The rows with a price."""
        return tuple(row for row in self.rows if row.price is not None)

    @property
    def unquoted(self) -> tuple[Quote, ...]:
        """The first row of each order that no account priced completely: `to_previews` and `to_bookings` leave these out.

        An estimate without a reference, or a preview, is its own order.
        """
        return tuple(ordering.OrderChoice(self.rows, Rates().measure).missing)

    @property
    def notice(self) -> str | None:
        """Advice about accounts whose replies had no recognisable price; None if there are none."""
        read = {row.vendor for row in self.priced}
        unread = {row.vendor: row for row in reversed(self.rows) if row.raw is not None and row.vendor not in read}
        if not unread:
            return None
        found = "".join(
            f"no price was recognised in any reply of {vendor}. One reply has values at\n"
            + "".join(f"  {place}\n" for place in key_paths(row.raw))
            for vendor, row in sorted(unread.items())
        )
        return (
            f"{found}The vendors don't document where the price is. If it is one of these, add it to the account's "
            'price_paths, such as ["data.options[].cost"] or ["data.options[].cost(CNY)"]'
        )

    # --- comparing ---

    def cheapest(self, rates: AnyRates = None) -> tuple[Quote, ...]:
        """The cheapest quote for each choice (destination, goods, reference), per currency unless ``rates`` compares them.

        Raises:
            RequestError: the rates are invalid.
        """
        return tuple(group[0] for group in self._ranked(rates))

    def spread(self, rates: AnyRates = None) -> tuple[Spread, ...]:
        """The range of prices for each choice and currency.

        Raises:
            RequestError: the rates are invalid.
        """
        measure = rates_from(rates).measure
        made: list[Spread] = []
        for group in self._ranked(rates):
            low, high = group[0], group[-1]
            ratio = _ratio(_measured(low, measure)[1], _measured(high, measure)[1])
            made.append(Spread(low=low, high=high, count=len(group), ratio=ratio))
        return tuple(made)

    def _ranked(self, rates: AnyRates) -> list[list[Quote]]:
        """The quotes for each choice and currency, cheapest first; ties keep row order."""
        measure = rates_from(rates).measure
        groups: dict[Any, list[tuple[Fraction, Quote]]] = {}
        for row in self.priced:
            currency, amount = _measured(row, measure)
            groups.setdefault((row.choice, currency), []).append((amount, row))
        return [[row for _, row in sorted(group, key=lambda pair: pair[0])] for group in groups.values()]

    # --- output ---

    def records(self) -> list[dict[str, Any]]:
        """The rows as plain dicts, suitable for `pandas.DataFrame`; prices are `Decimal`, missing values None."""
        return [_record(row) for row in self.rows]

    def write_csv(self, path: str | os.PathLike[str]) -> None:
        """Write all rows as CSV for spreadsheets: UTF-8 with BOM, formula-like cells neutralised.

        Raises:
            OSError: the file can't be written.
        """
        with open_private(Path(path)) as file:
            writer = CsvWriter(file, QUOTE_COLUMNS)
            for record in self.records():
                writer.row("" if value is None else str(value) for value in record.values())

    def write_jsonl(self, path: str | os.PathLike[str]) -> None:
        """Write all rows as JSON lines: the record with amounts as text, and the raw reply.

        Raises:
            OSError: the file can't be written.
        """
        with open_private(Path(path)) as file:
            for row in self.rows:
                file.write(dumps(json_record(row)) + b"\n")

    def write_chart(
        self, path: str | os.PathLike[str], *, rates: AnyRates = None, title: str | None = None
    ) -> tuple[str, ...]:
        """Draw prices by destination, vendor and service; needs the extra ``charts``.

        Args:
            path: ends in ``.svg`` or ``.png``. An SVG keeps its labels as text, shown in the viewer's fonts.
            rates: comparable currencies are drawn in one of them; every other one gets its own panel.
            title: the chart's title.

        Returns:
            Notes for the viewer, such as characters that no installed font has.

        Raises:
            ConfigError: matplotlib isn't installed.
            RequestError: an unknown file suffix, no price to draw, or invalid rates.
            OSError: the file can't be written.
        """
        from .charts import write_chart

        return write_chart(self.rows, Path(path), rates_from(rates), title)

    # --- ordering ---

    def to_previews(self, chosen: Iterable[Quote] | None = None, *, rates: AnyRates = None) -> list[SweepRequest]:
        """Preview requests for the chosen quotes, to run in the same sweep: their replies hold the render id for booking.

        Estimates with one reference and address form one order, sent to the account with the lowest total.

        Args:
            chosen: the quotes; None: the cheapest account's for each order, without those in `unquoted`.
            rates: for finding the cheapest.

        Raises:
            RequestError: two quotes are for the same choice, an order is split between accounts, or the choice is ambiguous.
        """
        return ordering.previews(self._chosen(chosen, rates))

    def to_bookings(
        self,
        chosen: Iterable[Quote] | None = None,
        *,
        rates: AnyRates = None,
        vendor: str | None = None,
        journal: str | os.PathLike[str] | None = None,
    ) -> list[QuotedPair[FreightBookingRequest]]:
        """Booking requests for the chosen quotes, as pairs (reference, request) for a `BookingJob`.

        Each pair is bound to its account (``.vendor``): jobs, streams and calls of other accounts reject it. A preview's quote
        is booked with its render id; an estimate has none, so run `to_previews` first unless you know it isn't needed.

        Args:
            chosen: the quotes; None: the cheapest account's for each order, without those in `unquoted`.
            rates: for finding the cheapest.
            vendor: only the bookings for the account of this name.
            journal: of earlier runs; leaves out what is done, in doubt or in flight there, at any account. Without it, an order
                booked at one account is booked again if another has become the cheapest.

        Raises:
            RequestError: two quotes are for the same choice, an order is split between accounts, the choice is ambiguous, or
                no account of that name was queried.
            JournalError: the journal can't be read.
        """
        pairs = ordering.bookings(self._chosen(chosen, rates))
        if vendor is not None:
            pairs = ordering.only_of(vendor, {*self._vendors, *(row.vendor for row in self.rows)}, pairs)
        return pairs if journal is None else ordering.new_to(Path(journal), pairs)

    def _chosen(self, chosen: Iterable[Quote] | None, rates: AnyRates) -> list[Quote]:
        if chosen is not None:
            return ordering.one_per_choice(chosen)
        ordering.check_clear(self.rows)
        return ordering.OrderChoice(self.rows, rates_from(rates).measure).quotes()


def _measured(row: Quote, measure: Any) -> tuple[str, Fraction]:
    assert row.price is not None
    measured: tuple[str, Fraction] = measure(row.price)
    return measured


def _ratio(low: Fraction, high: Fraction) -> Decimal | None:
    return None if low == 0 else (Decimal(round(high / low * 100)) / 100).quantize(Decimal("0.01"))


def _record(row: Quote) -> dict[str, Any]:
    country, state, city, zip_code = (part or None for part in row.place)
    goods = row.goods
    price: Money | None = row.price
    single = goods[0] if len(goods) == 1 else None
    values = (
        row.reference,
        row.vendor,
        country,
        state,
        city,
        zip_code,
        "; ".join(item.item_id for item in goods) or None,
        "; ".join(item.sku_id for item in goods) or None,
        single.quantity if single else "; ".join(str(item.quantity) for item in goods) or None,
        row.service_id,
        row.company,
        row.category,
        price and price.amount,
        price and price.currency,
        row.render_id,
        None if row.error is None else in_short(row.error),
    )
    return dict(zip(QUOTE_COLUMNS, values, strict=True))


def json_record(row: Quote, *, raw: bool = True) -> dict[str, Any]:
    """A row for JSON, with amounts as text and, by default, the raw reply."""
    record = {**_record(row), "price": None if row.price is None else str(row.price.amount)}
    return {**record, "raw": row.raw} if raw else record
