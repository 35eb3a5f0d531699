"""Standard streams that can't end the program.

A reader that leaves (``| head``), a full disk, a closed stream, a code page that lacks a character: what a command does matters more
than whether it can be shown, so writing to these streams never raises. `lost` tells commands that only show something.
"""

from __future__ import annotations

import contextlib
import errno
import io
import os
import select
import sys
from collections.abc import Generator
from typing import Any, TextIO, cast


class _Bytes(io.RawIOBase):
    """Writes to a binary file until that fails, and nowhere from then on; ``error`` says why."""

    def __init__(self, target: Any) -> None:
        self._target = target
        self.error = None if target is not None else OSError(errno.EBADF, os.strerror(errno.EBADF))

    def writable(self) -> bool:
        return True

    def isatty(self) -> bool:
        return self._target is not None and self._target.isatty()

    def fileno(self) -> int:
        if self._target is None:
            raise io.UnsupportedOperation("the stream is closed")
        return int(self._target.fileno())

    def write(self, data: Any) -> int:
        if self.error is None:
            try:
                self._write_all(memoryview(data))
            except (OSError, ValueError) as error:  # ValueError: somebody closed it
                self.error = error if isinstance(error, OSError) else OSError(errno.EBADF, os.strerror(errno.EBADF))
        return len(data)

    def _write_all(self, rest: memoryview) -> None:
        while rest:
            written = self._target.write(rest)
            if written is None:  # a full pipe that doesn't block
                select.select((), (self._target,), ())
            else:
                rest = rest[written:]
        self._target.flush()


class _Stream(io.TextIOWrapper):
    """Text over `_Bytes`; a character that the encoding lacks is written as its escape."""

    @property
    def lost(self) -> OSError | None:
        return self.buffer.error if isinstance(self.buffer, _Bytes) else None


@contextlib.contextmanager
def standard_streams() -> Generator[None, None, None]:
    """Put safe streams in place of stdout and stderr."""
    # A closed descriptor 1 or 2 would go to the next file or socket, and whatever writes to it by number would write there.
    while (free := os.open(os.devnull, os.O_RDWR)) <= 2:
        pass
    os.close(free)
    before: tuple[Any, Any] = sys.stdout, sys.stderr  # None: it is closed
    sys.stdout, sys.stderr = map(_safe, before)
    try:
        yield
    finally:
        sys.stdout, sys.stderr = before


def _safe(stream: Any) -> TextIO:
    buffer = getattr(stream, "buffer", None)
    if stream is not None and (buffer is None or isinstance(stream, _Stream)):
        return cast("TextIO", stream)
    # The buffer in between would keep what can't be written, and fail once more when Python exits.
    target: Any = _Bytes(getattr(buffer, "raw", buffer))
    encoding = "utf-8" if stream is None else stream.encoding
    return _Stream(target, encoding=encoding, errors="backslashreplace", write_through=True)


def lost() -> OSError | None:
    """Why stdout takes nothing any more; None if it does."""
    return sys.stdout.lost if isinstance(sys.stdout, _Stream) else None
