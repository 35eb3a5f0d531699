"""How a command reads a file: what its options say, over what the settings have under a name."""

from __future__ import annotations

import contextlib
import sys
import tempfile
from collections.abc import Callable, Generator, Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import attrs
import click

from .._config.settings import FileSettings, Settings
from .._errors import ConfigError, suggestion
from .._files.reading import Reading
from .journals import journal_place
from .shared import config_option, vendor_option

if TYPE_CHECKING:
    from .._files.bookings import BookingFile

F = TypeVar("F", bound=Callable[..., Any])


def reading_options(command: F) -> F:
    """The options of a command that reads a file of bookings; see `ReadingOptions`."""
    options = [
        click.option("--encoding", metavar="E", help="The encoding of a text file; default: UTF-8, or UTF-16."),
        click.option("--decimal", type=click.Choice([".", ","]), help="The decimal sign of the file's numbers."),
        click.option("--map", "mapped", multiple=True, metavar="THEIRS=OURS", help="What a column is; repeatable."),
        click.option("--as", "named", metavar="NAME", help="Read it as [files.NAME] of the settings says."),
        click.option("--keep", multiple=True, metavar="COLUMN", help="Keep it in the journal; never sent; repeatable."),
        click.option("--ignore-columns", is_flag=True, help="Pass over all other columns that aren't known."),
        click.option("--text", multiple=True, metavar="COLUMN", help="What looks damaged in it is meant; repeatable."),
    ]
    for option in reversed(options):
        command = option(command)
    return command


def work_options(command: F) -> F:
    """The options of a command that sends what a file says, each row once."""
    path = click.Path(dir_okay=False, path_type=Path)
    options = [
        vendor_option,
        config_option,
        click.option(
            "--journal", type=journal_place, metavar="PATH or URL", help="The record; default: the one beside FILE."
        ),
        click.option("--new-journal", is_flag=True, help="Make one though there is another."),
        click.option(
            "--concurrency", type=click.IntRange(1), default=64, show_default=True, metavar="N", help="At a time."
        ),
        click.option(
            "--rate", type=click.FloatRange(0, min_open=True), metavar="R", help="Attempts a second, at most."
        ),
        click.option("--dry-run", is_flag=True, help="Say what would be done; send nothing."),
        click.option("--problems", type=path, metavar="PATH", help="Send the good ones; write the others here."),
        click.option("--retry-refused", is_flag=True, help="Send again what an earlier run had refused."),
        reading_options,
        click.option(
            "--adopt", metavar="NAME", help="Accept that the account NAME has another access key than before."
        ),
        click.option("--yes", is_flag=True, help="Don't ask before sending: for scripts."),
        click.option("--json", "as_json", is_flag=True, help="One JSON object a row's outcome on stdout."),
    ]
    for option in reversed(options):
        command = option(command)
    return command


@contextlib.contextmanager
def on_disk(file: str) -> Generator[tuple[Path, str | None], None, None]:
    """A file that was named, and its name if it is stdin's; that is kept on disk meanwhile, since it is read more than once."""
    if file != "-":
        yield Path(file), None
        return
    with tempfile.TemporaryDirectory() as folder:  # only its owner can look into it
        if sys.stdin is None:  # closed
            raise click.UsageError("there is no stdin to read")
        copy = Path(folder) / "stdin"
        with copy.open("wb") as target:
            while piece := sys.stdin.buffer.read(2**20):
                target.write(piece)
        yield copy, "stdin"


@attrs.frozen(kw_only=True)
class ReadingOptions:
    """What was given on the command line; ``named``: the name in the settings."""

    encoding: str | None
    decimal: str | None
    mapped: tuple[str, ...]
    named: str | None
    keep: tuple[str, ...]
    ignore_columns: bool
    text: tuple[str, ...]

    @property
    def given(self) -> Iterable[str]:
        """The options as they were given, for another command that reads the same file."""
        single = {"--encoding": self.encoding, "--decimal": self.decimal, "--as": self.named}
        several = {"--map": self.mapped, "--keep": self.keep, "--text": self.text}
        for option, values in {**{name: (value,) for name, value in single.items() if value}, **several}.items():
            for value in values:
                yield from (option, value)
        if self.ignore_columns:
            yield "--ignore-columns"

    def reading(self, settings: Settings) -> Reading:
        """How the file is to be read; an option goes before the settings.

        Raises:
            ConfigError: the settings have no such name.
            FileError: the table of SKUs can't be read.
        """
        saved = self._saved(settings)
        return Reading(
            encoding=self.encoding or saved.encoding,
            decimal=self.decimal or saved.decimal,
            columns={**saved.columns, **dict(self._pairs())},
            keep=tuple(dict.fromkeys((*saved.keep, *self.keep))),
            ignore_unknown=self.ignore_columns or saved.ignore_columns,
            text=tuple(dict.fromkeys((*saved.text, *self.text))),
            constants=saved.constants,
            by_country=saved.by_country,
            skus={} if saved.sku_table is None else _skus(saved.sku_table),
            sheet=saved.sheet,
        )

    def _saved(self, settings: Settings) -> FileSettings:
        if self.named is None:
            return FileSettings()
        if settings.path is None:
            raise ConfigError(
                f"--as {self.named}: no pandapon.toml was found beside the file, above it, or in your own folder"
            )
        if self.named not in settings.files:
            known = ", ".join(settings.files) or "none"
            hint = suggestion(self.named, settings.files)
            raise ConfigError(
                f"--as {self.named}: {settings.path} has no [files.{self.named}]{hint}; there are: {known}"
            )
        return settings.files[self.named]

    def _pairs(self) -> Iterable[tuple[str, str]]:
        for pair in self.mapped:
            theirs, equals, ours = pair.rpartition("=")
            if not equals or not theirs.strip() or not ours.strip():
                raise click.BadParameter("expected THEIRS=OURS", param_hint="--map")
            yield theirs.strip(), ours.strip()


def _skus(path: Path) -> Mapping[str, tuple[str, str]]:
    from .._files.findings import FileError
    from .._files.sheets import Sheet

    sheet = Sheet(path)
    sheet.require(("sku", "itemId", "skuId"), ("sku", "itemId"))
    found: dict[str, tuple[str, str]] = {}
    for row in sheet:
        if row.findings:
            raise FileError.of(str(path), row.findings)
        sku, ids = row.cells.get("sku", ""), (row.cells.get("itemId", ""), row.cells.get("skuId", ""))
        if not sku or not ids[0] or found.setdefault(sku, ids) != ids:
            raise FileError(f"{path}: line {row.line}: expected sku, itemId and skuId, each sku once")
    return found


def path_beside(source: BookingFile, what: str = "problems") -> Path:
    """Where something of a file goes unless somebody says otherwise: the problems of ``orders.csv`` to ``orders.problems.csv``."""
    suffix = source.path.suffix if source.format in ("csv", "json") else ".xlsx"
    return source.path.with_name(f"{source.path.stem}.{what}{suffix}")
