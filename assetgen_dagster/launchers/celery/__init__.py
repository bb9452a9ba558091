"""Runs on several machines without Kubernetes: Celery workers take them from Redis. Needs requirements-celery.lock."""
