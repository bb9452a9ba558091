"""``assetgen worker``: becomes another program, so that signals reach it directly."""

import os
import sys
from pathlib import Path

from assetgen_dagster.cli.dagster_home import check_storage_reachable, prepare_dagster_home
from assetgen_dagster.errors import AssetgenError, Code
from assetgen_dagster.settings import Settings


def become_worker(settings: Settings, *, slots: int, name: str) -> None:
    """Becomes a Celery worker that carries out runs.

    Args:
        settings: The settings in force.
        slots: Maximum number of concurrent runs.
        name: The worker's name on this machine.

    Raises:
        AssetgenError: No broker is set, or the instance cannot be used.
    """
    if settings.broker is None:
        raise AssetgenError(
            "Set ASSETGEN_BROKER_URL to the Redis that workers take runs from; see docs/deploy.md.",
            code=Code.NO_BROKER,
        )
    home = prepare_dagster_home(settings)
    check_storage_reachable(settings)
    options = ["--concurrency", str(slots), "--hostname", f"{name}@%h", "--loglevel", "INFO"]
    quiet = ["--without-gossip", "--without-mingle"]  # workers need no messages from each other
    # Dagster would copy the .env of its working directory into its environment once; runs must read .env anew.
    os.chdir(home)
    os.environ.setdefault("DAGSTER_DISABLE_TELEMETRY", "yes")
    celery = str(Path(sys.executable).with_name("celery"))
    command = [celery, "--app", "assetgen_dagster.launchers.celery.app", "worker", *options, *quiet]
    os.execv(celery, command)  # noqa: S606 - without a shell, signals reach the program itself
