"""The accounts of a journal, and the facts that were noted of them."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from typing import Final

from ..identity import AccountKey, Fact, KnownAccount, new_facts
from .connection import Batch, Connection

_NOTE: Final = Batch("INSERT INTO facts VALUES (?, ?, ?, ?) ON CONFLICT DO NOTHING", "BIGINT TEXT TEXT FLOAT8")


def known_accounts(connection: Connection) -> list[KnownAccount]:
    """Every account that the journal has."""
    query = (
        "SELECT a.vendor, a.name, f.kind, f.value FROM accounts a LEFT JOIN facts f ON f.account = a.id ORDER BY a.id"
    )
    found: dict[tuple[str, str], set[Fact]] = {}
    for vendor, name, kind, value in connection.execute(query):
        facts = found.setdefault((vendor, name), set())
        if kind is not None:
            facts.add((kind, value))
    return [KnownAccount(*names, frozenset(facts)) for names, facts in found.items()]


def admitted_account(
    connection: Connection, key: AccountKey, adopted: Collection[str], now: float, *, write: bool
) -> int:
    """The number of an account that may book here, noted with what is new of it if it is to be written; 0: it isn't there.

    Raises:
        JournalError: it may be another account, or another name of one; see `identity.new_facts`.
    """
    facts = new_facts(key, known_accounts(connection), adopted)
    if write:
        names = (key.vendor, key.name)
        connection.execute("INSERT INTO accounts (vendor, name) VALUES (?, ?) ON CONFLICT DO NOTHING", names)
    account = account_id(connection, key.vendor, key.name)
    if write:
        note_facts(connection, account, facts, now)
    return account


def note_facts(connection: Connection, account: int, facts: Iterable[Fact], now: float) -> None:
    """Note facts of an account."""
    values = [(account, kind, value, now) for kind, value in facts]
    connection.executemany(_NOTE, values)


def account_id(connection: Connection, vendor: str, name: str) -> int:
    """The number of an account; 0: there is none."""
    found = connection.execute("SELECT id FROM accounts WHERE vendor = ? AND name = ?", (vendor, name)).fetchone()
    return 0 if found is None else int(found[0])


def operation_id(connection: Connection, name: str) -> int:
    """The number of an operation, noted if it is new."""
    connection.execute("INSERT INTO operations (name) VALUES (?) ON CONFLICT DO NOTHING", (name,))
    return int(connection.execute("SELECT id FROM operations WHERE name = ?", (name,)).fetchone()[0])
