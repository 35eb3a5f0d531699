"""A shop whose journal is in PostgreSQL: several desks, a server that is away, connections that are lost, leases that run out."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Generator
from typing import ClassVar

import attrs

from pandapon_async import BookingJob, InputError, JournalError
from tests.life.people import People
from tests.life.plans import QUIET, Plan
from tests.life.server import Server
from tests.postgres import PostgresServer


@contextlib.contextmanager
def _taken_in_elsewhere(*more: str) -> Generator[None, None, None]:
    """Of two who bring an order at the same moment one may be told to bring it again."""
    try:
        yield
    except InputError as error:
        if {problem.code for problem in error.problems} - {"taken in", "moved", *more}:
            raise


class LifeOnServer(People):
    """A shop, its journal in PostgreSQL, and everything that happens to them."""

    server: ClassVar[PostgresServer]

    def _made_world(self) -> Server:
        return Server(self.server, self.loop)

    def _may_end_by(self, plan: Plan) -> tuple[type[Exception], ...]:
        away = plan.full or plan.cut or plan.stalled
        return (JournalError,) if away else ()

    def _beside(self, plan: Plan) -> list[asyncio.Task[None]]:
        process = self.world.main
        if process.kill is not None:  # fewer commits than on a disk: else most would come too late
            process.kill = attrs.evolve(process.kill, commit=4 + process.kill.commit // 3)
        if plan.stalled:
            until = self.loop.time() + plan.after + plan.stalled
            self.loop.call_later(plan.after, setattr, process, "stalled_until", until)
        if "second start" not in plan.around or not self._key_is_known:
            return []
        self.others_book = True
        return [self.loop.create_task(self._another_desk(plan))]

    async def _worked(self, job: BookingJob, plan: Plan) -> None:
        with _taken_in_elsewhere() if "second start" in plan.around else contextlib.nullcontext():
            await super()._worked(job, plan)

    async def _another_desk(self, plan: Plan) -> None:
        """Another desk books the same orders at the same time, some of them perhaps taken from the first."""
        await asyncio.sleep(plan.desk)
        corrected = ["other body"] if any(caller.corrects for caller in plan.callers) else []
        with self.world.by_another(), _taken_in_elsewhere(*corrected):
            async with self._session() as session:
                job = self._job(session, attrs.evolve(QUIET, limit=plan.limit, daily=plan.daily, concurrency=2))
                async with job.run(self._input("shuffled")) as outcomes:
                    async for outcome in outcomes:
                        self._tell(outcome, today=False)
