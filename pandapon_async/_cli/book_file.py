"""The steps of a command that sends a file (book, domestic, bulk): settings, file, journal, plan, questions, work.

The file isn't kept, but read for each step that needs all of it: to check it; to look it up in the journal, for the question; to send;
to tell in the end how all stand, and write the problems. `BookingFile` sees to it that it is the same file each time.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, ClassVar

import attrs
import click

from .._config.profiles import zone_of
from .._config.settings import Settings, find_settings
from .._errors import ConfigError
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
from .file_options import path_beside
from .file_work import FileWork, done
from .journals import ChosenJournal, choose_journal
from .plan import AccountPlan, Accounts, Planner
from .preview import FilePreview
from .progress import Screen
from .question import Desk, Prospect, ask_before_spending, decide_on_problems, require_somebody
from .reasons import error_text, finding_line
from .record import about_run
from .renewing import Renewal
from .running import run
from .shared import BAD_INPUT, FAILED, Failed, labelled, tell, write_out
from .standing import exit_of, worse_of
from .waiting import find_waiting, now
from .words import Words, words_for

_SHOWN = 20
Steps = Callable[[BookOptions, Settings, Desk, BookingFile, ChosenJournal], "FileBooking"]
"""Makes of a file that was read, and a journal, what is done with it."""


def book_file(path: Path, name: str | None, options: BookOptions, steps: Steps | None = None) -> int:
    """Book a file; the exit status.

    Args:
        path: it.
        name: what it is called, if not by its path: it came from stdin.
        options: what was asked for.
        steps: what is done with it, unless it is booked.
    """
    folder = Path() if name is not None else path.parent
    settings, desk, source = opened(path, name, folder, options)
    words = desk.words
    if options.preview:
        return _previewed(source, options, settings, words)
    journal = journal_of(folder, options, settings, words)
    with contextlib.ExitStack() as stack:
        if options.completion is not None:
            if not journal.has_rows:
                raise Failed(words("journal.nothing_booked", path=journal.path), BAD_INPUT)
            source.revised = options.completion(stack.enter_context(Journal.open(journal.location)))
        return (steps or FileBooking)(options, settings, desk, source, journal).run()


def opened(path: Path, name: str | None, folder: Path, options: BookOptions) -> tuple[Settings, Desk, BookingFile]:
    """The settings of a folder, who is asked, and the file."""
    settings = find_settings(folder)
    words = words_for(settings)
    if options.work is not None:
        words = words.of_work(options.work)
    desk = Desk(words, options.yes)
    return settings, desk, _opened(path, name, options, settings, desk)


def journal_of(folder: Path, options: BookOptions, settings: Settings, words: Words) -> ChosenJournal:
    """The journal that the file of a folder is booked with."""
    return choose_journal(
        options.journal,
        settings,
        folder,
        words,
        new_journal=options.new_journal,
        makes=not options.dry_run and options.completion is None,
    )


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
    reading = attrs.evolve(options.reading.reading(settings), layout=layout, corrects=options.preview)
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
class FileBooking:
    """One file on its way from reading to the exit status.

    Attributes:
        renewal: if it has previews.
        work: once there is nothing more to ask.
        way_on: the code of the text that says what to do with the problems.
    """

    way_on: ClassVar[str] = "problems.written"

    options: BookOptions
    settings: Settings
    desk: Desk
    source: BookingFile
    journal: ChosenJournal
    renewal: Renewal | None = None
    work: BookingWork | None = None

    def run(self) -> int:
        """Book it; the exit status."""
        words, options = self.desk.words, self.options
        with Screen(words("phase.reading")) as screen:
            checked = self.source.check()
            if not checked.bookings:
                raise Failed(words("rows.none", name=self.source.name), BAD_INPUT)
            accounts = self._accounts()
            if accounts is not None and self.source.reading.layout.is_freight:
                checked = self._renewed(screen, checked, accounts)
            plans = [] if accounts is None else self._plans(screen, checked, accounts)
        checked = _with_changed(checked, plans, words)
        self._tell(checked)
        if options.dry_run:
            return self._dry_run(checked, plans)
        assert accounts is not None
        problems = self._problems(checked)
        answer = self._ask(self._prospect(checked, plans))
        while True:
            work = self.work_of(accounts, plans, checked, problems, answer)
            try:
                status = done(work)
            except ObjectedError as error:  # what only the journal knows, such as another order with the same parcel
                checked = _with_more(checked, error.findings)
                self._tell(checked)
                problems = self._problems(checked)
            else:
                return status or (FAILED if checked.findings else 0)

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
        renewal = self._renewal(accounts)
        if not checked.previewed or not renewal.look_up():
            return checked
        return self._previewed_again(screen, renewal)

    def _renewal(self, accounts: Accounts) -> Renewal:
        return Renewal(
            source=self.source,
            accounts=accounts,
            settings=self.settings,
            journal=self._known,
            retry_refused=self.options.retry_refused,
            words=self.desk.words,
            is_trial=self.options.dry_run,
        )

    def _previewed_again(self, screen: Screen, renewal: Renewal) -> Checked:
        words, self.renewal = self.desk.words, renewal
        if renewal.missing:
            tell(words("preview.missing", count=f"{renewal.missing:,}"))
        if renewal.old:
            tell(words("preview.old", count=f"{renewal.old:,}", hours=f"{self.settings.preview_hours:g}"))
        if (count := renewal.old + renewal.missing) and not self.options.dry_run:
            require_somebody(renewal.profiles, count, self.desk)  # it would fail afterwards
            screen.phase(words("phase.previewing"), count)
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
            tell(f"{self.source.name}: {words.said(said)}")
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

    def _problems(self, checked: Checked) -> Path | None:
        """Where the problems are written; asked for unless it was given. None: there are none."""
        given, source = self.options.problems, self.source
        if given is None and not checked.findings:
            return None
        path = given or path_beside(source)
        if given is None:
            decide_on_problems(checked, path, self.desk)
        check_output(path, self.kept, is_problems)
        ProblemsWriter(path, source)  # refuses a path of another format before anything is sent
        return path

    @property
    def kept(self) -> list[Path]:
        """The files that nothing may be written over."""
        paths = (self.source.path, *self.journal.files, self.options.config, self.settings.path)
        return [path for path in paths if path is not None]

    def _ask(self, prospect: Prospect) -> str:
        return ask_before_spending(prospect, self.desk)

    def _look_up_again(self) -> None:
        """Somebody else may have booked meanwhile, with a preview of theirs."""
        if self.renewal is not None:
            self.renewal.journal = self.journal.location
            self.renewal.look_up()

    def work_of(
        self,
        accounts: Accounts,
        plans: Sequence[AccountPlan],
        checked: Checked,
        problems: Path | None,
        answer: str,
    ) -> FileWork:
        """What is to be done."""
        self.work = BookingWork(
            profiles=[plan.profile for plan in plans],
            journal=self.journal,
            source=self.source,
            accounts=accounts,
            count=checked.good,
            terms=self.options.terms(self.settings, check_all=problems is None),
            problems=problems,
            way_on=self.way_on,
            on_entered=self._look_up_again,
            as_json=self.options.as_json,
            words=self.desk.words,
            about=self.about(checked, answer),
            zone=zone_of(self.settings.time_zone),
        )
        return self.work

    def about(self, checked: Checked, answer: str) -> dict[str, Any]:
        """What the journal notes of it."""
        decisions = {"booking": answer, "left out": checked.wrong + checked.held}
        return about_run(self.source, (self.options, self.options.reading), decisions)


def _named(request_type: type[VendorRequest[Any]]) -> str | None:
    """What the question calls the operation; a booking needs no name."""
    return None if request_type is FreightBookingRequest else request_type.operation.name


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
    words = words_for(settings)
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
    return worse_of(done(work), exit_of(waiting.left))
