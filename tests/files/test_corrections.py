"""Corrections: a problems file beside its file, of which what was changed or decided takes the place of the file's own rows."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings, strategies as st

from pandapon_async._files.booking import Booking
from pandapon_async._files.bookings import BookingFile
from pandapon_async._files.corrections import corrections_in
from pandapon_async._files.findings import FileError
from pandapon_async._files.problems import ProblemsWriter
from pandapon_async.api.logistics import FreightBookingRequest

HEADER = ("reference", "renderId", "receiverAddress.name", "receiverAddress.country", "itemId", "quantity")
Rows = list[list[str]]


def order(number: int, *items: str, quantity: str = "1") -> Rows:
    """An order's rows; all but the first have only an item."""
    first, *others = items or (str(2048 + number),)
    row = [f"o-{number}", f"FF{number}", f"Jane Example {number}", "US", first, quantity]
    return [row, *[["", "", "", "", item, "1"] for item in others]]


def save(path: Path, rows: Rows, header: tuple[str, ...] = HEADER) -> Path:
    with path.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows([header, *rows])
    return path


def load(path: Path) -> Rows:
    with path.open(encoding="utf-8-sig", newline="") as file:
        return list(csv.reader(file))[1:]


def edit(path: Path, change: Callable[[Rows], Rows]) -> Path:
    with path.open(encoding="utf-8-sig", newline="") as file:
        header, *rows = csv.reader(file)
    return save(path, change(rows), tuple(header))


def put_out(source: BookingFile, path: Path) -> Path:
    """Write the problems of a file, and its corrections, as they are now."""
    with ProblemsWriter(path, source) as writer:
        for booking in source:
            if booking.findings or booking.origins:
                writer.add(booking, booking.findings)
    return path


def read(file: Path, problems: Path) -> BookingFile:
    source = BookingFile(file)
    source.corrected = corrections_in(problems, source)
    return source


def good(source: BookingFile) -> dict[str, list[str]]:
    """The items and quantities of the good bookings."""
    found: dict[str, list[str]] = {}
    for booking in source:
        if not booking.findings:
            assert isinstance(booking.request, FreightBookingRequest)
            items = [f"{one.item_id} x {one.quantity}" for one in booking.request.line_items or ()]
            found[booking.pair()[0]] = items
    return found


def bad(source: BookingFile) -> dict[str | None, list[tuple[int, str]]]:
    return {one.reference: [(found.line, found.code) for found in one.findings] for one in source if one.findings}


@pytest.fixture
def pair(tmp_path: Path) -> Callable[[Rows], tuple[Path, Path]]:
    """A file and its problems."""

    def make(rows: Rows) -> tuple[Path, Path]:
        file = save(tmp_path / "orders.csv", rows)
        return file, put_out(BookingFile(file), tmp_path / "orders.problems.csv")

    return make


Pair = Callable[[Rows], tuple[Path, Path]]


def test_what_nobody_has_touched_is_the_files_own(pair: Pair):
    file, problems = pair([*order(0), *order(1, quantity="x"), *order(2)])
    source = read(file, problems)
    assert list(source) == list(BookingFile(file))


def test_items_that_look_the_same_in_several_orders_stay_with_their_own(pair: Pair):
    file, problems = pair([*order(0, "1", "7"), *order(1, "2", "7", quantity="x"), *order(2, "3", "7", quantity="x")])
    edit(problems, lambda rows: [[cell.replace("x", "5") if cell == "x" else cell for cell in row] for row in rows])
    assert good(read(file, problems)) == {
        "o-0": ["1 x 1", "7 x 1"],
        "o-1": ["2 x 5", "7 x 1"],
        "o-2": ["3 x 5", "7 x 1"],
    }


def test_an_item_that_was_added_or_removed_there_counts_for_good(pair: Pair):
    file, problems = pair([*order(0), *order(1, "2", "7", quantity="x"), *order(2)])
    added = ["", "", "", "", "9", "3", "", "", "", "", ""]
    edit(problems, lambda rows: [[*rows[0][:5], "1", *rows[0][6:]], rows[1], added])
    for _ in range(2):
        source = read(file, problems)
        assert good(source)["o-1"] == ["2 x 1", "7 x 1", "9 x 3"]
        put_out(source, problems)


def test_a_correction_that_is_still_wrong_is_told_at_the_files_line_and_can_be_corrected_further(pair: Pair):
    file, problems = pair([*order(0), *order(1), *order(2, "2", "7", quantity="x")])
    edit(problems, lambda rows: [[*rows[0][:5], "1,5", *rows[0][6:]], rows[1]])
    source = read(file, problems)
    assert bad(source) == {"o-2": [(4, "whole-number")]}
    put_out(source, problems)
    assert [row[6] for row in load(problems)] == ["4", "5"]
    assert bad(read(file, problems)) == {"o-2": [(4, "whole-number")]}
    edit(problems, lambda rows: [[*rows[0][:5], "4", *rows[0][6:]], rows[1]])
    assert good(read(file, problems))["o-2"] == ["2 x 4", "7 x 1"]


def test_a_torn_row_is_found_again(pair: Pair):
    file, problems = pair([*order(0), [*order(1)[0], "beside"], *order(2)])
    assert set(bad(BookingFile(file))) == {"o-1"}
    edit(problems, lambda rows: [rows[0][:11]])
    assert set(good(read(file, problems))) == {"o-0", "o-1", "o-2"}


def test_columns_in_another_order_are_the_same_columns(pair: Pair, tmp_path: Path):
    file, problems = pair([*order(0), *order(1, quantity="x")])
    with problems.open(encoding="utf-8-sig", newline="") as opened:
        header, row = csv.reader(opened)
    turned = [5, 4, 3, 2, 1, 0, *range(6, 11)]
    row[5] = "2"
    save(problems, [[row[place] for place in turned]], tuple(header[place] for place in turned))
    source = read(file, problems)
    assert good(source)["o-1"] == ["2049 x 2"]
    put_out(source, problems)
    assert load(problems)[0][:6] == ["o-1", "FF1", "Jane Example 1", "US", "2049", "2"]


def test_equal_rows_without_a_number_become_different_orders(pair: Pair):
    row = ["", "FF1", "Jane Example", "US", "2048", "1"]
    file, problems = pair([row, *order(5), row])
    edit(problems, lambda rows: [["a", "FF8", *rows[0][2:]], ["b", "FF9", *rows[1][2:]]])
    assert [one.reference for one in read(file, problems)] == ["a", "o-5", "b"]
    save(file, [*order(6), row, *order(5), row])  # the lines have moved
    assert [one.reference for one in read(file, problems)] == ["o-6", "a", "o-5", "b"]


def test_a_row_that_left_the_file_is_not_dropped_silently(pair: Pair):
    file, problems = pair([*order(0), *order(1, quantity="x"), *order(2)])
    edit(problems, lambda rows: [[*rows[0][:5], "1", *rows[0][6:]]])
    save(file, [*order(0), *order(2)])
    with pytest.raises(FileError, match=r"line 2: no row of .*orders\.csv"):
        read(file, problems)


def test_a_file_that_is_modified_while_it_is_read_ends_it(pair: Pair):
    file, problems = pair([*order(0), *order(1, quantity="x")])
    edit(problems, lambda rows: [[*rows[0][:5], "1", *rows[0][6:]]])
    source = read(file, problems)
    save(file, [*order(1, quantity="x"), *order(0)])
    with pytest.raises(FileError, match="modified"):
        list(source)


def test_what_is_not_an_object_is_replaced_by_one(tmp_path: Path):
    whole: dict[str, Any] = {"reference": "a", "renderId": "FF1", "receiverAddress": {"country": "US"}}
    whole["lineItems"] = [{"itemId": "1", "quantity": 1}]
    file, problems = tmp_path / "orders.jsonl", tmp_path / "orders.problems.jsonl"
    file.write_text(json.dumps(whole) + '\n{"reference": "b", "rend\n')
    put_out(BookingFile(file), problems)
    marks = json.loads(problems.read_text())
    del marks["text"]
    problems.write_text(json.dumps({**whole, "reference": "b", "renderId": "FF2", **marks}) + "\n")
    for _ in range(2):
        source = read(file, problems)
        assert [*good(source)] == ["a", "b"]
        put_out(source, problems)


# --- whatever is edited ---

CELLS = st.sampled_from(["1", "2", "x", "", "1.5", " 3 "])


@settings(max_examples=80, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    first=st.lists(CELLS, min_size=1, max_size=6),
    edits=st.lists(st.dictionaries(st.integers(0, 5), CELLS, max_size=4), min_size=1, max_size=3),
    above=st.integers(0, 2),
)
def test_whatever_is_corrected_stays_so_however_often_the_problems_are_written_anew(
    tmp_path: Path, first: list[str], edits: list[dict[int, str]], above: int
):
    file, problems = tmp_path / "orders.csv", tmp_path / "orders.problems.csv"
    problems.unlink(missing_ok=True)
    rows = [row for number, quantity in enumerate(first) for row in order(number, quantity=quantity)]
    put_out(BookingFile(save(file, rows)), problems)
    now = dict(enumerate(first))
    for edited in edits if problems.exists() else ():
        there = {int(row[0][2:]) for row in load(problems)}
        known = {number: cell for number, cell in edited.items() if number in there}

        def change(found: Rows, known: dict[int, str] = known) -> Rows:
            return [[*row[:5], known.get(int(row[0][2:]), row[5]), *row[6:]] for row in found]

        edit(problems, change)
        now.update(known)
        save(file, [*(row for number in range(above) for row in order(90 + number)), *rows])
        source = read(file, problems)
        expected = _alone(tmp_path / "alone.csv", now)
        assert {one.reference: _told(one) for one in source if one.line > above + 1} == expected
        put_out(source, problems)


def _alone(path: Path, quantities: dict[int, str]) -> dict[str | None, object]:
    """What a file with these quantities holds."""
    rows = [row for number, quantity in sorted(quantities.items()) for row in order(number, quantity=quantity)]
    return {one.reference: _told(one) for one in BookingFile(save(path, rows))}


def _told(booking: Booking) -> object:
    return booking.request, [(found.code, found.column) for found in booking.findings]
