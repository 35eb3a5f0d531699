"""A worker as a process of its own, whose queue finds out soon that it is dead: run by the tests beside it.

``LEASE`` makes leases as short as the test wants them, ``CONCURRENCY`` is the account's. ``SEAM`` says where, the first time that it
gets there, it stops as by SIGSTOP ("sent": the row is committed as sent; "looked": it has looked at its lease, and the first byte
comes next), or writes a line and waits for one ("commit": a row is about to be committed as sent).
"""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable
from typing import Any

from pandapon_async import PANDAPON, Credentials, Limits, RetryPolicy
from pandapon_async._cli.running import serve
from pandapon_async._fleet import worker as fleet_worker
from pandapon_async._fleet.worker import Worker
from pandapon_async._journal.postgres import connection, workers, writer
from pandapon_async._journal.postgres.connection import PostgresConnection
from pandapon_async._journal.postgres.store import PostgresStore
from pandapon_async._journal.postgres.writer import PostgresWriter
from pandapon_async._journal.sql.changes import Change, Item

ASKED_WITHIN = 8.0
"""Seconds that a transaction may wait for the test, however slow the machine is."""


def shorten_leases(seconds: float, *, asks: bool) -> None:
    """What is reckoned from a lease keeps its share of it; so does what PostgreSQL lets a transaction wait."""
    share = seconds / workers.LEASE
    patience = max(share * connection._STALLED_SECONDS, ASKED_WITHIN if asks else 0.0)
    settings: Any = connection
    settings._SETTINGS = settings._SETTINGS.replace(
        f"'{connection._STALLED_SECONDS}s'", f"'{round(1000 * patience)}ms'"
    )
    for module in (workers, writer, fleet_worker):
        for name in ("LEASE", "MARGIN", "HEARTBEAT"):
            if hasattr(module, name):
                setattr(module, name, share * getattr(module, name))


def once(act: Callable[[], object]) -> Callable[[], None]:
    """Do it the first time only."""
    left = [act]

    def first() -> None:
        if left:
            left.pop()()

    return first


def stop() -> None:
    os.kill(os.getpid(), signal.SIGSTOP)


def ask() -> None:
    print("commit", flush=True)
    sys.stdin.readline()


def at_sent(act: Callable[[], object]) -> None:
    real: Any = PostgresStore.sent

    def sent(self: PostgresStore, *arguments: Any) -> Any:
        future = real(self, *arguments)
        future.add_done_callback(lambda _: act())
        return future

    PostgresStore.sent = sent  # type: ignore[method-assign]


def at_looked(act: Callable[[], object]) -> None:
    real = PostgresWriter.why_not_send

    def look(self: PostgresWriter) -> str | None:
        found = real(self)
        act()
        return found

    PostgresWriter.why_not_send = look  # type: ignore[method-assign]


def at_commit(act: Callable[[], object]) -> None:
    real, real_allowed = PostgresConnection.execute, PostgresWriter._allowed
    is_sending = False

    def allowed(self: PostgresWriter, connection: PostgresConnection, items: list[Item]) -> list[Item]:
        nonlocal is_sending
        is_sending = any(isinstance(item, Change) and not item.is_ending for item in items)
        return real_allowed(self, connection, items)

    def execute(self: PostgresConnection, query: str, values: Any = (), /) -> Any:
        if query == "COMMIT" and is_sending:
            act()
        return real(self, query, values)

    PostgresWriter._allowed = allowed  # type: ignore[method-assign]
    PostgresConnection.execute = execute  # type: ignore[method-assign]


def main(url: str, key: str, secret: str, user: str, journal: str) -> None:
    profile = PANDAPON.evolve(
        base_url=url,
        credentials=Credentials(access_key=key, access_secret=secret, user_id=user),
        retry=RetryPolicy(base=0.01, budget=10_000, attempts=8),
        limits=Limits(concurrency=int(os.environ.get("CONCURRENCY", "32"))),
    )
    seam = os.environ.get("SEAM")
    shorten_leases(float(os.environ.get("LEASE", workers.LEASE)), asks=seam == "commit")
    if seam:
        put, act = {"sent": (at_sent, stop), "looked": (at_looked, stop), "commit": (at_commit, ask)}[seam]
        put(once(act))
    serve(Worker([profile], journal, 16, heartbeat=2.0).run())


if __name__ == "__main__":
    main(*sys.argv[1:6])
