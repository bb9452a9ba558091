"""The properties of the task board: one entry each, with everything that is specific to it.

Reading and writing rows, ``assetgen init-notion`` and ``assetgen doctor`` go through ``COLUMNS``. A new property takes
an entry here and a setting ``notion_property_<role>`` with its usual name; one that is read also a field in ``Row``,
one that shows a number also its value in ``figures_of``.
"""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from assetgen_dagster.errors import Code
from assetgen_dagster.notion import values
from assetgen_dagster.notion.errors import BoardError
from assetgen_dagster.project.records import PictureFacts, ProjectRecords

Json = dict[str, Any]

#: Written to an order (``REGENERATE``, ``REDRAW``, ``REDRAW_REMARK``), it empties the cell.
CLEARED = ""

#: The options of ``REGENERATE``; see ``Row.mode``.
REGENERATE_OPTIONS = ("All", "Missing or changed")


@dataclass(frozen=True)
class Property:
    """A property of the database.

    Attributes:
        name: What the producer calls it.
        id: Stays the same when the name changes.
        type: Notion's type.
        options: Names of its options, if the type has options.
    """

    name: str
    id: str
    type: str
    options: tuple[str, ...] = ()


@dataclass(frozen=True)
class RunLink:
    """The last finished run.

    Attributes:
        run_id: Dagster's id.
        url: Its page in the UI, if producers can open it.
    """

    run_id: str
    url: str | None = None


def _read_only(_: Property, value: object) -> Json | None:
    raise TypeError(f"This column is only read; it cannot be set to {value!r}.")


@dataclass(frozen=True, eq=False, kw_only=True)
class Column:
    """The role of a property.

    Attributes:
        role: Names it in settings and rows.
        types: Property types that it can be read from, or written to if it is written.
        created: How ``init-notion`` creates it; the options of ``STATUS`` are added there.
        required: Whether the board is unusable without it.
        write: Returns a value as the API takes it; None if the value cannot be stored.
    """

    role: str
    types: frozenset[str]
    created: Json
    required: bool = False
    write: Callable[[Property, Any], Json | None] = _read_only

    def __repr__(self) -> str:
        return f"<Column {self.role}>"

    @property
    def setting(self) -> str:
        """The environment variable that names the property."""
        return f"NOTION_PROPERTY_{self.role.upper()}"

    @property
    def field(self) -> str:
        """The same as a field of ``Settings``."""
        return f"notion_property_{self.role}"


#: New values for a row, all of them written in one update; None leaves a cell unchanged.
RowUpdate = Mapping[Column, str | float | RunLink | None]

#: The columns of a row that hold numbers about its project; None where the number is unknown.
Figures = Mapping[Column, float | None]


def _option(found: Property, name: str) -> Json:
    if name not in found.options:
        raise BoardError(
            f"{name!r} is not an option of {found.name!r}: {', '.join(found.options)}.", code=Code.NOTION_OPTION
        )
    return values.choice(found.type, name)


def _text(found: Property, text: str) -> Json:
    return {found.type: values.rich_text(text)}


def _number(found: Property, number: float) -> Json | None:
    return {found.type: round(number, 4)} if math.isfinite(number) else None


def _run(found: Property, run: RunLink) -> Json:
    if found.type == "url":
        return {"url": run.url or run.run_id}
    return {found.type: values.rich_text(run.run_id, link=run.url)}


def _clear(found: Property, value: str) -> Json:
    if value != CLEARED:
        raise ValueError(f"{found.name!r} belongs to the producer; it can only be cleared, not set to {value!r}.")
    return values.cleared(found.type)


_RICH_TEXT = frozenset({"rich_text"})
_NUMBER = frozenset({"number"})
_ORDER = frozenset({"select", "multi_select", "rich_text"})

TOPIC = Column(role="topic", types=values.READABLE, created={"title": {}}, required=True)
CHANNEL = Column(role="channel", types=values.READABLE, created={"select": {"options": []}}, required=True)
PROJECT_ID = Column(role="project_id", types=values.READABLE, created={"rich_text": {}})
STORY_DIRECTION = Column(role="story_direction", types=values.READABLE, created={"rich_text": {}}, required=True)
STATUS = Column(
    role="status",
    types=frozenset({"status", "select"}),
    # The API cannot set the options of a status property; a select serves as well.
    created={"select": {"options": []}},
    required=True,
    write=_option,
)
ERROR_LOG = Column(role="error_log", types=_RICH_TEXT, created={"rich_text": {}}, required=True, write=_text)
COST = Column(role="cost", types=_NUMBER, created={"number": {"format": "dollar"}}, write=_number)
PICTURES = Column(role="pictures", types=_NUMBER, created={"number": {"format": "number"}}, write=_number)
RUN = Column(
    role="run",
    types=frozenset({"rich_text", "url"}),
    # Not a url: without a link it would have to hold a bare run id.
    created={"rich_text": {}},
    write=_run,
)
REGENERATE = Column(
    role="regenerate",
    types=_ORDER | {"checkbox"},
    created={"select": {"options": [{"name": name} for name in REGENERATE_OPTIONS]}},
    write=_clear,
)
REDRAW = Column(role="redraw", types=_ORDER, created={"rich_text": {}}, write=_clear)
REDRAW_REMARK = Column(role="redraw_remark", types=_ORDER, created={"rich_text": {}}, write=_clear)

#: In the order in which ``init-notion`` creates them.
COLUMNS = (
    TOPIC,
    CHANNEL,
    PROJECT_ID,
    STORY_DIRECTION,
    STATUS,
    ERROR_LOG,
    COST,
    PICTURES,
    RUN,
    REGENERATE,
    REDRAW,
    REDRAW_REMARK,
)


def figures_of(records: ProjectRecords, pictures: Mapping[str, PictureFacts | None] | None = None) -> Figures:
    """Returns a project's figures.

    Args:
        records: The project's records.
        pictures: The picture files' facts, from ``measured_pictures``; None while the manifest is unknown.
    """
    return {
        COST: records.total_usd(),
        PICTURES: None if pictures is None else sum(facts is not None for facts in pictures.values()),
    }
