"""Running a command's coroutine until it ends, or somebody asks it to: signals, and a console window that is closed."""

from __future__ import annotations

import asyncio
import contextlib
import signal
import sys
import threading
from collections.abc import Callable, Coroutine, Generator
from typing import Any, Final, TypeVar

from .shared import Failed, Interrupted, tell

T = TypeVar("T")
Answer = Callable[[int], str]
"""What the first, second, ... signal is answered with at once: what is being ended, and what another one would do."""

# On Windows Ctrl-Break is SIGBREAK, and so is the closing of the window.
_NAMES: Final = ("SIGINT", "SIGTERM", "SIGHUP", "SIGBREAK")
_SIGNALS: Final = tuple(int(getattr(signal, name)) for name in _NAMES if hasattr(signal, name))


def run(main: Coroutine[Any, Any, T], answer: Answer | None = None) -> T:
    """Run a coroutine on a new event loop; a signal cancels it so that it can clean up, a second one cancels that too.

    Raises:
        Interrupted: a signal cancelled it.
    """
    try:
        return asyncio.run(_until_asked(main, answer))
    except KeyboardInterrupt:  # just before the handlers were there, or just after
        raise Interrupted(signal.SIGINT) from None


async def _until_asked(main: Coroutine[Any, Any, T], answer: Answer | None) -> T:
    task = asyncio.current_task()
    assert task is not None
    received: list[int] = []

    def stop(number: int) -> None:
        received.append(number)
        if len(received) <= 2:  # impatience must not cut off what only writes down how it ended
            task.cancel()
        if answer is not None and len(received) <= 2:
            tell(answer(len(received)))

    with _handled(asyncio.get_running_loop(), stop):
        try:
            return await main
        except asyncio.CancelledError:
            if received:
                raise Interrupted(received[0]) from None
            raise


@contextlib.contextmanager
def _handled(loop: asyncio.AbstractEventLoop, stop: Callable[[int], None]) -> Generator[None, None, None]:
    """``stop`` is called on the loop for each signal, but those that are ignored (nohup, or a job in a shell's background)."""
    with contextlib.ExitStack() as stack:
        for number in _SIGNALS:
            if signal.getsignal(number) is not signal.SIG_IGN:
                stack.enter_context(_handled_one(loop, number, stop))
        stack.enter_context(_window_closed(loop, stop))
        yield


@contextlib.contextmanager
def _handled_one(
    loop: asyncio.AbstractEventLoop, number: int, stop: Callable[[int], None]
) -> Generator[None, None, None]:
    try:
        loop.add_signal_handler(number, stop, number)
    except NotImplementedError:  # Windows

        def handler(_: int, __: object) -> None:
            loop.call_soon_threadsafe(stop, number)

        before = signal.signal(number, handler)
        try:
            yield
        finally:
            signal.signal(number, before)
        return
    except (RuntimeError, ValueError):  # outside of the main thread nobody can
        yield
        return
    try:
        yield
    finally:
        loop.remove_signal_handler(number)


class ConsoleClosing:
    """Windows ends a process as soon as its handler for the closing window (or the end of the session) returns.

    So the handler, in a thread of Windows' own, waits until what was under way has ended. Windows grants about five seconds; what
    hasn't ended then is in the journal as sent, and in doubt for the next run.
    """

    EVENTS: Final = (2, 5, 6)
    """CTRL_CLOSE_EVENT, CTRL_LOGOFF_EVENT, CTRL_SHUTDOWN_EVENT."""
    _PATIENCE: Final = 30.0

    def __init__(self, loop: asyncio.AbstractEventLoop, stop: Callable[[int], None]) -> None:
        self._loop = loop
        self._stop = stop
        self.ended = threading.Event()

    def __call__(self, event: int) -> bool:
        """Handle one event; False: it is somebody else's."""
        if event not in self.EVENTS:
            return False
        with contextlib.suppress(RuntimeError):  # the loop has just been closed
            self._loop.call_soon_threadsafe(self._stop, int(getattr(signal, "SIGBREAK", signal.SIGTERM)))
            self.ended.wait(self._PATIENCE)
        return True


@contextlib.contextmanager
def _window_closed(loop: asyncio.AbstractEventLoop, stop: Callable[[int], None]) -> Generator[None, None, None]:
    if sys.platform == "win32":  # pragma: no cover
        import ctypes

        closing = ConsoleClosing(loop, stop)
        kernel = ctypes.WinDLL("kernel32")
        handler = ctypes.WINFUNCTYPE(ctypes.c_int, ctypes.c_uint)(closing)
        kernel.SetConsoleCtrlHandler(handler, True)
        try:
            yield
        finally:
            kernel.SetConsoleCtrlHandler(handler, False)
            closing.ended.set()
    else:
        yield


def serve(main: Coroutine[Any, Any, object], answer: Answer | None = None) -> None:
    """Run a server until a signal; SIGTERM is its normal end.

    Raises:
        Interrupted: by Ctrl-C.
        Failed: nobody reads what it prints.
    """
    try:
        run(main, answer)
    except BrokenPipeError:
        raise Failed("nobody reads stdout any more") from None
    except Interrupted as interrupted:
        if interrupted.status != 128 + signal.SIGTERM:
            raise
