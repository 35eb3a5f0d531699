"""The catalogue: what the vendors offer. One file a subject: its models, its operations, its coroutine methods."""

from __future__ import annotations

import functools
import importlib
import pkgutil
from typing import Any

from ..operation import VendorRequest


@functools.cache
def catalogue() -> tuple[type[VendorRequest[Any]], ...]:
    """Every request class of every subject, in the order of the files and of their lines."""
    found: list[type[VendorRequest[Any]]] = []
    for module in sorted(pkgutil.walk_packages(__path__, f"{__name__}."), key=lambda module: module.name):
        for item in vars(importlib.import_module(module.name)).values():
            if isinstance(item, type) and issubclass(item, VendorRequest) and "operation" in vars(item):
                found.append(item)
    return tuple(dict.fromkeys(found))
