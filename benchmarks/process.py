"""What a process knows of itself: its core, its CPU time, its memory, and how long its disk takes."""

from __future__ import annotations

import os
import sys
import tempfile
import time
from bisect import bisect_left
from pathlib import Path
from typing import Any

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


def sync_times(number: int = 100) -> list[float]:
    """Seconds that the disk of temporary files takes to make a small write safe."""
    sync, times = getattr(os, "fdatasync", os.fsync), list[float]()
    with tempfile.TemporaryFile() as file:
        for _ in range(number):
            file.write(bytes(4096))
            file.flush()
            began = time.perf_counter()
            sync(file.fileno())
            times.append(time.perf_counter() - began)
    return times


def busiest_second(times: list[float]) -> int:
    """How many of some moments, in order, lie within one second at most."""
    return max((bisect_left(times, begin + 1) - number for number, begin in enumerate(times)), default=0)


class Meter:
    """CPU and wall time of a stretch of this process.

    Attributes:
        timed: whether each booking's seconds are wanted, in ``laps``. Taking them costs about a microsecond.
    """

    def __init__(self, *, timed: bool) -> None:
        self.timed = timed
        self.laps: list[float] = []
        self.start()

    def start(self) -> None:
        """A new stretch."""
        self.laps.clear()
        self._began = self._prepared = _now()

    def prepared(self) -> None:
        """What came so far is told apart: the first booking is only made now."""
        self._prepared = _now()

    def figures(self) -> dict[str, Any]:
        """The stretch up to now; the arguments of a `lab.Sample`."""
        cpu, wall = _now()
        return {
            "cpu": cpu - self._began[0],
            "wall": wall - self._began[1],
            "prepared_cpu": self._prepared[0] - self._began[0],
            "prepared_wall": self._prepared[1] - self._began[1],
            "life_cpu": cpu,
            "laps": self.laps,
        }


def _now() -> tuple[float, float]:
    return time.process_time(), time.perf_counter()
