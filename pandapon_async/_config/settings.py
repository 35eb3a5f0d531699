"""What a desk or a shop has settled once, in ``pandapon.toml``: where its journal is, its time zone, how its files are read.

The file stands beside the file that is read, or in a folder above it; else in the user's own folder for settings. Paths in it are
relative to it.
"""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Iterator, Mapping
from decimal import Decimal
from pathlib import Path
from typing import Any, Final, TypeVar, cast

import attrs

from .._errors import ConfigError, RequestError
from .._models.money import Money
from .loading import read_toml
from .profiles import field_names, refuse_unknown, zone_of
from .texts import KINDS

NAME: Final = "pandapon.toml"
_DATABASE: Final = re.compile(r"postgres(ql)?://|env:|file:|service=")
"""How a journal in a database is named; its URL is the journal's to understand."""
T = TypeVar("T")


@attrs.frozen(kw_only=True)
class FileSettings:
    """How one kind of file is read, by its name in ``[files.NAME]``.

    Attributes:
        columns: the file's columns, and which of ours they are.
        keep: columns of the file that are kept in the journal and never sent.
        ignore_columns: pass over all other columns that aren't known.
        text: columns in which a text that looks like damage is meant.
        encoding: of a text file; unless given, UTF-8 or UTF-16.
        decimal: the decimal sign.
        sheet: the worksheet of a workbook; unless given, the only one.
        constants: a value for each row whose cell is empty, by our column.
        by_country: the same, by the receiver's country.
        sku_table: a file that gives the shop's ``sku`` as ``itemId`` and ``skuId``.
    """

    columns: Mapping[str, str] = attrs.field(factory=dict[str, str])
    keep: tuple[str, ...] = ()
    ignore_columns: bool = False
    text: tuple[str, ...] = ()
    encoding: str | None = None
    decimal: str = "."
    sheet: str | None = None
    constants: Mapping[str, str] = attrs.field(factory=dict[str, str])
    by_country: Mapping[str, Mapping[str, str]] = attrs.field(factory=dict[str, Mapping[str, str]])
    sku_table: Path | None = None


@attrs.frozen(kw_only=True)
class QuoteRules:
    """Which offer of an order is taken, in ``[quotes]``: the cheapest of those that the rules leave.

    A service goes by its id, its company, its category, or company and category (``"UCS EXPRESS"``), without regard to case.

    Attributes:
        allow_accounts, allow_services: only these; none: all.
        exclude_accounts, exclude_services: never these.
        prefer_accounts, prefer_services: the first of these that there is, even if another is cheaper.
        highest_price: of an order, by the receiver's country; ``*``: by any other.
    """

    allow_accounts: tuple[str, ...] = ()
    allow_services: tuple[str, ...] = ()
    exclude_accounts: tuple[str, ...] = ()
    exclude_services: tuple[str, ...] = ()
    prefer_accounts: tuple[str, ...] = ()
    prefer_services: tuple[str, ...] = ()
    highest_price: Mapping[str, Money] = attrs.field(factory=dict[str, Money])


@attrs.frozen(kw_only=True)
class Settings:
    """The settings; each is as if it weren't there unless the file says so.

    Attributes:
        path: the file; None: there is none.
        journal: the journal of what is booked, a file or the URL of a database; unless given, the one beside the file that is booked.
        time_zone: in which times are shown and exported.
        not_booked_after: seconds after its sending from which a booking can be said not to be booked; unless given, 900.
        preview_hours: how many hours a preview's price is believed.
        max_increase: percent by which a price may have risen since its preview.
        language: of what is said, such as ``zh_CN`` or the path of a ``.po`` file; unless given, the system's.
        files: by name.
        quotes: which offers are taken.
        layouts: what shops read of a tracking file: columns with our values, by name.
    """

    path: Path | None = None
    journal: Path | str | None = None
    time_zone: str = "UTC"
    not_booked_after: float | None = None
    preview_hours: float = 12.0
    max_increase: float = 3.0
    language: str | None = None
    files: Mapping[str, FileSettings] = attrs.field(factory=dict[str, FileSettings])
    quotes: QuoteRules = attrs.field(factory=QuoteRules)
    layouts: Mapping[str, Mapping[str, str]] = attrs.field(factory=dict[str, Mapping[str, str]])


def find_settings(start: Path, environ: Mapping[str, str] | None = None) -> Settings:
    """The settings for what is in a folder.

    Raises:
        ConfigError: the file can't be read, or holds something unknown or wrong; the key is named.
    """
    for path in _places(start, os.environ if environ is None else environ):
        try:
            if path.is_file():
                return read_settings(path)
        except OSError as error:  # whether it names a journal can't be known
            raise ConfigError(f"{path}: can't be read: {error.strerror}") from None
    return Settings()


def _places(start: Path, environ: Mapping[str, str]) -> Iterator[Path]:
    folder = start.absolute()
    for one in (folder, *folder.parents):
        yield one / NAME
    if (own := _own_folder(environ)) is not None:
        yield own / "pandapon" / NAME


def _own_folder(environ: Mapping[str, str]) -> Path | None:
    """The user's folder for settings, by the platform's convention."""
    if sys.platform == "win32":
        return Path(environ["APPDATA"]) if environ.get("APPDATA") else None
    if (given := environ.get("XDG_CONFIG_HOME")) and Path(given).is_absolute():  # a relative one counts as none
        return Path(given)
    home = environ.get("HOME")
    if not home:
        return None
    return Path(home, "Library", "Application Support") if sys.platform == "darwin" else Path(home, ".config")


def read_settings(path: Path) -> Settings:
    """The settings of a file.

    Raises:
        ConfigError: it can't be read, or holds something unknown or wrong; the key is named.
    """
    members = read_toml(path)
    try:
        refuse_unknown(members, [name for name in field_names(Settings) if name != "path"], "this file")
        return _settings(members, path.absolute())
    except ConfigError as error:
        raise ConfigError(f"{path}: {error.message}") from None


def _settings(members: dict[str, Any], path: Path) -> Settings:
    zone = _value(members, "time_zone", str) or "UTC"
    zone_of(zone)
    tables = cast("dict[str, Any]", _value(members, "files", dict) or {})
    layouts = cast("dict[str, Any]", _value(members, "layouts", dict) or {})
    return Settings(
        path=path,
        journal=_journal(members, path.parent),
        time_zone=zone,
        not_booked_after=_number(members, "not_booked_after"),
        **{
            name: number for name in ("preview_hours", "max_increase") if (number := _number(members, name)) is not None
        },
        language=_value(members, "language", str),
        quotes=_quotes(_value(members, "quotes", dict)),
        files={name: _file(name, table, path.parent) for name, table in tables.items()},
        layouts={name: _texts(layouts, name) for name in layouts},
    )


def _quotes(table: Any) -> QuoteRules:
    members = cast("dict[str, Any]", table or {})
    refuse_unknown(members, field_names(QuoteRules), "[quotes]")
    try:
        lists = {name: _list(members, name) for name in field_names(QuoteRules) if name != "highest_price"}
        prices: dict[str, Any] = {
            country.upper(): _amount(f"highest_price.{country}", text)
            for country, text in _texts(members, "highest_price").items()
        }
        return QuoteRules(**lists, highest_price=prices)
    except ConfigError as error:
        raise ConfigError(f"[quotes]: {error.message}") from None


def _amount(name: str, text: str) -> Money:
    amount, _, currency = text.partition(" ")
    try:
        money = Money(amount=Decimal(amount), currency=currency)
    except (ArithmeticError, RequestError):
        money = None
    if money is None or not money.amount > 0 or not (len(currency) == 3 and currency.isalpha() and currency.isupper()):
        raise ConfigError(f'{name}: must be an amount and a currency, such as "30 USD"')
    return money


def _file(name: str, table: Any, folder: Path) -> FileSettings:
    where = f"[files.{name}]"
    if not isinstance(table, dict):
        raise ConfigError(f"{where}: must be a table")
    members = cast("dict[str, Any]", table)
    refuse_unknown(members, field_names(FileSettings), where)
    try:
        decimal = _value(members, "decimal", str) or "."
        if decimal not in (".", ","):
            raise ConfigError("decimal: must be '.' or ','")
        by_country = cast("dict[str, Any]", _value(members, "by_country", dict) or {})
        return FileSettings(
            columns=_texts(members, "columns"),
            keep=_list(members, "keep"),
            ignore_columns=_value(members, "ignore_columns", bool) or False,
            text=_list(members, "text"),
            encoding=_value(members, "encoding", str),
            decimal=decimal,
            sheet=_value(members, "sheet", str),
            constants=_texts(members, "constants"),
            by_country={country: _texts(by_country, country) for country in by_country},
            sku_table=_path(members, "sku_table", folder),
        )
    except ConfigError as error:
        raise ConfigError(f"{where}: {error.message}") from None


# --- values ------------------------------------------------------------------------------------------------------------


def _value(members: Mapping[str, Any], name: str, kind: type[T]) -> T | None:
    value = members.get(name)
    if value is None or (isinstance(value, kind) and value != ""):
        return value
    raise ConfigError(f"{name}: must be {KINDS[kind]}")


def _number(members: Mapping[str, Any], name: str) -> float | None:
    value = members.get(name)
    if value is None:
        return None
    if isinstance(value, (int, float)) and not isinstance(value, bool) and 0 <= value < float("inf"):
        return float(value)
    raise ConfigError(f"{name}: must be {KINDS[float]}")


def _path(members: Mapping[str, Any], name: str, folder: Path) -> Path | None:
    text = _value(members, name, str)
    return None if text is None else folder / Path(text).expanduser()


def _journal(members: Mapping[str, Any], folder: Path) -> Path | str | None:
    text = _value(members, "journal", str)
    if text is None or not _DATABASE.match(text):
        return _path(members, "journal", folder)
    source, _, path = text.partition(":")
    return f"file:{folder / Path(path).expanduser()}" if source == "file" and path else text


def _texts(members: Mapping[str, Any], name: str) -> dict[str, str]:
    table = cast("dict[str, Any]", _value(members, name, dict) or {})
    for key, value in table.items():
        if not isinstance(value, str):
            raise ConfigError(f"{name}.{key}: must be text (in quotes)")
    return dict(table)


def _list(members: Mapping[str, Any], name: str) -> tuple[str, ...]:
    values = cast("list[Any]", _value(members, name, list) or [])
    if not all(isinstance(value, str) for value in values):
        raise ConfigError(f"{name}: must be {KINDS[list]}")
    return tuple(values)
