"""Profiles from the environment and from TOML."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any, cast

from .._errors import ConfigError, suggestion
from .profiles import PRESETS, Credentials, Limits, RetryPolicy, Timeouts, VendorProfile, field_names, refuse_unknown

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

_SECTIONS: dict[str, type[Any]] = {
    "credentials": Credentials,
    "limits": Limits,
    "timeouts": Timeouts,
    "retry": RetryPolicy,
}
# A file can't hold these: they are objects.
_CODE_ONLY = {"signer", "ssl_context", "name"}


def profiles_from_env(environ: Mapping[str, str] | None = None) -> list[VendorProfile]:
    """One profile for each vendor that has keys in the environment.

    Reads ``PANDAPON_ACCESS_KEY``, ``PANDAPON_ACCESS_SECRET``, ``PANDAPON_USER_ID`` and ``PANDAPON_BASE_URL``, and the same
    with ``XPORTCN_KA_``. An empty variable counts as unset.

    Raises:
        ConfigError: no vendor has keys, or one has a key without its secret.
    """
    variables = os.environ if environ is None else environ
    found = [profile for kind in PRESETS if (profile := _profile_from_env(kind, variables))]
    if not found:
        wanted = " or ".join(f"{kind.upper()}_ACCESS_KEY and {kind.upper()}_ACCESS_SECRET" for kind in PRESETS)
        raise ConfigError(f"no vendor has keys in the environment: set {wanted}")
    return found


def _profile_from_env(kind: str, variables: Mapping[str, str]) -> VendorProfile | None:
    prefix = kind.upper() + "_"
    given = {name: variables.get(prefix + name.upper()) or None for name in ("access_key", "access_secret", "user_id")}
    if given["access_key"] is None and given["access_secret"] is None:
        return None
    for name in ("access_key", "access_secret"):
        if given[name] is None:
            raise ConfigError(f"{prefix}{name.upper()} is not set, though its pair is", vendor=kind)
    changes: dict[str, Any] = {"credentials": Credentials(**cast("dict[str, str]", given))}
    if base_url := variables.get(prefix + "BASE_URL"):
        changes["base_url"] = base_url
    return PRESETS[kind].evolve(**changes)


def profiles_from_toml(path: str | os.PathLike[str], environ: Mapping[str, str] | None = None) -> list[VendorProfile]:
    """The profiles of a TOML file: a table ``[vendors.NAME]`` each, whose keys are the fields of the profile classes.

    ``kind`` says which vendor (the table's name, if that is a kind). ``credentials``, ``limits``, ``timeouts`` and ``retry``
    are tables; ``access_key``, ``access_secret`` and ``user_id`` may also stand beside ``kind``. Any of the three may be
    ``"env:NAME"`` or ``"file:PATH"`` (relative to the TOML file; white space at the end of the file is cut off).

    Raises:
        ConfigError: the file can't be read, or holds something unknown or wrong; the key is named.
    """
    file = Path(path)
    try:
        document = tomllib.loads(file.read_text(encoding="utf-8"))
    except OSError as error:
        raise ConfigError(f"{file}: can't be read: {error.strerror}") from None
    except ValueError as error:  # not TOML, or not UTF-8; TOML's errors name line and column and quote nothing
        raise ConfigError(f"{file}: {error if isinstance(error, tomllib.TOMLDecodeError) else 'not UTF-8'}") from None
    refuse_unknown(document, ["vendors"], str(file))
    tables = document.get("vendors")
    if not isinstance(tables, dict) or not tables:
        raise ConfigError(f"{file}: holds no table [vendors.NAME]")
    secrets = _Secrets(file.parent, os.environ if environ is None else environ)
    return [_profile(name, table, secrets, file) for name, table in cast("dict[str, Any]", tables).items()]


def _profile(name: str, table: Any, secrets: _Secrets, file: Path) -> VendorProfile:
    where = f"{file}: [vendors.{name}]"
    if not isinstance(table, dict):
        raise ConfigError(f"{where}: must be a table")
    members = dict(cast("dict[str, Any]", table))
    kind = members.pop("kind", name)
    if not isinstance(kind, str) or kind not in PRESETS:
        raise ConfigError(f"{where}: kind must be one of {list(PRESETS)}, not {kind!r}{suggestion(str(kind), PRESETS)}")
    try:
        return PRESETS[kind].evolve(name=name, **_changes(members, secrets))
    except ConfigError as error:
        raise ConfigError(f"{where}: {error.message}") from None
    except (TypeError, ValueError, AttributeError):
        raise ConfigError(f"{where}: a value has the wrong type") from None


def _changes(members: dict[str, Any], secrets: _Secrets) -> dict[str, Any]:
    keys = {name: members.pop(name) for name in field_names(Credentials) if name in members}
    known = [name for name in field_names(VendorProfile) if name not in _CODE_ONLY]
    refuse_unknown(members, [*known, *field_names(Credentials)], "a vendor's table")
    if keys:
        members["credentials"] = keys | members.get("credentials", {})
    changes = dict(members)
    for section, cls in _SECTIONS.items():
        if section in members:
            changes[section] = _section(section, cls, members[section], secrets)
    if "group_limits" in members:
        groups = cast("dict[str, Any]", members["group_limits"])
        changes["group_limits"] = {
            group: _section("group_limits", Limits, table, secrets) for group, table in groups.items()
        }
    return changes


def _section(section: str, cls: type[Any], table: Any, secrets: _Secrets) -> Any:
    if not isinstance(table, dict):
        raise ConfigError(f"{section}: must be a table")
    members = cast("dict[str, Any]", table)
    refuse_unknown(members, field_names(cls), section)
    if cls is Credentials:
        for needed in ("access_key", "access_secret"):
            if needed not in members:
                raise ConfigError(f"{needed} is missing")
        members = {name: secrets.resolve(name, value) for name, value in members.items()}
    return cls(**members)


class _Secrets:
    """Looks up ``env:NAME`` and ``file:PATH``."""

    def __init__(self, folder: Path, environ: Mapping[str, str]) -> None:
        self._folder = folder
        self._environ = environ

    def resolve(self, name: str, value: Any) -> Any:
        if not isinstance(value, str):
            return value
        source, colon, rest = value.partition(":")
        if colon and source == "env":
            if not self._environ.get(rest):
                raise ConfigError(f"{name}: the environment variable {rest} is not set")
            return self._environ[rest]
        if colon and source == "file":
            try:
                return (self._folder / rest).read_text(encoding="utf-8").rstrip()
            except (OSError, UnicodeDecodeError):
                raise ConfigError(f"{name}: the file {rest} can't be read") from None
        return value
