"""Run launchers: Celery's, for several machines."""
