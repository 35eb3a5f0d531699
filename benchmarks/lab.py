"""Where benchmarks run: the server's process, a client process for each contestant, and figures from samples."""

from __future__ import annotations

import http.client
import importlib.util
import json
import statistics
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING

from .process import cores

if TYPE_CHECKING:
    from typing_extensions import Self

_ROOT = Path(__file__).parent.parent
_SLICES = 50


@dataclass(frozen=True)
class Options:
    """How much is measured."""

    rounds: int
    bookings: int
    concurrency: int


@dataclass(frozen=True)
class Job:
    """One contestant: an async context manager ``contestant(base_url, concurrency)`` in a module of this package.

    It gives a coroutine function ``book(number)``. ``speed``: whether it finds orjson. ``pinned``: whether it has to do with
    one core (a journal's thread may use another, as it would in real use). ``latency``: the milliseconds after which the vendor
    answers.
    """

    name: str
    module: str
    contestant: str
    speed: bool = True
    pinned: bool = True
    latency: int = 0


@dataclass(frozen=True)
class Sample:
    """Seconds of CPU and of wall time that some bookings took, and the most bytes of memory held so far."""

    cpu: float
    wall: float
    peak: int

    def __add__(self, other: Sample) -> Sample:
        return Sample(self.cpu + other.cpu, self.wall + other.wall, max(self.peak, other.peak))


@dataclass(frozen=True)
class Spread:
    """Median, smallest and largest of some figures."""

    median: float
    least: float
    most: float

    @classmethod
    def of(cls, figures: Sequence[float]) -> Spread:
        """Of figures that aren't empty."""
        return cls(statistics.median(figures), min(figures), max(figures))

    def text(self, digits: int) -> str:
        """``1.52 [1.47-1.60]``"""
        return f"{self.median:,.{digits}f} [{self.least:,.{digits}f}-{self.most:,.{digits}f}]"


def orjson_is_there() -> bool:
    """Whether the extra ``speed`` is installed."""
    return importlib.util.find_spec("orjson") is not None


class _Process:
    """A module of this package in a process of its own that is spoken to in lines, and ends with its standard input."""

    def __init__(self, module: str, *arguments: str) -> None:
        command = [sys.executable, "-m", f"benchmarks.{module}", *arguments]
        self._process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, cwd=_ROOT, text=True, bufsize=1
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        self._process.__exit__(None, None, None)  # closes its pipes and waits for it

    def ask(self, line: str) -> None:
        """Send a line."""
        assert self._process.stdin is not None
        self._process.stdin.write(line + "\n")

    def answer(self) -> str:
        """The next line that it prints.

        Raises:
            RuntimeError: it ended instead; why stands on standard error.
        """
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            raise RuntimeError(f"{self._process.args!r} ended with status {self._process.wait()}")
        return line


class Client(_Process):
    """A contestant's process."""

    def __init__(self, job: Job, port: int, cpu: int | None, concurrency: int) -> None:
        order = {
            "module": job.module,
            "contestant": job.contestant,
            "speed": job.speed,
            "url": f"http://127.0.0.1:{port}" + (f"/after/{job.latency}" if job.latency else ""),
            "cpu": cpu,
            "concurrency": concurrency,
        }
        super().__init__("client", json.dumps(order))

    def book(self, number: int) -> Sample:
        """Make so many bookings."""
        self.ask(str(number))
        return Sample(**json.loads(self.answer()))


class Lab:
    """A running server, and what is needed to take samples against it."""

    def __init__(self, options: Options) -> None:
        self.options = options
        self._client_cpu, self._server_cpu = cores()
        self._stack = ExitStack()
        self._port = 0

    def __enter__(self) -> Lab:
        cpu = [] if self._server_cpu is None else [str(self._server_cpu)]
        self._port = int(self._stack.enter_context(_Process("server", *cpu)).answer())
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stack.close()

    def interleaved(self, jobs: Sequence[Job], slices: int = _SLICES) -> list[dict[str, Sample]]:
        """Samples of all jobs in each round.

        Each round has a fresh process for each job, and is cut into slices in which all have their turn (every other slice
        in the reverse order), so that what else the machine does hits all alike. Fewer ``slices`` are longer ones.
        """
        return [self._round(jobs, number, slices) for number in range(self.options.rounds)]

    def _round(self, jobs: Sequence[Job], number: int, wanted: int) -> dict[str, Sample]:
        size = max(1, self.options.bookings // wanted)
        slices = max(1, self.options.bookings // size)
        totals: dict[str, Sample] = {}
        with ExitStack() as stack:
            clients = {job.name: stack.enter_context(self.client(job)) for job in jobs}
            with self.all_counted(len(jobs) * (size + size * slices)):
                for client in clients.values():
                    client.book(size)  # to warm up
                for index in range(slices):
                    for name in _turned(list(clients), number + index):
                        sample = clients[name].book(size)
                        totals[name] = totals[name] + sample if name in totals else sample
        return totals

    def client(self, job: Job) -> Client:
        """A process for a job; to be entered."""
        return Client(job, self._port, self._client_cpu if job.pinned else None, self.options.concurrency)

    @contextmanager
    def all_counted(self, bookings: int) -> Iterator[None]:
        """The server must have read so many bookings meanwhile.

        Raises:
            RuntimeError: it has read more or fewer.
        """
        self._count()
        yield
        seen = self._count()
        if seen != bookings:
            raise RuntimeError(f"the server read {seen} bookings, not {bookings}")

    def _count(self) -> int:
        connection = http.client.HTTPConnection("127.0.0.1", self._port, timeout=30)
        try:
            connection.request("GET", "/count")
            return int(connection.getresponse().read())
        finally:
            connection.close()


def _turned(names: list[str], number: int) -> list[str]:
    return names if number % 2 == 0 else names[::-1]
