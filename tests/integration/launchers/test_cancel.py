"""A run that is cancelled ends, though no message reaches its process."""

import os
import signal
import time
from collections.abc import Iterator

import dagster as dg
import pytest

from assetgen_dagster.assets.keys import JOB_NAME
from assetgen_dagster.definitions import defs
from assetgen_dagster.launchers.celery import cancel
from assetgen_dagster.launchers.celery.cancel import interrupt_on_cancel
from tests.helpers.dev import eventually


@pytest.fixture
def interrupts(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[int]]:
    """The interrupts that this process gets; the first look at the run is a moment away."""
    monkeypatch.setattr(cancel, "CANCEL_CHECK_SECONDS", 0.05)
    got: list[int] = []
    before = signal.signal(signal.SIGINT, lambda *_: got.append(os.getpid()))
    yield got
    signal.signal(signal.SIGINT, before)


@pytest.fixture
def run(instance: dg.DagsterInstance) -> dg.DagsterRun:
    return instance.create_run_for_job(defs.resolve_job_def(JOB_NAME), status=dg.DagsterRunStatus.STARTED)


def test_a_cancelled_run_interrupts_its_process_once_and_leaves_it_time_to_clear_up(
    instance: dg.DagsterInstance, run: dg.DagsterRun, interrupts: list[int]
) -> None:
    with interrupt_on_cancel(instance, run.run_id):
        instance.report_run_canceling(run)
        eventually(lambda: interrupts, 60)
        time.sleep(1)  # many looks
    assert interrupts == [os.getpid()]


def test_a_run_that_goes_on_or_has_failed_is_left_alone(
    instance: dg.DagsterInstance, run: dg.DagsterRun, interrupts: list[int]
) -> None:
    with interrupt_on_cancel(instance, run.run_id):
        time.sleep(0.5)
        instance.report_run_failed(run)
        time.sleep(0.5)
    assert interrupts == []
