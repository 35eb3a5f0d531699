"""One sender an account: a lock on a file beside the journal, which the system releases however the process ends."""

from __future__ import annotations

import contextlib
import os
import secrets
import sys
import weakref
from pathlib import Path
from typing import Final

from ..._errors import JournalError
from ..identity import key_of
from .owners import Owner

if sys.platform == "win32":
    import msvcrt

    def _lock(descriptor: int) -> None:
        os.lseek(descriptor, 2**30, os.SEEK_SET)  # who reads the text is not locked out
        msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)
else:
    import fcntl

    def _lock(descriptor: int) -> None:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)


RESERVE: Final = 2 * 1024 * 1024
"""Bytes of disk that are kept, so that what is under way can still be written down when the disk is full."""
_HEAD: Final = 512
"""Bytes of text: who holds it, and in the second half how many commits there were."""


class AccountLock:
    """The lock of one account of a journal, held by its own descriptor, so that it also keeps out a second job of the process.

    The same file is the reserve against a full disk.
    """

    def __init__(self, path: Path, vendor: str, name: str) -> None:
        self.journal = path
        self.path = _path_of(path, vendor, name)
        self.token = secrets.token_hex(8)
        self._commits = 0
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
            raise JournalError(f"{self.journal}: another job is using it ({self._holder()})") from None
        self._descriptor = descriptor
        _HELD.add(self)
        if not self.is_held:  # it was deleted in between
            self.release()
            raise JournalError(f"{self.journal}: {self.path.name} was deleted while it was taken: try again")
        self._write(f"{Owner.this_process()}\n")

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

    def note_commit(self) -> None:
        """One more commit is on disk; see `file`."""
        self._commits += 1
        self._write(f"{self.token} {self._commits}\n", _HEAD // 2)

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
                os.lseek(self._descriptor, _HEAD, os.SEEK_SET)
                os.write(self._descriptor, bytes(RESERVE - _HEAD))
            return True
        except OSError:
            self.use_reserve()
            return False

    def use_reserve(self) -> None:
        """Give the reserve to what must be written now."""
        if self._descriptor is not None:
            with contextlib.suppress(OSError):
                os.ftruncate(self._descriptor, _HEAD)

    def _write(self, text: str, at: int = 0) -> None:
        if self._descriptor is not None:
            with contextlib.suppress(OSError):
                os.lseek(self._descriptor, at, os.SEEK_SET)
                os.write(self._descriptor, text.encode())

    def _holder(self) -> str:
        with contextlib.suppress(OSError), self.path.open("rb") as file:
            return file.readline(200).rstrip(b"\x00\n").decode(errors="replace") or "starting"
        return "unknown"


_HELD: Final[weakref.WeakSet[AccountLock]] = weakref.WeakSet()
"""What a forked child must not keep: a hook at fork can only find it here."""


def _path_of(path: Path, vendor: str, name: str) -> Path:
    return path.with_name(f"{path.name}.{key_of('account', vendor, name) % 2**64:016x}.lock")


def commits_of(path: Path, vendor: str, name: str, token: str) -> int:
    """How many commits an account's last owner has noted beside a journal; -1: it wasn't this one."""
    with contextlib.suppress(OSError, ValueError), _path_of(path, vendor, name).open("rb") as file:
        file.seek(_HEAD // 2)
        noted, commits = file.readline(_HEAD // 2).decode().split()
        return int(commits) if noted == token else -1
    return -1


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
