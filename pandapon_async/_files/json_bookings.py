"""The bookings of a JSON file: one object each, as the vendor documents its body, with a reference and an account beside it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from .._models.jsonio import JsonError, dumps, fault_in, is_array, is_object, loads
from .booking import Booking, Draft, Finisher
from .cells import CellKind, damage
from .columns import PROBLEM, REFERENCE, SHIPMENT, Layout, kind_of_text, put
from .findings import FileError, Finding
from .headers import ACCOUNT, beside, folded, our_name
from .json_file import MAX_VALUE, JsonFile, JsonValue
from .marks import Marks
from .previewed import PREVIEWED
from .reading import Reading


def top_level(layout: Layout) -> frozenset[str]:
    """The members that an object of such a file can have."""
    return layout.members.union(beside(layout))


class JsonBookings:
    """The bookings of a JSON file; each iteration reads it again. ``mapped``: our members by the file's own, folded.

    Raises:
        FileError: it can't be read.
    """

    columns: tuple[str, ...] | None = None
    said: tuple[str, ...] = ()

    def __init__(self, path: Path, name: str, reading: Reading) -> None:
        self.file = JsonFile(path, name, top_level(reading.layout), reading.encoding)
        self._reading = reading
        self._finisher = Finisher(name, reading)
        self._kept = {folded(one): one for one in reading.keep}
        self.mapped: dict[str, str] = {}
        for theirs, ours in reading.columns.items():
            if (found := our_name(ours, reading.layout)) is None or not _is_top(found, reading.layout):
                raise FileError(f"{name}: {ours}: isn't a member that one of a JSON file can be mapped to")
            self.mapped[folded(theirs)] = found

    def __iter__(self) -> Iterator[Booking]:
        has_references = is_torn = False
        for value in self.file:
            booking = self._booking(value, needs_reference=has_references or is_torn)
            has_references = has_references or booking.reference is not None
            # What is left of an object that was torn may parse, without the reference that stood before.
            is_torn = self.file.layout != "lines" and any(found.code == "not-json" for found in booking.findings)
            yield booking

    def _booking(self, value: JsonValue, *, needs_reference: bool) -> Booking:
        draft = Draft(value.line, None, None, {}, [], value.text, lambda field: (value.line, field))
        if value.is_too_long:
            draft.find("too-long", None, most=str(MAX_VALUE))
            return draft.booking(None)
        try:
            members = loads(self._bytes(value.text), unique_keys=True)
        except JsonError as error:
            draft.findings.append(self._fault(value, error))
            return draft.booking(None)
        if not is_object(members):
            draft.find("not-an-object", None)
            return draft.booking(None)
        self._take(members, draft)
        if needs_reference and draft.reference is None:
            draft.find("no-reference", REFERENCE)
        self._check_texts(draft)
        return self._finisher.finish(draft)

    def _bytes(self, text: str) -> bytes:
        return text.encode("utf-8", self.file.encoding.errors)

    def _fault(self, value: JsonValue, error: JsonError) -> Finding:
        """Where a value stops being JSON, and why."""
        if "duplicate" in str(error):
            return Finding.of("duplicate-key", value.line)
        fault = fault_in(self._bytes(value.text).rstrip())
        if fault is None:
            return Finding.of("not-json", value.line, why=str(error))
        return Finding.of("not-json", value.line + fault.line - 1, str(fault.column), why=fault.text)

    def _take(self, members: dict[str, Any], draft: Draft) -> None:
        """What stands beside the body: reference, account, kept members, marks of a problems file."""
        if members.keys() >= {*PROBLEM}:
            cells = [str(members.pop(name) or "") for name in PROBLEM]
            marks = Marks.read(cells, (digest_text(members),))
            draft.take_marks([(draft.line, marks)], corrects=self._reading.corrects)
        for name in tuple(members):
            key = folded(name)
            if key in self._kept:
                value = members.pop(name)
                draft.kept = {**draft.kept, self._kept[key]: value if isinstance(value, str) else dumps(value).decode()}
            elif key in self.mapped:
                self._put(members, self.mapped[key], members.pop(name))
            elif self._is_passed_over(name):
                del members[name]
        draft.reference = self._name(members, REFERENCE, draft)
        draft.account = self._name(members, ACCOUNT, draft)
        if self._reading.layout.is_freight:
            if (number := members.pop(SHIPMENT, None)) is not None:
                draft.take_shipment(number)
            draft.take_previewed({name: self._name(members, name, draft) or "" for name in PREVIEWED})
        draft.members = members

    def _is_passed_over(self, name: str) -> bool:
        layout = self._reading.layout
        return self._reading.ignore_unknown and not layout.is_open and name not in top_level(layout)

    def _put(self, members: dict[str, Any], name: str, value: Any) -> None:
        if name in beside(self._reading.layout):
            members[name] = value
        else:
            put(members, self._reading.layout.columns[name], value)

    def _name(self, members: dict[str, Any], name: str, draft: Draft) -> str | None:
        value = members.pop(name, None)
        if value is not None and (not isinstance(value, str) or not value):
            draft.find("member", name, why="expected non-empty text")
            return None
        return value

    def _check_texts(self, draft: Draft) -> None:
        """Characters that were lost, and what a spreadsheet did before an export, are in JSON too."""
        texts: list[tuple[str, Any, bool]] = [(REFERENCE, draft.reference, True), (ACCOUNT, draft.account, True)]
        waiting: list[tuple[str, Any]] = [("", draft.members)]
        while waiting:
            path, value = waiting.pop()
            if is_object(value):
                waiting += [(f"{path}.{name}" if path else name, inner) for name, inner in value.items()]
            elif is_array(value):
                waiting += [(f"{path}[{index}]", inner) for index, inner in enumerate(value)]
            elif isinstance(value, str) and value:
                texts.append((path, value, False))
        meant = {*self._reading.text}
        for path, text, is_id in texts:
            if text:
                last = path.rpartition(".")[2]
                kind: CellKind = "id" if is_id else kind_of_text(last)
                if last == "price":
                    continue
                code = damage(text, kind, meant=last in meant or path in meant)
                if code is not None:
                    draft.find(code, path, encoding="text", sign=".")


def _is_top(name: str, layout: Layout) -> bool:
    """Whether a column of ours is one of the object itself."""
    return name in beside(layout) or (name in layout.columns and not layout.columns[name].of_item)


def digest_text(members: Mapping[str, Any]) -> str:
    """An object as one cell, whatever the order of its members."""
    return dumps(dict(sorted(members.items()))).decode()
