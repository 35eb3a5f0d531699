"""What a person does to a journal from the command line: resolve, credit, adopt, rename, back up, restore, erase."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from datetime import datetime, tzinfo
from pathlib import Path
from typing import TYPE_CHECKING, Final

import attrs
import click

from .._errors import ConfigError, JournalError
from .._journal.rows import STATES
from .record import person
from .shared import choose, load_profiles, say
from .sums import money_given
from .words import Words

if TYPE_CHECKING:
    from .._journal.journal import Journal
    from .._journal.places import Place


def meant_operation(
    journal: Journal, reference: str, shipment: int, account: str | None, operation: str | None
) -> str | None:
    """The operation that is meant where none was named: the booking, if there is one, and not what was reported of it since."""
    from ..api.logistics import FreightBookingRequest

    if operation is None:
        booking = FreightBookingRequest.operation.name
        with contextlib.suppress(JournalError):  # none, or several accounts have one
            return journal.get(reference, shipment=shipment, account=account, operation=booking).operation
    return operation


@attrs.frozen(kw_only=True)
class Action:
    """One of the actions of ``pandapon journal``: the option that asks for it is set, the others are None or False.

    ``reference`` to ``operation`` say which booking; ``by`` and ``note``: who does it, and why.
    """

    resolve: Path | None
    review: bool
    assign: str | None
    mark: str | None
    order_id: str | None
    fee: tuple[str, str] | None
    tracking: tuple[str, ...]
    credit: tuple[str, str, str] | None
    adopt: str | None
    config: Path | None
    rename: str | None
    backup: Path | None
    restore: bool
    whole: bool
    forget_before: datetime | None
    shipment: int
    account: str | None
    operation: str | None
    by: str | None
    note: str | None
    words: Words
    zone: tzinfo

    def asked(self) -> Callable[[Journal], None] | None:
        """What is to be done with the journal; None: nothing, it is to be shown."""
        actions: dict[str, tuple[object, Callable[[Journal], None]]] = {
            "--resolve": (self.resolve, self._resolve),
            "--review": (self.review, self._review),
            "--assign": (self.assign, self._assign),
            "--mark": (self.mark, self._mark),
            "--credit": (self.credit, self._credit),
            "--adopt": (self.adopt, self._adopt),
            "--rename": (self.rename, self._rename),
            "--backup": (self.backup, self._backup),
            "--restore": (self.restore, self._restore),
            "--forget-before": (self.forget_before, self._forget),
        }
        asked = [action for given, action in actions.values() if given is not None and given is not False]
        if len(asked) + self.whole > 1:
            raise click.UsageError(f"{', '.join(actions)} and --whole are done one at a time")
        if (self.order_id or self.fee or self.tracking) and not (self.mark or "").endswith("=done"):
            raise click.UsageError("--order-id, --fee and --tracking go with --mark REF=done")
        return asked[0] if asked else None

    # --- one booking, or several ---

    def _resolve(self, journal: Journal) -> None:
        from .._files.resolutions import read_resolutions

        assert self.resolve is not None
        found = read_resolutions(self.resolve, journal, self.zone)
        if found:
            journal.resolve_all(found, by=self._author(), note=self.note or "resolved in an edited export")
        say(self.words("review.resolved", count=f"{len(found):,}"))

    def _review(self, journal: Journal) -> None:
        from .._config.profiles import zone_of
        from .review import Review

        zones: dict[str, tzinfo] = {}
        with contextlib.suppress(ConfigError):  # the accounts needn't be configured where somebody only looks
            zones = {profile.name: zone_of(profile.time_zone) for profile in load_profiles(self.config)}
        Review(
            journal=journal,
            by=self._author(),
            note=self.note,
            zone=self.zone,
            vendor_zones=zones,
            words=self.words,
        ).run()

    def _assign(self, journal: Journal) -> None:
        from .._journal.journal import write_down

        reference, _, person = (self.assign or "").rpartition("=")
        if not reference or not person.strip():
            raise click.BadParameter("expected REF=NAME", param_hint="--assign")
        row = journal.get(reference, shipment=self.shipment, account=self.account, operation=self.operation)
        write_down(journal, [(row, {"assigned": person.strip()})], self._author())
        say(self.words("review.assigned", reference=row.reference, person=person.strip()))

    def _mark(self, journal: Journal) -> None:
        reference, _, state = (self.mark or "").rpartition("=")
        if not reference or state not in STATES:
            raise click.BadParameter(f"expected REF=STATE, the state one of {', '.join(STATES)}", param_hint="--mark")
        row = journal.resolve(
            reference,
            state,
            by=self._author(),
            note=self.note or "resolved by hand",
            order_id=self.order_id,
            fee=None if self.fee is None else money_given("--fee", *self.fee),
            tracking=self.tracking,
            shipment=self.shipment,
            account=self.account,
            operation=self.operation,
        )
        say(self.words("review.is_now", reference=row.reference, state=self.words(f"state.{row.state}")))

    def _credit(self, journal: Journal) -> None:
        assert self.credit is not None
        reference, amount, currency = self.credit
        money = money_given("--credit", amount, currency)
        row = journal.credit(
            reference,
            money,
            by=self._author(),
            note=self.note or "entered by hand",
            shipment=self.shipment,
            account=self.account,
            operation=meant_operation(journal, reference, self.shipment, self.account, self.operation),
        )
        say(self.words("review.credited", reference=row.reference, money=money))

    # --- an account ---

    def _adopt(self, journal: Journal) -> None:
        from ..api.logistics import FreightBookingRequest

        by, note = self._reasons("--adopt")
        profile = choose(load_profiles(self.config), self.adopt)
        journal.adopt(profile, FreightBookingRequest.operation, by=by, note=note)
        say(self.words("journal.adopted", name=profile.name))

    def _rename(self, journal: Journal) -> None:
        old, _, new = (self.rename or "").partition("=")
        if not old.strip() or not new.strip():
            raise click.BadParameter("expected OLD=NEW", param_hint="--rename")
        journal.rename(old, new, by=self._author(), note=self.note or "renamed by hand")
        say(self.words("journal.renamed", old=old, new=new))

    # --- the file ---

    def _backup(self, journal: Journal) -> None:
        assert self.backup is not None
        journal.backup(self.backup)
        say(self.words("journal.backed_up", path=self.backup))

    def _restore(self, journal: Journal) -> None:
        by, note = self._reasons("--restore")
        journal.restore(by=by, note=note)
        say(self.words("journal.restored"))

    def declare_whole(self, path: Place) -> None:
        """Take a journal whose ``-wal`` is lost; it can't be opened before."""
        from .._journal.journal import Journal

        if not isinstance(path, Path):
            raise click.UsageError("--whole is for a file: PostgreSQL looks after its own")
        by, note = self._reasons("--whole")
        Journal.declare_whole(path, by=by, note=note)
        say(self.words("journal.whole"))

    def _forget(self, journal: Journal) -> None:
        assert self.forget_before is not None
        say(self.words("journal.forgotten", count=f"{journal.forget_before(self.forget_before):,}"))

    # --- who, and why ---

    def _author(self) -> str:
        if self.by:
            return self.by
        if (found := person()) is None:
            raise click.UsageError("--by NAME is needed: who does it?")
        return found

    def _reasons(self, option: str) -> tuple[str, str]:
        if not (self.by or "").strip() or not (self.note or "").strip():
            raise click.UsageError(f"{option} needs --by NAME and --note TEXT: somebody must answer for it")
        return str(self.by), str(self.note)


ACTION_FIELDS: Final = frozenset(attrs.fields_dict(Action)) - {"words", "zone"}
