"""What a Dagster run was asked for, and by which run first.

A retry is not a request of its own: it carries out what the run it retries was asked for. Nor is a command that is
given again because it did not come to its end. Which runs are retries is the subject of this module; what follows from
it, of ``drawing.plan``.
"""

from collections.abc import Iterator, Mapping
from typing import Any

import dagster as dg

from assetgen_dagster.assets.keys import image_number
from assetgen_dagster.assets.projects import (
    AUTO_RETRY_TAG,
    BACKFILL_TAG,
    COMMAND_TAG,
    PAGE_TAG,
    PARENT_BACKFILL_TAG,
    PARTITION_TAG,
    RETRY_TAGS,
)
from assetgen_dagster.drawing.plan import Mode, Redraw, Request
from assetgen_dagster.notion.row import page_url

FINISHED = (dg.DagsterRunStatus.SUCCESS, dg.DagsterRunStatus.FAILURE, dg.DagsterRunStatus.CANCELED)

UNFINISHED = tuple(status for status in dg.DagsterRunStatus if status not in FINISHED)

_UNSUCCESSFUL = (dg.DagsterRunStatus.FAILURE, dg.DagsterRunStatus.CANCELED)


def read_request(
    instance: dg.DagsterInstance, run: dg.DagsterRun, *, mode: Mode, redraw: Redraw | None = None
) -> Request:
    """Returns the request behind a run, whose config a retry has as well.

    Where a retry's first run is no longer known, the request has no time, and nothing that is done is drawn again.
    """
    record = instance.get_run_record_by_id(run.run_id)
    seen = {run.run_id}
    while record is not None:
        previous = _retried(instance, record.dagster_run) or _repeated(instance, record.dagster_run)
        if previous is None or previous.dagster_run.run_id in seen:
            break
        seen.add(previous.dagster_run.run_id)
        record = previous
    if record is None or _lost_its_parent(instance, record.dagster_run):
        return Request(run.run_id, None, mode, selected_numbers(run), redraw)
    first = record.dagster_run
    return Request(first.run_id, _asked_at(instance, record), mode, selected_numbers(first), redraw)


def selected_numbers(run: dg.DagsterRun) -> frozenset[int] | None:
    """Returns the pictures that a run is to look after; None for all that there are."""
    if not run.asset_selection:
        return None  # the whole job
    return frozenset(number for key in run.asset_selection if (number := image_number(key)) is not None)


def started_in_dagster(run: dg.DagsterRun) -> bool:
    """Returns whether a person started a run in Dagster, be it by re-executing one that a row had asked for."""
    return PAGE_TAG not in run.tags or (run.parent_run_id is not None and AUTO_RETRY_TAG not in run.tags)


def with_continued(instance: dg.DagsterInstance, run: dg.DagsterRun) -> Iterator[dg.DagsterRun]:
    """Yields a run, and before it those that it goes on with because they did not succeed; the last one first."""
    found: dg.DagsterRun | None = run
    while found is not None:
        yield found
        parent = instance.get_run_by_id(found.parent_run_id) if found.parent_run_id else None
        found = parent if parent is not None and parent.status in _UNSUCCESSFUL else None


def row_link(run: dg.DagsterRun) -> dict[str, dg.MetadataValue]:
    """Returns the way from a run to the row that asked for it, as metadata; nothing for a run without one."""
    page_id = run.tags.get(PAGE_TAG)
    return {"notion_row": dg.MetadataValue.url(page_url(page_id))} if page_id else {}


def mode_of(run: dg.DagsterRun) -> Mode:
    """Returns the mode in a run's config."""
    config: Mapping[str, Any] = run.run_config
    return Mode(config.get("ops", {}).get("images", {}).get("config", {}).get("mode", Mode.AUTO))


def _retried(instance: dg.DagsterInstance, run: dg.DagsterRun) -> dg.RunRecord | None:
    """Returns the run that this one continues, if it continues one that is still known."""
    if run.parent_run_id:
        parent = instance.get_run_record_by_id(run.parent_run_id)
        if parent and (_is_retry(run) or parent.dagster_run.status in _UNSUCCESSFUL):
            return parent
        return None
    if backfill := run.tags.get(PARENT_BACKFILL_TAG):
        tags = {BACKFILL_TAG: backfill, PARTITION_TAG: run.tags.get(PARTITION_TAG, "")}
        earlier = instance.get_run_records(dg.RunsFilter(tags=tags), limit=1, ascending=True)
        return earlier[0] if earlier else None
    return None


def _asked_at(instance: dg.DagsterInstance, record: dg.RunRecord) -> float:
    """Returns when a run was created, by the clock of the machine that carried out the one before.

    A creation has the database's clock, what a run did that of its machine. No run starts before it is created: where
    one did, that clock is behind by at least as much, and a double click would look like a new request.
    """
    asked, before = record.create_timestamp.timestamp(), _before(instance, record.dagster_run)
    if before is None or before.start_time is None:
        return asked
    return asked - max(0.0, before.create_timestamp.timestamp() - before.start_time)


def _repeated(instance: dg.DagsterInstance, run: dg.DagsterRun) -> dg.RunRecord | None:
    """Returns the run before this one on its partition, if it asked for the same and did not come to its end."""
    before = _before(instance, run)
    return before if before and _is_repeated(before.dagster_run, by=run) else None


def _before(instance: dg.DagsterInstance, run: dg.DagsterRun) -> dg.RunRecord | None:
    tags = {PARTITION_TAG: run.tags.get(PARTITION_TAG, "")}
    found = instance.get_run_records(dg.RunsFilter(tags=tags), limit=1, cursor=run.run_id)
    return found[0] if found else None


def _is_repeated(run: dg.DagsterRun, *, by: dg.DagsterRun) -> bool:
    if (run.job_name, run.run_config, run.asset_selection) != (by.job_name, by.run_config, by.asset_selection):
        return False
    # Without a daemon nobody says that a run has died. But who asks here holds the project's lock, so it did.
    died = run.status is dg.DagsterRunStatus.STARTED
    # In a terminal nothing is re-executed: a command that failed or was interrupted is given again.
    given_again = _command(run) is not None and _command(run) == _command(by)
    return died or (given_again and run.status is not dg.DagsterRunStatus.SUCCESS)


def _command(run: dg.DagsterRun) -> str | None:
    """Returns the command that a run is; a re-execution in Dagster is none, though it has the tag."""
    return None if run.parent_run_id else run.tags.get(COMMAND_TAG)


def _lost_its_parent(instance: dg.DagsterInstance, run: dg.DagsterRun) -> bool:
    return (_is_retry(run) or PARENT_BACKFILL_TAG in run.tags) and _retried(instance, run) is None


def _is_retry(run: dg.DagsterRun) -> bool:
    return any(tag in run.tags for tag in RETRY_TAGS)
