"""The program as a whole: what it imports, its commands, its endings."""

from __future__ import annotations

import asyncio
import importlib
import logging
import os
import signal
import subprocess
import sys
from collections.abc import Callable

import click
import pytest

from pandapon_async import __version__
from pandapon_async.__main__ import main
from pandapon_async._cli import running, shared
from pandapon_async._cli.app import COMMANDS
from pandapon_async._errors import (
    ApiError,
    ConfigError,
    LimitExceededError,
    NotSentError,
    OutcomeUnknownError,
    PandaponError,
    RequestError,
)

from .conftest import Pandapon, process


def python(code: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)


def test_help_imports_neither_aiohttp_nor_rich() -> None:
    done = python(
        "import sys\n"
        "from pandapon_async.__main__ import main\n"
        "try: main(['--help'])\n"
        "except SystemExit as end: assert end.code == 0\n"
        "print(sorted({'aiohttp', 'rich'} & set(sys.modules)))"
    )
    assert done.stdout.splitlines()[-1] == "[]"


@pytest.mark.parametrize("missing", ["click", "rich"])
def test_without_the_extra_it_tells_how_to_install_it(missing: str) -> None:
    done = python(
        f"import sys; sys.modules[{missing!r}] = None\n"
        "from pandapon_async.__main__ import main\n"
        "sys.exit(main(['demo']))"
    )
    assert done.returncode == 2
    assert done.stderr == f"pandapon: the command line needs {missing}: pip install 'pandapon-async[cli]'\n"


def test_without_the_extra_nothing_else_is_tried(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in ("click", "rich"):
        monkeypatch.setitem(sys.modules, name, None)
    assert main(["demo"]) == 2
    assert "needs click and rich: " in capsys.readouterr().err


def test_main_takes_a_command_line(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["--version"])
    assert ended.value.code == 0
    assert capsys.readouterr().out == f"pandapon, version {__version__}\n"


def test_the_module_is_the_program() -> None:
    with process("--version") as child:
        out, _ = child.communicate()
    assert out.startswith("pandapon, version ")


def test_help_lists_every_command(pandapon: Pandapon) -> None:
    listed = pandapon("--help").stdout.partition("Commands:")[2]
    assert [line.split()[0] for line in listed.splitlines() if line.strip()] == list(COMMANDS)


@pytest.mark.parametrize("command", COMMANDS)
def test_each_command_explains_itself(pandapon: Pandapon, command: str) -> None:
    result = pandapon(command, "--help")
    assert result.exit_code == 0
    assert result.stdout.startswith(f"Usage: pandapon {command}")


@pytest.mark.parametrize("command", COMMANDS)
def test_of_two_journals_limits_or_acts_none_is_taken(pandapon: Pandapon, command: str) -> None:
    options = importlib.import_module(f"pandapon_async._cli.{COMMANDS[command]}").command.params
    once = [one for one in options if isinstance(one, click.Option) and not (one.multiple or one.is_flag)]
    for option in once:
        given = [option.opts[0], *["1"] * option.nargs]
        result = pandapon(command, *given, *given)
        assert (result.exit_code, "is given more than once" in result.stderr) == (2, True), result.stderr


def test_an_unknown_command_is_bad_usage(pandapon: Pandapon) -> None:
    result = pandapon("bok")
    assert result.exit_code == 2
    assert "No such command 'bok'" in result.stderr


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (ConfigError("x"), 2),
        (RequestError("x"), 2),
        (OutcomeUnknownError("x"), 3),
        (ApiError("x", code=1), 1),
        (NotSentError("x"), 1),
        (LimitExceededError("x"), 1),
    ],
)
def test_an_error_has_its_exit_status(error: PandaponError, status: int) -> None:
    assert shared.exit_status(error) == status


def command_that(monkeypatch: pytest.MonkeyPatch, do: Callable[[], object]) -> None:
    """Make `demo` do something else."""
    monkeypatch.setattr("pandapon_async._cli.demo.command", click.command("demo")(do))


def test_an_error_is_one_line(pandapon: Pandapon, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail() -> None:
        raise OutcomeUnknownError("the connection broke", reference="order-1")

    command_that(monkeypatch, fail)
    result = pandapon("demo")
    assert result.exit_code == 3
    assert result.stderr.startswith("Error: the connection broke [reference order-1]. It may have been made")
    assert result.stderr.count("\n") == 1


@pytest.mark.parametrize("how", [KeyboardInterrupt, click.Abort])
def test_an_interruption_is_130(pandapon: Pandapon, monkeypatch: pytest.MonkeyPatch, how: type[BaseException]) -> None:
    def fail() -> None:
        raise how

    command_that(monkeypatch, fail)
    result = pandapon("demo")
    assert (result.exit_code, result.stderr.strip()) == (130, "Interrupted.")


def test_what_the_system_refuses_is_one_line_and_names_the_file(
    pandapon: Pandapon, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail() -> None:
        raise PermissionError(13, "Permission denied", "a-file")

    command_that(monkeypatch, fail)
    result = pandapon("demo")
    assert (result.exit_code, result.stderr) == (1, "Error: a-file: Permission denied\n")


def test_a_warning_is_shown_once(pandapon: Pandapon, monkeypatch: pytest.MonkeyPatch) -> None:
    def warn() -> None:
        for _ in range(2):
            logging.getLogger("pandapon_async").warning("the path %s is inferred", "/x")

    command_that(monkeypatch, warn)
    assert pandapon("demo").stderr == "Warning: the path /x is inferred\n"


def test_no_log_handler_stays_behind(pandapon: Pandapon) -> None:
    before = list(logging.getLogger("pandapon_async").handlers)
    pandapon("operations")
    assert logging.getLogger("pandapon_async").handlers == before


@pytest.mark.parametrize(("number", "status"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_signal_ends_the_work_in_order(number: signal.Signals, status: int) -> None:
    ended: list[str] = []

    async def work() -> None:
        os.kill(os.getpid(), number)
        try:
            await asyncio.Event().wait()
        finally:
            await asyncio.sleep(0)
            ended.append("in order")

    before = signal.getsignal(number)
    with pytest.raises(shared.Interrupted) as caught:
        running.run(work())
    assert (caught.value.status, ended) == (status, ["in order"])
    assert signal.getsignal(number) is before


def test_an_interruption_that_was_not_watched_counts_as_well() -> None:
    async def work() -> None:
        raise KeyboardInterrupt

    with pytest.raises(shared.Interrupted) as caught:
        running.run(work())
    assert caught.value.status == 130


def test_a_cancellation_that_is_no_signal_stays_one() -> None:
    async def work() -> None:
        raise asyncio.CancelledError

    with pytest.raises(asyncio.CancelledError):
        running.run(work())


def test_json_is_shown_without_controls_that_a_terminal_obeys() -> None:
    assert shared.json_text({"a": "\x9b31m\x7f成"}) == '{"a": "\\u009b31m\\u007f成"}'


def test_json_is_ascii_where_stdout_can_hold_no_more(monkeypatch: pytest.MonkeyPatch) -> None:
    class Narrow:
        encoding = "cp1252"

    monkeypatch.setattr(sys, "stdout", Narrow())
    assert shared.json_text("成") == '"\\u6210"'
