"""Output on any stream: a reader that leaves, a full disk, a closed stream, a narrow code page."""

from __future__ import annotations

import array
import fcntl
import json
import os
import subprocess
import sys
import termios
import time
from pathlib import Path
from typing import Any

import pytest

from .conftest import process

full_disk = pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")
posix = pytest.mark.skipif(os.name != "posix", reason="needs a POSIX shell")


def shell(command: str, **environ: str) -> subprocess.CompletedProcess[str]:
    """Run a shell's line; $P is the program."""
    program = f"{sys.executable} -m pandapon_async"
    return subprocess.run(
        ["bash", "-c", f"set -o pipefail; P='{program}'; {command}"],
        capture_output=True,
        text=True,
        errors="replace",
        timeout=60,
        env={**os.environ, **environ},
    )


@posix
@pytest.mark.parametrize("where", [">&-", "<&- >&- 2>&-", "2>/dev/full", ">/dev/full", "| head -c 1"])
@pytest.mark.parametrize("arguments", ["--help", "operations", "book --template csv"])
def test_no_stream_gives_a_traceback(arguments: str, where: str):
    done = shell(f"$P {arguments} {where}")
    assert "Traceback" not in done.stderr
    assert "Exception ignored" not in done.stderr
    assert done.returncode in (0, 1)


@full_disk
def test_a_full_disk_is_one_line() -> None:
    with Path("/dev/full").open("w") as full, process("operations", stdout=full) as child:
        _, err = child.communicate()
    assert (child.returncode, err) == (1, "Error: No space left on device\n")


@posix
def test_a_reader_that_leaves_is_no_error() -> None:
    done = shell("$P operations --json | head -1")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.count("\n") == 1


@posix
def test_a_stream_that_is_closed_takes_nothing_and_says_so() -> None:
    done = shell("$P operations --json >&-")
    assert (done.returncode, done.stderr) == (1, "Error: Bad file descriptor\n")


@posix
def test_a_message_that_nobody_can_read_changes_no_status() -> None:
    assert shell("$P bok 2>&-").returncode == 2
    assert shell("$P bok 2>/dev/full").returncode == 2


@pytest.mark.parametrize("encoding", ["ascii", "cp1252", "ascii:strict", "cp437", "utf-16"])
def test_a_character_that_a_code_page_lacks_is_escaped(encoding: str):
    code = (
        "import sys; from pandapon_async._cli.streams import standard_streams\n"
        "from pandapon_async._cli.shared import labelled, say, tell\n"
        "with standard_streams(): say('\\u6210 \\ud83d \\U0001f600'); labelled('\\u6210', '\\u6210'); tell('\\u6210')"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, env={**os.environ, "PYTHONIOENCODING": encoding}
    )
    assert done.returncode == 0, done.stderr
    if encoding != "utf-16":
        assert done.stdout.split()[0] == b"\\u6210"
        assert done.stderr.split() == [b"\\u6210"]


@pytest.mark.skipif(sys.platform != "linux", reason="sets a pipe's size")
def test_a_pipe_that_does_not_block_gets_all_of_it():
    reading, writing = os.pipe()
    os.set_blocking(writing, False)
    fcntl.fcntl(writing, fcntl.F_SETPIPE_SZ, 4096)
    with process("operations", "--json", stdout=writing) as child:
        while _waiting_in(reading) < 3500:
            time.sleep(0.01)
        os.close(writing)
        with open(reading, "rb") as pipe:
            content = pipe.read()
        _, err = child.communicate()
    assert (child.returncode, err) == (0, "")
    assert len(content) > 10_000
    assert all(json.loads(line) for line in content.splitlines())


def _waiting_in(pipe: int) -> int:
    found = array.array("i", [0])
    fcntl.ioctl(pipe, termios.FIONREAD, found)
    return found[0]


def test_the_streams_are_given_back(monkeypatch: pytest.MonkeyPatch, capsys: Any) -> None:
    from pandapon_async.__main__ import main

    before = sys.stdout, sys.stderr
    with pytest.raises(SystemExit):
        main(["--version"])
    assert (sys.stdout, sys.stderr) == before
