"""The route for aiohttp.web."""

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
    """A handler for ``app.router.add_route("*", path, route)``; may stand at several paths, which then share what was seen."""

    inbox: Inbox

    async def __call__(self, request: web.Request, /) -> web.StreamResponse: ...


def message_route(
    profile: VendorProfile,
    handler: Handler,
    ack: Ack = "handled",
    **options: Unpack[InboxOptions],
) -> MessageRoute:
    """A route of aiohttp.web that receives an account's messages: ``app.router.add_route("*", "/vendor", message_route(...))``.

    It answers 200 when the message is handled; 401 when its signature doesn't fit, 400 when it makes no sense, 413 when it is too
    long; 500 when the handler crashed and 503 when it isn't done after 900 ms or too many messages are in hand, so that the vendor
    sends it again. A GET, or an empty body, is the console's check and answers 200. At the application's cleanup it waits for
    the messages in hand.

    See `Inbox` for the arguments, for what is handled once, and for ``ack="received"``, which answers first.

    Raises:
        ConfigError: the profile has no credentials, or a value can't work.
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


async def _read(request: web.Request, profile: VendorProfile, most: int) -> bytes:
    """The body, in no more memory than is allowed."""
    check_length(profile, request.content_length or 0, most)
    body = bytearray()
    try:
        while part := await request.content.readany():
            body += part
            check_length(profile, len(body), most)
        return bytes(body)
    except DecodeError:
        raise
    except Exception as error:  # noqa: BLE001 - whatever aiohttp raises: the body broke off, or isn't the gzip that it says
        reason = type(error).__name__
    raise DecodeError(f"the message can't be read ({reason})", vendor=profile.name)


def _join_at_cleanup(app: web.Application, inbox: Inbox) -> None:
    """Have the application wait for the inbox at its cleanup, before it closes what it had opened for the handlers.

    A handler learns of its application by its first request, when the list of cleanups is frozen; the list of contexts to be
    left is not, but has no public name.
    """
    leaving: list[Any] | None = getattr(app.cleanup_ctx, "_exits", None)
    if isinstance(leaving, list):
        join = AsyncExitStack()
        join.push_async_callback(inbox.join)
        leaving.append(join)
    else:  # pragma: no cover - another aiohttp than those that are known
        logger.warning(
            "messages in hand are not waited for at the application's cleanup: await route.inbox.join() there"
        )
