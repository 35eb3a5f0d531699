"""Which journal a command writes: a second one beside or instead of the first would book everything once more."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Final

import attrs

from .._config.settings import Settings
from .._journal.sqlite.schema import APPLICATION_ID
from .shared import BAD_INPUT, Failed
from .words import Words

if TYPE_CHECKING:
    from .._journal.journal import Journal

DEFAULT_NAME: Final = "bookings.db"
_SQLITE: Final = b"SQLite format 3\0"


@attrs.frozen
class ChosenJournal:
    """The journal to use; ``is_new``: it will be made; ``has_rows``: it can be looked into."""

    path: Path
    is_new: bool
    has_rows: bool


def choose_journal(
    given: Path | None, settings: Settings, folder: Path, words: Words, *, new_journal: bool, makes: bool = True
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
    path = given or settings.journal
    if path is None and not new_journal:
        found = list(_journals_in([folder]))
        if len(found) > 1:
            raise Failed(words("journal.several", names=_names(found)), BAD_INPUT)
        path = found[0] if found else None
    path = path or folder / DEFAULT_NAME
    if path.exists():
        return ChosenJournal(path, is_new=False, has_rows=not _is_unmade(path))
    if not makes:
        return ChosenJournal(path, is_new=True, has_rows=False)
    if settings.journal is not None and not new_journal and _is_same(path, settings.journal):
        raise Failed(words("journal.configured_missing", name=path, settings=settings.path), BAD_INPUT)
    others = [one for one in _others(path, settings, folder) if not _is_same(one, path)]
    if others and not new_journal:
        raise Failed(words("journal.another", name=path, names=_names(others)), BAD_INPUT)
    return ChosenJournal(path, is_new=True, has_rows=False)


def _others(path: Path, settings: Settings, folder: Path) -> Iterator[Path]:
    if settings.journal is not None:
        yield settings.journal
    yield from _journals_in([folder, path.parent])


def _journals_in(folders: Iterable[Path]) -> Iterator[Path]:
    for folder in dict.fromkeys(one.resolve() for one in folders):
        if folder.is_dir():
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


def _is_same(one: Path, other: Path) -> bool:
    return os.path.normcase(one.resolve()) == os.path.normcase(other.resolve())


def _names(paths: Iterable[Path]) -> str:
    return ", ".join(dict.fromkeys(map(str, paths)))


def files_of(journal: Journal) -> list[Path]:
    """The files that nothing may be written over."""
    return [journal.path] if isinstance(journal.path, Path) else []
