"""The run launcher: sends a run to the broker, from which a worker takes it. Named in ``deploy/dagster-celery.yaml``.

Differs from dagster-celery's launcher where money is at stake:

- The broker only delivers runs to workers. The state of a run is in PostgreSQL: its project's lock shows whether its
  process lives (``project_upkeep``), and its process polls its status for a cancellation (``cancel.py``). A broker
  that restarts or is unavailable can neither kill nor hide a run.
- A run is not resumed in a second process, where the first may still be alive; it is retried as a new run.
- A broker that is unavailable for a while, or loses all messages, fails no run (``starting.py``).
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
    """Sends runs to Celery workers."""

    @classmethod
    def config_type(cls) -> Mapping[str, Any]:
        """Returns the launcher's configuration in ``dagster.yaml``: the broker's URL."""
        return {"broker": StringSource}

    @classmethod
    def from_config_value(cls, inst_data: ConfigurableClassData, config_value: Mapping[str, Any]) -> Self:
        """Returns the launcher configured in ``dagster.yaml``."""
        return cls(
            default_queue=CELERY_SETTINGS["task_default_queue"],
            broker=config_value["broker"],
            config_source=CELERY_SETTINGS,
            inst_data=inst_data,
        )

    def launch_run(self, context: LaunchRunContext) -> None:
        """Sends a run to the broker; ``starting.py`` sends it again if the broker is unavailable."""
        try:
            self.hand_over(context)
        except OperationalError as error:
            # No retry here: the run queue is blocked meanwhile.
            message = (
                f"The broker does not answer ({error}). Start it, or check ASSETGEN_BROKER_URL; the run is sent again "
                f"every {HAND_OVER_AGAIN_SECONDS:g} s until a worker has it."
            )
            self._instance.report_engine_event(message, context.dagster_run, cls=type(self))

    def hand_over(self, context: LaunchRunContext) -> None:
        """Sends a run to the broker; may be repeated, because a worker claims a run before executing it.

        Raises:
            OperationalError: The broker does not answer.
        """
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DuplicateTaskNameWarning)  # dagster-celery defines its task for each run
            super().launch_run(context)

    def terminate(self, run_id: str) -> bool:
        """Cancels a run; its process notices within a second or two, on whichever machine it is."""
        run = self._instance.get_run_by_id(run_id)
        if run is None or run.is_finished:
            return False
        self._instance.report_run_canceling(run)
        return True

    @property
    def supports_resume_run(self) -> bool:
        """Returns False, see the module's docstring."""
        return False

    @property
    def supports_check_run_worker_health(self) -> bool:
        """Returns False: ``project_upkeep`` detects dead runs by the project's lock."""
        return False

    def get_run_worker_debug_info(self, run: DagsterRun, include_container_logs: bool | None = True) -> str | None:
        """Returns advice for a run that did not start in time."""
        return "Check that a worker is running: celery --app assetgen_dagster.launchers.celery.app status."
