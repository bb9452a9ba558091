"""A row of the task board, read from a page whatever types its columns have."""

import uuid
from collections.abc import Mapping
from dataclasses import dataclass, fields
from datetime import UTC, datetime
from typing import Any

from assetgen_dagster.errors import Code
from assetgen_dagster.notion.columns import COLUMNS
from assetgen_dagster.notion.errors import BoardError
from assetgen_dagster.notion.schema import Schema
from assetgen_dagster.notion.values import plain_text

#: What the column Regenerate may say, and the mode that it asks for: without it, an error is resumed and what is
#: complete is drawn anew. A ticked checkbox reads "Yes".
_MODES = {"": "auto", "all": "regenerate", "yes": "regenerate", "missing or changed": "resume"}


@dataclass(frozen=True)
class Row:
    """One video's row. Texts are empty where the cell is, or where the database has no such column.

    Attributes:
        page_id: With dashes, as Notion writes it.
        channel: As entered, without spaces around it.
        project_id: Likewise; the page's id without dashes where there is none.
        topic: What the video is about.
        story_direction: How it is to be told.
        status: Name of the option.
        run: Text of the run's column: the id of the last finished run, or a link that holds it.
        regenerate: As chosen or entered, see ``mode``.
        redraw: What is to be drawn again, as entered.
        created: When the row was made, to the minute.
        last_edited: When it was last changed by anyone, to the minute; for a row in trigger status the best there is
            for when it was asked for.
        redraw_remark: What is to be different about those, as entered.
    """

    page_id: str
    channel: str
    project_id: str
    topic: str
    story_direction: str
    status: str
    run: str
    regenerate: str
    redraw: str
    created: datetime
    last_edited: datetime
    redraw_remark: str = ""

    @property
    def mode(self) -> str | None:
        """The mode that it asks for; None where it is not known which: a slip of the pen must not cost anything."""
        return _MODES.get(self.regenerate.strip().casefold())

    @property
    def age(self) -> tuple[datetime, datetime, str]:
        """What rows are sorted by to have the oldest request first."""
        return (self.last_edited, self.created, self.page_id)


def page_url(page_id: str) -> str:
    """Returns where a page is in Notion."""
    return f"https://www.notion.so/{page_id.replace('-', '')}"


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
            code=Code.NOTION_RIGHTS,
            setting="NOTION_TOKEN",
        )

    texts = dict.fromkeys(_ROLES, "")
    for column, found in schema.properties.items():
        if column.role in texts:
            texts[column.role] = plain_text(cells.get(found.name, {})).strip()
    texts["project_id"] = texts["project_id"] or uuid.UUID(page["id"]).hex
    return Row(
        page_id=page["id"],
        created=_moment(page["created_time"]),
        last_edited=_moment(page["last_edited_time"]),
        **texts,
    )


#: The columns that are read: those that a row has a field for.
_ROLES = {column.role for column in COLUMNS} & {field.name for field in fields(Row)}


def _moment(text: str) -> datetime:
    moment = datetime.fromisoformat(text)
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
