"""Fonts for a chart: which of the installed ones have the characters, the font of the extra ``charts`` among them."""

from __future__ import annotations

import base64
import contextlib
import importlib
import importlib.resources
import io
import unicodedata
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
_PACKAGE, _PACKAGED = "noto_cjk_sans_otc", "Noto Sans CJK SC"
_EMBEDDED = "chart labels"
_UNREAL = ("Last Resort", ".LastResort")
"""Fonts that have every character, as a box."""


@attrs.frozen
class Fonts:
    """The families to draw with, and the characters that none of them has."""

    families: tuple[str, ...]
    missing: str

    @property
    def for_readers(self) -> str:
        """The families as an SVG names them: the one that it brings along first, then those that its reader may have."""
        names = dict.fromkeys((_EMBEDDED, *self.families, *_EAST_ASIAN))
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
    """Family and file: the base, the usual ones for East Asia, then whatever is installed."""
    _make_known(manager)
    regular = {font.name: font.fname for font in manager.fontManager.ttflist if _is_regular(font)}
    for family in (BASE, *_EAST_ASIAN):
        if family in regular:
            yield family, regular[family]
    yield from sorted(regular.items())


def _is_regular(font: Any) -> bool:
    real = not font.name.startswith(_UNREAL) and "Emoji" not in font.name
    return real and font.style == "normal" and font.weight in (400, "normal", "regular")


def _make_known(manager: Any) -> None:
    """Tell matplotlib of the font that comes with the extra."""
    path = _packaged()
    if path is not None and not any(font.fname == path for font in manager.fontManager.ttflist):
        manager.fontManager.addfont(path)


def _packaged() -> str | None:
    """The file of the font that comes with the extra; None if that isn't installed."""
    try:
        folder: Any = importlib.resources.files(_PACKAGE)
    except ModuleNotFoundError:
        return None
    return next((str(file) for file in folder.iterdir() if file.name.endswith(".ttc")), None)


def embedded(text: str) -> str:
    """CSS that brings the East Asian characters of a text along, a few kB; empty if the extra's font isn't there.

    Only that font: its licence (OFL) allows it, which isn't known of others.
    """
    path = _packaged()
    letters = "".join(sorted({letter for letter in text if unicodedata.east_asian_width(letter) in "WF"}))
    if path is None or not letters:
        return ""
    subset: Any = importlib.import_module("fontTools.subset")
    collection: Any = importlib.import_module("fontTools.ttLib").TTCollection(path, lazy=True)
    with contextlib.closing(collection):
        faces = {font["name"].getDebugName(1): font for font in collection}
        face = faces[_PACKAGED]
        options = subset.Options(layout_features=[], name_IDs=[])
        cutter = subset.Subsetter(options)
        cutter.populate(text=letters)
        cutter.subset(face)
        face.flavor, face.recalcTimestamp = "woff", False
        file = io.BytesIO()
        face.save(file)
    data = base64.b64encode(file.getvalue()).decode()
    return f"@font-face{{font-family:'{_EMBEDDED}';src:url(data:font/woff;base64,{data}) format('woff')}}"
