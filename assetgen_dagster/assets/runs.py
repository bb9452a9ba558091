"""Which assets a run executes."""

from collections.abc import Mapping
from typing import Any

import dagster as dg

from assetgen_dagster.assets.keys import JOB_NAME, REFRESH_JOB_NAME, image_number, is_own


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


def includes_images(run: dg.DagsterRun) -> bool:
    """Returns whether a run's selection includes images."""
    if not run.asset_selection:
        return run.job_name == JOB_NAME
    return any(image_number(key) is not None for key in run.asset_selection)
