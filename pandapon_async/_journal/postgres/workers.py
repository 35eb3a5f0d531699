"""Who works on a journal, and who may be taken for dead.

A worker has a lease, by PostgreSQL's clock, which it renews with every group that it commits, and with a heartbeat. Once a lease
has run out anybody may end the worker; what it had under way is then in doubt. The vendor knows nothing of leases, so a worker
looks at its own clock right before the first byte of a booking: later than `MARGIN` before its lease ends, nothing leaves.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Final

from ..._errors import JournalError
from ..._version import __version__
from ..rows import history_entry
from ..sql.connection import Connection
from ..sql.owners import Owner
from ..store import BY_JOB
from .connection import PostgresConnection

LEASE: Final = 30.0
MARGIN: Final = 5.0
HEARTBEAT: Final = 5.0
CLOCKS_DIFFER: Final = 60.0
"""Seconds by which a machine's clock may differ from PostgreSQL's."""
TURN: Final = 2.0
"""Seconds after which permits that can't be shared evenly go on to the next."""
AFTER_LEASE: Final = 60.0
"""Beyond a call's time-out: how long after its worker's lease a booking may still be on its way."""
NOW: Final = "extract(epoch FROM clock_timestamp())::FLOAT8"
_LEFT: Final = "found as sent: its worker had ended, or lost its lease, before its reply came"
_LAPSED: Final = f"ended IS NULL AND lease_end < {NOW} AND extract(epoch FROM pg_postmaster_start_time()) + ? < {NOW}"
"""After a start of PostgreSQL all get the time of a lease to come back."""


def boot_seconds() -> float:
    """Seconds that never go backwards, and count while the machine sleeps, where the system can tell."""
    return time.clock_gettime(time.CLOCK_BOOTTIME) if hasattr(time, "CLOCK_BOOTTIME") else time.monotonic()


def check_clock(connection: Connection) -> None:
    """Refuse a machine whose clock is wrong: by it what was sent a moment ago may seem long ago, and so surely not booked.

    Raises:
        JournalError: says by how much it differs from PostgreSQL's.
    """
    (there,) = connection.execute("SELECT extract(epoch FROM pg_catalog.clock_timestamp())::FLOAT8").fetchone()
    ahead = time.time() - there
    if abs(ahead) > CLOCKS_DIFFER:
        which = "ahead of" if ahead > 0 else "behind"
        raise JournalError(
            f"this machine's clock is {abs(ahead):,.0f} s {which} the database's: set the one that is wrong"
        )


def enlist(connection: Connection, account: int, timeout: float) -> int:
    """Note this process as a worker; ``timeout`` is what a call of it may take."""
    here = Owner.this_process()
    query = (
        "INSERT INTO workers (account, host, boot, pid, start, version, began, lease_end, patience) "
        f"VALUES (?, ?, ?, ?, ?, ?, {NOW}, {NOW} + ?, ?) RETURNING id"
    )
    connection.execute("INSERT INTO paces VALUES (?, 0, 0) ON CONFLICT DO NOTHING", (account,))
    values = (account, here.host, here.boot, here.pid, here.start, __version__, LEASE, timeout + AFTER_LEASE)
    return int(connection.execute(query, values).fetchone()[0])


def begin(connection: PostgresConnection, worker: int, commits: int, *locks: str) -> tuple[bool, float, int]:
    """Begin a transaction, in one message: lock, note a commit that is to come, and renew the lease.

    Returns:
        Whether it could be renewed, how many seconds the account still has to pause, and the version that a release must know.
    """
    query = (
        f"UPDATE workers SET commits = {commits}, lease_end = CASE WHEN ended IS NULL THEN {NOW} + {LEASE} ELSE lease_end END "
        f"WHERE id = {worker} RETURNING ended IS NULL, (SELECT paused_until - {NOW} FROM paces p WHERE p.account = workers.account), "
        "(SELECT oldest FROM journal)"
    )
    return connection.execute_together("BEGIN", *locks, query) or (False, 0.0, 0)


def dismiss(connection: Connection, worker: int) -> None:
    """A worker has ended in order."""
    query = f"UPDATE workers SET ended = {NOW}, lease_end = LEAST(lease_end, {NOW}) WHERE id = ? AND ended IS NULL"
    connection.execute(query, (worker,))


def end_lapsed(connection: Connection) -> None:
    """End the workers whose lease has run out; one that is just renewing it is left alone."""
    connection.execute(
        "UPDATE workers SET ended = lease_end, lost = TRUE WHERE id IN "
        f"(SELECT id FROM workers WHERE {_LAPSED} FOR UPDATE SKIP LOCKED)",
        (LEASE,),
    )


def end_dead(connection: Connection) -> None:
    """End the workers of this machine whose process is gone, without waiting for their lease: nothing of theirs can leave any more."""
    here = Owner.this_process()
    if not here.start:
        return  # the system doesn't tell
    query = "SELECT id, pid, start FROM workers WHERE ended IS NULL AND host = ? AND boot = ? AND start != ''"
    for number, pid, start in connection.execute(query, (here.host, here.boot)).fetchall():
        if not Owner(here.host, here.boot, pid, start).is_alive():
            query = f"UPDATE workers SET ended = {NOW}, lease_end = {NOW}, lost = TRUE WHERE id = ? AND ended IS NULL"
            connection.execute(query, (number,))


def put_in_doubt(connection: Connection, account: int, now: float) -> int:
    """Put in doubt what is still under way at workers that have ended; gives how many of them are the account's.

    The row keeps its owner, who may bring the reply after all.
    """
    query = (
        "UPDATE rows r SET version = r.version + 1, state = 'unknown', not_before = w.lease_end + w.patience, "
        "history = r.history || ?, error = 'the job ended before its reply came' FROM workers w "
        "WHERE r.state = 'sent' AND w.id = r.owner AND w.ended IS NOT NULL RETURNING r.account"
    )
    found = connection.execute(query, (history_entry(now, "unknown", BY_JOB, _LEFT),)).fetchall()
    return sum(of == account for (of,) in found)


def draw(connection: Connection, account: int, number: int, interval: float) -> tuple[list[float], float]:
    """The next starts of an account, by PostgreSQL's clock, and what that says: nobody else is given them."""
    query = f"UPDATE paces SET due = GREATEST(due, {NOW}) + ? WHERE account = ? RETURNING due, {NOW}"
    end, now = connection.execute(query, (number * interval, account)).fetchone()
    return [end - (number - at) * interval for at in range(number)], now


def take_slots(
    connection: PostgresConnection, account: int, worker: int, held: int, wanted: int, concurrency: int
) -> int:
    """Share an account's concurrency with its other workers; a dead one's permits are free once its lease has ended.

    Args:
        connection: in autocommit.
        account: whose concurrency it is.
        worker: who asks.
        held: permits that it has.
        wanted: permits that it could use.
        concurrency: what the account's profile allows, as the worker knows it; of several the least holds.

    Returns:
        How many it is to have from now on. If that is less than it holds, they are counted as its own until it asks again.
    """
    query = f"SELECT id, wanted, concurrency, {NOW} FROM workers WHERE account = ? AND (ended IS NULL OR id = ?)"
    found = connection.execute(query, (account, worker)).fetchall()
    others = {number: (hungry, most) for number, hungry, most, _ in found if number != worker}
    most = min([concurrency, *(theirs for _, theirs in others.values() if theirs is not None)])
    wants = {number: hungry for number, (hungry, _) in others.items()} | {worker: wanted}
    share = fair_share(most, wants, worker, int(found[0][3] / TURN))
    query = (
        f"UPDATE workers w SET wanted = {wanted}, concurrency = {concurrency}, slots = GREATEST({held}, LEAST({share}, {most} - "
        "(SELECT COALESCE(SUM(o.slots), 0) FROM workers o WHERE o.account = w.account AND o.ended IS NULL AND o.id <> w.id))) "
        f"WHERE id = {worker} AND ended IS NULL RETURNING slots"
    )
    taken = connection.execute_locked(account, query)
    return concurrency if taken is None else min(taken, share)  # who lost its lease is told so when it sends


def fair_share(most: int, wanted: Mapping[int, int], who: int, turn: int) -> int:
    """How much of ``most`` is one's share, by what all want: nobody's is more than that, and what one doesn't want is the others'.

    What can't be divided goes round, by the turn.
    """
    left, hungry = most, sorted(wanted, key=wanted.__getitem__)
    while hungry and wanted[hungry[0]] <= left // len(hungry):
        left -= wanted[hungry.pop(0)]
    if who not in hungry:
        return wanted[who]
    each, rest = divmod(left, len(hungry))
    return each + ((sorted(hungry).index(who) + turn) % len(hungry) < rest)


def pause(connection: Connection, account: int, seconds: float) -> None:
    """Let all who work for an account pause from now."""
    query = f"UPDATE paces SET paused_until = GREATEST(paused_until, {NOW} + ?) WHERE account = ?"
    connection.execute(query, (seconds, account))


def refuse_living(connection: Connection, name: str) -> None:
    """Refuse what must not be done while an account's job runs; one that was killed on this machine doesn't.

    Raises:
        JournalError: says who runs.
    """
    end_dead(connection)
    query = (
        "SELECT w.pid, w.host FROM workers w JOIN accounts a ON a.id = w.account "
        f"WHERE a.name = ? AND w.ended IS NULL AND w.lease_end > {NOW}"
    )
    found = connection.execute(query, (name,)).fetchone()
    if found is not None:
        raise JournalError(f"another job is using it (process {found[0]} on {found[1].partition(' ')[0]})")
