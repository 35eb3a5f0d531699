"""A worker as a process of its own, whose queue finds out soon that it is dead: run by test_workers.py."""

from __future__ import annotations

import sys

from pandapon_async import PANDAPON, Credentials, Limits, RetryPolicy
from pandapon_async._cli.running import serve
from pandapon_async._fleet.worker import Worker


def main(url: str, key: str, secret: str, user: str, journal: str) -> None:
    profile = PANDAPON.evolve(
        base_url=url,
        credentials=Credentials(access_key=key, access_secret=secret, user_id=user),
        retry=RetryPolicy(base=0.01, budget=10_000, attempts=8),
        limits=Limits(concurrency=32),
    )
    serve(Worker([profile], journal, 16, heartbeat=2.0).run())


if __name__ == "__main__":
    main(*sys.argv[1:6])
