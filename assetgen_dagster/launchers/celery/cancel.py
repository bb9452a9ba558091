"""Interrupts this process's run when it is cancelled in Dagster.

Polls the run's status in the database instead of waiting for a message: a lost message would leave a cancelled run
drawing, and paying.
"""

import contextlib
import os
import signal
import threading
from collections.abc import Iterator

import dagster as dg

from assetgen_dagster.project.liveness import CANCEL_CHECK_SECONDS

_CANCELLED = (dg.DagsterRunStatus.CANCELING, dg.DagsterRunStatus.CANCELED)


@contextlib.contextmanager
def interrupt_on_cancel(instance: dg.DagsterInstance, run_id: str) -> Iterator[None]:
    """Interrupts this process, as Ctrl-C would, when the run is cancelled before the block ends.

    Once when it is cancelled, because a second interrupt gives up the calls in flight; and once more when it is
    cancelled by force. Not before the run handles interrupts: until then they have no effect.
    """
    over, idle = threading.Event(), signal.getsignal(signal.SIGINT)

    def watch() -> None:
        interrupted: set[dg.DagsterRunStatus] = set()
        while not over.wait(CANCEL_CHECK_SECONDS):
            status = _status(instance, run_id)
            if status in _CANCELLED and status not in interrupted and signal.getsignal(signal.SIGINT) is not idle:
                interrupted.add(status)
                os.kill(os.getpid(), signal.SIGINT)

    watcher = threading.Thread(target=watch, name="cancel", daemon=True)
    watcher.start()
    try:
        yield
    finally:
        over.set()
        watcher.join()


def _status(instance: dg.DagsterInstance, run_id: str) -> dg.DagsterRunStatus | None:
    try:
        run = instance.get_run_by_id(run_id)
    except Exception:  # any error of the driver: without a database, the run cannot have been cancelled
        return None
    return run.status if run is not None else None
