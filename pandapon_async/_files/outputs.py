"""Files that a command writes: never over an input, over a journal, or over anything that isn't an earlier output of the same kind."""

from __future__ import annotations

import contextlib
import errno
import itertools
import os
import secrets
from collections.abc import Callable, Generator, Iterable
from pathlib import Path
from typing import BinaryIO, Final

import attrs

from .findings import FileError

_BESIDE_A_JOURNAL: Final = ("-wal", "-shm", "-journal", ".lock")


def check_output(path: Path, kept: Iterable[Path], is_ours: Callable[[Path], bool]) -> None:
    """Refuse a path where something would be lost, or where nothing can be written.

    Args:
        path: what is to be written.
        kept: inputs and journals, whether or not they exist yet.
        is_ours: tells whether a file is an earlier output of the same kind.

    Raises:
        FileError: says what is there.
    """
    for one in kept:
        if _is_one_of(path, one):
            raise FileError.whole(path, "is-kept", what=one.name)
    if path.exists() and not path.is_file():  # a pipe or a device loses nothing
        return
    folder = path.resolve().parent
    if not folder.is_dir():
        raise FileError.whole(path, "no-folder", what=str(folder))
    if not os.access(folder, os.W_OK):
        raise FileError.whole(path, "not-writable", why=os.strerror(errno.EACCES))
    if not path.exists() or not path.stat().st_size:
        return
    try:
        ours = is_ours(path)
    except OSError as error:
        raise FileError.whole(path, "not-writable", why=error.strerror or "") from None
    if not ours:
        raise FileError.whole(path, "is-there")


def _is_one_of(path: Path, kept: Path) -> bool:
    target, resolved = path.resolve(), kept.resolve()
    if target == resolved:
        return True
    with contextlib.suppress(OSError):
        if target.samefile(resolved):
            return True
    is_beside = target.parent == resolved.parent and target.name.startswith(resolved.name)
    return is_beside and target.name.endswith(_BESIDE_A_JOURNAL)


@attrs.define
class Output:
    """A file being written.

    ``path``: where it is once written: beside the one asked for, if what is there must not be replaced, or can't be since a
    program holds it open.
    """

    file: BinaryIO
    path: Path


@contextlib.contextmanager
def replaced(
    path: Path, *, private: bool = True, may_replace: Callable[[Path], bool] = lambda _: True
) -> Generator[Output, None, None]:
    """A file to be written; what was at the path is replaced once all is written, else kept.

    Args:
        path: where.
        private: only its owner may read it, since it holds personal data; otherwise as the folder's new files.
        may_replace: tells, once all is written, whether what is at the path then may be replaced.

    Raises:
        OSError: it can't be written.
    """
    if path.exists() and not path.is_file():
        with open_private(path) as file:
            yield Output(file, path)
        return
    target = path.resolve()
    new = target.with_name(f".{target.name}.{secrets.token_hex(4)}")
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0)
    try:
        descriptor = os.open(new, flags, 0o600 if private else 0o666)
    except OSError as error:  # about the file that was asked for
        raise OSError(error.errno, error.strerror, str(path)) from None
    try:
        with os.fdopen(descriptor, "wb") as file:
            output = Output(file, path)
            yield output
        output.path = _put(new, path, target, may_replace)
    except BaseException:
        new.unlink(missing_ok=True)
        raise


def _put(new: Path, path: Path, target: Path, may_replace: Callable[[Path], bool]) -> Path:
    """Move the file to its place, or beside it; on Windows nobody can replace a file that a spreadsheet holds open."""
    if not target.is_file() or not target.stat().st_size or may_replace(target):
        try:
            new.replace(target)
        except PermissionError:
            if not target.exists():
                raise
        else:
            return path
    # Where the file itself is: a link may lead to another drive.
    folder = path.parent if path.parent.resolve() == target.parent else target.parent
    for number in itertools.count(2):
        beside = folder / f"{path.stem} ({number}){path.suffix}"
        with contextlib.suppress(FileExistsError):
            beside.touch(mode=0o600, exist_ok=False)  # whoever writes at the same time takes the next one
            new.replace(beside)
            return beside
    raise AssertionError


def open_private(path: Path) -> BinaryIO:
    """Create or truncate a file; a new one is readable only by its owner, since it will hold receivers' data."""
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | getattr(os, "O_BINARY", 0), 0o600)
    return os.fdopen(descriptor, "wb")
