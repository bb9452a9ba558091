"""The table of properties: every entry has its setting, and a new figure is an entry and a value."""

from typing import Any

import pytest

from assetgen_dagster.notion.columns import COLUMNS, REDRAW, TOPIC, Column, Property, figures_of
from assetgen_dagster.project.records import ProjectRecords
from assetgen_dagster.settings import Settings
from assetgen_emulators.notion.board import NAMES


def test_every_column_has_its_setting_and_every_such_setting_its_column() -> None:
    named = {field.alias: name for name, field in Settings.model_fields.items() if name.startswith("notion_property_")}
    assert {column.setting: column.field for column in COLUMNS} == named


def test_the_emulators_boards_have_the_products_names() -> None:
    names = {column.role: Settings.model_fields[column.field].default for column in COLUMNS}
    assert names.items() >= NAMES.items()


@pytest.mark.parametrize("column", COLUMNS, ids=lambda column: column.role)
def test_a_column_is_created_with_a_type_that_it_can_have(column: Column) -> None:
    (kind,) = column.created
    assert kind in column.types


@pytest.mark.parametrize(("column", "value"), [(TOPIC, "Owls"), (REDRAW, "5, 13")])
def test_what_belongs_to_the_producer_is_not_overwritten(column: Column, value: Any) -> None:
    with pytest.raises((TypeError, ValueError)):
        column.write(Property("Name", "id", "rich_text"), value)


def test_a_figure_is_a_column_that_takes_a_number() -> None:
    figures = figures_of(ProjectRecords(), {})
    for column in figures:
        assert column in COLUMNS
        assert column.write(Property("Name", "id", "number"), 1.5) == {"number": 1.5}
