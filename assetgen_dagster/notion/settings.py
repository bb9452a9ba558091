"""What the task board needs to know: the token, the database, and what its columns and statuses are called."""

from collections.abc import Mapping
from dataclasses import dataclass

from pydantic import SecretStr

from assetgen_dagster.settings import NONE, Settings

#: Which environment variable names a column, by the column's role.
PROPERTY_SETTINGS: Mapping[str, str] = {
    "channel": "NOTION_PROPERTY_CHANNEL",
    "topic": "NOTION_PROPERTY_TOPIC",
    "story_direction": "NOTION_PROPERTY_STORY_DIRECTION",
    "status": "NOTION_PROPERTY_STATUS",
    "error_log": "NOTION_PROPERTY_ERROR_LOG",
    "project_id": "NOTION_PROPERTY_PROJECT_ID",
    "cost": "NOTION_PROPERTY_COST",
    "pictures": "NOTION_PROPERTY_PICTURES",
    "run": "NOTION_PROPERTY_RUN",
    "regenerate": "NOTION_PROPERTY_REGENERATE",
    "redraw": "NOTION_PROPERTY_REDRAW",
    "redraw_remark": "NOTION_PROPERTY_REDRAW_REMARK",
}

#: Columns without which there is nothing to draw, or nowhere to report to.
REQUIRED = ("channel", "topic", "story_direction", "status", "error_log")


@dataclass(frozen=True, kw_only=True)
class NotionSettings:
    """Settings of one task board.

    Attributes:
        token: The integration's secret (``NOTION_TOKEN``).
        database_id: Of the database or of one of its data sources, or the link to it (``NOTION_DATABASE_ID``).
        base_url: Another endpoint (tests, proxies); None means Notion's.
        ui_url: Address of the Dagster UI, without a slash at its end; None where runs are not to be links.
        channel: Name of the column that holds the channel; so for the other columns. An empty name switches one of
            the optional columns off.
        topic: What the video is about.
        story_direction: How it is to be told.
        status: Of type status or select.
        error_log: Where the reason of a failure goes.
        project_id: Optional; without it the page's id is the project's.
        cost: Optional.
        pictures: Optional: how many of the project's pictures are there.
        run: Optional: the last finished run.
        regenerate: Optional.
        redraw: Optional: pictures that are to be drawn again.
        redraw_remark: Optional: what is to be different about them.
        status_trigger: The statuses that ask for pictures; those that the database does not have are left out.
        status_ready: Reported when all pictures are there.
        status_error: Reported when they are not.
        status_budget: Reported when a run waits for room in the budget; None for ``status_error``.
        status_drawing: Reported when a run starts; None where the producer wants no such status.
        review_sheet: Whether the contact sheet and a table of the pictures go onto the row's page.
    """

    token: SecretStr
    database_id: str
    base_url: str | None = None
    ui_url: str | None = None
    channel: str = "Channel"
    topic: str = "Topic"
    story_direction: str = "Story Direction"
    status: str = "Status"
    error_log: str = "Error Log"
    project_id: str = "Project ID"
    cost: str = "Cost (USD)"
    pictures: str = "Pictures"
    run: str = "Run"
    regenerate: str = "Regenerate"
    redraw: str = "Redraw"
    redraw_remark: str = "Redraw Remark"
    status_trigger: tuple[str, ...] = ("Generating Assets", "Assets Generating")
    status_ready: str = "Assets Ready"
    status_error: str = "Asset Error"
    status_budget: str | None = None
    status_drawing: str | None = None
    review_sheet: bool = True

    def property_name(self, role: str) -> str:
        """Returns what a role's column is called."""
        return str(getattr(self, role))

    def run_url(self, run_id: str) -> str | None:
        """Returns the page of a run in the Dagster UI, if it is known where that is."""
        return f"{self.ui_url}/runs/{run_id}" if self.ui_url else None

    @property
    def status_asking(self) -> frozenset[str]:
        """The statuses of a row whose pictures are wanted: still to be drawn, or being drawn."""
        return frozenset({*self.status_trigger, *([self.status_drawing] if self.status_drawing else [])})

    @property
    def status_told(self) -> frozenset[str]:
        """The statuses that tell how a run ended."""
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
    """Returns what the task board needs to know; None where Notion is not set up."""
    return None if settings.notion_database_id is None else settings_of_database(settings, settings.notion_database_id)


def settings_of_database(settings: Settings, database_id: str) -> NotionSettings | None:
    """Returns the same for another database, be it one that is still to be made; None without a token."""
    if settings.notion_token is None:
        return None
    return NotionSettings(
        token=settings.notion_token,
        database_id=database_id,
        base_url=settings.notion_base_url,
        ui_url=settings.ui_url,
        **{role: _property_name(settings, role) for role in PROPERTY_SETTINGS},
        status_trigger=split_names(settings.notion_status_trigger),
        status_ready=settings.notion_status_ready,
        status_error=settings.notion_status_error,
        status_budget=None if settings.notion_status_budget == NONE else settings.notion_status_budget,
        status_drawing=None if settings.notion_status_drawing == NONE else settings.notion_status_drawing,
        review_sheet=settings.notion_review_sheet,
    )


def _property_name(settings: Settings, role: str) -> str:
    """Returns what a column is called; empty for an optional one that is not to be used."""
    name: str = getattr(settings, f"notion_property_{role}")
    return "" if name == NONE and role not in REQUIRED else name
