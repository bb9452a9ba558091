"""A row of the task board, read from a page with columns of any supported type."""

import hashlib
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

#: The values of the column Regenerate and their modes. By default a failed project is resumed and a complete one is
#: drawn anew. A ticked checkbox reads "Yes".
_MODES = {"": "auto", "all": "regenerate", "yes": "regenerate", "missing or changed": "resume"}


@dataclass(frozen=True)
class Row:
    """One video's row. Texts are empty if the cell is, or if the database has no such column.

    Attributes:
        page_id: With dashes, as Notion writes it.
        channel: As entered, without surrounding spaces.
        project_id: Likewise; by default the page's id without dashes.
        topic: The video's subject.
        story_direction: The outline of its story.
        status: Name of the option.
        run: Text of the run's column: the id of the last finished run, or a link that holds it.
        regenerate: As chosen or entered, see ``mode``.
        redraw: The pictures to draw again, as entered.
        created: When the row was made, to the minute.
        last_edited: When anyone last changed it, to the minute; for a row in trigger status the best estimate of when
            it was requested.
        redraw_remark: The changes to these pictures, as entered.
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
        """The mode that it asks for; None for an unknown value: a typo must not cost anything."""
        return _MODES.get(self.regenerate.strip().casefold())

    @property
    def digest(self) -> str:
        """Digest of everything that a run takes from the row: a row whose digest changes is being written."""
        taken = (
            self.page_id,
            self.channel,
            self.project_id,
            self.topic,
            self.story_direction,
            self.regenerate,
            self.redraw,
            self.redraw_remark,
        )
        return hashlib.sha256("\0".join(taken).encode()).hexdigest()[:12]

    @property
    def age(self) -> tuple[datetime, datetime, str]:
        """Sort key: the oldest request first."""
        return (self.last_edited, self.created, self.page_id)


def page_url(page_id: str) -> str:
    """Returns the link to a page in Notion."""
    return f"https://www.notion.so/{page_id.replace('-', '')}"


def read_row(page: Mapping[str, Any], schema: Schema) -> Row:
    """Parses a page into a row.

    Raises:
        BoardError: The integration may not read the page's contents.
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


#: The columns that are read: those with a field in ``Row``.
_ROLES = {column.role for column in COLUMNS} & {field.name for field in fields(Row)}


def _moment(text: str) -> datetime:
    moment = datetime.fromisoformat(text)
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
