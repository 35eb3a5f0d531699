"""Fonts for a chart: which of the installed ones have the characters, the font of the extra ``charts`` among them."""

from __future__ import annotations

import contextlib
import importlib
import importlib.resources
from collections.abc import Iterator
from typing import Any

import attrs

BASE = "DejaVu Sans"
"""Comes with matplotlib; has Latin with all Vietnamese letters, Greek, Cyrillic."""
_EAST_ASIAN = (
    "Noto Sans CJK SC",
    "Noto Sans SC",
    "Source Han Sans SC",
    "PingFang SC",
    "Hiragino Sans GB",
    "Microsoft YaHei",
    "WenQuanYi Micro Hei",
    "WenQuanYi Zen Hei",
    "SimHei",
    "Noto Sans CJK JP",
    "Noto Sans JP",
    "Hiragino Sans",
    "Yu Gothic",
    "Noto Sans KR",
    "Apple SD Gothic Neo",
    "Malgun Gothic",
    "Droid Sans Fallback",
    "Arial Unicode MS",
)
"""The usual ones on Linux, macOS and Windows; those for simplified Chinese first."""
_PACKAGE = "noto_cjk_sans_otc"


@attrs.frozen
class Fonts:
    """The families to draw with, and the characters that none of them has."""

    families: tuple[str, ...]
    missing: str

    @property
    def for_readers(self) -> str:
        """The families as an SVG names them: those that its reader may have are among them."""
        names = dict.fromkeys((*self.families, *_EAST_ASIAN))
        return ", ".join([*(f"'{name}'" for name in names), "sans-serif"])

    @property
    def notice(self) -> str | None:
        """What is missing, and what to do about it."""
        if not self.missing:
            return None
        return (
            f"no installed font has the characters {self.missing}: they show as boxes in a PNG. Install a font that has them "
            "(Noto Sans CJK has Chinese, Japanese and Korean; it comes with pandapon-async[charts]), or write an SVG, "
            "which shows in its reader's fonts"
        )


def fonts_for(text: str) -> Fonts:
    """Installed families that together have every character of a text, as far as any has."""
    manager: Any = importlib.import_module("matplotlib.font_manager")
    needed = {ord(letter) for letter in text if letter.isprintable() and not letter.isspace()}
    families: list[str] = []
    for family, path in _candidates(manager):
        if not needed and families:
            break
        if family in families:
            continue
        with contextlib.suppress(Exception):  # a font file that can't be read is as good as none
            has = needed & manager.get_font(path).get_charmap().keys()
            if has or family == BASE:
                families.append(family)
                needed -= has
    return Fonts(tuple(families), "".join(map(chr, sorted(needed)))[:40])


def _candidates(manager: Any) -> Iterator[tuple[str, str]]:
    """Family and file: the base, the usual ones for East Asia, the one of the extra, then whatever is installed."""
    regular = {font.name: font.fname for font in manager.fontManager.ttflist if _is_regular(font)}
    for family in (BASE, *_EAST_ASIAN):
        if family in regular:
            yield family, regular[family]
    packaged = _packaged(manager)
    if packaged is not None:
        yield packaged
    yield from sorted(regular.items())


def _is_regular(font: Any) -> bool:
    return font.style == "normal" and font.weight in (400, "normal", "regular") and "Emoji" not in font.name


def _packaged(manager: Any) -> tuple[str, str] | None:
    """The font that comes with the extra, made known to matplotlib; None if it isn't installed."""
    try:
        folder: Any = importlib.resources.files(_PACKAGE)
    except ModuleNotFoundError:
        return None
    for file in folder.iterdir():
        if file.name.endswith((".ttc", ".otf", ".ttf")):
            path = str(file)
            name: str = manager.get_font(path).family_name
            if name not in {font.name for font in manager.fontManager.ttflist}:
                manager.fontManager.addfont(path)
            return name, path
    return None
