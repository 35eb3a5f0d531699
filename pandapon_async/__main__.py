"""Entry point of the command line: ``pandapon``, or ``python -m pandapon_async``."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from importlib.util import find_spec
from typing import cast

_REQUIRED = ("click", "rich")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command. Raises `SystemExit`, or returns 2 if the extra ``cli`` is not installed.

    Args:
        arguments: the command line without the program's name; default: that of the process.
    """
    missing = [name for name in _REQUIRED if find_spec(name) is None]
    if missing:
        needs = " and ".join(missing)
        sys.stderr.write(f"pandapon: the command line needs {needs}: pip install 'pandapon-async[cli]'\n")
        return 2
    try:
        from ._cli.app import app

        return cast("int", app.main(args=None if arguments is None else list(arguments), prog_name="pandapon"))
    except KeyboardInterrupt:  # while the command was being imported
        return 130


if __name__ == "__main__":
    sys.exit(main())
