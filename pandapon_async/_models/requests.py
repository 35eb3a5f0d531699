"""The base class of requests and their parts, and its compiled ``__init__``."""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping
from typing import Any

import attrs

from .base import NO_EXTRA, Model, members_of
from .checks import check_extra, check_of_member, explain_members, limit_check
from .compiled import compile_function
from .fields import optional_inner


@attrs.frozen(kw_only=True)
class RequestModel(Model):
    """Base of requests and their parts. Validated when created: `RequestError` for a missing, unknown or invalid member."""

    @classmethod
    def __attrs_init_subclass__(cls) -> None:
        init: Callable[..., None] = cls.__init__

        @functools.wraps(init)
        def first_init(self: Any, **members: Any) -> None:
            # Compiled on first use, since only then can all annotations be resolved.
            setattr(cls, "__init__", functools.wraps(init)(compile_init(cls)))  # noqa: B010 - unseen by type checkers
            cls.__init__(self, **members)

        setattr(cls, "__init__", first_init)  # noqa: B010


def compile_init(cls: type[RequestModel]) -> Callable[..., None]:
    """Generate a request's ``__init__``, which validates its arguments and sets the slots.

    Raises (when called):
        RequestError: a member is missing, unknown or invalid.
    """
    members = members_of(cls)
    names: dict[str, Any] = {"NO_EXTRA": NO_EXTRA, "MISSING": attrs.NOTHING, "check_extra": check_extra}
    names["set_extra"] = cls.extra.__set__  # type: ignore[attr-defined]

    def explain(given: Mapping[str, Any]) -> None:
        explain_members(cls, {name: value for name, value in given.items() if value is not attrs.NOTHING})

    names["explain"] = explain
    parameters, body = ["self", "*"], [" if unknown: explain(unknown)"]
    needed = [member.name for member, _ in members if member.default is attrs.NOTHING]
    if needed:
        listed = ", ".join(f"{name!r}: {name}" for name in needed)
        body.append(f" if {' or '.join(f'{name} is MISSING' for name in needed)}: explain({{{listed}}})")
    for index, (member, annotation) in enumerate(members):
        name = member.name
        names[f"default{index}"], names[f"set{index}"] = member.default, getattr(cls, name).__set__
        names[f"type{index}"] = optional_inner(annotation) or annotation
        names[f"check{index}"], by_type = check_of_member(member, annotation)
        parameters.append(f"{name}=default{index}")
        doubts = [f"{name} is not default{index}"] if name not in needed else []
        doubts += [f"type({name}) is not type{index}"] if by_type else []
        condition = f"if {' and '.join(doubts)}: " if doubts else ""
        body += [f" {condition}{name} = check{index}({name}, {name!r})", f" set{index}(self, {name})"]
    head = f"def convert({', '.join([*parameters, 'extra=NO_EXTRA', '**unknown'])}):"
    body += [" set_extra(self, extra)", " if extra is not NO_EXTRA: check_extra(self)"]
    if (limits := getattr(getattr(cls, "operation", None), "limits", None)) is not None and limits:
        names["check_limits"] = limit_check(cls, limits)
        body.append(" check_limits(self)")
    init: Callable[..., None] = compile_function([head, *body], names)
    return init
