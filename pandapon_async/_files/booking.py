"""A booking as a file has it, and what is the same for all formats: what is filled in, what is held, and the request."""

from __future__ import annotations

import unicodedata
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Final

import attrs

from .._errors import RequestError
from .._journal.rows import MOST_SHIPMENTS, DerivedReference
from .._models.converters import from_wire, to_wire
from .._models.digest import digest_of
from .._models.jsonio import dumps, is_array, is_object
from .._models.operation import VendorRequest
from .cells import value_of
from .columns import REFERENCE, SHIPMENT, Column, Layout, put
from .countries import country_code, digits_of_zip
from .findings import CHECKS, FileError, Finding
from .headers import our_name
from .marks import Marks, approved_by, is_changed
from .previewed import Previewed, previewed_of
from .reading import Reading
from .tables import Row

Place = Callable[[str | None], tuple[int, str | None]]
"""Where a wire path such as ``lineItems[2].quantity`` came from: the line, and the column."""


@attrs.frozen
class Booking:
    """One booking in a file: its request, and what is found in it.

    Attributes:
        line: the line on which it begins.
        reference: the caller's reference; None if not given.
        request: None if it is wrong.
        findings: what is wrong or held, in file order; a booking without any is good.
        source: the original content, for `ProblemsWriter`: a value's text, or rows.
        account: the account's name, from a column ``account``; None if not given.
        kept: the cells of the kept columns, by their names in the file; never sent.
        approved: the codes of what a person has decided to book all the same, in a problems file.
        country_name: the name that was read as the country's code.
        previewed: what a preview said of it, from the columns of ``PREVIEWED``; None: there was none.
        shipment: which of the reference's shipments it is.
        marks: of a problems file, by row; None for a row that was added there.
        origins: of a correction the digests of the rows whose place its own take; None for a row that was added.
        place: where a part of it came from.
    """

    line: int
    reference: str | None
    request: VendorRequest[Any] | None
    findings: tuple[Finding, ...]
    source: str | tuple[Row, ...] = attrs.field(repr=False)
    account: str | None = None
    kept: Mapping[str, str] = attrs.field(factory=dict[str, str], repr=False)
    approved: frozenset[str] = frozenset()
    country_name: str | None = attrs.field(default=None, repr=False)
    previewed: Previewed | None = None
    shipment: int = 1
    marks: tuple[Marks | None, ...] = ()
    origins: tuple[str | None, ...] = ()
    place: Place | None = attrs.field(default=None, repr=False, eq=False)

    @property
    def is_wrong(self) -> bool:
        """Whether it can't be sent; what has findings and isn't wrong is held."""
        return any(finding.kind == "wrong" for finding in self.findings)

    def pair(self) -> tuple[str, VendorRequest[Any]]:
        """Reference and request; a missing reference is derived from the request, as a job does."""
        assert self.request is not None
        if self.reference is not None:
            return self.reference, self.request
        return DerivedReference(self.request.natural_reference() or digest_of(to_wire(self.request))), self.request


@attrs.define
class Draft:
    """A booking being read: its wire JSON so far, and what was found meanwhile."""

    line: int
    reference: str | None
    account: str | None
    members: dict[str, Any]
    findings: list[Finding]
    source: str | tuple[Row, ...]
    place: Place
    kept: Mapping[str, str] = attrs.field(factory=dict[str, str])
    approved: frozenset[str] = frozenset()
    previewed: Previewed | None = None
    shipment: int = 1
    marks: tuple[Marks | None, ...] = ()

    @property
    def is_wrong(self) -> bool:
        """Whether anything found means that it can't be sent."""
        return any(finding.kind == "wrong" for finding in self.findings)

    def find(self, code: str, field: str | None, **facts: str) -> None:
        """Note a finding at the place of a wire path."""
        line, column = self.place(field)
        self.findings.append(Finding.of(code, line, column, **facts))

    def booking(self, request: VendorRequest[Any] | None, country_name: str | None = None) -> Booking:
        """It, as it is now."""
        return Booking(
            self.line,
            self.reference,
            request,
            tuple(self._open()) if self.findings else (),
            self.source,
            self.account,
            self.kept,
            self.approved,
            country_name,
            self.previewed,
            self.shipment,
            marks=self.marks,
            place=self.place,
        )

    def take_shipment(self, number: object) -> None:
        """Note which shipment of the order it is."""
        if isinstance(number, int) and not isinstance(number, bool) and 0 < number <= MOST_SHIPMENTS:
            self.shipment = number
        else:
            self.find("member", SHIPMENT, why="expected a whole number from 1")

    def take_marks(self, found: Sequence[tuple[int, Marks | None]], *, corrects: bool) -> None:
        """Note what the rows of a problems file say, each with its line; ``corrects``: as `Reading` has it."""
        self.marks = tuple(marks for _, marks in found)
        self.approved = approved_by([marks for marks in self.marks if marks is not None])
        counts = corrects or is_changed(self.marks)
        for line, marks in found:
            if marks is not None:
                self.findings += marks.findings(line, counts=counts)

    def take_previewed(self, cells: Mapping[str, str]) -> None:
        """Note what the columns of a preview say."""
        try:
            self.previewed = previewed_of(cells)
        except RequestError as error:
            self.find("member", error.field, why=error.message.removeprefix(f"{error.field}: "))

    def _open(self) -> Iterator[Finding]:
        """What was found, without what a person has approved; where a problems file says it itself, that alone."""
        found = [one for one in self.findings if one.kind == "wrong" or one.code not in self.approved]
        is_said = any("said" in one.facts for one in found)
        yield from (one for one in found if not is_said or "said" in one.facts or one.code in _OF_MARKS)


_OF_MARKS: Final = ("decision", "code-altered")
_RECEIVER: Final = "receiverAddress"
_ITEMS: Final = "lineItems"


class Finisher:
    """Makes bookings of drafts.

    Raises:
        FileError: a constant of the reading is for a column that there isn't, or no value of it.
    """

    def __init__(self, name: str, reading: Reading) -> None:
        self._layout = layout = reading.layout
        self._constants = _constants(name, reading.constants, layout)
        self._by_country = {
            country_code(country) or country: _constants(name, values, layout)
            for country, values in reading.by_country.items()
        }

    def finish(self, draft: Draft) -> Booking:
        """The booking of a draft: completed, checked, converted."""
        members = draft.members
        if self._constants:
            _fill(members, self._constants, self._layout)
        country_name = self._country(draft) if self._layout.is_freight else None
        if draft.findings and draft.is_wrong:
            return draft.booking(None)
        try:
            request = from_wire(self._layout.request_type, self._as_sent(members), keep_unknown=self._layout.is_open)
            if not (draft.reference or request.natural_reference() or "").isprintable():
                raise RequestError("a reference, or its substitute, must be printable", field=REFERENCE)
        except RequestError as error:
            draft.find("member", error.field, why=error.message.removeprefix(f"{error.field}: "))
            return draft.booking(None)
        if self._layout.is_freight:
            _hold(draft)
        return draft.booking(request, country_name)

    def _as_sent(self, members: dict[str, Any]) -> dict[str, Any]:
        """The members with those as text that the vendor takes as text of JSON."""
        texts = {name: members[name] for name in self._layout.json_text if name in members}
        return members | {
            name: value if isinstance(value, str) else dumps(value).decode() for name, value in texts.items()
        }

    def _country(self, draft: Draft) -> str | None:
        """Make a country's name its code, and fill in what depends on it; the name, if it was one."""
        receiver = draft.members.get(_RECEIVER)
        written = receiver.get("country") if is_object(receiver) else None
        if not isinstance(written, str) or not written or not is_object(receiver):
            return None
        code = country_code(written)
        if code is None:
            draft.find("unknown-country", f"{_RECEIVER}.country")
            return None
        receiver["country"] = code
        if code in self._by_country:
            _fill(draft.members, self._by_country[code], self._layout)
        return None if written.upper() == code else written


def _constants(name: str, values: Mapping[str, str], layout: Layout) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for given, text in values.items():
        ours = our_name(given, layout)
        if ours is None or ours not in layout.columns:
            raise FileError(f"{name}: {given}: isn't a column that can have a constant")
        value, code = value_of(text, layout.columns[ours].kind, ".", meant=True)
        if value is None:
            why = CHECKS[code or "member"].text.format(sign=".", encoding="text", why="")
            raise FileError(f"{name}: the constant of {given}: {why}")
        found[ours] = value
    return found


def _fill(members: dict[str, Any], constants: Mapping[str, Any], layout: Layout) -> None:
    items = None if layout.list_name is None else members.get(layout.list_name)
    for name, value in constants.items():
        column = layout.columns[name]
        if not column.of_item:
            _put_if_absent(members, column, value)
            continue
        for item in items if is_array(items) else ():
            if is_object(item):
                _put_if_absent(item, column, value)


def _put_if_absent(target: dict[str, Any], column: Column, value: Any) -> None:
    inner: Any = target
    for part in column.path:
        inner = inner.get(part) if is_object(inner) else None
    if inner is None:
        put(target, column, value)


def _hold(draft: Draft) -> None:
    """Note what can be sent and looks wrong."""
    members = draft.members
    if not members.get("renderId"):
        draft.find("no-render-id", "renderId")
    receiver: Mapping[str, Any] = members.get(_RECEIVER) or {}
    country = receiver.get("country")
    if not country:
        draft.find("no-country", f"{_RECEIVER}.country")
    items = members.get(_ITEMS)
    if not items:
        draft.find("no-item", f"{_ITEMS}[0].itemId")
    for index, item in enumerate(items or ()):
        if not item.get("itemId"):
            draft.find("no-item", f"{_ITEMS}[{index}].itemId")
        elif item.get("quantity") is None:
            draft.find("no-quantity", f"{_ITEMS}[{index}].quantity")
    if country and receiver.get("zip"):
        _hold_zip(draft, country, receiver["zip"])


def _hold_zip(draft: Draft, country: str, written: str) -> None:
    expected = digits_of_zip(country)
    if expected is None or (len(written) == expected and written.isascii() and written.isdigit()):
        return
    if not written.isascii() and unicodedata.normalize("NFKC", written).isascii():
        draft.find("full-width", f"{_RECEIVER}.zip")
        return
    first = written.partition("-")[0] if country == "US" else written
    digits = first.replace("-", "").replace(" ", "")
    if digits.isdigit() and (len(digits) < expected or (country == "US" and len(digits) == 8)):
        facts = {"digits": str(len(digits)), "country": country, "expected": str(expected)}
        draft.find("short-zip", f"{_RECEIVER}.zip", **facts)
