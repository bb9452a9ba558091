"""The code location: assembles assets, job, sensors and resources."""

from typing import TextIO

import dagster as dg

from assetgen_dagster.assets.images import build_images
from assetgen_dagster.assets.keys import JOB_NAME
from assetgen_dagster.assets.labels import labelled
from assetgen_dagster.assets.manifest import asset_manifest
from assetgen_dagster.assets.ready import build_assets_ready
from assetgen_dagster.assets.resources import SettingsResource, TaskBoardResource
from assetgen_dagster.assets.session import Listener, RunSession
from assetgen_dagster.assets.sheet import build_contact_sheet
from assetgen_dagster.providers.registry import provider_of
from assetgen_dagster.sensors.exit_handlers import resolve_scripts_once
from assetgen_dagster.sensors.log_retention import log_retention
from assetgen_dagster.sensors.notion_outcomes import notion_outcomes
from assetgen_dagster.sensors.notion_tasks import notion_tasks
from assetgen_dagster.sensors.project_upkeep import project_upkeep
from assetgen_dagster.sensors.refresh import refresh_project_assets

#: All sensors; ``assetgen doctor`` checks whether each one ticks.
SENSORS = (notion_tasks, notion_outcomes, project_upkeep, log_retention)


def build_definitions(
    *,
    settings: SettingsResource | None = None,
    board: TaskBoardResource | None = None,
    listener: Listener | None = None,
    log_stream: TextIO | None = None,
) -> dg.Definitions:
    """Returns the code location; each argument overrides a default.

    Args:
        settings: Loads the settings; by default from environment and ``.env``. The number of image assets and their
            owner are fixed when the code location is loaded.
        board: Opens the task board.
        listener: Receives the events of a drawing, in the run's process; for a progress display.
        log_stream: Receives the runs' log; by default stderr, which Dagster keeps with the run.

    Raises:
        AssetgenError: A setting cannot be used.
    """
    source, boards = settings or SettingsResource(), board or TaskBoardResource()
    loaded = source.load()
    slots, provider = loaded.image_slots, provider_of(loaded)
    assets = [
        labelled(asset, loaded)
        for asset in (
            asset_manifest,
            build_images(slots, provider.name.lower()),
            build_assets_ready(slots),
            build_contact_sheet(slots),
        )
    ]
    return dg.Definitions(
        assets=assets,
        jobs=[
            dg.define_asset_job(
                JOB_NAME,
                selection=dg.AssetSelection.assets(*assets),
                description="Draws a project's missing pictures, or all of them again; see mode.",
            ),
            refresh_project_assets,
        ],
        sensors=SENSORS,
        resources={
            "assetgen_settings": source,
            "task_board": boards,
            "session": RunSession(settings=source, board=boards, listener=listener, log_stream=log_stream),
        },
        # One process per run, also for runs from the UI.
        executor=dg.in_process_executor,
    )


resolve_scripts_once()
defs = build_definitions()
