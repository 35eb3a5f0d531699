"""Templates of booking files: the columns, and what else people may call them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from .columns import template
from .findings import FileError
from .headers import ACCOUNT, SKU, WORDS
from .outputs import check_output, replaced
from .workbooks import WorkbookTable, WorkbookWriter


def words() -> Iterator[tuple[str, str]]:
    """Each column, and the other names under which it is found, in one line."""
    for name in (*template(), ACCOUNT, SKU):
        yield name, ", ".join(WORDS.get(name, ()))


def write_template(path: Path) -> Path:
    """Write an empty workbook whose columns are text, so that a spreadsheet changes nothing in them.

    Returns:
        Where it is: beside ``path``, if a program holds that file open.

    Raises:
        FileError: something else is there, or the extra ``sheets`` isn't installed.
        OSError: it can't be written.
    """
    check_output(path, (), is_template)
    with replaced(path, private=False) as output:
        book = WorkbookWriter(output.file, template())
        book.words([("column", "other names"), *words()])
        book.close()
    return output.path


def is_template(path: Path) -> bool:
    """Whether a file is a template that nobody has filled in."""
    try:
        rows = [tuple(row.cells) for row in WorkbookTable(path, str(path), "xlsx").rows()]
    except (FileError, OSError, ValueError, KeyError):
        return False
    return rows == [template()]
