"""Text from files and environment variables, with the artefacts of editors, shells and Docker removed or rejected."""

from __future__ import annotations

import codecs
from collections.abc import Mapping
from typing import Final

BOM = "\ufeff"
_UTF16 = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)
_QUOTES = "\"'"
KINDS: Final[Mapping[type, str]] = {
    str: "text (in quotes)",
    dict: "a table",
    bool: "true or false",
    list: "a list of texts",
    float: "a number of at least 0",
}
"""What a setting must be, in the words of whoever writes the file."""


def decoded(data: bytes) -> str:
    """A file's text: UTF-8, or UTF-16 with a byte order mark, as Windows saves it.

    Raises:
        ValueError: it is neither; the message gives advice and quotes nothing.
    """
    is_utf16 = data.startswith(_UTF16)
    try:
        text = data.decode("utf-16" if is_utf16 else "utf-8-sig")
    except UnicodeDecodeError:
        raise ValueError(f"not {'valid UTF-16' if is_utf16 else 'UTF-8'}: save it as UTF-8") from None
    if "\0" in text:
        raise ValueError("contains NUL characters, as in UTF-16 without a byte order mark: save it as UTF-8")
    return text


def plain_value(text: str) -> str:
    """The value of a variable or a secret file, stripped of a byte order mark, surrounding whitespace, and a pair of quotes.

    ``docker run --env-file`` and older Compose formats pass on the quotes of ``NAME="value"``.

    Raises:
        ValueError: it begins or ends with an unmatched quote.
    """
    text = text.removeprefix(BOM).strip()
    if not text or (text[0] not in _QUOTES and text[-1] not in _QUOTES):
        return text
    if len(text) < 2 or text[0] != text[-1]:
        raise ValueError("begins or ends with an unmatched quote")
    return text[1:-1]
