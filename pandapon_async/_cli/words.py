"""What clerks read, in their language: one catalogue, by codes.

`texts.TEXTS` is the English one; each ``locale/*.po`` is another, in gettext's format with the code as the context, so that a new
language is a new file. Codes, JSON and ``--help`` are never translated.
"""

from __future__ import annotations

import ast
import functools
import os
import re
import sys
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, Final

import attrs
import click

from .._config.settings import Settings
from .._errors import ConfigError
from .sentences import Sentences
from .texts import TEXTS

FOLDER: Final = Path(__file__).parent / "locale"
_SPOKEN: Final = "pandapon_async.words"
_ENTRY: Final = re.compile(r'(msgctxt|msgid|msgstr)?\s*("(?:[^"\\]|\\.)*")')


@attrs.frozen
class Words:
    """The texts of one language; English where it has none.

    ``table``: by code and English text; ``work``: what is done if it isn't booking (``"other"``, ``"submit"``), so that what is said of
    it may be another text; ``sentences``: what comes with its values in it.
    """

    table: Mapping[tuple[str, str], str] = attrs.field(factory=dict[tuple[str, str], str], repr=False)
    work: str | None = None
    sentences: Sentences = attrs.field(factory=Sentences, repr=False)

    def of_work(self, work: str) -> Words:
        """The same words, for work that isn't booking."""
        return attrs.evolve(self, work=work)

    def __call__(self, code: str, **values: object) -> str:
        """The text of a code, with these values in it."""
        if self.work is not None and f"{self.work}.{code}" in TEXTS:
            code = f"{self.work}.{code}"
        english = TEXTS[code]
        return (self.table.get((code, english)) or english).format(**values)

    def said(self, sentence: str) -> str:
        """What the library, click or the system said in English."""
        return self.sentences.translated(sentence)

    def has(self, code: str) -> bool:
        """Whether there is a text of this code."""
        return code in TEXTS


def words_of(language: str | None, folder: Path | None = None, environ: Mapping[str, str] | None = None) -> Words:
    """The words of a language.

    Args:
        language: such as ``"zh_CN"``, or the path of a ``.po`` file; None: what the system speaks.
        folder: where a path is relative to.
        environ: tells what the system speaks.

    Raises:
        ConfigError: a language was named that isn't there.
    """
    if language is None:
        return next(_provided(_spoken(os.environ if environ is None else environ)), Words())
    if language.endswith(".po"):
        return _read((folder or Path()) / language)
    if _is_english(language):
        return Words()
    found = next(_provided([language]), None)
    if found is None:
        known = ", ".join(["en", *sorted(path.stem for path in FOLDER.glob("*.po"))])
        raise ConfigError(f"language: there is no {language!r}; there are {known}, or the path of a .po file")
    return found


def words_for(settings: Settings) -> Words:
    """The words of the settings, in which the command that is running tells its end, too."""
    words = words_of(settings.language, settings.path and settings.path.parent)
    if (context := click.get_current_context(silent=True)) is not None:
        context.meta[_SPOKEN] = words
    return words


def spoken() -> Words:
    """The words of the command that is running: those of its settings, once it has them, else of the system."""
    context = click.get_current_context(silent=True)
    found = None if context is None else context.meta.get(_SPOKEN)
    return found if isinstance(found, Words) else words_of(None)


def _is_english(language: str) -> bool:
    return re.split(r"[_.@-]", language)[0].lower() in ("en", "c", "posix")


def _provided(languages: Iterable[str]) -> Iterator[Words]:
    """What there is of the first language that is known, or of another region's."""
    paths = {path.stem.lower(): path for path in sorted(FOLDER.glob("*.po"))}
    for language in languages:
        if _is_english(language):
            yield Words()
        name = re.split("[.@]", language)[0].replace("-", "_").lower()
        near = [path for stem, path in paths.items() if stem.split("_")[0] == name.split("_")[0]]
        if path := paths.get(name) or next(iter(near), None):
            yield _read(path)


def _spoken(environ: Mapping[str, str]) -> list[str]:
    """What the system speaks, as gettext finds it."""
    for name in ("LANGUAGE", "LC_ALL", "LC_MESSAGES", "LANG"):
        if given := environ.get(name):
            return [one for one in given.split(":") if one]
    if sys.platform == "win32":  # pragma: no cover - Windows only
        import ctypes
        import locale

        return [locale.windows_locale.get(ctypes.WinDLL("kernel32").GetUserDefaultUILanguage(), "en")]
    return []


@functools.cache
def _read(path: Path) -> Words:
    try:
        table = dict(read_po(path.read_text(encoding="utf-8-sig")))
        return Words(table, sentences=Sentences.of(table))
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else "is no .po file in UTF-8"
        raise ConfigError(f"language: {path}: {reason}") from None


def read_po(text: str) -> Iterator[tuple[tuple[str, str], str]]:
    """The entries of a ``.po`` file: code and English text, and the translation; without those that are marked as fuzzy.

    Raises:
        ValueError: it isn't one.
    """
    for block in re.split(r"\n\s*\n", text.replace("\r\n", "\n")):
        lines = [line.strip() for line in block.splitlines() if line.strip()]
        if any(line.startswith("#,") and "fuzzy" in line for line in lines):
            continue
        entry: dict[str, str] = {}
        keyword = ""
        for line in lines:
            if line.startswith("#"):
                continue
            if (match := _ENTRY.fullmatch(line)) is None or not (keyword := match[1] or keyword):
                raise ValueError(line)
            entry[keyword] = entry.get(keyword, "") + _unquoted(match[2])
        if entry.get("msgctxt") and entry.get("msgstr"):
            yield (entry["msgctxt"], entry.get("msgid", "")), entry["msgstr"]


def _unquoted(quoted: str) -> str:
    value: Any = ast.literal_eval(quoted)
    return str(value)
