"""``pandapon journal PATH --totals``: fees, credits, net, and what is open, by whatever is asked for."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, tzinfo
from typing import TYPE_CHECKING

from .._journal.sums import Sum, sums_by
from .shared import json_text, labelled, write_out
from .words import Words

if TYPE_CHECKING:
    from .._journal.journal import Journal


def show_totals(
    journal: Journal,
    by: str,
    words: Words,
    zone: tzinfo,
    *,
    since: datetime | None,
    until: datetime | None,
    account: str | None,
    as_json: bool,
) -> None:
    """Print the sums of a period.

    Raises:
        ConfigError: no such column was kept.
    """
    found = sums_by(journal, by, zone, since=since, until=until, account=account)
    for one in found:
        if as_json:
            write_out(json_text(_as_json(one, by, zone)))
            continue
        for index, text in enumerate(_texts(one, words)):
            labelled("" if index else (one.name or words("totals.not_known")), text)
    if not as_json:
        write_out(words("totals.zone" if found else "totals.none", zone=zone))


def _texts(one: Sum, words: Words) -> Iterator[str]:
    for currency, of in sorted(one.amounts.items()):
        amounts = {name: f"{getattr(of, name):,f}" for name in ("net", "fees", "credits")}
        yield words("totals.amounts", currency=currency, **amounts)
    if one.unpriced:
        yield words("sum.unpriced", count=f"{one.unpriced:,}")
    if one.uncredited:
        yield words("totals.uncredited", count=f"{one.uncredited:,}")


def _as_json(one: Sum, by: str, zone: tzinfo) -> dict[str, object]:
    totals = [
        {"currency": currency} | {name: format(getattr(of, name), "f") for name in ("fees", "credits", "net")}
        for currency, of in sorted(one.amounts.items())
    ]
    open_ones = {"unpriced": one.unpriced, "uncredited": one.uncredited}
    return {by: one.name or None, "totals": totals, **open_ones, "time_zone": str(zone)}
