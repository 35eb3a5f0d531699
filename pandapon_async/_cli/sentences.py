"""Sentences that come with their values in them, in a clerk's language.

The library, click and the system speak English, and the journal keeps what was said. A catalogue has the templates of such sentences,
as their source has them, by contexts: ``sentence`` is a whole one of ours, ``system`` of the operating system or SQLite, ``toml`` of
tomllib; ``fragment`` is a part that may stand in any other, and so is ``click``. What no template fits stays as it is: a vendor's own
words, a name, a path.
"""

from __future__ import annotations

import functools
import re
import string
from collections.abc import Mapping
from typing import Final

SENTENCES: Final = ("sentence", "system", "toml")
FRAGMENTS: Final = ("fragment", "click")
_JOINTS: Final = (("; ", "；"), (". ", "。"), (": ", "："))
_DEPTH: Final = 6
_QUOTED: Final = r"""(?:'[^']*'|"[^"]*")"""


def translated(text: str, table: Mapping[tuple[str, str], str], depth: int = _DEPTH) -> str:
    """A sentence by the templates of a catalogue; each value in it likewise, and each of several in a row."""
    if not text or not depth or not table:
        return text
    for (context, template), other in table.items():
        if context in FRAGMENTS and _may_be(template, text):
            text = re.sub(_pattern(template), lambda found, to=other: _filled(to, found, table, depth), text)
    best: tuple[int, re.Match[str], str] | None = None
    for (context, template), other in table.items():
        if context in SENTENCES and _may_be(template, text) and (found := re.fullmatch(_pattern(template), text)):
            weight = sum(map(len, _literals(template)))
            if best is None or weight > best[0]:
                best = weight, found, other
    return _in_parts(text, table, depth) if best is None else _filled(best[2], best[1], table, depth)


def _filled(other: str, found: re.Match[str], table: Mapping[tuple[str, str], str], depth: int) -> str:
    values = {name: _value(name, value, table, depth - 1) for name, value in found.groupdict().items()}
    return other.format(**values)


def _value(name: str, value: str, table: Mapping[tuple[str, str], str], depth: int) -> str:
    if name.startswith("state") and (state := next((text for (code, _), text in table.items() if code == f"state.{value}"), "")):
        return state
    return translated(value, table, depth)


def _in_parts(text: str, table: Mapping[tuple[str, str], str], depth: int) -> str:
    """Several sentences in a row, or one behind its place: only the parts that are known change."""
    for joint, other in _JOINTS:
        head, between, tail = text.partition(joint)
        while between:
            new_tail = translated(tail, table, depth - 1)
            if new_tail != tail:
                new_head = translated(head, table, depth - 1)
                return f"{new_head.rstrip('。')}{other}{new_tail}"
            more, between, tail = tail.partition(joint)
            head = f"{head}{joint}{more}"
    return text


@functools.lru_cache(maxsize=None)
def _literals(template: str) -> tuple[str, ...]:
    return tuple(literal for literal, *_ in string.Formatter().parse(template) if literal)


def _may_be(template: str, text: str) -> bool:
    """Whether all that is fixed in a template stands in a text: patterns are made only for those few."""
    return all(literal in text for literal in _literals(template))


@functools.lru_cache(maxsize=None)
def _pattern(template: str) -> re.Pattern[str]:
    pattern = ""
    for literal, name, _, conversion in string.Formatter().parse(template):
        pattern += re.escape(literal)
        if name is not None:
            pattern += f"(?P<{name}>{_QUOTED if conversion == 'r' else '.*?'})"
    return re.compile(pattern, re.DOTALL)
