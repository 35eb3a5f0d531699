"""What the journal notes of a run that the command line begins: who, from which file, with which options, decided how."""

from __future__ import annotations

import getpass
import hashlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import attrs

from .._models.money import Money

if TYPE_CHECKING:
    from .._files.bookings import BookingFile

_LEFT_OUT: Final = ("journal", "new_journal", "dry_run", "preview", "as_json")
"""Options that say where the journal is, or how the output looks."""
_BLOCK: Final = 2**20


def person() -> str | None:
    """Who is logged in; None: nobody is, as in a container."""
    try:
        return getpass.getuser()
    except (OSError, KeyError, ImportError):
        return None


def about_run(
    source: BookingFile | None, options: Sequence[attrs.AttrsInstance], decisions: Mapping[str, Any]
) -> dict[str, Any]:
    """What is noted of a run, whose options these objects hold; without a source it books what waits.

    Of the file only the name is noted: its folder may tell more than is meant.
    """
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


def _options(options: Sequence[attrs.AttrsInstance]) -> dict[str, Any]:
    given = {name: value for one in options for name, value in attrs.asdict(one, recurse=False).items()}
    plain = {name: _plain(value) for name, value in given.items() if name not in _LEFT_OUT}
    return {name: value for name, value in plain.items() if value not in (None, False, [])}


def _plain(value: Any) -> Any:
    """A value as JSON holds it; None for what isn't noted: where something is on this machine, and what is ours."""
    if isinstance(value, tuple):
        return [one for one in value if isinstance(one, str)]  # pyright: ignore[reportUnknownVariableType]
    return str(value) if isinstance(value, Money) else value if isinstance(value, (bool, int, float, str)) else None
