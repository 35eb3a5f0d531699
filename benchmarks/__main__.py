"""The runner: ``python -m benchmarks [NAME ...]``; see ``--help`` and README.md."""

from __future__ import annotations

import argparse
import dataclasses
import importlib.util
import json
import os
import platform
import statistics
import sys
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from types import ModuleType
from typing import Any

from . import booking, chart, cold, files, fleet, journal, journal_rows, latency, memory, pacer, postgres_rows
from .lab import Lab, Options, Spread
from .process import sync_times

BENCHMARKS: dict[str, ModuleType] = {
    "booking": booking,
    "latency": latency,
    "cold": cold,
    "files": files,
    "journal": journal,
    "journal_rows": journal_rows,
    "postgres_rows": postgres_rows,
    "fleet": fleet,
    "memory": memory,
    "pacer": pacer,
}
"""The one place where a benchmark is registered: a module with a ``TITLE`` and ``run(lab)``, which gives rows."""

CHARTS = {"booking": chart.draw, "fleet": chart.draw_workers}
"""Those that can be drawn; of several the first is."""

FULL = Options(rounds=7, bookings=10_000, concurrency=64)
QUICK = Options(rounds=3, bookings=2_000, concurrency=64)


def main(arguments: list[str] | None = None) -> int:
    """Run what was asked for and print it."""
    given = _parser().parse_args(arguments)
    base = QUICK if given.quick else FULL
    changes = {name: getattr(given, name) for name in ("rounds", "bookings", "concurrency", "memory")}
    options = dataclasses.replace(base, **{name: value for name, value in changes.items() if value is not None})
    unknown = [name for name in given.names if name not in BENCHMARKS]
    if unknown:
        print(f"unknown: {', '.join(unknown)}; there are {', '.join(BENCHMARKS)}", file=sys.stderr)
        return 2
    if given.chart and importlib.util.find_spec("matplotlib") is None:
        print("--chart needs matplotlib", file=sys.stderr)
        return 2
    about = environment(options)
    if not given.json:
        print("; ".join(f"{name} {value}" for name, value in about.items()))
    results: dict[str, list[dict[str, Any]]] = {}
    with Lab(options) as lab:
        for name in given.names or BENCHMARKS:
            results[name] = BENCHMARKS[name].run(lab)
            if not given.json:
                print(f"\n{BENCHMARKS[name].TITLE}\n\n{table(results[name])}", flush=True)
    if given.chart:
        drawn = next((name for name in results if name in CHARTS), None)
        if drawn is not None:
            CHARTS[drawn](results[drawn], given.chart)
    if given.json:
        print(json.dumps({"environment": about, "benchmarks": results}, default=dataclasses.asdict, indent=1))
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks", description="What a booking costs, beside bare aiohttp."
    )
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"which benchmarks (all): {', '.join(BENCHMARKS)}")
    parser.add_argument("--rounds", type=int, help=f"rounds ({FULL.rounds})")
    parser.add_argument("--bookings", type=int, help=f"bookings a sample ({FULL.bookings}); journal: twice as many")
    parser.add_argument("--concurrency", type=int, help=f"bookings at the same time ({FULL.concurrency})")
    parser.add_argument("--quick", action="store_true", help=f"{QUICK.rounds} rounds of {QUICK.bookings} bookings")
    parser.add_argument("--memory", type=int, help="the most bookings of the benchmark memory (five times --bookings)")
    parser.add_argument(
        "--chart", type=Path, metavar="FILE", help="draw booking, or fleet (.svg, .png; needs matplotlib)"
    )
    parser.add_argument("--json", action="store_true", help="print JSON")
    return parser


def environment(options: Options) -> dict[str, Any]:
    """What the figures depend on."""
    return {
        "Python": platform.python_version(),
        **{package: _version(package) for package in ("aiohttp", "cattrs", "orjson", "httpx", "uvloop")},
        "machine": f"{platform.system()} {platform.machine()}, {os.cpu_count()} cores",
        "load": f"{os.getloadavg()[0]:.1f}" if hasattr(os, "getloadavg") else "unknown",
        "fdatasync ms": f"{statistics.median(sync_times()) * 1000:.2f}",
        **dataclasses.asdict(options),
    }


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return "not installed"


def table(rows: list[dict[str, Any]]) -> str:
    """Rows as a Markdown table."""
    lines = [list(rows[0]), ["---" for _ in rows[0]], *([_cell(name, row[name]) for name in row] for row in rows)]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _cell(name: str, value: Any) -> str:
    if not isinstance(value, Spread):
        return "" if value is None else str(value)
    return value.text(2 if name.endswith("ratio") else 0 if name.endswith("/s") else 1)


if __name__ == "__main__":
    sys.exit(main())
