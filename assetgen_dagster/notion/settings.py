"""The settings of the task board: the token, the database, and the names of its columns and statuses."""

from collections.abc import Mapping
from dataclasses import dataclass

from pydantic import SecretStr

from assetgen_dagster.notion.columns import COLUMNS, Column
from assetgen_dagster.settings import NONE, Settings


@dataclass(frozen=True, kw_only=True)
class NotionSettings:
    """Settings of one task board.

    Attributes:
        token: The integration's secret (``NOTION_TOKEN``).
        database_id: Of the database or of one of its data sources, or the link to it (``NOTION_DATABASE_ID``).
        base_url: Another endpoint (tests, proxies); None means Notion's.
        ui_url: Address of the Dagster UI without a trailing slash; None to report runs without links.
        properties: The name of each property; empty for a disabled optional one.
        status_trigger: The statuses that ask for pictures; those that the database does not have are left out.
        status_ready: Reported when all pictures are there.
        status_error: Reported when a run failed.
        status_budget: Reported when a run waits for room in the budget; None for ``status_error``.
        status_drawing: Reported when a run starts; None if the producer wants no such status.
        review_sheet: Whether the contact sheet and a table of the pictures go onto the row's page.
    """

    token: SecretStr
    database_id: str
    base_url: str | None
    ui_url: str | None
    properties: Mapping[Column, str]
    status_trigger: tuple[str, ...]
    status_ready: str
    status_error: str
    status_budget: str | None
    status_drawing: str | None
    review_sheet: bool

    def name_of(self, column: Column) -> str:
        """Returns the name of a property; empty if it is disabled."""
        return self.properties[column]

    def run_url(self, run_id: str) -> str | None:
        """Returns the link to a run in the Dagster UI; None if the UI's address is not set."""
        return f"{self.ui_url}/runs/{run_id}" if self.ui_url else None

    @property
    def status_asking(self) -> frozenset[str]:
        """The statuses of a row whose pictures are wanted: still to be drawn, or being drawn."""
        return frozenset({*self.status_trigger, *([self.status_drawing] if self.status_drawing else [])})

    @property
    def status_reported(self) -> frozenset[str]:
        """The statuses that report the end of a run."""
        return frozenset({self.status_ready, self.status_error, self.status_waiting})

    @property
    def status_waiting(self) -> str:
        """The status of a row that waits for room in the budget."""
        return self.status_budget or self.status_error

    def statuses(self) -> dict[str, str]:
        """Returns the statuses that are reported, by the setting that names each."""
        named = {"NOTION_STATUS_READY": self.status_ready, "NOTION_STATUS_ERROR": self.status_error}
        named |= {"NOTION_STATUS_BUDGET": self.status_budget} if self.status_budget else {}
        return named | ({"NOTION_STATUS_DRAWING": self.status_drawing} if self.status_drawing else {})


def split_names(text: str) -> tuple[str, ...]:
    """Returns the names in a comma-separated setting; Notion's options hold no commas themselves."""
    return tuple(dict.fromkeys(name.strip() for name in text.split(",") if name.strip()))


def notion_settings(settings: Settings) -> NotionSettings | None:
    """Returns the settings of the task board; None if Notion is not set up."""
    return None if settings.notion_database_id is None else settings_of_database(settings, settings.notion_database_id)


def settings_of_database(settings: Settings, database_id: str) -> NotionSettings | None:
    """Returns the settings for any database, such as one that does not exist yet; None without a token."""
    if settings.notion_token is None:
        return None
    return NotionSettings(
        token=settings.notion_token,
        database_id=database_id,
        base_url=settings.notion_base_url,
        ui_url=settings.ui_url,
        properties={column: _property_name(settings, column) for column in COLUMNS},
        status_trigger=split_names(settings.notion_status_trigger),
        status_ready=settings.notion_status_ready,
        status_error=settings.notion_status_error,
        status_budget=None if settings.notion_status_budget == NONE else settings.notion_status_budget,
        status_drawing=None if settings.notion_status_drawing == NONE else settings.notion_status_drawing,
        review_sheet=settings.notion_review_sheet,
    )


def _property_name(settings: Settings, column: Column) -> str:
    name: str = getattr(settings, column.field)
    return "" if name == NONE and not column.required else name
