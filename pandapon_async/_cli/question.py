"""The questions before money is spent, and before a part of a file is left out; Enter is no."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

import attrs

from .._config.profiles import VendorProfile, is_loopback
from .._files.findings import Checked
from .._journal.places import Place
from .._models.money import Money
from .plan import AccountPlan, sent_standings
from .shared import BAD_INPUT, Failed, label_line, tell
from .sums import sums_of
from .words import Words

_TYPED_ABOVE: Final = 100
_MOST_WRONG: Final = 5
"""A file of which more than a fifth is wrong is wrong as a whole."""
_STANDINGS: Final = ("booked", "unclear", "refused", "cancelled", "changed")


@attrs.frozen
class Desk:
    """Whoever is asked. ``yes``: the question of money is answered already."""

    words: Words
    yes: bool = False

    @property
    def can_ask(self) -> bool:
        """Whether there is a terminal to ask on."""
        return all(stream is not None and stream.isatty() for stream in (sys.stdin, sys.stderr))

    def agrees(self, question: str, wanted: Iterable[str]) -> bool:
        """Ask; whether the answer is one of those that are wanted. The end of the input is no."""
        sys.stderr.write(f"{question} ")
        sys.stderr.flush()
        answer = sys.stdin.readline()
        if not answer.endswith("\n"):
            tell("")
        return answer.strip().casefold() in {one.casefold() for one in wanted}

    def agrees_to(self, question: str) -> bool:
        """Ask for yes or no."""
        return self.agrees(question, self.words("question.yes").split())

    def agrees_to_count(self, count: int) -> bool:
        """Ask before so many bookings are made; a large number is typed, so that it was read."""
        if count <= _TYPED_ABOVE:
            return self.agrees_to(self.words("question.book", count=f"{count:,}"))
        return self.agrees(self.words("question.type_count", count=count), (str(count), f"{count:,}"))


def decide_on_problems(checked: Checked, path: Path, desk: Desk) -> None:
    """Ask whether the good bookings are booked and the others written to a file; nothing but that lets them be left out.

    Raises:
        Failed: no; or there is nobody to ask; or so much is wrong that it is the file.
    """
    refuse_a_wrong_file(checked, desk.words)
    words, bad = desk.words, checked.wrong + checked.held
    counts = {"bad": f"{bad:,}", "total": f"{checked.bookings:,}"}
    if desk.yes or not desk.can_ask:
        raise Failed(words("problems.need_option", **counts), BAD_INPUT)
    if not desk.agrees_to(words("problems.ask", good=f"{checked.good:,}", bad=counts["bad"], path=path)):
        raise Failed(words("question.refused"), BAD_INPUT)


def refuse_a_wrong_file(checked: Checked, words: Words) -> None:
    """Refuse a file of which so much is wrong that it is the file.

    Raises:
        Failed: it is.
    """
    total = f"{checked.bookings:,}"
    if not checked.good:
        raise Failed(words("problems.none_good", total=total), BAD_INPUT)
    if checked.wrong_everywhere:
        raise Failed(words("problems.column", column=", ".join(checked.wrong_everywhere)), BAD_INPUT)
    if checked.wrong * _MOST_WRONG > checked.bookings:
        raise Failed(words("problems.too_many", bad=f"{checked.wrong:,}", total=total), BAD_INPUT)


@attrs.frozen(kw_only=True)
class Prospect:
    """What is about to happen: what the question tells.

    Attributes:
        plans: by account.
        count: how many bookings are to be made.
        wrong, held: bookings of the file that aren't.
        retry_refused: what was refused is sent again, too.
        limit: what the input may cost.
        journal: where it is written down.
        operation: what is done; None: freight is booked.
    """

    plans: Sequence[AccountPlan]
    count: int
    wrong: int = 0
    held: int = 0
    retry_refused: bool = False
    limit: Money | None = None
    journal: Place | None = None
    operation: str | None = None

    def lines(self, words: Words) -> Iterable[tuple[str, str]]:
        """What is told, as label and text."""
        if self.operation is not None:
            yield words("question.operation"), self.operation
        for plan in self.plans:
            at = words("question.account_at", name=plan.profile.name, host=host_of(plan.profile))
            yield words("question.account"), at
            yield words("question.to_book"), _counted(plan, ("new", "waiting"), words) or "0"
            if known := _counted(plan, _STANDINGS, words):
                yield words("question.known"), known
            if plan.paid_today is not None and plan.profile.daily_spend_limit is not None:
                limit = str(plan.profile.daily_spend_limit)
                yield words("question.spent"), words("question.spent_of", spent=str(plan.paid_today), limit=limit)
        if (told := self._previewed(words)) is not None:
            yield words("question.previewed"), told
        if self.wrong or self.held:
            yield words("question.not_booked"), words("question.bad", wrong=f"{self.wrong:,}", held=f"{self.held:,}")
        if self.limit is not None:
            yield words("question.limit"), str(self.limit)
        if self.journal is not None:
            yield words("question.journal"), str(self.journal)

    def _previewed(self, words: Words) -> str | None:
        """The sum of the previewed fees, and how many have none; None: nothing was previewed."""
        sent = sent_standings(retry_refused=self.retry_refused)
        sums = [
            Money(amount=amount, currency=currency)
            for plan in self.plans
            for (standing, currency), amount in plan.previewed.items()
            if standing in sent
        ]
        if not sums:
            return None
        none = sum(plan.unpreviewed[standing] for plan in self.plans for standing in sent)
        told = sums_of(sums)
        return words("question.previewed_sum", sum=told, none=f"{none:,}") if none else told

    @property
    def hosts(self) -> list[str]:
        """The hosts that would be paid: those that aren't this machine."""
        return _hosts_of(plan.profile for plan in self.plans)


def ask_before_spending(prospect: Prospect, desk: Desk) -> str:
    """Tell what is about to happen, and ask. What costs nothing is not asked for.

    Returns:
        How it was answered, for the journal.

    Raises:
        Failed: the answer is no, or there is nobody to ask and nobody has said yes.
    """
    if not prospect.count or not prospect.hosts:
        return "not asked: nothing is paid"
    for label, text in prospect.lines(desk.words):
        tell(label_line(label, text))
    if desk.yes:
        return "--yes"
    require_somebody([plan.profile for plan in prospect.plans], prospect.count, desk)
    if not desk.agrees_to_count(prospect.count):
        raise Failed(desk.words("question.refused"), BAD_INPUT)
    return f"yes to {prospect.count}"


def require_somebody(profiles: Sequence[VendorProfile], count: int, desk: Desk) -> None:
    """Refuse work that costs money if nobody has said yes, and nobody can be asked.

    Raises:
        Failed: says what would be done, and where.
    """
    hosts = _hosts_of(profiles)
    if hosts and not desk.yes and not desk.can_ask:
        raise Failed(desk.words("question.needs_terminal", count=f"{count:,}", host=", ".join(hosts)), BAD_INPUT)


def _hosts_of(profiles: Iterable[VendorProfile]) -> list[str]:
    hosts = (urlsplit(profile.base_url).hostname or "" for profile in profiles)
    return list(dict.fromkeys(host for host in hosts if not is_loopback(host)))


def host_of(profile: VendorProfile) -> str:
    """The host of an account, as a person knows it."""
    return urlsplit(profile.base_url).netloc


def _counted(plan: AccountPlan, names: Iterable[str], words: Words) -> str:
    return ", ".join(
        words(f"standing.{name}", count=f"{plan.standing[name]:,}") for name in names if plan.standing[name]
    )
