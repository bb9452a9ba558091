"""Calls that may block, made in threads of their own."""

import asyncio
import concurrent.futures
import contextlib
import threading
from collections.abc import Callable
from typing import TypeVar

Result = TypeVar("Result")


def call_with_time_limit(work: Callable[[], Result], *, seconds: float) -> Result:
    """Returns what ``work`` returns; the caller waits no longer than that.

    Raises:
        TimeoutError: It took longer; it goes on, and what it returns is lost.
        BaseException: What ``work`` raised.
    """
    future: concurrent.futures.Future[Result] = concurrent.futures.Future()

    def run() -> None:
        try:
            future.set_result(work())
        except BaseException as error:  # noqa: BLE001, RUF100 - raised again in the caller
            future.set_exception(error)

    threading.Thread(target=run, name="assetgen-call", daemon=True).start()
    return future.result(seconds)


async def call_in_daemon_thread(work: Callable[[], Result], *, seconds: float) -> Result:
    """Returns what ``work`` returns, made in a thread that nobody waits for longer than that.

    A pool's threads would be waited for at the end of the process, and a database may keep one of them for long.

    Raises:
        TimeoutError: It took longer; it goes on, and what it returns is lost.
        BaseException: What ``work`` raised.
    """
    loop = asyncio.get_running_loop()
    future: asyncio.Future[Result] = loop.create_future()

    def settle(result: Result | None, error: BaseException | None) -> None:
        if future.done():
            return
        if error is not None:
            future.set_exception(error)
        else:
            future.set_result(result)  # type: ignore[arg-type]

    def run() -> None:
        result, failed = None, None
        try:
            result = work()
        except BaseException as error:  # noqa: BLE001, RUF100 - raised again where it is waited for
            failed = error
        with contextlib.suppress(RuntimeError):  # the loop has ended meanwhile
            loop.call_soon_threadsafe(settle, result, failed)

    threading.Thread(target=run, name="assetgen-call", daemon=True).start()
    return await asyncio.wait_for(future, seconds)
