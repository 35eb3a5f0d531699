"""JSON out: objects one a line, or an array of them, as the input is."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, BinaryIO

from .._models.jsonio import JsonError, is_object, loads
from .columns import PROBLEM
from .json_bookings import JsonBookings


class ObjectWriter:
    """Writes objects in the layout and the encoding of a file of bookings."""

    def __init__(self, file: BinaryIO, bookings: JsonBookings) -> None:
        self._file = file
        self._encoding = bookings.file.encoding
        self._is_array = bookings.file.layout == "array"
        self._before = "[\n" if self._is_array else ""
        file.write(self._encoding.bom)

    def write(self, members: Mapping[str, Any]) -> None:
        """Write one object."""
        # What has no form in the encoding is escaped: all must be read as it was.
        self._write(self._before + json.dumps(members, ensure_ascii=True))
        self._before = ",\n" if self._is_array else ""
        if not self._is_array:
            self._write("\n")

    def close(self) -> None:
        """Write the end."""
        if self._is_array:
            self._write("\n]\n")

    def _write(self, text: str) -> None:
        self._file.write(self._encoding.encode(text))


def members_of(source: str) -> dict[str, Any]:
    """The object as it is, without the marks of an earlier problems file; what isn't one, as text."""
    try:
        members = loads(source.encode(), unique_keys=True)
    except (JsonError, UnicodeError):
        members = None
    if not is_object(members):
        return {"text": source.rstrip("\r\n")}
    return (
        {name: value for name, value in members.items() if name not in PROBLEM}
        if {*PROBLEM} <= members.keys()
        else members
    )
