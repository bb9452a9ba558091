"""Commands that become programs of others: prepared here, they replace this process, so that signals reach them."""

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

#: That Dagster would rather have its command ``dg dev`` used, which takes a project laid out its own way.
_SUPERSEDED = "ignore:Function `dev_command` is superseded:FutureWarning"

#: Held in ``DAGSTER_HOME`` by ``assetgen dev`` as long as it lives: Dagster only complains of a second daemon.
_DEV_LOCK = "dev.lock"


def become_dagster_dev(port: int, settings: Settings) -> None:
    """Becomes the Dagster UI on 127.0.0.1, with daemon and code location.

    Raises:
        AssetgenError: The instance cannot be used, another ``assetgen dev`` uses it, or the port is taken.
    """
    home = prepare_dagster_home(settings)
    check_storage_reachable(settings)
    lock = _hold(home, port)
    _check_port(port)
    if settings.ui_url is None:
        os.environ["ASSETGEN_UI_URL"] = f"http://127.0.0.1:{port}"
    print(f"Dagster UI: http://127.0.0.1:{port} (instance in {home}; Ctrl-C ends it)", flush=True)
    # A newcomer's terminal is for what is wrong; how every service starts is of use to nobody.
    ignored = [os.environ.get("PYTHONWARNINGS"), _SUPERSEDED]
    os.environ["PYTHONWARNINGS"] = ",".join(filter(None, ignored))
    options = ["--workspace", str(PROJECT_ROOT / "workspace.yaml"), "--log-level", "warning"]
    os.set_inheritable(lock.fd, True)  # Dagster goes on holding it
    _become(home, "dagster", "dev", "--host", "127.0.0.1", "--port", str(port), *options)


def become_worker(settings: Settings, *, slots: int, name: str) -> None:
    """Becomes a Celery worker that carries out runs.

    Args:
        settings: The settings in force.
        slots: Runs at once.
        name: What the worker is called on this machine.

    Raises:
        AssetgenError: No broker is named, or the instance cannot be used.
    """
    if settings.broker is None:
        raise AssetgenError(
            "Set ASSETGEN_BROKER_URL to the Redis from which workers take runs; see docs/deploy.md.",
            code=Code.NO_BROKER,
        )
    home = prepare_dagster_home(settings)
    check_storage_reachable(settings)
    options = ["--concurrency", str(slots), "--hostname", f"{name}@%h", "--loglevel", "INFO"]
    quiet = ["--without-gossip", "--without-mingle"]  # workers have nothing to tell each other
    _become(home, "celery", "--app", "assetgen_dagster.launchers.celery.app", "worker", *options, *quiet)


def _hold(home: Path, port: int) -> FileLock:
    """Takes the instance for the process that this one becomes; the lock ends with it."""
    lock = FileLock(home / _DEV_LOCK)
    try:
        ours = lock.try_acquire()
    except OSError as error:
        raise unwritable(lock.path, error) from error
    if not ours:
        other = lock.holder()
        raise AssetgenError(
            f"assetgen dev (make dev) is at work with the instance in {home} already: process "
            f"{other.get('pid', 'unknown')}, http://127.0.0.1:{other.get('port', 'unknown')}. Use that one, or end it "
            "first with Ctrl-C: two daemons on one instance would start runs twice.",
            code=Code.DEV_RUNNING,
        )
    lock.describe(pid=os.getpid(), port=port)
    return lock


def _check_port(port: int) -> None:
    # Dagster's UI would fail later, and its daemon work on, beside the one that has the port.
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
    # Dagster would copy the .env of the folder it runs in into its environment, once; runs read .env anew.
    os.chdir(home)
    os.environ.setdefault("DAGSTER_DISABLE_TELEMETRY", "yes")
    path = str(Path(sys.executable).with_name(program))
    os.execv(path, [path, *arguments])  # noqa: S606 - no shell is the point: signals reach the program itself
