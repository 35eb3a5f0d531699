"""The message route for aiohttp.web."""

from __future__ import annotations

from contextlib import AsyncExitStack
from functools import partial
from typing import TYPE_CHECKING, Any, Protocol, cast
from weakref import WeakSet

from aiohttp import web

from .._calls.hooks import logger
from .._config.profiles import VendorProfile
from .._errors import DecodeError
from .inbox import Ack, Handler, Inbox, InboxOptions
from .message import check_length

if TYPE_CHECKING:
    from typing_extensions import Unpack


class MessageRoute(Protocol):
    """A handler for ``app.router.add_route("*", path, route)``; if added at several paths, they share the inbox."""

    inbox: Inbox

    async def __call__(self, request: web.Request, /) -> web.StreamResponse: ...


def message_route(
    profile: VendorProfile,
    handler: Handler,
    ack: Ack = "handled",
    **options: Unpack[InboxOptions],
) -> MessageRoute:
    """An aiohttp.web route for an account's messages: ``app.router.add_route("*", "/vendor", message_route(...))``.

    It answers 200 once the message is handled; 401 if the signature doesn't match, 400 if it is malformed, 413 if it is too
    long; 500 if the handler raised, and 503 if it isn't done after 900 ms or too many messages are in hand, so that the vendor
    sends it again. A GET or an empty body is the console's check and is answered 200. At the application's cleanup it waits for
    the messages in hand.

    See `Inbox` for the arguments, how duplicates are handled, and ``ack="received"``, which answers first.

    Raises:
        ConfigError: the profile has no credentials, or an argument is invalid.
    """
    inbox = Inbox(profile, handler, ack, **options)
    apps: WeakSet[web.Application] = WeakSet()

    async def receive(request: web.Request) -> web.StreamResponse:
        if request.app not in apps:
            apps.add(request.app)
            _join_at_cleanup(request.app, inbox)
        checked = request.method in ("GET", "HEAD") or not request.can_read_body
        answer = await inbox.receive(
            request.headers, b"" if checked else partial(_read, request, profile, inbox.max_bytes)
        )
        return web.Response(status=answer.status, text=answer.text)

    route = cast("MessageRoute", receive)
    route.inbox = inbox
    return route


async def _read(request: web.Request, profile: VendorProfile, limit: int) -> bytes:
    """The body; stops reading beyond ``limit`` bytes."""
    check_length(profile, request.content_length or 0, limit)
    body = bytearray()
    try:
        while part := await request.content.readany():
            body += part
            check_length(profile, len(body), limit)
        return bytes(body)
    except DecodeError:
        raise
    except Exception as error:  # noqa: BLE001 - whatever aiohttp raises: the body was cut off, or isn't valid gzip
        reason = type(error).__name__
    raise DecodeError(f"the message can't be read ({reason})", vendor=profile.name)


def _join_at_cleanup(app: web.Application, inbox: Inbox) -> None:
    """Make the application wait for the inbox at cleanup, before it closes the handlers' resources.

    The handler only learns its application from the first request, when the list of cleanup callbacks is already frozen; the
    list of contexts to exit isn't, but has no public name.
    """
    leaving: list[Any] | None = getattr(app.cleanup_ctx, "_exits", None)
    if isinstance(leaving, list):
        join = AsyncExitStack()
        join.push_async_callback(inbox.join)
        leaving.append(join)
    else:  # pragma: no cover - an aiohttp version without it
        logger.warning("the application's cleanup doesn't wait for messages in hand: await route.inbox.join() there")
