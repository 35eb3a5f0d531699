"""``pandapon call``: make one call, wire JSON in and out."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from .running import run
from .shared import (
    BAD_INPUT,
    FAILED,
    UNKNOWN,
    Failed,
    Interrupted,
    OnceEach,
    choose,
    config_option,
    json_text,
    load_profiles,
    vendor_option,
    write_out,
)

if TYPE_CHECKING:
    from .._config.profiles import VendorProfile
    from .._models.operation import Operation, Reply, VendorRequest


@click.command("call", cls=OnceEach, short_help="Make one call, JSON in and out.")
@click.argument("operation")
@click.argument("body", required=False, metavar="[JSON | @FILE | -]")
@vendor_option
@config_option
@click.option("--yes", is_flag=True, help="Don't ask before a WRITE.")
@click.option("--reference", metavar="REF", help="Your own reference; shown in errors.")
@click.option("--raw", is_flag=True, help="Print the whole reply, including the envelope.")
def command(
    operation: str,
    body: str | None,
    vendor: str | None,
    config: Path | None,
    yes: bool,
    reference: str | None,
    raw: bool,
) -> None:
    """Make one call and print the reply's data as JSON.

    OPERATION is a name or a contract id from `pandapon operations`. The body is the vendor's own JSON: inline, in a file
    (@FILE), or on stdin (-). It is optional for a READ.

    A WRITE to any host but this machine asks for confirmation; without a terminal it needs --yes.
    """
    from .._models.converters import from_wire
    from .operations import find_requests

    found = find_requests(operation)
    if len(found) > 1:  # several vendors have an operation of that name: the account decides
        kind = choose(load_profiles(config), vendor).kind
        found = [one for one in found if kind in one.operation.vendors] or found
    request_class = found[0]
    what = request_class.operation
    request = from_wire(request_class, _members(body, what))
    profile = choose(load_profiles(config), vendor)
    if profile.kind not in what.vendors:
        raise Failed(f"{what.name} is not offered by {profile.kind}, but by {', '.join(what.vendors)}", BAD_INPUT)
    _confirm(what, profile, yes=yes)
    _SingleCall(profile, request, reference, raw=raw).run()


def _members(body: str | None, operation: Operation[Any]) -> dict[str, Any]:
    """The body as a JSON object.

    Raises:
        click.UsageError: it is missing for a WRITE, can't be read, or isn't a JSON object.
    """
    from .._models.jsonio import JsonError, fault_in, is_object, loads
    from .._models.operation import Effect

    if body is None:
        if operation.effect is Effect.WRITE:
            raise click.UsageError(f"{operation.name} is a WRITE: give its body, even if it is {{}}")
        return {}
    source, given = _read(body)
    given = given.removeprefix(b"\xef\xbb\xbf")
    try:
        members = loads(given)
    except JsonError as error:
        fault = fault_in(given)
        what = f"{fault.text} at line {fault.line}, column {fault.column}" if fault else str(error)
        raise click.UsageError(f"{source}: {what}") from None
    if not is_object(members):
        raise click.UsageError(f"{source}: must be a JSON object")
    return members


def _read(body: str) -> tuple[str, bytes]:
    if body == "-":
        return "stdin", sys.stdin.buffer.read()
    if not body.startswith("@"):
        return "the body", body.encode("utf-8", "surrogateescape")
    path = Path(body[1:])
    try:
        return str(path), path.read_bytes()
    except OSError as error:
        raise click.UsageError(f"{path}: can't be read: {error.strerror}") from None


def _confirm(operation: Operation[Any], profile: VendorProfile, *, yes: bool) -> None:
    from urllib.parse import urlsplit

    from .._config.profiles import is_loopback
    from .._models.operation import Effect

    host = urlsplit(profile.base_url).hostname or ""
    if operation.effect is Effect.READ or yes or is_loopback(host):
        return
    what = f"{operation.name} is a WRITE to {host}, as account {profile.name!r}"
    if not _is_interactive():
        raise Failed(f"{what}: without a terminal it needs --yes. Nothing was sent", BAD_INPUT)
    if not click.confirm(f"{what}. Send it?", err=True):
        raise Failed("Nothing was sent", BAD_INPUT)


def _is_interactive() -> bool:
    return sys.stdin.isatty() and sys.stderr.isatty()


class _SingleCall:
    """Makes one call, and reports its outcome even when interrupted."""

    def __init__(self, profile: VendorProfile, request: Any, reference: str | None, *, raw: bool) -> None:
        self._profile = profile
        self._request: VendorRequest[Any] = request
        self._reference = reference
        self._raw = raw
        self._reply: Reply[Any] | None = None
        self._in_doubt = False

    def run(self) -> None:
        try:
            run(self._send())
        except Interrupted:
            if self._in_doubt:
                raise self._doubt("interrupted after it was sent") from None
            if self._reply is None:
                raise
            self._print(self._reply)
            raise
        assert self._reply is not None
        self._print(self._reply)

    async def _send(self) -> None:
        from .._manager import SessionManager

        item: Any = self._request if self._reference is None else (self._reference, self._request)
        async with SessionManager([self._profile], on_in_doubt=self._note_doubt) as vendors:
            # Stored immediately: an interruption while connections are being closed must not lose it.
            self._reply = await vendors[self._profile.name].call(item)

    def _note_doubt(self, *_: object) -> None:
        self._in_doubt = True

    def _doubt(self, message: str) -> Exception:
        from .._errors import OutcomeUnknownError

        return OutcomeUnknownError(
            message,
            vendor=self._profile.name,
            operation=self._request.operation.name,
            reference=self._reference or self._request.natural_reference(),
        )

    def _print(self, reply: Reply[Any]) -> None:
        shown = reply.raw if self._raw else reply.raw.get("data")
        text = json_text(shown, indent=2)
        try:
            write_out(text)
        except OSError as error:
            from .._models.operation import Effect

            # Status 1 would invite sending a WRITE again, but this one succeeded.
            is_write = self._request.operation.effect is Effect.WRITE
            message = (
                f"the call succeeded, but its reply can't be written to stdout ({error.strerror}). It was:\n{text}"
            )
            raise Failed(message, UNKNOWN if is_write else FAILED) from None
