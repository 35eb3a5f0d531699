"""Files as people have them: each is booked exactly as its maker meant, or says where it can't be."""

from __future__ import annotations

from pathlib import Path

import pytest

from pandapon_async import to_wire
from pandapon_async._files.bookings import BookingFile
from pandapon_async._files.findings import FileError

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
