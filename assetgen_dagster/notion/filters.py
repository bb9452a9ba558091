"""Filters for queries, by the types of columns: pure functions."""

import re
from collections.abc import Iterable
from typing import Any

from assetgen_dagster.notion.columns import CHANNEL, PROJECT_ID, STATUS, Property
from assetgen_dagster.notion.schema import Schema

Json = dict[str, Any]

_TEXTS = ("title", "rich_text", "url", "email", "phone_number")


class CannotMatchError(Exception):
    """No cell of that column can hold the value, so no query is needed."""


def with_status(schema: Schema, wanted: Iterable[str]) -> Json:
    """Returns the filter for rows in one of these statuses; at least one must be an option of the column."""
    status = schema.properties[STATUS]
    # Notion refuses a filter with an option that does not exist.
    names = sorted({*wanted} & {*status.options})
    tests = [{"property": status.name, status.type: {"equals": name}} for name in names]
    return tests[0] if len(tests) == 1 else {"or": tests}


def for_project(schema: Schema, *, channel: str, project: str) -> Json | None:
    """Returns a filter that passes the project's rows, and perhaps some more; None passes all rows.

    Raises:
        CannotMatchError: No row can match.
    """
    wanted = ((CHANNEL, channel), (PROJECT_ID, project))
    tests = [_equals(schema.properties[column], value) for column, value in wanted if column in schema.properties]
    return both(test for test in tests if test)


def since(moment: str) -> Json:
    """Returns the filter for rows made at that moment or later."""
    return {"timestamp": "created_time", "created_time": {"on_or_after": moment}}


def both(tests: Iterable[Json | None]) -> Json | None:
    """Returns the filter for rows that pass all tests."""
    real = [test for test in tests if test]
    return real[0] if len(real) == 1 else {"and": real} if real else None


def _equals(found: Property, value: str) -> Json | None:
    """Returns the test for a value; None if Notion cannot test it (a formula's result type is unknown)."""
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
    return None
