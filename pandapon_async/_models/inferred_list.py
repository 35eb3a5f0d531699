"""A reply that is inferred to be a list: its items are looked at only when they are asked for."""

from __future__ import annotations

from typing import Any, ClassVar, Generic, TypeVar, cast

import attrs

from .._errors import DecodeError
from .base import InferredReply, OpenReply
from .converters import decode
from .jsonio import is_array

ItemT = TypeVar("ItemT", bound=InferredReply)


@attrs.frozen(kw_only=True)
class InferredList(OpenReply, Generic[ItemT]):
    """A reply that no page of the vendor's shows, inferred to be a list; ``value`` has it as received, whatever it is."""

    item_type: ClassVar[type[Any]] = InferredReply

    @property
    def items(self) -> tuple[ItemT, ...]:
        """The list's items.

        Raises:
            DecodeError: it isn't a list, which must not look like an empty one.
        """
        if self.value is None:
            return ()
        if not is_array(self.value):
            raise DecodeError("the reply isn't a list, as was inferred: read its `value`")
        return tuple(
            cast("ItemT", decode(self.item_type, item)[0]) for item in self.value
        )  # never None: they refuse nothing
