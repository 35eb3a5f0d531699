"""What a job was asked to do, as one frozen value that its parts share."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Collection
from typing import TYPE_CHECKING, Any, Generic, Literal, TypeVar, Union, cast

import attrs

from .._calls.client import ApiClient
from .._errors import ConfigError, RequestError
from .._journal.identity import normal_reference
from .._journal.rows import MOST_SHIPMENTS, DerivedReference
from .._journal.store import Ending, Entry, Source
from .._models.converters import to_wire
from .._models.digest import digest_of
from .._models.jsonio import dumps, is_array
from .._models.operation import Input, VendorRequest, fill_own_number, split_pair
from .._streams.admission import Pace, Stop

if TYPE_CHECKING:
    from .._session import VendorSession

R = TypeVar("R")

Reconcile = Callable[["VendorSession", Any], Awaitable[Any]]
Check = Literal["all", "stream"]
JobInput = Union[Input[R], tuple[str, VendorRequest[R], int]]  # noqa: UP007 - evaluated at run time, generic on 3.10
"""A request, a pair (reference, request), or a triple (reference, request, shipment)."""
Allowance = Union[Collection[str], Callable[[str, Any], bool]]  # noqa: UP007 - see above
"""References, or a function of reference and request."""


@attrs.frozen
class FileItem:
    """A booking of a file, as an item of a job's input: the journal notes where it came from."""

    reference: str
    request: Any
    shipment: int
    source: Source


@attrs.frozen(kw_only=True)
class JobSettings(Generic[R]):
    """The settings of a job; see `WriteJob` for what they mean.

    ``size`` is how many requests are under way at the same time; ``facts`` tells what of a reply's data goes into the
    journal's columns; ``make_reference`` makes the reference of a request that comes without one; ``allows_same_parcel`` tells
    of a reference and its request whether another booking may have its parcel; ``not_booked_after`` is how many seconds after
    the sending `NOT_BOOKED` is believed; ``noted`` is told each booking that is to be made, None for one that nobody knows.
    """

    session: VendorSession
    client: ApiClient
    request_type: type[VendorRequest[R]]
    size: int
    facts: Callable[[Any], Ending]
    make_reference: Callable[[Any], str] | None
    allows_same_parcel: Callable[[str, Any], bool]
    reconcile: Reconcile | None
    stop: Stop
    pace: Pace
    check: Check
    retry_refused: bool
    drain: float
    not_booked_after: float
    noted: Callable[[str, Any], None]

    def entry(self, position: int, item: Any) -> Entry:
        """One item of the input as the journal takes it.

        Raises:
            RequestError: it is no request of this job, can't be sent as it is, or its reference isn't text.
            ConfigError: the path of the operation isn't known.
        """
        if isinstance(item, FileItem):
            return self.entry_of(position, item.request, item.reference, item.shipment, item.source)
        shipment: Any = 1
        if is_array(item) and len(item) == 3:
            item, shipment = (item[0], item[1]), item[2]
        reference, request = split_pair(item, self.client.profile.name)
        return self.entry_of(position, request, reference, shipment)

    def entry_of(
        self, position: int, request: Any, reference: str | None, shipment: Any, source: Source | None = None
    ) -> Entry:
        """The same of what it consists of."""
        if not isinstance(request, self.request_type):
            found = type(request).__name__
            raise RequestError(f"expected a {self.request_type.__name__}, not {found}", reference=reference)
        if not isinstance(shipment, int) or isinstance(shipment, bool) or not 1 <= shipment <= MOST_SHIPMENTS:
            raise RequestError(f"a shipment must be a whole number from 1 to {MOST_SHIPMENTS}", reference=reference)
        ours = cast("VendorRequest[Any]", request)
        wire = to_wire(ours)
        self.client.check_endpoint(self.request_type, wire)
        derived = reference is None or isinstance(reference, DerivedReference)
        known = normal_reference(self._made_reference(ours, wire) if reference is None else reference)
        fill_own_number(ours.operation, wire, known, shipment)
        self.noted(known, ours)
        allowed = bool(self.allows_same_parcel(known, ours))
        return Entry(position, known, derived, dumps(wire).decode(), shipment, allowed, source)

    def _made_reference(self, request: VendorRequest[R], wire: Any) -> Any:
        made: Any = self.make_reference(request) if self.make_reference is not None else request.natural_reference()
        return made or digest_of(wire)


def allowance(given: Allowance) -> Callable[[str, Any], bool]:
    """What tells whether a booking may have another's parcel.

    Raises:
        ConfigError: it is neither references nor a function.
    """
    if callable(given):
        return given
    if isinstance(given, (str, bytes)) or not isinstance(given, Collection):  # pyright: ignore[reportUnnecessaryIsInstance]
        raise ConfigError("allow_same_parcel: must be a set of references, or a function of reference and request")
    references = frozenset(map(normal_reference, given))
    return lambda reference, _: reference in references
