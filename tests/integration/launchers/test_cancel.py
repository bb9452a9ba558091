"""A run that is cancelled ends, though no message reaches its process."""

import os
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager

import dagster as dg
import pytest

from assetgen_dagster.assets.keys import JOB_NAME
from assetgen_dagster.definitions import defs
from assetgen_dagster.launchers.celery import cancel
from assetgen_dagster.launchers.celery.cancel import interrupt_on_cancel
from tests.helpers.dev import eventually


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cancel, "CANCEL_CHECK_SECONDS", 0.05)


@contextmanager
def interrupts() -> Iterator[list[int]]:
    """The interrupts that this process gets, from here on: it handles them as a run does."""
    got: list[int] = []
    before = signal.signal(signal.SIGINT, lambda *_: got.append(os.getpid()))
    yield got
    signal.signal(signal.SIGINT, before)


@pytest.fixture
def run(instance: dg.DagsterInstance) -> dg.DagsterRun:
    return instance.create_run_for_job(defs.resolve_job_def(JOB_NAME), status=dg.DagsterRunStatus.STARTED)


def test_a_cancelled_run_interrupts_its_process_once_and_once_more_when_it_is_cancelled_by_force(
    instance: dg.DagsterInstance, run: dg.DagsterRun
) -> None:
    with interrupt_on_cancel(instance, run.run_id), interrupts() as got:
        instance.report_run_canceling(run)
        eventually(lambda: got, 60)
        time.sleep(0.5)  # many looks
        assert len(got) == 1
        instance.report_run_canceled(run)
        eventually(lambda: len(got) > 1, 60)
        time.sleep(0.5)
        assert len(got) == 2


def test_a_run_is_not_interrupted_before_it_handles_interrupts(
    instance: dg.DagsterInstance, run: dg.DagsterRun
) -> None:
    instance.report_run_canceling(run)
    with interrupts() as before, interrupt_on_cancel(instance, run.run_id):
        time.sleep(0.5)
        with interrupts() as got:
            eventually(lambda: got, 60)
    assert before == []


def test_a_run_that_goes_on_or_has_failed_is_left_alone(instance: dg.DagsterInstance, run: dg.DagsterRun) -> None:
    with interrupt_on_cancel(instance, run.run_id), interrupts() as got:
        time.sleep(0.5)
        instance.report_run_failed(run)
        time.sleep(0.5)
    assert got == []
