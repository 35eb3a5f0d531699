"""Every public name of the package, as `tests/public_names.txt` lists them.

``python -m tests.public_names`` writes that file anew; read its difference before you commit it.
"""

from __future__ import annotations

import importlib
import inspect
import pkgutil
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pandapon_async

FILE = Path(__file__).with_suffix(".txt")


def public_modules() -> Iterator[ModuleType]:
    """The package and everything below it that has no underscore."""
    yield pandapon_async
    for found in pkgutil.walk_packages(pandapon_async.__path__, "pandapon_async."):
        if not any(part.startswith("_") for part in found.name.split(".")):
            yield importlib.import_module(found.name)


def names_of(module: ModuleType) -> Iterator[str]:
    """What a module gives to users: its own definitions, what ``__all__`` names, and the members of its classes."""
    promised = set(getattr(module, "__all__", ()))
    for name in sorted({*vars(module), *promised}):
        value = getattr(module, name)
        own = getattr(value, "__module__", None) == module.__name__
        if name in promised or (own and not name.startswith("_")):
            yield f"{module.__name__}.{name}"
        if own and inspect.isclass(value) and not name.startswith("_"):
            yield from (f"{module.__name__}.{name}.{member}" for member in sorted(vars(value)) if member[0] != "_")


def public_names() -> list[str]:
    """All of them, sorted."""
    return sorted({name for module in public_modules() for name in names_of(module)})


if __name__ == "__main__":
    FILE.write_text("\n".join(public_names()) + "\n", encoding="utf-8")
