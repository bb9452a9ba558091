"""What keeps runs from being requested for any row: a fault of this machine, or the circuit breaker.

The breaker would hold their calls back as well; here it saves the runs that would end before their first call.
"""

import time
from dataclasses import dataclass
from enum import StrEnum

import dagster as dg

from assetgen_dagster.assets.keys import JOB_NAME
from assetgen_dagster.assets.runs import AT_WORK
from assetgen_dagster.budget.breaker import State
from assetgen_dagster.budget.messages import breaker_message
from assetgen_dagster.budget.stores import breaker_now
from assetgen_dagster.drawing.preflight import fault_on_this_machine
from assetgen_dagster.settings import Settings

#: How often the API is asked whether the cause of an open breaker is gone.
ASK_AGAIN_SECONDS = 60.0


class Admitted(StrEnum):
    """For which rows runs may be requested."""

    ALL = "all"
    ONE = "one"
    NONE = "none"


@dataclass(frozen=True)
class RunAdmission:
    """What may be requested, and why not more.

    Attributes:
        admitted: All rows, one of them, or none.
        reason: A sentence for the operator, where it is not all.
    """

    admitted: Admitted
    reason: str = ""


def admit_runs(instance: dg.DagsterInstance, settings: Settings) -> RunAdmission:
    """Returns what may be requested now.

    Raises:
        SwitchesUnavailableError: Nobody knows.
    """
    if cause := fault_on_this_machine(settings):
        return RunAdmission(Admitted.NONE, cause)
    breaker = breaker_now(settings, ask_every_seconds=ASK_AGAIN_SECONDS)
    if breaker is None:
        return RunAdmission(Admitted.ALL)
    if breaker.state(time.time()) is State.OPEN:
        return RunAdmission(Admitted.NONE, breaker_message(breaker, settings))
    if probing := _run_at_work(instance):
        return RunAdmission(
            Admitted.NONE, f"run {probing} shows whether {breaker.code}, which stopped the last one, is over."
        )
    return RunAdmission(Admitted.ONE)


def _run_at_work(instance: dg.DagsterInstance) -> str | None:
    filters = dg.RunsFilter(job_name=JOB_NAME, statuses=list(AT_WORK))
    return next((record.dagster_run.run_id for record in instance.get_run_records(filters, limit=1)), None)
