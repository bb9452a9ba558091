"""The Dagster UI in a real browser: every way of use that the documents describe, and what each was billed."""

from pathlib import Path

import pytest
from playwright.sync_api import expect

from assetgen_dagster.director.director import create_asset_manifest
from assetgen_dagster.manifest.model import AssetPrompt
from assetgen_emulators.gemini import Fault, GeminiEmulator
from assetgen_emulators.gemini.faults import Hang, NoImage
from assetgen_emulators.notion import NotionEmulator
from tests.helpers.dev import Dev, eventually
from tests.helpers.harness import billed, project_folder, write_project
from tests.helpers.pipeline import ROW
from tests.helpers.studio import STORY
from tests.ui.conftest import Screenshots
from tests.ui.console import Console

pytestmark = [pytest.mark.ui, pytest.mark.timeout(900)]

CONFIG = """\
ops:
  asset_manifest:
    config:
      topic: Bulbasaur forest documentary
      story_direction: Show evolution through seasons
"""


def six_pictures(workspace: Path, partition: str) -> list[AssetPrompt]:
    """Makes a project of two pictures of each kind, by hand as a producer would; returns them in order."""
    whole = create_asset_manifest(STORY["topic"], STORY["story_direction"])
    manifest = whole.model_copy(update={"assets": tuple(whole.assets[i] for i in (0, 1, 8, 9, 17, 18))})
    write_project(workspace, manifest, partition)
    return list(manifest.assets)


def calls_for(gemini: GeminiEmulator, asset: AssetPrompt) -> list[str]:
    """Returns how each call for a picture ended."""
    return [call.outcome for call in gemini.journal() if asset.prompt in call.prompt]


@pytest.fixture
def workspace(tmp_path: Path) -> Path:
    return tmp_path / "workspace"


def test_a_partition_is_added_given_its_story_and_materialized(
    console: Console, gemini: GeminiEmulator, workspace: Path, screenshots: Screenshots
) -> None:
    console.open_group()
    console.add_partition(console.open_dialog(), "poke1:vid_124")
    console.open_group()
    dialog = console.open_dialog()
    console.choose_partitions(dialog, "poke1:vid_124", 1)
    editor = console.write_config(dialog, CONFIG)
    screenshots.take(console, "story_in_config")
    editor.get_by_role("button", name="Save config").click()
    console.launch(dialog)
    console.wait_for_status("Success")

    assert len(billed(gemini.journal())) == len(gemini.journal()) == 22
    project = project_folder(workspace, "poke1:vid_124")
    assert len(list((project / "assets").glob("*/*.png"))) == 22
    console.open_asset("contact_sheet", "poke1:vid_124")
    expect(console.page.get_by_alt_text("thumbnail")).to_have_count(22)


def test_one_picture_is_drawn_again_and_the_sums_follow(
    console: Console, dev: Dev, gemini: GeminiEmulator, workspace: Path, screenshots: Screenshots
) -> None:
    pictures = six_pictures(workspace, "poke1:vid_125")
    dev.add_partition("poke1:vid_125")
    assert dev.wait_for(dev.launch("poke1:vid_125")) == "SUCCESS"
    console.open_asset("image_02")
    dialog = console.open_dialog()
    console.choose_partitions(dialog, "poke1:vid_125", 1)
    console.launch(dialog)
    console.wait_for_status("Success")

    assert [len(calls_for(gemini, picture)) for picture in pictures] == [1, 2, 1, 1, 1, 1]
    assert dev.wait_for_runs_of("refresh_project_assets", 240) == ["SUCCESS"]
    assert len(gemini.journal()) == 7
    console.open_asset("image_02")
    expect(console.page.get_by_alt_text("thumbnail").first).to_be_visible()
    expect(console.page.get_by_text(pictures[1].name, exact=True)).to_be_visible()
    screenshots.take(console, "picture")


def test_a_backfill_of_what_failed_and_is_missing_pays_for_that_only(
    console: Console, dev: Dev, gemini: GeminiEmulator, workspace: Path, screenshots: Screenshots
) -> None:
    partitions = ["poke1:vid_126", "poke1:vid_127"]
    pictures, _ = (six_pictures(workspace, partition) for partition in partitions)
    gemini.plan([Fault(NoImage("IMAGE_SAFETY"), prompt=pictures[1].prompt, times=2)])
    for partition in partitions:
        dev.add_partition(partition)
        assert dev.wait_for(dev.launch(partition)) == "FAILURE"
    assert len(billed(gemini.journal())) == 10
    console.open_asset("image_02", "poke1:vid_126")
    expect(console.page.get_by_text("Failed (2)")).to_be_visible()
    screenshots.take(console, "failed_partitions")

    gemini.reset()
    console.open_group()
    dialog = console.open_dialog()
    console.choose_partitions(dialog, "poke1:", 2)
    dialog.get_by_text("Backfill only failed and missing partitions within selection").click()
    expect(dialog).to_contain_text("Only 2 failed and missing partitions")
    screenshots.take(console, "backfill")
    console.launch(dialog, "Launch backfill")
    console.wait_for_backfill()

    assert calls_for(gemini, pictures[1]) == ["ok", "ok"]
    assert len(gemini.journal()) == 2
    console.open_asset("image_02", "poke1:vid_126")
    expect(console.page.get_by_text("Failed (0)")).to_be_visible()


def test_a_run_that_was_cancelled_in_the_middle_goes_on_from_there(
    console: Console, dev: Dev, gemini: GeminiEmulator, workspace: Path, screenshots: Screenshots
) -> None:
    pictures = six_pictures(workspace, "poke1:vid_128")
    dev.add_partition("poke1:vid_128")
    gemini.plan([Fault(Hang(), prompt=pictures[1].prompt)])
    first = dev.launch("poke1:vid_128")
    console.open_run(first)
    # Five are on their way to the disk or there; the sixth never comes.
    assets = project_folder(workspace, "poke1:vid_128") / "assets"
    eventually(lambda: len(list(assets.glob("*/*.png"))) == 5, 240)
    assert calls_for(gemini, pictures[1]) == ["in_flight"]
    console.page.get_by_role("button", name="Terminate").click()
    console.page.get_by_role("dialog").get_by_role("button", name="Terminate 1 run").click()
    console.wait_for_status("Canceled")

    item = console.open_re_execution().filter(has_text="From failure")
    expect(item).to_be_visible()
    screenshots.take(console, "cancelled")
    item.click()
    console.page.wait_for_url(lambda url: not url.endswith(first))
    console.wait_for_status("Success")
    assert calls_for(gemini, pictures[1]) == ["hang", "ok"]
    assert len(gemini.journal()) == 7


def test_a_row_leads_to_its_run_and_from_there_to_its_pictures(
    console: Console, gemini: GeminiEmulator, notion: NotionEmulator, workspace: Path, screenshots: Screenshots
) -> None:
    pictures = six_pictures(workspace, "poke1:vid_129")
    row = notion.add_row({**ROW, "Project ID": "vid_129"})
    notion.wait_for(lambda calls: any(call.saved for call in calls), timeout=240)
    assert notion.row(row)["Status"] == "Assets Ready"
    [link] = [call.body["properties"]["Run"]["rich_text"][0]["text"]["link"] for call in notion.journal() if call.saved]
    console.page.goto(link["url"])
    console.wait_for_status("Success")
    expect(console.page.get_by_text("RUN_SUCCESS")).to_be_visible()
    screenshots.take(console, "run_of_a_row")
    assert len(gemini.journal()) == len(pictures)
    console.page.get_by_text("25 assets").hover()
    console.page.get_by_text("View list").click()
    console.page.get_by_role("dialog").get_by_role("link", name="contact_sheet").click()
    expect(console.page.get_by_alt_text("thumbnail")).to_have_count(len(pictures))
