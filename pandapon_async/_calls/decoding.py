"""Content codings of replies that aiohttp hands over as they came."""

from __future__ import annotations

import zlib

from .broken import AttemptError

TOO_LARGE = "the reply is larger than max_reply_bytes"
_AS_IT_IS = ("", "identity")


def decoded(content: bytes, coding: str, most: int) -> bytes:
    """A body without its content coding.

    Args:
        content: the body.
        coding: the header ``Content-Encoding``.
        most: bytes that the result may have.

    Raises:
        AttemptError: it can't be decoded, or is too large.
    """
    name = coding.strip().lower()
    if name in _AS_IT_IS:
        return content
    if name != "x-gzip":
        raise AttemptError("its content coding isn't known")
    unpacker = zlib.decompressobj(16 + zlib.MAX_WBITS)
    try:
        plain = unpacker.decompress(content, most + 1)
    except zlib.error:
        raise AttemptError("the reply's body can't be decompressed") from None
    if len(plain) > most:
        raise AttemptError(TOO_LARGE)
    if not unpacker.eof or unpacker.unused_data:
        raise AttemptError("the reply's body can't be decompressed")
    return plain
