"""What a process knows of itself: its core, its CPU time, its memory."""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path

_STATUS = Path("/proc/self/status")


def pin(cpu: int | None) -> None:
    """Keep this process on one core, where the system can do that."""
    if cpu is not None and hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {cpu})


def cores() -> tuple[int | None, int | None]:
    """A core for the client and another for the server; None: not pinned."""
    if hasattr(os, "sched_getaffinity"):
        allowed = sorted(os.sched_getaffinity(0))
        if len(allowed) > 1:
            return allowed[0], allowed[1]
    return None, None


def peak_memory() -> int:
    """The most bytes this process has held in memory."""
    if _STATUS.exists():  # of this program alone: what getrusage tells may be from before it was started
        for line in _STATUS.read_text(encoding="ascii").splitlines():
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) * 1024
    import resource  # not on Windows

    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit


class Meter:
    """CPU and wall time of a stretch of this process."""

    def __init__(self) -> None:
        self.cpu = self.wall = 0.0

    def __enter__(self) -> Meter:
        self._cpu, self._wall = time.process_time(), time.perf_counter()
        return self

    def __exit__(self, *exc: object) -> None:
        self.cpu, self.wall = time.process_time() - self._cpu, time.perf_counter() - self._wall
