"""What reading a booking file costs: time and memory, few rows against twenty times as many."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from .lab import Lab

TITLE = "A booking file checked whole: twenty times --bookings rows against as many as --bookings"

_HEADER = (
    *("reference", "renderId", "receiverAddress.name", "receiverAddress.phone", "receiverAddress.address"),
    *("receiverAddress.city", "receiverAddress.zip", "receiverAddress.country"),
    *("itemId", "skuId", "quantity", "freightInfo.serviceId"),
)
_CHILD = """
import json, re, resource, sys, time
from pandapon_async._files.bookings import BookingFile
start = time.process_time()
checked = BookingFile(sys.argv[1]).check()
seconds, peak = time.process_time() - start, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
try:  # ru_maxrss begins with the peak of the process that started this one
    peak = int(re.search("VmHWM: *\\t* *([0-9]+)", open("/proc/self/status").read())[1])
except (OSError, TypeError):
    pass
print(json.dumps([checked.good, seconds, peak]))
"""


def run(lab: Lab) -> list[dict[str, Any]]:
    """One row a kind of file; each is read in a new process."""
    few = lab.options.bookings
    with tempfile.TemporaryDirectory() as folder:
        return [_row(Path(folder), name, write, few, few * 20) for name, write in _KINDS.items()]


def _row(folder: Path, name: str, write: Callable[[Path, int], None], few: int, many: int) -> dict[str, Any]:
    found = {rows: _read(folder, name, write, rows) for rows in (few, many)}
    (_, _, small), (good, seconds, large) = found[few], found[many]
    assert good == many
    return {
        "file": name,
        "us a row": f"{seconds / many * 1e6:.1f}",
        f"{few:,} rows, MiB": small // 1024,
        f"{many:,} rows, MiB": large // 1024,
        "growth, bytes a row": f"{(large - small) * 1024 / (many - few):.0f}",
    }


def _read(folder: Path, name: str, write: Callable[[Path, int], None], rows: int) -> tuple[int, float, int]:
    path = folder / f"{rows}.{name.rpartition('.')[2]}"
    write(path, rows)
    result = subprocess.run([sys.executable, "-c", _CHILD, str(path)], check=True, capture_output=True, text=True)
    path.unlink()
    good, seconds, peak = json.loads(result.stdout)
    return good, seconds, peak


def _rows(count: int) -> Iterator[tuple[str, ...]]:
    for number in range(count):
        yield (
            *(
                f"o-{number}",
                f"FF{number}",
                "Jane Example",
                "5550100",
                f"{number} Test St",
                "Springfield",
                "01103",
                "US",
            ),
            *(f"624000{number:09d}", f"500{number}", "1", "3"),
        )


def _write_csv(path: Path, rows: int) -> None:
    with path.open("w", encoding="utf-8") as file:
        file.writelines(",".join(row) + "\n" for row in (_HEADER, *_rows(rows)))


def _write_apart(path: Path, rows: int) -> None:
    """Every order has two rows, half a file apart: nothing can stream."""
    with path.open("w", encoding="utf-8") as file:
        file.write(",".join(_HEADER) + "\n")
        for _ in range(2):
            file.writelines(",".join(row) + "\n" for row in _rows(rows))


def _write_json(path: Path, rows: int) -> None:
    with path.open("w", encoding="utf-8") as file:
        for row in _rows(rows):
            cells = dict(zip(_HEADER, row, strict=True))
            receiver = {name.partition(".")[2]: cell for name, cell in cells.items() if name.startswith("receiver")}
            item = {"itemId": cells["itemId"], "skuId": cells["skuId"], "quantity": 1}
            members = {"reference": cells["reference"], "renderId": cells["renderId"]}
            file.write(json.dumps({**members, "receiverAddress": receiver, "lineItems": [item]}) + "\n")


def _write_xlsx(path: Path, rows: int) -> None:
    import xlsxwriter  # type: ignore[import-untyped]

    with xlsxwriter.Workbook(path, {"constant_memory": True}) as book:
        sheet = book.add_worksheet()
        for number, row in enumerate((_HEADER, *_rows(rows))):
            for column, cell in enumerate(row):
                sheet.write_string(number, column, cell)


_KINDS: dict[str, Callable[[Path, int], None]] = {
    "orders.csv": _write_csv,
    "rows of an order apart.csv": _write_apart,
    "orders.jsonl": _write_json,
    "orders.xlsx": _write_xlsx,
}
