"""See ``launchers.celery.launcher``."""

from assetgen_dagster.launchers.celery.launcher import ProjectRunLauncher

__all__ = ["ProjectRunLauncher"]
