"""The steps of a command that sends a file (book, domestic, bulk): settings, file, journal, plan, questions, work.

The file is read once for each step that needs all of it, instead of being kept: to check it before anything is sent; to look its
bookings up in the journal, for the question; to send; and to tell in the end how all of them stand, with the problems. A fifth time
only if the journal objects, or previews are renewed. `BookingFile` sees to it that each time it is the same file.
"""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import attrs
import click

from .._config.profiles import zone_of
from .._config.settings import Settings, find_settings
from .._errors import ConfigError, PandaponError
from .._files.bookings import BookingFile
from .._files.columns import Layout
from .._files.findings import MAX_FINDINGS, Checked, EncodingError, Finding
from .._files.outputs import check_output
from .._files.problems import ProblemsWriter, is_problems
from .._journal.journal import Journal
from .._journal.rows import JournalRow
from .._models.operation import VendorRequest
from ..api.logistics import FreightBookingRequest
from .book_options import BookOptions
from .booking import BookingWork, ObjectedError
from .file_options import problems_path
from .journals import ChosenJournal, choose_journal
from .plan import AccountPlan, Accounts, Planner
from .preview import FilePreview
from .progress import Screen
from .question import Desk, Prospect, ask_before_spending, decide_on_problems
from .reasons import error_text, finding_line
from .record import about_run
from .renewing import Renewal
from .running import run
from .shared import BAD_INPUT, FAILED, Failed, labelled, tell, write_out
from .standing import exit_of, worse_of
from .waiting import find_waiting, now
from .words import Words, words_of

if TYPE_CHECKING:
    pass

_SHOWN = 20


# --- a file ------------------------------------------------------------------------------------------------------------


def book_file(path: Path, name: str | None, options: BookOptions) -> int:
    """Book a file; the exit status. ``name``: what it is called, if not by its path: it came from stdin."""
    folder = Path() if name is not None else path.parent
    settings = find_settings(folder)
    words = words_of(settings.language, settings.path and settings.path.parent)
    if options.request_type is not FreightBookingRequest:
        words = words.of_other_work()
    desk = Desk(words, options.yes)
    source = _opened(path, name, options, settings, desk)
    if options.preview:
        return _previewed(source, options, settings, words)
    journal = choose_journal(
        options.journal,
        settings,
        folder,
        words,
        new_journal=options.new_journal,
        makes=not options.dry_run and options.completion is None,
    )
    with contextlib.ExitStack() as stack:
        if options.completion is not None:
            if not journal.has_rows:
                raise Failed(words("journal.nothing_booked", path=journal.path), BAD_INPUT)
            source.revised = options.completion(stack.enter_context(Journal.open(journal.location)))
        return _FileBooking(options, settings, desk, source, journal).run()


def _previewed(source: BookingFile, options: BookOptions, settings: Settings, words: Words) -> int:
    kept = (options.journal, settings.journal, options.config, settings.path)
    return FilePreview(
        source=source,
        accounts=Accounts(options.profiles(), options.vendor or options.adopt),
        concurrency=options.concurrency,
        words=words,
        out=options.out,
        problems=options.problems,
        kept=[path for path in kept if isinstance(path, Path)],
    ).run()


def _opened(path: Path, name: str | None, options: BookOptions, settings: Settings, desk: Desk) -> BookingFile:
    layout = Layout.of(options.rows or options.request_type)
    reading = attrs.evolve(options.reading.reading(settings), layout=layout)
    try:
        return BookingFile(path, name, reading)
    except EncodingError as error:
        words = desk.words
        if error.guess is None or not desk.can_ask or desk.yes:
            raise
        tell(error_text(error, words))
        if not desk.agrees_to(words("rows.ask_encoding", encoding=error.guess)):
            raise Failed(words("question.refused"), BAD_INPUT) from None
        return BookingFile(path, name, attrs.evolve(reading, encoding=error.guess))


@attrs.define
class _FileBooking:
    """One file on its way from reading to the exit status."""

    options: BookOptions
    settings: Settings
    desk: Desk
    source: BookingFile
    journal: ChosenJournal

    def run(self) -> int:
        """Book it; the exit status."""
        words, options = self.desk.words, self.options
        with Screen(words("phase.reading")) as screen:
            checked = self.source.check()
            if not checked.bookings:
                raise Failed(words("rows.none", name=self.source.name), BAD_INPUT)
            accounts = self._accounts()
            if accounts is not None and checked.previewed:
                checked = self._renewed(screen, checked, accounts)
            plans = [] if accounts is None else self._plans(screen, checked, accounts)
        checked = _with_changed(checked, plans, words)
        self._tell(checked)
        if options.dry_run:
            return self._dry_run(checked, plans)
        assert accounts is not None
        problems = self._problems(checked) if checked.findings or options.problems else None
        answer = ask_before_spending(self._prospect(checked, plans), self.desk)
        while True:
            work = self._work(accounts, plans, checked, problems, answer)
            try:
                status = _done(work)
            except ObjectedError as error:  # what only the journal knows, such as another order with the same parcel
                checked = _with_more(checked, error.findings)
                self._tell(checked)
                problems = self._problems(checked)
            else:
                return status or (FAILED if checked.findings else 0)

    # --- before ---

    def _accounts(self) -> Accounts | None:
        options, words = self.options, self.desk.words
        try:
            return Accounts(options.profiles(), options.vendor or options.adopt)
        except ConfigError as error:
            if not options.dry_run:
                raise
            tell(words("dry_run.no_accounts", why=error_text(error, words)))
            return None

    def _renewed(self, screen: Screen, checked: Checked, accounts: Accounts) -> Checked:
        """What the file holds once its old previews were asked again; in a dry run, as it is."""
        words = self.desk.words
        renewal = Renewal(
            source=self.source,
            accounts=accounts,
            settings=self.settings,
            journal=self._known,
            retry_refused=self.options.retry_refused,
            words=words,
        )
        renewal.look_up()
        if renewal.old:
            tell(words("preview.old", count=f"{renewal.old:,}", hours=f"{self.settings.preview_hours:g}"))
            if not self.options.dry_run:
                screen.phase(words("phase.previewing"), renewal.old)
                run(renewal.ask(self.options.concurrency, screen.step))
        return self.source.check()

    @property
    def _known(self) -> str | Path | None:
        """What opens the journal, if it knows anything."""
        return self.journal.location if self.journal.has_rows else None

    def _plans(self, screen: Screen, checked: Checked, accounts: Accounts) -> list[AccountPlan]:
        options, words = self.options, self.desk.words
        screen.phase(words("phase.checking"), checked.bookings)
        planner = Planner(accounts, self._known, options.request_type.operation.name)
        plans = planner.plan(self.source, screen.step)
        if len(plans) > 1 and options.spend_limit is not None:
            raise click.UsageError(
                "--spend-limit is for one account: give each its daily_spend_limit, or book a file for each"
            )
        return plans

    def _tell(self, checked: Checked) -> None:
        words = self.desk.words
        for said in checked.said:
            tell(f"{self.source.name}: {said}")
        for finding in checked.findings[:_SHOWN]:
            tell(f"{self.source.name}: {finding_line(finding, words)}")
        if (more := len(checked.findings) - _SHOWN + checked.more) > 0:
            tell(f"{self.source.name}: {words('rows.more', count=f'{more:,}')}")
        for column in checked.wrong_everywhere:
            tell(f"{self.source.name}: {words('rows.column_wrong', column=column)}")

    def _dry_run(self, checked: Checked, plans: Sequence[AccountPlan]) -> int:
        words = self.desk.words
        counts = {"good": f"{checked.good:,}", "wrong": f"{checked.wrong:,}", "held": f"{checked.held:,}"}
        code = "rows.good_and_bad" if checked.findings else "rows.good"
        write_out(words(code, name=self.source.name, **counts))
        for label, text in attrs.evolve(self._prospect(checked, plans), journal=None).lines(words):
            labelled(label, text)
        write_out(words("dry_run.end"))
        return BAD_INPUT if checked.findings else 0

    def _prospect(self, checked: Checked, plans: Sequence[AccountPlan]) -> Prospect:
        return Prospect(
            plans=plans,
            count=sum(plan.to_send(retry_refused=self.options.retry_refused) for plan in plans),
            wrong=checked.wrong,
            held=checked.held,
            retry_refused=self.options.retry_refused,
            limit=self.options.spend_limit,
            journal=self.journal.path,
            operation=_named(self.options.request_type),
        )

    def _problems(self, checked: Checked) -> Path:
        """Where the problems are written; asked for unless it was given."""
        given, source = self.options.problems, self.source
        path = given or problems_path(source)
        kept = [
            one
            for one in (source.path, *self.journal.files, self.options.config, self.settings.path)
            if one is not None
        ]
        if given is None:
            decide_on_problems(checked, path, self.desk)
        check_output(path, kept, is_problems)
        ProblemsWriter(path, source)  # refuses a path of another format before anything is sent
        return path

    # --- the work ---

    def _work(
        self,
        accounts: Accounts,
        plans: Sequence[AccountPlan],
        checked: Checked,
        problems: Path | None,
        answer: str,
    ) -> BookingWork:
        decisions = {"booking": answer, "left out": checked.wrong + checked.held}
        return BookingWork(
            profiles=[plan.profile for plan in plans],
            journal=self.journal,
            source=self.source,
            accounts=accounts,
            count=checked.good,
            terms=self.options.terms(self.settings, check_all=problems is None),
            problems=problems,
            as_json=self.options.as_json,
            words=self.desk.words,
            about=about_run(self.source, (self.options, self.options.reading), decisions),
            zone=zone_of(self.settings.time_zone),
        )


def _named(request_type: type[VendorRequest[Any]]) -> str | None:
    """What the question calls the operation; a booking needs no name."""
    return None if request_type is FreightBookingRequest else request_type.operation.name


def _done(work: BookingWork) -> int:
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


def _with_changed(checked: Checked, plans: Sequence[AccountPlan], words: Words) -> Checked:
    """What was sent already, with another content, is wrong."""
    found = [
        Finding.of("journal", line, None, why=_changed(row, fields, words))
        for plan in plans
        for line, row, fields in plan.changed
    ]
    return _with_more(checked, found)


def _changed(row: JournalRow, fields: str, words: Words) -> str:
    order = words("rows.changed_order", order_id=row.order_id) if row.order_id else ""
    return words("rows.changed", reference=row.reference, state=words(f"state.{row.state}"), order=order, fields=fields)


def _with_more(checked: Checked, found: Sequence[Finding]) -> Checked:
    """The same with further findings, each of another booking that had none."""
    wrong = sum(finding.kind == "wrong" for finding in found)
    findings = sorted((*checked.findings, *found), key=lambda finding: finding.line)
    return attrs.evolve(
        checked,
        good=max(0, checked.good - len(found)),
        wrong=checked.wrong + wrong,
        held=checked.held + len(found) - wrong,
        findings=tuple(findings[:MAX_FINDINGS]),
        more=checked.more + max(0, len(findings) - MAX_FINDINGS),
    )


# --- without a file ----------------------------------------------------------------------------------------------------


def book_waiting(options: BookOptions) -> int:
    """Book what waits in the journal; the exit status."""
    if options.dry_run or options.preview or options.problems is not None:
        raise click.UsageError("--dry-run, --preview and --problems need a FILE")
    if options.retry_refused:
        raise click.UsageError("--retry-refused needs a FILE; or `pandapon journal PATH --mark REF=pending`")
    settings = find_settings(Path())
    words = words_of(settings.language, settings.path and settings.path.parent)
    journal = choose_journal(options.journal, settings, Path(), words, new_journal=False, makes=False)
    if not journal.has_rows:
        raise Failed(words("journal.none"), BAD_INPUT)
    profiles = options.profiles()
    if (named := options.vendor or options.adopt) is not None:
        profiles = [Accounts(profiles, named).the_only()]
    waiting = find_waiting(journal.location, profiles)
    for label, text in waiting.lines(words, now()):
        labelled(label, text)
    plans = waiting.plans
    if not waiting.groups:
        write_out(words("waiting.none"))
    if not plans:
        return exit_of(waiting.left)
    count = sum(plan.standing["waiting"] for plan in plans)
    answer = ask_before_spending(
        Prospect(plans=plans, count=count, limit=options.spend_limit, journal=journal.path), Desk(words, options.yes)
    )
    work = BookingWork(
        profiles=[plan.profile for plan in plans],
        journal=journal,
        source=None,
        accounts=Accounts(profiles, None),
        count=count,
        terms=options.terms(settings),
        as_json=options.as_json,
        words=words,
        about=about_run(None, (options,), {"booking": answer}),
        zone=zone_of(settings.time_zone),
    )
    return worse_of(_done(work), exit_of(waiting.left))
