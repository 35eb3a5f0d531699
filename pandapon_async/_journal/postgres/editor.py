"""A journal in PostgreSQL as people read and change it, beside whoever works on it."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Generator, Sequence
from typing import Any

import attrs
import psycopg

from ..._clock import Clock
from ..._errors import JournalError
from ..sql.editor import JournalEditor
from ..sql.reader import Reader
from .connection import PostgresConnection, connected, in_short
from .schema import check_version, version_of
from .url import PostgresUrl
from .workers import check_clock, refuse_living


def _recognised(url: PostgresUrl) -> PostgresConnection:
    connection = connected(url)
    try:
        check_version(connection, url)
    except BaseException as error:
        connection.close()
        if isinstance(error, psycopg.Error):
            raise JournalError(f"{url}: can't be read: {in_short(error)}") from None
        raise
    return connection


def has_journal(url: PostgresUrl) -> bool:
    """Whether a database has a journal, of whatever release."""
    connection = connected(url)
    try:
        return bool(version_of(connection, url))
    except psycopg.Error as error:
        raise JournalError(f"{url}: can't be read: {in_short(error)}") from None
    finally:
        connection.close()


class PostgresReader(Reader):
    """Reads a journal in PostgreSQL; after a connection was lost the next read makes another."""

    def __init__(self, url: PostgresUrl) -> None:
        self.name = url.name
        self._url = url
        self._connection = _recognised(url)
        self._process = os.getpid()

    def close(self) -> None:
        self._connection.close()

    def check(self) -> None:
        """PostgreSQL looks after its files itself."""

    def read(self, query: str, values: Sequence[Any] = ()) -> list[Any]:
        if os.getpid() != self._process:
            raise JournalError(f"{self.name}: was opened by another process, of which this one is a fork: open it here")
        if self._connection.raw.broken:
            self._connection = connected(self._url)
        try:
            return self._connection.execute(query, values).fetchall()
        except (psycopg.Error, UnicodeError) as error:
            raise JournalError(f"{self.name}: can't be read: {in_short(error)}") from None


@attrs.frozen
class Writing:
    """What may write."""

    connection: PostgresConnection


class PostgresEditor(JournalEditor):
    """Changes a journal in PostgreSQL."""

    def __init__(self, url: PostgresUrl, clock: Clock) -> None:
        super().__init__(clock)
        self._url = url

    @contextlib.contextmanager
    def connected(self) -> Generator[Writing, None, None]:
        connection = _recognised(self._url)
        try:
            check_clock(connection)
            yield Writing(connection)
        finally:
            connection.close()

    @contextlib.contextmanager
    def transaction(self, writing: Writing) -> Generator[PostgresConnection, None, None]:
        try:
            with writing.connection.raw.transaction():
                writing.connection.lock_admission()
                yield writing.connection
        except (psycopg.Error, UnicodeError) as error:
            raise JournalError(f"{self._url}: nothing was changed: {in_short(error)}") from None

    @contextlib.contextmanager
    def locked(self, connection: PostgresConnection, name: str | None = None) -> Generator[None, None, None]:
        if name is not None:  # what is erased is over, so jobs may go on; and who begins one waits for our transaction
            refuse_living(connection, name)
        yield

    def refuse_backup(self, connection: PostgresConnection) -> None:
        """Backups are made and restored by PostgreSQL's own tools."""

    def finish_erasing(self, writing: Writing) -> None:
        """What was erased goes with PostgreSQL's next vacuum."""
