"""Exact numbers: digits, decimals, and their JSON form."""

from __future__ import annotations

from decimal import Decimal, InvalidOperation

from .._errors import RequestError, wrong


def is_digits(text: str) -> bool:
    """Whether text is a non-negative integer as JSON writes it."""
    return text.isascii() and text.isdigit() and len(text) <= MAX_DIGITS and (text[0] != "0" or text == "0")


def as_json_number(number: Decimal) -> int | float:
    """The number that JSON is written from: a float with the decimal's places, or an int if it has none."""
    exponent = number.as_tuple().exponent
    return int(number) if isinstance(exponent, int) and exponent >= 0 else float(number)


def to_decimal(value: Decimal | int | str, path: str) -> Decimal:
    """An exact number from a Decimal, an int or text.

    Raises:
        RequestError: it is a float, isn't a number, or has too many digits.
    """
    if isinstance(value, bool) or not isinstance(value, (Decimal, int, str)):  # pyright: ignore[reportUnnecessaryIsInstance]
        raise wrong(path, "a Decimal, or the text of one (a float loses cents)", value)
    try:
        number = Decimal(value)
    except InvalidOperation:
        raise RequestError(f"{path}: not a decimal number", field=path) from None
    if not is_within_limits(number):
        raise RequestError(f"{path}: must be finite, with at most {MAX_DIGITS} digits", field=path)
    return number


MAX_DIGITS = 40
"""The most digits an amount may have before or after the decimal point."""


def is_within_limits(number: Decimal) -> bool:
    """Whether a number is finite and has at most `MAX_DIGITS` digits before and after the point."""
    return (
        number.is_finite() and len(format(number, "f")) <= 2 * MAX_DIGITS
        if abs(number.adjusted()) < MAX_DIGITS
        else False
    )
