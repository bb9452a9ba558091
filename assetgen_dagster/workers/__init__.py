"""Names that a ``dagster.yaml`` or a Celery command from before ``launchers.celery`` still holds."""
