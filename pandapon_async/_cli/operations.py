"""``pandapon operations``: list the catalogue."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from .shared import OnceEach, config_option, console, json_text, load_profiles, new_table, show_table, write_out

if TYPE_CHECKING:
    from .._config.profiles import VendorProfile
    from .._models.operation import VendorRequest

Row = dict[str, "str | None"]
_KEYS = ("name", "contract_id", "vendor", "method", "path", "effect", "evidence")
_COLUMNS = (*_KEYS, "state", "missing")


@click.command("operations", cls=OnceEach, short_help="List what the vendors offer.")
@click.option("--vendor", metavar="NAME", help="Only this vendor's: pandapon, xportcn_ka, or the name of an account.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object per line.")
@config_option
def command(vendor: str | None, as_json: bool, config: Path | None) -> None:
    """List the vendors' operations, one line per operation and vendor.

    Evidence for a path: seen on the vendor's page, seen in public client code, inferred from related paths, or missing. State:
    typed, inferred, or path unknown (callable once the profile's paths provide it), followed by what the documentation
    doesn't show. Needs no keys unless --vendor names an account.
    """
    rows = list(_rows(vendor, config))
    if as_json:
        for row in rows:
            write_out(json_text({key: row[key] for key in _KEYS}))
    else:
        _show(rows)


def _rows(vendor: str | None, config: Path | None) -> Iterator[Row]:
    from ..api import catalogue

    kind, account = _selected(vendor, config)
    for operation in (request.operation for request in catalogue()):
        for offering in operation.vendors:
            if kind is not None and offering != kind:
                continue
            route = operation.route(offering)
            if account is not None:
                route = account.route(operation, route)
            yield {
                "name": operation.name,
                "contract_id": operation.contract_id,
                "vendor": offering,
                "method": operation.method,
                "path": route.path,
                "effect": operation.effect.value,
                "evidence": route.evidence.value,
                "state": operation.state(route),
                "missing": operation.missing,
            }


def _selected(vendor: str | None, config: Path | None) -> tuple[str | None, VendorProfile | None]:
    """The kind of vendor, and the account if one was named. An account in the given file takes precedence over a kind."""
    from .._config.profiles import PRESETS
    from .._errors import ConfigError, suggestion

    if vendor is None or (vendor in PRESETS and config is None):
        return vendor, None
    try:
        profiles = load_profiles(config)
    except ConfigError:
        if config is not None:
            raise
        profiles = []
    for profile in profiles:
        if profile.name == vendor:
            return profile.kind, profile
    if vendor in PRESETS:
        return vendor, None
    known = [*PRESETS, *(profile.name for profile in profiles if profile.name not in PRESETS)]
    names = ", ".join(map(repr, known))
    raise ConfigError(f"no vendor or account is named {vendor!r}{suggestion(vendor, known)}; there are {names}")


def _show(rows: Sequence[Row]) -> None:
    out, table = console(), new_table()
    for column in _COLUMNS:
        table.add_column(column, no_wrap=True)
    for row in rows:
        table.add_row(*(row[column] or "-" for column in _COLUMNS))
    width = sum(max(len(column), *(len(row[column] or "-") for row in rows)) + 2 for column in _COLUMNS)
    if width <= out.width:
        show_table(table)
        return
    name: str | None = None  # too narrow for a table, so print a list
    for row in rows:
        if row["name"] != name:
            name = row["name"]
            out.print(name, style="bold")
            out.print(f"  {row['contract_id']}, {row['effect']}")
        out.print(f"  {row['vendor']}, {row['evidence']}: {row['method']}")
        out.print(f"    {row['path'] or row['state']}")


def find_requests(name: str) -> list[type[VendorRequest[Any]]]:
    """The request classes with this contract id or name: at most one per vendor."""
    from .._errors import suggestion
    from ..api import catalogue

    known: dict[str, list[type[VendorRequest[Any]]]] = {}
    for request_class in catalogue():
        for key in {request_class.operation.name, request_class.operation.contract_id}:
            known.setdefault(key, []).append(request_class)
    if name not in known:
        hint = suggestion(name, known)
        raise click.BadParameter(f"there is no {name!r}{hint}; see `pandapon operations`", param_hint="OPERATION")
    by_id = [one for one in known[name] if one.operation.contract_id == name]
    return by_id or known[name]
