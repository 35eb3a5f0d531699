"""Which journal a command writes: a second one beside or instead of the first would book everything once more."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Final

import attrs
import click

from .._config.settings import Settings
from .._errors import JournalError
from .._journal.places import Place, is_made, place_of
from .._journal.postgres.url import PostgresUrl, holds_secret, postgres_url
from .._journal.sqlite.file import continues, forget_lost, remains_of, resolved
from .._journal.sqlite.schema import APPLICATION_ID
from .shared import BAD_INPUT, Failed
from .words import Words

if TYPE_CHECKING:
    from .._journal.journal import Journal

DEFAULT_NAME: Final = "bookings.db"
_SQLITE: Final = b"SQLite format 3\0"


def journal_place(text: str) -> Place:
    """A journal on the command line: a file, or a database, of which no password may be given there."""
    if holds_secret(text):
        raise click.BadParameter(
            "every user of this machine can read a password here: env:NAME, file:PATH or service=NAME"
        )
    try:
        url = postgres_url(text)
    except JournalError as error:
        raise click.BadParameter(error.message) from None
    if url is None and os.path.isdir(text):
        raise click.BadParameter(f"{text!r} is a folder")
    return Path(text) if url is None else url


@attrs.frozen
class ChosenJournal:
    """The journal to use; ``is_new``: it will be made; ``has_rows``: it can be looked into; ``replaces``: what may be gone."""

    path: Place
    is_new: bool
    has_rows: bool
    replaces: Sequence[Path] = ()

    @property
    def location(self) -> str | Path:
        """What opens it; never to be shown, unlike ``path``."""
        return location_of(self.path)

    def prepare(self) -> None:
        """Let it be made, and be the only one, if it is to replace one that is gone."""
        for path in self.replaces:
            forget_lost(resolved(path))

    @property
    def files(self) -> list[Path]:
        """The files that nothing may be written over."""
        return [self.path] if isinstance(self.path, Path) else []


def location_of(place: Place) -> str | Path:
    """What opens the journal there; never to be shown, unlike the place."""
    return place if isinstance(place, Path) else place.conninfo


def folder_of(place: Place) -> Path:
    """Where the settings for a journal are looked for: beside the file, else here."""
    return place.parent if isinstance(place, Path) else Path()


def choose_journal(
    given: Place | None, settings: Settings, folder: Path, words: Words, *, new_journal: bool, makes: bool = True
) -> ChosenJournal:
    """The journal that was given, else the configured one, else the one in the folder, else a new one there.

    Args:
        given: by ``--journal``.
        settings: where it may be configured.
        folder: where the file stands that is booked.
        words: what is said.
        new_journal: a new one may be made though there is another.
        makes: it is made if it isn't there; else it is only looked into, and nothing can be doubled.

    Raises:
        Failed: it isn't clear which, or making one needs ``--new-journal``; the others are named.
    """
    configured = None if settings.journal is None else place_of_setting(settings.journal)
    path = given or configured
    if path is None and not new_journal:
        found = list(_journals_in([folder]))
        if len(found) > 1:
            raise Failed(words("journal.several", names=_names(found)), BAD_INPUT)
        path = found[0] if found else None
        _refuse_lost(_once_in([folder]), words, path)
    path = path or folder / DEFAULT_NAME
    replaces = [*_once_in(_folders(path, folder))] if new_journal else []
    if isinstance(path, PostgresUrl):
        if is_made(path):
            return ChosenJournal(path, is_new=False, has_rows=True)
    else:
        if new_journal:
            replaces.append(path)  # behind a link its locks are elsewhere
        else:
            _refuse_lost([path], words)
        if os.path.exists(path):
            return ChosenJournal(path, is_new=False, has_rows=not _is_unmade(path), replaces=replaces)
    if not makes:
        return ChosenJournal(path, is_new=True, has_rows=False)
    if configured is not None and not new_journal and _is_same(path, configured):
        raise Failed(words("journal.configured_missing", name=path, settings=settings.path), BAD_INPUT)
    others = [one for one in _others(path, configured, folder) if not _is_same(one, path)]
    if others and not new_journal:
        raise Failed(words("journal.another", name=path, names=_names(others)), BAD_INPUT)
    if not new_journal:
        _refuse_lost(_once_in(_folders(path, folder)), words)
    return ChosenJournal(path, is_new=True, has_rows=False, replaces=replaces)


def _refuse_lost(paths: Iterable[Path], words: Words, renamed: Path | None = None) -> None:
    """As the library does once it makes a journal, but before anything is asked, in words for clerks.

    ``renamed``: what one of them may be now.
    """
    for path in paths:
        remains = remains_of(resolved(path))
        if (
            remains
            and not (os.path.exists(path) and path.stat().st_size)
            and not (renamed and continues(renamed, path))
        ):
            raise Failed(words("journal.gone", name=path, remains=_names(file.name for file in remains)), BAD_INPUT)


def place_of_setting(journal: str | Path) -> Place:
    """The place that the settings name, as they name it."""
    return journal if isinstance(journal, Path) else place_of(journal)


def _others(path: Place, configured: Place | None, folder: Path) -> Iterator[Place]:
    if configured is not None:
        yield configured
    yield from _journals_in(_folders(path, folder))


def _folders(path: Place, folder: Path) -> list[Path]:
    return [folder, folder_of(path)] if isinstance(path, Path) else [folder]


def _once_in(folders: Iterable[Path]) -> Iterator[Path]:
    """The journals that are or were in some folders and were locked there."""
    for folder in dict.fromkeys(one.resolve() for one in folders):
        locks = sorted(folder.glob("*.*.lock")) if os.path.isdir(folder) else ()
        yield from dict.fromkeys(lock.with_name(lock.name.rsplit(".", 2)[0]) for lock in locks)


def _journals_in(folders: Iterable[Path]) -> Iterator[Path]:
    for folder in dict.fromkeys(one.resolve() for one in folders):
        if os.path.isdir(folder):
            yield from (path for path in sorted(folder.glob("*.db")) if is_journal(path))


def is_journal(path: Path) -> bool:
    """Whether a file is a journal, by its first bytes.

    SQLite's locks on it would be dropped by this if this process had it open: only for files that nobody here has open yet.
    """
    try:
        with path.open("rb") as file:
            head = file.read(72)
    except OSError:
        return False
    return head.startswith(_SQLITE) and int.from_bytes(head[68:72], "big") == APPLICATION_ID


def _is_unmade(path: Path) -> bool:
    """Whether somebody was killed while making it."""
    try:
        with path.open("rb") as file:
            head = file.read(72)
    except OSError:
        return False
    return not head or (head.startswith(_SQLITE) and not any(head[68:72]))


def _is_same(one: Place, other: Place) -> bool:
    if isinstance(one, PostgresUrl) or isinstance(other, PostgresUrl):
        return str(one) == str(other)
    return os.path.normcase(one.resolve()) == os.path.normcase(other.resolve())


def _names(paths: Iterable[Place | str]) -> str:
    return ", ".join(dict.fromkeys(map(str, paths)))


def files_of(journal: Journal) -> list[Path]:
    """The files that nothing may be written over."""
    return [journal.path] if isinstance(journal.path, Path) else []
