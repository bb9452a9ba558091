"""Messages about pause, daily quota and circuit breaker: cause, end and remedy; times in the operator's time zone."""

import time
from collections.abc import Mapping
from datetime import UTC, datetime

from assetgen_dagster.budget.breaker import Breaker, Probe, State, breakers_in
from assetgen_dagster.budget.switches import Json, Pause, Stopped, UsedUp, stopped
from assetgen_dagster.errors import Code
from assetgen_dagster.providers.failures import Failure
from assetgen_dagster.settings import Settings

#: What follows the remedy of a breaker: after a change of settings the next run probes at once, else by `resume`.
_AFTER_A_CHANGE = ". Then run again; if no setting changed, run assetgen resume first"
_RUN_AGAIN = {Code.BILLING: ", then run again", Code.OUTAGE: ""}


def format_moment(moment: float, settings: Settings) -> str:
    """Formats a Unix time, such as ``09:00 on 23 November 2026 (CET)``."""
    there = datetime.fromtimestamp(moment, UTC).astimezone(settings.zone)
    return f"{there:%H:%M} on {there.day} {there:%B %Y} ({there:%Z})"


def pause_message(pause: Pause, settings: Settings) -> str:
    """Returns who paused paying, since when, why, and how to resume."""
    return " ".join(_pause(pause, settings))


def quota_message(used_up: UsedUp, settings: Settings) -> str:
    """Returns when a used-up quota is renewed, and what happens then."""
    return " ".join(_quota(used_up, settings))


def stopped_message(stopped: Stopped, settings: Settings) -> tuple[str, str] | None:
    """Returns what stops paying, and the remedy; None if nothing does."""
    if stopped.pause is not None:
        what, remedy = _pause(stopped.pause, settings)
    elif stopped.used_up is not None:
        what, remedy = _quota(stopped.used_up, settings)
    else:
        return None
    return what, f"{remedy}."


def _pause(pause: Pause, settings: Settings) -> tuple[str, str]:
    why = f" ({pause.reason})" if pause.reason else ""
    since = format_moment(pause.at, settings)
    return f"Paying is paused by {pause.by} since {since}{why}.", "To resume: assetgen resume"


def _quota(used_up: UsedUp, settings: Settings) -> tuple[str, str]:
    until = format_moment(used_up.until, settings)
    what = (
        f"The key's daily quota is used up; the next call is made after {until}. Rows of "
        "Notion continue automatically then; run others again."
    )
    return what, "If the quota was raised: assetgen resume"


def breaker_failure(breaker: Breaker, settings: Settings) -> Failure:
    """Returns the failure of a call that an open breaker holds back."""
    cause = f"{_opened_message(breaker, settings)}. {_next_probe_message(breaker, settings)}"
    return Failure(breaker.code, cause, f"{breaker.remedy}{_RUN_AGAIN.get(breaker.code, _AFTER_A_CHANGE)}")


def breaker_message(breaker: Breaker, settings: Settings) -> str:
    """Returns when, why and by which run a breaker was opened, and when the next call is made."""
    remedy = "" if breaker.refusal else f" {breaker.remedy}."
    return f"{_opened_message(breaker, settings)}.{remedy} {_next_probe_message(breaker, settings)}"


def probe_message(breaker: Breaker, probe: Probe) -> str:
    """Returns what a call waits for while another call probes."""
    by = f"run {probe.run_id}" if probe.run_id else "another run"
    return f"Waiting for one call of {by} to show whether {breaker.code} is over."


def cleared_message(values: Mapping[str, Json], settings: Settings) -> str:
    """Returns a sentence for each switch that was cleared."""
    found = stopped(values, None)
    said = [f"The pause by {found.pause.by} is over."] if found.pause else []
    said += ["The daily quota is asked for again."] if found.used_up else []
    for breaker in breakers_in(values):
        since = format_moment(breaker.opened_at, settings)
        said.append(f"The circuit breaker that {breaker.code} opened at {since} is closed.")
    return " ".join(said)


def _opened_message(breaker: Breaker, settings: Settings) -> str:
    run = f"run {breaker.run_id}" if breaker.run_id else "a run"
    over = ", and it is not over" if breaker.refusal else ""
    cause = (breaker.refusal or breaker.cause).rstrip(". ")
    return f"{run} was stopped by {breaker.code} at {format_moment(breaker.opened_at, settings)}{over}: {cause}"


def _next_probe_message(breaker: Breaker, settings: Settings) -> str:
    if breaker.refusal:
        return "No call is made until a free check of key and model succeeds, or the settings change."
    if breaker.state(time.time()) is State.HALF_OPEN:
        return "The next call probes whether the cause is gone; others wait for it."
    until = format_moment(breaker.probe_at, settings)
    return f"No call is made until {until}, when one call probes, or until the settings change."
