"""``pandapon book --preview``: preview each booking of a file; nothing is booked."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import attrs

from .._files.booking import Booking
from .._files.bookings import BookingFile
from .._files.filled import PREVIEW, check_filled, filled
from .._files.findings import Finding
from .._files.outputs import check_output
from .._files.problems import ProblemsWriter, is_problems
from .._models.jsonio import is_object
from .._models.money import Money
from .file_options import path_beside
from .plan import Accounts
from .previewing import Answer, Previewer, key_of, not_previewed, obstacles
from .problem_files import ProblemFile
from .progress import Screen
from .reasons import finding_line
from .running import run
from .shared import BAD_INPUT, FAILED, Failed, json_text, labelled, tell, write_out
from .sums import sums_of
from .words import Words

_SHOWN = 20


@attrs.define(kw_only=True)
class FilePreview:
    """The previews of one file.

    Attributes:
        source, accounts: what is previewed, and where.
        out: the file with account, render id, previewed fee, currency and time; None: the replies as JSON on stdout.
        problems: where the others go; None: beside the file.
        kept: other files that must not be replaced.
    """

    source: BookingFile
    accounts: Accounts
    concurrency: int
    words: Words
    out: Path | None
    problems: Path | None
    kept: Sequence[Path]

    def run(self) -> int:
        """Ask, and write; the exit status."""
        names = {self.accounts.of(one).name: self.accounts.of(one) for one in self.source if not obstacles(one)}
        if not names and not any(True for _ in self.source):
            raise Failed(self.words("rows.none", name=self.source.name), BAD_INPUT)
        at = self.problems or path_beside(self.source)
        if self.out is not None:
            check_filled(self.out, self.source, PREVIEW, (*self.kept, at))
            check_output(at, (self.source.path, *self.kept, self.out), is_problems)
            ProblemsWriter(at, self.source)
        asker = Previewer(list(names.values()), self.concurrency, self.words)
        with Screen(self.words("phase.previewing"), sum(not obstacles(one) for one in self.source)) as screen:
            run(asker.ask(self._askable(), screen.step))
        if self.out is None:
            return self._print(asker)
        return self._write(asker, self.out, at)

    def _askable(self) -> Iterator[tuple[str, Booking]]:
        return ((self.accounts.of(one).name, one) for one in self.source if not obstacles(one))

    def _answered(self, asker: Previewer) -> Iterator[tuple[Booking, str, Answer, tuple[Finding, ...]]]:
        """Each booking, its account, the answer, and what kept it from being previewed."""
        for booking in self.source:
            if found := obstacles(booking):
                yield booking, booking.account or "", Answer(error="; ".join(map(str, found))), found
                continue
            account = self.accounts.of(booking).name
            answer = asker.answers[key_of(account, booking)]
            why = () if answer.error is None else (not_previewed(booking, answer.error),)
            yield booking, account, answer, why

    def _print(self, asker: Previewer) -> int:
        failed = False
        for booking, _, answer, _ in self._answered(asker):
            reference = booking.reference if booking.request is None else booking.pair()[0]
            data = answer.raw.get("data") if is_object(answer.raw) else None
            write_out(json_text({"reference": reference, "preview": data, "error": answer.error}))
            failed = failed or answer.error is not None
        return FAILED if failed else 0

    def _write(self, asker: Previewer, out: Path, at: Path) -> int:
        fees: list[Money | None] = []
        with (
            filled(out, self.source, PREVIEW, (*self.kept, at)) as writer,
            ProblemFile(at, self.source, self.words) as problems,
        ):
            for booking, account, answer, found in self._answered(asker):
                if found or answer.previewed is None or answer.render_id is None:
                    problems.add(booking, found)
                    if problems.count <= _SHOWN:
                        tell(f"{self.source.name}: {finding_line(found[0], self.words)}")
                    continue
                cells = answer.previewed.cells("." if self.source.format == "json" else self.source.reading.decimal)
                writer.add(booking, {"account": account, "renderId": answer.render_id, **cells})
                fees.append(answer.previewed.fee)
        words, without = self.words, fees.count(None)
        text = words("preview.sum", count=f"{len(fees):,}", sum=sums_of(fees) or words("sum.no_fees"))
        labelled(words("question.previewed"), text)
        if without:
            labelled(words("question.no_price"), words("preview.without", count=f"{without:,}"))
        if fees:
            labelled(words("preview.written"), str(writer.output.path))
        if problems.count:
            written = words("preview.problems", count=f"{problems.count:,}", path=problems.path)
            labelled(words("sum.problems"), written)
        return FAILED if problems.count or without else 0
