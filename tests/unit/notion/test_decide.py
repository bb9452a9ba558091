"""The reconciler's decisions: every state of a row with every state of its run."""

from collections.abc import Iterable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import product
from pathlib import Path
from typing import Any

import pytest

from assetgen_dagster.notion.decide import (
    COMPARED_AT_ONCE,
    NEVER,
    REQUESTS_AT_ONCE,
    WRITES_AT_ONCE,
    Decisions,
    LatestRun,
)
from assetgen_dagster.notion.decide import decide as decide_rows
from assetgen_dagster.notion.errors import BoardUnavailableError
from assetgen_dagster.notion.row import Row
from assetgen_dagster.project.channels import Channel, Channels
from assetgen_dagster.project.key import ProjectKey

START = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)


def row(number: int = 1, **changes: object) -> Row:
    given: dict[str, object] = {
        "page_id": f"page-{number}",
        "channel": "poke1",
        "project_id": f"vid_{number}",
        "topic": "Bulbasaur",
        "story_direction": "Seasons",
        "status": "Generating Assets",
        "run": "",
        "regenerate": "",
        "redraw": "",
        "created": START + timedelta(minutes=number),
        "last_edited": START + timedelta(minutes=number),
    }
    return Row(**given | changes)  # type: ignore[arg-type]


def run(*, finished: bool, reported: bool = False, attempt: int = 1) -> LatestRun:
    return LatestRun("run-1", finished=finished, reported=reported, attempt=attempt)


def decide(rows: Iterable[Row], *given: Any, **options: Any) -> Decisions:
    """Decides on rows that have stood still since the last tick."""
    rows = list(rows)
    return decide_rows(rows, *given, seen=[row.digest for row in rows], **options)


def test_a_row_without_a_run_starts_its_first() -> None:
    [start] = decide([row()], {}, {}).starts
    assert (start.run_key, str(start.key)) == ("page-1:1", "poke1:vid_1")


#: What follows, written by hand: S a run is requested, R the row is rejected, W nothing, T its run's end is told now.
#: A run's end is told "long ago" when ``notion_outcomes`` should have done it.
MATRIX = """
                     | no run | at work       | just ended    | ended long ago
                     |        | untold | told | untold | told | untold | told
as it should be      |   S    |   W    |  W   |   W    |  S   |   T    |  S
no channel           |   R    |   W    |  W   |   W    |  R   |   T    |  R
no usable project    |   R    |   W    |  W   |   W    |  R   |   T    |  R
an unknown channel   |   R    |   W    |  W   |   W    |  R   |   T    |  R
another row's project|   R    |   W    |  W   |   W    |  R   |   T    |  R
being drawn          |   W    |   W    |  W   |   W    |  W   |   T    |  T
"""

ROWS: dict[str, dict[str, Any]] = {
    "as it should be": {},
    "no channel": {"channel": ""},
    "no usable project": {"project_id": "a b"},
    "an unknown channel": {"channel": "poke2"},
    "another row's project": {},
    "being drawn": {"status": "Drawing"},
}

#: How a row may know of its run's end, or not: by a tag of the run, or by its own column.
UNTOLD = [(False, ""), (False, "run-0"), (False, "https://any/runs/run-0")]
TOLD = [(True, ""), (True, "run-0"), (False, "run-1"), (False, "https://any/runs/run-1"), (True, "run-1")]

RUNS = {"at work": (False, False), "just ended": (True, False), "ended long ago": (True, True)}


def combinations() -> Iterator[tuple[str, str, bool, str, bool, str]]:
    """Yields state of the row, of the run, its tag, the row's column, whether the project is known, what follows."""
    for line in MATRIX.strip().splitlines()[2:]:
        state, without, *cells = (cell.strip() for cell in line.split("|"))
        columns = [(run_state, told) for run_state in RUNS for told in (UNTOLD, TOLD)]
        for known in (False, True):
            for column in ("", "run-1"):
                yield state, "no run", False, column, known, without
            for (run_state, ways), expected in zip(columns, cells, strict=True):
                yield from ((state, run_state, tag, column, known, expected) for tag, column in ways)


def test_the_matrix_has_every_combination() -> None:
    cases = [case[:5] for case in combinations()]
    ways = len(UNTOLD) + len(TOLD)
    assert len(set(cases)) == len(cases) == len(ROWS) * 2 * (2 + len(RUNS) * ways)
    assert {case[:2] for case in cases} == set(product(ROWS, ("no run", *RUNS)))


@pytest.mark.parametrize(("state", "run_state", "tag", "column", "known", "expected"), list(combinations()))
def test_every_state_of_a_row_with_every_state_of_its_run(
    state: str, run_state: str, tag: bool, column: str, known: bool, expected: str
) -> None:
    given = row(run=column, **ROWS[state])
    owner = "page-0" if state == "another row's project" else given.page_id
    # A project is known once a run had it; another row's may also be known by that row alone, which is older.
    claims = {ProjectKey("poke1", "vid_1"): [owner]} if known else {}
    rows = [given] if known or owner == given.page_id else [given, row(0, page_id="page-0", project_id="vid_1")]
    runs = {}
    if run_state in RUNS:
        finished, overdue = RUNS[run_state]
        runs = {"page-1": LatestRun("run-1", finished=finished, reported=tag, attempt=4, overdue=overdue)}
    channels = Channels(Path("/etc/channels.toml"), {"poke1": Channel()})
    found = decide(rows, runs, claims, channels, drawing="Drawing")
    starts = {start.row.page_id: start.run_key for start in found.starts if start.row is given}
    assert starts == ({"page-1": "page-1:5" if runs else "page-1:1"} if expected == "S" else {})
    assert [reject.row.page_id for reject in found.rejects] == (["page-1"] if expected == "R" else [])
    assert found.waiting == (1 if expected in "WT" else 0)
    assert found.unreported == (("run-1",) if expected == "T" else ())


#: What a producer may still be typing; every other field of a row is no part of what its run takes.
TYPED = ("channel", "project_id", "topic", "story_direction", "regenerate", "redraw", "redraw_remark")


@pytest.mark.parametrize("cell", TYPED)
def test_a_row_starts_and_is_rejected_once_its_text_has_stood_still_for_a_tick(cell: str) -> None:
    half, whole = (row(1, **{cell: text}) for text in ("A", "All"))
    seen: tuple[str, ...] = ()
    ticks = []
    for given in (half, whole, whole):
        found = decide_rows([given], {}, {}, seen=seen, pictures={})
        seen = found.seen
        ticks.append((found.changing, len(found.starts) + len(found.rejects)))
    assert ticks == [(1, 0), (1, 0), (0, 1)]


@pytest.mark.parametrize("change", [{"status": "Assets Generating"}, {"run": "run-1"}, {"last_edited": START}])
def test_what_a_run_does_not_take_from_its_row_does_not_make_it_wait(change: dict[str, Any]) -> None:
    found = decide_rows([row(**change)], {}, {}, seen=[row().digest])
    assert len(found.starts) == 1


def test_a_row_that_is_being_typed_keeps_none_waiting_and_a_run_on_its_way_is_not_compared() -> None:
    rows = [row(1, topic="A"), row(2), row(3)]
    runs = {"page-2": LatestRun("run-2", finished=False, reported=False, attempt=1)}
    found = decide_rows(rows, runs, {}, seen=[row(3).digest])
    assert [start.row.page_id for start in found.starts] == ["page-3"]
    assert (found.changing, found.waiting, set(found.seen)) == (1, 1, {rows[0].digest, rows[2].digest})


def test_rows_that_are_left_for_a_later_tick_wait_no_tick_more_and_the_cursor_stays_small() -> None:
    rows = [row(number) for number in range(1, COMPARED_AT_ONCE + 101)]
    seen = decide_rows(rows, {}, {}, seen=()).seen
    assert len(seen) == COMPARED_AT_ONCE
    while rows:
        found = decide_rows(rows, {}, {}, seen=seen)
        assert len(found.starts) == min(REQUESTS_AT_ONCE, len(rows))
        rows, seen = rows[REQUESTS_AT_ONCE:], found.seen


#: Other's run, the row's own newest run, and how a row that asks for no mode is drawn.
AFTER_OTHERS: list[tuple[int | None, dict[str, Any] | None, str]] = [
    (None, None, "auto"),
    (7, None, "resume"),  # the row's first run
    (7, {"position": 5}, "resume"),  # the other came after the row's
    (7, {"position": 9}, "auto"),
    (7, {"position": NEVER}, "resume"),  # the row's run only met the other one
    (None, {"position": 5, "cut_short": True}, "regenerate"),
    (7, {"position": 5, "cut_short": True}, "resume"),
    (3, {"position": 5, "cut_short": True}, "regenerate"),
]


@pytest.mark.parametrize(("other", "own", "mode"), AFTER_OTHERS)
@pytest.mark.parametrize(("choice", "asked"), [("", None), ("All", "regenerate"), ("Missing or changed", "resume")])
def test_what_other_runs_drew_is_kept_unless_the_row_says_otherwise(
    other: int | None, own: dict[str, Any] | None, mode: str, choice: str, asked: str | None
) -> None:
    runs = {"page-1": replace(run(finished=True, reported=True), **own)} if own is not None else {}
    others = {} if other is None else {ProjectKey("poke1", "vid_1"): other}
    [start] = decide([row(regenerate=choice)], runs, {}, others=others).starts
    assert start.mode == (asked or mode)


def test_a_row_waits_while_another_run_draws_its_project_and_is_rejected_all_the_same() -> None:
    drawn = {ProjectKey("poke1", "vid_1")}
    found = decide([row(), row(2)], {}, {}, at_work=drawn)
    assert ([start.row.page_id for start in found.starts], found.waiting) == (["page-2"], 1)
    found = decide([row(regenerate="?")], {}, {}, at_work=drawn)
    assert (len(found.rejects), found.waiting) == (1, 0)


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
def test_a_row_that_cannot_be_drawn_is_told_why(change: dict[str, Any], says: str) -> None:
    found = decide([row(**change)], {}, {})
    assert found.starts == ()
    assert says in found.rejects[0].reason
    assert "set the status again" in found.rejects[0].reason


def test_a_copied_row_is_sent_to_the_one_that_had_the_project_first() -> None:
    claims = {ProjectKey("poke1", "vid_1"): ["page-0"]}
    [reject] = decide([row()], {}, claims).rejects
    assert "https://www.notion.so/page0" in reject.reason


def test_a_row_takes_over_the_project_of_one_that_is_gone_and_goes_on_with_it() -> None:
    claims = {ProjectKey("poke1", "vid_1"): ["page-0"]}
    [start] = decide([row()], {}, claims, gone=lambda page_id: page_id == "page-0").starts
    assert (start.inherited, start.mode) == (True, "resume")
    [start] = decide([row(regenerate="All")], {}, claims, gone=lambda _: True).starts
    assert start.mode == "regenerate"
    # From its second run on it is a row like any other.
    runs = {"page-1": run(finished=True, reported=True)}
    claims = {ProjectKey("poke1", "vid_1"): ["page-0", "page-1"]}
    [start] = decide([row()], runs, claims, gone=lambda page_id: page_id == "page-0").starts
    assert (start.inherited, start.mode) == (False, "auto")


def test_a_copy_is_sent_to_the_row_that_took_the_project_over_from_one_that_is_gone() -> None:
    claims = {ProjectKey("poke1", "vid_1"): ["page-0", "page-1"]}
    found = decide([row(2, project_id="vid_1")], {}, claims, gone=lambda page_id: page_id == "page-0")
    assert found.starts == ()
    assert "https://www.notion.so/page1" in found.rejects[0].reason


def test_of_two_rows_that_could_take_a_project_over_the_older_one_does() -> None:
    claims = {ProjectKey("poke1", "vid_1"): ["page-0"]}
    heirs = [row(2, project_id="vid_1"), row(1)]
    found = decide(heirs, {}, claims, gone=lambda page_id: page_id == "page-0")
    assert [(start.row.page_id, start.inherited) for start in found.starts] == [("page-1", True)]
    assert [reject.row.page_id for reject in found.rejects] == ["page-2"]


def test_of_many_copies_only_as_many_are_looked_into_as_are_told() -> None:
    claims = {ProjectKey("poke1", "vid_1"): ["page-0"]}
    looks: list[str] = []

    def remember(page_id: str) -> bool:
        looks.append(page_id)
        return False

    copies = [row(number, project_id="vid_1") for number in range(1, 101)]
    found = decide(copies, {}, claims, gone=remember)
    assert (len(found.rejects), found.postponed, len(looks)) == (WRITES_AT_ONCE, 90, WRITES_AT_ONCE)


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
    [
        ("", "auto"),
        ("All", "regenerate"),
        ("all ", "regenerate"),
        ("Yes", "regenerate"),  # as a ticked checkbox reads
        ("Missing or changed", "resume"),
    ],
)
def test_the_regenerate_column_decides_the_mode_of_one_run(choice: str, mode: str) -> None:
    [start] = decide([row(regenerate=choice)], {}, {}).starts
    assert start.mode == mode


@pytest.mark.parametrize("choice", ["Missing", "All, Missing or changed", "?"])
def test_a_choice_that_nobody_knows_draws_nothing_rather_than_everything(choice: str) -> None:
    found = decide([row(regenerate=choice)], {}, {})
    assert found.starts == ()
    assert f"Regenerate says {choice!r}; it knows All, and Missing or changed." in found.rejects[0].reason


def test_a_channel_that_the_file_does_not_name_is_rejected_with_the_nearest_one() -> None:
    known = Channels(Path("/etc/channels.toml"), {"poke1": Channel(), "birds": Channel()})
    found = decide([row(1, channel="poke1"), row(2, channel="Poke11")], {}, {}, known)
    assert [start.row.page_id for start in found.starts] == ["page-1"]
    [reject] = found.rejects
    assert reject.row.page_id == "page-2"
    for told in ("'Poke11'", "did you mean 'poke1'?", "birds, poke1", "[channels.Poke11]", "Nothing was"):
        assert told in reject.reason


@pytest.mark.parametrize("finished", [False, True])
def test_a_channel_taken_out_of_the_file_lets_a_run_on_its_way_be_and_starts_no_other(finished: bool) -> None:
    known = Channels(Path("/etc/channels.toml"), {"birds": Channel()})
    found = decide([row()], {"page-1": run(finished=finished, reported=True)}, {}, known)
    assert (found.waiting, len(found.rejects), found.starts) == ((0, 1, ()) if finished else (1, 0, ()))


def test_a_row_that_waits_or_is_rejected_keeps_none_behind_it() -> None:
    rows = [row(1), row(2), row(3, channel=""), row(4, channel=""), row(5)]
    at_work = {page: run(finished=False) for page in ("page-1", "page-2")}
    found = decide(rows, at_work, {})
    assert found.waiting == 2
    assert [reject.row.page_id for reject in found.rejects] == ["page-3", "page-4"]
    assert [start.row.page_id for start in found.starts] == ["page-5"]


def test_rows_behind_one_that_notion_cannot_tell_of_are_postponed_and_without_any_before_it_the_tick_fails() -> None:
    claims = {ProjectKey("poke1", "vid_2"): ["page-0"]}

    def silent(_page_id: str) -> bool:
        raise BoardUnavailableError("Notion is silent.")

    found = decide([row(1), row(2), row(3)], {}, claims, gone=silent)
    assert ([start.row.page_id for start in found.starts], found.postponed) == (["page-1"], 2)
    with pytest.raises(BoardUnavailableError):
        decide([row(2), row(3)], {}, claims, gone=silent)
