"""The reconciler's decisions: every state of a row with every state of its run."""

from datetime import UTC, datetime, timedelta
from itertools import product

import pytest

from assetgen_dagster.notion.decide import REQUESTS_AT_ONCE, Claim, LatestRun, decide, mode_of
from assetgen_dagster.notion.row import Row
from assetgen_dagster.project import ProjectKey

START = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)


def row(number: int = 1, **changes: object) -> Row:
    given: dict[str, object] = {
        "page_id": f"page-{number}",
        "url": f"https://www.notion.so/page{number}",
        "channel": "poke1",
        "project_id": f"vid_{number}",
        "topic": "Bulbasaur",
        "story_direction": "Seasons",
        "status": "Generating Assets",
        "cost": None,
        "run": "",
        "regenerate": "",
        "redraw": "",
        "error_log": "",
        "created": START + timedelta(minutes=number),
        "last_edited": START + timedelta(minutes=number),
    }
    return Row(**given | changes)  # type: ignore[arg-type]


def run(*, finished: bool, reported: bool = False, attempt: int = 1) -> LatestRun:
    return LatestRun("run-1", finished=finished, reported=reported, attempt=attempt)


def test_a_row_without_a_run_starts_its_first() -> None:
    [start] = decide([row()], {}, {}).starts
    assert (start.run_key, str(start.key)) == ("page-1:1", "poke1:vid_1")


@pytest.mark.parametrize(
    ("finished", "tagged", "in_column"),
    list(product((False, True), (False, True), ("", "run-1", "…/runs/run-1", "run-0"))),
)
def test_a_row_starts_again_only_when_its_last_run_has_ended_and_was_reported(
    finished: bool, tagged: bool, in_column: str
) -> None:
    found = decide([row(run=in_column)], {"page-1": run(finished=finished, reported=tagged)}, {})
    reported = tagged or "run-1" in in_column
    assert (len(found.starts), found.waiting) == ((1, 0) if finished and reported else (0, 1))


def test_the_next_attempt_has_a_run_key_of_its_own() -> None:
    [start] = decide([row()], {"page-1": run(finished=True, reported=True, attempt=3)}, {}).starts
    assert start.run_key == "page-1:4"


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"channel": ""}, "Fill in Channel"),
        ({"channel": "../etc"}, "channel '../etc' cannot be used"),
        ({"project_id": "a b"}, "project 'a b' cannot be used"),
    ],
)
def test_a_row_that_cannot_be_drawn_is_told_why(change: dict[str, str], says: str) -> None:
    found = decide([row(**change)], {}, {})
    assert found.starts == ()
    assert says in found.rejects[0].reason
    assert "set the status again" in found.rejects[0].reason


def test_a_copied_row_is_sent_to_the_one_that_had_the_project_first() -> None:
    claims = {ProjectKey("poke1", "vid_1"): Claim("page-0")}
    [reject] = decide([row()], {}, claims).rejects
    assert "https://www.notion.so/page0" in reject.reason


def test_of_two_new_rows_with_one_project_the_older_one_has_it_in_whatever_order_they_ask() -> None:
    older, copy = row(1, project_id="same"), row(2, project_id="same")
    for rows in ([older, copy], [copy, older]):
        found = decide(rows, {}, {})
        assert [start.row.page_id for start in found.starts] == ["page-1"]
        assert [reject.row.page_id for reject in found.rejects] == ["page-2"]


def test_at_most_25_runs_are_requested_at_once_and_the_oldest_rows_first() -> None:
    found = decide([row(number) for number in range(1, 101)], {}, {})
    assert [start.row.page_id for start in found.starts] == [f"page-{n}" for n in range(1, REQUESTS_AT_ONCE + 1)]
    assert found.postponed == 75


@pytest.mark.parametrize(
    ("choice", "mode"),
    [("", "auto"), ("All", "regenerate"), ("all ", "regenerate"), ("Missing or changed", "resume"), ("?", "auto")],
)
def test_the_regenerate_column_decides_the_mode_of_one_run(choice: str, mode: str) -> None:
    assert mode_of(row(regenerate=choice)) == mode
