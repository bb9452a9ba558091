"""Checks the Celery broker and its workers, if runs are handed to workers. Submits nothing.

Works on a worker's machine too.
"""

from urllib.parse import urlsplit

from assetgen_dagster.cli.doctor.finding import CAUSE_CHARACTERS, Finding
from assetgen_dagster.launchers.celery.celery_settings import CELERY_SETTINGS
from assetgen_dagster.support.redact import redact

_NAME = "workers"

#: Time limits for workers to answer, and for connecting to the broker.
_ANSWER_SECONDS, _CONNECT_SECONDS = 3.0, 5.0


def examine_workers(broker: str, *, needed: bool) -> list[Finding]:
    """Checks broker and workers.

    Args:
        broker: The address of Redis.
        needed: Whether a missing worker is a fault.
    """
    import redis  # noqa: PLC0415 - only installed where workers are
    from kombu.exceptions import OperationalError  # noqa: PLC0415

    where = f"{urlsplit(broker).hostname}:{urlsplit(broker).port or 6379}"
    try:
        with redis.Redis.from_url(
            broker, socket_connect_timeout=_CONNECT_SECONDS, socket_timeout=_CONNECT_SECONDS
        ) as one:
            one.ping()
        names = _answering(broker)
    except (redis.RedisError, OperationalError) as error:
        cause = redact(str(error))[:CAUSE_CHARACTERS]
        remedy = "Start it, or check host, port and password in ASSETGEN_BROKER_URL. Runs wait until then."
        return [Finding(_NAME, False, f"Redis at {where} cannot be used: {cause}.", remedy)]
    if names:
        return [Finding(_NAME, True, f"{len(names)} running: {', '.join(names)}.")]
    remedy = "Start one on each machine that should carry out runs: assetgen worker." if needed else ""
    return [Finding(_NAME, not needed, f"Redis at {where} answers, but no worker does.", remedy)]


def _answering(broker: str) -> list[str]:
    from celery import Celery  # noqa: PLC0415

    with Celery(broker=broker, set_as_current=False) as app:
        app.conf.update(CELERY_SETTINGS)
        return sorted(name for answer in app.control.ping(timeout=_ANSWER_SECONDS) for name in answer)
