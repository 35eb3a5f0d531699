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
from collections.abc import Mapping, Sequence
from typing import Final

import attrs

SENTENCES: Final = ("sentence", "system", "toml")
FRAGMENTS: Final = ("fragment", "click")
_JOINTS: Final = ("; ", ". ", ": ", "；", "。", "：")
_WIDE: Final = {"; ": "；", ". ": "。", ": ": "："}
_FORMATTER: Final = string.Formatter()
_DEPTH: Final = 6
_QUOTED: Final = r"""(?:'[^']*'|"[^"]*")"""


@attrs.frozen
class Template:
    """A template and its translation; ``fixed``: what must stand in a text that it fits."""

    english: str
    other: str
    fixed: tuple[str, ...]

    def may_fit(self, text: str) -> bool:
        """Patterns are made only of those few that may."""
        return all(literal in text for literal in self.fixed)


@attrs.frozen
class Sentences:
    """The templates of one language, the most special ones first; ``states``: the words for the journal's states."""

    fragments: Sequence[Template] = ()
    whole: Sequence[Template] = ()
    states: Mapping[str, str] = attrs.field(factory=dict[str, str])

    @classmethod
    def of(cls, table: Mapping[tuple[str, str], str]) -> Sentences:
        """Those of a catalogue."""
        states = {code.removeprefix("state."): text for (code, _), text in table.items() if code.startswith("state.")}
        return cls(_templates(table, FRAGMENTS), _templates(table, SENTENCES), states)

    def translated(self, text: str, depth: int = _DEPTH) -> str:
        """A sentence in the language; each value in it likewise, and each of several in a row."""
        if not text or not depth:
            return text
        if (whole := self._whole(text, depth)) is not None:
            return whole
        before = text
        for one in self.fragments:
            if one.may_fit(text):
                text = _pattern(one.english).sub(functools.partial(self._filled, one.other, depth=depth), text)
        whole = None if text == before else self._whole(text, depth)
        return self._in_parts(text, depth) if whole is None else whole

    def _whole(self, text: str, depth: int) -> str | None:
        for one in self.whole:
            if one.may_fit(text) and (found := _pattern(one.english).fullmatch(text)):
                return self._filled(one.other, found, depth)
        return None

    def _filled(self, other: str, found: re.Match[str], depth: int) -> str:
        return other.format(**{name: self._value(name, value, depth - 1) for name, value in found.groupdict().items()})

    def _value(self, name: str, value: str, depth: int) -> str:
        if name == "states":  # to choose from: by their codes
            return ", ".join(f"{self.states.get(one, one)} ({one})" for one in value.replace(" or ", ", ").split(", "))
        if name.startswith("state"):  # there may be other facts before it
            value = re.sub(r"\w+$", lambda found: self.states.get(found[0], found[0]), value)
        return self.translated(value, depth)

    def _in_parts(self, text: str, depth: int) -> str:
        """Several sentences in a row, or one behind its place: only the parts that are known change."""
        for joint in _JOINTS:
            at = text.find(joint)
            while at >= 0:
                head, tail = text[:at], text[at + len(joint) :]
                new_head, new_tail = self.translated(head, depth - 1), self.translated(tail, depth - 1)
                if new_tail != tail or (new_head != head and joint != ": "):
                    return f"{new_head}{_WIDE.get(joint, joint)}{new_tail}"
                at = text.find(joint, at + 1)
        return text


def _templates(table: Mapping[tuple[str, str], str], contexts: Sequence[str]) -> list[Template]:
    found = [
        Template(english, other, tuple(literal for literal, *_ in _FORMATTER.parse(english) if literal))
        for (context, english), other in table.items()
        if context in contexts
    ]
    return sorted(found, key=lambda one: -sum(map(len, one.fixed)))


@functools.cache
def _pattern(template: str) -> re.Pattern[str]:
    pattern = ""
    for literal, name, _, conversion in _FORMATTER.parse(template):
        pattern += re.escape(literal)
        if name is not None:
            pattern += f"(?P<{name}>{_QUOTED if conversion == 'r' else '.*?'})"
    return re.compile(pattern, re.DOTALL)
