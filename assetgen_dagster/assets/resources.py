"""What assets and sensors are given instead of reaching for it: the settings, and the task board."""

import math
from collections.abc import Callable

import dagster as dg

from assetgen_dagster.notion.board import TaskBoard
from assetgen_dagster.notion.schema import Schema
from assetgen_dagster.notion.settings import NotionSettings
from assetgen_dagster.settings import Settings, load_settings


class SettingsResource(dg.ConfigurableResource[Settings]):
    """The settings in force, read again for each run and each tick: a changed ``.env`` needs no restart."""

    def load(self) -> Settings:
        """Returns the settings.

        Raises:
            AssetgenError: A setting cannot be used.
        """
        return load_settings()


class FixedSettings(SettingsResource):
    """Settings that were made elsewhere, whatever the environment says.

    Args:
        source: Returns them.
    """

    source: dg.ResourceDependency[Callable[[], Settings]]

    def load(self) -> Settings:
        """Returns the settings."""
        return self.source()


class TaskBoardResource(dg.ConfigurableResource[TaskBoard]):
    """Opens the task board in Notion."""

    def open(
        self, settings: NotionSettings, *, total_seconds: float = math.inf, schema: Schema | None = None
    ) -> TaskBoard:
        """Returns a board, to be closed after use.

        Args:
            settings: The board's.
            total_seconds: How long all its calls together may take.
            schema: The database's columns, if they are known.
        """
        return TaskBoard(settings, total_seconds=total_seconds, schema=schema)
