"""Files of bookings, written and read as spreadsheets do."""

from __future__ import annotations

import csv
from collections.abc import Callable
from pathlib import Path

HEADER = (
    "reference",
    "renderId",
    "receiverAddress.name",
    "receiverAddress.country",
    "itemId",
    "skuId",
    "quantity",
    "freightInfo.serviceId",
)
Write = Callable[..., str]


def rows_of(path: Path) -> list[dict[str, str]]:
    """The rows of a CSV file, by column."""
    with path.open(encoding="utf-8-sig", newline="") as file:
        return list(csv.DictReader(file))


def write(path: Path, lines: list[dict[str, str]]) -> Path:
    """Write rows as a CSV file, as somebody does who has edited it."""
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, list(lines[0]))
        writer.writeheader()
        writer.writerows(lines)
    return path
