"""The tables of a journal's file, and how a file is recognised as one."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable
from datetime import datetime, timezone
from pathlib import Path
from typing import Final

from ..._errors import JournalError
from .lock import BY_HAND, counted, locks_of

VERSION: Final = 2
APPLICATION_ID: Final = 0x50414E44

TABLES: Final = """
CREATE TABLE mark_open (nonce TEXT NOT NULL);
CREATE TABLE mark_seen (nonce TEXT NOT NULL, next TEXT NOT NULL);
CREATE TABLE events (id INTEGER PRIMARY KEY, at REAL NOT NULL, event TEXT NOT NULL, by TEXT NOT NULL, note TEXT NOT NULL);
CREATE TABLE accounts (id INTEGER PRIMARY KEY, vendor TEXT NOT NULL, name TEXT NOT NULL, UNIQUE (vendor, name));
CREATE TABLE facts (
    account INTEGER NOT NULL REFERENCES accounts, kind TEXT NOT NULL, value TEXT NOT NULL, at REAL NOT NULL,
    PRIMARY KEY (account, kind, value)
) WITHOUT ROWID;
CREATE TABLE operations (id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE);
CREATE TABLE owners (
    id INTEGER PRIMARY KEY, account INTEGER REFERENCES accounts, lock TEXT NOT NULL, token TEXT NOT NULL, commits INTEGER NOT NULL,
    host TEXT NOT NULL, boot TEXT NOT NULL, pid INTEGER NOT NULL, start TEXT NOT NULL, at REAL NOT NULL
);
CREATE TABLE ended (token TEXT PRIMARY KEY, commits INTEGER NOT NULL) WITHOUT ROWID;
CREATE TABLE runs (
    id INTEGER PRIMARY KEY, account INTEGER NOT NULL REFERENCES accounts, operation INTEGER NOT NULL REFERENCES operations,
    began REAL NOT NULL, released REAL, ended REAL, host TEXT NOT NULL, pid INTEGER NOT NULL, about TEXT, summary TEXT
);
CREATE INDEX runs_unreleased ON runs (id) WHERE released IS NULL;
CREATE TABLE inputs (
    run INTEGER NOT NULL REFERENCES runs, row INTEGER NOT NULL, position INTEGER NOT NULL, is_new INTEGER NOT NULL,
    allowed INTEGER NOT NULL, version INTEGER, body TEXT, PRIMARY KEY (run, row)
) WITHOUT ROWID;
CREATE INDEX inputs_renewing ON inputs (run, row) WHERE version IS NOT NULL;
CREATE TABLE rows (
    id INTEGER PRIMARY KEY, account INTEGER NOT NULL REFERENCES accounts, operation INTEGER NOT NULL REFERENCES operations,
    reference TEXT NOT NULL, reference_key INTEGER NOT NULL, shipment INTEGER NOT NULL, state TEXT NOT NULL,
    version INTEGER NOT NULL, owner INTEGER REFERENCES owners, run INTEGER NOT NULL, at REAL NOT NULL,
    render_key INTEGER, tmall_key INTEGER, parcel_key INTEGER, order_id TEXT, order_key INTEGER, fee TEXT, currency TEXT,
    tracking TEXT, error TEXT, request_id TEXT, digest TEXT, sent_at REAL, done_at REAL, resolved_by TEXT, note TEXT,
    history TEXT NOT NULL, destination TEXT
);
CREATE UNIQUE INDEX rows_by_reference ON rows (reference_key, account, operation, shipment);
CREATE UNIQUE INDEX rows_by_order ON rows (order_key, account, operation) WHERE order_key IS NOT NULL;
CREATE INDEX rows_by_state ON rows (state);
CREATE INDEX rows_by_render ON rows (render_key) WHERE render_key IS NOT NULL;
CREATE INDEX rows_by_tmall ON rows (tmall_key) WHERE tmall_key IS NOT NULL;
CREATE INDEX rows_by_parcel ON rows (parcel_key) WHERE parcel_key IS NOT NULL;
CREATE INDEX rows_parcels_by_time ON rows (at) WHERE parcel_key IS NOT NULL;
CREATE INDEX rows_unpriced ON rows (account, operation) WHERE state = 'done' AND fee IS NULL;
CREATE TABLE bodies (row INTEGER PRIMARY KEY, body TEXT NOT NULL);
CREATE TABLE replies (row INTEGER PRIMARY KEY, reply TEXT NOT NULL);
CREATE TABLE sources (
    row INTEGER NOT NULL, run INTEGER NOT NULL, line INTEGER NOT NULL, kept TEXT, previewed TEXT, previewed_currency TEXT,
    PRIMARY KEY (row, run)
) WITHOUT ROWID;
CREATE INDEX sources_by_run ON sources (run);
CREATE TABLE money (
    id INTEGER PRIMARY KEY, row INTEGER NOT NULL REFERENCES rows, account INTEGER NOT NULL, operation INTEGER NOT NULL,
    at REAL NOT NULL, kind TEXT NOT NULL, digits INTEGER NOT NULL, exponent INTEGER NOT NULL, currency TEXT NOT NULL,
    by TEXT NOT NULL, note TEXT
);
CREATE INDEX money_by_row ON money (row);
CREATE INDEX money_by_time ON money (at);
"""
"""Keys are 8-byte digests (`identity.key_of`): an index over them is small however long the texts are. The two marks stand in
tables of their own, since each must have a page of its own; see `file`."""


def is_fresh(connection: sqlite3.Connection) -> bool:
    """Whether a database is nobody's yet."""
    tables = connection.execute("SELECT COUNT(*) FROM sqlite_master").fetchone()[0]
    return not tables and _pragma(connection, "application_id") in (0, APPLICATION_ID)


def make_tables(connection: sqlite3.Connection, nonce: str) -> None:
    """Make an empty journal of a database that is fresh, unless somebody else just did."""
    with connection:
        connection.execute("BEGIN IMMEDIATE")
        if not is_fresh(connection):
            return
        for statement in TABLES.split(";")[:-1]:
            connection.execute(statement)
        connection.execute("INSERT INTO mark_open VALUES (?)", (nonce,))
        connection.execute("INSERT INTO mark_seen VALUES (?, ?)", (nonce, nonce))
        connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")
        connection.execute(f"PRAGMA user_version = {VERSION}")


def check_version(connection: sqlite3.Connection, path: Path) -> None:
    """Refuse what is no journal of this release.

    Raises:
        JournalError: says what it is.
    """
    if is_fresh(connection):
        raise JournalError(f"{path}: the journal is empty")
    if _pragma(connection, "application_id") != APPLICATION_ID:
        raise JournalError(f"{path}: is another program's database; it is left as it is")
    version = _pragma(connection, "user_version")
    if version > VERSION:
        raise JournalError(f"{path}: was written by a newer release (version {version}, this one knows {VERSION})")
    if version < VERSION:
        raise JournalError(
            f"{path}: is a journal of version {version}, from before the first release, and can't be read: "
            "end its bookings with what wrote it, and begin a new journal"
        )


def refuse_backup(connection: sqlite3.Connection, path: Path) -> None:
    """Refuse a backup that nobody has restored.

    Raises:
        JournalError: says of when it is.
    """
    query = "SELECT event, at FROM events WHERE event IN ('backup', 'restored') ORDER BY id DESC LIMIT 1"
    event, at = connection.execute(query).fetchone() or ("", 0)
    if event == "backup":
        when = datetime.fromtimestamp(at, timezone.utc)
        raise JournalError(
            f"{path}: is a backup of {when:%Y-%m-%d %H:%M} UTC, and lacks what was booked since: restore it first"
        )


def end_owner(connection: sqlite3.Connection, number: int) -> None:
    """An owner is no more: keep how many commits of it the file has. By hand nobody comes back under the same lock."""
    _keep_counts(connection, f"SELECT token, commits FROM owners WHERE id = ? AND lock NOT LIKE '{BY_HAND}%'", number)
    connection.execute("DELETE FROM owners WHERE id = ?", (number,))


def take_as_latest(connection: sqlite3.Connection, path: Path) -> None:
    """Whatever the locks beside it count, this is the file to go on with."""
    for lock in locks_of(path):
        _keep_counts(connection, "SELECT ?, ? WHERE true", *counted(lock))


def _keep_counts(connection: sqlite3.Connection, counts: str, *values: object) -> None:
    latest = "ON CONFLICT (token) DO UPDATE SET commits = max(commits, excluded.commits)"
    connection.execute(f"INSERT INTO ended (token, commits) {counts} {latest}", values)


def commits_of(connection: sqlite3.Connection, token: str) -> int:
    """How many commits under a lock a file has; after a power cut the lock may count fewer."""
    query = "SELECT MAX(commits) FROM (SELECT token, commits FROM owners UNION ALL SELECT * FROM ended) WHERE token = ?"
    return int(connection.execute(query, (token,)).fetchone()[0] or 0)


def refuse_older(connection: sqlite3.Connection, path: Path, counts: Iterable[tuple[str, int]]) -> None:
    """Refuse a file that lacks commits.

    Args:
        connection: reads it.
        path: of it.
        counts: the token of each lock and what it counts, as they were before the file is read.

    Raises:
        JournalError: says so.
    """
    for token, commits in counts:
        if commits > commits_of(connection, token):
            raise JournalError(
                f"{path}: is not the file that was used here last: an old copy, or another journal, was put in its place, and lacks "
                "what was booked since. Bring the latest file; or, if it is lost, look at the vendor what was booked since, "
                "and restore this one"
            )


def check_whole(connection: sqlite3.Connection, path: Path) -> None:
    """Look through the whole file; what that costs grows with it.

    Raises:
        JournalError: it is damaged.
    """
    found = connection.execute("PRAGMA quick_check(1)").fetchone()[0]
    if found != "ok":
        raise JournalError(f"{path}: is damaged: {found}")


def _pragma(connection: sqlite3.Connection, name: str) -> int:
    return int(connection.execute(f"PRAGMA {name}").fetchone()[0])
