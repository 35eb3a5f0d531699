"""The origin of each setting of an account: environment, file, or default. Secrets are masked."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, cast

import attrs

from .._config.loading import read_toml, read_variable
from .._config.profiles import Credentials, Limits, RetryPolicy, Timeouts, VendorProfile, field_names, without_userinfo

_DEFAULT = "default"
_SECTIONS: Mapping[str, type[attrs.AttrsInstance]] = {"limits": Limits, "timeouts": Timeouts, "retry": RetryPolicy}
_KEYS = field_names(Credentials)
_PLAIN = (
    "base_url",
    "timestamp_unit",
    "signed_query",
    "push_base",
    "paths",
    "codes",
    "price_paths",
    "retry_after_503_refuses",
    "allow_insecure",
    "proxy",
    "max_reply_bytes",
)
_TABLES = ("paths", "codes")
_BY_ENVIRONMENT = (*_KEYS, "base_url")


@attrs.frozen
class Setting:
    """One setting: its TOML key, its value as it may be displayed, and its origin."""

    name: str
    value: str
    origin: str


def settings(profile: VendorProfile, config: Path | None, environ: Mapping[str, str]) -> list[Setting]:
    """Every setting of an account; ``config`` is None if it came from the environment."""
    origins = _from_environment(profile, environ) if config is None else _from_file(profile, config)
    found = [Setting("kind", profile.kind, origins.get("kind", f"{_DEFAULT}: the account's name"))]
    values = [*_keys(profile), *((name, _plain(name, getattr(profile, name))) for name in _PLAIN), *_sections(profile)]
    found += [Setting(name, value, origins.get(name, _DEFAULT)) for name, value in values]
    return found


def _keys(profile: VendorProfile) -> Iterator[tuple[str, str]]:
    keys = profile.credentials
    if keys is None:
        for name in _KEYS:
            yield name, "not set"
        return
    yield "access_key", f"*** (fingerprint {keys.fingerprint})"
    yield "access_secret", f"*** ({len(keys.access_secret)} characters)"
    yield "user_id", "not set" if keys.user_id is None else "***"


def _sections(profile: VendorProfile) -> Iterator[tuple[str, str]]:
    for section, cls in _SECTIONS.items():
        for name in field_names(cls):
            yield f"{section}.{name}", _plain(name, getattr(getattr(profile, section), name))


def _plain(name: str, value: Any) -> str:
    """A value roughly as in TOML; a proxy without its user and password."""
    if value is None:
        return "none"
    if isinstance(value, bool):
        return str(value).lower()
    if name in _TABLES:
        return ", ".join(f"{key} = {getattr(inner, 'value', inner)}" for key, inner in value.items()) or "none"
    if isinstance(value, tuple):
        return ", ".join(cast("tuple[str, ...]", value)) or "none"
    return without_userinfo(value) if name == "proxy" else str(value)


def _from_environment(profile: VendorProfile, environ: Mapping[str, str]) -> dict[str, str]:
    origins = {"kind": "environment, by the variables' prefix"}
    for name in _BY_ENVIRONMENT:
        variable = f"{profile.kind}_{name}".upper()
        if read_variable(environ, variable) is not None:
            origins[name] = f"environment variable {variable}"
    return origins


def _from_file(profile: VendorProfile, config: Path) -> dict[str, str]:
    """Read the file again to locate each setting; it was validated when the profile was created."""
    document = read_toml(config)
    table: dict[str, Any] = document["vendors"][profile.name]
    place = f"{config.name}, [vendors.{profile.name}"
    origins: dict[str, str] = {}
    for name, value in table.items():
        if name == "credentials":
            origins |= {key: _key_origin(inner, config, f"{place}.credentials]") for key, inner in value.items()}
        elif name in _KEYS:
            origins.setdefault(name, _key_origin(value, config, f"{place}]"))
        elif name in _SECTIONS:
            origins |= {f"{name}.{key}": f"{place}.{name}]" for key in value}
        else:
            origins[name] = f"{place}]"
    return origins


def _key_origin(value: Any, config: Path, place: str) -> str:
    source, colon, rest = str(value).partition(":")
    if colon and source == "env":
        return f"environment variable {rest}, named by {config.name}"
    if colon and source == "file":
        return f"file {rest}, named by {config.name}"
    return place
