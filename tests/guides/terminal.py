"""Terminals: transcripts are run in a real shell, by real processes, and must show what the page shows."""

from __future__ import annotations

import os
import re
import shlex
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import TracebackType

import attrs

from .pages import ROOT

PATIENCE = 60.0
_MARK = "the command has ended with"
_START = (
    f'pandapon() {{ "{sys.executable}" -m pandapon_async "$@"; }}; python() {{ "{sys.executable}" "$@"; }}; exec 2>&1\n'
)


@attrs.frozen(kw_only=True)
class Step:
    """A command, with its here-document, and the output that the page shows."""

    command: str
    shown: str


def steps(transcript: str) -> Iterator[Step]:
    """The commands of a transcript: ``$ `` or ``^C`` begins one, a here-document belongs to it, the rest is output."""
    command: list[str] = []
    shown: list[str] = []
    here: str | None = None
    for line in transcript.splitlines():
        if here is not None:
            command.append(line)
            here = None if line == here else here
        elif line.startswith("$ ") or line == "^C":
            if command:
                yield Step(command="\n".join(command), shown="".join(shown))
            command, shown = [line.removeprefix("$ ")], []
            here = found[1] if (found := re.search(r"<<(\w+)$", line)) else None
        else:
            assert command, f"a transcript begins with a command, not with {line!r}"
            shown.append(f"{line}\n")
    yield Step(command="\n".join(command), shown="".join(shown))


def agree(shown: str, printed: str) -> bool:
    """Whether output is as shown: ``...`` is anything in a line, and alone in a line any lines. What isn't shown isn't compared."""
    pattern = "".join(
        r"(?:.*\n)*" if line == "...\n" else re.escape(line).replace(r"\.\.\.", ".*") for line in shown.splitlines(True)
    )
    plain = "".join(f"{line.rstrip()}\n" for line in printed.splitlines())
    return not shown or re.fullmatch(pattern, plain) is not None


class Shell:
    """A shell that runs one command after another."""

    def __init__(self, folder: Path, environ: Mapping[str, str]) -> None:
        self._process = _started(["bash", "--noprofile", "--norc"], folder, environ, stdin=subprocess.PIPE)
        self._write(_START)

    def _write(self, text: str) -> None:
        assert self._process.stdin is not None
        self._process.stdin.write(text)
        self._process.stdin.flush()

    def run(self, command: str) -> tuple[int, str]:
        """The exit status of a command and what it printed. ``$?`` is kept for the next one."""
        assert self._process.stdout is not None
        self._write(f"{command}\n_status=$?; printf '{_MARK} %s\\n' $_status; (exit $_status)\n")
        printed: list[str] = []
        for line in self._process.stdout:
            if _MARK in line:
                before, _, status = line.partition(_MARK)
                return int(status), "".join((*printed, before))
            printed.append(line)
        raise AssertionError(f"the shell has ended at {command!r}")

    def close(self) -> None:
        _end(self._process)

    def __enter__(self) -> Shell:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


class Server:
    """A terminal in which a server runs: a command that goes on until ``^C``."""

    def __init__(self, folder: Path, environ: Mapping[str, str]) -> None:
        self._folder, self._environ = folder, environ
        self._process: subprocess.Popen[str] | None = None
        self.printed = ""

    def start(self, command: str, shown: str) -> None:
        """Start it, and read until the last line that is shown."""
        program, *arguments = shlex.split(command)
        assert program == "pandapon", command
        line = [sys.executable, "-m", "pandapon_async", *arguments]
        self._process = _started(line, self._folder, self._environ)
        assert self._process.stdout is not None
        self.printed = ""
        for line in self._process.stdout:
            self.printed += line
            if line == shown.splitlines(True)[-1]:
                break

    def interrupt(self) -> str:
        """Press Ctrl-C; what it says then."""
        assert self._process is not None
        self._process.send_signal(signal.SIGINT)
        rest, _ = self._process.communicate(timeout=PATIENCE)
        self._process = None
        return rest

    def close(self) -> None:
        if self._process is not None:
            _end(self._process)


def _started(
    line: list[str], folder: Path, environ: Mapping[str, str], stdin: int = subprocess.DEVNULL
) -> subprocess.Popen[str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("PANDAPON_", "XPORTCN_KA_"))}
    for name in ("FORCE_COLOR", "COLUMNS", "PYTHONDEVMODE"):
        kept.pop(name, None)
    search = {"PYTHONPATH": str(ROOT), "NO_COLOR": "1", "PYTHONUNBUFFERED": "1", "LANGUAGE": "en"}
    kept["XDG_CONFIG_HOME"] = str(folder / ".config")  # nobody's own settings
    return subprocess.Popen(
        line,
        cwd=folder,
        env={**kept, **search, **environ},
        stdin=stdin,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        encoding="utf-8",
    )


def _end(process: subprocess.Popen[str]) -> None:
    process.kill()
    process.wait()
    for pipe in (process.stdin, process.stdout):
        if pipe is not None:
            pipe.close()
