"""A Dagster run of one project, end to end: what is on disk, in Dagster, and in the journal."""

import base64
import io
from pathlib import Path
from typing import Any

import dagster as dg
import pytest
from PIL import Image

from assetgen_dagster.assets.keys import ASSET_MANIFEST, ASSETS_READY, CONTACT_SHEET, JOB_NAME, image_key
from assetgen_dagster.assets.tags import PAGE_TAG
from assetgen_dagster.drawing.thumbnails import INLINE_CHARACTERS, PREVIEW_CHARACTERS, SHEET_CHARACTERS
from assetgen_dagster.errors import Code
from assetgen_dagster.project.file_lock import lock_project
from assetgen_dagster.providers.cli_script import output_files
from assetgen_emulators.gemini import Fault, GeminiEmulator
from assetgen_emulators.gemini.faults import ApiError, NoImage, OddPicture
from tests.helpers.harness import Core, billed, billed_usd, both_storages, manifest_of, on_disk
from tests.helpers.studio import STORY, Dagit, failure_of
from tests.helpers.timeouts import never_answered
from tests.integration.drawing.test_money import attempts, call

IMAGES = [image_key(number) for number in range(1, 23)]


@pytest.fixture
def dagit(gemini: GeminiEmulator, instance: dg.DagsterInstance, tmp_path: Path) -> Dagit:
    return Dagit(instance, tmp_path / "workspace")


def test_a_topic_and_a_story_become_22_pictures_with_cost_and_path(dagit: Dagit, gemini: GeminiEmulator) -> None:
    result = dagit.materialize(story=STORY)
    assert result.success
    assert len(list((dagit.project() / "assets").glob("*/*.png"))) == 22
    assert len(billed(gemini.journal())) == 22
    assert dagit.total() == pytest.approx(billed_usd(gemini.journal()), abs=1e-5)
    [ready] = dagit.materializations(ASSETS_READY)
    assert (ready["generated"], ready["skipped"], ready["failed"]) == (22, 0, 0)
    assert ready["total_cost_usd"] == ready["project_cost_usd"] == pytest.approx(dagit.total(), abs=1e-5)


def _shown(markdown: str) -> Image.Image:
    """Returns the picture that the UI shows."""
    return Image.open(io.BytesIO(base64.b64decode(markdown.split("base64,")[1].rstrip(")"))))


@pytest.mark.full_size
def test_a_pictures_metadata_is_the_contract(small: Dagit) -> None:
    small.materialize()
    [image] = small.materializations(image_key(1))
    assert Path(image["path"]).is_file()
    assert {
        "cost_usd", "file_cost_usd", "cost_source", "path", "asset_type", "asset_name", "prompt_preview",
        "prompt_sha256", "model", "duration_seconds", "attempts", "reused", "width", "height", "size_bytes", "preview",
    } <= image.keys()  # fmt: skip
    assert (image["asset_type"], image["asset_name"], image["cost_source"]) == ("character", "picture_01", "usage")
    assert (image["width"], image["height"], image["attempts"], image["reused"]) == (1376, 768, 1, False)
    assert image["cost_usd"] == image["file_cost_usd"] > 0.03
    assert len(image["prompt_preview"]) <= 100
    assert image["prompt_preview"][:20] != small.materializations(image_key(2))[0]["prompt_preview"][:20]
    for name, longest in (("thumbnail", INLINE_CHARACTERS), ("preview", PREVIEW_CHARACTERS)):
        assert len(image[name]) <= longest
        assert _shown(image[name]).width >= 64


def test_a_run_that_a_row_asked_for_leads_back_to_the_row(small: Dagit, gemini: GeminiEmulator) -> None:
    page = {PAGE_TAG: "01234567-89ab-cdef-0123-456789abcdef"}
    row = "https://www.notion.so/0123456789abcdef0123456789abcdef"
    gemini.plan([Fault(NoImage("IMAGE_SAFETY"), prompt="Subject 02")])
    failed = failure_of(small.materialize(tags=page))
    assert failed.metadata["notion_row"] == row
    missing = failure_of(small.materialize(selection=[ASSETS_READY], tags=page))
    assert missing.metadata["notion_row"] == row
    assert small.materialize(tags=page).success
    assert small.materializations(ASSETS_READY)[0]["notion_row"] == row
    small.materialize(selection=[ASSETS_READY])
    assert "notion_row" not in small.materializations(ASSETS_READY)[0]


def test_slots_that_the_manifest_does_not_use_complete_the_partition_for_nothing(small: Dagit) -> None:
    assert small.materialize().success
    [unused] = small.materializations(image_key(4))
    assert (unused["unused"], unused["cost_usd"], "path" in unused) == (True, 0.0, False)


@pytest.mark.full_size
def test_the_contact_sheet_shows_every_picture_and_a_thumbnail(small: Dagit) -> None:
    small.materialize()
    [sheet] = small.materializations(CONTACT_SHEET)
    with Image.open(sheet["path"]) as image:
        assert image.format == "PNG"
        assert image.width > 1900
    assert len(sheet["preview"]) <= SHEET_CHARACTERS
    assert _shown(sheet["preview"]).width >= 400
    assert len(sheet["02 picture_02"]) <= INLINE_CHARACTERS  # seen without a click
    assert _shown(sheet["02 picture_02"]).width >= 64


def test_the_manifests_asset_shows_atmosphere_pictures_and_warnings(dagit: Dagit) -> None:
    dagit.materialize(selection=[ASSET_MANIFEST], story={"topic": "", "story_direction": ""})
    [manifest] = dagit.materializations(ASSET_MANIFEST)
    assert manifest["pictures"] == 22
    assert manifest["global_atmosphere"]
    assert "topic" in manifest["warnings"].lower()
    pictures = [record.data for record in manifest["manifest"].records]
    assert [picture["category"] for picture in pictures].count("character") == 8
    assert all(picture["name"] and picture["prompt"] for picture in pictures)


def test_without_any_story_the_run_says_where_one_can_come_from(dagit: Dagit, gemini: GeminiEmulator) -> None:
    result = dagit.materialize()
    message = failure_of(result).description
    assert "03_assets.md" in message
    assert "topic" in message
    assert gemini.journal() == []


def test_more_pictures_than_slots_is_an_error_before_anything_is_paid(dagit: Dagit, gemini: GeminiEmulator) -> None:
    dagit.write_manifest(manifest_of(23))
    message = failure_of(dagit.materialize()).description
    assert "ASSETGEN_IMAGE_SLOTS" in message
    assert "23" in message
    assert gemini.journal() == []


def test_a_partition_that_is_no_project_is_refused(dagit: Dagit, gemini: GeminiEmulator) -> None:
    message = failure_of(dagit.materialize("no-colon", story=STORY)).description
    assert "<channel>:<project>" in message
    assert gemini.journal() == []


@both_storages
def test_a_picture_that_stays_broken_fails_by_number_and_name_and_a_retry_bills_one(
    small: Dagit, gemini: GeminiEmulator
) -> None:
    gemini.plan([Fault(NoImage("IMAGE_SAFETY"), prompt="Subject 02", times=None)])
    result = small.materialize()
    failure = failure_of(result)
    assert not result.success
    assert "#02 picture_02" in failure.description
    assert "IMAGE_SAFETY" in failure.description
    assert failure.description.startswith(f"{Code.REFUSED.advice}. 1 of 3 pictures failed")
    assert failure.description.count(Code.REFUSED.advice) == 1
    five = failure.metadata
    assert (five["generated"], five["skipped"], five["failed"]) == (2, 0, 1)
    assert five["total_cost_usd"] == five["project_cost_usd"] > 0
    assert len(small.materializations(image_key(1))) == 1
    assert small.materializations(image_key(2)) == []
    assert small.materializations(ASSETS_READY) == []
    gemini.plan([])
    assert small.materialize().success
    assert len(billed(gemini.journal())) == 3
    assert small.total() == pytest.approx(billed_usd(gemini.journal()), abs=1e-5)


@both_storages
def test_a_kept_picture_is_materialized_again_for_nothing(small: Dagit, gemini: GeminiEmulator) -> None:
    gemini.plan([Fault(NoImage("IMAGE_SAFETY"), prompt="Subject 02")])
    small.materialize()
    small.materialize()
    newest, oldest = small.materializations(image_key(1))
    assert (newest["reused"], newest["cost_usd"]) == (True, 0.0)
    assert newest["file_cost_usd"] == oldest["cost_usd"]


@both_storages
def test_money_for_a_picture_that_failed_stands_on_an_observation(small: Dagit, gemini: GeminiEmulator) -> None:
    gemini.plan([Fault(NoImage("IMAGE_SAFETY"), prompt="Subject 02")])
    small.materialize()
    [seen] = small.observations(image_key(2))
    assert seen["cost_usd"] > 0
    assert small.total() == pytest.approx(billed_usd(gemini.journal()), abs=1e-5)


@both_storages
def test_a_call_without_an_answer_is_listed_apart(small: Dagit, gemini: GeminiEmulator) -> None:
    with never_answered(gemini, "Subject 02"):
        small.materialize()
    assert small.total("possibly_billed_usd") > 0
    together = small.total() + small.total("possibly_billed_usd")
    assert together == pytest.approx(billed_usd(gemini.journal()), abs=1e-5)


def test_a_dead_runs_call_is_listed_though_the_next_run_stops_before_that_picture(
    small: Dagit, core: Core, monkeypatch: pytest.MonkeyPatch
) -> None:
    dead = attempts(core)
    intent = dead._intent(call(core))
    with dead.store.change() as records:
        records.intents[intent.token] = intent
    output_files(dead._log_path(intent))[0].touch()  # its script had begun
    monkeypatch.delenv("GEMINI_API_KEY")
    failure_of(small.materialize())
    assert small.total("possibly_billed_usd") == core.possibly_billed_usd() > 0


@both_storages
def test_materializing_again_draws_everything_again(small: Dagit, gemini: GeminiEmulator) -> None:
    small.materialize()
    small.materialize()
    assert len(billed(gemini.journal())) == 6
    [again, first] = small.materializations(ASSETS_READY)
    assert again["project_cost_usd"] == pytest.approx(2 * first["total_cost_usd"], abs=1e-4)


def test_one_picture_can_be_drawn_again_alone(small: Dagit, gemini: GeminiEmulator) -> None:
    small.materialize()
    assert small.materialize(selection=[image_key(2)]).success
    assert len(billed(gemini.journal())) == 4
    assert len(small.materializations(image_key(1))) == 1
    assert small.materializations(image_key(2))[0]["reused"] is False


def test_an_unused_slot_materialized_alone_opens_no_round(small: Dagit, gemini: GeminiEmulator) -> None:
    small.materialize()
    assert small.materialize(selection=[image_key(4)]).success
    small.materialize(mode="resume")
    assert len(gemini.journal()) == 3


def test_after_only_the_contact_sheet_failed_nothing_is_paid_again(small: Dagit, gemini: GeminiEmulator) -> None:
    sheet = small.project() / "contact_sheet.png"
    sheet.mkdir()
    result = small.materialize()
    assert not result.success
    assert "contact_sheet.png" in failure_of(result).description
    sheet.rmdir()
    assert small.materialize().success
    assert len(gemini.journal()) == 3


def test_a_second_run_on_a_project_stops_with_the_name_of_the_first(small: Dagit, gemini: GeminiEmulator) -> None:
    small.materialize(selection=[ASSET_MANIFEST])
    with lock_project(small.project() / ".assetgen" / "lock", run_id="the_first_run"):
        result = small.materialize()
    assert "the_first_run" in failure_of(result).description
    assert gemini.journal() == []


def materialize_02(small: Dagit, **config: Any) -> dg.ExecuteInProcessResult:
    job = small.definitions.resolve_job_def(JOB_NAME)
    return job.execute_in_process(
        {"ops": {"images": {"config": config}}}, instance=small.instance, partition_key="poke1:vid_123",
        asset_selection=[image_key(2)], raise_on_error=False,
    )  # fmt: skip


def test_a_remark_that_is_about_no_picture_is_an_error_and_not_a_picture_without_it(
    small: Dagit, gemini: GeminiEmulator
) -> None:
    small.materialize()
    failed = failure_of(materialize_02(small, remark="more fog"))
    assert failed.metadata["codes"] == [Code.REDRAW]
    assert 'redraw: ["2"]' in failed.description
    assert len(gemini.journal()) == 3


def test_in_run_config_a_number_names_a_picture_as_on_the_command_line(small: Dagit, gemini: GeminiEmulator) -> None:
    small.materialize()
    unknown = failure_of(materialize_02(small, redraw=["pictur_02", "77"])).description
    assert unknown.startswith(
        "Nothing was drawn: there is no picture 'pictur_02' (did you mean picture_02, #02?); there"
    )
    assert "no picture 77" in unknown
    assert len(gemini.journal()) == 3
    assert materialize_02(small, redraw=["2"], remark="more fog").success
    [again] = gemini.journal()[3:]
    assert "Subject 02" in again.prompt
    assert again.prompt.endswith("more fog")


def test_a_wrong_key_is_one_message_that_begins_with_what_to_do(small: Dagit, gemini: GeminiEmulator) -> None:
    gemini.plan([Fault(ApiError(400, reason="API_KEY_INVALID", message="API key not valid."), times=None)])
    assert failure_of(small.materialize()).description.startswith("Set GEMINI_API_KEY to a valid key")


@pytest.mark.full_size
def test_the_checks_name_the_pictures_that_fail_them(small: Dagit, gemini: GeminiEmulator) -> None:
    gemini.plan(
        [
            Fault(OddPicture(width=400, height=229), prompt="Subject 01"),
            Fault(OddPicture(flat=True), prompt="Subject 02"),
            Fault(OddPicture(width=1024, height=1024), prompt="Subject 03"),
        ]
    )
    result = small.materialize()
    assert result.success, "a defect marks a picture and fails nothing"
    evaluations = {check.check_name: check for check in result.get_asset_check_evaluations()}
    failing = {name: check.metadata["failing"].value for name, check in evaluations.items()}
    assert failing == {
        "pictures_decode": [],
        "pictures_large_enough": ["picture_01"],
        "pictures_not_flat": ["picture_02"],
        "pictures_aspect_ratio": ["picture_03"],
    }
    assert evaluations["pictures_aspect_ratio"].severity is dg.AssetCheckSeverity.WARN
    assert evaluations["pictures_not_flat"].severity is dg.AssetCheckSeverity.ERROR
    [ready] = small.materializations(ASSETS_READY)
    assert ready["look_at_numbers"] == "1-3"
    assert all(f"#0{number} picture_0{number}: " in ready["look_at"] for number in (1, 2, 3))
    marked = small.project() / "contact_sheet.png"
    small.materialize(selection=[image_key(2), ASSETS_READY, CONTACT_SHEET])
    [ready, _] = small.materializations(ASSETS_READY)
    assert ready["look_at_numbers"] == "1, 3"
    with Image.open(marked) as sheet:
        frames = [sheet.getpixel((10 + (384 + 10) * index, 64)) for index in range(3)]
    assert frames[0] == frames[2] != frames[1], "pictures 1 and 3 are framed"


def test_assets_ready_alone_says_which_pictures_are_missing(small: Dagit) -> None:
    small.materialize()
    (small.project() / "assets/characters/picture_02.png").unlink()
    message = failure_of(small.materialize(selection=[ASSETS_READY])).description
    assert "#02 picture_02" in message


@on_disk
def test_no_secret_and_no_long_prompt_is_in_dagsters_records(
    small: Dagit, gemini: GeminiEmulator, tmp_path: Path
) -> None:
    import os

    dagit = small
    dagit.write_manifest(manifest_of(1, picture_01="API_KEY=secret123 then " + "wordy " * 60))
    dagit.materialize()
    [image] = dagit.materializations(image_key(1))
    assert "secret123" not in str(image)
    databases = [path.read_bytes() for path in (tmp_path / "dagster_home").rglob("*") if path.is_file()]
    assert not any(b"secret123" in content for content in databases)
    assert not any(os.environ["GEMINI_API_KEY"].encode() in content for content in databases)
    assert not any(b"wordy " * 20 in content for content in databases)


def test_a_round_that_no_picture_came_of_is_taken_back_so_that_a_finished_project_stays_finished(
    small: Dagit, gemini: GeminiEmulator
) -> None:
    small.materialize()
    gemini.plan([Fault(ApiError(400, reason="API_KEY_INVALID", message="API key not valid."), times=None)])
    assert not small.materialize().success
    gemini.plan([])
    calls = len(gemini.journal())
    assert small.materialize(mode="resume").success
    assert len(gemini.journal()) == calls, "nothing is missing or changed"


def test_a_round_that_a_picture_came_of_is_gone_on_with(small: Dagit, gemini: GeminiEmulator) -> None:
    small.materialize()
    gemini.plan([Fault(NoImage("IMAGE_SAFETY"), prompt="Subject 02")])
    assert not small.materialize().success
    assert small.materialize(mode="resume").success
    assert len(billed(gemini.journal())) == 6
