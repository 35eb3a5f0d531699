"""What a command that sends a file was asked for (book, domestic, bulk)."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import attrs
import click

from .._errors import ConfigError
from .._files.booking import Booking
from .._journal.journal import Journal
from .._journal.resolving import NOT_BOOKED_AFTER
from .._models.operation import Operation, VendorRequest
from ..api.logistics import FreightBookingRequest
from .file_options import ReadingOptions
from .parts import WorkTerms
from .shared import load_profiles
from .sums import money_given

if TYPE_CHECKING:
    from .._config.profiles import VendorProfile
    from .._config.settings import Settings
    from .._journal.places import Place
    from .._models.money import Money

_DRAIN = 30.0

Completion = Callable[[Journal], Callable[[Booking], Booking]]
"""Gives what makes of a row, with what the journal knows, the request that is sent."""


@attrs.frozen(kw_only=True)
class BookOptions:
    """What was asked for.

    Attributes:
        request_type: what is sent for each row.
        rows: the class that the rows are read as, if it is another; ``completion`` makes requests of them.
        job: what a submission is called.
    """

    request_type: type[VendorRequest[Any]] = FreightBookingRequest
    rows: type[VendorRequest[Any]] | None = None
    completion: Completion | None = None
    job: str | None = None
    vendor: str | None
    config: Path | None
    journal: Place | None
    new_journal: bool
    concurrency: int
    rate: float | None
    dry_run: bool
    preview: bool = False
    out: Path | None = None
    spend_limit: Money | None = None
    highest_fee: Money | None = None
    problems: Path | None
    retry_refused: bool
    adopt: str | None
    yes: bool
    as_json: bool
    reading: ReadingOptions

    @classmethod
    def of(cls, options: Mapping[str, Any], **more: Any) -> BookOptions:
        """Of the command's options by name, and ``more`` that the command itself says."""
        names = attrs.fields_dict(ReadingOptions)
        reading = ReadingOptions(**{name: options[name] for name in names})
        rest = {name: value for name, value in options.items() if name not in names}
        options_of = {"spend_limit": "--spend-limit", "highest_fee": "--highest-fee"}
        amounts: dict[str, Any] = {
            name: money_given(option, *rest[name]) for name, option in options_of.items() if rest.get(name) is not None
        }
        return cls(**{**rest, **amounts, **more}, reading=reading)

    @property
    def work(self) -> str | None:
        """What is done, for `Words`, if it isn't booking."""
        return "submit" if self.job is not None else None if self.request_type is FreightBookingRequest else "other"

    def profiles(self) -> list[VendorProfile]:
        """The accounts that may be booked at.

        Raises:
            ConfigError: there are none, one is wrong, or none of them offers the operation.
        """
        operation = self.request_type.operation
        found = offering(load_profiles(self.config), operation, self.vendor)
        if self.adopt is not None and self.vendor not in (None, self.adopt):
            raise click.UsageError(f"--adopt {self.adopt}: the account is {self.vendor}")
        if self.rate is None:
            return found
        return [one.evolve(limits=attrs.evolve(one.limits, rate=self.rate)) for one in found]

    def terms(self, settings: Settings, *, check_all: bool = True) -> WorkTerms:
        """How is booked."""
        after = settings.not_booked_after
        return WorkTerms(
            request_type=self.request_type,
            concurrency=self.concurrency,
            spend_limit=self.spend_limit,
            highest_fee=self.highest_fee,
            retry_refused=self.retry_refused,
            adopt_key=self.adopt is not None,
            check_all=check_all,
            drain=_DRAIN,
            not_booked_after=NOT_BOOKED_AFTER if after is None else after,
        )


def offering(
    profiles: Sequence[VendorProfile], operation: Operation[Any], vendor: str | None = None
) -> list[VendorProfile]:
    """The accounts whose vendor offers an operation; the one that was named stays, if it does.

    Raises:
        ConfigError: there is none.
    """
    found = [one for one in profiles if one.kind in operation.vendors]
    wrong = [one.name for one in profiles if one.name == vendor and one not in found]
    if not found or wrong:
        names = ", ".join(wrong or [one.name for one in profiles])
        raise ConfigError(f"{operation.name} is offered by {', '.join(operation.vendors)}, not at {names}")
    return found
