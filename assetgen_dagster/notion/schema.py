"""Compares a database's columns and statuses with the settings, and reports every fault at once: pure functions."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from assetgen_dagster.errors import Code
from assetgen_dagster.notion.columns import COLUMNS, STATUS, Column, Property
from assetgen_dagster.notion.errors import BoardError
from assetgen_dagster.notion.settings import NotionSettings

#: Settings that must fit the database before a row is read.
TO_READ = tuple(column.setting for column in COLUMNS)

TRIGGER = "NOTION_STATUS_TRIGGER"
DRAWING = "NOTION_STATUS_DRAWING"


@dataclass(frozen=True)
class Schema:
    """The properties and statuses of a data source that the settings name.

    Attributes:
        source_id: The data source.
        properties: The database's property for each column; optional ones may be missing.
        triggers: The trigger statuses that exist.
        faults: The mismatches, by the setting that names the property or status.
    """

    source_id: str
    properties: Mapping[Column, Property]
    triggers: tuple[str, ...]
    faults: Mapping[str, BoardError]

    def require(self, settings: Iterable[str] | None = None) -> None:
        """Raises the faults of some settings, if there are any.

        Args:
            settings: The settings that must fit; all of them by default.

        Raises:
            BoardError: The first fault, with the messages of all.
        """
        wanted = self.faults if settings is None else set(settings)
        found = [fault for setting, fault in self.faults.items() if setting in wanted]
        if found:
            raise BoardError(" ".join(fault.message for fault in found), code=found[0].code, setting=found[0].setting)

    def fits(self, page: Mapping[str, Any], settings: NotionSettings) -> bool:
        """Returns whether a page's columns match the schema: none renamed, none added since it was read."""
        cells = page.get("properties") or {}
        known = {column: found.type for column, found in self.properties.items()}
        there = {column: cells[name]["type"] for column, name in settings.properties.items() if name in cells}
        return not cells or known == there


def read_schema(source_id: str, properties: Mapping[str, Any], settings: NotionSettings) -> Schema:
    """Returns the schema of a data source, faults included.

    Args:
        source_id: The data source.
        properties: As ``data_sources.retrieve`` returns them.
        settings: The names of columns and statuses.
    """
    found: dict[Column, Property] = {}
    faults: dict[str, BoardError] = {}
    for column in COLUMNS:
        name = settings.name_of(column)
        given = properties.get(name) if name else None
        if given is None:
            if column.required:
                faults[column.setting] = _missing(name, column, properties)
        elif given["type"] not in column.types:
            faults[column.setting] = _wrong_type(name, column, given["type"])
        else:
            found[column] = _property(given)
    triggers: tuple[str, ...] = ()
    if status := found.get(STATUS):
        triggers = tuple(name for name in settings.status_trigger if name in status.options)
        if not triggers:
            faults[TRIGGER] = _no_option(status, " or ".join(map(repr, settings.status_trigger)), TRIGGER)
        for setting, name in settings.statuses().items():
            if name not in status.options:
                faults[setting] = _no_option(status, repr(name), setting)
    return Schema(source_id, found, triggers, faults)


def _property(given: Mapping[str, Any]) -> Property:
    options = (given.get(given["type"]) or {}).get("options", ())
    return Property(given["name"], given["id"], given["type"], tuple(option["name"] for option in options))


def _missing(name: str, column: Column, properties: Mapping[str, Any]) -> BoardError:
    setting = column.setting
    if not name:
        return BoardError(
            f"{setting} is empty: set it to the name of a property.", code=Code.NOTION_PROPERTY, setting=setting
        )
    return BoardError(
        f"The Notion database has no property {name!r} (renamed?). Rename it back, or set {setting} to its new name. "
        f"Its properties: {_listed(properties)}.",
        code=Code.NOTION_PROPERTY,
        setting=setting,
    )


def _wrong_type(name: str, column: Column, kind: str) -> BoardError:
    without = "" if column.required else ", or to none to disable it"
    return BoardError(
        f"The Notion property {name!r} is of type {kind}; it must be {' or '.join(sorted(column.types))}. Change its "
        f"type in Notion, or set {column.setting} to another property{without}.",
        code=Code.NOTION_PROPERTY,
        setting=column.setting,
    )


def _no_option(status: Property, wanted: str, setting: str) -> BoardError:
    return BoardError(
        f"The Notion property {status.name!r} has no option {wanted} (renamed or removed?). Add it in Notion, or set "
        f"{setting} to one of: {_listed(status.options)}.",
        code=Code.NOTION_OPTION,
        setting=setting,
    )


def _listed(names: Iterable[str]) -> str:
    return ", ".join(names) or "none"
