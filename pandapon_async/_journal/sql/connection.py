"""What runs SQL, so that one text of it serves every store."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any, Final, Protocol

if TYPE_CHECKING:
    from typing_extensions import Self

_MOST_VALUES: Final = 999  # what any SQLite lets a statement bind

HIDDEN: Final = "(SELECT id FROM runs WHERE released IS NULL)"
"""The runs whose new rows don't count yet."""


STATES_OF_RUN: Final = (
    "SELECT r.state, COUNT(*) FROM inputs i JOIN rows r ON r.id = i.row WHERE i.run = ? GROUP BY r.state"
)
"""How the input of a run stands; it is known until the account's next run begins."""


class Batch(str):
    """A statement for many rows of values, no two of which concern one row of the journal.

    ``types`` are those of its values, for a store that takes all of them in one statement; so it is ``INSERT INTO ... VALUES (?, ...)``,
    ``UPDATE ... WHERE ...`` or ``DELETE FROM ... WHERE ...``.
    """

    __slots__ = ("types",)
    types: tuple[str, ...]

    def __new__(cls, query: str, types: str) -> Self:
        """``types``: PostgreSQL's names, in the order of the values."""
        made = super().__new__(cls, query)
        made.types = tuple(types.split())
        return made


class Counted(Protocol):
    """How many rows statements have touched."""

    @property
    def rowcount(self) -> int: ...


class Rows(Counted, Protocol):
    """What a statement gave."""

    def fetchone(self) -> Any: ...
    def fetchall(self) -> list[Any]: ...
    def __iter__(self) -> Iterator[Any]: ...


class Connection(Protocol):
    """A connection in autocommit; ``?`` stands for a value. Its errors are attributes, as DB-API 2 has them.

    `sqlite3.Connection` is one.
    """

    @property
    def Error(self) -> type[Exception]: ...  # noqa: N802 - DB-API's name
    @property
    def IntegrityError(self) -> type[Exception]: ...  # noqa: N802 - DB-API's name
    @property
    def OperationalError(self) -> type[Exception]: ...  # noqa: N802 - DB-API's name
    @property
    def ProgrammingError(self) -> type[Exception]: ...  # noqa: N802 - DB-API's name
    @property
    def InterfaceError(self) -> type[Exception]: ...  # noqa: N802 - DB-API's name
    @property
    def DataError(self) -> type[Exception]: ...  # noqa: N802 - DB-API's name
    @property
    def in_transaction(self) -> bool: ...
    def execute(self, query: str, values: Sequence[Any] = (), /) -> Rows: ...
    def executemany(self, query: Batch, values: Sequence[Sequence[Any]], /) -> Counted: ...


def insert_all(connection: Connection, table: str, rows: Sequence[tuple[Any, ...]], more: str = "") -> None:
    """Insert many rows in few steps, since each costs a wait; ``more`` says what to do with those that are there already.

    A row that can't be inserted fails the transaction or its savepoint: to be able to undo the statement alone SQLite would copy
    every page that it touches, an eighth of the time of a large input.
    """
    if rows:
        mark, most = f"({', '.join('?' * len(rows[0]))})", _MOST_VALUES // len(rows[0])
        for start in range(0, len(rows), most):
            part = rows[start : start + most]
            query = f"INSERT OR FAIL INTO {table} VALUES {', '.join([mark] * len(part))} {more}"
            connection.execute(query, list(itertools.chain.from_iterable(part)))


def next_id(connection: Connection, table: str) -> int:
    """The next number of a table into which nobody else inserts meanwhile."""
    return int(connection.execute(f"SELECT COALESCE(MAX(id), 0) + 1 FROM {table}").fetchone()[0])
