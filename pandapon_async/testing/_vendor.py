"""The fake vendor: serves both vendors' documented contracts on one loopback port."""

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
"""One account per vendor. The keys work only at the fake vendor."""


class FakeVendor:
    """A real HTTP server that behaves as PandaPon and Xportcn KA are documented, and can inject faults.

    ``async with FakeVendor() as vendor`` serves on the running event loop; ``with FakeVendor() as vendor`` serves from its own
    thread, so it works in synchronous code and under any test runner. Either way nothing is left behind. It can be entered
    again, with the same port and ledger.

    It checks system headers, signature, timestamp window, nonce reuse, user id, the signed query of the logistics
    operations, and the body against the contract. The error codes of its refusals are INVENTED (neither vendor publishes a
    table), and each refusal's text begins with ``invented:``. PandaPon is served at `url`, Xportcn KA under ``/api``, as in
    the vendors' own base URLs.

    Args:
        host: the address to listen on.
        port: the port; 0 picks a free one.
        faults: random faults; may be replaced at any time.
        accounts: the accounts that may call; default: `DEFAULT_ACCOUNTS`.
        clock_offset: seconds that the vendor's clock is ahead (negative: behind); affects its time window and its ``Date``.
        seed: of the faults and of the invented values.
        reply_delay: seconds before every answer, in addition to the faults' latency.
        slow: seconds between the halves of a ``slow_body``.
        huge: bytes that ``huge_body`` and ``gzip_bomb`` exceed.
        timestamp_unit: the unit of timestamps: ``"s"`` or ``"ms"``.
        require_user_id: refuse calls without the ``user-id`` header.
        require_signed_query: refuse logistics calls without ``?timestamp=&sign=``. If present, they must always match.
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

    # ----- settings and state

    @property
    def url(self) -> str:
        """The vendor's address, ``http://127.0.0.1:PORT``.

        Raises:
            RuntimeError: it has not been started yet, so the port is unknown.
        """
        if not self._port:
            raise RuntimeError("the fake vendor has no port before it is started")
        host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(self._host, self._host)  # noqa: S104  as given by the caller
        return f"http://[{host}]:{self._port}" if ":" in host else f"http://{host}:{self._port}"

    @property
    def serving(self) -> bool:
        """Whether the vendor is listening."""
        return self._listener is not None or self._thread is not None

    @property
    def accounts(self) -> Sequence[Account]:
        """The accounts that may call."""
        return self._rules.accounts

    @property
    def faults(self) -> Faults:
        """The random faults. Assigning restarts the random sequence; allowed from any thread."""
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
        """The number of scripted steps not used yet."""
        return len(self._handler.script)

    def script(self, *steps: ScriptStep) -> None:
        """Script the next calls, one step per call in order of arrival; further steps are appended.

        A step is a word (`_steps.NAMED`), a code of 1688 or Taobao Global to refuse the call with (`_platform_texts`), an HTTP
        status to answer with instead of carrying it out, or a dict with any of ``status`` (200), ``headers``, ``json`` or
        ``body``, ``done`` (False) and ``delay`` (seconds). A call that fails the checks is never carried out, whatever its
        step. When no step is left, `faults` apply.

        Raises:
            ValueError: a step is unknown; then none is added.
        """
        self._handler.script.extend([parse_step(step) for step in steps])

    def route(self, method: str, path: str, reply: Any) -> None:
        """Answer ``method`` and ``path`` (as at the vendor, without ``/api``) with exactly ``reply``, as JSON.

        Applies to both vendors; allowed from any thread. The system headers are still checked, and the body if the operation
        is in the contract. The ledger counts other operations as ``"METHOD path"``.
        """
        method = method.upper()
        for kind in KINDS:
            known = self._handler.catalogue.methods(kind, path).get(method)
            operation = known or ApiOperation(contract_id=f"{method} {path}", method=method, path=path)
            routed = attrs.evolve(operation, path=path, example_reply=reply, routed=True)
            self._handler.catalogue.add(kind, routed)

    def profile(self, kind: VendorKind, **changes: Any) -> VendorProfile:
        """A profile for this vendor, with the first account of that kind.

        Args:
            kind: ``"pandapon"`` or ``"xportcn_ka"``.
            changes: fields to change, as for `VendorProfile.evolve`.

        Raises:
            ValueError: the kind is unknown, or no account has it.
            RuntimeError: it has not been started yet, so the port is unknown.
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
            raise ValueError(f"unknown vendor {kind!r}; there are {', '.join(KINDS)}")
        account = next((a for a in self._rules.accounts if a.kind == kind), None)
        if account is None:
            raise ValueError(f"this fake vendor has no account of kind {kind!r}")
        return account

    # ----- messages

    def sign_message(
        self, kind: VendorKind, message_type: str, body: Any, **options: Unpack[MessageOptions]
    ) -> SignedMessage:
        """A message as the vendor would post it, for testing a receiver without a socket.

        Args:
            kind: ``"pandapon"``, which sends ``body`` as an object, or ``"xportcn_ka"``, which sends it as JSON inside a string.
            message_type: such as ``"ORDER_CREATE"``.
            body: any JSON.
            options: ``platform`` (1: 1688, 0: Taobao), ``timestamp`` (milliseconds; default: now), ``base`` (as the profile's
                ``push_base``), ``secret`` (to sign with instead of the account's).

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
        """Post a message to a callback as the vendor does: again every half hour, at most five times, until it is answered 200
        within 1000 ms. It is then added to ``ledger.messages``. Works whether or not the vendor is serving.

        Args:
            kind, message_type, body, options: as for `sign_message`.
            url: the callback.
            retries: how often to send it again; 0: never.
            timeout: how many real seconds an answer may take.
            clock: for the half-hour waits, which take no time with a `VirtualClock`.
            session: the client to use; default: a new one.
        """
        clock = clock or SystemClock()
        draft, message = self._compose(kind, message_type, body, clock, options)
        sender = MessageSender(clock=clock, retries=retries, timeout=timeout, session=session)
        sent = await sender.deliver(kind, draft, message, url)
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
        """`send_message` for synchronous code; ``timeout`` is in seconds.

        Raises:
            RuntimeError: an event loop is running in this thread: await `send_message` there.
        """
        sending = self.send_message(
            kind, url, message_type, body, retries=retries, timeout=timeout, clock=clock, **options
        )
        try:
            return asyncio.run(sending)
        finally:
            sending.close()  # no effect unless it was never started

    def _compose(
        self, kind: VendorKind, message_type: str, body: Any, clock: Clock, options: MessageOptions
    ) -> tuple[MessageDraft, SignedMessage]:
        account = self._account(kind)
        timestamp = options.get("timestamp", int((clock.now() + self.clock_offset) * 1000))
        draft = MessageDraft(type=message_type, body=body, platform=options.get("platform", 1), timestamp=timestamp)
        return draft, draft.signed(account, base=options.get("base", "body"), secret=options.get("secret"))

    # ----- serving

    async def start(self) -> None:
        """Serve on the running event loop.

        Raises:
            OSError: the port is taken.
            RuntimeError: it is already serving.
        """
        self._claim()
        listener = self._make_listener()
        self._opened(await listener.open())
        self._listener = listener

    async def stop(self) -> None:
        """Abort every connection and stop; call it on the event loop of `start`. Idempotent."""
        listener, self._listener = self._listener, None
        if listener is not None:
            await listener.close()

    def start_thread(self) -> None:
        """Serve from a new thread.

        Raises:
            OSError: the port is taken.
            RuntimeError: it is already serving.
        """
        self._claim()
        thread = ThreadHost(self._make_listener, self._opened)
        thread.start()
        self._thread = thread

    def stop_thread(self) -> None:
        """Abort every connection and join the thread of `start_thread`. Idempotent."""
        thread, self._thread = self._thread, None
        if thread is not None:
            thread.stop()

    def _claim(self) -> None:
        if self.serving:
            raise RuntimeError("this fake vendor is already serving")

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
