"""One sender an account: a lock on a file beside the journal, which the system releases however the process ends.

The file also says how many commits its owners have made, so that a database file can be asked whether it has them all.
"""

from __future__ import annotations

import contextlib
import glob
import os
import secrets
import sys
import weakref
from pathlib import Path
from typing import Final

from ..._errors import JournalError
from ..identity import key_of
from ..sql.owners import Owner
from ..store import InUseError

if sys.platform == "win32":
    import msvcrt

    def _lock(descriptor: int) -> None:
        os.lseek(descriptor, 2**30, os.SEEK_SET)  # who reads the text is not locked out
        msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)

    def _write_at(descriptor: int, data: bytes, at: int) -> None:
        os.lseek(descriptor, at, os.SEEK_SET)
        os.write(descriptor, data)
else:
    import fcntl

    def _lock(descriptor: int) -> None:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)

    def _write_at(descriptor: int, data: bytes, at: int) -> None:
        os.pwrite(descriptor, data, at)


BY_HAND: Final = "hand-"
RESERVE: Final = 2 * 1024 * 1024
"""Bytes of disk that are kept, so that what is under way can still be written down when the disk is full."""
_HEAD: Final = 512
"""Bytes of text: who holds it, and in the second half what it counts, and how many there were."""


class OwnerLock:
    """What an owner of a journal holds: an account's job (`account_lock`), or somebody who changes it by hand (`hand_lock`).

    It is held by its own descriptor, so that it also keeps out a second job of the process. The same file is the reserve against
    a full disk.

    Attributes:
        name: of the file, behind the journal's.
        token: of this file: another one at its place counts from anew.
        commits: how many its owners have made; never fewer than that have been told to anybody.
    """

    def __init__(self, path: Path, name: str) -> None:
        self.journal = path
        self.name = name
        self.path = lock_file(path, name)
        self.token, self.commits = "", 0
        self._descriptor: int | None = None

    def acquire(self) -> None:
        """Take the lock.

        Raises:
            JournalError: somebody has it, or the file can't be made.
        """
        if any(other.path == self.path for other in list(_HELD)):  # even if its file was deleted
            raise JournalError(f"{self.journal}: another job of this process is using it")
        try:
            descriptor = os.open(self.path, os.O_RDWR | os.O_CREAT, 0o600)
        except OSError as error:
            raise JournalError(f"{self.journal}: can't be locked: {error.strerror}") from None
        try:
            _lock(descriptor)
        except OSError:
            os.close(descriptor)
            raise InUseError.of(self.journal, self._holder()) from None
        self._descriptor = descriptor
        _HELD.add(self)
        if not self.is_held:  # it was deleted in between
            self.release()
            raise JournalError(f"{self.journal}: {self.path.name} was deleted while it was taken: try again")
        self._write(f"{Owner.this_process()}\n")
        self.token, self.commits = counted(self.path)
        if not self.token:
            self.token = secrets.token_hex(8)
            self.note_commit(0, durable=True)

    @property
    def is_held(self) -> bool:
        """Whether this process has it, and the file is still the one that another process would find."""
        if self._descriptor is None:
            return False
        try:
            return os.path.samestat(os.fstat(self._descriptor), os.stat(self.path))
        except OSError:
            return False

    def release(self) -> None:
        """Give the lock back. Idempotent."""
        descriptor, self._descriptor = self._descriptor, None
        _HELD.discard(self)
        if descriptor is not None:
            with contextlib.suppress(OSError):
                os.ftruncate(descriptor, _HEAD)
            os.close(descriptor)

    def remove(self) -> None:
        """Give it back, and leave no file."""
        self.release()
        with contextlib.suppress(OSError):
            self.path.unlink()

    def note_commit(self, number: int, *, durable: bool = False) -> None:
        """So many are on disk; ``durable``: even a power cut must not let that be forgotten."""
        self.commits = number
        self._write(f"{self.token} {number}\n", _HEAD // 2, durable=durable)

    def leave_to_parent(self) -> None:
        """In a forked child: the lock is the parent's, who keeps it."""
        descriptor, self._descriptor = self._descriptor, None
        if descriptor is not None:
            os.close(descriptor)  # of the two that share the lock only this one

    # --- the reserve ---

    def set_aside(self) -> bool:
        """Keep the reserve; False: there is no room for it."""
        if self._descriptor is None:
            return False
        try:
            if os.fstat(self._descriptor).st_size >= RESERVE:
                return True
            if hasattr(os, "posix_fallocate"):
                os.posix_fallocate(self._descriptor, 0, RESERVE)
            else:
                _write_at(self._descriptor, bytes(RESERVE - _HEAD), _HEAD)
            return True
        except OSError:
            self.use_reserve()
            return False

    def use_reserve(self) -> None:
        """Give the reserve to what must be written now."""
        if self._descriptor is not None:
            with contextlib.suppress(OSError):
                os.ftruncate(self._descriptor, _HEAD)

    def _write(self, text: str, at: int = 0, *, durable: bool = False) -> None:
        if self._descriptor is not None:
            with contextlib.suppress(OSError):
                _write_at(self._descriptor, text.encode(), at)
                if durable:
                    os.fsync(self._descriptor)

    def _holder(self) -> str:
        with contextlib.suppress(OSError), self.path.open("rb") as file:
            return file.readline(200).rstrip(b"\x00\n").decode(errors="replace") or "starting"
        return "unknown"


_HELD: Final[weakref.WeakSet[OwnerLock]] = weakref.WeakSet()
"""What a forked child must not keep: a hook at fork can only find it here."""


def account_lock(path: Path, vendor: str, name: str) -> OwnerLock:
    """The lock of an account's jobs."""
    return OwnerLock(path, f"{key_of('account', vendor, name) % 2**64:016x}")


def hand_lock(path: Path) -> OwnerLock:
    """A lock of somebody who changes a journal by hand, beside others."""
    return OwnerLock(path, f"{BY_HAND}{secrets.token_hex(8)}")


def forget_lock(path: Path, name: str) -> None:
    """Remove what a killed owner left, if nobody will ask for it again."""
    if name.startswith(BY_HAND):
        with contextlib.suppress(OSError):
            lock_file(path, name).unlink()


def is_held(path: Path, name: str) -> bool | None:
    """Whether somebody holds a lock of a journal; None: there is no such file."""
    try:
        descriptor = os.open(lock_file(path, name), os.O_RDWR)
    except OSError as error:
        return None if isinstance(error, FileNotFoundError) else True
    try:
        _lock(descriptor)
    except OSError:
        return True
    finally:
        os.close(descriptor)
    return False


def lock_file(path: Path, name: str) -> Path:
    """Where a lock of a journal is."""
    return path.with_name(f"{path.name}.{name}.lock")


def locks_of(path: Path) -> list[Path]:
    """The accounts' locks beside a journal's file; those of a journal whose name begins alike aren't among them.

    Nor are those of who changes it by hand: nobody comes back under one, so what is left of it says nothing.
    """
    return sorted(path.parent.glob(f"{glob.escape(path.name)}.{'[0-9a-f]' * 16}.lock"))


def counted(lock: Path) -> tuple[str, int]:
    """The token of a lock's file, and how many commits it counts; no token: it can't be read."""
    with contextlib.suppress(OSError, ValueError), lock.open("rb") as file:
        file.seek(_HEAD // 2)
        token, commits = file.readline(_HEAD // 2).decode().split()
        return token, int(commits)
    return "", 0


def is_held_here(path: Path) -> bool:
    """Whether this process has a journal's file open for writing, by whatever path."""
    with contextlib.suppress(OSError):
        return any(os.path.samefile(lock.journal, path) for lock in list(_HELD))
    return False


def _leave_to_parent() -> None:
    for lock in list(_HELD):
        lock.leave_to_parent()
    _HELD.clear()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_leave_to_parent)
