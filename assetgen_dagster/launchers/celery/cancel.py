"""Interrupts this process's run when it is cancelled in Dagster.

Polls the run's status in the database instead of waiting for a message: a lost message would leave a cancelled run
drawing, and paying.
"""

import contextlib
import os
import signal
import threading
import time
from collections.abc import Iterator

import dagster as dg

from assetgen_dagster.project.liveness import CANCEL_CHECK_SECONDS, INTERRUPT_AGAIN_SECONDS

_CANCELLED = (dg.DagsterRunStatus.CANCELING, dg.DagsterRunStatus.CANCELED)


@contextlib.contextmanager
def interrupt_on_cancel(instance: dg.DagsterInstance, run_id: str) -> Iterator[None]:
    """Interrupts this process, as Ctrl-C would, when the run is cancelled before the block ends."""
    over = threading.Event()

    def watch() -> None:
        next_interrupt = 0.0
        while not over.wait(CANCEL_CHECK_SECONDS):
            if time.monotonic() >= next_interrupt and _is_cancelled(instance, run_id):
                next_interrupt = time.monotonic() + INTERRUPT_AGAIN_SECONDS
                os.kill(os.getpid(), signal.SIGINT)

    watcher = threading.Thread(target=watch, name="cancel", daemon=True)
    watcher.start()
    try:
        yield
    finally:
        over.set()
        watcher.join()


def _is_cancelled(instance: dg.DagsterInstance, run_id: str) -> bool:
    try:
        run = instance.get_run_by_id(run_id)
    except Exception:  # any error of the driver: without a database, the run cannot have been cancelled
        return False
    return run is not None and run.status in _CANCELLED
