"""Who has a journal's rows under way: a process, told from every other that ever had its number."""

from __future__ import annotations

import contextlib
import os
import socket
from pathlib import Path

import attrs


@attrs.frozen
class Owner:
    """A process: its machine (and process namespace), that machine's boot, its id, and when it started."""

    host: str
    boot: str
    pid: int
    start: str

    @classmethod
    def this_process(cls) -> Owner:
        """This process."""
        return cls(_host(), _read("/proc/sys/kernel/random/boot_id"), os.getpid(), _start(os.getpid()))

    def is_alive(self) -> bool:
        """Whether it surely runs now. Where that can't be told (another machine, no ``/proc``) the lock decides."""
        here = Owner.this_process()
        seen = (self.host, self.boot) == (here.host, here.boot) and bool(self.start)
        return seen and _start(self.pid) == self.start

    def __str__(self) -> str:
        return f"process {self.pid} on {self.host.partition(' ')[0]}"


def _host() -> str:
    namespace = ""
    with contextlib.suppress(OSError):
        namespace = os.readlink("/proc/self/ns/pid")
    return f"{socket.gethostname()} {namespace}".strip()


def _start(pid: int) -> str:
    fields = _read(f"/proc/{pid}/stat").rpartition(")")[2].split()
    return fields[19] if len(fields) > 19 and fields[0] not in "ZX" else ""


def _read(path: str) -> str:
    try:
        return Path(path).read_text().strip()
    except OSError:
        return ""
