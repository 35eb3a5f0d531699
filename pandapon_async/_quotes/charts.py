"""Charts of a sweep: prices by destination, with a dot per vendor and service (extra ``charts``)."""

from __future__ import annotations

import importlib
import io
import re
import statistics
import unicodedata
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import attrs

from .._errors import ConfigError, RequestError
from .fonts import Fonts, embedded, fonts_for
from .rates import Rates

if TYPE_CHECKING:
    from .quote import Quote

MAX_DESTINATIONS = 200
"""The most rows a chart shows: the cheapest are drawn, and the number of others is reported."""
_COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#56B4E9", "#E69F00")  # distinguishable with colour blindness
_MARKERS = "osD^vPX*"
_LEFT, _RIGHT = 34, 48
"""Text columns on either side of the chart; a Chinese character takes two."""
_DPI = 150
_FAMILIES = re.compile('font-family: [^;"]*')
_STYLE = '<style type="text/css">'

Series = tuple[str, str]
"""A vendor and a service."""


@attrs.frozen
class _Dot:
    """One vendor's service to one destination: the lowest, median and highest price."""

    low: float
    middle: float
    high: float


@attrs.frozen
class _Panel:
    """The dots of one currency, by destination and series."""

    currency: str
    dots: dict[str, dict[Series, _Dot]]

    def cheapest(self, destination: str) -> tuple[Series, _Dot] | None:
        row = self.dots.get(destination)
        return min(row.items(), key=lambda pair: pair[1].middle) if row else None


@attrs.frozen
class _Picture:
    """What to draw; ``items`` is the number of different goods that the prices are for."""

    title: str
    destinations: tuple[str, ...]
    series: tuple[Series, ...]
    panels: tuple[_Panel, ...]
    items: int
    left_out: int

    @property
    def text(self) -> str:
        """Every character that may be drawn."""
        names = [name for pair in self.series for name in pair]
        return "".join([self.title, *self.destinations, *names, "0123456789.,:·…"])


def write_chart(rows: Sequence[Quote], path: Path, rates: Rates, title: str | None) -> tuple[str, ...]:
    """Draw quotes to a file; see `QuoteTable.write_chart`."""
    kind = path.suffix.lower()
    if kind not in (".svg", ".png"):
        raise RequestError(f"a chart's file must end in .svg or .png, not {path.suffix!r}")
    matplotlib = _matplotlib()
    picture = _picture(rows, rates, title)
    fonts = fonts_for(picture.text)
    style = {
        "font.family": list(fonts.families),
        "font.size": 9,
        "text.parse_math": False,  # a name may hold dollar signs
        "svg.fonttype": "none",
        "svg.hashsalt": "pandapon",
        "axes.spines.top": False,
        "axes.spines.right": False,
        "axes.spines.left": False,
    }
    with matplotlib.rc_context(style), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # missing glyphs: reported once, with advice
        content = _rendered(picture, kind, fonts)
    path.write_bytes(content)
    left_out = f"{picture.left_out} more expensive destinations are not in the chart" if picture.left_out else None
    missing = fonts.notice if kind == ".png" else None
    return tuple(notice for notice in (missing, left_out) if notice)


def _matplotlib() -> Any:
    # On import it writes a font cache; where it can't, it warns and uses a temporary folder.
    try:
        return importlib.import_module("matplotlib")
    except ModuleNotFoundError:
        raise ConfigError("charts need matplotlib: pip install 'pandapon-async[charts]'") from None


# --- data --------------------------------------------------------------------------------------------------------------


def _picture(rows: Sequence[Quote], rates: Rates, title: str | None) -> _Picture:
    prices: dict[str, dict[str, dict[Series, list[float]]]] = {}
    services: dict[str, dict[str, None]] = {}
    priced_rows = [row for row in rows if row.price is not None]
    for row in priced_rows:
        assert row.price is not None
        currency, amount = rates.measure(row.price)
        services.setdefault(row.vendor, {})[row.service] = None
        places = prices.setdefault(currency, {})
        places.setdefault(row.destination, {}).setdefault((row.vendor, row.service), []).append(float(amount))
    if not prices:
        raise RequestError("there is no price to draw")
    panels = tuple(_panel(currency, places) for currency, places in prices.items())
    priced = _by_price(panels)
    unpriced = [place for place in dict.fromkeys(row.destination for row in rows) if place not in priced]
    every = [*priced, *unpriced]
    return _Picture(
        title=title or "Freight per destination",
        destinations=tuple(every[:MAX_DESTINATIONS]),
        series=tuple((vendor, service) for vendor, names in services.items() for service in names),
        panels=panels,
        items=len({row.goods for row in priced_rows}),
        left_out=max(0, len(every) - MAX_DESTINATIONS),
    )


def _panel(currency: str, places: dict[str, dict[Series, list[float]]]) -> _Panel:
    return _Panel(
        currency,
        {
            place: {pair: _Dot(min(found), statistics.median(found), max(found)) for pair, found in row.items()}
            for place, row in places.items()
        },
    )


def _by_price(panels: Sequence[_Panel]) -> list[str]:
    """Destinations, cheapest first: those priced in the first currency, then the others."""
    order: dict[str, None] = {}
    for panel in panels:
        order |= dict.fromkeys(sorted(panel.dots, key=lambda place: min(d.middle for d in panel.dots[place].values())))
    return list(order)


def _caption(picture: _Picture) -> str:
    what = f"dots: median of {picture.items} goods; lines: lowest to highest" if picture.items > 1 else ""
    right = "right: the cheapest service" if len(picture.panels) == 1 else ""
    return "; ".join(part for part in (what, right) if part)


def _label(text: str, columns: int) -> str:
    """A label on at most two lines, truncated to fit beside a chart."""
    first = _fitting(text, columns)
    if first == text:
        return text
    blank = first.rfind(" ")
    first = first[:blank] if blank > 0 else first
    rest = text[len(first) :].strip()
    second = _fitting(rest, columns)
    return f"{first}\n{second if second == rest else second[:-1] + '…'}"


def _fitting(text: str, columns: int) -> str:
    """As much of the text as fits on a line; a Chinese character takes two columns."""
    width = 0
    for place, letter in enumerate(text):
        width += 2 if unicodedata.east_asian_width(letter) in "WF" else 1
        if width > columns:
            return text[:place]
    return text


# --- drawing -----------------------------------------------------------------------------------------------------------


def _rendered(picture: _Picture, kind: str, fonts: Fonts) -> bytes:
    rows, series = len(picture.destinations), len(picture.series)
    services = max(sum(vendor == name for vendor, _ in picture.series) for name, _ in picture.series)
    band = max(0.34, (0.085 if picture.items > 1 else 0.05) * series + 0.08)
    legend = 0.22 * services + 0.75
    figure: Any = importlib.import_module("matplotlib.figure").Figure(
        figsize=(10 + 3.2 * (len(picture.panels) - 1), rows * band + legend + 0.75), layout="constrained"
    )
    axes = figure.subplots(1, len(picture.panels), sharey=True, squeeze=False)[0]
    for axis, panel in zip(axes, picture.panels, strict=True):
        _draw_panel(axis, panel, picture)
    axes[0].set_yticks(range(rows), [_label(place, _LEFT) for place in picture.destinations])
    if len(picture.panels) == 1:
        _draw_cheapest(axes[0], picture.panels[0], picture.destinations)
    _draw_legend(figure, picture)
    drawn = io.BytesIO()
    facts = {"Date": None} if kind == ".svg" else {"Software": None}
    figure.savefig(drawn, format=kind[1:], dpi=_DPI, metadata=facts)
    if kind == ".png":
        return drawn.getvalue()
    text = _FAMILIES.sub(f"font-family: {fonts.css_families}", drawn.getvalue().decode())
    return text.replace(_STYLE, _STYLE + embedded(picture.text), 1).encode()


def _draw_panel(axis: Any, panel: _Panel, picture: _Picture) -> None:
    rows, series = len(picture.destinations), picture.series
    for row in range(0, rows, 2):
        axis.axhspan(row - 0.5, row + 0.5, color="#f3f4f6", zorder=0)
    for place, pair in enumerate(series):
        offset = (place - (len(series) - 1) / 2) * 0.76 / max(len(series), 1)
        found = [
            (row + offset, panel.dots[name][pair])
            for row, name in enumerate(picture.destinations)
            if pair in panel.dots.get(name, {})
        ]
        if not found:
            continue
        heights, dots = [height for height, _ in found], [dot for _, dot in found]
        colour, marker = _style_of(picture, pair)
        axis.hlines(heights, [d.low for d in dots], [d.high for d in dots], colors=colour, alpha=0.35, linewidth=1.6)
        axis.scatter([d.middle for d in dots], heights, s=20, c=colour, marker=marker, linewidths=0, zorder=3)
    axis.set_ylim(rows - 0.5, -0.5)
    axis.set_xlim(left=0)
    axis.margins(x=0.04)
    axis.set_xlabel(f"freight, {panel.currency}\n{_caption(picture)}")
    axis.grid(axis="x", color="#d1d5db", linewidth=0.6, zorder=1)
    axis.set_axisbelow(True)
    axis.tick_params(axis="y", length=0)
    if rows > 20:
        axis.tick_params(axis="x", top=True, labeltop=True)


def _style_of(picture: _Picture, pair: Series) -> tuple[str, str]:
    """The vendor's colour and the service's marker."""
    vendors = list(dict.fromkeys(vendor for vendor, _ in picture.series))
    mine = [service for vendor, service in picture.series if vendor == pair[0]]
    return _COLOURS[vendors.index(pair[0]) % len(_COLOURS)], _MARKERS[mine.index(pair[1]) % len(_MARKERS)]


def _draw_cheapest(axis: Any, panel: _Panel, destinations: Sequence[str]) -> None:
    """The cheapest service of each row, to its right."""
    words: list[str] = []
    for place in destinations:
        found = panel.cheapest(place)
        words.append("no price" if found is None else f"{found[1].middle:,.2f}  {' · '.join(found[0])}")
    right = axis.twinx()
    right.set_ylim(axis.get_ylim())
    right.set_yticks(range(len(destinations)), [_label(text, _RIGHT) for text in words])
    right.tick_params(axis="y", length=0)


def _draw_legend(figure: Any, picture: _Picture) -> None:
    """A column per vendor, a line per service."""
    line: Any = importlib.import_module("matplotlib.lines").Line2D
    columns: dict[str, list[Any]] = {}
    for pair in picture.series:
        colour, marker = _style_of(picture, pair)
        handle = line([], [], color=colour, marker=marker, linestyle="", label=" · ".join(pair))
        columns.setdefault(pair[0], []).append(handle)
    longest = max(map(len, columns.values()))
    for column in columns.values():
        column += [line([], [], linestyle="", label=" ")] * (longest - len(column))
    handles = [handle for column in columns.values() for handle in column]
    figure.legend(
        handles=handles,
        loc="outside upper left",
        ncols=len(columns),
        frameon=False,
        title=picture.title,
        title_fontsize=13,
        alignment="left",
    )
