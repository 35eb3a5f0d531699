"""The session manager: a session per profile, opened and closed together."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping
from types import TracebackType
from typing import TYPE_CHECKING, Any, NoReturn, TypeVar

from ._calls.hooks import HOOKS, check_hook
from ._calls.transport import refuse_small_pool
from ._config.loading import profiles_from_env, profiles_from_toml
from ._config.profiles import VendorProfile
from ._errors import ConfigError, suggestion
from ._session import VendorSession, check_profile
from ._streams.iteration import ASYNC_ONLY
from ._vendors import SESSIONS, PandaPonSession, XportcnKaSession

if TYPE_CHECKING:
    from typing_extensions import Self, Unpack

    from ._session import SessionOptions

S = TypeVar("S", bound=VendorSession)


class SessionManager:
    """Opens a session per profile and finds them by account name.

    ``async with SessionManager([...]) as vendors``, or ``open()`` and ``close()`` where a block isn't practical (notebooks,
    service lifespans). Opening makes no connections; the first calls do.

    Args:
        profiles: the accounts; names must differ.
        options: for every session: ``clock``, ``connector``, ``telemetry``, ``on_start``, ``on_attempt``, ``on_reply``,
            ``on_in_doubt``.

    Raises:
        ConfigError: no profile, two with one name, one without credentials or with a path for an unknown operation; a
            hook that isn't a plain function; or a connector that is too small for all of them.
    """

    def __init__(self, profiles: Iterable[VendorProfile], **options: Unpack[SessionOptions]) -> None:
        self._profiles: dict[str, VendorProfile] = {}
        for profile in profiles:
            if profile.name in self._profiles:
                raise ConfigError(f"two profiles are named {profile.name!r}: rename one of them")
            check_profile(profile)
            self._profiles[profile.name] = profile
        if not self._profiles:
            raise ConfigError("a session manager needs at least one profile")
        if (connector := options.get("connector")) is not None:
            refuse_small_pool(connector, self._profiles.values())
        for name, option in options.items():
            if name in HOOKS:
                check_hook(name, option)
        self._options = options
        self._sessions: dict[str, VendorSession] | None = None

    @classmethod
    def from_env(cls, environ: Mapping[str, str] | None = None, **options: Unpack[SessionOptions]) -> Self:
        """A manager for the vendors with keys in the environment; see `profiles_from_env`."""
        return cls(profiles_from_env(environ), **options)

    @classmethod
    def from_toml(cls, path: str | os.PathLike[str], **options: Unpack[SessionOptions]) -> Self:
        """A manager for the accounts in a TOML file; see `profiles_from_toml`."""
        return cls(profiles_from_toml(path), **options)

    # --- opening and closing ---

    async def open(self) -> Self:
        """Create the sessions. Idempotent; after `close`, creates new ones."""
        if self._sessions is None:
            self._sessions = {
                name: SESSIONS.get(profile.kind, VendorSession)(profile, **self._options)
                for name, profile in self._profiles.items()
            }
        return self

    async def close(self) -> None:
        """Close all sessions, even if one fails to close. Idempotent."""
        sessions, self._sessions = self._sessions, None
        failures: list[BaseException] = []
        for session in (sessions or {}).values():
            try:
                await session.close()
            except BaseException as error:  # noqa: BLE001 - raised below, when all are closed
                failures.append(error)
        if failures:
            raise failures[0]

    async def __aenter__(self) -> Self:
        return await self.open()

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    def __enter__(self) -> NoReturn:
        raise TypeError(ASYNC_ONLY)

    def __exit__(self, *exc: object) -> None:  # pragma: no cover - `with` fails in __enter__
        ...

    # --- sessions ---

    def __getitem__(self, name: str) -> VendorSession:
        """A session by account name.

        Raises:
            ConfigError: there is none of that name, or the manager isn't open.
        """
        sessions = self._opened()
        if name not in sessions:
            known = ", ".join(map(repr, sessions))
            raise ConfigError(f"no account is named {name!r}{suggestion(name, sessions)}; there are {known}")
        return sessions[name]

    def get(self, name: str, cls: type[S]) -> S:
        """A session by account name, typed.

        Raises:
            ConfigError: there is none of that name, or it is of another kind.
        """
        session = self[name]
        if not isinstance(session, cls):
            raise ConfigError(f"{name!r} is a {type(session).__name__}, not a {cls.__name__}", vendor=name)
        return session

    @property
    def pandapon(self) -> PandaPonSession:
        """The only PandaPon session.

        Raises:
            ConfigError: there is none, or there are several.
        """
        return self._only(PandaPonSession)

    @property
    def xportcn_ka(self) -> XportcnKaSession:
        """The only Xportcn KA session.

        Raises:
            ConfigError: there is none, or there are several.
        """
        return self._only(XportcnKaSession)

    def __iter__(self) -> Iterator[str]:
        return iter(self._opened())

    def __len__(self) -> int:
        return len(self._profiles)

    def __contains__(self, name: object) -> bool:
        return name in self._profiles

    def __repr__(self) -> str:
        return f"<SessionManager of {', '.join(map(repr, self._profiles))}>"

    def _opened(self) -> dict[str, VendorSession]:
        if self._sessions is None:
            raise ConfigError("the session manager isn't open: use `async with`, or `await manager.open()` first")
        return self._sessions

    def _only(self, cls: type[S]) -> S:
        found: dict[str, Any] = {name: session for name, session in self._opened().items() if isinstance(session, cls)}
        if len(found) == 1:
            only: S = next(iter(found.values()))
            return only
        if not found:
            raise ConfigError(f"there is no {cls.__name__}; there are {', '.join(map(repr, self._profiles))}")
        raise ConfigError(f"there are several {cls.__name__}s: take one of {', '.join(map(repr, found))} by name")
