"""A reply's body as JSON and as text, in whatever encoding it came: the vendors are Chinese, and between them and us stand proxies."""

from __future__ import annotations

import codecs
import json
import re
from collections.abc import Iterator
from typing import Any

from .._models.jsonio import JsonError, loads

_LONGEST_TEXT = 64 * 1024
_CHARSET = re.compile(r"charset\s*=\s*[\"']?([\w.:-]+)", re.IGNORECASE)
_GBK = "gb18030"  # holds GB 2312 and GBK
# An allow-list, since Python decodes by stranger things than these. Latin-1 isn't in it: servlets name it without meaning it.
_ENCODINGS = {
    **dict.fromkeys(("gbk", "x-gbk", "gb2312", "gb18030", "cp936", "ms936", "windows-936", "euc-cn"), _GBK),
    **{name: name for name in ("utf-16", "utf-16le", "utf-16be", "utf-32", "utf-32le", "utf-32be", "big5")},
}


def read_json(body: bytes, content_type: str | None) -> Any:
    """The JSON of a body.

    Raises:
        JsonError: it is none, in any encoding that it can be in.
    """
    declared = None if body.isascii() else _declared(content_type)
    if declared is None:
        try:
            return loads(body)
        except JsonError as error:
            reason = str(error)
    else:
        reason = "not JSON"
    for encoding in _candidates(body, declared):
        try:
            return loads(body.decode(encoding).encode())
        except (UnicodeError, JsonError):
            continue
    raise JsonError(reason)


def text_of(body: bytes, content_type: str | None) -> str:
    """The text of a body, its first 64 KiB; what can't be decoded is replaced."""
    start = body[:_LONGEST_TEXT]
    for encoding in _candidates(start, _declared(content_type)):
        try:
            # What the cut has left of a character is dropped.
            return codecs.getincrementaldecoder(encoding)().decode(start, len(body) <= _LONGEST_TEXT)
        except UnicodeError:
            continue
    return start.decode("utf-8", "replace")


def _candidates(body: bytes, declared: str | None) -> Iterator[str]:
    """The encodings it can be in, the likeliest first."""
    found = json.detect_encoding(body)  # by a BOM, or by where the zeros stand
    if found != "utf-8":
        yield found
    if declared is not None:
        yield declared
    yield "utf-8"
    yield _GBK


def _declared(content_type: str | None) -> str | None:
    found = _CHARSET.search(content_type or "")
    return _ENCODINGS.get(found[1].lower()) if found else None
