"""What keeps runs from being requested for any row: a fault of this machine, or what ended the last run.

Looks and asks; what follows is decided in ``drawing.pause``. What the API said is remembered in the sensor's cursor.
"""

import json
import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import Any

import dagster as dg

from assetgen_dagster.assets.keys import JOB_NAME
from assetgen_dagster.assets.request import UNFINISHED
from assetgen_dagster.assets.tags import STOPPED_BY_TAG, STOPPED_WITH_TAG
from assetgen_dagster.budget.breaker import ASKABLE, EVERYBODYS, Asked, Go, Stopped, Verdict, asked, fingerprint, judge
from assetgen_dagster.drawing.preflight import cause_on_this_machine
from assetgen_dagster.providers.registry import check_providers, providers_in_use
from assetgen_dagster.settings import Settings

#: What asking may add to a look at the board.
_ASK_SECONDS = 2.0


@dataclass(frozen=True)
class Hold:
    """What may be requested, and why not more.

    Attributes:
        go: All rows, one of them, or none.
        reason: A sentence for the operator, where it is not all.
    """

    go: Go
    reason: str = ""


def hold(context: dg.SensorEvaluationContext, settings: Settings) -> Hold:
    """Returns what may be requested now; remembers in the cursor what the API was asked for it."""
    if cause := cause_on_this_machine(settings):
        return Hold(Go.NONE, cause)
    stopped = _last_end(context.instance)
    if stopped is None or stopped.code not in EVERYBODYS:
        return Hold(Go.ALL)
    now = time.time()
    answer = _answer(context, stopped, settings, now=now) if _can_be_asked(stopped, settings) else None
    verdict = judge(stopped, answer, fingerprint_now=fingerprint(settings), now=now)
    if verdict.go is Go.NONE:
        return Hold(Go.NONE, _why(stopped, verdict))
    if verdict.go is Go.ONE and (trying := _unfinished(context.instance)):
        return Hold(Go.NONE, f"run {stopped.run_id} was stopped by {stopped.code}; run {trying} shows if that is over.")
    return Hold(verdict.go)


def _last_end(instance: dg.DagsterInstance) -> Stopped | None:
    # A cancelled run tells nothing about key and model.
    ended = [dg.DagsterRunStatus.SUCCESS, dg.DagsterRunStatus.FAILURE]
    filters = dg.RunsFilter(job_name=JOB_NAME, statuses=ended)
    for record in instance.get_run_records(filters, limit=1, order_by="end_time"):
        tags = record.dagster_run.tags
        code, settings = tags.get(STOPPED_BY_TAG, ""), tags.get(STOPPED_WITH_TAG, "")
        return Stopped(record.dagster_run.run_id, code, settings, record.end_time or 0.0)
    return None


def _unfinished(instance: dg.DagsterInstance) -> str | None:
    filters = dg.RunsFilter(job_name=JOB_NAME, statuses=list(UNFINISHED))
    return next((record.dagster_run.run_id for record in instance.get_run_records(filters, limit=1)), None)


def _can_be_asked(stopped: Stopped, settings: Settings) -> bool:
    return stopped.code in ASKABLE and any(provider.checkable for provider in providers_in_use(settings))


def _answer(context: dg.SensorEvaluationContext, stopped: Stopped, settings: Settings, *, now: float) -> Asked:
    before, mark = _remembered(context.cursor), fingerprint(settings)
    if before is not None and before.stands(stopped, fingerprint_now=mark, now=now):
        return before
    answer = asked(stopped, check_providers(settings, seconds=_ASK_SECONDS), before, fingerprint_now=mark, now=now)
    context.update_cursor(json.dumps(asdict(answer)))
    return answer


def _remembered(cursor: str | None) -> Asked | None:
    try:
        found: Mapping[str, Any] = json.loads(cursor or "")
        return Asked(**found)
    except (ValueError, TypeError):
        return None  # there is none yet, or an older version's


def _why(stopped: Stopped, verdict: Verdict) -> str:
    clock = datetime.fromtimestamp(verdict.until, UTC).strftime("%H:%M:%S UTC")
    if verdict.refusal:
        return (
            f"run {stopped.run_id} was stopped by {stopped.code}, and it is not over: {verdict.refusal} "
            f"The API is asked again, at no cost, at {clock}, or as soon as the settings change."
        )
    return (
        f"run {stopped.run_id} was stopped by {stopped.code}, which would stop the next one, too. "
        f"{EVERYBODYS[stopped.code]}. One run is tried at {clock}, or as soon as the settings change."
    )
