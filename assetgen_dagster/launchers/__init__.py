"""Run launchers: who carries runs out. Celery's is the one for several machines."""
