"""A row of the task board, read from a page whatever types its columns have."""

import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from assetgen_dagster.notion.errors import BoardError
from assetgen_dagster.notion.schema import Schema
from assetgen_dagster.notion.values import number, plain_text


@dataclass(frozen=True)
class Row:
    """One video's row. Texts are empty where the cell is, or where the database has no such column.

    Attributes:
        page_id: With dashes, as Notion writes it.
        url: The row's page.
        channel: As entered, without spaces around it.
        project_id: Likewise; the page's id without dashes where there is none.
        topic: What the video is about.
        story_direction: How it is to be told.
        status: Name of the option.
        cost: What the project cost so far, as last reported.
        run: Text of the run's column: the id of the last finished run, or a link that holds it.
        regenerate: Name of the option: "All", "Missing or changed".
        redraw: What is to be drawn again, as entered.
        error_log: As it stands.
        created: When the row was made, to the minute.
        last_edited: When it was last changed by anyone, to the minute; for a row in trigger status the best there is
            for when it was asked for.
        archived: Whether it is in the trash.
        redraw_remark: What is to be different about those, as entered.
    """

    page_id: str
    url: str
    channel: str
    project_id: str
    topic: str
    story_direction: str
    status: str
    cost: float | None
    run: str
    regenerate: str
    redraw: str
    error_log: str
    created: datetime
    last_edited: datetime
    archived: bool = False
    redraw_remark: str = ""

    @property
    def age(self) -> tuple[datetime, datetime, str]:
        """What rows are sorted by to have the oldest request first."""
        return (self.last_edited, self.created, self.page_id)


def read_row(page: Mapping[str, Any], schema: Schema) -> Row:
    """Returns the row that a page is.

    Raises:
        BoardError: The integration gets to see that there is a page, but not what is in it.
    """
    cells = page.get("properties")
    if not isinstance(cells, Mapping) or "created_time" not in page:
        raise BoardError(
            "Notion shows the integration no properties. At notion.so/profile/integrations, in the integration's "
            "Capabilities, tick Read content.",
            code="notion_rights",
            setting="NOTION_TOKEN",
        )

    def text(role: str) -> str:
        column = schema.columns.get(role)
        return plain_text(cells.get(column.name, {})).strip() if column else ""

    cost = schema.columns.get("cost")
    return Row(
        page_id=page["id"],
        url=page.get("url", ""),
        channel=text("channel"),
        project_id=text("project_id") or uuid.UUID(page["id"]).hex,
        topic=text("topic"),
        story_direction=text("story_direction"),
        status=text("status"),
        cost=number(cells.get(cost.name, {})) if cost else None,
        run=text("run"),
        regenerate=text("regenerate"),
        redraw=text("redraw"),
        redraw_remark=text("redraw_remark"),
        error_log=text("error_log"),
        created=_moment(page["created_time"]),
        last_edited=_moment(page["last_edited_time"]),
        # 2025-09-03 has both names, and later versions have only the second.
        archived=bool(page.get("archived") or page.get("in_trash")),
    )


def _moment(text: str) -> datetime:
    moment = datetime.fromisoformat(text)
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
