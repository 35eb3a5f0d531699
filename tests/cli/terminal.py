"""A program on a real pseudo-terminal: what it shows is read, and answers are typed."""

from __future__ import annotations

import contextlib
import fcntl
import os
import pty
import re
import select
import signal
import struct
import subprocess
import sys
import termios
import time
from collections.abc import Iterator

import attrs

_PATIENCE = 60.0
_CONTROL = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")
_PROGRAM = (
    "import fcntl, runpy, termios\n"
    "fcntl.ioctl(0, termios.TIOCSCTTY, 0)\n"
    "runpy.run_module('pandapon_async', run_name='__main__', alter_sys=True)\n"
)
"""``pandapon`` with its terminal as the controlling one, so that what is typed as Ctrl-C is one."""


@attrs.define
class Terminal:
    """A child on a terminal; ``seen`` is all that it has shown so far, without control sequences."""

    child: subprocess.Popen[bytes]
    descriptor: int
    seen: str = ""

    def read(self, seconds: float = _PATIENCE) -> bool:
        """Read what comes next; False: nothing came in time, or the child has ended."""
        if not select.select([self.descriptor], [], [], seconds)[0]:
            return False
        try:
            data = os.read(self.descriptor, 65536)
        except OSError:  # EIO: nobody has it open any more
            return False
        self.seen += _CONTROL.sub("", data.decode("utf-8", "replace"))
        return bool(data)

    def until(self, pattern: str) -> str:
        """Read until something is shown, and give all that was shown."""
        give_up = time.monotonic() + _PATIENCE
        while not re.search(pattern, self.seen):
            assert time.monotonic() < give_up, self.seen
            assert self.read(), self.seen
        return self.seen

    def type(self, text: str) -> None:
        os.write(self.descriptor, text.encode())

    def end(self) -> tuple[int, str]:
        """Read to the end: the exit status, and all that was shown."""
        while self.read():
            pass
        return self.child.wait(timeout=_PATIENCE), self.seen

    def lines(self) -> list[str]:
        """What was shown, by line; a line that was drawn over stands before the one over it."""
        return [line.rstrip() for line in re.split(r"[\r\n]+", self.seen) if line.strip()]


@contextlib.contextmanager
def terminal(
    *arguments: str, width: int = 120, environ: dict[str, str] | None = None, cwd: str | None = None
) -> Iterator[Terminal]:
    """``pandapon`` with all its streams on a terminal of this width."""
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 40, width, 0, 0))
    child = subprocess.Popen(
        [sys.executable, "-c", _PROGRAM, *arguments],
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        env={**os.environ, "TERM": "xterm", "PYTHONPATH": os.getcwd(), **(environ or {})},
        cwd=cwd,
        start_new_session=True,
    )
    os.close(theirs)
    try:
        yield Terminal(child, ours)
    finally:
        with contextlib.suppress(ProcessLookupError):
            child.send_signal(signal.SIGKILL)
        child.wait()
        os.close(ours)
