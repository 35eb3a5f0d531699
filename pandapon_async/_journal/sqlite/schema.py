"""The journal's file: made, recognised, refused if it is something else."""

from __future__ import annotations

import os
import sqlite3
from pathlib import Path
from typing import Final

from ..._errors import JournalError

VERSION: Final = 1
_APPLICATION_ID: Final = 0x50414E44
_HEADER: Final = b"SQLite format 3\x00"

_TABLES: Final = """
CREATE TABLE accounts (
    id INTEGER PRIMARY KEY, vendor TEXT NOT NULL, name TEXT NOT NULL, base_url TEXT NOT NULL, fingerprint TEXT NOT NULL,
    user_id TEXT NOT NULL, operation TEXT NOT NULL,
    UNIQUE (vendor, base_url, fingerprint, user_id, operation)
);
CREATE TABLE rows (
    id INTEGER PRIMARY KEY, account INTEGER NOT NULL REFERENCES accounts, reference TEXT NOT NULL, state TEXT NOT NULL,
    run INTEGER NOT NULL DEFAULT 0, position INTEGER NOT NULL DEFAULT 0, digest TEXT, order_id TEXT, fee TEXT, currency TEXT,
    tracking TEXT, error TEXT, request_id TEXT, sent_at REAL, done_at REAL, settled_by TEXT, note TEXT, history TEXT NOT NULL,
    UNIQUE (account, reference)
);
CREATE INDEX rows_by_run ON rows (account, run);
CREATE TABLE bodies (row INTEGER PRIMARY KEY REFERENCES rows, body TEXT NOT NULL);
CREATE TABLE replies (row INTEGER PRIMARY KEY REFERENCES rows, reply TEXT NOT NULL);
"""

# From version N to N + 1, at index N - 1. Version 1 is the first.
_MIGRATIONS: Final[tuple[str, ...]] = ()


def open_file(path: Path, *, create: bool) -> sqlite3.Connection:
    """Open a journal's file, in autocommit, ready to be read or written from one thread.

    Args:
        path: the file.
        create: make it if it isn't there, or is empty, or holds no table yet.

    Raises:
        JournalError: it isn't there, is something else, of a newer version, or damaged. It is not changed.
    """
    try:
        _check_header(path, create=create)
        connection = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
    except (OSError, sqlite3.Error) as error:
        raise JournalError(f"{path}: can't be opened: {error}") from None
    try:
        _prepare(connection, path, create=create)
    except sqlite3.Error as error:
        connection.close()
        raise JournalError(f"{path}: can't be used as a journal: {error}") from None
    except JournalError:
        connection.close()
        raise
    return connection


def _check_header(path: Path, *, create: bool) -> None:
    if not path.exists():
        if not create:
            raise JournalError(f"{path}: there is no journal")
        os.close(os.open(path, os.O_CREAT | os.O_RDWR, 0o600))  # it will hold receivers' data
    if not path.is_file():
        raise JournalError(f"{path}: is not a file")
    with path.open("rb") as file:
        header = file.read(len(_HEADER))
    if header and header != _HEADER:
        raise JournalError(f"{path}: is not a journal; it is left as it is")
    if not header and create:
        path.chmod(0o600)


def _prepare(connection: sqlite3.Connection, path: Path, *, create: bool) -> None:
    tables = connection.execute("SELECT COUNT(*) FROM sqlite_master").fetchone()[0]
    application = connection.execute("PRAGMA application_id").fetchone()[0]
    version = connection.execute("PRAGMA user_version").fetchone()[0]
    if not tables and application in (0, _APPLICATION_ID):
        if not create:
            raise JournalError(f"{path}: the journal is empty")
        _make(connection)
        return
    if application != _APPLICATION_ID:
        raise JournalError(f"{path}: is another program's database; it is left as it is")
    if version > VERSION:
        raise JournalError(f"{path}: was written by a newer release (version {version}, this one knows {VERSION})")
    found = connection.execute("PRAGMA quick_check(1)").fetchone()[0]
    if found != "ok":
        raise JournalError(f"{path}: is damaged: {found}")
    if create:
        _migrate(connection, version)
        connection.execute("PRAGMA synchronous = FULL")


def _make(connection: sqlite3.Connection) -> None:
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("PRAGMA synchronous = FULL")
    connection.executescript(
        f"BEGIN IMMEDIATE; PRAGMA application_id = {_APPLICATION_ID}; PRAGMA user_version = {VERSION}; {_TABLES} COMMIT;"
    )


def _migrate(connection: sqlite3.Connection, version: int) -> None:
    for number, script in enumerate(_MIGRATIONS[version - 1 :], start=version + 1):
        connection.executescript(f"BEGIN IMMEDIATE; {script}; PRAGMA user_version = {number}; COMMIT;")
