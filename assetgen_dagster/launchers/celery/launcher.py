"""The run launcher: hands a run to the broker, from which a worker takes it. Named in ``deploy/dagster-celery.yaml``.

Differs from dagster-celery's own in what must not go wrong with money at stake:

- The broker is asked to carry runs to workers, and nothing else. What becomes of a run stands in PostgreSQL: whether
  its process lives, by its project's lock (``project_upkeep``), and whether it is to end, by its status, at which its
  process looks (``cancel.py``). A broker that restarts or is away can thus neither kill nor hide a run.
- A run is not resumed in a second process, which would be a second one at work; it is retried as a new run.
- A broker that is away for a while, or forgets everything, fails no run (``starting.py``).
"""

import warnings
from collections.abc import Mapping
from typing import Any, Self

from celery.exceptions import DuplicateTaskNameWarning
from dagster import DagsterRun, StringSource
from dagster._core.launcher import LaunchRunContext
from dagster._serdes import ConfigurableClassData
from dagster_celery.launcher import CeleryRunLauncher
from kombu.exceptions import OperationalError

from assetgen_dagster.launchers.celery.celery_settings import CELERY_SETTINGS
from assetgen_dagster.project.liveness import HAND_OVER_AGAIN_SECONDS


class ProjectRunLauncher(CeleryRunLauncher):
    """Hands runs to Celery workers."""

    @classmethod
    def config_type(cls) -> Mapping[str, Any]:
        """Returns what ``dagster.yaml`` says: where the broker is."""
        return {"broker": StringSource}

    @classmethod
    def from_config_value(cls, inst_data: ConfigurableClassData, config_value: Mapping[str, Any]) -> Self:
        """Returns the launcher that ``dagster.yaml`` describes."""
        return cls(
            default_queue=CELERY_SETTINGS["task_default_queue"],
            broker=config_value["broker"],
            config_source=CELERY_SETTINGS,
            inst_data=inst_data,
        )

    def launch_run(self, context: LaunchRunContext) -> None:
        """Hands a run to the broker; one that is away gets it later, see ``starting.py``."""
        try:
            self.hand_over(context)
        except OperationalError as error:
            # No waiting here: the queue stands still as long as this takes.
            said = (
                f"The broker does not answer ({error}). Start it, or check ASSETGEN_BROKER_URL; the run is handed over "
                f"every {HAND_OVER_AGAIN_SECONDS:g} s until a worker has it."
            )
            self._instance.report_engine_event(said, context.dagster_run, cls=type(self))

    def hand_over(self, context: LaunchRunContext) -> None:
        """Hands a run to the broker; any number of times, because a worker claims it before it begins.

        Raises:
            OperationalError: The broker does not answer.
        """
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DuplicateTaskNameWarning)  # dagster-celery makes its task for each run
            super().launch_run(context)

    def terminate(self, run_id: str) -> bool:
        """Asks a run to end; its process sees that within a second or two, wherever it is."""
        run = self._instance.get_run_by_id(run_id)
        if run is None or run.is_finished:
            return False
        self._instance.report_run_canceling(run)
        return True

    @property
    def supports_resume_run(self) -> bool:
        """Never: see above."""
        return False

    @property
    def supports_check_run_worker_health(self) -> bool:
        """Not here: ``project_upkeep`` knows by the project's lock whether a run lives."""
        return False

    def get_run_worker_debug_info(self, run: DagsterRun, include_container_logs: bool | None = True) -> str | None:
        """Returns what to look at where a run did not start in time."""
        return "Look whether a worker is at work: celery --app assetgen_dagster.launchers.celery.app status."
