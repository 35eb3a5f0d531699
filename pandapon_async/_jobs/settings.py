"""What a job was asked to do, as one frozen value that its parts share."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any, Generic, Literal, TypeVar

import attrs

from .._calls.client import ApiClient
from .._errors import RequestError
from .._journal.identity import normal_reference
from .._journal.rows import DerivedReference
from .._journal.store import Ending, Entry
from .._models.converters import to_wire
from .._models.digest import digest_of
from .._models.jsonio import dumps
from .._models.operation import VendorRequest, split_pair
from .._streams.admission import Pace, Stop

if TYPE_CHECKING:
    from .._session import VendorSession

R = TypeVar("R")

Reconcile = Callable[["VendorSession", Any], Awaitable[Any]]
Check = Literal["all", "stream"]


@attrs.frozen(kw_only=True)
class JobSettings(Generic[R]):
    """The settings of a job; see `WriteJob` for what they mean.

    ``size`` is how many requests are under way at the same time; ``facts`` tells what of a reply's data goes into the
    journal's columns; ``make_reference`` makes the reference of a request that comes without one.
    """

    session: VendorSession
    client: ApiClient
    request_type: type[VendorRequest[R]]
    size: int
    facts: Callable[[Any], Ending]
    make_reference: Callable[[Any], str] | None
    reconcile: Reconcile | None
    stop: Stop
    pace: Pace
    check: Check
    retry_refused: bool
    drain: float

    def entry(self, position: int, item: Any) -> Entry:
        """One item of the input as the journal takes it.

        Raises:
            RequestError: it is no request of this job, can't be sent as it is, or its reference isn't text.
            ConfigError: the path of the operation isn't known.
        """
        reference, request = split_pair(item, self.client.profile.name)
        if not isinstance(request, self.request_type):
            found = type(request).__name__
            raise RequestError(f"expected a {self.request_type.__name__}, not {found}", reference=reference)
        wire = to_wire(request)
        self.client.check_endpoint(self.request_type, wire)
        body = dumps(wire).decode()
        if reference is not None:
            return Entry(position, normal_reference(reference), isinstance(reference, DerivedReference), body)
        made: Any = self.make_reference(request) if self.make_reference is not None else request.natural_reference()
        return Entry(position, normal_reference(made or digest_of(wire)), True, body)
