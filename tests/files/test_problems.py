"""Problems files: rows whole, in the input's format and encoding; fed again, only what a person has changed or decided counts."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import openpyxl
import pytest
from hypothesis import given, settings, strategies as st

from pandapon_async import to_wire
from pandapon_async._files.booking import Booking
from pandapon_async._files.bookings import BookingFile
from pandapon_async._files.columns import PROBLEM
from pandapon_async._files.findings import FileError, Finding
from pandapon_async._files.problems import ProblemsWriter, is_problems, is_untouched
from pandapon_async._files.reading import Reading

from .corpus_damaged import CASES
from .corpus_meant import CHINESE, CHINESE_ROWS
from .made import HEADER, ROWS, Case, by_openpyxl, content, lines, meant


def problems_of(path: Path, reading: Reading | None = None, *, name: str = "problems") -> Path:
    """The problems file of everything found in a file."""
    source = BookingFile(path, reading=reading)
    suffix = path.suffix if source.format in ("csv", "json") and path.suffix != ".xlsx" else ".xlsx"
    with ProblemsWriter(path.with_name(name + suffix), source) as writer:
        for booking in source:
            if booking.findings:
                writer.add(booking, booking.findings)
    return writer.path


def codes(path: Path, reading: Reading | None = None) -> dict[str | None, list[str]]:
    return {one.reference: [finding.code for finding in one.findings] for one in BookingFile(path, reading=reading)}


def rows_of(path: Path, encoding: str = "utf-8", delimiter: str = ",") -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(path.read_bytes().decode(encoding), newline=""), delimiter=delimiter))


HELD = [(*ROWS[0][:3], "", *ROWS[0][4:]), *ROWS[1:]]
WRONG = [(*ROWS[0][:7], "x", *ROWS[0][8:]), *ROWS[1:]]


@pytest.fixture
def made(tmp_path: Path) -> Callable[..., Path]:
    def make(rows: Any, name: str = "orders.csv") -> Path:
        path = tmp_path / name
        (by_openpyxl([HEADER, *rows]) if name.endswith("xlsx") else content(lines(rows)))(path)
        return path

    return make


@pytest.mark.parametrize("case", [case for case in CASES if case.refused is None], ids=lambda case: case.name)
def test_a_problems_file_fed_as_it_is_books_nothing(case: Case, tmp_path: Path) -> None:
    path = tmp_path / case.file
    case.make(path)
    before = [(one.reference, one.is_wrong) for one in BookingFile(path, reading=case.reading) if one.findings]
    problems = problems_of(path, case.reading)
    again = list(BookingFile(problems, reading=case.reading))
    assert all(booking.findings for booking in again)
    assert sorted({code for one in again for code in (finding.code for finding in one.findings)}) == sorted(
        {code for _, _, code in case.found}
    )
    assert len(again) >= len(before)
    assert is_problems(problems)
    assert is_untouched(problems, case.reading and case.reading.encoding)


@pytest.mark.parametrize("name", ["orders.csv", "orders.xlsx"])
def test_a_corrected_row_counts(made: Callable[..., Path], name: str) -> None:
    problems = problems_of(made(WRONG, name))
    assert codes(problems) == {"o-1": ["whole-number"]}
    _edit(problems, "quantity", "2")
    (booking,) = BookingFile(problems)
    assert to_wire(booking.pair()[1]) == meant(ROWS[:1])["o-1"]


@pytest.mark.parametrize("name", ["orders.csv", "orders.xlsx"])
def test_a_held_row_counts_once_somebody_has_decided(made: Callable[..., Path], name: str) -> None:
    problems = problems_of(made(HELD, name))
    assert codes(problems) == {"o-1": ["no-country"]}
    _edit(problems, "decision", "Book ")
    (booking,) = BookingFile(problems)
    assert booking.findings == ()
    assert booking.approved == {"no-country"}
    assert "country" not in to_wire(booking.pair()[1])["receiverAddress"]


@pytest.mark.parametrize(("rows", "word"), [(WRONG, "book"), (HELD, "yes"), (HELD, "buchen")])
def test_another_decision_is_an_error(made: Callable[..., Path], rows: Any, word: str) -> None:
    problems = problems_of(made(rows))
    _edit(problems, "decision", word)
    assert "decision" in codes(problems)["o-1"]


def test_a_decision_is_about_what_was_found_and_nothing_else(made: Callable[..., Path]) -> None:
    problems = problems_of(made(HELD))
    _edit(problems, "decision", "book")
    _edit(problems, "renderId", "")
    assert codes(problems) == {"o-1": ["no-render-id"]}


def test_what_was_found_elsewhere_stays_out_until_the_row_changes(made: Callable[..., Path], tmp_path: Path) -> None:
    source = BookingFile(made(ROWS[:1]))
    (booking,) = source
    with ProblemsWriter(tmp_path / "problems.csv", source) as writer:
        writer.add(booking, [Finding.of("refused", booking.line, why="no such render id")])
    assert codes(writer.path) == {"o-1": ["refused"]}
    (again,) = BookingFile(writer.path)
    assert again.findings[0].text == "was refused by the vendor: no such render id"
    _edit(writer.path, "renderId", "FF9")
    assert codes(writer.path) == {"o-1": []}


def test_a_code_that_was_altered_is_an_error(made: Callable[..., Path]) -> None:
    problems = problems_of(made(WRONG))
    _edit(problems, "code", "whole-number")
    assert codes(problems) == {"o-1": ["code-altered", "whole-number"]}


def test_a_row_that_was_added_by_hand_counts(made: Callable[..., Path]) -> None:
    problems = problems_of(made(WRONG))
    with problems.open("a", newline="") as file:
        csv.writer(file).writerow([*ROWS[3], *[""] * 5])
    assert codes(problems) == {"o-1": ["whole-number"], "o-3": []}


def test_one_changed_row_of_an_order_lets_the_others_count(made: Callable[..., Path]) -> None:
    rows = [ROWS[0], (*ROWS[1][:7], "x", *ROWS[1][8:]), *ROWS[2:]]
    problems = problems_of(made(rows))
    assert [row["line"] for row in rows_of(problems)] == ["3", "4"]
    _edit(problems, "quantity", "1", "3")
    assert codes(problems) == {"o-2": []}


def test_the_problems_have_the_inputs_format(tmp_path: Path) -> None:
    path = tmp_path / "orders.csv"
    rows = [(*CHINESE_ROWS[0][:7], "两", *CHINESE_ROWS[0][8:]), CHINESE_ROWS[1]]
    path.write_bytes(("sep=;\r\n" + lines(rows, CHINESE, delimiter=";")).encode("gb18030"))
    problems = problems_of(path, Reading(encoding="gb18030"))
    text = problems.read_bytes().decode("gb18030")
    assert text.startswith("sep=;\r\n订单号;")
    ((found),) = csv.DictReader(io.StringIO(text.partition("\r\n")[2], newline=""), delimiter=";")
    assert {name: found[name] for name in CHINESE} == dict(zip(CHINESE, rows[0], strict=True))
    assert (found["line"], found["column"]) == ("3", "数量")


def test_mutilated_bytes_are_written_as_they_are(tmp_path: Path) -> None:
    path = tmp_path / "orders.csv"
    path.write_bytes(lines().encode().replace(b"Jane", b"J\xff\xfe\0ne"))
    assert b"J\xff\xfe\0ne" in problems_of(path).read_bytes()


def test_cells_beside_the_columns_stay_beside_them(tmp_path: Path) -> None:
    path = tmp_path / "orders.csv"
    path.write_text(lines().replace("Jane Example", "Example, Jane"))
    problems = problems_of(path)
    header, row = csv.reader(io.StringIO(problems.read_text()))
    assert header[-5:] == [*PROBLEM]
    assert (row[2], row[3], row[-1]) == ("Example", " Jane", "USD")
    assert len(row) == len(header) + 1


def test_a_workbooks_cells_keep_their_types(tmp_path: Path) -> None:
    path = tmp_path / "orders.xlsx"
    by_openpyxl([HEADER, (*ROWS[0][:5], 6240000000000012, "5000001", 2, 12.5, "USD")])(path)
    sheet: Any = openpyxl.load_workbook(problems_of(path)).active
    cells = [cell.value for cell in sheet[2]]
    assert cells[5:9] == [6240000000000012, "5000001", 2, 12.5]
    assert sheet["A2"].number_format == "@"


@pytest.mark.parametrize("layout", ["lines", "array"])
def test_problems_of_json_have_its_layout(tmp_path: Path, layout: str) -> None:
    path = tmp_path / "orders.json"
    objects = [{"reference": "o-1", "renderId": 5}, {"reference": "o-2", "renderId": "FF2"}]
    path.write_text("\n".join(map(json.dumps, objects)) if layout == "lines" else json.dumps(objects, indent=1))
    text = problems_of(path).read_text()
    found = json.loads(text) if layout == "array" else [json.loads(line) for line in text.splitlines()]
    assert [(one["reference"], one["column"], one["code"].split()[0]) for one in found] == [
        ("o-1", "renderId", "member"),
        ("o-2", "receiverAddress.country lineItems[0].itemId", "no-country"),
    ]
    good = {**found[0], **meant(ROWS[:1])["o-1"]}
    path.write_text(json.dumps([good, {**found[1], "decision": "book"}]))
    assert codes(path) == {"o-1": [], "o-2": []}


def test_what_is_no_json_comes_as_text(tmp_path: Path) -> None:
    path = tmp_path / "orders.jsonl"
    path.write_text('{"renderId": "FF1"}\n{broken\n')
    second = json.loads(problems_of(path).read_text().splitlines()[1])
    assert (second["text"], second["line"], second["column"]) == ("{broken", "2", "2")


def test_a_name_of_another_format_is_refused(made: Callable[..., Path], tmp_path: Path) -> None:
    with pytest.raises(FileError, match="like the input"):
        ProblemsWriter(tmp_path / "problems.xlsx", BookingFile(made(WRONG)))
    with pytest.raises(FileError, match=r"name it \.xlsx"):
        ProblemsWriter(tmp_path / "problems.csv", BookingFile(made(WRONG, "orders.xlsx")))


def test_problems_replace_only_problems(made: Callable[..., Path]) -> None:
    path = made(WRONG)
    problems = problems_of(path)
    assert problems_of(path) == problems
    problems.write_text("mine\n")
    with pytest.raises(FileError, match="something else"):
        problems_of(path)
    with pytest.raises(FileError, match="choose another file"):
        problems_of(path, name="orders")


@pytest.mark.parametrize("name", ["orders.csv", "orders.xlsx"])
@pytest.mark.parametrize(("column", "text"), [("quantity", "2"), ("decision", "book"), ("code", "whole-number")])
def test_a_problems_file_that_somebody_has_worked_on_is_not_as_it_was_written(
    made: Callable[..., Path], name: str, column: str, text: str
) -> None:
    problems = problems_of(made(WRONG, name))
    assert is_untouched(problems, None)
    _edit(problems, column, text)
    assert not is_untouched(problems, None)


@pytest.mark.parametrize("layout", ["lines", "array"])
def test_a_corrected_object_is_not_as_it_was_written(tmp_path: Path, layout: str) -> None:
    path, orders = tmp_path / "orders.json", [{"reference": f"o-{number}", "renderId": 7} for number in range(2)]
    path.write_text(json.dumps(orders) if layout == "array" else "\n".join(map(json.dumps, orders)) + "\n")
    problems = problems_of(path)
    assert is_untouched(problems, None)
    problems.write_text(problems.read_text().replace('"renderId": 7', '"renderId": "FF7"', 1))
    assert not is_untouched(problems, None)


@pytest.mark.parametrize(
    "text", [",,,\n", "reference,renderId\no-1,FF1\n", '[{"reference": "o-1"}]', "[1]", "{broken", ""]
)
def test_what_is_no_problems_file_is_not_as_one_was_written(tmp_path: Path, text: str) -> None:
    path = tmp_path / "problems"
    path.write_text(text)
    assert not is_untouched(path, None)


def test_a_row_that_was_added_to_a_problems_file_is_kept(made: Callable[..., Path]) -> None:
    path = made(WRONG)
    problems = problems_of(path)
    with problems.open("a", newline="") as file:
        csv.writer(file).writerow([*ROWS[3], *[""] * 5])
    kept = problems.read_bytes()
    assert problems_of(path) == problems.with_name("problems (2).csv")
    assert problems.read_bytes() == kept


def test_untouched_problems_are_known_whatever_the_encoding_of_the_next_input(tmp_path: Path) -> None:
    path = tmp_path / "orders.csv"
    rows = [(*CHINESE_ROWS[0][:7], "两", *CHINESE_ROWS[0][8:]), *CHINESE_ROWS[1:]] * 5
    path.write_bytes(lines(rows, CHINESE).encode("gb18030"))
    assert is_untouched(problems_of(path, Reading(encoding="gb18030")), None)


def test_problems_may_be_read_by_their_owner_only(made: Callable[..., Path]) -> None:
    assert problems_of(made(WRONG)).stat().st_mode & 0o777 == 0o600


def _edit(path: Path, column: str, *texts: str) -> None:
    """What a person does in a spreadsheet: other cells in a column, row by row."""
    if path.suffix == ".xlsx":
        book = openpyxl.load_workbook(path)
        sheet: Any = book.active
        at = [cell.value for cell in sheet[1]].index(column) + 1
        for number, text in enumerate(texts, start=2):
            sheet.cell(number, at).value = text
        book.save(path)
        return
    rows = rows_of(path)
    for row, text in zip(rows, texts, strict=False):
        row[column] = text
    with path.open("w", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)


_CELLS: Any = st.one_of(
    st.text(st.characters(codec="utf-8", exclude_categories=("Cc", "Cs")), max_size=12),
    st.integers(-(10**14), 10**14),
    st.floats(allow_nan=False, allow_infinity=False, min_value=-1e12, max_value=1e12),
    st.booleans(),
    st.dates(min_value=__import__("datetime").date(1950, 1, 1), max_value=__import__("datetime").date(2099, 1, 1)),
    st.sampled_from(["a\nb", " x ", "_x0041_", "12E4", "=1+1", "'1"]),
)


@settings(max_examples=40, deadline=None)
@given(st.lists(_CELLS, min_size=10, max_size=10))
def test_no_workbook_row_changes_on_its_way_there_and_back(
    tmp_path_factory: pytest.TempPathFactory, cells: list[Any]
) -> None:
    folder = tmp_path_factory.mktemp("workbook")
    path = folder / "orders.xlsx"
    by_openpyxl([HEADER, [cell if cell != "=1+1" else "x" for cell in cells]])(path)
    source = BookingFile(path)
    found: list[Booking] = list(source)
    with ProblemsWriter(folder / "problems.xlsx", source) as writer:
        for booking in found:
            writer.add(booking, [Finding.of("refused", booking.line, why="no")])
    assert all(
        "refused" in [finding.code for finding in booking.findings]
        for booking in (BookingFile(writer.path) if found else ())
    )
