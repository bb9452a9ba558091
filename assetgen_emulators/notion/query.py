"""Queries of the Notion emulator: filters, sorts and cursors over rows, as pure functions.

Where Notion's behaviour is not documented, the emulator takes the harder one for a client: texts are compared without
regard to case, and a cursor is invalid once its row is gone.
"""

from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, Protocol, TypeVar

from assetgen_emulators.notion import properties
from assetgen_emulators.notion.properties import Property
from assetgen_emulators.notion.protocol import PAGE_SIZE, check_fields, invalid, malformed, parse_id, read_page

_FIELDS = {"sorts", "filter", "start_cursor", "page_size", "archived", "in_trash", "result_type"}
_DEPTH = 2
_DAY = timedelta(days=1, milliseconds=-1)


class Cells(Protocol):
    """What a query needs to know of a row."""

    id: str
    created: datetime
    edited: datetime
    trashed: bool
    values: dict[str, Any]


_TIMES: dict[str, Callable[[Cells], datetime]] = {
    "created_time": lambda row: row.created,
    "last_edited_time": lambda row: row.edited,
}
Test = Callable[[Cells], bool]
Row = TypeVar("Row", bound=Cells)


def select_rows(
    body: Any, columns: Sequence[Property], rows: Sequence[Row], *, limit: int
) -> tuple[Sequence[Row], str | None, bool]:
    """Returns the page of rows that a query asks for, the next page's cursor, and whether results were cut off.

    Args:
        body: The request.
        columns: The data source's properties.
        rows: All its rows.
        limit: The most results that one query gives, over all its pages.
    """
    body = check_fields(body, _FIELDS)
    size = body.get("page_size", PAGE_SIZE)
    if not isinstance(size, int) or isinstance(size, bool) or not 1 <= size <= PAGE_SIZE:
        raise malformed("page_size", f"≤ `{PAGE_SIZE}`", size)
    test = read_filter(body["filter"], columns) if body.get("filter") is not None else lambda _: True
    trashed = bool(body.get("in_trash") or body.get("archived"))
    found = [row for row in rows if row.trashed is trashed and test(row)]
    for key, backwards in reversed(_sort_keys(body.get("sorts", []), columns)):
        found.sort(key=key, reverse=backwards)
    start = body.get("start_cursor")
    page, cursor = read_page(found[:limit], parse_id(start) if isinstance(start, str) else start, size)
    return page, cursor, len(found) > limit


def read_filter(given: Any, columns: Sequence[Property], depth: int = 0) -> Test:
    """Returns a filter as a test of rows."""
    if not isinstance(given, dict):
        raise malformed("filter", "an object", given)
    for word, combine in (("and", all), ("or", any)):
        if word in given:
            if depth >= _DEPTH or not isinstance(given[word], list) or len(given) > 1:
                raise malformed(f"filter.{word}", "an array at most two levels deep", given[word])
            tests = [read_filter(part, columns, depth + 1) for part in given[word]]
            return lambda row: combine(test(row) for test in tests)
    if "timestamp" in given:
        return _time_test(given)
    return _property_test(given, columns)


def find_property(columns: Sequence[Property], name: Any) -> Property | None:
    """Returns the property of that name or id, if there is one."""
    return next((column for column in columns if name in (column.name, column.id)), None)


def _property_test(given: dict[str, Any], columns: Sequence[Property]) -> Test:
    kinds = [key for key in given if key not in ("property", "type")]
    if not isinstance(given.get("property"), str) or len(kinds) != 1:
        raise malformed("filter.property", "defined with one condition", given.get("property"))
    column, kind = find_property(columns, given["property"]), kinds[0]
    if column is None:
        raise invalid(f"Could not find property with name or id: {given['property']}")
    if kind != column.type:
        raise invalid(
            "The property type in the database does not match the property type of the filter provided: "
            f"database property {column.type} does not match filter {kind}"
        )
    condition = given[kind]
    if kind in _TIMES:
        at = _date_condition(f"filter.{kind}", condition)
        return lambda row: at(_TIMES[kind](row))
    if kind == "formula":
        if not isinstance(condition, dict) or len(condition) != 1:
            raise malformed("filter.formula", "an object with one condition", condition)
        wanted, condition = next(iter(condition.items()))
        holds = _condition("rich_text" if wanted == "string" else wanted, condition, column)
        types = {"string": str, "number": int | float, "checkbox": bool}
        return lambda row: isinstance(row.values[column.id], types.get(wanted, ())) and holds(row.values[column.id])
    holds = _condition(kind, condition, column)
    if kind == "unique_id":
        return lambda row: holds(row.values[column.id])
    return lambda row: holds(properties.as_people_see(column, row.values[column.id]))


def _condition(kind: str, condition: Any, column: Property) -> Callable[[Any], bool]:
    if not isinstance(condition, dict) or len(condition) != 1:
        raise malformed(f"filter.{kind}", "an object with one condition", condition)
    ((word, wanted),) = condition.items()
    if word in ("is_empty", "is_not_empty"):
        if wanted is not True:
            raise malformed(f"filter.{kind}.{word}", "true", wanted)
        return lambda value: (value in (None, "", [])) is (word == "is_empty")
    text = kind in (*properties.TEXTS, *properties.CHOICES, "url", "email", "phone_number")
    number = kind in ("number", "unique_id")
    words = {"equals", "does_not_equal"} | ({"contains"} if text and kind not in properties.CHOICES else set())
    words = {"contains"} if kind == "multi_select" else words
    fits = isinstance(wanted, int | float) if number else isinstance(wanted, bool if kind == "checkbox" else str)
    if word not in words or not fits:
        raise malformed(f"filter.{kind}.{word}", f"one of {sorted(words)} with a fitting value", wanted)
    if kind in (*properties.CHOICES, "multi_select") and column.option(name=wanted) is None:
        options = ", ".join(f'"{option.name}"' for option in column.options)
        raise invalid(f'{kind} option "{wanted}" not found for property "{column.name}". Available options: {options}.')
    if kind == "multi_select":
        return lambda value: wanted in value
    fold = str.casefold if text and kind not in properties.CHOICES else lambda value: value
    if word == "contains":
        return lambda value: fold(wanted) in fold(value or "")
    return lambda value: ((fold(value) if value is not None else None) == fold(wanted)) is (word == "equals")


def _time_test(given: dict[str, Any]) -> Test:
    name = str(given.get("timestamp"))
    if name not in _TIMES or given.keys() - {"type"} != {"timestamp", name}:
        raise malformed("filter.timestamp", f"one of {list(_TIMES)} with one condition", name)
    at = _date_condition(f"filter.{name}", given[name])
    return lambda row: at(_TIMES[name](row))


def _date_condition(place: str, condition: Any) -> Callable[[datetime], bool]:
    if not isinstance(condition, dict) or len(condition) != 1:
        raise malformed(place, "an object with one condition", condition)
    ((word, wanted),) = condition.items()
    first, last = _read_date(f"{place}.{word}", wanted)
    compare: dict[str, Callable[[datetime], bool]] = {
        "equals": lambda time: first <= time <= last,
        "on_or_after": lambda time: time >= first,
        "after": lambda time: time > last,
        "on_or_before": lambda time: time <= last,
        "before": lambda time: time < first,
    }
    if word not in compare:
        raise malformed(f"{place}.{word}", "not present", wanted)
    return compare[word]


def _read_date(place: str, given: Any) -> tuple[datetime, datetime]:
    """Returns the first and the last moment of a date: of the whole day without a time; in UTC without a zone."""
    try:
        moment = datetime.fromisoformat(given)
        first = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
        return first, first + _DAY if given == moment.date().isoformat() else first
    except (TypeError, ValueError, OverflowError):
        raise malformed(place, "a valid ISO 8601 date", given) from None


def _sort_keys(sorts: Any, columns: Sequence[Property]) -> list[tuple[Callable[[Cells], Any], bool]]:
    if not isinstance(sorts, list):
        raise malformed("sorts", "an array", sorts)
    keys: list[tuple[Callable[[Cells], Any], bool]] = []
    for number, sort in enumerate(sorts):
        direction = sort.get("direction") if isinstance(sort, dict) else None
        if not isinstance(sort, dict) or direction not in ("ascending", "descending") or len(sort) != 2:
            raise malformed(f"sorts[{number}].direction", "ascending or descending", direction)
        if "timestamp" in sort:
            if sort["timestamp"] not in _TIMES:
                raise malformed(f"sorts[{number}].timestamp", f"one of {list(_TIMES)}", sort["timestamp"])
            keys.append((_TIMES[sort["timestamp"]], direction == "descending"))
        else:
            column = find_property(columns, sort.get("property"))
            if column is None:
                raise invalid(f"Could not find sort property with name or id: {sort.get('property')}")
            keys.append((_cell_key(column), direction == "descending"))
    return keys


def _cell_key(column: Property) -> Callable[[Cells], Any]:
    if column.type in _TIMES:
        return _TIMES[column.type]

    def key(row: Cells) -> Any:
        value = properties.as_people_see(column, row.values[column.id])
        return (value in (None, ""), value if isinstance(value, int | float) else str(value))

    return key
