"""What a command does with a file, and its exit status."""

from __future__ import annotations

from typing import Protocol

from .._errors import PandaponError
from .reasons import error_text
from .running import run
from .shared import FAILED, tell
from .words import Words


class FileWork(Protocol):
    """What is done with a file; ``began`` says whether anything of it may have been done, and ``status`` is the exit status then."""

    words: Words
    began: bool

    @property
    def status(self) -> int: ...
    async def run(self) -> None: ...
    def answer(self, number: int) -> str: ...
    def show(self) -> None: ...


def done(work: FileWork) -> int:
    """Do it; the exit status."""
    failed = False
    try:
        run(work.run(), work.answer)
    except PandaponError as error:
        if not work.began:
            raise
        failed = True
        tell(work.words("end.error", why=error_text(error, work.words)))
    finally:
        if work.began:
            work.show()
    return work.status or (FAILED if failed else 0)
