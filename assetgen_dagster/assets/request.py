"""The request that a Dagster run carries out: what was requested, and the first run that requested it.

A retry is not a request of its own: it carries out the request of the run that it retries. Nor is a command that a
person repeats because it did not finish. The tag ``request`` names the first run; it is minted when a run is queued
(``run_coordinator``) or a command starts. ``drawing.plan`` decides by it what to draw.
"""

import functools
from collections.abc import Collection, Iterator

import dagster as dg
import structlog

from assetgen_dagster.assets.picture_state import doubtful_numbers
from assetgen_dagster.assets.runs import images_config, position_of_run, selected_numbers
from assetgen_dagster.assets.tags import (
    AUTO_RETRY_TAG,
    BACKFILL_TAG,
    COMMAND_TAG,
    PAGE_TAG,
    PARENT_BACKFILL_TAG,
    PARTITION_TAG,
    REQUEST_TAG,
    RETRY_TAGS,
)
from assetgen_dagster.drawing.plan import Mode, Redraw, Request
from assetgen_dagster.notion.row import page_url
from assetgen_dagster.support.threads import call_with_time_limit

_UNSUCCESSFUL = (dg.DagsterRunStatus.FAILURE, dg.DagsterRunStatus.CANCELED)

#: Time limit of the query for the newest run: drawing goes on without it if the database is away.
_NEWEST_RUN_SECONDS = 2.0

#: The request of a retry whose original run is unknown.
_UNKNOWN = "unknown"

_log = structlog.get_logger()


def mint_request(instance: dg.DagsterInstance, run: dg.DagsterRun) -> str:
    """Returns the id of the first run of the request that a run carries out; its own id if it continues no other.

    Args:
        instance: Holds the earlier runs.
        run: Need not be stored yet. Its own tag is not read: Dagster may have copied it from a re-executed run.
    """
    first = run
    while (previous := _continued(instance, first)) is not None:
        if request := previous.tags.get(REQUEST_TAG):
            return previous.run_id if _is_carried_out(instance, request, command=first) else request
        first = previous  # a run of a version without the tag
    if _is_retry(first):  # of a run that was deleted
        return first.tags.get(REQUEST_TAG) or first.parent_run_id or _UNKNOWN
    if first.parent_run_id:  # a success executed again, whose tags Dagster has copied
        return first.run_id
    return first.tags.get(PARENT_BACKFILL_TAG) or first.run_id


def request_id(instance: dg.DagsterInstance, run: dg.DagsterRun) -> str:
    """Returns the first run of a run's request: from its tag, or derived for a run without the tag."""
    return run.tags.get(REQUEST_TAG) or mint_request(instance, run)


def claim_request(
    instance: dg.DagsterInstance,
    run: dg.DagsterRun,
    mode: Mode,
    redraw: Redraw | None = None,
    pictures: Collection[int] = (),
) -> Request:
    """Returns the request of a run that holds its project's lock, with the selection of the first run.

    If the first run was deleted, the request has no time, and finished pictures are kept.

    Args:
        instance: Holds the runs.
        run: The run.
        mode: The mode in its config.
        redraw: The order in its config.
        pictures: Numbers of all pictures of a complete project; empty for any other.
    """
    asked = request_id(instance, run)
    if asked == run.run_id and (dead := _dead_run_before(instance, run)) is not None:
        asked = request_id(instance, dead)
        instance.add_run_tags(run.run_id, {REQUEST_TAG: asked})
    first = instance.get_run_record_by_id(asked)
    asking = first.dagster_run if first else run
    numbers = selected_numbers(asking)
    doubtful = frozenset[int]()
    if first is not None and pictures and mode is Mode.AUTO and redraw is None and not _is_asked_for(asking):
        selected = pictures if numbers is None or numbers.issuperset(pictures) else numbers
        doubtful = doubtful_numbers(instance, first, selected, pictures)
    return Request(
        asked,
        first.create_timestamp.timestamp() if first else None,
        mode,
        numbers,
        redraw,
        anew=_is_asked_for(asking) or (BACKFILL_TAG not in asking.tags and not doubtful),
        doubtful=doubtful,
        position_of=functools.cache(functools.partial(position_of_run, instance)),
    )


def newest_run(instance: dg.DagsterInstance, partition: str) -> str | None:
    """Returns the newest run of a project; None if the database does not answer in time."""
    filters = dg.RunsFilter(tags={PARTITION_TAG: partition})
    try:
        found = call_with_time_limit(lambda: instance.get_run_ids(filters, limit=1), seconds=_NEWEST_RUN_SECONDS)
    except Exception as error:
        _log.warning("newest_run_unknown", error=type(error).__name__)
        return None
    return found[0] if found else None


def started_in_dagster(run: dg.DagsterRun) -> bool:
    """Returns whether a person started a run in Dagster, also by re-executing one that a row had requested."""
    return PAGE_TAG not in run.tags or (run.parent_run_id is not None and AUTO_RETRY_TAG not in run.tags)


def with_continued(instance: dg.DagsterInstance, run: dg.DagsterRun) -> Iterator[dg.DagsterRun]:
    """Yields a run, then the unsuccessful runs that it continues, newest first."""
    found: dg.DagsterRun | None = run
    while found is not None:
        yield found
        parent = instance.get_run_by_id(found.parent_run_id) if found.parent_run_id else None
        found = parent if parent is not None and parent.status in _UNSUCCESSFUL else None


def with_retried(instance: dg.DagsterInstance, run: dg.DagsterRun) -> Iterator[dg.DagsterRun]:
    """Yields a run, then the runs that Dagster has retried by it, newest first."""
    found: dg.DagsterRun | None = run
    while found is not None:
        yield found
        retries = AUTO_RETRY_TAG in found.tags and found.parent_run_id
        found = instance.get_run_by_id(found.parent_run_id) if retries and found.parent_run_id else None


def row_link(run: dg.DagsterRun) -> dict[str, dg.MetadataValue]:
    """Returns metadata with the link to the row that requested a run; empty for a run without one."""
    page_id = run.tags.get(PAGE_TAG)
    return {"notion_row": dg.MetadataValue.url(page_url(page_id))} if page_id else {}


def mode_of(run: dg.DagsterRun) -> Mode:
    """Returns the mode in a run's config."""
    return Mode(images_config(run).get("mode", Mode.AUTO))


def _continued(instance: dg.DagsterInstance, run: dg.DagsterRun) -> dg.DagsterRun | None:
    """Returns the run that this one continues by retrying it or by repeating its command."""
    if run.parent_run_id:
        parent = instance.get_run_by_id(run.parent_run_id)
        succeeded = parent is not None and parent.status is dg.DagsterRunStatus.SUCCESS
        return None if succeeded and not _is_retry(run) else parent
    if backfill := run.tags.get(PARENT_BACKFILL_TAG):
        tags = {BACKFILL_TAG: backfill, PARTITION_TAG: run.tags.get(PARTITION_TAG, "")}
        earlier = instance.get_run_records(dg.RunsFilter(tags=tags), limit=1, ascending=True)
        return earlier[0].dagster_run if earlier else None
    if COMMAND_TAG not in run.tags:
        return None
    # The terminal has no re-execution: a command that failed, was interrupted or died is repeated.
    before = _run_before(instance, run)
    if before is None or before.parent_run_id or before.tags.get(COMMAND_TAG) != run.tags[COMMAND_TAG]:
        return None
    unfinished = before.status is not dg.DagsterRunStatus.SUCCESS
    return before if unfinished and _asks_the_same(before, run) else None


def _is_carried_out(instance: dg.DagsterInstance, request: str, *, command: dg.DagsterRun) -> bool:
    """Returns whether a request has succeeded by the time that a command is given again.

    The command before it then only met that request's run at the project's lock, and was never carried out.
    """
    if command.parent_run_id or COMMAND_TAG not in command.tags:
        return False
    tags = {REQUEST_TAG: request, PARTITION_TAG: command.tags.get(PARTITION_TAG, "")}
    filters = dg.RunsFilter(tags=tags, statuses=[dg.DagsterRunStatus.SUCCESS])
    return bool(instance.get_run_ids(filters, limit=1))


def _is_asked_for(run: dg.DagsterRun) -> bool:
    """Returns whether a row or a command asked for a run; a re-execution in Dagster has its tags."""
    return not started_in_dagster(run) or (COMMAND_TAG in run.tags and run.parent_run_id is None)


def _is_retry(run: dg.DagsterRun) -> bool:
    return any(tag in run.tags for tag in RETRY_TAGS)


def _dead_run_before(instance: dg.DagsterInstance, run: dg.DagsterRun) -> dg.DagsterRun | None:
    """Returns the run before one that holds its project's lock, if it requested the same and died.

    A previous run that is still ``STARTED`` is dead, even if no daemon has reported it: it would hold the lock.
    """
    before = _run_before(instance, run)
    dead = before is not None and before.status is dg.DagsterRunStatus.STARTED and _asks_the_same(before, run)
    return before if dead else None


def _run_before(instance: dg.DagsterInstance, run: dg.DagsterRun) -> dg.DagsterRun | None:
    """Returns the previous run of the partition; for a run that is not stored yet, the newest one."""
    tags = {PARTITION_TAG: run.tags.get(PARTITION_TAG, "")}
    cursor = run.run_id if instance.has_run(run.run_id) else None
    found = instance.get_runs(dg.RunsFilter(tags=tags), limit=1, cursor=cursor)
    return found[0] if found else None


def _asks_the_same(run: dg.DagsterRun, other: dg.DagsterRun) -> bool:
    one, two = ((r.job_name, r.run_config, frozenset(r.asset_selection or ())) for r in (run, other))
    return one == two
