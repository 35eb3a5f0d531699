"""Texts from outside: files and variables as editors, shells and Docker leave them, read as they are meant or refused."""

from __future__ import annotations

import codecs

BOM = "\ufeff"
_UTF16 = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)
_QUOTES = "\"'"


def decoded(data: bytes) -> str:
    """A file's text: UTF-8, or UTF-16 with a byte order mark, as Windows saves it.

    Raises:
        ValueError: it is neither; the message says what to do and quotes nothing.
    """
    is_utf16 = data.startswith(_UTF16)
    try:
        text = data.decode("utf-16" if is_utf16 else "utf-8-sig")
    except UnicodeDecodeError:
        raise ValueError(f"not {'whole UTF-16' if is_utf16 else 'UTF-8'}: save it as UTF-8") from None
    if "\0" in text:
        raise ValueError("holds NUL characters, as UTF-16 without a byte order mark does: save it as UTF-8")
    return text


def plain_value(text: str) -> str:
    """A variable's or a secret file's value without what isn't part of it.

    That is a byte order mark, white space around it, and a pair of quotes around it: ``docker run --env-file`` and Compose's
    older formats hand on the quotes of ``NAME="value"``.

    Raises:
        ValueError: it begins or ends with a quote that has no partner.
    """
    text = text.removeprefix(BOM).strip()
    if not text or (text[0] not in _QUOTES and text[-1] not in _QUOTES):
        return text
    if len(text) < 2 or text[0] != text[-1]:
        raise ValueError("a quote at its begin or end has no partner")
    return text[1:-1]
