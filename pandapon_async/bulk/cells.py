"""Cells of the CSV that we write: a spreadsheet must not take a vendor's or a customer's text for a formula."""

from __future__ import annotations

_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n")


def neutral(text: str) -> str:
    """The text as a cell that no spreadsheet evaluates: one that would begin a formula gets an apostrophe in front."""
    return f"'{text}" if text.lstrip("'").startswith(_FORMULA) else text


def plain(cell: str) -> str:
    """What `neutral` made a cell of."""
    return cell[1:] if cell.startswith("'") and cell.lstrip("'").startswith(_FORMULA) else cell
