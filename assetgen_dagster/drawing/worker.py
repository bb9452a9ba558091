"""Runs a drawing in its own thread, and ends it when its run ends.

Dagster interrupts a run by an exception in the main thread, which an asyncio loop there would not survive. In a daemon
thread, the loop is asked to cancel: it ends its scripts and books their cost before the run ends.
"""

import asyncio
import contextlib
import threading
from collections.abc import Callable, Coroutine, Iterator
from queue import SimpleQueue
from typing import Any, Generic, TypeVar

Event = TypeVar("Event")
Result = TypeVar("Result")


class Worker(Generic[Event, Result]):
    """One coroutine in a daemon thread, and the events it emits.

    Args:
        start: Creates the coroutine; its argument emits an event.
    """

    def __init__(self, start: Callable[[Callable[[Event], None]], Coroutine[Any, Any, Result]]) -> None:
        self._start = start
        self._events: SimpleQueue[Event | None] = SimpleQueue()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._task: asyncio.Task[Result] | None = None
        self._result: Result | None = None
        self._error: BaseException | None = None
        self._running = threading.Event()
        self._thread = threading.Thread(target=self._run, name="drawing", daemon=True)

    def events(self) -> Iterator[Event]:
        """Starts the coroutine and yields its events until it ends.

        Raises:
            BaseException: What the coroutine raised.
        """
        self._thread.start()
        try:
            while (event := self._events.get()) is not None:
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

    def close(self) -> None:
        """Cancels the coroutine if it is still running, and waits for its end; idempotent."""
        if not self._thread.is_alive():
            return
        self._running.wait()
        if self._loop is not None and self._task is not None:
            with contextlib.suppress(RuntimeError):  # the loop has just ended
                self._loop.call_soon_threadsafe(self._task.cancel)
        self._thread.join()

    def _run(self) -> None:
        try:
            self._result = asyncio.run(self._main())
        except asyncio.CancelledError:
            pass
        except BaseException as error:
            self._error = error
        finally:
            self._running.set()
            self._events.put(None)

    async def _main(self) -> Result:
        self._loop, self._task = asyncio.get_running_loop(), asyncio.current_task()
        self._running.set()
        return await self._start(self._events.put)
