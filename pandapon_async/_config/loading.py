"""Profiles from the environment and from TOML."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any, cast

from .._errors import ConfigError, suggestion
from .profiles import PRESETS, Credentials, Limits, RetryPolicy, Timeouts, VendorProfile, field_names, refuse_unknown
from .texts import BOM, decoded, plain_value

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
    with ``XPORTCN_KA_``. An empty variable counts as unset; white space and quotes around a value aren't part of it.

    Raises:
        ConfigError: no vendor has keys, one has a key without its secret, or a variable was mangled on its way; it is named.
    """
    variables = os.environ if environ is None else environ
    _refuse_marked_names(variables)
    found = [profile for kind in PRESETS if (profile := _profile_from_env(kind, variables))]
    if not found:
        wanted = " or ".join(f"{kind.upper()}_ACCESS_KEY and {kind.upper()}_ACCESS_SECRET" for kind in PRESETS)
        raise ConfigError(f"no vendor has keys in the environment: set {wanted}")
    return found


def _profile_from_env(kind: str, variables: Mapping[str, str]) -> VendorProfile | None:
    prefix = kind.upper() + "_"
    names = (*field_names(Credentials), "base_url")
    given = {name: read_variable(variables, prefix + name.upper()) for name in names}
    base_url = given.pop("base_url")
    if given["access_key"] is None and given["access_secret"] is None:
        return None
    for name in ("access_key", "access_secret"):
        if given[name] is None:
            raise ConfigError(f"{prefix}{name.upper()} is not set, though its pair is", vendor=kind)
    changes: dict[str, Any] = {"credentials": Credentials(**cast("dict[str, str]", given))}
    if base_url is not None:
        changes["base_url"] = base_url
    return PRESETS[kind].evolve(**changes)


def read_variable(variables: Mapping[str, str], name: str) -> str | None:
    """A variable's value; None if it is unset or empty."""
    try:
        return plain_value(variables.get(name, "")) or None
    except ValueError as error:
        raise ConfigError(f"the environment variable {name}: {error}") from None


def _refuse_marked_names(variables: Mapping[str, str]) -> None:
    """A file of variables that begins with a byte order mark loses its first one: its name isn't what it looks like."""
    prefixes = tuple(f"{kind.upper()}_" for kind in PRESETS)
    for mark in (BOM, BOM.encode().decode("ascii", "surrogateescape"), BOM.encode().decode("latin-1")):
        for name in variables:
            plain = name.removeprefix(mark)
            if plain != name and plain.startswith(prefixes):
                raise ConfigError(f"the environment variable {plain} has a byte order mark before its name")


def profiles_from_toml(path: str | os.PathLike[str], environ: Mapping[str, str] | None = None) -> list[VendorProfile]:
    """The profiles of a TOML file: a table ``[vendors.NAME]`` each, whose keys are the fields of the profile classes.

    ``kind`` says which vendor (the table's name, if that is a kind). ``credentials``, ``limits``, ``timeouts`` and ``retry``
    are tables; ``access_key``, ``access_secret`` and ``user_id`` may also stand beside ``kind``. Any of the three may be
    ``"env:NAME"`` or ``"file:PATH"`` (relative to the TOML file); white space and quotes around what is found there aren't part
    of it.

    Raises:
        ConfigError: the file can't be read, or holds something unknown or wrong; the key is named.
    """
    file = Path(path)
    document = read_toml(file)
    refuse_unknown(document, ["vendors"], str(file))
    tables = document.get("vendors")
    if not isinstance(tables, dict) or not tables:
        raise ConfigError(f"{file}: holds no table [vendors.NAME]")
    secrets = _Secrets(file.parent, os.environ if environ is None else environ)
    return [_profile(name, table, secrets, file) for name, table in cast("dict[str, Any]", tables).items()]


def read_toml(file: Path) -> dict[str, Any]:
    """A TOML file; UTF-8, or UTF-16 with a byte order mark.

    Raises:
        ConfigError: it can't be read, or is no TOML.
    """
    try:
        return tomllib.loads(decoded(file.read_bytes()))
    except OSError as error:
        raise ConfigError(f"{file}: can't be read: {error.strerror}") from None
    except ValueError as error:  # TOML's name line and column and quote nothing
        raise ConfigError(f"{file}: {error}") from None


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
            found = read_variable(self._environ, rest)
            if found is None:
                raise ConfigError(f"{name}: the environment variable {rest} is not set")
            return found
        if colon and source == "file":
            try:
                return plain_value(decoded((self._folder / rest).read_bytes()))
            except OSError as error:
                raise ConfigError(f"{name}: the file {rest} can't be read: {error.strerror}") from None
            except ValueError as error:
                raise ConfigError(f"{name}: the file {rest}: {error}") from None
        return value
