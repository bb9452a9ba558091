"""Which assets a run executes, and where it stands among the others."""

from collections.abc import Mapping
from typing import Any

import dagster as dg

from assetgen_dagster.assets.keys import (
    ASSET_MANIFEST,
    ASSETS_READY,
    CONTACT_SHEET,
    JOB_NAME,
    REFRESH_JOB_NAME,
    image_key,
    image_number,
    is_own,
)

FINISHED = (dg.DagsterRunStatus.SUCCESS, dg.DagsterRunStatus.FAILURE, dg.DagsterRunStatus.CANCELED)

UNFINISHED = tuple(status for status in dg.DagsterRunStatus if status not in FINISHED)

#: A run in one of these continues by itself. Without NOT_STARTED: a run that was only created may never start.
AT_WORK = (
    dg.DagsterRunStatus.QUEUED,
    dg.DagsterRunStatus.STARTING,
    dg.DagsterRunStatus.STARTED,
    dg.DagsterRunStatus.CANCELING,
)

#: A run in one of these has started: it may be drawing, or may have drawn.
STARTED = (dg.DagsterRunStatus.STARTED, dg.DagsterRunStatus.CANCELING)


def is_ours(run: dg.DagsterRun) -> bool:
    """Returns whether a run executes one of our assets, and so takes its project's lock."""
    return run.job_name in (JOB_NAME, REFRESH_JOB_NAME) or any(map(is_own, run.asset_selection or ()))


def images_config(run: dg.DagsterRun) -> Mapping[str, Any]:
    """Returns a run's config of the images; empty if it has none."""
    config: Mapping[str, Any] = run.run_config
    found: Mapping[str, Any] = config.get("ops", {}).get("images", {}).get("config", {})
    return found


def draws_all(run: dg.DagsterRun, slots: int) -> bool:
    """Returns whether a run draws the whole project: all pictures are selected, and none is asked for by name."""
    if not includes_images(run) or images_config(run).get("redraw"):
        return False
    return not run.asset_selection or sum(image_number(key) is not None for key in run.asset_selection) >= slots


def is_given_up(instance: dg.DagsterInstance, run_id: str) -> bool:
    """Returns whether a run at work counts as cancelled already: forcibly, or because cancelling took too long."""
    try:
        run = instance.get_run_by_id(run_id)
    except Exception:  # any error of the driver: without a database, nobody can have given it up
        return False
    return run is not None and run.status is dg.DagsterRunStatus.CANCELED


def position_of_run(instance: dg.DagsterInstance, run_id: str) -> int | None:
    """Returns a run's storage id: the order of creation, independent of clocks; None for an unknown run."""
    record = instance.get_run_record_by_id(run_id)
    return record.storage_id if record else None


def selected_numbers(run: dg.DagsterRun) -> frozenset[int] | None:
    """Returns the numbers of the pictures that a run selects; None for all."""
    if not run.asset_selection:
        return None  # the whole job
    return frozenset(number for key in run.asset_selection if (number := image_number(key)) is not None)


def own_assets(run: dg.DagsterRun, *, slots: int) -> list[dg.AssetKey]:
    """Returns our assets that a run executes, upstream ones first."""
    downstream = [ASSETS_READY, CONTACT_SHEET]
    if run.job_name == REFRESH_JOB_NAME:
        return downstream
    every = [ASSET_MANIFEST, *map(image_key, range(1, slots + 1)), *downstream]
    return [key for key in every if not run.asset_selection or key in run.asset_selection]


def includes_images(run: dg.DagsterRun) -> bool:
    """Returns whether a run's selection includes images."""
    if not run.asset_selection:
        return run.job_name == JOB_NAME
    return any(image_number(key) is not None for key in run.asset_selection)
