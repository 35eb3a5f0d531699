"""``pandapon fake-vendor``: serve the fake vendor until stopped."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

import click

from .running import serve
from .shared import OnceEach, cant_listen, host_option, mixed_faults, port_option, tell, write_out

if TYPE_CHECKING:
    from ..testing import FakeVendor, Faults, Ledger

_LISTED = 10
_NOT_NUMBERS = ("platform_codes", "status", "status_after", "retry_after_form", "seed")


@click.command("fake-vendor", cls=OnceEach, short_help="Serve a fake vendor on this machine.")
@port_option
@host_option
@click.option("--faults", "misbehave", is_flag=True, help="Inject all faults, each into a few percent of the calls.")
@click.option(
    "--fault",
    "chosen",
    multiple=True,
    metavar="NAME=NUMBER",
    help="A fault and its probability, such as drop_after=0.05 or 503=0.1; or latency=0.2, jitter, retry_after "
    "(seconds). Repeatable.",
)
@click.option("--seed", type=int, default=0, help="Seed of the faults and invented values.")
@click.option("--clock-offset", type=float, default=0.0, metavar="SECONDS", help="How far its clock is ahead.")
@click.option("--timestamp-unit", type=click.Choice(["s", "ms"]), default="s", help="The unit of timestamps.")
@click.option("--require-user-id", is_flag=True, help="Refuse calls without the header user-id.")
@click.option("--signed-query/--no-signed-query", default=True, help="Whether it requires ?timestamp=&sign=.")
def command(port: int, host: str, misbehave: bool, chosen: Sequence[str], seed: int, **rules: Any) -> None:
    """Serve both vendors' contracts on this machine until Ctrl-C or SIGTERM.

    Prints its address and its keys, which work nowhere else, as lines to paste into another terminal. It checks signature,
    time, nonce and body as documented by the vendors. At its end it lists the latest bookings that were made under a
    fault: what a person would look up in the vendor's console. SIGTERM ends it with status 0.
    """
    from ..testing import FakeVendor

    vendor = FakeVendor(
        host=host,
        port=port,
        faults=_faults(chosen, misbehave=misbehave, seed=seed),
        seed=seed,
        clock_offset=rules["clock_offset"],
        timestamp_unit=rules["timestamp_unit"],
        require_user_id=rules["require_user_id"],
        require_signed_query=rules["signed_query"],
        keep_replies=misbehave or bool(chosen),
    )
    serve(_serve(vendor))


async def _serve(vendor: FakeVendor) -> None:
    try:
        await vendor.start()
    except OSError as error:
        raise cant_listen("the fake vendor", error) from None
    try:
        write_out("\n".join(_environment(vendor)))
        tell("Serving until Ctrl-C. Paste the lines above into another terminal.")
        await asyncio.Event().wait()
    finally:
        await vendor.stop()
        seen, booked = sum(vendor.ledger.seen.values()), len(vendor.ledger.bookings)
        tell(f"The fake vendor has stopped: {seen} requests, {booked} bookings.")
        for line in _booked_under_faults(vendor.ledger):
            tell(line)


def _environment(vendor: FakeVendor) -> Sequence[str]:
    """A line an account, so that nobody pastes the keys without the address and calls the real vendor with them."""
    return [
        _setting(
            f"{account.kind.upper()}_",
            BASE_URL=vendor.profile(account.kind).base_url,
            ACCESS_KEY=account.access_key,
            ACCESS_SECRET=account.access_secret,
            USER_ID=account.user_id or "",
        )
        for account in vendor.accounts
    ]


def _setting(prefix: str, **values: str) -> str:
    """Sets variables in the shell that people have: a POSIX one, or PowerShell. None of the values needs more quotes."""
    if os.name == "nt":
        return "; ".join(f'$env:{prefix}{name}="{value}"' for name, value in values.items())
    return "export " + " ".join(f"{prefix}{name}={value}" for name, value in values.items())


def _booked_under_faults(ledger: Ledger) -> Iterator[str]:
    """The latest bookings that were made although a fault befell their replies."""
    replies = ledger.replies
    rows = [row for row in ledger.requests if row.done and row.fault and row.reference in replies]
    for row in rows[-_LISTED:]:
        booking = replies[row.reference or ""]
        fee = booking["orderFee"]
        yield f"Booked under {row.fault}: {row.reference}, order {booking['orderId']}, {fee['amount']} {fee['currency']}"


def _faults(chosen: Sequence[str], *, misbehave: bool, seed: int) -> Faults:
    import attrs

    from .._errors import suggestion
    from ..testing import Faults
    from ..testing._platform_texts import PLATFORM_TEXTS

    faults = mixed_faults(seed=seed) if misbehave else Faults(seed=seed)
    names = [field.name for field in attrs.fields(Faults) if field.name not in _NOT_NUMBERS]
    changes: dict[str, Any] = {}
    status, codes = dict(faults.status), dict(faults.platform_codes)
    for text in chosen:
        name, _, number = text.partition("=")
        try:
            value = float(number)
        except ValueError:
            raise click.BadParameter(f"{text!r} is not NAME=NUMBER", param_hint="--fault") from None
        if name in PLATFORM_TEXTS:
            codes[name] = value
        elif name.isascii() and name.isdigit():
            status[int(name)] = value
        elif name in names:
            changes[name] = value
        else:
            hint = (
                suggestion(name, names)
                or f"; there are {', '.join(names)}, any HTTP status, and codes of 1688 such as 500_004"
            )
            raise click.BadParameter(f"no fault is named {name!r}{hint}", param_hint="--fault")
    try:
        return attrs.evolve(faults, status=status, platform_codes=codes, **changes)
    except ValueError as error:
        raise click.BadParameter(str(error), param_hint="--fault") from None
