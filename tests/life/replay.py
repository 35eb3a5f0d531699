"""Do the acts of a script again that a life of `test_real` has written: ``python -m tests.life.replay sqlite|postgres SCRIPT``."""

from __future__ import annotations

import contextlib
import json
import sys
import tempfile
from pathlib import Path

from tests.life.real_stores import life_of, replay
from tests.postgres import PostgresServer

if __name__ == "__main__":
    store, script = sys.argv[1:]
    lines = Path(script).read_text(encoding="utf-8").splitlines()
    with contextlib.ExitStack() as stack:

        def server() -> PostgresServer:
            started = PostgresServer(Path(stack.enter_context(tempfile.TemporaryDirectory(ignore_cleanup_errors=True))))
            stack.callback(started.close)
            return started

        root = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        replay(life_of(store, root, server), [json.loads(line) for line in lines])
    print(f"{len(lines)} acts, and all is well")
