"""JSON files: one object a line, an array of objects, or objects printed over many lines; read value by value.

A value that can't be parsed costs only itself: reading goes on where the next one begins.
"""

from __future__ import annotations

import io
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Final, Literal

import attrs

from .encodings import Encoding, encoding_of

MAX_VALUE: Final = 4 * 2**20
"""The longest value, in characters, that is read into memory."""
_PIECE: Final = 2**16
_BLANK = re.compile(r"[ \t\r\n,]*")
_NEXT = re.compile(r'\{\s*"(\w+)"\s*:')

Layout = Literal["lines", "array", "printed"]


@attrs.frozen
class JsonValue:
    """One value of a file as it is written: the line on which it begins, and its text."""

    line: int
    text: str
    is_too_long: bool = False


class JsonFile:
    """The values of a JSON file; each iteration reads it again, in constant memory.

    Args:
        path: the file.
        name: its name in errors.
        keys: with which an object begins; reading goes on there behind what can't be parsed.
        encoding: None: as it says itself, else UTF-8.

    Raises:
        FileError: it can't be read.
    """

    def __init__(self, path: Path, name: str, keys: frozenset[str], encoding: str | None = None) -> None:
        self._path = path
        self._keys = keys
        self.encoding: Encoding = encoding_of(path, name, encoding)
        self.layout: Layout = self._layout()

    def _layout(self) -> Layout:
        with self.encoding.opened(self._path) as file:
            head = file.read(_PIECE).lstrip("\ufeff \t\r\n")
        if head.startswith("["):
            return "array"
        lines = [line.rstrip() for line in head.splitlines() if line.strip()]
        is_whole = any(line.startswith("{") and line.endswith("}") and _is_object(line) for line in lines)
        is_printed = len(lines) > 1 and not lines[1].startswith("{") and not is_whole
        return "printed" if is_printed else "lines"

    def __iter__(self) -> Iterator[JsonValue]:
        with self.encoding.opened(self._path) as file:
            if self.layout != "lines":
                yield from _Scanner(file, self._keys, is_array=self.layout == "array").values()
                return
            number = 0
            while line := file.readline(MAX_VALUE):
                number += 1
                if len(line) >= MAX_VALUE and not line.endswith("\n"):
                    while len(rest := file.readline(MAX_VALUE)) >= MAX_VALUE and not rest.endswith("\n"):
                        pass
                    yield JsonValue(number, line[:1000], is_too_long=True)
                elif line.strip():
                    yield JsonValue(number, line)


def _is_object(line: str) -> bool:
    try:
        return isinstance(json.loads(line), dict)
    except (ValueError, RecursionError):
        return False


class _Scanner:
    """Cuts a text into its values: an array's, or one after the other."""

    def __init__(self, file: io.TextIOWrapper, keys: frozenset[str], *, is_array: bool) -> None:
        self._read = file.read
        self._keys = keys
        self._is_array = is_array
        self._text = ""
        self._line = 1
        self._is_end = False
        self._decoder = json.JSONDecoder()

    def values(self) -> Iterator[JsonValue]:
        """Every value, or what stands in its place."""
        self._skip()
        if self._is_array:
            self._take(1)
            self._skip()
        while self._text:
            if self._is_array and self._text.startswith("]"):
                self._take(1)
                self._skip()
                if not self._text:
                    return
            line, length = self._line, self._length()
            text = self._text[: min(length, MAX_VALUE)]
            self._take(length)
            yield JsonValue(line, text, is_too_long=length > MAX_VALUE)
            self._skip()

    def _length(self) -> int:
        """How long the next value is; of one that can't be parsed, up to where the next begins."""
        while True:
            try:
                _, end = self._decoder.raw_decode(self._text)
            except (ValueError, RecursionError):
                end = self._next() or 0
            if end and (self._is_end or end < len(self._text)):
                return end
            if self._is_end or len(self._text) > MAX_VALUE:
                return len(self._text)
            self._more(len(self._text))

    def _next(self) -> int | None:
        """Where an order begins again."""
        return next((found.start() for found in _NEXT.finditer(self._text, 1) if found[1] in self._keys), None)

    def _skip(self) -> None:
        """Pass over what stands between values."""
        while True:
            blank = _BLANK.match(self._text)
            assert blank is not None
            self._take(blank.end())
            if self._text or self._is_end:
                return
            self._more(_PIECE)

    def _take(self, length: int) -> None:
        self._line += self._text.count("\n", 0, length)
        self._text = self._text[length:]

    def _more(self, size: int) -> None:
        piece = self._read(max(size, _PIECE))
        self._is_end = not piece
        self._text += piece
