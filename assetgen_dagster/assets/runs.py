"""Which assets a run executes."""

import dagster as dg

from assetgen_dagster.assets.keys import JOB_NAME, REFRESH_JOB_NAME, image_number, is_own


def is_ours(run: dg.DagsterRun) -> bool:
    """Returns whether a run executes one of our assets, and so takes its project's lock."""
    return run.job_name in (JOB_NAME, REFRESH_JOB_NAME) or any(map(is_own, run.asset_selection or ()))


def includes_images(run: dg.DagsterRun) -> bool:
    """Returns whether a run's selection includes images."""
    if not run.asset_selection:
        return run.job_name == JOB_NAME
    return any(image_number(key) is not None for key in run.asset_selection)
