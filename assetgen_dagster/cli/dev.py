"""``assetgen dev``: the Dagster UI behind its guard, the daemon, and one set of code servers for both.

What ``dagster dev`` does, which cannot serve a UI other than its own.
"""

import contextlib
import errno
import os
import signal
import socket
import sys
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from tempfile import TemporaryDirectory

import psutil
import yaml
from dagster import DagsterInstance
from dagster._cli.proxy_server_manager import ProxyServerManager
from dagster._core.workspace.load_target import WorkspaceFileTarget

from assetgen_dagster.cli.dagster_home import check_storage_reachable, prepare_dagster_home
from assetgen_dagster.errors import AssetgenError, Code
from assetgen_dagster.project.file_lock import FileLock
from assetgen_dagster.project.workspace import unwritable
from assetgen_dagster.settings import PROJECT_ROOT, Settings

_HOST = "127.0.0.1"

#: Only warnings and errors: the services' start-up messages would hide them.
_LOG_LEVEL = "warning"

#: Lock in ``DAGSTER_HOME``, held while ``assetgen dev`` runs: Dagster itself only warns about a second daemon.
_LOCK = "dev.lock"

_POLL_SECONDS = 1.0
_LONGEST_STOP_SECONDS = 15.0


def run_dev(port: int, settings: Settings) -> None:
    """Runs the Dagster UI on 127.0.0.1, the daemon and the code locations, until Ctrl-C.

    Raises:
        AssetgenError: The instance cannot be used, another ``assetgen dev`` uses it, the port is taken, or a service
            ended by itself.
    """
    home = prepare_dagster_home(settings)
    check_storage_reachable(settings)
    with _lock_instance(home, port):
        _check_port(port)
        if settings.ui_url is None:
            os.environ["ASSETGEN_UI_URL"] = f"http://{_HOST}:{port}"
        # Dagster would copy the .env of its working directory into its environment once; runs must read .env anew.
        os.chdir(home)
        os.environ.setdefault("DAGSTER_DISABLE_TELEMETRY", "yes")
        os.environ["DAGSTER_IS_DEV_CLI"] = "1"  # the error of a code location is logged once
        # Started with "&", SIGINT is ignored, by the services as well.
        for ending in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(ending, signal.default_int_handler)
        print(f"Dagster UI: http://{_HOST}:{port} (instance in {home}; Ctrl-C ends it)", flush=True)
        with contextlib.suppress(KeyboardInterrupt), _code_servers() as workspace:
            load = ["--workspace", str(workspace)]
            ui = [sys.executable, "-m", "assetgen_dagster", "webserver", "--host", _HOST, "--port", str(port)]
            daemon = [str(Path(sys.executable).with_name("dagster-daemon")), "run", "--log-level", _LOG_LEVEL]
            _supervise({"UI": [*ui, *load], "daemon": [*daemon, *load]})


@contextlib.contextmanager
def _code_servers() -> Iterator[Path]:
    """Runs the code servers; yields a workspace file that leads to them."""
    target = WorkspaceFileTarget([str(PROJECT_ROOT / "workspace.yaml")])
    with (
        DagsterInstance.get() as instance,
        ProxyServerManager(instance, target, code_server_log_level=_LOG_LEVEL) as servers,
        TemporaryDirectory() as folder,
    ):
        workspace = Path(folder) / "workspace.yaml"
        workspace.write_text(yaml.safe_dump({"load_from": servers.get_code_server_specs()}))
        yield workspace


def _supervise(commands: Mapping[str, list[str]]) -> None:
    """Runs the services until SIGINT or SIGTERM, or until one ends by itself."""
    services: dict[str, psutil.Popen] = {}
    try:
        for name, command in commands.items():
            services[name] = psutil.Popen(command)
        while True:
            time.sleep(_POLL_SECONDS)
            for name, service in services.items():
                if (code := service.poll()) is not None:
                    text = f"The {name} ended by itself, with exit code {code}; what it printed is above."
                    raise AssetgenError(text, code=Code.DEV_SERVICE)
    finally:
        for service in services.values():
            with contextlib.suppress(psutil.NoSuchProcess):
                service.terminate()
        for left in psutil.wait_procs(services.values(), timeout=_LONGEST_STOP_SECONDS)[1]:
            left.kill()


def _lock_instance(home: Path, port: int) -> FileLock:
    lock = FileLock(home / _LOCK)
    try:
        ours = lock.try_acquire()
    except OSError as error:
        raise unwritable(lock.path, error) from error
    if not ours:
        other = lock.holder()
        raise AssetgenError(
            f"assetgen dev (make dev) already runs with the instance in {home}: process {other.get('pid', 'unknown')}, "
            f"http://{_HOST}:{other.get('port', 'unknown')}. Use that one, or end it first with Ctrl-C: two daemons on "
            "one instance would start runs twice.",
            code=Code.DEV_RUNNING,
        )
    lock.describe(pid=os.getpid(), port=port)
    return lock


def _check_port(port: int) -> None:
    # Before anything is started, and with the command that helps.
    with socket.socket() as ours:
        ours.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # like the UI: a released port is free
        try:
            ours.bind((_HOST, port))
        except OSError as error:
            taken = error.errno == errno.EADDRINUSE
            why = "is taken by another program" if taken else f"cannot be used: {error.strerror}"
            another = f"make dev PORT={port + 1} or assetgen dev --port {port + 1}"
            raise AssetgenError(f"Port {port} {why}. Try {another}.", code=Code.PORT) from None
