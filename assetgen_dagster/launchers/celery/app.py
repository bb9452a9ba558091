"""What a worker runs: dagster-celery's task that carries out a run, each run once and open to being cancelled.

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
from assetgen_dagster.launchers.celery.cancel import interrupted_when_cancelled
from assetgen_dagster.launchers.celery.celery_settings import CELERY_SETTINGS
from assetgen_dagster.launchers.celery.claim import claim
from assetgen_dagster.launchers.celery.starting import report_dead
from assetgen_dagster.settings import load_settings

_log = structlog.get_logger()


class RunOnce(Task):
    """Carries out a run unless another worker does, and ends it when it is cancelled."""

    def __call__(self, execute_job_args_packed: dict[str, Any]) -> Any:
        """Returns when the run has ended."""
        run_id = unpack_value(execute_job_args_packed, as_type=ExecuteRunArgs).run_id
        with dg.DagsterInstance.get() as instance:
            try:
                if not claim(_database(), run_id):
                    _log.warning("run_claimed_elsewhere", run_id=run_id)
                    return 0
                with interrupted_when_cancelled(instance, run_id):
                    return super().__call__(execute_job_args_packed)
            except Exception as error:
                # Now, so that it is started again soon, and not when its time to start is over.
                why = f"The worker could not carry out the run: {error}"
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
            "A worker needs ASSETGEN_BROKER_URL: the Redis from which it takes runs.", code=Code.NO_BROKER
        )
    return url


app = make_app({"broker": _broker(), "config_source": CELERY_SETTINGS})

#: Loaded once, before a process is made for a run: a run starts in a second instead of six.
app.conf.imports = ("dagster_postgres", "dagster._cli.api", "assetgen_dagster.definitions")

execute_run = create_execute_job_task(app, base=RunOnce)
