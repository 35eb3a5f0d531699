"""Inferred members of replies: read where they fit, left to ``extra`` where they don't.

No page of a vendor shows them; the platform behind the vendor has them (1688, Taobao Global). A guess that is wrong must cost
nothing: no problem is reported, no reply is refused, and what came stays as readable as if nobody had guessed.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import attrs

from .base import Model, OpenReply, inferred_members
from .fields import wire_name
from .jsonio import is_object
from .wire_types import Hook, lenient_reader


def with_inferred(cls: type[Model], hook_of: Callable[[Any], Hook], seen: Hook) -> Hook:
    """The structure hook of a model: ``seen`` itself if the model has no inferred members.

    Args:
        cls: the model.
        hook_of: returns the structure hook of a type.
        seen: the hook for the members that a page shows; what it doesn't know goes into ``extra``.
    """
    if not inferred_members(cls):
        return seen
    is_open = issubclass(cls, OpenReply)

    @functools.cache
    def guesses() -> list[tuple[attrs.Attribute[Any], str, Hook, Any]]:
        # On first use: a category has categories.
        return [
            (member, wire_name(member), lenient_reader(member, annotation, hook_of) or hook_of(annotation), annotation)
            for member, annotation in inferred_members(cls)
        ]

    def structure(value: Any, _: Any) -> Any:
        rest: Any = dict(value) if is_object(value) else {}
        found: dict[str, Any] = {}
        for member, name, hook, annotation in guesses():
            found[member.name] = member.default
            if name in rest:
                try:
                    found[member.name] = hook(rest[name], annotation)
                except Exception:  # noqa: BLE001, S112 - cattrs raises a tree of its own, generated hooks raise anything
                    continue
                del rest[name]
        model = seen(rest if is_object(value) else value, cls)
        for name, fitting in found.items():
            object.__setattr__(model, name, fitting)
        if is_open:
            object.__setattr__(model, "value", value)
        return model

    return structure
