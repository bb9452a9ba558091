"""Reacting to Ctrl-C and SIGTERM where an exception would lose a call that is paid for."""

import contextlib
import signal
import threading
from collections.abc import Callable, Iterator
from types import FrameType
from typing import Any

_SIGNALS = (signal.SIGINT, signal.SIGTERM)

#: What a signal would have done: raises, as a rule.
Interrupt = Callable[[], Any]


@contextlib.contextmanager
def interrupts_handled(react: Callable[[Interrupt], None]) -> Iterator[None]:
    """Calls ``react`` at every interrupt until the block ends, instead of raising; only in the main thread.

    A signal that ends the process at once, or is ignored, keeps doing so.

    Args:
        react: Its argument interrupts as the signal would have.
    """
    before: dict[int, Callable[[int, FrameType | None], Any]] = {}
    if threading.current_thread() is threading.main_thread():
        before = {int(one): found for one in _SIGNALS if callable(found := signal.getsignal(one))}

    def handle(number: int, frame: FrameType | None) -> None:
        react(lambda: before[number](number, frame))

    for one in before:
        signal.signal(one, handle)
    try:
        yield
    finally:
        for one, handler in before.items():
            signal.signal(one, handler)


@contextlib.contextmanager
def first_interrupt_deferred() -> Iterator[None]:
    """Defers the first interrupt until the block ends; a second one interrupts the block at once."""
    deferred: list[Interrupt] = []

    def react(interrupt: Interrupt) -> None:
        deferred.append(interrupt)
        if len(deferred) > 1:
            interrupt()

    with interrupts_handled(react):
        yield
    if deferred:
        deferred[0]()
