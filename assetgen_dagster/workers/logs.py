"""See ``launchers.celery.logs``."""

from assetgen_dagster.launchers.celery.logs import SharedComputeLogs

__all__ = ["SharedComputeLogs"]
