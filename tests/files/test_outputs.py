"""What is written: never over what would be lost, private where personal, beside what a program holds open."""

from __future__ import annotations

import os
from pathlib import Path

import openpyxl
import pytest

from pandapon_async._files.bookings import BookingFile
from pandapon_async._files.columns import template
from pandapon_async._files.findings import FileError
from pandapon_async._files.headers import WORDS
from pandapon_async._files.outputs import check_output, replaced
from pandapon_async._files.templates import write_template

from .made import ROWS


def test_where_nothing_can_be_written_is_said_before_anything_is_done(tmp_path: Path) -> None:
    with pytest.raises(FileError, match=r"out\.csv: can't be written: there is no folder .*nofolder"):
        check_output(tmp_path / "nofolder/out.csv", (), lambda _: True)


def test_what_can_not_be_written_is_named_as_it_was_asked_for(tmp_path: Path) -> None:
    with pytest.raises(OSError) as caught, replaced(tmp_path / "nofolder/out.csv"):
        pass
    assert caught.value.filename == str(tmp_path / "nofolder/out.csv")


def test_what_was_there_stays_until_all_is_written(tmp_path: Path) -> None:
    path = tmp_path / "out.csv"
    path.write_text("before")
    with pytest.raises(ZeroDivisionError):
        _write_half(path)
    assert [(one.name, one.read_text()) for one in tmp_path.iterdir()] == [("out.csv", "before")]
    with replaced(path) as output:
        output.file.write(b"whole")
        assert path.read_text() == "before"
    assert (output.path, path.read_text()) == (path, "whole")


def _write_half(path: Path) -> None:
    with replaced(path) as output:
        output.file.write(b"half")
        raise ZeroDivisionError


def test_personal_data_is_its_owners_only_and_the_rest_as_the_folders(tmp_path: Path) -> None:
    before = os.umask(0o027)
    try:
        for name, private in (("private", True), ("other", False)):
            with replaced(tmp_path / name, private=private) as output:
                output.file.write(b"x")
    finally:
        os.umask(before)
    modes = {path.name: path.stat().st_mode & 0o777 for path in tmp_path.iterdir()}
    assert modes == {"private": 0o600, "other": 0o640}


def test_beside_a_file_that_a_spreadsheet_holds_open(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "out.csv"
    path.write_text("open in Excel")
    (tmp_path / "out (2).csv").write_text("from yesterday")
    replace = Path.replace

    def as_windows_does(self: Path, target: Path) -> Path:
        if Path(target).name == "out.csv":
            raise PermissionError(13, "being used by another process")
        return replace(self, target)

    monkeypatch.setattr(Path, "replace", as_windows_does)
    with replaced(path) as output:
        output.file.write(b"new")
    assert output.path == tmp_path / "out (3).csv"
    assert {one.name: one.read_text() for one in tmp_path.iterdir()} == {
        "out.csv": "open in Excel",
        "out (2).csv": "from yesterday",
        "out (3).csv": "new",
    }


def test_beside_a_file_that_must_stay_once_all_is_written(tmp_path: Path) -> None:
    path = tmp_path / "out.csv"
    for text in ("one", "two", "three"):
        with replaced(path, may_replace=lambda there: there.read_text() != "one") as output:
            output.file.write(text.encode())
    assert {one.name: one.read_text() for one in tmp_path.iterdir()} == {
        "out.csv": "one",
        "out (2).csv": "two",
        "out (3).csv": "three",
    }


def test_beside_a_file_behind_a_link_is_beside_the_file(tmp_path: Path) -> None:
    (tmp_path / "there").mkdir()
    there, link = tmp_path / "there" / "out.csv", tmp_path / "out.csv"
    there.write_text("one")
    link.symlink_to(there)
    with replaced(link, may_replace=lambda _: False) as output:
        output.file.write(b"two")
    assert (output.path, output.path.read_text()) == (there.with_name("out (2).csv"), "two")
    assert link.read_text() == "one"


def test_no_output_replaces_an_input_a_journal_or_a_strangers_file(tmp_path: Path) -> None:
    path = tmp_path / "bookings.db"
    for output in (path, tmp_path / "bookings.db-wal", tmp_path / "bookings.db.lock"):
        with pytest.raises(FileError, match="choose another file"):
            check_output(output, [path], lambda _: True)
    path.write_text("x")
    (tmp_path / "link").symlink_to(path)
    with pytest.raises(FileError, match="choose another file"):
        check_output(tmp_path / "link", [path], lambda _: True)
    with pytest.raises(FileError, match="something else"):
        check_output(path, [], lambda _: False)


def test_a_template_is_filled_in_and_read(tmp_path: Path) -> None:
    path = tmp_path / "orders.xlsx"
    assert write_template(path) == path
    assert write_template(path) == path  # an empty one is replaced
    book = openpyxl.load_workbook(path)
    sheet = book.worksheets[0]
    assert [cell.value for cell in sheet[1]] == [*template()]
    assert {sheet.column_dimensions["A"].number_format, sheet["A1"].number_format} == {"@"}
    cells = {"reference": "o-1", "renderId": "FF1", "receiverAddress.country": "US", "itemId": "6240001", "quantity": 2}
    for name, value in cells.items():
        sheet.cell(2, template().index(name) + 1).value = value
    book.save(path)
    (booking,) = BookingFile(path)
    assert booking.pair()[0] == ROWS[0][0]
    with pytest.raises(FileError, match="something else"):
        write_template(path)


def test_a_template_says_what_else_a_column_may_be_called(tmp_path: Path) -> None:
    write_template(tmp_path / "orders.xlsx")
    rows = [[cell.value for cell in row] for row in openpyxl.load_workbook(tmp_path / "orders.xlsx").worksheets[1]]
    assert ["quantity", ", ".join(WORDS["quantity"])] in rows
