"""The guide's recipes for other engines: the engine is killed, and repeats what it had, and nothing is booked twice."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest

from pandapon_async import Journal, JournalError
from pandapon_async.testing import FakeVendor, Faults

from ..cli.conftest import environment
from ..postgres import PostgresServer
from .pages import ROOT, fences

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="engines are killed by SIGKILL")
ORDERS = [f"order-{number}" for number in range(6)]
REQUESTS = """
from pandapon_async.api.logistics import FreightBookingRequest

def request_of(reference):
    return FreightBookingRequest(render_id="R" + reference.removeprefix("order-"))
"""


class Engine:
    """The recipe's files in a folder, and processes that use them.

    Attributes:
        vendor: at which the recipe's session books.
    """

    def __init__(self, folder: Path, vendor: FakeVendor, journal: str, **more: str) -> None:
        self._folder, self.vendor, self._journal = folder, vendor, journal
        (folder / "orders.py").write_text(REQUESTS)
        for fence in fences("fleet"):
            if "file" in fence.says:
                (folder / fence.says["file"]).write_text(fence.text)
        self.environment = {
            **os.environ, **environment(vendor, "pandapon"), **more, "JOURNAL_URL": journal, "PYTHONPATH": f"{folder}{os.pathsep}{ROOT}",
        }  # fmt: skip

    def start(self, code: str) -> subprocess.Popen[str]:
        """A process that runs this."""
        return subprocess.Popen(
            [sys.executable, "-W", "ignore", "-c", code], cwd=self._folder, env=self.environment, text=True,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, start_new_session=True,
        )  # fmt: skip

    def run(self, code: str) -> str:
        """What a process says that runs this to its end."""
        process = self.start(code)
        out, _ = process.communicate(timeout=300)
        assert process.returncode == 0, out
        return out

    @contextlib.contextmanager
    def working(self, code: str) -> Iterator[subprocess.Popen[str]]:
        """A worker; it doesn't outlive the block."""
        process = self.start(code)
        try:
            yield process
        finally:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.communicate()

    def states(self) -> dict[str, str]:
        """How the journal stands."""
        with contextlib.suppress(JournalError), Journal.open(self._journal) as journal:
            return {row.reference: row.state for row in journal.rows()}
        return {}

    def is_at_work(self) -> bool:
        """Whether a request has come to the vendor."""
        return sum(self.vendor.ledger.seen.values()) > 0

    def has_ended(self) -> bool:
        return sorted(self.states()) == ORDERS and set(self.states().values()) <= {"done", "unknown"}

    def check(self, most_in_doubt: int) -> None:
        """Nothing was booked twice, and what isn't done was under way at the kill."""
        assert self.vendor.ledger.doubled == {}
        states = self.states()
        assert sorted(states) == ORDERS
        assert set(states.values()) <= {"done", "unknown"}
        assert list(states.values()).count("unknown") <= most_in_doubt


def until(true: Callable[[], object], process: subprocess.Popen[str] | None = None) -> None:
    end = time.monotonic() + 300
    while not true():
        if process is not None and process.poll() is not None:
            raise AssertionError(process.communicate()[0])
        assert time.monotonic() < end, "it doesn't come to that"
        time.sleep(0.05)


@pytest.fixture
def make(tmp_path: Path, postgres: PostgresServer) -> Iterator[Callable[..., Engine]]:
    with FakeVendor(faults=Faults(latency=0.3)) as vendor:
        yield lambda **more: Engine(tmp_path, vendor, postgres.fresh(), **more)


def test_procrastinate(make: Callable[..., Engine], postgres: PostgresServer):
    pytest.importorskip("procrastinate", reason="the recipe for Procrastinate is not tested: it is not installed")
    postgres.run("postgres", "DROP SCHEMA IF EXISTS queue CASCADE; CREATE SCHEMA queue")
    engine = make(QUEUE_URL=f"{postgres.url('postgres')}&options=-csearch_path%3Dqueue")
    engine.run(f"""
import asyncio
import with_procrastinate as recipe
async def main():
    async with recipe.app.open_async():
        await recipe.app.schema_manager.apply_schema_async()
        for reference in {ORDERS}:
            await recipe.book.configure(queueing_lock=reference).defer_async(reference=reference)
asyncio.run(main())
""")
    work = """
import asyncio
import contextlib
import with_procrastinate as recipe
recipe.stalled_after = 0.5
async def cron():  # every half second instead of every minute
    while True:
        await asyncio.sleep(0.5)
        with contextlib.suppress(Exception):
            await recipe.retry_stalled.configure(queueing_lock="retry_stalled").defer_async(timestamp=0)
async def main():
    beside = asyncio.ensure_future(cron())
    await recipe.work()
asyncio.run(main())
"""
    with engine.working(work) as worker:
        until(engine.is_at_work, worker)
    query = "SELECT COUNT(*) FROM queue.procrastinate_jobs WHERE queue_name = 'bookings' AND status != 'succeeded'"
    with engine.working(work) as worker:
        until(lambda: postgres.run("postgres", query) == [(0,)], worker)
    engine.check(most_in_doubt=len(ORDERS))


def test_celery(make: Callable[..., Engine], tmp_path: Path):
    pytest.importorskip("celery", reason="the recipe for Celery is not tested: it is not installed")
    engine = make(BROKER_URL="filesystem://", RESULT_URL=f"file://{tmp_path / 'results'}")
    for name in ("queue", "results", "control"):
        (tmp_path / name).mkdir()
    options = {
        "data_folder_in": str(tmp_path / "queue"), "data_folder_out": str(tmp_path / "queue"), "control_folder": str(tmp_path / "control"),
    }  # fmt: skip
    begin = f"import with_celery as recipe; recipe.app.conf.broker_transport_options = {options}; "
    work = "recipe.app.worker_main(['worker', '--pool=prefork', '--concurrency=2', '--loglevel=ERROR'])"
    engine.run(f"{begin}[recipe.book.apply_async((name,), task_id=name) for name in {ORDERS}]")
    with engine.working(begin + work) as worker:
        until(engine.is_at_work, worker)
        for child in psutil.Process(worker.pid).children():  # the tasks go to others
            child.kill()
        out = engine.run(f"{begin}print([recipe.app.AsyncResult(name).get(timeout=240) for name in {ORDERS}])")
    assert len(out.splitlines()[-1].split(",")) == len(ORDERS)
    engine.check(most_in_doubt=2)


def test_dbos(make: Callable[..., Engine], postgres: PostgresServer):
    pytest.importorskip("dbos", reason="the recipe for DBOS is not tested: it is not installed")
    postgres.run("postgres", "DROP SCHEMA IF EXISTS dbos CASCADE")
    engine = make(QUEUE_URL=postgres.url("postgres"), DBOS__APPVERSION="1")
    start = f"""
import time
import with_dbos as recipe
from dbos import DBOS, SetWorkflowID
recipe.start()
handles = []
for reference in {ORDERS}:
    with SetWorkflowID(reference):
        handles.append(DBOS.start_workflow(recipe.order, reference))
"""
    with engine.working(start + "time.sleep(300)") as worker:
        until(engine.is_at_work, worker)
    out = engine.run(start + "print([handle.get_result() for handle in handles], flush=True); import os; os._exit(0)")
    assert len(out.splitlines()[-1].split(",")) == len(ORDERS)
    engine.check(most_in_doubt=len(ORDERS))


def test_temporal(make: Callable[..., Engine], monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    """Its activity as its server would call it; that server can't be had without a download, so the workflow is only checked."""
    pytest.importorskip("temporalio", reason="the recipe for Temporal is not tested: it is not installed")
    engine = make()
    out = engine.run(f"""
import asyncio
from pandapon_async import SessionManager
from temporalio import workflow
from temporalio.testing import ActivityEnvironment
from temporalio.worker.workflow_sandbox import SandboxedWorkflowRunner
import with_temporal as recipe

async def main():
    SandboxedWorkflowRunner().prepare_workflow(workflow._Definition.must_from_class(recipe.Order))
    async with SessionManager.from_env() as vendors:
        activity = recipe.Bookings(vendors.pandapon)
        for reference in {ORDERS}:
            environment = ActivityEnvironment()
            first = asyncio.ensure_future(environment.run(activity.book, reference))
            await asyncio.sleep(0.15)
            environment.cancel()  # as at a time-out, or when the worker ends
            try:
                await first
            except asyncio.CancelledError:
                pass
            print(await ActivityEnvironment().run(activity.book, reference))
asyncio.run(main())
""")
    assert [line for line in out.splitlines() if line in ("done", "unknown")] == ["done"] * len(ORDERS), out
    engine.check(most_in_doubt=0)
