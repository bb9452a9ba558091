"""Rows over the monthly budget: told the figures once, left alone while there is no room, drawn when there is some."""

from collections.abc import Callable
from pathlib import Path

import pytest

from assetgen_dagster.budget.stores import open_reservations
from assetgen_dagster.project.key import ProjectKey
from assetgen_dagster.project.project_lock import hold_project
from assetgen_dagster.project.workspace import open_project
from assetgen_dagster.settings import load_settings
from assetgen_emulators.gemini import GeminiEmulator
from assetgen_emulators.notion import NotionEmulator
from tests.helpers.harness import billed, billed_usd, manifest_of
from tests.helpers.pipeline import ROW, carry_out, report, requested, said
from tests.helpers.studio import Dagit, failure_of

# One project of three pictures is reserved 0.204 and costs 0.117: there is room for one, then not for another.
ONE = "0.25"


@pytest.fixture
def limit(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Callable[[str], None]:
    """Sets the channel's limit in its file."""
    path = tmp_path / "channels.toml"
    monkeypatch.setenv("ASSETGEN_CHANNELS_FILE", str(path))

    def write(usd: str) -> None:
        path.write_text(f"[channels.poke1]\nmonthly_budget_usd = {usd}\n")

    write(ONE)
    return write


@pytest.fixture
def refused(dagit: Dagit, page: str, notion: NotionEmulator, limit: Callable[[str], None]) -> str:
    """A row whose run was refused and reported, after another's three pictures were paid for."""
    other = notion.add_row({**ROW, "Project ID": "vid_124"})
    dagit.write_manifest(manifest_of(3), "poke1:vid_124")
    first, second = requested(dagit)
    assert carry_out(dagit, first).success
    failed = failure_of(carry_out(dagit, second)).description or ""
    assert "this run asks for $0.20" in failed
    report(dagit)
    return other if notion.row(page)["Status"] == "Assets Ready" else page


def test_a_row_over_the_budget_is_told_the_figures_is_not_paid_for_and_left_alone(
    refused: str, dagit: Dagit, notion: NotionEmulator, gemini: GeminiEmulator
) -> None:
    row = notion.row(refused)
    assert row["Status"] == "Asset Error"
    for figure in ("$0.20", "$0.25", "$0.12", "channels.toml", "A new month begins at 00:00 on 1 "):
        assert figure in row["Error Log"]
    assert len(billed(gemini.journal())) == 3
    written = sum(call.saved for call in notion.journal())
    assert [said(dagit) for _ in range(3)] == [said(dagit)] * 3
    assert sum(call.saved for call in notion.journal()) == written, "no row is written to at each look"
    assert notion.row(refused) == row


def test_it_is_drawn_by_itself_when_the_limit_is_raised_each_picture_paid_for_once(
    refused: str, dagit: Dagit, notion: NotionEmulator, gemini: GeminiEmulator, limit: Callable[[str], None]
) -> None:
    limit("0.35")
    [request] = requested(dagit)
    assert request.run_key == f"{refused}:2"
    assert notion.row(refused)["Status"] == "Generating Assets"
    assert carry_out(dagit, request).success
    report(dagit)
    assert notion.row(refused)["Status"] == "Assets Ready"
    assert len(billed(gemini.journal())) == 6
    assert billed_usd(gemini.journal()) <= 0.35
    assert requested(dagit) == []
    assert open_reservations(load_settings()).waiting() == []


def test_it_is_drawn_by_itself_when_another_runs_reservation_ends(
    refused: str, dagit: Dagit, limit: Callable[[str], None]
) -> None:
    settings, key = load_settings(), ProjectKey("poke1", "vid_9")
    lock = hold_project(key, open_project(key, workspace=settings.workspace), settings, run_id="other")
    limit("0.35")
    # A run with no part in the board: 0.068 more than there is room for beside the row's.
    assert open_reservations(settings).reserve(key, run_id="other", pictures=1) is None
    assert requested(dagit) == []
    lock.release()  # as when its process dies
    assert len(requested(dagit)) == 1


def test_a_producer_who_sets_the_row_meanwhile_wins(
    refused: str, dagit: Dagit, notion: NotionEmulator, limit: Callable[[str], None]
) -> None:
    notion.set_status(refused, "Assets Ready")
    limit("100")
    assert requested(dagit) == []
    assert notion.row(refused)["Status"] == "Assets Ready"
    notion.set_status(refused, "Asset Error")
    assert requested(dagit) == [], "it does not wait any more"


def test_a_requeued_row_that_fails_otherwise_is_not_requeued_again(
    refused: str, dagit: Dagit, notion: NotionEmulator, limit: Callable[[str], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    limit("100")
    [request] = requested(dagit)
    monkeypatch.setenv("ASSETGEN_IMAGE_SLOTS", "1")  # fewer than the manifest has
    carry_out(dagit, request)
    monkeypatch.delenv("ASSETGEN_IMAGE_SLOTS")
    report(dagit)
    assert notion.row(refused)["Status"] == "Asset Error"
    assert requested(dagit) == requested(dagit) == []


@pytest.mark.parametrize("by", ["its row", "hand"])
def test_a_row_that_a_later_run_told_another_error_does_not_wait_any_more(
    refused: str,
    dagit: Dagit,
    notion: NotionEmulator,
    limit: Callable[[str], None],
    monkeypatch: pytest.MonkeyPatch,
    by: str,
) -> None:
    monkeypatch.setenv("ASSETGEN_IMAGE_SLOTS", "1")  # fewer than the manifest has: it fails before it asks for money
    if by == "hand":
        project = {"channel": "poke1", "project": notion.row(refused)["Project ID"]}
        dagit.materialize(":".join(project.values()), tags=project)
    else:
        notion.set_status(refused, "Generating Assets")
        carry_out(dagit, requested(dagit)[0])
    monkeypatch.delenv("ASSETGEN_IMAGE_SLOTS")
    report(dagit)
    told = notion.row(refused)
    assert "$" not in told["Error Log"].partition("This project has cost")[0]
    limit("100")
    assert requested(dagit) == requested(dagit) == []
    assert notion.row(refused) == told
    assert open_reservations(load_settings()).waiting() == []


def test_a_row_that_waits_goes_on_waiting_when_a_run_by_hand_is_refused_as_well(
    refused: str, dagit: Dagit, notion: NotionEmulator, limit: Callable[[str], None]
) -> None:
    project = {"channel": "poke1", "project": notion.row(refused)["Project ID"]}
    dagit.materialize(":".join(project.values()), tags=project)
    report(dagit)
    limit("0.35")
    assert len(requested(dagit)) == 1


def test_a_row_is_not_told_to_wait_for_room_because_a_run_by_hand_found_none(
    dagit: Dagit, notion: NotionEmulator, limit: Callable[[str], None]
) -> None:
    page = notion.add_row({**ROW, "Project ID": "vid_123", "Status": "Asset Error"})
    limit("0.1")
    dagit.materialize(tags={"channel": "poke1", "project": "vid_123"})
    report(dagit)
    assert notion.row(page)["Error Log"] == "", "nobody would set its status by itself"


def test_a_status_of_its_own_may_be_named(
    dagit: Dagit, notion: NotionEmulator, limit: Callable[[str], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    statuses = ["Generating Assets", "Waiting for Budget", "Assets Ready", "Asset Error"]
    database = notion.create_database(statuses=statuses)
    monkeypatch.setenv("NOTION_DATABASE_ID", database)
    monkeypatch.setenv("NOTION_STATUS_BUDGET", "Waiting for Budget")
    limit("0.1")
    page = notion.add_row({**ROW, "Project ID": "vid_123"}, database_id=database)
    carry_out(dagit, requested(dagit)[0])
    report(dagit)
    assert notion.row(page)["Status"] == "Waiting for Budget"
    limit("1")
    assert carry_out(dagit, requested(dagit)[0]).success


def test_a_run_by_hand_is_refused_as_well(dagit: Dagit, gemini: GeminiEmulator, limit: Callable[[str], None]) -> None:
    limit("0.1")
    failed = failure_of(dagit.materialize()).description or ""
    assert "may spend $0.10" in failed
    assert gemini.journal() == []
