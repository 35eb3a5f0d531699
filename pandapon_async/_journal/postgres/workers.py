"""Who works on a journal, and who may be taken for dead.

A worker has a lease, by PostgreSQL's clock, which it renews with every group that it commits, and with a heartbeat. Once a lease
has run out anybody may end the worker; what it had under way is then in doubt. The vendor knows nothing of leases, so a worker
looks at its own clock right before the first byte of a booking: later than `MARGIN` before its lease ends, nothing leaves.
"""

from __future__ import annotations

import time
from typing import Final

from ..._errors import JournalError
from ..._version import __version__
from ..rows import history_entry
from ..sql.connection import Connection
from ..sql.owners import Owner
from ..store import BY_JOB

LEASE: Final = 30.0
MARGIN: Final = 5.0
HEARTBEAT: Final = 5.0
AFTER_LEASE: Final = 60.0
"""Beyond a call's time-out: how long after its worker's lease a booking may still be on its way."""
NOW: Final = "extract(epoch FROM clock_timestamp())::FLOAT8"
_LEFT: Final = "found as sent: its worker had ended, or lost its lease, before its reply came"
_LAPSED: Final = f"ended IS NULL AND lease_end < {NOW} AND extract(epoch FROM pg_postmaster_start_time()) + ? < {NOW}"
"""After a start of PostgreSQL all get the time of a lease to come back."""


def boot_seconds() -> float:
    """Seconds that never go backwards, and count while the machine sleeps, where the system can tell."""
    return time.clock_gettime(time.CLOCK_BOOTTIME) if hasattr(time, "CLOCK_BOOTTIME") else time.monotonic()


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


def renew(connection: Connection, worker: int, commits: int) -> tuple[bool, float]:
    """Note a commit that is to come, and renew the lease.

    Returns:
        Whether it could be renewed, and how many seconds the account still has to pause.
    """
    query = (
        f"UPDATE workers SET commits = ?, lease_end = CASE WHEN ended IS NULL THEN {NOW} + ? ELSE lease_end END "
        f"WHERE id = ? RETURNING ended IS NULL, (SELECT paused_until - {NOW} FROM paces p WHERE p.account = workers.account)"
    )
    is_alive, pause = connection.execute(query, (commits, LEASE, worker)).fetchone() or (False, 0.0)
    return is_alive, pause


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


def draw(connection: Connection, account: int, number: int, interval: float) -> list[float]:
    """The next starts of an account, in seconds from now: nobody else is given them."""
    query = f"UPDATE paces SET due = GREATEST(due, {NOW}) + ? WHERE account = ? RETURNING due - {NOW}"
    (end,) = connection.execute(query, (number * interval, account)).fetchone()
    return [end - (number - at) * interval for at in range(number)]


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
