"""How rows of a journal move from state to state."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from hypothesis import given, strategies as st

from pandapon_async._journal.sqlite.schema import open_file
from pandapon_async._journal.sqlite.transitions import (
    MOST_AT_ONCE,
    Change,
    RowMovedError,
    make_each,
    make_together,
    prepare,
)

ROWS = 6


def opened(path: Path) -> sqlite3.Connection:
    """A journal with some pending rows."""
    connection = open_file(path, create=True)
    prepare(connection)
    connection.execute("INSERT INTO accounts VALUES (1, 'v', 'n', 'u', 'f', '', 'o')")
    values = [(number, f"order-{number}") for number in range(1, ROWS + 1)]
    connection.executemany(
        "INSERT INTO rows (id, account, reference, state, history) VALUES (?, 1, ?, 'pending', '')", values
    )
    return connection


@pytest.fixture
def journal(tmp_path: Path) -> Iterator[sqlite3.Connection]:
    with closing(opened(tmp_path / "j.db")) as connection:
        yield connection


def sent(row: int) -> Change:
    return Change(row, f"order-{row}", "pending", "sent", "sent", 5.0, "sent\n")


def done(row: int, reply: str | None = "{}") -> Change:
    end = Change(row, f"order-{row}", "sent", "done", "ended", 6.0, "done\n", None, "21", "3.50", "USD", "T1 T2", "r1")
    return end._replace(reply=reply)


def requeued(row: int) -> Change:
    return Change(row, f"order-{row}", "sent", "pending", "requeued", None, "held\n", error="busy")


def contents(connection: sqlite3.Connection) -> list[tuple[object, ...]]:
    return connection.execute(
        "SELECT r.*, p.reply FROM rows r LEFT JOIN replies p ON p.row = r.id ORDER BY r.id"
    ).fetchall()


def column(connection: sqlite3.Connection, name: str) -> list[object]:
    return [value for (value,) in connection.execute(f"SELECT {name} FROM rows ORDER BY id")]


def test_what_is_made_together_sets_the_columns_of_each_kind(journal: sqlite3.Connection):
    assert make_together(journal, [sent(1), sent(2), sent(3)])
    assert make_together(journal, [done(1), requeued(2)])
    assert column(journal, "state")[:4] == ["done", "pending", "sent", "pending"]
    assert column(journal, "sent_at")[:4] == [5.0, 5.0, 5.0, None]
    assert column(journal, "done_at")[:2] == [6.0, None]
    assert column(journal, "error")[:2] == [None, "busy"]
    assert column(journal, "history")[:4] == ["sent\ndone\n", "sent\nheld\n", "sent\n", ""]
    ended = journal.execute("SELECT order_id, fee, currency, tracking, request_id FROM rows WHERE id = 1").fetchone()
    assert ended == ("21", "3.50", "USD", "T1 T2", "r1")
    assert journal.execute("SELECT row, reply FROM replies").fetchall() == [(1, "{}")]


def test_if_one_row_has_moved_nothing_is_made_together(journal: sqlite3.Connection):
    before = contents(journal)
    assert not make_together(journal, [sent(1), done(2), sent(3)])
    assert contents(journal) == before


def test_each_that_can_be_made_is_made_and_the_others_are_named(journal: sqlite3.Connection):
    journal.execute("BEGIN")
    errors = make_each(journal, [sent(1), done(2), sent(3)])
    journal.execute("COMMIT")
    assert [type(error) for error in errors] == [type(None), RowMovedError, type(None)]
    assert errors[1] is not None
    assert errors[1].reference == "order-2"
    assert column(journal, "state")[:3] == ["sent", "pending", "sent"]


def test_a_text_that_can_not_be_stored_spoils_no_other_change(journal: sqlite3.Connection):
    assert make_together(journal, [sent(1), sent(2)])
    group = [done(1)._replace(order_id="\ud800"), done(2)]
    assert not make_together(journal, group)
    journal.execute("BEGIN")
    errors = make_each(journal, group)
    journal.execute("COMMIT")
    assert [str(error and error.message) for error in errors] == [
        "its end can't be written down: UnicodeEncodeError",
        "None",
    ]
    assert column(journal, "state")[:2] == ["sent", "done"]


def test_another_constraint_is_not_taken_for_a_row_that_has_moved(journal: sqlite3.Connection):
    with pytest.raises(sqlite3.IntegrityError, match="NOT NULL"):
        make_together(journal, [sent(1)._replace(line=None)])  # type: ignore[arg-type]


def test_more_changes_than_a_statement_binds_are_made_in_parts(tmp_path: Path):
    with closing(opened(tmp_path / "j.db")) as journal:
        count = 2 * MOST_AT_ONCE + 1
        journal.executemany(
            "INSERT INTO rows (account, reference, state, history) VALUES (1, ?, 'pending', '')",
            [(f"more-{number}",) for number in range(count)],
        )
        journal.execute("BEGIN")
        assert make_each(journal, [sent(ROWS + 1 + number) for number in range(count)]) == [None] * count
        journal.execute("COMMIT")
        assert column(journal, "state")[ROWS:] == ["sent"] * count


changes = st.builds(lambda make, row: make(row), st.sampled_from([sent, done, requeued]), st.integers(1, ROWS))
groups = st.lists(st.lists(changes, unique_by=lambda change: change.row, min_size=1), max_size=8)


@given(groups)
def test_changes_in_groups_end_as_one_by_one(tmp_path_factory: pytest.TempPathFactory, grouped: list[list[Change]]):
    folder = tmp_path_factory.mktemp("journals")
    with closing(opened(folder / "a.db")) as together, closing(opened(folder / "b.db")) as single:
        for group in grouped:
            expected = [make_together(single, [change]) for change in group]
            if not make_together(together, group):
                together.execute("BEGIN")
                errors = make_each(together, group)
                together.execute("COMMIT")
                assert [error is None for error in errors] == expected
            else:
                assert all(expected)
        assert contents(together) == contents(single)
