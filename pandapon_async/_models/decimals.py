"""Exact numbers: digits, decimals, and what of them JSON can hold."""

from __future__ import annotations

from decimal import Decimal, InvalidOperation

from .._errors import RequestError, wrong


def is_digits(text: str) -> bool:
    """Whether text is a whole number as JSON writes it."""
    return text.isascii() and text.isdigit() and len(text) <= MOST_DIGITS and (text[0] != "0" or text == "0")


def as_json_number(number: Decimal) -> int | float:
    """A sensible decimal as what is written into JSON: as many places as it has, at least one, or none at all."""
    exponent = number.as_tuple().exponent
    return int(number) if isinstance(exponent, int) and exponent >= 0 else float(number)


def to_decimal(value: Decimal | int | str, path: str) -> Decimal:
    """An exact number.

    Raises:
        RequestError: it is a float, or no number, or an absurd one.
    """
    if isinstance(value, bool) or not isinstance(value, (Decimal, int, str)):  # pyright: ignore[reportUnnecessaryIsInstance]
        raise wrong(path, "a Decimal, or text that holds one (a float loses cents)", value)
    try:
        number = Decimal(value)
    except InvalidOperation:
        raise RequestError(f"{path}: not a decimal number", field=path) from None
    if not is_sensible(number):
        raise RequestError(f"{path}: must be finite, and of at most {MOST_DIGITS} digits", field=path)
    return number


MOST_DIGITS = 40
"""More digits than this, before or after the point, are nobody's amount."""


def is_sensible(number: Decimal) -> bool:
    """Whether a number is finite and can be written out in `MOST_DIGITS`."""
    return (
        number.is_finite() and len(format(number, "f")) <= 2 * MOST_DIGITS
        if abs(number.adjusted()) < MOST_DIGITS
        else False
    )
