"""How one booking of a job ended, and what was wrong with its input."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, Generic, Literal, TypeVar, cast

import attrs

from .._calls.envelope import read_envelope
from .._errors import PandaponError, RequestError
from .._journal.rows import State
from .._models.converters import decode, from_wire
from .._models.jsonio import loads
from .._models.money import Money
from .._models.operation import Reply, VendorRequest

if TYPE_CHECKING:
    from .._journal.store import Problem

R_co = TypeVar("R_co", covariant=True)
Ended = Literal["done", "refused", "unknown", "pending", "held", "skipped"]


@attrs.frozen(kw_only=True, slots=False)  # as for a stream's
class JobOutcome(Generic[R_co]):
    """How one booking of a job ended.

    Attributes:
        index: its place in the input, from 0.
        reference, shipment: what the journal knows it by.
        state: ``done``, ``refused``, ``unknown`` or ``pending`` (nothing was done; a later run sends it); ``held``: not sent,
            since another booking has its parcel (``error`` names it); or ``skipped``: an earlier run had ended it, ``recorded``
            says how.
        recorded: the state that the journal has; None: it was not taken into it (``error`` is an `InputError` that says why).
        order_id, fee, tracking: what the vendor gave.
        reply: the vendor's reply, if this run got it.
        error: why it isn't done.
        problem: what went wrong with one that is done all the same: the job's own `WriteJob.facts` raised.
        body: the request as wire JSON text.
        recorded_reply: the whole reply as JSON text, if `WriteJob.book` found it in the journal.
    """

    index: int
    reference: str
    shipment: int = 1
    state: Ended
    recorded: State | None
    order_id: str | None = None
    fee: Money | None = None
    tracking: tuple[str, ...] = ()
    reply: Reply[R_co] | None = None
    error: Exception | None = None
    problem: str | None = None
    body: str | None = attrs.field(default=None, repr=False)
    recorded_reply: str | None = attrs.field(default=None, repr=False)
    request_type: type[VendorRequest[R_co]] | None = attrs.field(default=None, repr=False)

    @property
    def ok(self) -> bool:
        """Whether it is done, in this run or an earlier one."""
        return self.recorded == "done"

    @property
    def data(self) -> R_co | None:
        """The reply's data; of an earlier run only if the journal was asked for it (by `WriteJob.book`)."""
        if self.reply is not None:
            return self.reply.data
        if self.recorded_reply is None or self.request_type is None:
            return None
        envelope = read_envelope(loads(self.recorded_reply.encode()))
        model = self.request_type.operation.reply
        return None if envelope is None or model is None else cast("R_co", decode(model, envelope.data)[0])

    @property
    def request(self) -> VendorRequest[R_co] | None:
        """The request, decoded from its body; None once that is forgotten."""
        if self.body is None or self.request_type is None:
            return None
        return from_wire(self.request_type, loads(self.body.encode()), keep_unknown=True)

    @property
    def attempts(self) -> int:
        """How many attempts this run took."""
        if self.reply is not None:
            return self.reply.attempts
        return len(self.error.attempts) if isinstance(self.error, PandaponError) else 0

    @property
    def elapsed(self) -> float:
        """Seconds from its first attempt to its reply (0 without one)."""
        return 0.0 if self.reply is None else self.reply.elapsed


class InputError(RequestError):
    """A job's input has mistakes; nothing of it was taken, and nothing was sent.

    ``problems`` are the first hundred, in the input's order. Each has a ``code``: ``"input"``, ``"other body"``, ``"twice"``,
    ``"same parcel"``, ``"moved"`` or ``"taken in"``.
    """

    def __init__(self, message: str, *, problems: Iterable[Problem] = (), **context: Any) -> None:
        super().__init__(message, **context)
        self.problems: tuple[Problem, ...] = tuple(problems)


def not_taken(problem: Problem, shipment: int = 1) -> JobOutcome[Any]:
    """The outcome of a booking that the journal didn't take."""
    return JobOutcome(
        index=problem.position,
        reference=problem.reference,
        shipment=shipment,
        state="held" if problem.code == "same parcel" else "refused",
        recorded=None,
        error=InputError(problem.text, problems=[problem], reference=problem.reference or None),
    )
