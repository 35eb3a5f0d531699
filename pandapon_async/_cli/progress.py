"""The screen: what a command is doing now, on stderr, only on a terminal. Something on it moves all the time."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Final, TextIO, cast

from .shared import console

if TYPE_CHECKING:
    from types import TracebackType

    from rich.console import Console
    from rich.text import Text
    from typing_extensions import Self

_TURNING: Final = "|/-\\"
_A_SECOND: Final = 4
_WIDE: Final = 80
_BAR: Final = 20


class Screen:
    """What is done, how far it is, what it waits for; legible at 60 columns, without colour, in any code page.

    Args:
        label: the phase that begins.
        total: how many steps it has; None if unknown.
        waits_for: asked each time it is drawn (from another thread): what everything waits for now, or ``""``.
    """

    def __init__(self, label: str, total: int | None = None, waits_for: Callable[[], str] | None = None) -> None:
        from rich.live import Live

        self._console = console(stderr=True)
        self._shown = self._console.is_terminal
        self._waits_for = waits_for
        self.phase(label, total)
        self._live = Live(
            get_renderable=self._drawn,
            console=self._console,
            refresh_per_second=_A_SECOND,
            transient=True,
            redirect_stdout=False,
            redirect_stderr=False,
        )

    def phase(self, label: str, total: int | None = None) -> None:
        """Another phase begins."""
        self._label, self._total = label, total
        self._done, self._note = 0, ""
        self._began = time.monotonic()

    def relabel(self, label: str) -> None:
        """The phase goes on under another name."""
        self._label = label

    @property
    def is_shown(self) -> bool:
        """Whether anybody sees it."""
        return self._shown

    def __enter__(self) -> Self:
        if self._shown:
            self._before = sys.stdout, sys.stderr
            sys.stderr = cast("TextIO", _Above(self._console, sys.stderr))
            if sys.stdout.isatty():  # else it belongs into a file
                sys.stdout = cast("TextIO", _Above(self._console, sys.stdout))
            self._live.start()
        self._began = time.monotonic()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._shown:
            sys.stdout, sys.stderr = self._before
            self._live.stop()

    def step(self, note: str = "") -> None:
        """Count one more step; ``note`` summarises all so far."""
        self._done += 1
        self._note = note

    def _drawn(self) -> Text:
        from rich.text import Text

        width = self._console.width - 1
        lines = [self._progress(width)]
        if self._waits_for is not None and (reason := self._waits_for()):
            lines.append(f"  {reason}")
        return Text("\n".join(_fitted(line, width) for line in lines), no_wrap=True)

    def _progress(self, width: int) -> str:
        elapsed = time.monotonic() - self._began
        rate = self._done / max(elapsed, 0.001)
        parts = [f"{_TURNING[int(time.monotonic() * _A_SECOND) % len(_TURNING)]} {self._label}"]
        if self._total:
            if width >= _WIDE:
                full = min(_BAR, _BAR * self._done // self._total)
                parts.append(f"[{'#' * full}{'-' * (_BAR - full)}]")
            parts.append(f"{self._done:,}/{self._total:,}")
        elif self._done:
            parts.append(f"{self._done:,}")
        if self._done:
            parts.append(f"{rate:,.0f}/s")
            if self._total and self._done < self._total:
                parts.append(_clock((self._total - self._done) / rate))
        else:
            parts.append(_clock(elapsed))
        return "  ".join(part for part in (*parts, self._note) if part)


class _Above:
    """A standard stream whose lines are written above the screen as they are, however long: rich's own would break them."""

    def __init__(self, console: Console, stream: TextIO) -> None:
        self._console = console
        self._stream = stream
        self._rest = ""
        self.encoding = stream.encoding

    @property
    def rich_proxied_file(self) -> TextIO:
        """Where rich itself writes: it looks for this name, else it would come back here."""
        return self._stream

    def isatty(self) -> bool:
        return True

    def flush(self) -> None:
        """Nothing is kept back but what isn't a whole line yet."""

    def write(self, text: str) -> int:
        from rich.text import Text

        *lines, self._rest = (self._rest + text).split("\n")
        for line in lines:
            self._console.print(Text(line), soft_wrap=True)
        return len(text)


def _clock(seconds: float) -> str:
    minutes, rest = divmod(int(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"


def _fitted(line: str, width: int) -> str:
    """What fits on a line; Chinese characters take two places."""
    from rich.cells import cell_len, set_cell_size

    return line if cell_len(line) <= width else set_cell_size(line, width - 3).rstrip() + "..."
