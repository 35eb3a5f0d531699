"""Problems files as commands write them: in the clerk's language, and saying where they are if not where they were asked for."""

from __future__ import annotations

from pathlib import Path
from types import TracebackType

from .._files.bookings import BookingFile
from .._files.problems import ProblemsWriter
from .reasons import finding_text
from .shared import tell
from .words import Words


class ProblemFile(ProblemsWriter):
    """The problems file of a command."""

    def __init__(self, path: Path, source: BookingFile, words: Words) -> None:
        super().__init__(path, source, lambda one: finding_text(one, words))
        self._words = words

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        asked = self.path
        super().__exit__(kind, error, trace)
        if self.path != asked:
            tell(self._words("problems.beside", path=asked, beside=self.path))
