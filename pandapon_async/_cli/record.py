"""What the journal notes of a run that the command line begins: who, from which file, with which options, decided how."""

from __future__ import annotations

import getpass
import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import attrs

if TYPE_CHECKING:
    from .._files.bookings import BookingFile
    from .book_file import BookOptions

_LEFT_OUT: Final = ("config", "journal", "new_journal", "dry_run", "preview", "as_json", "problems", "reading")
"""Options that say where things are on this machine, or how the output looks."""
_BLOCK: Final = 2**20


def person() -> str | None:
    """Who is logged in; None: nobody is, as in a container."""
    try:
        return getpass.getuser()
    except (OSError, KeyError, ImportError):
        return None


def about_run(source: BookingFile | None, options: BookOptions, decisions: Mapping[str, Any]) -> dict[str, Any]:
    """What is noted; without a source it books what waits. A file's folder may tell more than its name: it isn't noted."""
    file = {} if source is None else {"file": Path(source.name).name, "digest": digest_of(source.path)}
    noted = {"person": person(), **file, "options": _options(options), "decisions": dict(decisions)}
    return {name: value for name, value in noted.items() if value}


def digest_of(path: Path) -> str:
    """The SHA-256 of a file, in hexadecimal."""
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while block := file.read(_BLOCK):
            digest.update(block)
    return digest.hexdigest()


def _options(options: BookOptions) -> dict[str, Any]:
    given = attrs.asdict(options, recurse=False, filter=lambda field, _: field.name not in _LEFT_OUT)
    given |= attrs.asdict(options.reading, recurse=False)
    return {name: _plain(value) for name, value in given.items() if value not in (None, False, ())}


def _plain(value: Any) -> Any:
    if isinstance(value, tuple):
        return [str(one) for one in value]  # pyright: ignore[reportUnknownVariableType,reportUnknownArgumentType]
    return value if isinstance(value, (bool, int, float)) else str(value)
