"""``pandapon demo``: book freight at a fake vendor, and check every outcome against its ledger."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import click

from .progress import Screen
from .running import run
from .shared import FAILED, Failed, Interrupted, OnceEach, json_text, labelled, mixed_faults, write_out

if TYPE_CHECKING:
    from .._config.profiles import VendorProfile
    from ..testing import FakeVendor
    from .demo_orders import Audit, Finding, SampleOrders


@click.command("demo", cls=OnceEach, short_help="Book freight at a fake vendor; needs no keys.")
@click.option("--bookings", type=click.IntRange(1), default=1000, show_default=True, metavar="N", help="How many.")
@click.option("--faults", is_flag=True, help="Inject all faults, each into a few percent of the calls.")
@click.option("--concurrency", type=click.IntRange(1), default=64, show_default=True, metavar="N", help="In flight.")
@click.option("--seed", type=int, default=0, show_default=True, metavar="N", help="Seed of the orders and faults.")
@click.option(
    "--fleet", type=click.IntRange(1), metavar="N", help="By N worker processes, of which one is killed half way."
)
@click.option("--json", "as_json", is_flag=True, help="Print the summary as one JSON object.")
def command(bookings: int, faults: bool, concurrency: int, seed: int, fleet: int | None, as_json: bool) -> None:
    """Book N freight orders through the real client at a fake vendor on this machine. Needs no keys.

    Prints what was booked, refused and in doubt, and whether the vendor's ledger agrees: it must hold every confirmed booking
    exactly once, no refused one, and none twice. Status 0 only if it agrees.

    --fleet N (extra "fleet") submits the orders to N worker processes over a PostgreSQL of its own, of which nothing is left.
    """
    from ..testing import FakeVendor, Faults
    from .demo_fleet import book_by_workers
    from .demo_orders import Audit, SampleOrders

    orders = SampleOrders(bookings, seed)
    audit = Audit(orders)
    injected = mixed_faults(seed=seed, retry_after=0) if faults else Faults()
    interrupted: Interrupted | None = None
    with FakeVendor(faults=injected, seed=seed) as vendor, Screen("booking", bookings) as progress:
        began = time.monotonic()
        try:
            profile = _profile(vendor, concurrency)
            run(
                _book(profile, orders, audit, progress)
                if fleet is None
                else book_by_workers(profile, orders, audit, progress, fleet)
            )
        except Interrupted as signal:
            interrupted = signal
        seconds = time.monotonic() - began
    finding = audit.compare(vendor.ledger)  # the vendor has stopped, so the ledger is final
    if as_json:
        write_out(json_text(_as_json(audit, finding, bookings, seconds)))
    else:
        _show(audit, finding, seconds)
    if finding.disagreements:
        raise Failed(f"the vendor's ledger does not agree, in {finding.count} places", FAILED)
    if interrupted is not None:
        raise interrupted


def _profile(vendor: FakeVendor, concurrency: int) -> VendorProfile:
    from .._config.profiles import Limits, RetryPolicy

    return vendor.profile("pandapon", limits=Limits(concurrency=concurrency), retry=RetryPolicy(base=0.05))


async def _book(profile: VendorProfile, orders: SampleOrders, audit: Audit, progress: Screen) -> None:
    from .._manager import SessionManager

    async with SessionManager([profile]) as vendors:
        requests: Any = iter(orders)
        outcomes = vendors.pandapon.stream(requests)
        try:
            async with outcomes:
                async for outcome in outcomes:
                    audit.note(outcome)
                    progress.step(f"{audit.in_doubt} in doubt" if audit.in_doubt else "")
        finally:
            for outcome in outcomes.undelivered:  # interrupted: what was in flight counts too
                audit.note(outcome)


def _as_json(audit: Audit, finding: Finding, bookings: int, seconds: float) -> dict[str, Any]:
    return {
        "bookings": bookings,
        "booked": audit.booked,
        "refused": audit.refused,
        "in_doubt": audit.in_doubt,
        "not_sent": audit.not_sent,
        "not_started": finding.not_started,
        "attempts": audit.attempts,
        "seconds": round(seconds, 3),
        "rate": round(audit.ended / seconds, 1),
        "fees": {currency: str(amount) for currency, amount in sorted(audit.fees.items())},
        "ledger": {
            "agrees": not finding.disagreements,
            "bookings": finding.in_ledger,
            "doubled": finding.doubled,
            "in_doubt_booked": finding.doubt_booked,
            "disagreements": list(finding.disagreements),
        },
    }


def _show(audit: Audit, finding: Finding, seconds: float) -> None:
    fees = ", ".join(f"{amount:,} {currency}" for currency, amount in sorted(audit.fees.items())) or "none"
    lines = [("Booked", f"{audit.booked:,}"), ("Refused", f"{audit.refused:,}"), ("In doubt", f"{audit.in_doubt:,}")]
    if audit.examples:
        lines.append(("", f"such as {', '.join(audit.examples)}"))
    lines.append(("Not sent", f"{audit.not_sent:,}"))
    if finding.not_started:
        lines.append(("Not started", f"{finding.not_started:,}"))
    lines += [
        ("Attempts", f"{audit.attempts:,}"),
        ("Time", f"{seconds:.1f} s, {audit.ended / seconds:,.0f} bookings a second"),
        ("Fees", fees),
    ]
    if finding.disagreements:
        lines += [("Ledger", "does not agree"), *(("", line) for line in finding.disagreements)]
    else:
        lines += [("Ledger", f"agrees: {finding.in_ledger:,} bookings, none twice;")]
        lines += [("", "every confirmed one is there, and no refused one")]
    if audit.in_doubt:
        lines.append(("", f"{finding.doubt_booked:,} of those in doubt were booked"))
    for label, text in lines:
        labelled(label, text, style="bold" if label in ("Booked", "Ledger") else None)
