"""Where an account's operations are: the profile's own paths, else the declared ones."""

from __future__ import annotations

from typing import Any

from yarl import URL

from .errors import ConfigError
from .observer import Observer
from .operation import Evidence, Operation, Route
from .profiles import VendorProfile


class Routes:
    """The URLs of one account's operations, each put together once.

    Args:
        profile: the account.
        observer: told when a path is used that was never seen.
        warned: the operations of which it has been told already; shared by a session and its copies.
    """

    def __init__(self, profile: VendorProfile, observer: Observer, warned: set[str]) -> None:
        self._profile = profile
        self._observer = observer
        self._warned = warned
        self._urls: dict[tuple[str, str | None], URL] = {}

    def url(self, operation: Operation[Any]) -> URL:
        """Where the operation is.

        Raises:
            ConfigError: its path isn't known.
        """
        url = self._urls.get((operation.name, operation.path))
        if url is not None:
            return url
        declared = operation.route(self._profile.kind)
        route = self._profile.route(operation.name, declared)
        if route.path is None:
            raise ConfigError(
                f"the path of this operation isn't known: give it as paths = {{{operation.name!r}: '/...'}} in the profile",
                vendor=self._profile.name,
                operation=operation.name,
            )
        if route is declared:
            self._warn_once_if_inferred(operation, route)
        url = URL(self._profile.base_url.rstrip("/") + route.path)
        if operation.contract_id:  # whatever `call_raw` is given isn't kept
            self._urls[operation.name, operation.path] = url
        return url

    def _warn_once_if_inferred(self, operation: Operation[Any], route: Route) -> None:
        if route.evidence is Evidence.INFERRED and operation.name not in self._warned:
            self._warned.add(operation.name)
            self._observer.inferred(operation, route.path)
