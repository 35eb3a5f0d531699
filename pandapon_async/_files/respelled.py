"""Cells of an export as a spreadsheet has written them again: what they mean, and what is no longer what somebody wrote.

Excel and LibreOffice write numbers, dates and currencies as their own country does, and make numbers and dates of what looks like one.
"""

from __future__ import annotations

import re
from datetime import datetime, timedelta, timezone, tzinfo
from decimal import Decimal
from typing import Any

from .cells import is_damaged

_COMMA = re.compile(r"[+-]?[0-9]+,[0-9]{1,2}")
_GROUPED = (
    re.compile(r"[+-]?[0-9]{1,3}(?:\.[0-9]{3})+,[0-9]{1,2}"),
    re.compile(r"[+-]?[0-9]{1,3}(?:,[0-9]{3})+\.[0-9]+"),
)
_A_DATE = re.compile(
    r"[0-9]{1,4}([./-])[0-9]{1,2}\1[0-9]{1,4}|(?:[0-9]{1,2}\.? ?-?)?[^\W\d]{3,9}\.?(?:[ -]?[0-9]{2,4})?"
)


def as_written(column: str, cell: str) -> str:
    """A cell as the journal writes it: an amount with a decimal point, wherever the spreadsheet is at home; a currency in capitals."""
    if column == "currency":
        return cell.upper()
    if column != "fee":
        return cell
    text = re.sub(r"[\s'’]", "", cell)
    if _GROUPED[0].fullmatch(text):
        text = text.replace(".", "")
    elif _GROUPED[1].fullmatch(text):
        text = text.replace(",", "")
    elif not _COMMA.fullmatch(text):
        return cell
    return text.replace(",", ".")


def altered(column: str, cell: str) -> str | None:
    """The code of what a spreadsheet has done to a cell, where its text tells."""
    if is_damaged(cell):
        return "scientific"
    return "date" if column == "fee" and _A_DATE.fullmatch(cell) else None


def is_rounded(cell: str, was: str) -> bool:
    """Whether it is a number that a spreadsheet has made of what stands in the journal, with fewer digits."""
    if not was.isdigit() or not is_damaged(cell):
        return False
    digits, _, power = cell.replace(",", ".").casefold().partition("e")
    places = len(digits.partition(".")[2])
    return f"{Decimal(was):.{places}e}" == f"{Decimal(digits):.{places}f}e+{int(power or 0)}"


def moment_of(cell: str, zone: tzinfo) -> datetime | str:
    """A time, to the second; one without a zone is in this one. Its text if it can't be read."""
    try:
        moment = datetime.fromisoformat(cell.replace("Z", "+00:00"))
    except ValueError:
        return cell
    moment = moment if moment.tzinfo else moment.replace(tzinfo=zone)
    return (moment + timedelta(seconds=0.5)).replace(microsecond=0).astimezone(timezone.utc)


def meaning(column: str, cell: str) -> Any:
    """What a cell says, however it is written; its text if it can't be read."""
    try:
        if column == "fee":
            amount = Decimal(cell)
            return amount if amount.is_finite() else cell
    except (ValueError, ArithmeticError):
        return cell
    return frozenset(cell.split()) if column == "tracking" else cell
