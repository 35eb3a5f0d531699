"""Base classes for all models."""

from __future__ import annotations

import functools
import typing
from collections.abc import Mapping
from typing import Any, TypeVar, cast

import attrs

from .fields import is_inferred, is_personal, keys_only
from .jsonio import is_array


class _NoExtra(dict[str, Any]):
    """An empty mapping that stays empty, so that all models can share it."""

    def _refuse(self, *_: Any, **__: Any) -> Any:
        raise TypeError("extra can't be changed: make a new model with attrs.evolve(model, extra={...})")

    __setitem__ = __ior__ = update = setdefault = _refuse  # pyright: ignore[reportAssignmentType]

    def __reduce__(self) -> str:
        return "NO_EXTRA"


NO_EXTRA: Mapping[str, Any] = _NoExtra()
"""The ``extra`` of a model that has none."""


@attrs.frozen(kw_only=True)
class Model:
    """Base of every model. ``extra`` holds members unknown to this release, by wire name, as plain JSON."""

    extra: Mapping[str, Any] = attrs.field(default=NO_EXTRA, hash=False, repr=keys_only)


@attrs.frozen(kw_only=True)
class ReplyModel(Model):
    """Base of all reply data: every member is optional, since the documentation may be wrong."""


@attrs.frozen(kw_only=True)
class OpenReply(ReplyModel):
    """A reply whose shape the documentation doesn't show.

    ``value`` is the data as received, of any type. If it is an object, its declared members are also attributes, and the
    others are in ``extra``.
    """

    value: Any = attrs.field(default=None, hash=False, repr=False)


@attrs.frozen(kw_only=True)
class InferredReply(OpenReply):
    """A reply, or a part of one, that no page of the vendor's shows: its members are those of the platform behind the vendor.

    Each is a guess, so none is a reason to refuse a reply: what doesn't fit stays in ``extra``, and ``value`` has everything as
    received.
    """


@attrs.frozen(kw_only=True)
class WholeReply(ReplyModel):
    """A reply whose data isn't an object: a subclass has one member, which holds all of the data (a list, text, ...)."""


def members_of(cls: type[Model]) -> tuple[tuple[attrs.Attribute[Any], Any], ...]:
    """The typed members of a model with their resolved annotations, without ``extra`` and an open reply's ``value``."""
    hints = _hints(cast("Any", cls))  # mypy doesn't see that a class with a generated __hash__ is itself hashable
    inner = {"extra", "value"} if issubclass(cls, OpenReply) else {"extra"}
    return tuple((member, hints[member.name]) for member in attrs.fields(cls) if member.name not in inner)


def inferred_members(cls: type[Model]) -> tuple[tuple[attrs.Attribute[Any], Any], ...]:
    """Those of `members_of` that are on no page of the vendor's: all of an `InferredReply`, else those declared so."""
    whole = issubclass(cls, InferredReply)
    return tuple((member, hint) for member, hint in members_of(cls) if whole or is_inferred(member))


@functools.cache
def _hints(cls: Any) -> dict[str, Any]:
    return typing.get_type_hints(cls)


def personal_texts(value: object) -> set[str]:
    """Every personal value in a model, at any depth, as text: what must not appear in a log or an error."""
    found: set[str] = set()
    if isinstance(value, Model):
        for member, _ in members_of(type(value)):
            inner = getattr(value, member.name)
            if is_personal(member) and inner is not None:
                found.add(str(inner))
            else:
                found |= personal_texts(inner)
    elif is_array(value):
        for item in value:
            found |= personal_texts(item)
    return found


ModelT = TypeVar("ModelT", bound=Model)
