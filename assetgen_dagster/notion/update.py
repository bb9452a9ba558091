"""Turns new values for a row into the properties to send: pure functions."""

from dataclasses import replace
from typing import Any

from assetgen_dagster.notion.columns import RUN, STATUS, RowUpdate, RunLink
from assetgen_dagster.notion.schema import Schema
from assetgen_dagster.notion.settings import NotionSettings

Json = dict[str, Any]


def settings_behind(update: RowUpdate, settings: NotionSettings) -> set[str]:
    """Returns the settings of an update's columns and status, which must fit the database before it is sent."""
    columns = {column.setting for column, value in update.items() if value is not None}
    return columns | {setting for setting, name in settings.statuses().items() if name == update.get(STATUS)}


def to_properties(update: RowUpdate, schema: Schema) -> Json:
    """Returns the properties to send; columns that the database lacks are left out.

    Raises:
        BoardError: The status is not one of the column's options.
    """
    found = {
        schema.properties[column].name: column.write(schema.properties[column], value)
        for column, value in update.items()
        if value is not None and column in schema.properties
    }
    return {name: value for name, value in found.items() if value is not None}


def without_link(update: RowUpdate) -> RowUpdate:
    """Returns an update whose run is its bare id."""
    run = update.get(RUN)
    return {**update, RUN: replace(run, url=None)} if isinstance(run, RunLink) else update
