"""Where a journal in PostgreSQL is, and how it is reached: by TLS unless it is on this machine; secrets are never shown."""

from __future__ import annotations

import configparser
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final
from urllib.parse import parse_qs, urlsplit

import attrs

from ..._config.profiles import is_loopback
from ..._errors import JournalError

_SCHEMES: Final = ("postgresql://", "postgres://")
_SECRETS: Final = ("password", "sslpassword", "oauth_client_secret")


@attrs.frozen
class PostgresUrl:
    """A PostgreSQL database. ``name`` can be shown; ``conninfo``, which is libpq's, can't."""

    conninfo: str = attrs.field(repr=False)
    name: str

    def __str__(self) -> str:
        return self.name

    def parameters(self) -> dict[str, Any]:
        """What libpq is to be given.

        Raises:
            JournalError: it can't be understood.
        """
        from psycopg import Error
        from psycopg.conninfo import conninfo_to_dict

        try:
            given: dict[str, Any] = {key: value for key, value in conninfo_to_dict(self.conninfo).items() if value}
        except Error:
            raise JournalError(f"{self.name}: is no URL of a PostgreSQL database") from None
        known = {**_service(given.get("service") or os.environ.get("PGSERVICE")), **given}
        if not (known.get("sslmode") or os.environ.get("PGSSLMODE")) and not _is_local(known):
            given["sslmode"] = "verify-full"
            if not (known.get("sslrootcert") or os.environ.get("PGSSLROOTCERT")):
                given["sslrootcert"] = "system"
        return given


def postgres_url(text: str) -> PostgresUrl | None:
    """The database that a text names; None: it names none, so it may be a file's path.

    ``postgresql://...``; ``env:NAME`` and ``file:PATH``, where such a URL stands; ``service=NAME`` of libpq's service file.

    Raises:
        JournalError: there is no URL where the text says.
    """
    if text.startswith(_SCHEMES):
        return PostgresUrl(text, _shown(text))
    if text.startswith("service="):
        return PostgresUrl(text, text.split()[0])
    kind, _, name = text.partition(":")
    if kind not in ("env", "file") or not name:
        return None
    if kind == "env":
        found = os.environ.get(name, "")
    else:
        try:
            found = Path(name).read_text(encoding="utf-8").strip()
        except (OSError, ValueError) as error:
            why = error.strerror if isinstance(error, OSError) else "it isn't UTF-8"
            raise JournalError(
                f"{text!r}: a journal is a file on disk or a PostgreSQL database, whose URL would stand in {name}; that can't be "
                f"read: {why}"
            ) from None
    if not found.startswith((*_SCHEMES, "service=")):
        raise JournalError(f"{text}: there is no URL of a PostgreSQL database")
    return postgres_url(found)


def holds_secret(text: str) -> bool:
    """Whether a secret stands in a journal's URL: then it may come from a variable or a file, but not from a command line."""
    if text.startswith("service="):
        return any(f"{name}=" in text for name in _SECRETS)
    if not text.startswith(_SCHEMES):
        return False
    parts = urlsplit(text)
    return ":" in parts.netloc.rpartition("@")[0] or any(name in parse_qs(parts.query) for name in _SECRETS)


def _shown(url: str) -> str:
    """The URL without user, password and options."""
    parts = urlsplit(url)
    host = parts.netloc.rpartition("@")[2] or parse_qs(parts.query).get("host", [""])[0]
    return f"postgresql://{host}{parts.path}"


def _is_local(known: Mapping[str, Any]) -> bool:
    """Whether every server that may be meant is on this machine."""
    hosts = str(
        known.get("host") or known.get("hostaddr") or os.environ.get("PGHOST") or os.environ.get("PGHOSTADDR", "")
    )
    return all(not host or host.startswith(("/", "@")) or is_loopback(host) for host in hosts.split(","))


def _service(name: str | None) -> dict[str, str]:
    """What libpq's service file says of a service; nothing, if that can't be found: then it counts as another host."""
    if not name:
        return {}
    files = [
        os.environ.get("PGSERVICEFILE") or Path.home() / ".pg_service.conf",
        Path(os.environ.get("PGSYSCONFDIR", "/etc/postgresql-common")) / "pg_service.conf",
    ]
    for file in files:
        parser = configparser.RawConfigParser(comment_prefixes=("#",), delimiters=("=",), strict=False)
        try:
            parser.read(file, encoding="utf-8")
        except (configparser.Error, ValueError):
            continue
        if parser.has_section(name):
            return dict(parser.items(name))
    return {"host": name}
