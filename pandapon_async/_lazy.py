"""Public names that are looked up on first use, so that importing a package loads nothing else of it."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Callable, Mapping
from typing import Any


def lazy(package: str, names_of: Mapping[str, str]) -> tuple[Callable[[str], Any], Callable[[], list[str]], list[str]]:
    """The ``__getattr__``, ``__dir__`` and ``__all__`` of a package whose names live in its modules.

    Args:
        package: the package's ``__name__``.
        names_of: module, relative to the package, to the names it gives, separated by blanks.
    """
    home_of = {name: module for module, names in names_of.items() for name in names.split()}

    def look_up(name: str) -> Any:
        if name not in home_of:
            raise AttributeError(f"module {package!r} has no attribute {name!r}")
        value = getattr(importlib.import_module(home_of[name], package), name)
        setattr(sys.modules[package], name, value)
        return value

    return look_up, lambda: sorted({*vars(sys.modules[package]), *home_of}), sorted(home_of)
