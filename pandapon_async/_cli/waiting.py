"""``pandapon book`` without a file: what waits in the journal, whose it is, and for how long."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from datetime import datetime, timezone
from pathlib import Path
from typing import TYPE_CHECKING, Any

import attrs

from .._journal.journal import Journal
from .plan import OPERATION, AccountPlan, paid_today
from .words import Words

if TYPE_CHECKING:
    from .._config.profiles import VendorProfile


@attrs.define
class Group:
    """Bookings that wait together: of one account, from one file, brought by one person; None where the journal doesn't say."""

    account: str
    file: str | None
    person: str | None
    count: int = 0
    oldest: datetime | None = None

    def add(self, since: datetime) -> None:
        """One more."""
        self.count += 1
        self.oldest = since if self.oldest is None else min(self.oldest, since)


@attrs.frozen
class Waiting:
    """What a journal has that isn't ended: the groups that wait, and how many are unclear by account."""

    groups: Sequence[Group]
    unclear: dict[str, int]
    plans: Sequence[AccountPlan]
    unknown_accounts: Sequence[str]

    @property
    def left(self) -> Counter[str]:
        """What no run of these accounts changes, by state."""
        pending = sum(group.count for group in self.groups if group.account in self.unknown_accounts)
        return Counter(unknown=sum(self.unclear.values()), pending=pending)

    def lines(self, words: Words, now: datetime) -> Iterator[tuple[str, str]]:
        """What is told, as label and text."""
        for index, group in enumerate(self.groups):
            text = words(
                "waiting.line",
                count=f"{group.count:,}",
                account=group.account,
                age=_age(now - (group.oldest or now), words),
                file=group.file or words("waiting.no_file"),
                person=group.person or words("waiting.no_person"),
            )
            yield "" if index else words("waiting.all"), text
        for name in self.unknown_accounts:
            count = sum(group.count for group in self.groups if group.account == name)
            yield "", words("waiting.account_missing", count=f"{count:,}", account=name)
        for index, (name, count) in enumerate(self.unclear.items()):
            text = words("waiting.unclear_line", count=f"{count:,}", account=name)
            yield "" if index else words("waiting.unclear"), text


def find_waiting(path: Path, profiles: Sequence[VendorProfile]) -> Waiting:
    """What waits in a journal.

    Args:
        path: the journal.
        profiles: the accounts that may be booked at.

    Raises:
        JournalError: it can't be read.
    """
    by_name = {profile.name: profile for profile in profiles}
    groups: dict[tuple[str, str | None, str | None], Group] = {}
    unclear: dict[str, int] = {}
    plans: dict[str, AccountPlan] = {}
    with Journal.open(path) as journal:
        runs: dict[int | None, tuple[str | None, str | None]]
        runs = {run.id: (run.file, run.person) for run in journal.runs()}
        for row in journal.rows(state="pending", operation=OPERATION):
            key = (row.account, *runs.get(row.run, (None, None)))
            groups.setdefault(key, Group(*key)).add(row.history[0].at)
            if (profile := by_name.get(row.account)) is not None:
                plans.setdefault(row.account, AccountPlan(profile=profile)).standing["waiting"] += 1
        for row in journal.rows(state="unknown", operation=OPERATION):
            unclear[row.account] = unclear.get(row.account, 0) + 1
        for plan in plans.values():
            plan.paid_today = paid_today(journal, plan.profile)
    missing = sorted({group.account for group in groups.values()} - by_name.keys())
    return Waiting(list(groups.values()), unclear, list(plans.values()), missing)


def _age(span: Any, words: Words) -> str:
    minutes = max(0, int(span.total_seconds() // 60))
    if minutes < 120:
        return words("age.minutes", count=minutes)
    return words("age.hours", count=minutes // 60) if minutes < 2880 else words("age.days", count=minutes // 1440)


def now() -> datetime:
    """This moment, aware."""
    return datetime.now(timezone.utc)
