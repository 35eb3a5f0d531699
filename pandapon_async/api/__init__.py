"""The catalogue of the vendors' operations. One file per subject, with its models, operations and coroutine methods."""

from __future__ import annotations

import functools
import importlib
import pkgutil
from collections.abc import Iterator
from typing import Any, TypeGuard, cast

from .._models.base import OpenReply as OpenReply, ReplyModel as ReplyModel
from .._models.fields import many as many, optional as optional, wire as wire
from .._models.operation import (
    Effect as Effect,
    Evidence as Evidence,
    Operation as Operation,
    Route as Route,
    VendorRequest as VendorRequest,
)
from .service import Service


def _has_operation(item: Any) -> TypeGuard[type[VendorRequest[Any]]]:
    return (
        isinstance(item, type) and issubclass(cast("type[object]", item), VendorRequest) and "operation" in vars(item)
    )


def _request_types(item: Any) -> Iterator[type[VendorRequest[Any]]]:
    """The request classes that a module's item is or contains."""
    if _has_operation(item):
        yield item
    elif isinstance(item, type) and issubclass(cast("type[object]", item), Service):
        yield from (member.request_type for member in vars(item).values() if hasattr(member, "request_type"))


@functools.cache
def catalogue() -> tuple[type[VendorRequest[Any]], ...]:
    """Every request class of every subject, in the order of files and lines."""
    found: list[type[VendorRequest[Any]]] = []
    for module in sorted(pkgutil.walk_packages(__path__, f"{__name__}."), key=lambda module: module.name):
        for item in vars(importlib.import_module(module.name)).values():
            if getattr(item, "__module__", None) == module.name:
                found += _request_types(item)
    return tuple(dict.fromkeys(found))
