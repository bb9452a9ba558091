"""Commands that exec another program, such as ``dagster dev``, so that signals reach it directly."""

import errno
import os
import socket
import sys
from pathlib import Path

from assetgen_dagster.cli.dagster_home import check_storage_reachable, prepare_dagster_home
from assetgen_dagster.errors import AssetgenError, Code
from assetgen_dagster.project.file_lock import FileLock
from assetgen_dagster.project.workspace import unwritable
from assetgen_dagster.settings import PROJECT_ROOT, Settings

#: Dagster's advice to use ``dg dev``, which requires another project layout.
_SUPERSEDED = "ignore:Function `dev_command` is superseded:FutureWarning"

#: Lock in ``DAGSTER_HOME``, held while ``assetgen dev`` runs: Dagster itself only warns about a second daemon.
_DEV_LOCK = "dev.lock"


def become_dagster_dev(port: int, settings: Settings) -> None:
    """Becomes the Dagster UI on 127.0.0.1, with daemon and code location.

    Raises:
        AssetgenError: The instance cannot be used, another ``assetgen dev`` uses it, or the port is taken.
    """
    home = prepare_dagster_home(settings)
    check_storage_reachable(settings)
    lock = _lock_instance(home, port)
    _check_port(port)
    if settings.ui_url is None:
        os.environ["ASSETGEN_UI_URL"] = f"http://127.0.0.1:{port}"
    print(f"Dagster UI: http://127.0.0.1:{port} (instance in {home}; Ctrl-C ends it)", flush=True)
    # Only warnings and errors: the services' start-up messages would hide them.
    ignored = [os.environ.get("PYTHONWARNINGS"), _SUPERSEDED]
    os.environ["PYTHONWARNINGS"] = ",".join(filter(None, ignored))
    options = ["--workspace", str(PROJECT_ROOT / "workspace.yaml"), "--log-level", "warning"]
    os.set_inheritable(lock.fd, True)  # Dagster keeps holding it
    _become(home, "dagster", "dev", "--host", "127.0.0.1", "--port", str(port), *options)


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
    _become(home, "celery", "--app", "assetgen_dagster.launchers.celery.app", "worker", *options, *quiet)


def _lock_instance(home: Path, port: int) -> FileLock:
    """Locks the instance for this process and the program that replaces it."""
    lock = FileLock(home / _DEV_LOCK)
    try:
        ours = lock.try_acquire()
    except OSError as error:
        raise unwritable(lock.path, error) from error
    if not ours:
        other = lock.holder()
        raise AssetgenError(
            f"assetgen dev (make dev) already runs with the instance in {home}: process {other.get('pid', 'unknown')}, "
            f"http://127.0.0.1:{other.get('port', 'unknown')}. Use that one, or end it first with Ctrl-C: two daemons "
            "on one instance would start runs twice.",
            code=Code.DEV_RUNNING,
        )
    lock.describe(pid=os.getpid(), port=port)
    return lock


def _check_port(port: int) -> None:
    # Otherwise Dagster's UI would fail later, while its daemon keeps running beside the other.
    with socket.socket() as ours:
        ours.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # like the UI: a released port is free
        try:
            ours.bind(("127.0.0.1", port))
        except OSError as error:
            taken = error.errno == errno.EADDRINUSE
            why = "is taken by another program" if taken else f"cannot be used: {error.strerror}"
            another = f"make dev PORT={port + 1} or assetgen dev --port {port + 1}"
            raise AssetgenError(f"Port {port} {why}. Try {another}.", code=Code.PORT) from None


def _become(home: Path, program: str, *arguments: str) -> None:
    # Dagster would copy the .env of its working directory into its environment once; runs must read .env anew.
    os.chdir(home)
    os.environ.setdefault("DAGSTER_DISABLE_TELEMETRY", "yes")
    path = str(Path(sys.executable).with_name(program))
    os.execv(path, [path, *arguments])  # noqa: S606 - without a shell, signals reach the program itself
