"""A database's columns and statuses, held against the settings: pure functions, every fault at once, in plain words."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from assetgen_dagster.notion.errors import BoardError
from assetgen_dagster.notion.settings import PROPERTY_SETTINGS, REQUIRED, NotionSettings
from assetgen_dagster.notion.values import READABLE

_CLEARABLE = frozenset({"select", "multi_select", "rich_text", "checkbox"})

#: Which types serve for which column.
TYPES: Mapping[str, frozenset[str]] = {
    "channel": READABLE,
    "topic": READABLE,
    "story_direction": READABLE,
    "status": frozenset({"status", "select"}),
    "error_log": frozenset({"rich_text"}),
    "project_id": READABLE,
    "cost": frozenset({"number"}),
    "pictures": frozenset({"number"}),
    "run": frozenset({"rich_text", "url"}),
    "regenerate": _CLEARABLE,
    "redraw": _CLEARABLE - {"checkbox"},
    "redraw_remark": _CLEARABLE - {"checkbox"},
}

#: Columns that reading a row needs.
TO_READ = tuple(PROPERTY_SETTINGS)

TRIGGER = "NOTION_STATUS_TRIGGER"
DRAWING = "NOTION_STATUS_DRAWING"


@dataclass(frozen=True)
class Column:
    """A property of the database that plays a role.

    Attributes:
        name: As the producer called it.
        id: Stays when the name changes.
        type: Notion's.
        options: Names of its choices, where it has any.
    """

    name: str
    id: str
    type: str
    options: tuple[str, ...] = ()


@dataclass(frozen=True)
class Schema:
    """What a data source has of that which the settings name.

    Attributes:
        source_id: The data source.
        columns: By role; optional ones may be missing.
        triggers: The trigger statuses that exist.
        faults: What does not fit, by role or by the setting that names a status.
    """

    source_id: str
    columns: Mapping[str, Column]
    triggers: tuple[str, ...]
    faults: Mapping[str, BoardError]

    def require(self, keys: Iterable[str] | None = None) -> None:
        """Raises what stands in the way.

        Args:
            keys: Roles, or settings that name statuses; all of them unless given.

        Raises:
            BoardError: The first fault, with the others' sentences behind it.
        """
        wanted = self.faults if keys is None else set(keys)
        found = [fault for key, fault in self.faults.items() if key in wanted]
        if found:
            raise BoardError(" ".join(fault.message for fault in found), code=found[0].code, setting=found[0].setting)

    def fits(self, page: Mapping[str, Any], settings: NotionSettings) -> bool:
        """Returns whether a page has the columns as they were when the schema was read: none renamed, none added."""
        cells = page.get("properties") or {}
        known = {role: column.type for role, column in self.columns.items()}
        names = {role: settings.property_name(role) for role in TYPES}
        there = {role: cells[name]["type"] for role, name in names.items() if name in cells}
        return not cells or known == there


def read_schema(source_id: str, properties: Mapping[str, Any], settings: NotionSettings) -> Schema:
    """Returns what a data source's properties mean by the settings, faults included.

    Args:
        source_id: The data source.
        properties: As ``data_sources.retrieve`` answers them.
        settings: What columns and statuses are called.
    """
    columns: dict[str, Column] = {}
    faults: dict[str, BoardError] = {}
    for role, types in TYPES.items():
        name, setting = settings.property_name(role), PROPERTY_SETTINGS[role]
        given = properties.get(name) if name else None
        if given is None:
            if role in REQUIRED:
                faults[role] = _missing(name, setting, properties)
        elif given["type"] not in types:
            faults[role] = _wrong_type(name, setting, given["type"], types, optional=role not in REQUIRED)
        else:
            columns[role] = _column(given)
    triggers: tuple[str, ...] = ()
    if status := columns.get("status"):
        triggers = tuple(name for name in settings.status_trigger if name in status.options)
        if not triggers:
            faults[TRIGGER] = _no_option(status, " or ".join(map(repr, settings.status_trigger)), TRIGGER)
        for setting, name in settings.statuses().items():
            if name not in status.options:
                faults[setting] = _no_option(status, repr(name), setting)
    return Schema(source_id, columns, triggers, faults)


def _column(given: Mapping[str, Any]) -> Column:
    options = (given.get(given["type"]) or {}).get("options", ())
    return Column(given["name"], given["id"], given["type"], tuple(option["name"] for option in options))


def _missing(name: str, setting: str, properties: Mapping[str, Any]) -> BoardError:
    if not name:
        return BoardError(
            f"{setting} is empty: set it to the name of a property.", code="notion_property", setting=setting
        )
    return BoardError(
        f"The Notion database has no property {name!r} (renamed?). Rename it back, or set {setting} to its new name. "
        f"There are: {_listed(properties)}.",
        code="notion_property",
        setting=setting,
    )


def _wrong_type(name: str, setting: str, kind: str, types: Iterable[str], *, optional: bool) -> BoardError:
    without = ", or to none to do without" if optional else ""
    return BoardError(
        f"The Notion property {name!r} is of type {kind}; it must be {' or '.join(sorted(types))}. Change its type in "
        f"Notion, or set {setting} to another property{without}.",
        code="notion_property",
        setting=setting,
    )


def _no_option(status: Column, wanted: str, setting: str) -> BoardError:
    return BoardError(
        f"The Notion property {status.name!r} has no option {wanted} (renamed or removed?). Add it in Notion, or set "
        f"{setting} to one of: {_listed(status.options)}.",
        code="notion_option",
        setting=setting,
    )


def _listed(names: Iterable[str]) -> str:
    return ", ".join(names) or "none"
