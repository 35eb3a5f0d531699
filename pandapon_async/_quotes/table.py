"""The quotes of a sweep as a table: the cheapest, the spread, files, and what to book."""

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
from .._files.csv_sheet import SheetWriter, open_private
from .._models.jsonio import dumps
from .._models.money import Money
from .._models.operation import QuotedPair
from ..api.logistics import FreightBookingRequest
from . import ordering as quoteorders
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
"""The keys of a record and the columns of a CSV file."""


@attrs.frozen(kw_only=True)
class Spread:
    """How far apart the quotes of one choice are.

    Attributes:
        low, high: the cheapest and the dearest.
        count: how many quotes there are.
        ratio: the dearest as a multiple of the cheapest; None if that is 0.
    """

    low: Quote
    high: Quote
    count: int
    ratio: Decimal | None


class QuoteTable:
    """The quotes of a sweep.

    Currencies are compared by ``rates`` only: ``{"USD/CNY": "7.1"}`` says that one USD is 7.1 CNY. Without a rate, quotes in
    two currencies stand side by side.

    Args:
        quotes: the rows, in any order.
        vendors: the names of the accounts that were asked, in the order in which their rows are to stand.

    Attributes:
        rows: all of them, failures included, in the order of the input, then of the vendors.
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
        """The rows that have a price."""
        return tuple(row for row in self.rows if row.price is not None)

    @property
    def unquoted(self) -> tuple[Quote, ...]:
        """The first row of every order that no account named all prices for: what `to_previews` and `to_bookings` lack.

        An estimate without a reference, or a preview, is an order by itself.
        """
        return tuple(quoteorders.OrderChoice(self.rows, Rates().measure).missing)

    @property
    def notice(self) -> str | None:
        """What to do about accounts in none of whose replies a price was recognised; None if there are none."""
        read = {row.vendor for row in self.priced}
        unread = {row.vendor: row for row in reversed(self.rows) if row.raw is not None and row.vendor not in read}
        if not unread:
            return None
        found = "".join(
            f"no price was recognised in any reply of {vendor}. One holds, at\n"
            + "".join(f"  {place}\n" for place in key_paths(row.raw))
            for vendor, row in sorted(unread.items())
        )
        return (
            f"{found}No page of the vendors shows where the price stands. If it is one of these, name it in the account's "
            'price_paths, such as ["data.options[].cost"] or ["data.options[].cost(CNY)"]'
        )

    # --- comparing ---

    def cheapest(self, rates: AnyRates = None) -> tuple[Quote, ...]:
        """The cheapest quote of every choice (destination, goods, reference); one for each currency that can't be compared.

        Raises:
            RequestError: the rates are wrong.
        """
        return tuple(group[0] for group in self._ranked(rates))

    def spread(self, rates: AnyRates = None) -> tuple[Spread, ...]:
        """Cheapest against dearest, of every choice and currency.

        Raises:
            RequestError: the rates are wrong.
        """
        measure = rates_from(rates).measure
        made: list[Spread] = []
        for group in self._ranked(rates):
            low, high = group[0], group[-1]
            ratio = _ratio(_measured(low, measure)[1], _measured(high, measure)[1])
            made.append(Spread(low=low, high=high, count=len(group), ratio=ratio))
        return tuple(made)

    def _ranked(self, rates: AnyRates) -> list[list[Quote]]:
        """The quotes of each choice and currency, the cheapest first; the earlier row wins a tie."""
        measure = rates_from(rates).measure
        groups: dict[Any, list[tuple[Fraction, Quote]]] = {}
        for row in self.priced:
            currency, amount = _measured(row, measure)
            groups.setdefault((row.choice, currency), []).append((amount, row))
        return [[row for _, row in sorted(group, key=lambda pair: pair[0])] for group in groups.values()]

    # --- out ---

    def records(self) -> list[dict[str, Any]]:
        """The rows as plain dicts, as `pandas.DataFrame` takes them; the price is a `Decimal`, what is missing None."""
        return [_record(row) for row in self.rows]

    def write_csv(self, path: str | os.PathLike[str]) -> None:
        """Write all rows as UTF-8 with BOM, as spreadsheets want it; what could pass for a formula is neutralised.

        Raises:
            OSError: the file can't be written.
        """
        with open_private(Path(path)) as file:
            writer = SheetWriter(file, QUOTE_COLUMNS)
            for record in self.records():
                writer.row("" if value is None else str(value) for value in record.values())

    def write_jsonl(self, path: str | os.PathLike[str]) -> None:
        """Write all rows as JSON lines: the record, amounts as text, and the raw reply.

        Raises:
            OSError: the file can't be written.
        """
        with open_private(Path(path)) as file:
            for row in self.rows:
                file.write(dumps(json_record(row)) + b"\n")

    def write_chart(
        self, path: str | os.PathLike[str], *, rates: AnyRates = None, title: str | None = None
    ) -> tuple[str, ...]:
        """Draw the price per destination, by vendor and service; needs the extra ``charts``.

        Args:
            path: ends in ``.svg`` or ``.png``. In an SVG the labels stay text, so it shows in the reader's own fonts.
            rates: currencies that can be compared are drawn in one of them; others get a panel each.
            title: above the chart.

        Returns:
            What the person who looks at it should know, such as characters that no installed font has.

        Raises:
            ConfigError: matplotlib isn't installed.
            RequestError: another ending, no price to draw, or wrong rates.
            OSError: the file can't be written.
        """
        from .charts import write_chart

        return write_chart(self.rows, Path(path), rates_from(rates), title)

    # --- ordering ---

    def to_previews(self, chosen: Iterable[Quote] | None = None, *, rates: AnyRates = None) -> list[SweepRequest]:
        """Previews of the chosen quotes, for the same sweep: their replies hold the render id that a booking takes.

        Estimates under one reference and to one address are one order, at the account where the whole is cheapest.

        Args:
            chosen: the quotes; None: the cheapest account's, for each order. An order that no account named all prices for is in
                `unquoted`.
            rates: for the choice.

        Raises:
            RequestError: two of them are rivals, an order is split between accounts, or the choice isn't clear.
        """
        return quoteorders.previews(self._chosen(chosen, rates))

    def to_bookings(
        self,
        chosen: Iterable[Quote] | None = None,
        *,
        rates: AnyRates = None,
        vendor: str | None = None,
        journal: str | os.PathLike[str] | None = None,
    ) -> list[QuotedPair[FreightBookingRequest]]:
        """Bookings of the chosen quotes, as the pairs (reference, request) that a `BookingJob` takes.

        Each pair knows its account (``.vendor``): a job, stream or call of another account refuses it. A quote of a preview is
        booked under its render id; one of an estimate has none: `to_previews` first, unless you know that it isn't needed.

        Args:
            chosen: the quotes; None: the cheapest account's, for each order. An order that no account named all prices for is in
                `unquoted`.
            rates: for the choice.
            vendor: only this account's, by name.
            journal: of earlier runs; what it holds as done, in doubt or under way, at whatever account, is left out. Without it,
                an order that was booked at one account is booked again if another has become the cheapest.

        Raises:
            RequestError: two of them are rivals, an order is split between accounts, the choice isn't clear, or no vendor of that
                name was asked.
            JournalError: the journal can't be read.
        """
        pairs = quoteorders.bookings(self._chosen(chosen, rates))
        if vendor is not None:
            pairs = quoteorders.only_of(vendor, {*self._vendors, *(row.vendor for row in self.rows)}, pairs)
        return pairs if journal is None else quoteorders.new_to(Path(journal), pairs)

    def _chosen(self, chosen: Iterable[Quote] | None, rates: AnyRates) -> list[Quote]:
        if chosen is not None:
            return quoteorders.without_rivals(chosen)
        quoteorders.check_clear(self.rows)
        return quoteorders.OrderChoice(self.rows, rates_from(rates).measure).quotes()


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
    """A row as JSON has it: amounts as text; with the raw reply unless told."""
    record = {**_record(row), "price": None if row.price is None else str(row.price.amount)}
    return {**record, "raw": row.raw} if raw else record
