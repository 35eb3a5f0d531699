"""Files that a command writes: never over an input, over a journal, or over anything that isn't an earlier output of the same kind."""

from __future__ import annotations

import contextlib
import os
import tempfile
from collections.abc import Callable, Generator, Iterable
from pathlib import Path
from typing import BinaryIO, Final

from .csv_sheet import MAX_LINE_BYTES, open_private
from .findings import FileError

_BESIDE_A_JOURNAL: Final = ("-wal", "-shm", "-journal", ".lock")


def check_output(path: Path, kept: Iterable[Path], is_ours: Callable[[bytes], bool]) -> None:
    """Refuse a path where something would be lost.

    Args:
        path: what is to be written.
        kept: inputs and journals, whether or not they exist yet.
        is_ours: tells by a file's first line whether it is an earlier output of the same kind.

    Raises:
        FileError: says what is there.
    """
    for one in kept:
        if _is_one_of(path, one):
            raise FileError(f"{path}: is {one.name}, or belongs to it: choose another file to write to")
    if not path.is_file() or not path.stat().st_size:  # a pipe or a device loses nothing
        return
    try:
        with path.open("rb") as file:
            first = file.readline(MAX_LINE_BYTES)
    except OSError as error:
        raise FileError(f"{path}: can't be written: {error.strerror}") from None
    if not is_ours(first.removeprefix(b"\xef\xbb\xbf")):
        raise FileError(f"{path}: is there already, and something else: remove it, or choose another file to write to")


def _is_one_of(path: Path, kept: Path) -> bool:
    target, resolved = path.resolve(), kept.resolve()
    if target == resolved:
        return True
    with contextlib.suppress(OSError):
        if target.samefile(resolved):
            return True
    is_beside = target.parent == resolved.parent and target.name.startswith(resolved.name)
    return is_beside and target.name.endswith(_BESIDE_A_JOURNAL)


@contextlib.contextmanager
def replaced(path: Path) -> Generator[BinaryIO, None, None]:
    """A file to be written, which only its owner may read; what was at the path is replaced once all is written, else kept."""
    if path.exists() and not path.is_file():
        with open_private(path) as file:
            yield file
        return
    target = path.resolve()
    descriptor, name = tempfile.mkstemp(prefix=f".{target.name}.", dir=target.parent)
    try:
        with os.fdopen(descriptor, "wb") as file:
            yield file
        Path(name).replace(target)
    except BaseException:
        Path(name).unlink()
        raise
