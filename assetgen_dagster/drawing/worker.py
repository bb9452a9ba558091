"""Runs a drawing in its own thread, and ends it when its run ends.

Dagster interrupts a run by an exception in the main thread, which an asyncio loop there would not survive. In a daemon
thread, the loop is asked to stop: it begins nothing new and receives the calls in flight, which are paid for. A second
interrupt, a run that was forcibly cancelled, or the end of its patience ends the scripts; their cost is booked.
"""

import asyncio
import contextlib
import threading
from collections.abc import Callable, Coroutine, Iterator
from queue import SimpleQueue
from typing import Any, Generic, TypeVar

from assetgen_dagster.support.interrupts import interrupts_handled

Event = TypeVar("Event")
Result = TypeVar("Result")

#: Seconds between two questions whether a stopped run was given up.
_CHECK_SECONDS = 1.0

Emit = Callable[[Event], None]


def never() -> bool:
    """The default of ``Worker``: a stopped run is not given up."""
    return False


class Worker(Generic[Event, Result]):
    """One coroutine in a daemon thread, and the events it emits.

    Args:
        start: Creates the coroutine; its arguments emit an event, and are set when the coroutine is to end by itself.
        patience: Seconds it may take to end by itself.
        given_up: Asked from time to time after a stop, in another thread; True ends the coroutine at once.

    Attributes:
        interruption: The exception that interrupted the reader of the events, if one did.
    """

    def __init__(
        self,
        start: Callable[[Emit[Event], asyncio.Event], Coroutine[Any, Any, Result]],
        *,
        patience: float = 0.0,
        given_up: Callable[[], bool] = never,
    ) -> None:
        self.interruption: BaseException | None = None
        self._start = start
        self._patience = patience
        self._given_up = given_up
        self._events: SimpleQueue[Event | None] = SimpleQueue()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._task: asyncio.Task[Result] | None = None
        self._asked_to_end: asyncio.Event | None = None
        self._stopping = False
        self._result: Result | None = None
        self._error: BaseException | None = None
        self._running = threading.Event()
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._run, name="drawing", daemon=True)

    def events(self) -> Iterator[Event]:
        """Starts the coroutine and yields its events until it ends.

        An interrupt while it waits for an event stops the coroutine, and a second one kills it; neither is raised:
        see ``interruption``.

        Raises:
            BaseException: What the coroutine raised.
        """
        self._thread.start()
        try:
            while True:
                try:
                    event = self._events.get()
                except BaseException as interruption:  # Dagster's, or KeyboardInterrupt
                    self.interruption = self.interruption or interruption
                    self.kill() if self._stopping else self.stop()
                    continue
                if event is None:
                    break
                yield event
        finally:
            self.close()
        if self._error is not None:
            raise self._error

    @property
    def result(self) -> Result:
        """The coroutine's result; only after ``events`` is exhausted."""
        if self._result is None:
            raise RuntimeError("the drawing has not ended")
        return self._result

    @property
    def killed(self) -> bool:
        """Whether the coroutine was ended before it had a result."""
        return self._over.is_set() and self._result is None

    def stop(self) -> None:
        """Asks the coroutine to end by itself, within its patience; does not wait."""
        if self._stopping or not self._thread.is_alive():
            return
        self._stopping = True
        self._running.wait()
        self._call(self._ask_to_end)
        threading.Thread(target=self._watch, name="given-up", daemon=True).start()

    def kill(self) -> None:
        """Cancels the coroutine; does not wait."""
        if self._task is not None:
            self._call(self._task.cancel)

    def close(self) -> None:
        """Stops the coroutine if it is still running, and waits for its end; an interrupt kills it. Idempotent."""
        if not self._thread.is_alive():
            return
        with interrupts_handled(lambda _interrupt: self.kill()):
            self.stop()
            self._thread.join()

    def _call(self, callback: Callable[[], object]) -> None:
        if self._loop is not None:
            with contextlib.suppress(RuntimeError):  # the loop has just ended
                self._loop.call_soon_threadsafe(callback)

    def _ask_to_end(self) -> None:
        if self._asked_to_end is not None and self._loop is not None and self._task is not None:
            self._asked_to_end.set()
            self._loop.call_later(self._patience, self._task.cancel)

    def _watch(self) -> None:
        while not self._over.wait(_CHECK_SECONDS):
            if self._given_up():
                self.kill()
                return

    def _run(self) -> None:
        try:
            self._result = asyncio.run(self._main())
        except asyncio.CancelledError:
            pass
        except BaseException as error:
            self._error = error
        finally:
            self._over.set()
            self._running.set()
            self._events.put(None)

    async def _main(self) -> Result:
        self._loop, self._task, self._asked_to_end = asyncio.get_running_loop(), asyncio.current_task(), asyncio.Event()
        self._running.set()
        return await self._start(self._events.put, self._asked_to_end)
