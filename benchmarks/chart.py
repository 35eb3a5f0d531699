"""What was measured as charts, by matplotlib."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from .lab import Spread

_OWN, _OTHER = "#1f6f8b", "#b8b8b8"


def draw(rows: list[dict[str, Any]], path: Path) -> None:
    """Write the rows of `booking` to ``path``, in the format that its ending names.

    Raises:
        ImportError: matplotlib isn't installed.
    """
    pyplot = _pyplot()
    names = [str(row["contestant"]) for row in rows]
    ratios: list[Spread] = [row["CPU ratio"] for row in rows]
    figure, axes = pyplot.subplots(figsize=(9, 0.8 + 0.34 * len(rows)), layout="constrained")
    axes.barh(
        names,
        [ratio.median for ratio in ratios],
        xerr=[
            [ratio.median - ratio.least for ratio in ratios],
            [ratio.most - ratio.median for ratio in ratios],
        ],
        color=[_OWN if name.startswith(("book_freight", "stream", "job")) else _OTHER for name in names],
        error_kw={"elinewidth": 1, "ecolor": "#333333"},
    )
    right = 1.6 * max(ratio.median for name, ratio in zip(names, ratios, strict=True) if "httpx" not in name)
    for place, ratio in enumerate(ratios):
        beyond = ratio.most > right
        axes.text(
            right if beyond else ratio.most,
            place,
            f"{' off the chart: ' if beyond else '  '}{ratio.median:.2f}",
            va="center",
            ha="right" if beyond else "left",
        )
    axes.axvline(1, color="#333333", linewidth=1, linestyle=":")
    axes.set_xlim(0, right)
    axes.invert_yaxis()
    axes.set_xlabel("CPU of a booking, as a multiple of bare ClientSession's (median; the line: least to most)")
    _write(figure, path)


def draw_workers(rows: list[dict[str, Any]], path: Path) -> None:
    """Write the rows of `fleet` likewise.

    Raises:
        ImportError: matplotlib isn't installed.
    """
    figure, axes = _pyplot().subplots(figsize=(7, 4), layout="constrained")
    for rate, color in zip(dict.fromkeys(row["a second"] for row in rows), (_OTHER, _OWN), strict=False):
        mine = [row for row in rows if row["a second"] == rate]
        speeds: list[Spread] = [row["bookings/s"] for row in mine]
        axes.errorbar(
            [row["workers"] for row in mine],
            [speed.median for speed in speeds],
            yerr=[[speed.median - speed.least for speed in speeds], [speed.most - speed.median for speed in speeds]],
            color=color,
            marker="o",
            label=f"{rate} a second" if isinstance(rate, float) else str(rate),
        )
    axes.set_xlabel("workers of 16 bookings at a time, at a vendor that takes 200 ms")
    axes.set_ylabel("bookings a second (median; least to most)")
    axes.set_xticks([row["workers"] for row in rows])
    axes.set_ylim(bottom=0)
    axes.legend(frameon=False)
    _write(figure, path)


def _pyplot() -> Any:  # matplotlib's own annotations are incomplete
    import matplotlib

    matplotlib.use("Agg")
    matplotlib.rcParams["svg.fonttype"] = "none"  # text as text: a tenth of the size
    matplotlib.rcParams["svg.hashsalt"] = "benchmarks"  # the same figures give the same file
    from matplotlib import pyplot

    return pyplot


def _write(figure: Any, path: Path) -> None:
    figure.axes[0].spines[["top", "right"]].set_visible(False)
    figure.savefig(path, metadata={"Date": None} if path.suffix == ".svg" else None)
    _pyplot().close(figure)
