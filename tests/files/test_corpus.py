"""Files as people have them: each is booked exactly as its maker meant, or says where it can't be."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from pandapon_async import to_wire
from pandapon_async._files.bookings import BookingFile
from pandapon_async._files.findings import FileError
from pandapon_async.testing import FakeVendor

from .booking import book, folder_in_memory, keep_bodies, outcomes
from .corpus_damaged import CASES as DAMAGED
from .corpus_meant import CASES as MEANT
from .made import Case

CASES = [*MEANT, *DAMAGED]


def test_the_corpus_is_large() -> None:
    assert len({case.name for case in CASES}) == len(CASES) >= 80


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_a_file_is_read_as_its_maker_meant(case: Case, tmp_path: Path) -> None:
    path = tmp_path / case.file
    case.make(path)
    if case.refused is not None:
        with pytest.raises(FileError) as caught:
            list(BookingFile(path, reading=case.reading))
        assert case.refused in caught.value.message
        return
    file = BookingFile(path, reading=case.reading)
    bookings = list(file)
    found = [(one.line, one.column, one.code) for booking in bookings for one in booking.findings]
    good = {one.pair()[0]: one for one in bookings if not one.findings}
    assert (sorted(found, key=str), {ref: to_wire(one.pair()[1]) for ref, one in good.items()}) == (
        sorted(case.found, key=str),
        case.orders,
    )
    assert all(one.text and one.text.isprintable() for booking in bookings for one in booking.findings)
    said = file.check().said
    assert bool(said) == (case.said is not None or any("countries" in one for one in said))
    assert case.said is None or any(case.said in one for one in said)
    for reference, kept in case.kept.items():
        assert dict(good[reference].kept) == kept


# --- booked ---


@pytest.fixture(scope="module")
def vendor() -> Iterator[FakeVendor]:
    with FakeVendor() as vendor:
        yield vendor


@pytest.fixture
def folder() -> Iterator[Path]:
    with folder_in_memory() as folder:
        yield folder


def _sorted(bodies: Any) -> list[str]:
    return sorted(json.dumps(body, sort_keys=True) for body in bodies)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_the_vendor_receives_what_was_meant(case: Case, folder: Path, vendor: FakeVendor) -> None:
    vendor.ledger.clear()
    bodies = keep_bodies(vendor)
    path = folder / case.file
    case.make(path)
    is_workbook = path.read_bytes()[:2] in (b"PK", b"\xd0\xcf")
    problems = folder / ("problems.xlsx" if is_workbook else f"problems{path.suffix.replace('xlsx', 'csv')}")
    result = book(folder, case.file, vendor, case.reading, "--problems", str(problems))
    assert _sorted(bodies) == _sorted(case.orders.values())
    if case.refused is not None:
        assert (result.exit_code, result.stdout, case.refused in result.stderr) == (2, "", True), result.stderr
        return
    told = outcomes(result)
    booked = [one["reference"] for one in told if one["state"] == "done"]
    assert sorted(booked) == sorted(case.orders)
    assert result.exit_code == (1 if case.found else 0), result.stderr
    assert {one["state"] for one in told} <= {"done", "wrong", "held"}
    for line, column, _ in case.found:
        at = f"line {line}, column {column}: " if column else f"line {line}: "
        assert at in result.stderr, result.stderr
    assert problems.exists() == bool(case.found)
    if case.found:
        again = BookingFile(problems, reading=case.reading)
        assert not any(not booking.findings for booking in again)
