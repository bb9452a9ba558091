"""See ``launchers.celery.app``."""

from assetgen_dagster.launchers.celery.app import app

__all__ = ["app"]
