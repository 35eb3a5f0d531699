"""Where a journal is, and what opens it there: a file on disk, or a PostgreSQL database."""

from __future__ import annotations

import os
from importlib.util import find_spec
from pathlib import Path
from typing import Union

from .._clock import Clock
from .._errors import ConfigError
from .identity import AccountKey
from .postgres.url import PostgresUrl, postgres_url
from .sql.editor import JournalEditor
from .sql.reader import Reader
from .sql.store import SqlStore
from .sqlite.editor import Editor
from .sqlite.file import resolved
from .sqlite.reader import SqliteReader
from .sqlite.store import SqliteStore

Place = Union[Path, PostgresUrl]  # noqa: UP007 - evaluated at run time


def place_of(journal: str | os.PathLike[str]) -> Place:
    """The place that a path or a URL names.

    Raises:
        JournalError: it names none.
    """
    url = postgres_url(journal) if isinstance(journal, str) else None
    return resolved(journal) if url is None else url


def is_made(url: PostgresUrl) -> bool:
    """Whether a database has a journal.

    Raises:
        JournalError: it can't be reached.
    """
    _require_psycopg()
    from .postgres.editor import has_journal

    return has_journal(url)


def reader_of(place: Place) -> Reader:
    """Reads the journal there.

    Raises:
        JournalError: there is none, or it can't be read.
    """
    if isinstance(place, Path):
        return SqliteReader(resolved(place))
    _require_psycopg()
    from .postgres.editor import PostgresReader

    return PostgresReader(place)


def editor_of(place: Place, clock: Clock) -> JournalEditor:
    """Changes the journal there."""
    if isinstance(place, Path):
        return Editor(resolved(place), clock)
    _require_psycopg()
    from .postgres.editor import PostgresEditor

    return PostgresEditor(place, clock)


async def store_at(place: Place, key: AccountKey, clock: Clock, *, timeout: float, adopt_key: bool = False) -> SqlStore:
    """The store of a job there; ``timeout`` is what one call may take. See `SqliteStore.open` and `PostgresStore.open`."""
    if isinstance(place, Path):
        return await SqliteStore.open(place, key, clock, adopt_key=adopt_key)
    _require_psycopg()
    from .postgres.store import PostgresStore

    return await PostgresStore.open(place, key, clock, timeout=timeout, adopt_key=adopt_key)


def _require_psycopg() -> None:
    if find_spec("psycopg") is None:
        raise ConfigError("a journal in PostgreSQL needs the extra: pip install 'pandapon-async[fleet]'")
