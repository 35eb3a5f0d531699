"""The steps of ``pandapon book``: settings, file, journal, plan, questions, work."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import attrs
import click

from .._config.settings import Settings, find_settings
from .._errors import ConfigError, PandaponError
from .._files.bookings import BookingFile
from .._files.findings import MAX_FINDINGS, Checked, EncodingError, Finding
from .._files.outputs import check_output
from .._files.problems import ProblemsWriter, is_problems
from .._journal.rows import JournalRow
from .booking import BookingTerms, BookingWork, ObjectedError
from .file_options import ReadingOptions, problems_path
from .journals import ChosenJournal, choose_journal
from .plan import AccountPlan, Accounts, Planner
from .preview import FilePreview
from .progress import Screen
from .question import Desk, Prospect, ask_before_spending, decide_on_problems, finding_line
from .renewing import Renewal
from .running import run
from .shared import BAD_INPUT, FAILED, Failed, labelled, load_profiles, tell, write_out
from .standing import exit_of, worse_of
from .waiting import find_waiting, now
from .words import Words, words_of

if TYPE_CHECKING:
    from .._config.profiles import VendorProfile
    from .._models.money import Money

_SHOWN = 20


@attrs.frozen(kw_only=True)
class BookOptions:
    """What was asked for."""

    vendor: str | None
    config: Path | None
    journal: Path | None
    new_journal: bool
    concurrency: int
    rate: float | None
    dry_run: bool
    preview: bool
    out: Path | None
    spend_limit: Money | None
    highest_fee: Money | None
    problems: Path | None
    retry_refused: bool
    adopt: str | None
    yes: bool
    as_json: bool
    reading: ReadingOptions

    @classmethod
    def of(cls, options: Mapping[str, Any]) -> BookOptions:
        """Of the command's options by name."""
        names = attrs.fields_dict(ReadingOptions)
        reading = ReadingOptions(**{name: options[name] for name in names})
        rest = {name: value for name, value in options.items() if name not in names}
        amounts: dict[str, Any] = {name: _money(rest[name]) for name in ("spend_limit", "highest_fee")}
        return cls(**{**rest, **amounts}, reading=reading)

    def profiles(self) -> list[VendorProfile]:
        """The accounts that may be booked at.

        Raises:
            ConfigError: there are none, or one is wrong.
        """
        found = load_profiles(self.config)
        if self.adopt is not None and self.vendor not in (None, self.adopt):
            raise click.UsageError(f"--adopt {self.adopt}: the account is {self.vendor}")
        if self.rate is None:
            return found
        return [one.evolve(limits=attrs.evolve(one.limits, rate=self.rate)) for one in found]

    def terms(self, problems: Path | None) -> BookingTerms:
        """How is booked."""
        return BookingTerms(
            concurrency=self.concurrency,
            spend_limit=self.spend_limit,
            highest_fee=self.highest_fee,
            retry_refused=self.retry_refused,
            adopt_key=self.adopt is not None,
            as_json=self.as_json,
            problems=problems,
        )


def _money(amount: tuple[str, str] | None) -> Money | None:
    from .._files.resolutions import money_of

    return money_of(*amount) if amount else None


# --- a file ------------------------------------------------------------------------------------------------------------


def book_file(path: Path, name: str | None, options: BookOptions) -> int:
    """Book a file; the exit status. ``name``: what it is called, if not by its path: it came from stdin."""
    folder = Path() if name is not None else path.parent
    settings = find_settings(folder)
    words = words_of(settings.language, settings.path and settings.path.parent)
    desk = Desk(words, options.yes)
    source = _opened(path, name, options, settings, desk)
    if options.preview:
        return _previewed(source, options, settings, words)
    return _FileBooking(options, settings, desk, source, folder).run()


def _previewed(source: BookingFile, options: BookOptions, settings: Settings, words: Words) -> int:
    kept = (options.journal, settings.journal, options.config, settings.path)
    return FilePreview(
        source=source,
        accounts=Accounts(options.profiles(), options.vendor or options.adopt),
        concurrency=options.concurrency,
        words=words,
        out=options.out,
        problems=options.problems,
        kept=[path for path in kept if path is not None],
    ).run()


def _opened(path: Path, name: str | None, options: BookOptions, settings: Settings, desk: Desk) -> BookingFile:
    reading = options.reading.reading(settings)
    try:
        return BookingFile(path, name, reading)
    except EncodingError as error:
        words = desk.words
        if error.guess is None or not desk.can_ask or desk.yes:
            raise
        tell(error.message)
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
    folder: Path

    def run(self) -> int:
        """Book it; the exit status."""
        words, options = self.desk.words, self.options
        with Screen(words("phase.reading")) as screen:
            checked = self.source.check()
            if not checked.bookings:
                raise Failed(words("rows.none", name=self.source.name), BAD_INPUT)
            accounts, journal = self._places()
            if accounts is not None and journal is not None:
                checked = self._renewed(screen, checked, accounts, journal)
            plans = [] if accounts is None or journal is None else self._plans(screen, checked, accounts, journal)
        checked = _with_changed(checked, plans, words)
        self._tell(checked)
        if options.dry_run:
            return self._dry_run(checked, plans)
        assert accounts is not None
        assert journal is not None
        problems = self._problems(checked, journal) if checked.findings or options.problems else None
        ask_before_spending(self._prospect(checked, plans, journal), self.desk)
        while True:
            work = self._work(accounts, journal, plans, checked, problems)
            try:
                status = _done(work)
            except ObjectedError as error:  # what only the journal knows, such as another order with the same parcel
                checked = _with_more(checked, error.findings)
                self._tell(checked)
                problems = self._problems(checked, journal)
            else:
                return status or (FAILED if checked.findings else 0)

    # --- before ---

    def _places(self) -> tuple[Accounts | None, ChosenJournal | None]:
        options, words = self.options, self.desk.words
        try:
            accounts = Accounts(options.profiles(), options.vendor or options.adopt)
        except ConfigError as error:
            if not options.dry_run:
                raise
            tell(words("dry_run.no_accounts", why=error.message))
            return None, None
        journal = choose_journal(
            options.journal,
            self.settings,
            self.folder,
            words,
            new_journal=options.new_journal,
            makes=not options.dry_run,
        )
        return accounts, journal

    def _renewed(self, screen: Screen, checked: Checked, accounts: Accounts, journal: ChosenJournal) -> Checked:
        """What the file holds once its old previews were asked again; in a dry run, as it is."""
        words = self.desk.words
        renewal = Renewal(
            source=self.source,
            accounts=accounts,
            settings=self.settings,
            journal=journal.path if journal.has_rows else None,
            retry_refused=self.options.retry_refused,
            words=words,
        )
        if not renewal.look_up():
            return checked
        if renewal.old:
            tell(words("preview.old", count=f"{renewal.old:,}", hours=f"{self.settings.preview_hours:g}"))
            if not self.options.dry_run:
                screen.phase(words("phase.previewing"), renewal.old)
                run(renewal.ask(self.options.concurrency, screen.step))
        return self.source.check()

    def _plans(self, screen: Screen, checked: Checked, accounts: Accounts, journal: ChosenJournal) -> list[AccountPlan]:
        options, words = self.options, self.desk.words
        screen.phase(words("phase.checking"), checked.bookings)
        planner = Planner(accounts, journal.path if journal.has_rows else None)
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
        for label, text in self._prospect(checked, plans, None).lines(words):
            labelled(label, text)
        write_out(words("dry_run.end"))
        return BAD_INPUT if checked.findings else 0

    def _prospect(self, checked: Checked, plans: Sequence[AccountPlan], journal: ChosenJournal | None) -> Prospect:
        return Prospect(
            plans=plans,
            count=sum(plan.to_send(retry_refused=self.options.retry_refused) for plan in plans),
            wrong=checked.wrong,
            held=checked.held,
            retry_refused=self.options.retry_refused,
            limit=self.options.spend_limit,
            journal=None if journal is None else journal.path,
        )

    def _problems(self, checked: Checked, journal: ChosenJournal) -> Path:
        """Where the problems are written; asked for unless it was given."""
        given, source = self.options.problems, self.source
        path = given or problems_path(source)
        kept = [one for one in (source.path, journal.path, self.options.config, self.settings.path) if one is not None]
        if given is None:
            decide_on_problems(checked, path, self.desk)
        check_output(path, kept, is_problems)
        ProblemsWriter(path, source)  # refuses a path of another format before anything is sent
        return path

    # --- the work ---

    def _work(
        self,
        accounts: Accounts,
        journal: ChosenJournal,
        plans: Sequence[AccountPlan],
        checked: Checked,
        problems: Path | None,
    ) -> BookingWork:
        return BookingWork(
            profiles=[plan.profile for plan in plans],
            journal=journal,
            source=self.source,
            accounts=accounts,
            count=checked.good,
            terms=self.options.terms(problems),
            settings=self.settings,
            words=self.desk.words,
        )


def _done(work: BookingWork) -> int:
    failed = False
    try:
        run(work.run(), work.answer)
    except PandaponError as error:
        if not work.began:
            raise
        failed = True
        tell(work.words("end.error", why=error))
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
    waiting = find_waiting(journal.path, profiles)
    for label, text in waiting.lines(words, now()):
        labelled(label, text)
    plans = waiting.plans
    if not waiting.groups:
        write_out(words("waiting.none"))
    if not plans:
        return exit_of(waiting.left)
    count = sum(plan.standing["waiting"] for plan in plans)
    ask_before_spending(
        Prospect(plans=plans, count=count, limit=options.spend_limit, journal=journal.path), Desk(words, options.yes)
    )
    work = BookingWork(
        profiles=[plan.profile for plan in plans],
        journal=journal,
        source=None,
        accounts=Accounts(profiles, None),
        count=count,
        terms=options.terms(None),
        settings=settings,
        words=words,
    )
    return worse_of(_done(work), exit_of(waiting.left))
