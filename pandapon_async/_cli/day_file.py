"""A file's whole day: the steps of booking it, with its previews, problems and tracking numbers in files beside it.

Where a day stands isn't noted anywhere: what is booked is in the journal, what is previewed in the file of the previews, and what a
person has decided in the problems file.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import ClassVar

import attrs

from .._errors import PandaponError
from .._files.corrections import Corrections, corrections_in
from .._files.findings import Checked
from .._files.outputs import check_output
from .._files.problems import ProblemsWriter, is_problems
from .._files.tracking import is_tracking
from .._journal.journal import Journal
from .book_file import FileBooking, journal_of, opened
from .book_options import BookOptions
from .booking import LABELS
from .file_options import path_beside
from .plan import Accounts
from .problem_files import ProblemFile
from .progress import Screen
from .question import Prospect, refuse_a_wrong_file
from .record import person
from .renewing import Renewal
from .saved_previews import SavedPreviews
from .shared import BAD_INPUT, FAILED, Failed, label_line, labelled, tell
from .standing import worse_of
from .tracking import HandingBack


def day_file(path: Path, options: BookOptions) -> int:
    """Lead a file through its day, from where it stands; the exit status."""
    settings, desk, source = opened(path, None, path.parent, options)
    journal = journal_of(path.parent, options, settings, desk.words)
    day = _Day(options, settings, desk, source, journal)
    day.prepare()
    status = day.run()
    return status if options.dry_run else worse_of(status, day.close())


@attrs.define
class _Day(FileBooking):
    """One file's day."""

    way_on: ClassVar[str] = "day.problems"
    _saved: SavedPreviews = attrs.field(init=False)
    _problems_at: Path = attrs.field(init=False)
    _tracking_at: Path = attrs.field(init=False)
    _corrections: Corrections | None = attrs.field(init=False, default=None)

    def prepare(self) -> None:
        """Look at what is beside the file, before anything is asked or sent.

        Raises:
            FileError: something else is where an output belongs; or the corrections don't fit the file.
        """
        source = self.source
        at = self._problems_at = self.options.problems or path_beside(source)
        self._tracking_at = path_beside(source, "tracking")
        previews = path_beside(source, "previewed")
        for path in (at, previews):
            self._require_free(path)
        check_output(at, self.kept, is_problems)
        ProblemsWriter(at, source)
        check_output(self._tracking_at, (*self.kept, at), lambda path: is_tracking(path, None))
        if at.is_file() and at.stat().st_size:
            source.corrected = self._corrections = corrections_in(at, source)
            if count := self._corrections.count:
                words = self.desk.words
                tell(label_line(words("day.corrected"), words("day.problems", count=f"{count:,}", path=at)))
        self._saved = SavedPreviews(previews, source, (*self.kept, at))

    def _require_free(self, path: Path) -> None:
        """Refuse a file that a spreadsheet holds open: what is written beside it then, the next call wouldn't read."""
        try:
            if path.is_file():
                path.open("r+b").close()
        except PermissionError:
            raise Failed(self.desk.words("day.in_use", path=path), BAD_INPUT) from None

    # --- the steps that differ from those of `pandapon book` ---

    def _renewed(self, screen: Screen, checked: Checked, accounts: Accounts) -> Checked:
        renewal = self._renewal(accounts)
        renewal.is_trial = True
        renewal.look_up()
        checked = self.source.check()
        if self.options.problems is None and not self.options.dry_run:
            self._refuse(checked)
        renewal.is_trial = self.options.dry_run
        return self._previewed_again(screen, renewal)

    def _renewal(self, accounts: Accounts) -> Renewal:
        renewal = super()._renewal(accounts)
        renewal.saved = self._saved
        return renewal

    def _refuse(self, checked: Checked) -> None:
        """Refuse a file that is wrong as a whole, with what was found in it."""
        try:
            refuse_a_wrong_file(checked, self.desk.words)
        except Failed:
            self._tell(checked)
            raise

    def _problems(self, checked: Checked) -> Path:
        """Where the problems are written; new ones are there before anything is asked, so that they can be corrected first.

        Else they stay as they are until the end, when it is known what else isn't booked.
        """
        if not checked.good:
            refuse_a_wrong_file(checked, self.desk.words)
        at = self._problems_at
        lines = frozenset[int]() if self._corrections is None else self._corrections.lines
        wrong = [booking.line for booking in self.source if booking.findings]
        if not lines.issuperset(wrong):
            with ProblemFile(at, self.source, self.desk.words) as problems:
                for booking in self.source:
                    if booking.findings or booking.origins:
                        problems.add(booking, booking.findings)
            at = problems.path
        if count := len(wrong):
            told = self.desk.words("day.problems", count=f"{count:,}", path=at)
            tell(label_line(self.desk.words("sum.problems"), told))
        return self._problems_at

    def _ask(self, prospect: Prospect) -> str:
        words = self.desk.words
        if self._saved.path.exists():
            tell(label_line(words("day.previews"), str(self._saved.path)))
        if not prospect.count:
            tell(words("day.nothing_new"))
        return super()._ask(prospect)

    # --- afterwards ---

    def close(self) -> int:
        """Write what the shop is told, and say what a person has to do; the exit status of that alone."""
        words, status = self.desk.words, 0
        try:
            self._show(words("day.tracking"), self._hand_back())
        except (OSError, PandaponError) as error:  # what was booked, and its status, stay what they are
            status = FAILED
            why = error.strerror if isinstance(error, OSError) else error
            tell(words("day.not_handed", path=self._tracking_at, why=why))
        for number, text in enumerate(self._to_do()):
            self._show("" if number else words("day.next"), text)
        return status

    def _hand_back(self) -> str:
        accounts = self._accounts()
        with Journal.open(self.journal.location) as journal:
            handing = HandingBack(
                source=self.source,
                journal=journal,
                settings=self.settings,
                by=person(),
                words=self.desk.words,
                account_of=lambda booking: booking.account if accounts is None else accounts.of(booking).name,
            )
            count, path = handing.write(self._tracking_at)
        return self.desk.words("day.handed", count=f"{count:,}", path=path)

    def _show(self, label: str, text: str) -> None:
        if self.options.as_json:
            tell(label_line(label, text, LABELS))
            return
        with contextlib.suppress(OSError):  # nobody reads it
            labelled(label, text, width=LABELS)

    def _to_do(self) -> Iterator[str]:
        words, journal = self.desk.words, _quoted(self.journal.path)
        states = None if self.work is None else self.work.states
        if states is None or states["unknown"] or states["sent"]:
            count = "?" if states is None else f"{states['unknown'] + states['sent']:,}"
            yield words("day.unclear", count=count, journal=journal)
        if states is not None and (waiting := states["pending"] + states["unread"]):
            yield words("day.waiting", count=f"{waiting:,}")
        if self.work is not None and self.work.problem_count:
            yield words("day.correct", path=self.work.problems_at)
        page = self.source.path.with_name(f"{self.source.path.stem}.html")
        yield words("day.page", journal=journal, page=_quoted(page))


def _quoted(path: object) -> str:
    """A path as it can be pasted into a command."""
    text = str(path)
    return f'"{text}"' if " " in text else text
