"""``pandapon doctor``: show the configuration, and check whether it works."""

from __future__ import annotations

import importlib.metadata
import os
import platform
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from .._version import __version__
from .journals import journal_place, location_of
from .running import run
from .shared import (
    FAILED,
    Failed,
    OnceEach,
    choose,
    config_option,
    console,
    labelled,
    load_profiles,
    new_table,
    show_table,
    vendor_option,
    write_out,
)

if TYPE_CHECKING:
    from .._config.profiles import VendorProfile
    from .._journal.places import Place
    from .probe import ProbeReply, Variation

_DAY = 86_400
_SOON = 14 * _DAY


@click.command("doctor", cls=OnceEach, short_help="Check settings, TLS, clock and signature.")
@vendor_option
@config_option
@click.option("--try", "try_it", is_flag=True, help="Send one signed READ, and find settings that the vendor accepts.")
@click.option(
    "--journal",
    type=journal_place,
    metavar="PATH or URL",
    help="Check only whether this journal is whole.",
)
@click.pass_context
def command(ctx: click.Context, vendor: str | None, config: Path | None, try_it: bool, journal: Place | None) -> None:
    """Show every setting and its origin, check TLS, and explain the signature. Secrets are masked.

    --try sends the vendor a signed freight estimate for an invented item: nothing is booked. If that is refused, it tries the
    undocumented settings (timestamp unit, signed query, user id) separately and combined, and prints the TOML that worked.

    --journal reads the whole file of a journal, which may be in use, and asks no vendor.

    Status 0 if everything works, 1 if an account or the journal doesn't, 2 if the configuration is invalid.
    """
    if journal is not None:
        _check_journal(journal)
        return
    labelled("Package", f"pandapon-async {__version__}, Python {platform.python_version()} on {platform.system()}")
    labelled("Uses", f"aiohttp {_version('aiohttp')}, orjson {_version('orjson')}")
    if config is None:
        _show_environment()
    profiles = load_profiles(config)
    well = True
    for profile in profiles if vendor is None else [choose(profiles, vendor)]:
        well = _AccountCheck(profile, config).run(try_it=try_it) and well
    if not well:
        ctx.exit(FAILED)


def _check_journal(path: Place) -> None:
    from .._errors import JournalError
    from .._journal.journal import Journal

    try:
        with Journal.open(location_of(path)) as journal:
            journal.check()
            count = sum(journal.counts().values())
    except JournalError as error:  # an answer here, not bad input
        raise Failed(str(error)) from None
    labelled("Journal", f"{path} is whole: {count:,} bookings")


def _version(package: str) -> str:
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return "not installed"


def _show_environment() -> None:
    from .._config.profiles import PRESETS
    from .._errors import suggestion

    names = [
        f"{kind}_{name}".upper() for kind in PRESETS for name in ("access_key", "access_secret", "user_id", "base_url")
    ]
    labelled("Environment", ", ".join(name for name in names if os.environ.get(name)) or "no variable is set")
    prefixes = tuple(f"{kind}_".upper() for kind in PRESETS)
    for name in sorted(os.environ):
        if name.startswith(prefixes) and name not in names:
            labelled("", f"{name} is not read{suggestion(name, names)}", style="yellow")


class _AccountCheck:
    """Checks one account."""

    def __init__(self, profile: VendorProfile, config: Path | None) -> None:
        self._profile = profile
        self._config = config

    def run(self, *, try_it: bool) -> bool:
        """Show everything; return False if something doesn't work."""
        console().print(f"\nAccount {self._profile.name!r}", style="bold")
        self._show_settings()
        well = self._check_tls()
        self._explain_signature()
        if try_it:
            return self._try() and well
        labelled("Clock", "the vendor's is unknown; use --try")
        labelled("Vendor", "not contacted; --try sends one signed READ")
        return well

    def _show_settings(self) -> None:
        from .config_sources import settings

        table = new_table()
        for column in ("setting", "value", "from"):
            table.add_column(column, overflow="fold")
        for setting in settings(self._profile, self._config, os.environ):
            given = "" if setting.origin.startswith("default") else "cyan"
            table.add_row(setting.name, setting.value, setting.origin, style=given)
        show_table(table)
        for name in self._unknown_operations():
            labelled("Paths", name, style="yellow")
        write_out("")

    def _unknown_operations(self) -> Iterator[str]:
        """Problems with operations in the profile's ``paths`` that the vendor's catalogue doesn't have."""
        from .._errors import suggestion
        from ..api import catalogue

        if not self._profile.paths:
            return
        offered = [request.operation for request in catalogue() if self._profile.kind in request.operation.vendors]
        known = [name for operation in offered for name in (operation.name, operation.contract_id)]
        for name in self._profile.paths:
            if name not in known:
                yield f"{name!r} is not in this vendor's catalogue{suggestion(name, known)}"

    # --- TLS ---

    def _check_tls(self) -> bool:
        import ssl
        from urllib.parse import urlsplit

        from .._config.profiles import without_userinfo
        from .probe import certificate

        profile, url = self._profile, urlsplit(self._profile.base_url)
        if url.scheme != "https":
            labelled("TLS", "none: base_url is http://")
            return True
        if profile.proxy is not None:
            labelled("TLS", f"not checked: calls go through the proxy {without_userinfo(profile.proxy)}")
            return True
        context = profile.ssl_context or ssl.create_default_context()
        found = run(certificate(url.hostname or "", url.port or 443, context, profile.timeouts.connect))
        if isinstance(found, str):
            labelled("TLS", found, style="red")
            return False
        left = found.expires - time.time()
        until = time.strftime("%Y-%m-%d", time.gmtime(found.expires))
        text = f"{found.protocol}, certificate of {found.subject} by {found.issuer}, until {until}"
        labelled("TLS", f"{text} ({left / _DAY:.0f} days)", style="yellow" if left < _SOON else None)
        return True

    # --- signature ---

    def _explain_signature(self) -> None:
        from .._config.signing import NONCE_LENGTH, new_nonce, sign

        milliseconds = self._profile.timestamp_unit == "ms"
        timestamp, nonce = str(int(time.time() * (1000 if milliseconds else 1))), new_nonce()
        unit = "milliseconds" if milliseconds else "seconds"
        good = sign(*_EXAMPLE) == _EXAMPLE_SIGNATURE
        labelled("Signature", "MD5(access_key + timestamp + nonce + access_secret), upper-case hex")
        labelled("", f"timestamp  {timestamp} (now, in {unit})")
        labelled("", f"nonce      {nonce} (new for every attempt, {NONCE_LENGTH} characters)")
        labelled("", f"signed     *** + {timestamp} + {nonce} + ***")
        labelled("", "signature  32 digits of 0-9A-F")
        labelled("", f"a known example {'is correct' if good else 'is WRONG'}: {_EXAMPLE_SIGNATURE}")
        keys = self._profile.credentials
        names = ["access-key", "timestamp", "nonce-str", "signature"] + (["user-id"] if keys and keys.user_id else [])
        query = "; logistics calls also ?timestamp=&sign=" if self._profile.signed_query else ""
        labelled("", f"sent as    headers {', '.join(names)}{query}")

    # --- the vendor ---

    def _try(self) -> bool:
        from .probe import PROBE, probe, variations

        labelled("Vendor", f"sent {PROBE.operation.name}, a READ for an invented item")
        first = run(probe(self._profile))
        _show_clock(first)
        _show_answer("as configured", first)
        if first.error is None:
            return True
        if not first.refused:
            return False
        for variation in variations(self._profile):
            answer = run(probe(variation.profile))
            _show_answer(", ".join(variation.lines), answer)
            if answer.error is None:
                self._show_remedy(variation)
                return True
            if not answer.refused:
                return False
        keys = self._profile.credentials
        advice = "" if keys is None or keys.user_id is not None else " No user id is set: the vendor may require one."
        labelled(
            "", "No variation was accepted. If the messages aren't about keys, signature, time or user id, those are"
        )
        labelled("", f"fine, and only the invented item is refused.{advice}")
        return False

    def _show_remedy(self, variation: Variation) -> None:
        labelled("Works with", "\n".join(_remedy(self._profile, self._config, variation.lines)), style="green")


# Computed from the formula, not from a vendor.
_EXAMPLE = ("demo-access-key", "demo-access-secret", "1700000000", "ABCDEFGHIJKLMNOPQRSTUVWXYZ012345")
_EXAMPLE_SIGNATURE = "C5482417D038615D51673E82D12E50AF"


def _remedy(profile: VendorProfile, config: Path | None, lines: Sequence[str]) -> Sequence[str]:
    """The TOML that makes the account work."""
    if config is not None:
        return [f"[vendors.{profile.name}]", *lines]
    prefix = profile.kind.upper()
    names = ["access_key", "access_secret"]
    if profile.credentials and profile.credentials.user_id and "# without user_id" not in lines:
        names.append("user_id")
    keys = [f'{name} = "env:{prefix}_{name.upper()}"' for name in names]
    base_url = [f'base_url = "{profile.base_url}"'] if os.environ.get(f"{prefix}_BASE_URL") else []
    return [f"[vendors.{profile.kind}]   # in a file for --config", *base_url, *keys, *lines]


def _show_answer(label: str, answer: ProbeReply) -> None:
    error = answer.error
    text, style = ("accepted", "green") if error is None else (error.message, "yellow")
    labelled("", f"{label}: {text}", style=style)


def _show_clock(answer: ProbeReply) -> None:
    from .._config.signing import CLOCK_WINDOW

    ahead = answer.clock
    if ahead is None:
        labelled("Clock", "the vendor sent no time")
    elif ahead == 0:
        labelled("Clock", "agrees with the vendor's to the second")
    else:
        too_far = abs(ahead) > CLOCK_WINDOW
        advice = f": more than the allowed {CLOCK_WINDOW} s; set this machine's clock" if too_far else ""
        side = "ahead of" if ahead > 0 else "behind"
        labelled("Clock", f"the vendor's is {abs(ahead):.0f} s {side} ours{advice}", style="red" if too_far else None)
