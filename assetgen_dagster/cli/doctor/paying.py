"""Checks paying: pause and circuit breaker, limits, and how much of the budget is used."""

import time

from assetgen_dagster.budget.limits import budget_message
from assetgen_dagster.budget.messages import breaker_failure, stopped_message
from assetgen_dagster.budget.reservations import limits_of
from assetgen_dagster.budget.stores import broken_now, open_reservations, stopped_now
from assetgen_dagster.cli.doctor.finding import Finding, broken, of_failure
from assetgen_dagster.errors import AssetgenError
from assetgen_dagster.project.channels import ChannelsFileError
from assetgen_dagster.settings import Settings
from assetgen_dagster.support.months import month_of


def examine_paying(settings: Settings) -> list[Finding]:
    """Checks pause, circuit breaker, quota, requests a minute and budget."""
    try:
        found, breaker = stopped_now(settings), broken_now(settings)
    except AssetgenError as error:
        return [broken("paying", error)]
    if stopped := stopped_message(found, settings):
        return [Finding("paying", False, *stopped)]
    if breaker is not None:
        return [of_failure("circuit breaker", breaker_failure(breaker, settings))]
    return [*_limit(settings), *_budget(settings)]


def _limit(settings: Settings) -> list[Finding]:
    limit = settings.requests_per_minute
    shared = f"all runs together make at most {limit} calls a minute" if limit else "no limit of calls a minute is set"
    return [Finding("paying", True, f"Not paused; {shared}.")]


def _budget(settings: Settings) -> list[Finding]:
    try:
        limits = limits_of(settings)
        if not limits:
            return [Finding("budget", True, "No monthly budget is set.")]
        month = month_of(time.time(), settings.zone)
        return [Finding("budget", True, budget_message(open_reservations(settings).claims(), limits, month))]
    except ChannelsFileError:
        return []  # has a finding of its own
    except AssetgenError as error:
        return [broken("budget", error)]
