"""Where benchmarks run: the server's process, a client process for each contestant, and figures from samples."""

from __future__ import annotations

import http.client
import importlib.util
import json
import os
import random
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING

from .process import cores
from .sample import PATH, REQUEST

if TYPE_CHECKING:
    from typing_extensions import Self

_ROOT = Path(__file__).parent.parent
_SLICES = 50
_WARM_UP_WAVES = 2
_LEAST_WAVES = 8
"""How often a slice fills all places, at least: its beginning and end, in which they aren't full, must not be what is measured."""


@dataclass(frozen=True)
class Options:
    """How much is measured. ``memory``: the most bookings of that benchmark; None: five times ``bookings``."""

    rounds: int
    bookings: int
    concurrency: int
    memory: int | None = None


@dataclass(frozen=True)
class Job:
    """One contestant at work.

    Attributes:
        contestant: module and name in `benchmarks.contestants`.
        speed: whether it finds orjson, if that is installed.
        uvloop: whether it runs on uvloop.
        timed: whether the time of each booking is taken.
        pinned: whether it has to do with one core (a journal's thread may use another, as it would in real use).
        latency: milliseconds after which the vendor answers.
        concurrency: bookings at the same time; None: what the options say.
        every: it takes part in every so many-th slice; for one that is so slow that the others would wait for little else.
        needs: packages without which it can't run.
    """

    name: str
    contestant: str
    speed: bool = True
    uvloop: bool = False
    timed: bool = False
    pinned: bool = True
    latency: int = 0
    concurrency: int | None = None
    every: int = 1
    needs: tuple[str, ...] = ()

    @property
    def can_run(self) -> bool:
        """Whether all is installed that it needs."""
        needs = (*self.needs, "uvloop") if self.uvloop else self.needs
        return all(importlib.util.find_spec(package) is not None for package in needs)


@dataclass(frozen=True)
class Sample:
    """What some bookings took.

    Attributes:
        cpu, wall: seconds; of them ``prepared_cpu`` and ``prepared_wall`` before the first booking.
        life_cpu: CPU seconds of the process since it was started.
        peak: the most bytes of memory that it held so far.
        bookings: how many.
        server: seconds of CPU that the server took for them.
        laps: each booking's seconds, if they were wanted.
    """

    cpu: float
    wall: float
    prepared_cpu: float
    prepared_wall: float
    life_cpu: float
    peak: int
    bookings: int
    server: float
    laps: list[float] = field(repr=False)

    def __add__(self, other: Sample) -> Sample:
        return Sample(
            self.cpu + other.cpu,
            self.wall + other.wall,
            self.prepared_cpu + other.prepared_cpu,
            self.prepared_wall + other.prepared_wall,
            max(self.life_cpu, other.life_cpu),
            max(self.peak, other.peak),
            self.bookings + other.bookings,
            self.server + other.server,
            self.laps + other.laps,
        )

    @property
    def cpu_us(self) -> float:
        """Microseconds of CPU a booking, all in all."""
        return self.cpu / self.bookings * 1e6

    @property
    def wall_us(self) -> float:
        """Microseconds of wall time a booking, all in all."""
        return self.wall / self.bookings * 1e6

    def percentile(self, percent: int) -> float:
        """Milliseconds within which so many in a hundred bookings were made."""
        return sorted(self.laps)[(len(self.laps) - 1) * percent // 100] * 1000


Round = dict[str, Sample]
"""Samples of the same round, by the job's name."""


@dataclass(frozen=True)
class Spread:
    """Median, smallest and largest of some figures."""

    median: float
    least: float
    most: float

    @classmethod
    def of(cls, figures: Iterable[float]) -> Spread:
        """Of figures that aren't empty."""
        all_of_them = list(figures)
        return cls(statistics.median(all_of_them), min(all_of_them), max(all_of_them))

    def text(self, digits: int) -> str:
        """``1.52 [1.47-1.60]``"""
        return f"{self.median:,.{digits}f} [{self.least:,.{digits}f}-{self.most:,.{digits}f}]"


def over(rounds: Iterable[Round], job: Job, figure: Callable[[Sample], float], base: Job | None = None) -> Spread:
    """A figure of a job over the rounds; with ``base`` as a multiple of that job's in the same round."""
    return Spread.of(figure(each[job.name]) / (figure(each[base.name]) if base else 1) for each in rounds)


def added(rounds: Iterable[Round], job: Job, figure: Callable[[Sample], float], base: Job) -> Spread:
    """By how much a figure of a job is above another job's in the same round."""
    return Spread.of(figure(each[job.name]) - figure(each[base.name]) for each in rounds)


class Process:
    """A module of this package in a process of its own that is spoken to in lines, and ends with its standard input.

    ``compiled`` is the folder for compiled modules: whatever the environment says, they are compiled once, as in real use.
    """

    def __init__(self, compiled: str, module: str, *arguments: str) -> None:
        environment = {**os.environ, "PYTHONPYCACHEPREFIX": compiled}
        environment.pop("PYTHONDONTWRITEBYTECODE", None)
        self._process = subprocess.Popen(
            [sys.executable, "-m", f"benchmarks.{module}", *arguments],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            cwd=_ROOT,
            env=environment,
            text=True,
            bufsize=1,
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


class _Server(Process):
    """The vendor's process."""

    def __init__(self, compiled: str, cpu: int | None) -> None:
        super().__init__(compiled, "server", *([] if cpu is None else [str(cpu)]))
        self.port = int(self.answer())
        self._connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)

    def __exit__(self, *exc: object) -> None:
        self._connection.close()
        super().__exit__(*exc)

    def count(self) -> tuple[int, float, int]:
        """Bookings that it has read since it was last asked, its CPU seconds so far, and how many of them came within a second."""
        self._connection.request("GET", "/count")
        bookings, cpu, busiest = json.loads(self._connection.getresponse().read())
        return bookings, cpu, busiest


class Lab:
    """A running server, and what is needed to take samples against it."""

    def __init__(self, options: Options) -> None:
        self.options = options
        self._client_cpu, self._server_cpu = cores()
        self._stack = ExitStack()

    def __enter__(self) -> Self:
        self._compiled = self._stack.enter_context(tempfile.TemporaryDirectory())
        self._server = self._stack.enter_context(_Server(self._compiled, self._server_cpu))
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stack.close()

    # --- many bookings ---

    def interleaved(self, jobs: Sequence[Job], *, slices: int = _SLICES, bookings: int | None = None) -> list[Round]:
        """All jobs in each round, taking turns.

        Each round has a fresh process for each job, and is cut into slices in which all have their turn, shuffled, so that what
        else the machine does hits all alike, and so does what the one before has left in the caches. There are fewer slices
        if they would be short.
        """
        bookings = bookings or self.options.bookings
        size = min(bookings, max(bookings // slices, _LEAST_WAVES * self.options.concurrency))
        return [self._round(jobs, number, size, bookings // size) for number in range(self.options.rounds)]

    def one_by_one(self, jobs: Sequence[Job], bookings: int) -> list[Round]:
        """All jobs in each round, one after another: for those who hold so many connections that all together are too many."""
        rounds: list[Round] = []
        for number in range(self.options.rounds):
            turns = [self._round([job], number, bookings, 1) for job in _shuffled(jobs, number)]
            rounds.append({name: sample for turn in turns for name, sample in turn.items()})
        return rounds

    def _round(self, jobs: Sequence[Job], number: int, size: int, slices: int) -> Round:
        totals: Round = {}
        with ExitStack() as stack:
            clients = {job.name: stack.enter_context(self.client(job)) for job in jobs}
            for job in jobs:  # to warm up: connections, and code that is made at first use
                self.sample(clients[job.name], min(size, _WARM_UP_WAVES * self._concurrency(job)))
            for index in range(slices):
                for job in _shuffled(jobs, number * slices + index):
                    if index % job.every == 0:
                        sample = self.sample(clients[job.name], size)
                        totals[job.name] = totals[job.name] + sample if job.name in totals else sample
        return totals

    # --- fresh processes ---

    def fresh(self, job: Job, bookings: int) -> tuple[Sample, float]:
        """The first bookings of a fresh process, and the seconds from its start until they were made."""
        began = time.perf_counter()
        with self.client(job) as client:
            return self.sample(client, bookings), time.perf_counter() - began

    # --- one sample ---

    def client(self, job: Job) -> Process:
        """A process for a job; to be entered."""
        order = {
            "contestant": job.contestant,
            "speed": job.speed,
            "uvloop": job.uvloop,
            "timed": job.timed,
            "base_url": self.vendor(job.latency),
            "path": PATH,
            "request": REQUEST.decode(),
            "cpu": self._client_cpu if job.pinned else None,
            "concurrency": self._concurrency(job),
        }
        return Process(self._compiled, "client", json.dumps(order))

    def vendor(self, latency: int) -> str:
        """The URL at which the vendor answers so many milliseconds late."""
        return f"http://127.0.0.1:{self._server.port}" + (f"/after/{latency}" if latency else "")

    def process(self, module: str, *arguments: str) -> Process:
        """A module of this package as a process; to be entered."""
        return Process(self._compiled, module, *arguments)

    def busiest(self) -> tuple[int, int]:
        """Bookings that the vendor has read since it was last asked, and how many of them came within a second."""
        bookings, _, busiest = self._server.count()
        return bookings, busiest

    def _concurrency(self, job: Job) -> int:
        return job.concurrency or self.options.concurrency

    def sample(self, client: Process, bookings: int) -> Sample:
        """Let a client make bookings. Since it checks every reply, that the server has read as many means: each exactly once.

        Raises:
            RuntimeError: the server has read more or fewer.
        """
        stray, before, _ = self._server.count()
        client.ask(str(bookings))
        figures = json.loads(client.answer())
        seen, after, _ = self._server.count()
        if stray + seen != bookings:
            raise RuntimeError(f"the server read {stray + seen} bookings, not {bookings}")
        return Sample(**figures, bookings=bookings, server=after - before)


def _shuffled(jobs: Sequence[Job], turn: int) -> Sequence[Job]:
    """The same order whenever the benchmark is run."""
    return random.Random(turn).sample(jobs, len(jobs))
