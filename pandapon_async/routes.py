"""Where an account's operations are: the profile's own paths, else the declared ones."""

from __future__ import annotations

from typing import Any

from yarl import URL

from .errors import ConfigError
from .observer import Observer
from .operation import Evidence, Operation, Route, VendorRequest
from .placing import Target, target_of
from .profiles import VendorProfile


class Routes:
    """The targets of one account's operations, each put together once.

    Args:
        profile: the account.
        observer: told when a path is used that was never seen.
        warned: the operations of which it has been told already; shared by a session and its copies.
    """

    def __init__(self, profile: VendorProfile, observer: Observer, warned: set[str]) -> None:
        self._profile = profile
        self._observer = observer
        self._warned = warned
        self._base = profile.base_url.rstrip("/")
        self._targets: dict[Any, Target] = {}

    def target(self, request_type: type[VendorRequest[Any]]) -> Target:
        """Where requests of a class go.

        Raises:
            ConfigError: the path of the operation isn't known.
        """
        target = self._targets.get(request_type)
        if target is None:
            target = self._targets[request_type] = self._made(request_type.operation, request_type)
        return target

    def url(self, path: str) -> URL:
        """The URL of any path."""
        return URL(self._base + path)

    def _made(self, operation: Operation[Any], request_type: type[VendorRequest[Any]]) -> Target:
        declared = operation.route(self._profile.kind)
        route = self._profile.route(operation, declared)
        if route.path is None:
            raise ConfigError(unknown_path(operation), vendor=self._profile.name, operation=operation.name)
        if route is declared:
            self._warn_once_if_inferred(operation, route)
        return target_of(request_type, self._base, route.path)

    def _warn_once_if_inferred(self, operation: Operation[Any], route: Route) -> None:
        if route.evidence is Evidence.INFERRED and operation.name not in self._warned:
            self._warned.add(operation.name)
            self._observer.inferred(operation, route.path)


def unknown_path(operation: Operation[Any]) -> str:
    """What to tell of an operation whose path isn't known."""
    lacks = f"the documentation doesn't show its {operation.missing}" if operation.missing else "no page shows it"
    return (
        f"the path of {operation.title or operation.name!r} isn't known ({lacks}); once you know it, give it in the "
        f'profile as paths = {{"{operation.name}" = "/..."}}, or use call_raw'
    )
