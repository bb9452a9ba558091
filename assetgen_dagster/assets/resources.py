"""The resources of assets and sensors: the settings and the task board."""

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
    """Settings from a callable instead of the environment.

    Args:
        source: Returns the settings.
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
            total_seconds: Time limit of all its calls together.
            schema: The database's columns, if known.
        """
        return TaskBoard(settings, total_seconds=total_seconds, schema=schema)

    def check(self, settings: NotionSettings | None) -> None:
        """Checks what can be known without a request: that token, address and proxy can be used.

        Raises:
            BoardError: One of them cannot.
        """
        if settings is not None:
            self.open(settings).close()
