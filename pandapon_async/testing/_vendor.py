"""The fake vendor: both vendors' documented contracts on one loopback port."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Mapping, Sequence
from types import TracebackType
from typing import TYPE_CHECKING, Any, Final

import attrs

from pandapon_async._clock import Clock, SystemClock
from pandapon_async.testing._faults import FaultDice, Faults
from pandapon_async.testing._handler import RequestHandler, Rules
from pandapon_async.testing._ledger import Ledger, SentMessage
from pandapon_async.testing._messages import RETRIES, TIMEOUT, MessageDraft, MessageSender, SignedMessage
from pandapon_async.testing._operations import KINDS, ApiOperation, VendorKind
from pandapon_async.testing._server import Listener, ThreadHost
from pandapon_async.testing._steps import ScriptStep, parse_step
from pandapon_async.testing._verification import Account, TimestampUnit

if TYPE_CHECKING:
    from aiohttp import ClientSession
    from typing_extensions import Self, Unpack

    from pandapon_async._config.profiles import VendorProfile
    from pandapon_async.testing._messages import MessageOptions

DEFAULT_ACCOUNTS: Final = tuple(
    Account(kind=kind, access_key=f"fake-{kind}-key", access_secret=f"fake-{kind}-secret", user_id=user_id)
    for kind, user_id in zip(KINDS, ("1000000000001", "1000000000002"), strict=True)
)
"""One account a vendor. The keys open nothing but the fake."""


class FakeVendor:
    """A real HTTP server that behaves as PandaPon and Xportcn KA are documented, and fails on command.

    ``async with FakeVendor() as vendor`` serves on the running event loop; ``with FakeVendor() as vendor`` serves from
    a thread of its own, so it works in synchronous code and under any test runner. Either way nothing is left behind
    at the end. The object can be entered again: it takes the same port, and the ledger goes on.

    It checks system headers, signature, timestamp window, nonce reuse, user id, the signed query of the logistics
    operations, and the body against the contract. The error codes of its refusals are INVENTED (no table of either
    vendor is public), and each refusal's text begins with ``invented:``. PandaPon lives at `url`, Xportcn KA under
    ``/api``, as in the vendors' own base URLs.

    Args:
        host: the address to listen on.
        port: the port; 0 takes a free one.
        faults: random faults; may be replaced at any time.
        accounts: who may call; `DEFAULT_ACCOUNTS` if None.
        clock_offset: seconds that the vendor's clock is ahead (negative: behind), for its window and its ``Date``.
        seed: of the faults and of the invented values.
        reply_delay: seconds before every answer, besides the faults' latency.
        slow: seconds between the halves of a ``slow_body``.
        huge: bytes that ``huge_body`` and ``gzip_bomb`` exceed.
        timestamp_unit: what the vendor takes timestamps for: ``"s"`` or ``"ms"``.
        require_user_id: refuse calls without the ``user-id`` header.
        require_signed_query: refuse logistics calls without ``?timestamp=&sign=``. Present, they must match anyway.
        keep_replies: keep each booking's reply in the ledger.
        now: the vendor's clock without its offset, in seconds since the epoch.
    """

    def __init__(
        self,
        *,
        host: str = "127.0.0.1",
        port: int = 0,
        faults: Faults | None = None,
        accounts: Sequence[Account] | None = None,
        clock_offset: float = 0.0,
        seed: int = 0,
        reply_delay: float = 0.0,
        slow: float = 0.2,
        huge: int = 40 << 20,
        timestamp_unit: TimestampUnit = "s",
        require_user_id: bool = False,
        require_signed_query: bool = True,
        keep_replies: bool = True,
        now: Callable[[], float] = time.time,
    ) -> None:
        self._host, self._port = host, port
        self._seed, self._slow, self._huge = seed, slow, huge
        self._rules = Rules(
            accounts=DEFAULT_ACCOUNTS if accounts is None else tuple(accounts),
            clock_offset=clock_offset,
            timestamp_unit=timestamp_unit,
            require_user_id=require_user_id,
            require_signed_query=require_signed_query,
            reply_delay=reply_delay,
            seed=seed,
            now=now,
        )
        self.ledger: Final = Ledger(keep_replies=keep_replies)
        self._handler = RequestHandler(
            self._rules, self.ledger, FaultDice(Faults() if faults is None else faults, seed)
        )
        self._listener: Listener | None = None
        self._thread: ThreadHost | None = None

    # ----- what a test sets and reads

    @property
    def url(self) -> str:
        """Where the vendor listens, ``http://127.0.0.1:PORT``.

        Raises:
            RuntimeError: no port is known before the first start.
        """
        if not self._port:
            raise RuntimeError("the fake vendor has no port before it is started")
        host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(self._host, self._host)  # noqa: S104  as given by the caller
        return f"http://[{host}]:{self._port}" if ":" in host else f"http://{host}:{self._port}"

    @property
    def serving(self) -> bool:
        """Whether the vendor listens."""
        return self._listener is not None or self._thread is not None

    @property
    def accounts(self) -> Sequence[Account]:
        """Who may call."""
        return self._rules.accounts

    @property
    def faults(self) -> Faults:
        """The random faults. Assigning starts their random sequence anew; allowed from any thread."""
        return self._handler.dice.faults

    @faults.setter
    def faults(self, faults: Faults) -> None:
        self._handler.dice = FaultDice(faults, self._seed)

    @property
    def clock_offset(self) -> float:
        """Seconds that the vendor's clock is ahead (negative: behind)."""
        return self._rules.clock_offset

    @clock_offset.setter
    def clock_offset(self, seconds: float) -> None:
        self._rules.clock_offset = seconds

    @property
    def script_left(self) -> int:
        """How many scripted steps no call has taken yet."""
        return len(self._handler.script)

    def script(self, *steps: ScriptStep) -> None:
        """Decide the next calls, one step a call in the order of their arrival; later steps are appended.

        A step is a word (`steps.NAMED`), an HTTP status that is answered instead of doing, or a dict with any of
        ``status`` (200), ``headers``, ``json`` or ``body``, ``done`` (False) and ``delay`` (seconds). A call that
        fails the checks is never carried out, whatever its step. When no step is left, `faults` decide.

        Raises:
            ValueError: a step is unknown; then none is taken.
        """
        self._handler.script.extend([parse_step(step) for step in steps])

    def route(self, method: str, path: str, reply: Any) -> None:
        """Answer ``method`` and ``path`` (as at the vendor, without ``/api``) with exactly ``reply``, as JSON.

        Holds for both vendors and from any thread. The system headers are still checked, and the body if the contract
        knows the operation. The ledger counts other operations as ``"METHOD path"``.
        """
        method = method.upper()
        for kind in KINDS:
            known = self._handler.catalogue.methods(kind, path).get(method)
            operation = known or ApiOperation(contract_id=f"{method} {path}", method=method, path=path)
            routed = attrs.evolve(operation, path=path, example_reply=reply, routed=True)
            self._handler.catalogue.add(kind, routed)

    def profile(self, kind: VendorKind, **changes: Any) -> VendorProfile:
        """A profile of the package that reaches this vendor, with the first account of that kind.

        Args:
            kind: ``"pandapon"`` or ``"xportcn_ka"``.
            changes: fields that are to differ, as `VendorProfile.evolve` takes them.

        Raises:
            ValueError: the kind is unknown, or no account has it.
            RuntimeError: no port is known before the first start.
        """
        from pandapon_async._config.profiles import PANDAPON, XPORTCN_KA, Credentials

        account = self._account(kind)
        pandapon = kind == "pandapon"
        fields: Mapping[str, Any] = {
            "base_url": self.url if pandapon else f"{self.url}/api",
            "credentials": Credentials(
                access_key=account.access_key, access_secret=account.access_secret, user_id=account.user_id
            ),
        }
        return (PANDAPON if pandapon else XPORTCN_KA).evolve(**{**fields, **changes})

    def _account(self, kind: VendorKind) -> Account:
        if kind not in KINDS:
            raise ValueError(f"unknown vendor {kind!r}; known are {', '.join(KINDS)}")
        account = next((a for a in self._rules.accounts if a.kind == kind), None)
        if account is None:
            raise ValueError(f"this fake vendor has no account of kind {kind!r}")
        return account

    # ----- messages

    def sign_message(
        self, kind: VendorKind, message_type: str, body: Any, **options: Unpack[MessageOptions]
    ) -> SignedMessage:
        """A message as the vendor would post it, for a receiver that is tested without a socket.

        Args:
            kind: ``"pandapon"``, which sends ``body`` as an object, or ``"xportcn_ka"``, which sends it as JSON inside a text.
            message_type: such as ``"ORDER_CREATE"``.
            body: any JSON.
            options: ``platform`` (1: 1688, 0: Taobao), ``timestamp`` (milliseconds; now unless given), ``base`` (as the profile's
                ``push_base``), ``secret`` (to sign with another one than the account's).

        Raises:
            ValueError: the kind is unknown, or no account has it.
        """
        return self._compose(kind, message_type, body, SystemClock(), options)[1]

    async def send_message(
        self,
        kind: VendorKind,
        url: str,
        message_type: str,
        body: Any,
        *,
        retries: int = RETRIES,
        timeout: float = TIMEOUT,
        clock: Clock | None = None,
        session: ClientSession | None = None,
        **options: Unpack[MessageOptions],
    ) -> SentMessage:
        """Post a message to a callback as the vendor does: again after half an hour, five times at most, until it is answered 200
        within 1000 ms. It then stands in ``ledger.messages``. Works whether or not the vendor is serving.

        Args:
            kind, message_type, body, options: as `sign_message` takes them.
            url: the callback.
            retries: how often it is sent again; 0: never.
            timeout: real seconds that an answer may take.
            clock: what the half hours are waited on: with a `VirtualClock` they take no time.
            session: the client to use; one of its own unless given.
        """
        waits_on = clock or SystemClock()
        letter, message = self._compose(kind, message_type, body, waits_on, options)
        courier = MessageSender(clock=waits_on, retries=retries, timeout=timeout, session=session)
        sent = await courier.deliver(kind, letter, message, url)
        self.ledger.add_message(sent)
        return sent

    def send_message_blocking(
        self,
        kind: VendorKind,
        url: str,
        message_type: str,
        body: Any,
        *,
        retries: int = RETRIES,
        timeout: float = TIMEOUT,
        clock: Clock | None = None,
        **options: Unpack[MessageOptions],
    ) -> SentMessage:
        """`send_message` for synchronous code.

        Raises:
            RuntimeError: an event loop is running in this thread: await `send_message` there.
        """
        sending = self.send_message(
            kind, url, message_type, body, retries=retries, timeout=timeout, clock=clock, **options
        )
        try:
            return asyncio.run(sending)
        finally:
            sending.close()  # without effect, unless it never began

    def _compose(
        self, kind: VendorKind, message_type: str, body: Any, clock: Clock, options: MessageOptions
    ) -> tuple[MessageDraft, SignedMessage]:
        account = self._account(kind)
        timestamp = options.get("timestamp", int((clock.now() + self.clock_offset) * 1000))
        letter = MessageDraft(type=message_type, body=body, platform=options.get("platform", 1), timestamp=timestamp)
        return letter, letter.signed(account, base=options.get("base", "body"), secret=options.get("secret"))

    # ----- serving

    async def start(self) -> None:
        """Serve on the running event loop.

        Raises:
            OSError: the port is taken.
            RuntimeError: it is serving already.
        """
        self._claim()
        listener = self._make_listener()
        self._opened(await listener.open())
        self._listener = listener

    async def stop(self) -> None:
        """Cut every connection and stop; to be awaited on the loop of `start`. Harmless when not serving."""
        listener, self._listener = self._listener, None
        if listener is not None:
            await listener.close()

    def start_thread(self) -> None:
        """Serve from a thread of its own.

        Raises:
            OSError: the port is taken.
            RuntimeError: it is serving already.
        """
        self._claim()
        thread = ThreadHost(self._make_listener, self._opened)
        thread.start()
        self._thread = thread

    def stop_thread(self) -> None:
        """Cut every connection and join the thread of `start_thread`. Harmless when there is none."""
        thread, self._thread = self._thread, None
        if thread is not None:
            thread.stop()

    def _claim(self) -> None:
        if self.serving:
            raise RuntimeError("this fake vendor is serving already")

    def _make_listener(self) -> Listener:
        return Listener(self._handler, host=self._host, port=self._port, huge=self._huge, slow=self._slow)

    def _opened(self, port: int) -> None:
        self._port = port
        self._handler.url = self.url

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.stop()

    def __enter__(self) -> Self:
        self.start_thread()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop_thread()
