"""``pandapon submit``: a file's bookings into a journal in PostgreSQL, for workers to send."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import attrs
import click

from .._config.settings import find_settings
from .file_options import ReadingOptions, reading_options
from .journals import journal_place, location_of
from .running import run
from .shared import BAD_INPUT, Failed, config_option, load_profiles, require_fleet, tell, vendor_option, write_out

if TYPE_CHECKING:
    from .._config.profiles import VendorProfile
    from .._files.bookings import BookingFile
    from .._journal.places import Place
    from .._journal.rows import State

_SHOWN = 20


@click.command("submit", short_help="Hand a file of freight orders to the workers.")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--journal", type=journal_place, required=True, metavar="URL", help="The journal, in PostgreSQL.")
@vendor_option
@config_option
@click.option("--job", metavar="NAME", help="What `pandapon status` calls it; FILE's name unless given.")
@reading_options
@click.option("--yes", is_flag=True, help="Don't ask before: for scripts.")
def command(file: Path, journal: Place, job: str | None, **options: Any) -> None:
    """Take the orders of FILE into the journal and queue them, all of them or none; nothing is sent by this command.

    What is wrong or held in FILE is told, and then nothing is taken; `pandapon book --problems` sorts it out. Submitting a file
    again queues what waits of it and isn't queued any more, and nothing twice.
    """
    require_fleet()
    settings = find_settings(file.parent)
    reading = ReadingOptions(**{name: options.pop(name) for name in attrs.fields_dict(ReadingOptions)})
    counts = _Submission(reading=reading, settings=settings, job=job or file.name, **options).submit(file, journal)
    told = ", ".join(f"{count:,} {state}" for state, count in counts.items() if count)
    write_out(f"{job or file.name}: {told}")


@attrs.frozen(kw_only=True)
class _Submission:
    """What is asked for."""

    reading: ReadingOptions
    settings: Any
    job: str
    vendor: str | None
    config: Path | None
    yes: bool

    def submit(self, file: Path, journal: Place) -> dict[State, int]:
        """Check, ask, and hand over; how many of the file's are in each state."""
        from .._files.bookings import BookingFile
        from .journals import choose_journal
        from .plan import Accounts, Planner
        from .question import Desk, Prospect, ask_before_spending
        from .words import words_of

        words = words_of(self.settings.language, self.settings.path and self.settings.path.parent)
        source = BookingFile(file, None, self.reading.reading(self.settings))
        self._check(source)
        profiles = load_profiles(self.config)
        chosen = choose_journal(journal, self.settings, file.parent, words, new_journal=True)
        plans = Planner(Accounts(profiles, self.vendor), chosen.location if chosen.has_rows else None).plan(source)
        if len(plans) != 1:
            raise Failed(f"{source.name}: is of {len(plans)} accounts; submit one account's at a time", BAD_INPUT)
        count = plans[0].to_send(retry_refused=False)
        ask_before_spending(Prospect(plans=plans, count=count, journal=chosen.path), Desk(words, self.yes))
        return run(self._submit(plans[0].profile, source, journal))

    def _check(self, source: BookingFile) -> None:
        checked = source.check()
        for finding in checked.findings[:_SHOWN]:
            tell(f"{source.name}: line {finding.line}: {finding.code}")
        if checked.findings:
            raise Failed(
                f"{source.name}: {len(checked.findings):,} are wrong or held: nothing was submitted", BAD_INPUT
            )
        if not checked.bookings:
            raise Failed(f"{source.name}: there is nothing in it", BAD_INPUT)

    async def _submit(self, profile: VendorProfile, source: BookingFile, journal: Place) -> dict[State, int]:
        from .._fleet.submit import submit
        from .._journal.identity import normal_reference
        from .._manager import SessionManager
        from .parts import SAME_PARCEL

        approved: set[str] = set()

        def triples() -> Any:
            for booking in source:
                reference, request = booking.pair()
                if SAME_PARCEL in booking.approved:
                    approved.add(normal_reference(reference))
                yield reference, request, booking.shipment

        async with SessionManager([profile]) as vendors:
            location = str(location_of(journal))
            return await submit(vendors[profile.name], location, triples(), self.job, lambda name, _: name in approved)
