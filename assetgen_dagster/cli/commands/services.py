"""Commands that start services, or set something up."""

import io
from pathlib import Path
from typing import Annotated

import typer

from assetgen_dagster.cli.terminal import stdout
from assetgen_dagster.errors import AssetgenError, Code


def demo(
    *,
    latency: Annotated[float, typer.Option(help="Seconds the emulator for Gemini takes for a picture.")] = 1.5,
    ui: Annotated[bool, typer.Option("--ui", help="Keep the Dagster UI open at the end.")] = False,
    folder: Annotated[Path | None, typer.Option(help="The demo's folder, demo/ by default; emptied first.")] = None,
) -> None:
    """Draw two videos from a task board, with emulators for Notion and Gemini: no key, no cost.

    Example: assetgen demo --ui
    """
    from assetgen_dagster.cli.demo import run_demo
    from assetgen_dagster.settings import PROJECT_ROOT, load_settings

    where = (folder or PROJECT_ROOT / "demo").resolve()
    run_demo(stdout(), load_settings(), folder=where, latency_seconds=latency, stay=ui)


def dev(
    port: Annotated[int, typer.Option(min=0, max=65535, help="Port of the Dagster UI on 127.0.0.1.")] = 3000,
) -> None:
    """Start the Dagster UI and the daemon, on this machine only.

    Example: assetgen dev --port 3001
    """
    from assetgen_dagster.cli.dev import run_dev
    from assetgen_dagster.settings import load_settings

    run_dev(port, load_settings())


def webserver(
    host: Annotated[str, typer.Option("--host", "-h", help="Address that it listens on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option("--port", "-p", min=0, max=65535, help="Port that it listens on.")] = 3000,
    workspace: Annotated[
        Path | None,
        typer.Option("--workspace", "-w", exists=True, dir_okay=False, help="File that names the code locations."),
    ] = None,
) -> None:
    """Serve the Dagster UI alone, to its own pages only: in place of dagster-webserver, which answers every web page.

    Example: assetgen webserver --host 0.0.0.0 --workspace deploy/compose/workspace.yaml
    """
    from assetgen_dagster.cli.ui_server import serve_ui
    from assetgen_dagster.settings import PROJECT_ROOT, load_settings

    serve_ui(load_settings(), host=host, port=port, workspace=workspace or PROJECT_ROOT / "workspace.yaml")


def worker(
    slots: Annotated[int, typer.Option(min=1, max=64, help="Concurrent runs on this machine.")] = 3,
    name: Annotated[str, typer.Option(help="Name of this worker; must be unique on this machine.")] = "worker",
) -> None:
    """Carry out runs that another machine queues. SIGTERM ends it when its current runs are finished.

    Example: assetgen worker --slots 3
    """
    from assetgen_dagster.cli.worker import become_worker
    from assetgen_dagster.settings import load_settings

    become_worker(load_settings(), slots=slots, name=name)


def init_notion(
    parent: Annotated[str, typer.Option(help="Page that is shared with the integration: its id or link.")],
) -> None:
    r"""Create a Notion database with the properties and statuses that the settings name.

    Example: assetgen init-notion \
    --parent https://www.notion.so/Videos-0123456789abcdef0123456789abcdef
    """
    from assetgen_dagster.notion.create import create_database
    from assetgen_dagster.notion.settings import settings_of_database
    from assetgen_dagster.settings import load_settings
    from assetgen_dagster.support.log import configure_logging

    settings = settings_of_database(load_settings(), "")
    if settings is None:
        raise AssetgenError(
            "Set NOTION_TOKEN to the integration's secret first (notion.so/profile/integrations).",
            code=Code.NOTION_TOKEN,
        )
    configure_logging(io.StringIO())
    made = create_database(settings, parent=parent)
    print(f"Created the database {made.title}: {made.url}")
    if settings.ui_url is None:
        print("For links from its rows to their runs, set ASSETGEN_UI_URL to the address of the Dagster UI.")
    print(f"Its id is {made.database_id}. Put this line into .env:\nNOTION_DATABASE_ID={made.database_id}")
