"""In what encoding a text file is: what it says itself, what somebody declares, else UTF-8, and never a silent guess."""

from __future__ import annotations

import codecs
import io
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final

import attrs

from .findings import EncodingError, FileError

_CHUNK: Final = 2**20
_SAMPLE: Final = 2**16
_CANDIDATES: Final = ("gb18030", "big5", "cp1252", "cp1250", "cp1251", "shift_jis", "euc_kr", "cp850", "mac_roman")
_LABELS: Final = {"gb18030": "GB18030 (Chinese, also called GBK or code page 936)", "cp1252": "Windows-1252 (Western)"}
_BOMS: Final = (
    (b"\xef\xbb\xbf", "utf-8"),
    (b"\xff\xfe\x00\x00", "utf-32-le"),
    (b"\x00\x00\xfe\xff", "utf-32-be"),
    (b"\xff\xfe", "utf-16-le"),
    (b"\xfe\xff", "utf-16-be"),
)


@attrs.frozen
class Encoding:
    """The encoding of a text file, and the byte order mark with which it begins (or none)."""

    name: str
    bom: bytes = b""

    @property
    def errors(self) -> str:
        """The error handler by which bytes that are no text come through, and are written as they were."""
        return "surrogatepass" if self.name.startswith("utf-16") else "surrogateescape"

    @property
    def label(self) -> str:
        """Its name in a sentence."""
        return _LABELS.get(self.name, self.name.upper())

    def encode(self, text: str) -> bytes:
        """A text that was read with `opened`, as it was."""
        return text.replace(NUL, "\0").encode(self.name, self.errors)

    def opened(self, path: Path) -> io.TextIOWrapper:
        """The file as text, behind its byte order mark, with its line ends as they are."""
        file = path.open("rb")
        file.seek(len(self.bom))
        return io.TextIOWrapper(file, encoding=self.name, errors=self.errors, newline="")


NUL: Final = chr(0xDC00)  # mypy can't write a literal of it into its cache
"""Stands for a NUL, which the csv module of Python 3.10 refuses; no decoder makes it."""


def encoding_of(path: Path, name: str, declared: str | None) -> Encoding:
    """The encoding of a file.

    Raises:
        EncodingError: it isn't declared, and neither UTF-8 nor UTF-16.
        FileError: what is declared is no encoding, or the file is cut.
    """
    with path.open("rb") as file:
        head = file.read(_SAMPLE)
    found = next((Encoding(encoding, bom) for bom, encoding in _BOMS if head.startswith(bom)), None)
    if found is None and declared is not None:
        found = Encoding(_declared(name, declared))
    if found is None:
        found = _utf_16(head)
    if found is None:
        _check_utf_8(path, name)
        return Encoding("utf-8")
    if found.name.startswith("utf-16") and path.stat().st_size % 2:
        raise FileError.whole(name, "half-utf-16")
    return found


def _declared(name: str, declared: str) -> str:
    try:
        codec = codecs.lookup(declared)
        "".encode(codec.name)
    except (LookupError, UnicodeError):
        raise FileError.whole(name, "no-encoding", encoding=declared) from None
    return {"gbk": "gb18030", "gb2312": "gb18030", "utf-16": "utf-16-le", "utf-8-sig": "utf-8"}.get(
        codec.name, codec.name
    )


def _utf_16(head: bytes) -> Encoding | None:
    """UTF-16 without a mark: half of the bytes of its separators, digits and line ends are zero."""
    low, high = head[0::2].count(0), head[1::2].count(0)
    most = max(low, high)
    if most < 4 or most * 10 < len(head) // 2 or min(low, high) * 20 > most:
        return None
    return Encoding("utf-16-le" if high > low else "utf-16-be")


def _check_utf_8(path: Path, name: str) -> None:
    """Raise `EncodingError` unless the file is UTF-8, or UTF-8 with some damaged lines (which are found row by row)."""
    if _is_utf_8(path):
        return
    bad: list[bytes] = []
    good = size = 0
    with path.open("rb") as file:
        for number, line in enumerate(iter(lambda: file.readline(_CHUNK), b"")):
            if line.isascii():
                continue
            try:
                line.decode("utf-8")
                good += 1
            except UnicodeDecodeError:
                if size < _SAMPLE:
                    bad.append(line)
                    size += len(line)
                if number == 0:
                    raise _error(name, line) from None
    if len(bad) > max(1, good):
        raise _error(name, b"".join(bad))


def _is_utf_8(path: Path) -> bool:
    decoder = codecs.getincrementaldecoder("utf-8")()
    try:
        with path.open("rb") as file:
            while piece := file.read(_CHUNK):
                decoder.decode(piece)
            decoder.decode(b"", final=True)
    except UnicodeDecodeError:
        return False
    return True


def _error(name: str, sample: bytes) -> EncodingError:
    guess = _guess(sample)
    if guess is None:
        return EncodingError.whole(name, "unknown-encoding")
    encoding, code = guess
    error = EncodingError.whole(name, code, label=Encoding(encoding).label, encoding=encoding)
    error.guess = encoding
    return error


def _guess(sample: bytes) -> tuple[str, str] | None:
    """What the lines look like that aren't UTF-8, and the code that says why; None if that can't be told."""
    for encoding, shape, code in _SHAPES:
        text = _decoded(sample, encoding)
        if text is not None and shape(text):
            return encoding, code
    for encoding in _by_statistics(sample):
        if _decoded(sample, encoding) is not None:
            return encoding, "looks-like"
    return None


def _decoded(sample: bytes, encoding: str) -> str | None:
    try:
        return sample.decode(encoding)
    except UnicodeDecodeError:
        return None


def _is_chinese(text: str) -> bool:
    """All that isn't ASCII is of the oldest and most usual Chinese set."""
    odd = "".join(char for char in text if not char.isascii())
    try:
        odd.encode("gb2312")
    except UnicodeEncodeError:
        return False
    return len(odd) > 1 and sum("\u4e00" <= char <= "\u9fff" for char in odd) * 2 > len(odd)


def _is_western(text: str) -> bool:
    """All that isn't ASCII are letters with accents beside letters, few in a row."""
    return re.search(r"[^\x00-\x7fÀ-ÖØ-öø-ÿ€‚„…‘’“”–—š ŠŽžœŒŸ«»°§´¿¡ªº]|[À-ÿ]{3}", text) is None


_SHAPES: Final[tuple[tuple[str, Callable[[str], bool], str], ...]] = (
    ("gb18030", _is_chinese, "looks-chinese"),
    ("cp1252", _is_western, "looks-western"),
)


def _by_statistics(sample: bytes) -> Iterator[str]:
    try:
        from charset_normalizer import from_bytes
    except ImportError:  # the extra `sheets` isn't installed
        return
    for match in from_bytes(sample, cp_isolation=list(_CANDIDATES)):
        yield match.encoding
