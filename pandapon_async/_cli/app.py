"""The program: its commands, and the exit status of their errors."""

from __future__ import annotations

import importlib
import logging
import sys
import tempfile
import traceback
from collections.abc import Mapping
from typing import IO, Any, cast

import click

from .._errors import PandaponError
from .._version import __version__
from .reasons import error_text
from .shared import FAILED, Failed, Interrupted, exit_status, tell
from .streams import standard_streams
from .words import spoken

COMMANDS: Mapping[str, str] = {
    "demo": "demo",
    "fake-vendor": "fake_vendor",
    "book": "book",
    "domestic": "domestic",
    "bulk": "bulk",
    "journal": "journal",
    "tracking": "tracking",
    "submit": "submit",
    "worker": "worker",
    "status": "status",
    "quote": "quote",
    "day": "day",
    "call": "call",
    "listen": "listen",
    "operations": "operations",
    "doctor": "doctor",
    "guide": "guide",
}
"""Each command's module, which defines it as ``command``; imported on use."""


class _Warnings(logging.Handler):
    """Prints the package's warnings to stderr, each once."""

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self._shown: set[str] = set()

    def emit(self, record: logging.LogRecord) -> None:
        text = record.getMessage()
        if text not in self._shown:
            self._shown.add(text)
            words = spoken()
            tell(words("end.warning", why=words.said(text)))


class _Program(click.Group):
    def main(self, *args: Any, **kwargs: Any) -> Any:
        with standard_streams():
            return super().main(*args, **kwargs)

    def make_context(self, *args: Any, **kwargs: Any) -> click.Context:
        try:
            return super().make_context(*args, **kwargs)
        except click.UsageError as error:
            raise _in_words(error) from None

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        module = COMMANDS.get(cmd_name)
        if module is None:
            return None
        return cast("click.Command", importlib.import_module(f"{__package__}.{module}").command)

    def invoke(self, ctx: click.Context) -> Any:
        logger, warnings = logging.getLogger("pandapon_async"), _Warnings()
        logger.addHandler(warnings)
        try:
            return super().invoke(ctx)
        except Exception as error:  # noqa: BLE001 - unknown errors are re-raised
            message, status = _ending(error)
        except KeyboardInterrupt:
            message, status = spoken()("stop.plain"), Interrupted.BY_KEYBOARD
        finally:
            logger.removeHandler(warnings)
        if message:
            tell(message)
        return ctx.exit(status)


def _ending(error: Exception) -> tuple[str, int]:
    """The message and exit status for an error; click's own errors are re-raised."""
    words = spoken()
    if isinstance(error, PandaponError):
        return words("end.error", why=error_text(error, words)), exit_status(error)
    if isinstance(error, Failed):
        return words("end.error", why=words.said(str(error))), error.status
    if isinstance(error, Interrupted):
        return words("stop.plain"), error.status
    if isinstance(error, click.Abort):
        return words("stop.plain"), Interrupted.BY_KEYBOARD
    if isinstance(error, BrokenPipeError):
        return "", 0  # whoever reads has seen enough
    if isinstance(error, OSError) and error.strerror:
        why = words.said(error.strerror)
        if isinstance(error.filename, str):
            why = words("error.text", where=error.filename, message=why)
        return words("end.error", why=why), FAILED
    if isinstance(error, click.UsageError):
        raise _in_words(error)
    if isinstance(error, (click.ClickException, click.exceptions.Exit)):
        raise error
    return words("end.fault", path=_details(error) or words("end.no_details")), FAILED


class _UsageError(click.UsageError):
    """A usage error of which all is said already."""

    def show(self, file: IO[Any] | None = None) -> None:
        click.echo(self.message, file=file or sys.stderr)


def _in_words(error: click.UsageError) -> click.UsageError:
    """A usage error in the clerk's language; in English it is click's own."""
    words = spoken()
    if not words.table or isinstance(error, click.exceptions.NoArgsIsHelpError):
        return error
    lines = [words("end.error", why=words.said(error.format_message()))]
    if (context := error.ctx) is not None:
        path = context.command_path
        usage = " ".join((path, *context.command.collect_usage_pieces(context)))
        lines = [words("usage.line", usage=usage), words("usage.help", command=f"{path} --help"), "", *lines]
    return _UsageError("\n".join(lines), error.ctx)


def _details(error: Exception) -> str | None:
    """Where a fault of ours is described, for whoever repairs it: where it was, not what it said, which may be personal."""
    try:
        descriptor, name = tempfile.mkstemp(prefix="pandapon-fault-", suffix=".txt")
        with open(descriptor, "w", encoding="utf-8", errors="backslashreplace") as file:
            file.write(f"pandapon-async {__version__}, Python {sys.version}\n")
            file.writelines(traceback.format_tb(error.__traceback__))
            file.write(f"{type(error).__name__}\n")
    except OSError:
        return None
    return name


@click.group(cls=_Program, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="pandapon")
def app() -> None:
    """Book freight at PandaPon and Xportcn (KA).

    Accounts come from --config FILE, otherwise from the environment: PANDAPON_ACCESS_KEY, PANDAPON_ACCESS_SECRET,
    PANDAPON_USER_ID, PANDAPON_BASE_URL, and the same with XPORTCN_KA_.

    \b
    Exit status: 0  success
                 1  the vendor refused, or could not be reached
                 2  usage or bad input; nothing was sent
                 3  a booking's outcome is unknown: look it up
                 4  a job ended early: bookings are still pending
               130  interrupted (128 + the signal)
    """
