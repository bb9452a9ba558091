"""What a run's tag says its row was told: our values, and those that earlier versions wrote."""

from dataclasses import replace
from typing import Any

import pytest
from pydantic import SecretStr

from assetgen_dagster.drawing.defects import Defect, DefectivePicture
from assetgen_dagster.notion.columns import REDRAW
from assetgen_dagster.notion.report import Report, budget_report, error_report, ready_report, waiting_report
from assetgen_dagster.notion.reported import Reported, read_reported, values_of
from assetgen_dagster.notion.settings import NotionSettings
from tests.helpers.boards import board_settings

EARLIER = [
    ("Assets Ready", Reported.READY),
    ("Asset Error", Reported.ERROR),
    ("Waiting for Budget", Reported.BUDGET),
    ("Generating Assets", Reported.WAITS),
    ("waits", Reported.WAITS),
    ("row gone", Reported.ROW_GONE),
    ("nothing to say", Reported.NOTHING),
    ("left to the producer", Reported.LEFT),
    ("A status that was renamed since", Reported.TOLD),
]


def settings(**other: Any) -> NotionSettings:
    return board_settings(SecretStr("ntn_x"), "0" * 32, **{"status_budget": "Waiting for Budget"} | other)


@pytest.mark.parametrize("reported", Reported)
def test_what_this_version_notes_is_read_whatever_the_statuses_are_called(reported: Reported) -> None:
    renamed = settings(status_ready="Fertig", status_error="Kaputt", status_budget=None, status_trigger=("Los",))
    assert read_reported(reported.value, renamed) is reported


@pytest.mark.parametrize(("value", "reported"), EARLIER)
def test_what_earlier_versions_noted_is_understood(value: str, reported: Reported) -> None:
    assert read_reported(value, settings()) is reported


def test_a_run_without_the_tag_was_not_reported() -> None:
    assert read_reported("", settings()) is None


def test_one_status_for_error_and_budget_means_an_error() -> None:
    assert read_reported("Asset Error", settings(status_budget=None)) is Reported.ERROR


@pytest.mark.parametrize("reported", [one for one in Reported if one is not Reported.TOLD])
def test_a_search_finds_the_values_of_all_versions(reported: Reported) -> None:
    values = values_of(reported, settings())
    assert reported.value in values
    assert [value for value, meaning in EARLIER if meaning is reported and value not in values] == []
    assert all(read_reported(value, settings()) is reported for value in values)


def test_every_report_says_what_the_row_is_told() -> None:
    there, failed = settings(), {"reason": "no such key"}
    told: list[Report] = [
        ready_report(there, {}),
        error_report(there, {}, **failed),
        budget_report(there, {}, **failed),
        waiting_report(there, {}, reason=failed["reason"]),
    ]
    assert [one.reported for one in told] == [Reported.READY, Reported.ERROR, Reported.BUDGET, Reported.WAITS]


BLACK = DefectivePicture(7, "env_cave", (Defect.FLAT,), "a single colour")


@pytest.mark.parametrize(("redraw", "way"), [("Redraw", "into Redraw"), ("", 'assetgen redraw --pictures "7"')])
def test_a_ready_row_names_the_pictures_to_look_at_and_how_to_draw_them_again(redraw: str, way: str) -> None:
    there = settings()
    there = replace(there, properties={**there.properties, REDRAW: redraw})
    told = ready_report(there, {}, [BLACK])
    assert (told.reported, told.status) == (Reported.READY, there.status_ready)
    assert "#07 env_cave: a single colour" in told.error_log
    assert way in told.error_log
    assert ready_report(there, {}).error_log == ""


@pytest.mark.parametrize(("code", "helps"), [("refused", True), ("prompt_too_long", True), ("api_key", False)])
def test_how_to_change_a_prompt_is_said_where_that_helps(code: str, helps: bool) -> None:
    told = error_report(settings(), {}, reason="It failed.", codes=[code]).error_log
    assert ("Redraw Remark" in told) is helps
