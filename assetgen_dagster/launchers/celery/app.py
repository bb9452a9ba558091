"""The Celery app of a worker: dagster-celery's task that executes a run, once per run and cancellable.

Started by ``assetgen worker``, or by ``celery --app assetgen_dagster.launchers.celery.app worker``.
"""

from typing import Any

import dagster as dg
import structlog
from celery import Task
from dagster._grpc.types import ExecuteRunArgs
from dagster._serdes import unpack_value
from dagster_celery.make_app import make_app
from dagster_celery.tasks import create_execute_job_task

from assetgen_dagster.errors import AssetgenError, Code
from assetgen_dagster.launchers.celery.cancel import interrupt_on_cancel
from assetgen_dagster.launchers.celery.celery_settings import CELERY_SETTINGS
from assetgen_dagster.launchers.celery.claim import claim
from assetgen_dagster.launchers.celery.starting import report_dead
from assetgen_dagster.settings import load_settings

_log = structlog.get_logger()


class RunOnce(Task):
    """Executes a run unless another worker does, and interrupts it when it is cancelled."""

    def __call__(self, execute_job_args_packed: dict[str, Any]) -> Any:
        """Executes the run and returns when it has ended."""
        run_id = unpack_value(execute_job_args_packed, as_type=ExecuteRunArgs).run_id
        with dg.DagsterInstance.get() as instance:
            try:
                if not claim(_database(), run_id):
                    _log.warning("run_claimed_elsewhere", run_id=run_id)
                    return 0
                with interrupt_on_cancel(instance, run_id):
                    return super().__call__(execute_job_args_packed)
            except Exception as error:
                # Reported at once, so that Dagster retries it now instead of after the start timeout.
                why = f"The worker could not execute the run: {error}"
                report_dead(instance, run_id, dg.DagsterRunStatus.STARTING, why)
                raise


def _database() -> str:
    url = load_settings().database
    if url is None:
        raise AssetgenError("A worker needs ASSETGEN_POSTGRES_URL.", code=Code.SETTINGS)
    return url


def _broker() -> str:
    url = load_settings().broker
    if url is None:
        raise AssetgenError(
            "A worker needs ASSETGEN_BROKER_URL: the Redis that it receives runs from.", code=Code.NO_BROKER
        )
    return url


app = make_app({"broker": _broker(), "config_source": CELERY_SETTINGS})

# Imported once, before the worker forks a process for a run: a run starts in one second instead of six.
app.conf.imports = ("dagster_postgres", "dagster._cli.api", "assetgen_dagster.definitions")

execute_run = create_execute_job_task(app, base=RunOnce)
