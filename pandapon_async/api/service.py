"""What several subjects share: money, the base of the services, and operations of which no page shows the path."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Generic, Protocol, TypeVar, cast, overload

from .._models.operation import Reply, VendorRequest
from .paging import Pager, Paging

if TYPE_CHECKING:
    from typing_extensions import Self


R = TypeVar("R")


Item = TypeVar("Item")


class Caller(Protocol):
    """What a service needs of a session."""

    async def call(self, request: VendorRequest[R]) -> Reply[R]: ...


class Service:
    """Base of the services: coroutine methods that send a request and return the reply's data."""

    def __init__(self, caller: Caller) -> None:
        self._caller = caller

    async def _data(self, request: VendorRequest[R]) -> R:
        """The data of the reply; an empty model if the vendor said yes and sent none that fits (see ``Reply.problems``)."""
        reply = await self._caller.call(request)
        if reply.data is not None:
            return reply.data
        empty = cast("Callable[[], R]", type(request).operation.reply)
        return empty()

    def _pages(self, request: VendorRequest[R], paging: Paging[R, Item]) -> Pager[Item]:
        """The list that begins with a request's page."""
        return Pager(self._data, request, paging)


S = TypeVar("S")


class Group:
    """Base of a family of services, such as ``session.taobao``."""

    def __init__(self, caller: Caller) -> None:
        self._caller = caller


class subject(Generic[S]):  # noqa: N801 - used like a decorator
    """A service (or a group) of a group, made when it is first used: ``orders = subject(OrderService)``."""

    def __init__(self, service: Callable[[Caller], S]) -> None:
        self._service = service

    def __set_name__(self, owner: type[Group], name: str) -> None:
        self._name = name

    @overload
    def __get__(self, group: None, owner: type[Group]) -> Self: ...
    @overload
    def __get__(self, group: Group, owner: type[Group]) -> S: ...
    def __get__(self, group: Group | None, owner: type[Group]) -> Self | S:
        if group is None:
            return self
        made = group.__dict__[self._name] = self._service(group._caller)  # pyright: ignore[reportPrivateUsage]
        return made
