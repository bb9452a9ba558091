"""The settings of Celery that launcher and workers share. Not for operators to change: money depends on them."""

from typing import Any

#: Seconds; the broker's machine may be gone without a word.
_CONNECT_SECONDS, _LOOK_SECONDS = 5, 20

CELERY_SETTINGS: dict[str, Any] = {
    # The broker hands a run out once and forgets it. What is lost on the way is handed over again (``starting.py``),
    # what died on the way is retried by Dagster; a broker that restores old messages would do so behind their backs.
    "task_acks_late": False,
    # A worker takes a run when it has a process for it, and not before: what is reserved dies with the worker.
    "worker_prefetch_multiplier": 1,
    "worker_disable_prefetch": True,
    # A process a run: nothing that a run leaves behind, be it memory or a setting, reaches the next one.
    "worker_max_tasks_per_child": 1,
    "worker_proc_alive_timeout": 60,
    # What a run prints is captured by Dagster, and not to be turned into Celery's log.
    "worker_redirect_stdouts": False,
    # How a run ended stands in Dagster.
    "task_ignore_result": True,
    "task_default_queue": "dagster",
    "broker_connection_retry_on_startup": True,
    "broker_connection_max_retries": None,
    "broker_connection_timeout": _CONNECT_SECONDS,
    "worker_cancel_long_running_tasks_on_connection_loss": False,
    # What the broker does not take at once is handed over again (``starting.py``).
    "task_publish_retry": False,
    "broker_transport_options": {
        "ack_emulation": False,
        "socket_connect_timeout": _CONNECT_SECONDS,
        "socket_keepalive": True,
        "health_check_interval": _LOOK_SECONDS,
    },
}
