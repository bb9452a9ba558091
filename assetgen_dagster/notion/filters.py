"""Filters for queries, by the types of columns: pure functions."""

import re
from collections.abc import Iterable
from dataclasses import replace
from typing import Any

from assetgen_dagster.notion.columns import CHANNEL, PROJECT_ID, STATUS, Property
from assetgen_dagster.notion.schema import Schema

Json = dict[str, Any]

#: The type of column whose conditions a formula's values take, by their type.
_FORMULAS = {"string": "rich_text", "number": "number"}

_TEXTS = ("title", "rich_text", "url", "email", "phone_number")


#: The columns that name a row's project.
_PROJECT = (CHANNEL, PROJECT_ID)


class CannotMatchError(Exception):
    """No cell of that column can hold the value, so no query is needed."""


def with_status(schema: Schema, wanted: Iterable[str]) -> Json:
    """Returns the filter for rows in one of these statuses; at least one must be an option of the column."""
    status = schema.properties[STATUS]
    # Notion refuses a filter with an option that does not exist.
    names = sorted({*wanted} & {*status.options})
    tests = [{"property": status.name, status.type: {"equals": name}} for name in names]
    return tests[0] if len(tests) == 1 else {"or": tests}


def needs_sample(schema: Schema) -> bool:
    """Returns whether ``for_project`` needs a row: only a formula's values say of what type they are."""
    return any(schema.properties[column].type == "formula" for column in _PROJECT if column in schema.properties)


def for_project(schema: Schema, *, channel: str, project: str, sample: Json | None = None) -> Json | None:
    """Returns a filter that passes the project's rows, and perhaps some more; None passes all rows.

    Args:
        schema: The columns.
        channel: The project's channel.
        project: Its name.
        sample: Any page of the database, see ``needs_sample``.

    Raises:
        CannotMatchError: No row can match.
    """
    cells = sample["properties"] if sample else {}
    tests = []
    for column, value in zip(_PROJECT, (channel, project), strict=True):
        if found := schema.properties.get(column):
            formula = (cells.get(found.name) or {}).get("formula") or {}
            tests.append(_equals(found, value, formula.get("type", "")))
    return both(tests)


def since(moment: str) -> Json:
    """Returns the filter for rows made at that moment or later."""
    return {"timestamp": "created_time", "created_time": {"on_or_after": moment}}


def both(tests: Iterable[Json | None]) -> Json | None:
    """Returns the filter for rows that pass all tests."""
    real = [test for test in tests if test]
    return real[0] if len(real) == 1 else {"and": real} if real else None


def _equals(found: Property, value: str, formula: str) -> Json | None:
    """Returns the test for a value; None if Notion cannot test it. ``formula`` is the type of a formula's values."""
    kind = found.type
    if kind in _TEXTS:
        # "equals" would not match a cell with surrounding spaces.
        return {"property": found.name, kind: {"contains": value}}
    if kind in ("select", "status", "multi_select"):
        if value not in found.options:
            raise CannotMatchError
        return {"property": found.name, kind: {"contains" if kind == "multi_select" else "equals": value}}
    if kind in ("number", "unique_id"):
        digits = re.search(r"(?<!\d)-?\d+(?:\.\d+)?\Z" if kind == "number" else r"\d+\Z", value)
        if digits is None:
            raise CannotMatchError
        number = float(digits.group()) if kind == "number" else int(digits.group())
        return {"property": found.name, kind: {"equals": number}}
    if kind == "formula" and formula in _FORMULAS:
        inner = _equals(replace(found, type=_FORMULAS[formula]), value, "")
        return inner and {"property": found.name, "formula": {formula: inner[_FORMULAS[formula]]}}
    return None
