"""The steps of ``pandapon submit``: as those of ``pandapon book``, but that workers send."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import attrs

from .._config.profiles import VendorProfile
from .._files.bookings import BookingFile
from .._files.findings import Checked, FileError, Finding
from .._journal.rows import State
from .._journal.store import Problem
from .._manager import SessionManager
from .book_file import FileBooking
from .booking import ObjectedError
from .file_work import FileWork
from .journals import ChosenJournal
from .parts import items_of, objections
from .plan import AccountPlan, Accounts
from .problem_files import ProblemFile
from .shared import FAILED, tell, write_out
from .words import Words


class FileSubmission(FileBooking):
    """One file on its way into the queue."""

    def work_of(
        self,
        accounts: Accounts,
        plans: Sequence[AccountPlan],
        checked: Checked,
        problems: Path | None,
        answer: str,
    ) -> FileWork:
        return SubmitWork(
            profiles=[plan.profile for plan in plans],
            journal=self.journal,
            source=self.source,
            accounts=accounts,
            problems=problems,
            words=self.desk.words,
            about=self.about(checked, answer),
            job=self.options.job or self.source.name,
        )


@attrs.define(kw_only=True)
class SubmitWork:
    """A file that is taken into the journal and queued; see `booking.BookingWork`."""

    profiles: Sequence[VendorProfile]
    journal: ChosenJournal
    source: BookingFile
    accounts: Accounts
    problems: Path | None
    words: Words
    about: Mapping[str, Any]
    job: str
    began: bool = False
    status: int = 0
    _counts: Counter[State] = attrs.field(factory=Counter[State])

    async def run(self) -> None:
        """Take it in and queue it; then write the problems.

        Raises:
            ObjectedError: the journal objects to some of it, and nothing may be left out.
        """
        from .._fleet.submit import Share, submit

        async with SessionManager(self.profiles) as vendors:
            left_out: dict[str, list[Problem]] = {profile.name: [] for profile in self.profiles}
            shares: list[Share] = []
            for name, problems in left_out.items():
                approved = set[str]()
                items = items_of(self.accounts.share(name, self.source), approved, {})
                shares.append(Share(vendors[name], items, _allowance(approved), problems))
            objected: dict[str, dict[int, Finding]] = {}

            def agree() -> None:
                for name, problems in left_out.items():
                    share = self.accounts.share(name, self.source) if problems else ()
                    objected[name] = objections(share, problems)
                found = [finding for of in objected.values() for finding in of.values()]
                if found and self.problems is None:
                    raise ObjectedError(found)
                self.began = True

            location = str(self.journal.location)
            self._counts = await submit(shares, location, self.job, about=self.about, agree=agree)
            self.status = FAILED if any(objected.values()) else 0
            if self.problems is not None:
                self._write_problems(self.problems, objected)

    def _write_problems(self, path: Path, objected: Mapping[str, Mapping[int, Finding]]) -> None:
        position: Counter[str] = Counter()
        try:
            with ProblemFile(path, self.source, self.words) as problems:
                for booking in self.source:
                    findings = booking.findings
                    if not findings:
                        name = self.accounts.of(booking).name
                        found = objected.get(name, {}).get(position[name])
                        position[name] += 1
                        findings = () if found is None else (found,)
                    if findings:
                        problems.add(booking, findings)
        except (OSError, FileError) as error:
            why = error.strerror if isinstance(error, OSError) else error.message
            tell(self.words("problems.not_written", why=why))
        else:
            if problems.count:
                tell(self.words("problems.written", count=f"{problems.count:,}", path=problems.path))

    def answer(self, number: int) -> str:
        """What a signal is answered with."""
        return self.words("stop.nothing_sent" if number == 1 else "stop.again")

    def show(self) -> None:
        """How the file's bookings stand now."""
        counts = [f"{count:,} {self.words(f'state.{state}')}" for state, count in self._counts.items() if count]
        if counts:
            write_out(self.words("submit.end", job=self.job, states=", ".join(counts)))


def _allowance(approved: set[str]) -> Callable[[str, Any], bool]:
    return lambda reference, _: reference in approved
