"""A call as data: an operation, its requests, and the reply."""

from __future__ import annotations

import enum
from collections.abc import Mapping
from typing import Any, ClassVar, Generic, TypeVar, Union

import attrs
from multidict import CIMultiDict

from .._errors import RequestError
from .base import Model, OpenReply
from .jsonio import is_array
from .requests import RequestModel

R_co = TypeVar("R_co", covariant=True)
T_co = TypeVar("T_co", covariant=True)


class Effect(str, enum.Enum):
    """What a call does at the vendor. The library never resends a WRITE whose outcome is unknown."""

    READ = "read"
    WRITE = "write"


class Evidence(str, enum.Enum):
    """How certain a path is."""

    SEEN = "seen"
    """Read on the vendor's page."""
    CLIENT = "client"
    """Seen in public client code."""
    INFERRED = "inferred"
    """Inferred from related paths; the operation's docstring gives the reason."""
    MISSING = "missing"
    """Unknown: the operation is usable once the profile provides the path."""


@attrs.frozen(kw_only=True)
class Route:
    """An operation's path at one vendor, where it differs from the operation's own."""

    path: str | None
    evidence: Evidence


@attrs.frozen(kw_only=True)
class Operation(Generic[R_co]):
    """One operation of a vendor's API.

    Attributes:
        name: its method on a session, such as ``"logistics.book_freight"``.
        contract_id: its id in the contract, such as ``"logistics.order.book_freight"``.
        title: the vendor's title of the page.
        method: HTTP method.
        path: path below the profile's base URL, with a leading slash; None if unknown.
        effect: READ or WRITE.
        evidence: how certain the path is.
        reply: the class that ``data`` is decoded into; None: plain JSON.
        vendors: the kinds of profile that offer it.
        routes: by kind of profile, where ``path`` and ``evidence`` differ.
        signed_query: whether the documentation lists the query parameters ``timestamp`` and ``sign``.
        zero_is_success: whether a bare ``code: 0`` means success.
        own_number: wire name of the request's member that takes the caller's own number; filled with the reference, unless given.
        limits: by a member's wire name, the most that the platform behind the vendor is known to take: items of a list, or a
            number's value. More is logged as a warning, and sent.
        missing: what the documentation doesn't show, in a few words.
    """

    name: str
    contract_id: str
    method: str
    path: str | None
    effect: Effect
    evidence: Evidence
    reply: type[Model] | None
    vendors: tuple[str, ...]
    title: str = ""
    routes: Mapping[str, Route] = attrs.field(factory=dict[str, Route], hash=False)
    signed_query: bool = False
    zero_is_success: bool = False
    own_number: str = ""
    limits: Mapping[str, int] = attrs.field(factory=dict[str, int], hash=False)
    missing: str = ""

    def route(self, kind: str) -> Route:
        """The operation's path at a vendor of this kind."""
        return self.routes.get(kind) or Route(path=self.path, evidence=self.evidence)

    def state(self, route: Route) -> str:
        """How usable a route is, in words: ``"typed"``, ``"inferred"``, ``"path given"`` or ``"path unknown"``."""
        if route.path is None:
            return "path unknown"
        if route.evidence is Evidence.MISSING:
            return "path given"
        return "inferred" if route.evidence is Evidence.INFERRED else "typed"


@attrs.frozen(kw_only=True)
class VendorRequest(RequestModel, Generic[R_co]):
    """Base of every request: a value that knows its operation.

    ``extra`` holds members unknown to this release; they are sent unchanged, beside the typed ones.
    """

    operation: ClassVar[Operation[Any]]

    def natural_reference(self) -> str | None:
        """The request's own identifying number, if it has one."""
        return None


@attrs.frozen(kw_only=True)
class OpenRequest(VendorRequest[OpenReply]):
    """A request whose members aren't documented: everything is sent from ``extra``."""


def fill_own_number(operation: Operation[Any], members: dict[str, Any], reference: str, shipment: int = 1) -> None:
    """Give a request's wire members the caller's own number, if the operation takes one and they have none.

    A further shipment of a reference is another order, so it has a number of its own.
    """
    if operation.own_number:
        members.setdefault(operation.own_number, reference if shipment == 1 else f"{reference}#{shipment}")


R = TypeVar("R")
Input = Union[VendorRequest[R], tuple[str, VendorRequest[R]]]  # noqa: UP007 - evaluated at run time, generic on 3.10
"""A request, or a pair (reference, request)."""


RequestT = TypeVar("RequestT", bound="VendorRequest[Any]")


class QuotedPair(tuple[str, RequestT]):
    """A pair (reference, request) bound to one account; others reject it. Created by `QuoteTable.to_bookings`."""

    vendor: str
    """The account's name."""

    def __new__(cls, reference: str, request: RequestT, vendor: str) -> QuotedPair[RequestT]:
        pair = super().__new__(cls, (reference, request))
        pair.vendor = vendor
        return pair

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (*self, self.vendor)

    def __repr__(self) -> str:
        return f"<{self[0]!r} at {self.vendor!r}: {self[1]!r}>"


def split_pair(item: Any, account: str | None = None) -> tuple[str | None, VendorRequest[Any]]:
    """Normalise a request or a pair to (reference, request).

    Args:
        item: a request, a pair (reference, request), or a `QuotedPair`.
        account: the name of the account that will send it.

    Raises:
        RequestError: it is neither, or was quoted by another account.
    """
    if isinstance(item, VendorRequest):
        return None, item  # pyright: ignore[reportUnknownVariableType] - of any reply type
    if not is_array(item) or len(item) != 2 or not isinstance(item[1], VendorRequest):
        raise RequestError(f"expected a request or a pair (reference, request), not {type(item).__name__}")
    reference, request = item
    if not isinstance(reference, str) or not reference:
        raise RequestError(f"a reference must be non-empty text, not {type(reference).__name__}")
    if account is not None and isinstance(item, QuotedPair) and item.vendor != account:
        raise RequestError(f"it was quoted by {item.vendor!r}, this is {account!r}", reference=reference)
    return reference, request


@attrs.frozen(kw_only=True, slots=False)  # frozen slots take three times as long to set: 3 % of a booking
class Reply(Generic[T_co]):
    """A vendor's answer.

    Attributes:
        data: the decoded data; None if there was none, or if none of a WRITE's data fits (see ``problems``).
        code: the vendor's code (``code`` or ``errorCode``).
        message: the vendor's text.
        request_id: the vendor's request id, for its log search.
        status: HTTP status.
        headers: response headers, case-insensitive.
        raw: the whole body as plain JSON, the envelope included: the stable way to a field that isn't typed yet.
        problems: what didn't fit and was left out of ``data``, as ``"$.data.orderFee.amount: ..."``. ``raw`` still has it.
        attempts: how many attempts the call took.
        elapsed: seconds from the start of the first attempt to the decoded reply, waits between attempts included.
    """

    data: T_co | None = attrs.field(repr=False)
    code: int | str | None
    message: str | None = attrs.field(repr=False)
    request_id: str | None
    status: int
    headers: Mapping[str, str] = attrs.field(repr=False)
    raw: Any = attrs.field(repr=False)
    problems: tuple[str, ...] = ()
    attempts: int = 1
    elapsed: float = 0.0

    def __reduce__(self) -> tuple[Any, ...]:
        # aiohttp's headers can't be pickled, but a plain copy can.
        members: dict[str, Any] = {member.name: getattr(self, member.name) for member in attrs.fields(Reply)}
        return _reply_from, ({**members, "headers": CIMultiDict(self.headers)},)

    def __getitem__(self, name: str) -> Any:
        """A member of the whole body, by its wire name: shorthand for ``reply.raw[name]``."""
        return self.raw[name]


def _reply_from(members: dict[str, Any]) -> Reply[Any]:
    return Reply(**members)
