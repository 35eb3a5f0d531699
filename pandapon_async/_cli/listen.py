"""``pandapon listen``: receive vendor messages and print them."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from .running import serve
from .shared import (
    Failed,
    OnceEach,
    cant_listen,
    choose,
    config_option,
    console,
    host_option,
    json_text,
    load_profiles,
    port_option,
    tell,
    vendor_option,
    write_out,
)

if TYPE_CHECKING:
    from aiohttp import web

    from .._config.profiles import VendorProfile
    from ..push.message import Message

_MASK = "***"


@click.command("listen", cls=OnceEach, short_help="Receive vendor messages and print them.")
@port_option
@host_option
@vendor_option
@config_option
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object per line.")
@click.option("--full", is_flag=True, help="Show every value, including personal ones.")
@click.option("--test", "callback", metavar="URL", help="Post one signed test message to your own callback instead.")
def command(
    port: int, host: str, vendor: str | None, config: Path | None, as_json: bool, full: bool, callback: str | None
) -> None:
    """Receive an account's messages at any path, and print them until Ctrl-C or SIGTERM.

    A message is verified with the account's secret and acknowledged once printed, so that the vendor doesn't send it again. A
    duplicate is printed once. Values not known to be harmless are masked unless --full is given. SIGTERM ends it with status 0.

    The vendors post to HTTPS only: put a tunnel or a TLS proxy in front of it.

    --test signs a message with the account's secret as the vendor does, posts it once, and says whether it was answered with 200
    within a second. Its type is TEST, which no vendor sends.
    """
    profile = choose(load_profiles(config), vendor)
    if callback is not None:
        _post_test(profile, callback)
        return
    serve(_Listener(profile, as_json=as_json, full=full).run(host, port))


def _post_test(profile: VendorProfile, callback: str) -> None:
    """Post a test message; a callback that doesn't acknowledge it ends the program with status 1."""
    from ..testing import Account, FakeVendor

    keys = profile.credentials
    assert keys is not None  # an account that was loaded has them
    kind: Any = profile.kind
    base: Any = profile.push_base
    account = Account(kind=kind, access_key=keys.access_key, access_secret=keys.access_secret, user_id=keys.user_id)
    sender = FakeVendor(accounts=[account])
    sent = sender.send_message_blocking(kind, callback, "TEST", {"test": True}, retries=0, base=base)
    status = sent.attempts[-1].status
    if not sent.acknowledged:
        answer = f"answered {status}" if status else "no answer within a second"
        raise Failed(f"{answer}: the vendor would send it again")
    write_out("Answered 200: acknowledged")


class _Listener:
    def __init__(self, profile: VendorProfile, *, as_json: bool, full: bool) -> None:
        self._profile = profile
        self._as_json = as_json
        self._full = full
        self._printed = self._refused = 0
        self._unprintable: asyncio.Future[None] | None = None

    async def run(self, host: str, port: int) -> None:
        """Listen until cancelled, or until printing fails."""
        from aiohttp import web

        self._unprintable = asyncio.get_running_loop().create_future()
        runner = web.AppRunner(self._app(), access_log=None, shutdown_timeout=1.0)
        await runner.setup()
        try:
            try:
                await web.TCPSite(runner, host, port).start()
            except OSError as error:
                raise cant_listen("the program", error) from None
            self._greet(host, runner.addresses[0][1])
            await self._unprintable
        finally:
            await runner.cleanup()
            if self._printed or self._refused:
                tell(f"Stopped: {self._printed} messages, {self._refused} rejected.")

    def _app(self) -> web.Application:
        from aiohttp import web

        from ..push.route import message_route

        app = web.Application()
        app.router.add_route("*", "/{path:.*}", message_route(self._profile, self._show, on_error=self._refuse))
        return app

    def _greet(self, host: str, port: int) -> None:
        where = f"[{host}]" if ":" in host else host
        name = self._profile.name
        tell(f"Listening for messages of {name!r} at http://{where}:{port}/ until Ctrl-C.")

    def _show(self, message: Message) -> None:
        try:
            write_out(json_text(self._record(message)) if self._as_json else self._lines(message))
        except OSError as error:
            # Not printed, so it must not be acknowledged.
            if self._unprintable is not None and not self._unprintable.done():
                self._unprintable.set_exception(error)
            raise
        self._printed += 1

    def _refuse(self, error: Exception, message: Message | None) -> None:
        if message is None:
            self._refused += 1
            tell(f"Rejected: {getattr(error, 'message', error)}")

    def _record(self, message: Message) -> dict[str, Any]:
        return {
            "type": message.type,
            "platform": message.platform,
            "time": None if message.time is None else message.time.isoformat(),
            "digest": message.digest,
            "body": self._body(message),
            "problems": list(message.problems),
        }

    def _body(self, message: Message) -> Any:
        from ..push.bodies import MessageBody

        body = message.body.value if isinstance(message.body, MessageBody) else message.body
        return body if self._full else _masked(body, None)

    def _lines(self, message: Message) -> str:
        from rich.text import Text

        record = self._record(message)
        platform = getattr(message.platform, "name", message.platform)
        out = console()
        with out.capture() as captured:
            # Escaped as JSON, without the quotes: what a vendor sends must not control the terminal.
            heading = f"{record['time'] or '-'}  {json_text(message.type)[1:-1]}  {platform}  {message.digest[:12]}"
            out.print(Text(heading, style="bold"), soft_wrap=True)
            out.print(Text(json_text(record["body"], indent=2)), soft_wrap=True)
            for problem in message.problems:
                out.print(Text(f"doesn't fit: {json_text(problem)[1:-1]}", style="yellow"), soft_wrap=True)
        return captured.get().rstrip("\n")


def _masked(value: Any, name: str | None) -> Any:
    """Plain JSON of the same shape, with possibly personal values masked."""
    from .._models.jsonio import is_array, is_object
    from ..push.bodies import harmless

    if is_object(value):
        return {key: _masked(inner, key) for key, inner in value.items()}
    if is_array(value):
        return [_masked(item, name) for item in value]
    return value if value is None or isinstance(value, bool) or name in harmless() else _MASK
