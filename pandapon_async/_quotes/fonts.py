"""Fonts for charts: the installed ones that have the characters, including the font of the extra ``charts``."""

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
"""Ships with matplotlib; covers Latin including Vietnamese, Greek, and Cyrillic."""
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
"""The common ones on Linux, macOS and Windows, simplified Chinese first."""
_PACKAGE, _PACKAGED = "noto_cjk_sans_otc", "Noto Sans CJK SC"
_EMBEDDED = "chart labels"
_PLACEHOLDERS = ("Last Resort", ".LastResort")
"""Fonts that have a placeholder box for every character."""


@attrs.frozen
class Fonts:
    """The families to draw with, and the characters missing from all of them."""

    families: tuple[str, ...]
    missing: str

    @property
    def css_families(self) -> str:
        """The families for an SVG: the embedded one first, then those that the viewer may have."""
        names = dict.fromkeys((_EMBEDDED, *self.families, *_EAST_ASIAN))
        return ", ".join([*(f"'{name}'" for name in names), "sans-serif"])

    @property
    def notice(self) -> str | None:
        """Which characters are missing, and what to do about it."""
        if not self.missing:
            return None
        return (
            f"no installed font has the characters {self.missing}: a PNG shows them as boxes. Install a font that has them "
            "(Noto Sans CJK has Chinese, Japanese and Korean; it comes with pandapon-async[charts]), or write an SVG, "
            "which uses the viewer's fonts"
        )


def fonts_for(text: str) -> Fonts:
    """Installed families that together cover as many characters of a text as possible."""
    manager: Any = importlib.import_module("matplotlib.font_manager")
    needed = {ord(letter) for letter in text if letter.isprintable() and not letter.isspace()}
    families: list[str] = []
    for family, path in _candidates(manager):
        if not needed and families:
            break
        if family in families:
            continue
        with contextlib.suppress(Exception):  # skip font files that can't be read
            has = needed & manager.get_font(path).get_charmap().keys()
            if has or family == BASE:
                families.append(family)
                needed -= has
    return Fonts(tuple(families), "".join(map(chr, sorted(needed)))[:40])


def _candidates(manager: Any) -> Iterator[tuple[str, str]]:
    """Families and files: the base, the common East Asian ones, then everything else installed."""
    _register_packaged(manager)
    regular = {font.name: font.fname for font in manager.fontManager.ttflist if _is_regular(font)}
    for family in (BASE, *_EAST_ASIAN):
        if family in regular:
            yield family, regular[family]
    yield from sorted(regular.items())


def _is_regular(font: Any) -> bool:
    real = not font.name.startswith(_PLACEHOLDERS) and "Emoji" not in font.name
    return real and font.style == "normal" and font.weight in (400, "normal", "regular")


def _register_packaged(manager: Any) -> None:
    """Register the extra's font with matplotlib."""
    path = _packaged()
    if path is not None and not any(font.fname == path for font in manager.fontManager.ttflist):
        manager.fontManager.addfont(path)


def _packaged() -> str | None:
    """The file of the extra's font; None if it isn't installed."""
    try:
        folder: Any = importlib.resources.files(_PACKAGE)
    except ModuleNotFoundError:
        return None
    return next((str(file) for file in folder.iterdir() if file.name.endswith(".ttc")), None)


def embedded(text: str) -> str:
    """CSS that embeds the East Asian characters of a text, a few kB; empty if the extra's font isn't installed.

    Only that font is embedded: its licence (OFL) allows it; others' may not.
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
        subsetter = subset.Subsetter(options)
        subsetter.populate(text=letters)
        subsetter.subset(face)
        face.flavor, face.recalcTimestamp = "woff", False
        file = io.BytesIO()
        face.save(file)
    data = base64.b64encode(file.getvalue()).decode()
    return f"@font-face{{font-family:'{_EMBEDDED}';src:url(data:font/woff;base64,{data}) format('woff')}}"
