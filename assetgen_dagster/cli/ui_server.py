"""The Dagster UI's server, behind ``ui_guard``."""

import logging
import os
import signal
from pathlib import Path

import uvicorn
from dagster import DagsterInstance
from dagster._core.workspace.context import WorkspaceProcessContext
from dagster._core.workspace.load_target import WorkspaceFileTarget
from dagster_webserver.app import create_app_from_workspace_process_context
from dagster_webserver.version import __version__

from assetgen_dagster.cli.dagster_home import check_storage_reachable, prepare_dagster_home
from assetgen_dagster.cli.ui_guard import UIGuard
from assetgen_dagster.settings import Settings

#: The defaults of ``dagster-webserver``.
_STATEMENT_MILLISECONDS = 15_000
_POOL_RECYCLE_SECONDS = 3600
_POOL_OVERFLOW = 20
_POLL_MILLISECONDS = 2000

#: For pages that are open when it ends.
_LONGEST_STOP_SECONDS = 5


def serve_ui(settings: Settings, *, host: str, port: int, workspace: Path) -> None:
    """Serves the UI of the instance in ``DAGSTER_HOME`` until SIGINT or SIGTERM.

    Args:
        settings: The settings in force.
        host: Address that it listens on.
        port: Port that it listens on.
        workspace: File that names the code locations.

    Raises:
        AssetgenError: The database cannot be reached.
    """
    if not os.environ.get("DAGSTER_HOME"):  # else a container's, which may name its database in another way
        prepare_dagster_home(settings)
    check_storage_reachable(settings)
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # also while it starts and stops: ends its code servers
    logging.basicConfig(format="%(asctime)s %(name)s %(levelname)s %(message)s")
    with DagsterInstance.get() as instance:
        instance.optimize_for_webserver(_STATEMENT_MILLISECONDS, _POOL_RECYCLE_SECONDS, _POOL_OVERFLOW)
        target = WorkspaceFileTarget([str(workspace)])
        with WorkspaceProcessContext(instance, target, __version__, code_server_log_level="warning") as context:
            app = create_app_from_workspace_process_context(context, live_data_poll_rate=_POLL_MILLISECONDS)
            guarded = UIGuard(app, settings.ui_hosts)
            uvicorn.run(
                guarded,
                host=host,
                port=port,
                log_level="warning",
                lifespan="off",
                timeout_graceful_shutdown=_LONGEST_STOP_SECONDS,
            )
