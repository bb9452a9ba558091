"""The Celery settings that launcher and workers share. Not configurable: wrong ones would pay for pictures twice."""

from typing import Any

#: The broker's machine may disappear without closing connections.
_CONNECT_SECONDS, _HEALTH_CHECK_SECONDS = 5, 20

CELERY_SETTINGS: dict[str, Any] = {
    # The broker delivers a run once and forgets it. A lost run is sent again (``starting.py``), and Dagster retries one
    # that died; a broker that redelivers old messages would interfere with both.
    "task_acks_late": False,
    # A worker takes a run only when it has a process for it: prefetched runs die with the worker.
    "worker_prefetch_multiplier": 1,
    "worker_disable_prefetch": True,
    # One process per run: no memory or settings leak into the next run.
    "worker_max_tasks_per_child": 1,
    "worker_proc_alive_timeout": 60,
    # Dagster captures what a run prints; Celery must not redirect it to its log.
    "worker_redirect_stdouts": False,
    # Dagster stores the result of a run.
    "task_ignore_result": True,
    "task_default_queue": "dagster",
    "broker_connection_retry_on_startup": True,
    "broker_connection_max_retries": None,
    "broker_connection_timeout": _CONNECT_SECONDS,
    "worker_cancel_long_running_tasks_on_connection_loss": False,
    # ``starting.py`` sends a run again that the broker did not accept.
    "task_publish_retry": False,
    "broker_transport_options": {
        "ack_emulation": False,
        "socket_connect_timeout": _CONNECT_SECONDS,
        "socket_keepalive": True,
        "health_check_interval": _HEALTH_CHECK_SECONDS,
    },
}
