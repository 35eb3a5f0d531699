"""Do the acts of a script again that a life of `test_real` has written: ``python -m tests.life.replay SCRIPT``."""

from __future__ import annotations

import json
import sys
import tempfile
from pathlib import Path

from tests.life.real import replay

if __name__ == "__main__":
    lines = Path(sys.argv[1]).read_text(encoding="utf-8").splitlines()
    with tempfile.TemporaryDirectory() as folder:
        replay(Path(folder), [json.loads(line) for line in lines])
    print(f"{len(lines)} acts, and all is well")
