"""A progress bar on stderr, only on a terminal."""

from __future__ import annotations

import sys
import time
from typing import TYPE_CHECKING

from .shared import console

if TYPE_CHECKING:
    from types import TracebackType

    from typing_extensions import Self


class Bar:
    """A progress bar with count, rate, a note, and the time left; legible at 60 columns and without colour.

    Args:
        label: what is being done.
        total: the number of steps; None if unknown.
    """

    _EVERY = 0.1

    def __init__(self, label: str, total: int | None) -> None:
        from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

        err = console(stderr=True)
        self._shown = err.is_terminal
        narrow = err.width < 80
        self._bar = Progress(
            TextColumn(label),
            BarColumn(bar_width=None if narrow else 30),
            MofNCompleteColumn(),
            TextColumn("{task.fields[rate]}/s"),
            TextColumn("{task.fields[note]}", style="yellow"),
            TimeRemainingColumn(compact=True),
            console=err,
            expand=narrow,
            transient=True,
            redirect_stdout=sys.stdout.isatty(),  # else rich prints on stderr what belongs into a file
        )
        self._task = self._bar.add_task("", total=total, rate=0, note="")
        self._done = 0
        self._began = time.monotonic()
        self._due = 0.0

    def __enter__(self) -> Self:
        if self._shown:
            self._bar.start()
        self._began = time.monotonic()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._shown:
            self._bar.stop()

    def step(self, note: str) -> None:
        """Count one more step; ``note`` summarises all so far."""
        self._done += 1
        now = time.monotonic()
        if self._shown and now >= self._due:
            self._due = now + self._EVERY
            rate = round(self._done / max(now - self._began, 0.001))
            self._bar.update(self._task, completed=self._done, rate=rate, note=note)
