"""A journal's file through ordinary life: copied, moved, linked, looked into, backed up.

What SQLite does not see by itself, and how it is seen here:

- *A copy without its* ``-wal``, where the latest bookings are. Whoever writes has a row in ``owners``, which is in the database
  file itself before anything else is written, and goes when all is there. So a file with such a row is not whole alone: its
  ``-wal`` must be there; or, should somebody have moved that into the file after a kill, the owner's lock file, which counts its
  commits: each raises the number in the row, is noted there, and only then is anybody told of it.
- *A file and a* ``-wal`` *of different moments.* A checkpoint of ours commits ``open`` (and what ``seen`` will be), moves everything
  into the file, and commits ``seen``; the two nonces stand on two pages, and fit only if they are of one moment.
  Before each checkpoint of ours, and whenever the file has changed, a fresh connection looks whether they do: should an old copy
  have been written over the file while it was in use, its mark is of another moment, and no checkpoint may cover that up.
- *A dropped lock.* POSIX drops all locks of a process on a file as soon as the process closes any descriptor of it. So nothing
  here opens the database's files but SQLite itself, and who only reads opens them read-only and removes nothing.
- *A file that was moved, replaced or linked* while it is in use: its inode is compared.
- *An old copy that was put in the file's place*: the file keeps how far the count of each lock was when its owner ended, and a lock
  that has counted on says that the file lacks something.
- *A file that is gone*: locks of it that count commits, or its ``-wal``, say that there was one. A new one at its place would book
  everything once more, so none is made.
"""

from __future__ import annotations

import contextlib
import os
import secrets
import shutil
import sqlite3
import stat
import tempfile
import time
from collections.abc import Callable, Generator
from pathlib import Path
from typing import Any, Final

from ..._errors import JournalError
from .lock import counted, is_held, is_held_here, lock_file, locks_of
from .mounts import refuse_network
from .schema import check_version, is_fresh, make_tables, refuse_older

WAIT: Final = 5.0
"""Seconds that a reader, or another writer, may hold us up."""
_CACHE_KIB: Final = 65_536
_MARKS: Final = "SELECT o.nonce, s.nonce, s.next FROM mark_open o, mark_seen s"


def resolved(path: str | os.PathLike[str]) -> Path:
    """Where a journal is, without links and whatever the working directory becomes.

    Raises:
        JournalError: that names no file of this machine.
    """
    text = os.fspath(path)
    if not text.strip() or text.startswith((":", "file:")) or "\x00" in text:
        raise JournalError(f"{text!r}: a journal is a file on disk")
    return Path(text).resolve()


def wal_of(path: Path) -> Path:
    """The file beside it that has what was written last."""
    return path.with_name(f"{path.name}-wal")


# --- opening -----------------------------------------------------------------------------------------------------------


def open_to_read(path: Path) -> tuple[sqlite3.Connection, Callable[[], None]]:
    """A connection that disturbs nobody, and what is to be called once it is closed.

    Raises:
        JournalError: there is no journal, or it isn't whole.
    """
    _require_file(path)
    if os.access(path.parent, os.W_OK):
        return _recognised(_connect(path, "mode=ro"), path), _nothing
    if not _size(wal_of(path)):
        if is_held_here(path):
            raise JournalError(f"{path}: this process has it open under another path: read that one")
        return _recognised(_connect(path, "mode=ro&immutable=1"), path), _nothing
    return _open_copy(path)


def _open_copy(path: Path) -> tuple[sqlite3.Connection, Callable[[], None]]:
    if is_held_here(path):
        raise JournalError(f"{path}: this process has it open under another path: read that one")
    folder = Path(tempfile.mkdtemp())  # its owner's only
    clean: Callable[[], None] = lambda: shutil.rmtree(folder, ignore_errors=True)  # noqa: E731
    try:
        copy = folder / path.name
        for attempt in (1, 2, 3):  # a checkpoint meanwhile shows in the marks
            for source in (path, wal_of(path)):
                shutil.copyfile(source, folder / source.name)
            try:
                return _recognised(_connect(copy, "mode=ro"), path, wal_of(copy)), clean
            except JournalError:
                if attempt == 3:
                    raise
        raise AssertionError
    except BaseException as error:
        clean()
        if isinstance(error, OSError):
            raise JournalError(f"{path}: can't be read: {error.strerror}") from None
        raise


def open_to_write(path: Path, *, create: bool, whole: bool = False) -> sqlite3.Connection:
    """A connection in autocommit that may write, once a `Writing` was begun with it; else close it by `close_unchanged`.

    Args:
        path: the file.
        create: make it if it isn't there, or is empty, or holds no table yet.
        whole: take it though its marks don't fit.

    Raises:
        JournalError: it isn't there, is something else, or a part of it is missing. It is not changed.
    """
    refuse_network(path)
    if create and not os.path.exists(path):
        refuse_lost(path)
        with as_journal_error(path), contextlib.suppress(FileExistsError):  # by another account's job, just now
            os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_RDWR, 0o600))  # it will hold receivers' data
    if _require_file(path).st_nlink > 1:
        raise JournalError(
            f"{path}: has a second name (a hard link), and each would have a -wal of its own: remove one"
        )
    if create and not path.stat().st_size:
        path.chmod(0o600)
        refuse_lost(path, lambda: not path.stat().st_size)  # SQLite deletes a -wal beside an empty file
    connection = _connect(path, "mode=rw")
    try:
        with as_journal_error(path):
            fresh = create and is_fresh(connection)
            if fresh:
                refuse_lost(path, lambda: _is_still_fresh(connection))
            else:
                _recognise(connection, path, wal_of(path), whole=whole)
            _prepare(connection, path)
            if fresh:
                make_tables(connection, secrets.token_hex(8))
    except BaseException:
        close_unchanged(connection, path)
        raise
    return connection


def _is_still_fresh(connection: sqlite3.Connection) -> bool:
    """The same once whoever is just making it has committed: the ``-wal`` is there before that."""
    connection.execute("BEGIN IMMEDIATE")
    try:
        return is_fresh(connection)
    finally:
        connection.execute("ROLLBACK")


def close_unchanged(connection: sqlite3.Connection, path: Path) -> None:
    """Close a connection that could write, and leave both files as they are: the last one that closes removes the ``-wal``."""
    with contextlib.suppress(JournalError, sqlite3.Error), contextlib.closing(_connect(path, "mode=ro")) as last:
        last.execute("SELECT 1 FROM sqlite_master").fetchall()
        connection.close()
    connection.close()


def _connect(path: Path, mode: str) -> sqlite3.Connection:
    with as_journal_error(path):
        return sqlite3.connect(
            f"{path.as_uri()}?{mode}",
            uri=True,
            isolation_level=None,
            check_same_thread=False,
            timeout=WAIT,
            cached_statements=512,
        )


def _prepare(connection: sqlite3.Connection, path: Path) -> None:
    """What a connection must have, whatever was set in the file or compiled in."""
    wanted = {
        "journal_mode": "wal", "synchronous": 2, "wal_autocheckpoint": 0, "fullfsync": 1, "checkpoint_fullfsync": 1,
        "secure_delete": 1, "temp_store": 2, "cache_size": -_CACHE_KIB,
    }  # fmt: skip
    for name, value in wanted.items():
        connection.execute(f"PRAGMA {name} = {value}")
        found = connection.execute(f"PRAGMA {name}").fetchone()[0]
        if found != value:
            raise JournalError(f"{path}: can't be used: {name} is {found}, and can't be made {value}")


def _recognised(connection: sqlite3.Connection, path: Path, wal: Path | None = None) -> sqlite3.Connection:
    try:
        with as_journal_error(path):
            _recognise(connection, path, wal or wal_of(path))
    except BaseException:
        connection.close()
        raise
    return connection


def _recognise(connection: sqlite3.Connection, path: Path, wal: Path, *, whole: bool = False) -> None:
    check_version(connection, path)
    for _ in range(3):  # whoever checkpoints, or closes, meanwhile
        marks = connection.execute(_MARKS).fetchone()
        if whole or (marks[0] in marks[1:] and (_size(wal) or _is_whole_alone(connection, path))):
            return
        time.sleep(0.02)
    raise JournalError(
        f"{path}: a part of it is missing: it was copied or moved without {wal.name}, which has the latest bookings. "
        "Bring that file; or, if it is lost, look those bookings up at the vendor and declare this one whole"
    )


def is_of_one_moment(path: Path) -> bool:
    """Whether a file that is in use and its ``-wal`` fit; also if nobody can tell just now."""
    try:
        with contextlib.closing(_connect(path, "mode=ro")) as fresh:  # one that is open already has its pages in memory
            opened, *seen = fresh.execute(_MARKS).fetchone()
            return opened in seen
    except (JournalError, sqlite3.OperationalError):
        return True
    except (sqlite3.Error, TypeError):
        return False


def _is_whole_alone(connection: sqlite3.Connection, path: Path) -> bool:
    for lock, token, commits in connection.execute("SELECT lock, token, commits FROM owners").fetchall():
        noted, number = counted(lock_file(path, lock))
        if noted != token or number > commits:
            return False
    return True


def remains_of(path: Path) -> list[Path]:
    """What is left beside a file of a journal that was written to there: the locks that count commits, and its ``-wal``."""
    return [lock for lock in locks_of(path) if counted(lock)[1]] + [wal_of(path)] * _has_commit(wal_of(path))


def _has_commit(wal: Path) -> bool:
    """Whether a ``-wal`` says of any frame that it ended a commit: it has none of who was killed while making the journal."""
    try:
        with wal.open("rb") as file:  # SQLite's locks are on other files
            size = int.from_bytes(file.read(32)[8:12], "big")
            while len(head := file.read(24)) == 24:
                if any(head[4:8]):
                    return True
                file.seek(size, os.SEEK_CUR)
    except OSError:
        return os.path.exists(wal)
    return False


def refuse_lost(path: Path, is_lost: Callable[[], bool] | None = None) -> None:
    """Refuse to make a journal where one was lost.

    Args:
        path: where.
        is_lost: whether there is still none, once its remains were seen: unless somebody has just made it, they are of a lost one.

    Raises:
        JournalError: names the remains.
    """
    remains = remains_of(path)
    if remains and (not os.path.exists(path) if is_lost is None else is_lost()):
        names = ", ".join(file.name for file in remains)
        raise JournalError(
            f"{path}: this journal is gone: it was deleted, moved or emptied, but {names} beside it says that bookings were "
            "written to it. Bring the file back, or restore a backup; a new journal would book everything once more. "
            f"If that is meant, delete {names} first"
        )


def continues(path: Path, lost: Path) -> bool:
    """Whether a journal has all that the locks of a lost one count: it is that one, under another name."""
    try:
        connection, clean = open_to_read(path)
    except JournalError:
        return False
    try:
        refuse_older(connection, path, [counted(lock) for lock in locks_of(lost)])
    except JournalError:
        return False
    finally:
        connection.close()
        clean()
    return not _has_commit(wal_of(lost))


def forget_lost(path: Path) -> None:
    """Let a new journal be made where one was lost: remove the locks of that one that nobody holds, unless there is a ``-wal``."""
    if not _size(path) and not _has_commit(wal_of(path)):
        for lock in remains_of(path):
            if not is_held(path, lock.name[len(path.name) + 1 : -len(".lock")]):
                with as_journal_error(lock):
                    lock.unlink(missing_ok=True)


def _require_file(path: Path) -> os.stat_result:
    try:
        found = path.stat()
    except FileNotFoundError:
        refuse_lost(path)
        raise JournalError(f"{path}: there is no journal") from None
    except OSError as error:
        raise JournalError(f"{path}: can't be opened: {error.strerror}") from None
    if not stat.S_ISREG(found.st_mode):
        raise JournalError(f"{path}: is not a file")
    return found


@contextlib.contextmanager
def as_journal_error(path: Path) -> Generator[None, None, None]:
    """Say what is wrong with a file as its users read it."""
    try:
        yield
    except OSError as error:
        raise JournalError(f"{path}: can't be opened: {error.strerror}") from None
    except sqlite3.Error as error:
        if "not a database" in str(error):
            raise JournalError(f"{path}: is not a journal; it is left as it is") from None
        raise JournalError(f"{path}: can't be used as a journal: {error}") from None


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError:
        return 0


def _nothing() -> None:
    pass


class Place:
    """Where files are, to see whether they still are."""

    def __init__(self, *paths: Path) -> None:
        self._inodes = {str(path): _inode(str(path)) for path in paths}

    def change(self) -> str | None:
        """What has happened to them meanwhile."""
        for path, inode in self._inodes.items():
            if _inode(path) != inode:
                return f"{path} was moved, deleted, linked or replaced while it was in use"
        return None


def _inode(path: str) -> tuple[int, int, int] | None:
    try:
        found = os.stat(path)
    except OSError:
        return None
    return found.st_dev, found.st_ino, found.st_nlink


# --- backing up --------------------------------------------------------------------------------------------------------


def back_up(source: sqlite3.Connection, target: Path, event: tuple[Any, ...]) -> None:
    """Write a whole and consistent copy, marked as a backup by its ``event``; what is there already is left as it is.

    Raises:
        JournalError: it can't be written.
    """
    if target.exists():
        raise JournalError(f"{target}: is there already")
    part = target.with_name(f"{target.name}.{secrets.token_hex(4)}.part")
    try:
        with as_journal_error(target):
            os.close(os.open(part, os.O_CREAT | os.O_EXCL | os.O_RDWR, 0o600))
            with contextlib.closing(_connect(part, "mode=rw")) as copy:
                source.backup(copy)
                copy.execute("BEGIN IMMEDIATE")
                copy.execute("UPDATE mark_seen SET nonce = ?, next = ?", (nonce := secrets.token_hex(8), nonce))
                copy.execute("UPDATE mark_open SET nonce = ?", (nonce,))
                copy.execute("DELETE FROM owners")
                copy.execute("INSERT INTO events (at, event, by, note) VALUES (?, ?, ?, ?)", event)
                copy.execute("COMMIT")
            try:
                os.link(part, target)  # unlike a rename, it replaces nothing
            except FileExistsError:
                raise JournalError(f"{target}: is there already") from None
            except OSError:  # this drive has no links
                part.rename(target)
    finally:
        with contextlib.suppress(OSError):
            os.unlink(part)
