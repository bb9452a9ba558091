"""What a producer breaks while a row is being drawn: one sentence where the operator looks, and it goes on when mended.

The board's own part in this is in ``tests/integration/notion/test_mending.py``.
"""

from collections.abc import Callable
from typing import Any

import pytest

from assetgen_emulators.gemini import GeminiEmulator
from assetgen_emulators.notion import NotionEmulator
from tests.helpers.harness import billed
from tests.helpers.pipeline import ROW, Pipeline, at_the_picture

Step = Callable[[NotionEmulator], Any]

TRIGGER = "Generating Assets"

#: What is done, what mends it, and what the operator reads meanwhile.
BREAKS: dict[str, tuple[Step, Step, str]] = {
    "the status renamed": (
        lambda notion: notion.rename_property("Status", "State"),
        lambda notion: notion.rename_property("State", "Status"),
        "no property 'Status' (renamed?). Rename it back, or set NOTION_PROPERTY_STATUS",
    ),
    "the error log renamed": (
        lambda notion: notion.rename_property("Error Log", "Log"),
        lambda notion: notion.rename_property("Log", "Error Log"),
        "no property 'Error Log' (renamed?). Rename it back, or set NOTION_PROPERTY_ERROR_LOG",
    ),
    "the channel renamed": (
        lambda notion: notion.rename_property("Channel", "Show"),
        lambda notion: notion.rename_property("Show", "Channel"),
        "no property 'Channel' (renamed?). Rename it back, or set NOTION_PROPERTY_CHANNEL",
    ),
    "the option for success removed": (
        lambda notion: notion.remove_status_option("Assets Ready"),
        lambda notion: notion.add_status_option("Assets Ready"),
        "no option 'Assets Ready' (renamed or removed?). Add it in Notion, or set NOTION_STATUS_READY",
    ),
    "the option that asks removed": (
        lambda notion: notion.remove_status_option(TRIGGER),
        lambda notion: notion.add_status_option(TRIGGER),
        "no option 'Generating Assets' or 'Assets Generating' (renamed or removed?). Add it in Notion",
    ),
    "the token revoked": (
        lambda notion: notion.revoke_token(),
        lambda notion: notion.accept_token(),
        "does not accept the token. Set NOTION_TOKEN",
    ),
    "the database unshared": (
        lambda notion: notion.unshare(),
        lambda notion: notion.share(),
        "then Connections, and choose the integration; or set NOTION_DATABASE_ID",
    ),
}


#: Those that differ most; ``make test-slow`` takes the others.
FIRST = ("the status renamed", "the option for success removed", "the token revoked")
each_break = pytest.mark.parametrize(
    "what", [pytest.param(what, marks=[] if what in FIRST else pytest.mark.slow) for what in BREAKS]
)


@pytest.fixture(autouse=True)
def slowly(gemini: GeminiEmulator, monkeypatch: pytest.MonkeyPatch) -> None:
    """One picture after another, each slow enough for somebody to do something."""
    monkeypatch.setenv("ASSETGEN_IMAGE_CONCURRENCY", "1")
    monkeypatch.setattr("assetgen_dagster.drawing.draw._CHECK_ROW_SECONDS", 0.05)
    gemini.set_latency(0.4)


def log_of(pipeline: Pipeline, page: str) -> str:
    [run] = pipeline.runs_of(page)
    return "\n".join(entry.user_message for entry in pipeline.dagit.instance.all_logs(run.run_id))


@each_break
def test_what_is_broken_while_a_row_is_drawn_is_said_and_goes_on_when_it_is_mended(
    what: str, pipeline: Pipeline, notion: NotionEmulator, gemini: GeminiEmulator
) -> None:
    do, undo, sentence = BREAKS[what]
    page = notion.add_row({**ROW, "Project ID": "vid_1"})
    with at_the_picture(1, gemini, lambda: do(notion)):
        pipeline.tick()
    for _ in range(2):
        pipeline.tick()
    assert sentence in pipeline.tasks_said[-1]
    assert len(billed(gemini.journal())) == 2, "what is broken in Notion does not keep pictures from being drawn"
    if notion.row(page).get("Status") != "Assets Ready":  # an option that only rows need keeps nothing from being told
        assert sentence in log_of(pipeline, page)
        assert sentence in pipeline.outcomes_said[-1]
    undo(notion)
    pipeline.tick_until(lambda: notion.row(page)["Status"] == "Assets Ready")
    check_once(pipeline, page, gemini)


@each_break
def test_what_is_mended_before_the_end_of_a_run_has_no_effect_on_it(
    what: str, pipeline: Pipeline, notion: NotionEmulator, gemini: GeminiEmulator
) -> None:
    do, undo, _ = BREAKS[what]
    page = notion.add_row({**ROW, "Project ID": "vid_1"})

    def mend() -> None:
        undo(notion)
        notion.set_status(page, TRIGGER)

    with at_the_picture(1, gemini, lambda: do(notion)), at_the_picture(2, gemini, mend):
        pipeline.tick()
    assert notion.row(page)["Status"] == "Assets Ready"
    pipeline.tick_until(lambda: notion.row(page)["Status"] == "Assets Ready")
    check_once(pipeline, page, gemini)


def check_once(pipeline: Pipeline, page: str, gemini: GeminiEmulator) -> None:
    row, calls = pipeline.notion.row(page), gemini.journal()
    assert len(pipeline.runs_of(page)) == 1
    assert (len(calls), len(billed(calls))) == (2, 2)
    assert row["Cost (USD)"] == pytest.approx(sum(call.billed_usd for call in calls), abs=1e-3)
    assert row["Error Log"] == ""
