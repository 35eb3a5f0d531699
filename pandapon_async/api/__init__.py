"""The catalogue: what the vendors offer. One file a subject: its models, its operations, its coroutine methods."""

from __future__ import annotations

import functools
import importlib
import pkgutil
from typing import Any, TypeGuard, cast

from ..operation import VendorRequest


def _has_operation(item: Any) -> TypeGuard[type[VendorRequest[Any]]]:
    return (
        isinstance(item, type) and issubclass(cast("type[object]", item), VendorRequest) and "operation" in vars(item)
    )


@functools.cache
def catalogue() -> tuple[type[VendorRequest[Any]], ...]:
    """Every request class of every subject, in the order of the files and of their lines."""
    found: list[type[VendorRequest[Any]]] = []
    for module in sorted(pkgutil.walk_packages(__path__, f"{__name__}."), key=lambda module: module.name):
        found += filter(_has_operation, vars(importlib.import_module(module.name)).values())
    return tuple(dict.fromkeys(found))
