"""What the Notion emulator makes of dates in filters, and of requests that nobody would send."""

import json
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from assetgen_emulators.notion.properties import TYPES, Option, Property, empty
from assetgen_emulators.notion.protocol import VERSIONS, Refused, Request
from assetgen_emulators.notion.query import read_filter, select_rows
from assetgen_emulators.notion.world import World

COLUMNS = [Property(kind, kind, [Option("one")]) for kind in TYPES]


@dataclass
class Row:
    created: datetime
    edited: datetime = datetime(2026, 5, 12, tzinfo=UTC)
    id: str = "00000000-0000-4000-8000-000000000001"
    trashed: bool = False
    values: dict[str, Any] = field(default_factory=lambda: {column.id: empty(column) for column in COLUMNS})


#: Which of three rows a condition finds: at midnight, at noon, and at the next midnight.
MOMENTS = [datetime(2026, 5, 10, tzinfo=UTC), datetime(2026, 5, 10, 12, tzinfo=UTC), datetime(2026, 5, 11, tzinfo=UTC)]
DATES = [
    ("equals", "2026-05-10", "110"),
    ("on_or_after", "2026-05-10", "111"),
    ("after", "2026-05-10", "001"),
    ("on_or_before", "2026-05-10", "110"),
    ("before", "2026-05-10", "000"),
    ("before", "2026-05-11", "110"),
    ("on_or_after", "2026-05-10T12:00:00", "011"),  # in UTC
    ("on_or_after", "2026-05-10T12:00:00+02:00", "011"),
    ("after", "2026-05-10T14:00:00+02:00", "001"),
    ("equals", "2026-05-10T12:00:00Z", "010"),
]


@pytest.mark.parametrize(("word", "date", "found"), DATES)
def test_a_date_without_a_time_is_a_day_and_without_a_zone_in_utc(word: str, date: str, found: str) -> None:
    for where in ({"timestamp": "created_time"}, {"property": "created_time"}):
        test = read_filter({**where, "created_time": {word: date}}, COLUMNS)
        assert "".join(str(int(test(Row(moment)))) for moment in MOMENTS) == found


@pytest.mark.parametrize("date", ["", "soon", "2026-13-01", "10:00", 5, None, ["2026-05-10"], {}, True])
def test_what_is_no_date_is_refused(date: Any) -> None:
    with pytest.raises(Refused):
        read_filter({"timestamp": "created_time", "created_time": {"on_or_after": date}}, COLUMNS)


#: JSON made of the words that requests are made of, so that it gets past the first checks.
WORDS = """
    and or property timestamp created_time last_edited_time direction ascending equals contains is_empty before
    on_or_after filter sorts page_size start_cursor in_trash archived properties parent page_id type title
    description initial_data_source options name color text content link url annotations bold children position
    after_block id start paragraph rich_text callout table table_row cells table_width image file_upload icon
    is_inline
"""
KEYS = st.sampled_from([*WORDS.split(), *TYPES])
LEAVES = st.none() | st.booleans() | st.integers() | KEYS | st.sampled_from(["2026-05-10", "one", "a" * 32])
JSON = st.recursive(LEAVES, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=3))


@given(body=st.dictionaries(KEYS, JSON, max_size=4))
@settings(max_examples=100, deadline=None, derandomize=True)
def test_no_query_is_a_defect(body: dict[str, Any]) -> None:
    for made in (body, {"filter": body}, {"sorts": [body]}, *({"filter": {"property": k, k: body}} for k in TYPES)):
        try:
            select_rows(made, COLUMNS, [Row(MOMENTS[0])], limit=10)
        except Refused:
            continue


@given(body=st.dictionaries(KEYS, JSON, max_size=4), kind=st.sampled_from(TYPES))
@settings(max_examples=100, deadline=None, derandomize=True)
def test_no_body_is_a_defect(body: dict[str, Any], kind: str) -> None:
    world = World({"token"})
    database = world.new_database("Videos", {"Videos": [Property(name, name) for name in TYPES]})
    page = world.new_row(database.id, {})
    parent = {"page_id": page}
    sent = [
        ("databases.create", "", body),
        ("databases.create", "", {"parent": parent, "initial_data_source": body}),
        ("databases.create", "", {"parent": parent, "initial_data_source": {"properties": {"x": {kind: body}}}}),
        ("pages.update", page, body),
        ("pages.update", page, {"properties": {kind: {kind: body}}}),
        ("pages.update", page, {"properties": {kind: {kind: [body]}}}),
        ("blocks.children.append", page, body),
        ("blocks.children.append", page, {"children": [body]}),
        *(
            ("blocks.children.append", page, {"children": [{block: body}], "position": body})
            for block in ("paragraph", "callout", "table", "table_row", "image")
        ),
        ("file_uploads.create", "", body),
    ]
    for version in VERSIONS:
        for endpoint, object_id, made in sent:
            try:
                json.dumps(world.answer(Request(endpoint, object_id, version=version), made))
            except Refused:
                continue
