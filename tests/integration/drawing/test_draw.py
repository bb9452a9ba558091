"""The drawing of one project: the real script as a subprocess, the emulator's journal as witness."""

import io
import json
from pathlib import Path

import pytest
from PIL import Image

from assetgen_dagster.drawing.events import PictureStarted
from assetgen_dagster.drawing.plan import Mode
from assetgen_dagster.manifest.model import AssetManifest, AssetType
from assetgen_dagster.support.log import configure_logging
from assetgen_emulators.gemini import Fault, GeminiEmulator
from assetgen_emulators.gemini.faults import ApiError, NoUsage, OddPicture, Thoughts
from tests.helpers.harness import ATMOSPHERE, Core, billed, billed_usd, manifest_of, picture_usd


def test_every_picture_is_drawn_once_and_lies_where_the_next_step_looks(core: Core, gemini: GeminiEmulator) -> None:
    core.manifest = manifest_of(22)
    drawing = core.draw()
    assets = core.settings.workspace / "channels/poke1/projects/vid_123/assets"
    assert [len(list((assets / folder).glob("*.png"))) for folder in ("characters", "environments", "props")] == [
        8,
        9,
        5,
    ]
    assert (drawing.summary.generated, drawing.summary.skipped, drawing.summary.failed) == (22, 0, 0)
    assert len(billed(gemini.journal())) == 22
    assert core.confirmed_usd() == pytest.approx(billed_usd(gemini.journal()), abs=1e-6)
    assert all(Image.open(path).format == "PNG" for path in assets.glob("*/*.png"))


def test_the_script_is_given_atmosphere_and_prompt_together(core: Core, gemini: GeminiEmulator) -> None:
    core.draw({1})
    assert gemini.journal()[0].prompt == f"{ATMOSPHERE}\n\nSubject 01 alone"
    assert gemini.journal()[0].aspect_ratio == "16:9"


def test_a_resume_draws_only_the_ten_that_are_missing(
    core: Core, gemini: GeminiEmulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ASSETGEN_IMAGE_CONCURRENCY", "1")
    core.manifest = manifest_of(22)
    gemini.plan([Fault(ApiError(403), nth=13)])
    first = core.draw()
    assert (first.summary.generated, first.summary.failed) == (12, 10)
    before = core.files()
    second = core.draw()
    assert (second.summary.generated, second.summary.skipped, second.summary.failed) == (10, 12, 0)
    assert len(billed(gemini.journal())) == 22
    assert {name: core.files()[name] for name in before} == before
    assert core.confirmed_usd() == pytest.approx(billed_usd(gemini.journal()), abs=1e-6)


def test_after_a_finished_round_everything_is_drawn_again_to_the_same_paths(core: Core, gemini: GeminiEmulator) -> None:
    core.draw()
    before = core.files()
    again = core.draw()
    assert again.summary.generated == 3
    assert core.files().keys() == before.keys()
    assert len(billed(gemini.journal())) == 6
    assert core.confirmed_usd() == pytest.approx(billed_usd(gemini.journal()), abs=1e-6)


def test_a_round_stays_open_until_ready_and_sheet_are_recorded(core: Core, gemini: GeminiEmulator) -> None:
    core.draw(close=False)
    assert core.draw().summary.skipped == 3
    assert len(gemini.journal()) == 3


def test_a_picture_named_by_hand_is_drawn_again_and_the_others_stay(core: Core, gemini: GeminiEmulator) -> None:
    core.draw()
    before = core.files()
    gemini.plan([Fault(OddPicture(width=640))])  # the emulator draws the same for the same prompt
    again = core.draw({2})
    assert [str(done.task) for done in again.done()] == ["#02 picture_02"]
    assert [name for name, content in core.files().items() if content != before[name]] == ["picture_02"]
    assert len(gemini.journal()) == 4
    assert len(core.records.rounds) == 1


def test_pictures_start_in_the_order_of_their_numbers(core: Core, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ASSETGEN_IMAGE_CONCURRENCY", "1")
    started = [event.task.number for event in core.draw().events if isinstance(event, PictureStarted)]
    assert started == [1, 2, 3]


def test_no_more_scripts_run_at_once_than_allowed(
    core: Core, gemini: GeminiEmulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ASSETGEN_IMAGE_CONCURRENCY", "2")
    gemini.set_latency(0.2)
    core.manifest = manifest_of(6)
    core.draw()
    calls = gemini.journal()
    overlaps = [sum(a.arrived_at < b.arrived_at < (a.finished_at or 0) for a in calls) for b in calls]
    assert max(overlaps) == 1


def test_a_changed_prompt_is_drawn_anew_by_a_resume_and_the_reason_is_given(core: Core, gemini: GeminiEmulator) -> None:
    core.draw()
    core.manifest = manifest_of(3, picture_02="Another subject")
    again = core.draw(mode=Mode.RESUME)
    assert {str(done.task): done.task.step.reason for done in again.done()} == {
        "#01 picture_01": "done",
        "#02 picture_02": "prompt changed",
        "#03 picture_03": "done",
    }
    assert len(gemini.journal()) == 4


def test_a_file_retouched_by_hand_is_kept_until_it_is_named(core: Core, gemini: GeminiEmulator) -> None:
    core.draw()
    Image.new("RGB", (1344, 768), "red").save(core.file("picture_02"))
    retouched = core.files()["picture_02"]
    again = core.draw()
    assert [done.task.step.retouched for done in sorted(again.done(), key=lambda d: d.task.number)] == [
        False,
        True,
        False,
    ]
    assert core.files()["picture_02"] == retouched
    core.draw({2})
    assert core.files()["picture_02"] != retouched
    assert len(gemini.journal()) == 6


def test_a_file_that_was_there_before_is_kept_at_unknown_cost(core: Core, gemini: GeminiEmulator) -> None:
    core.file("picture_01").parent.mkdir(exist_ok=True)
    Image.new("RGB", (1344, 768), "green").save(core.file("picture_01"))
    done = core.draw().done()[0]
    assert (done.task.step.action, done.record.file_cost_usd, done.record.cost_source) == ("adopt", None, "unknown")
    assert len(gemini.journal()) == 2


def test_half_a_file_that_was_there_before_is_drawn(core: Core, gemini: GeminiEmulator) -> None:
    buffer = io.BytesIO()
    Image.new("RGB", (1344, 768), "green").save(buffer, format="PNG")
    core.file("picture_01").write_bytes(buffer.getvalue()[:-100])
    core.draw()
    assert len(gemini.journal()) == 3


def test_a_deleted_file_is_drawn_again_by_a_resume(core: Core, gemini: GeminiEmulator) -> None:
    core.draw()
    core.file("picture_03").unlink()
    assert core.draw(mode=Mode.RESUME).summary.generated == 1
    assert len(gemini.journal()) == 4


def test_a_picture_that_left_the_manifest_leaves_the_assets_folder_but_is_not_lost(core: Core) -> None:
    core.draw()
    gone = core.files()["picture_02"]
    assets = tuple(asset for asset in core.manifest.assets if asset.name != "picture_02")
    core.manifest = AssetManifest(global_atmosphere=ATMOSPHERE, assets=assets)
    core.draw(mode=Mode.RESUME)
    assert sorted(core.files()) == ["picture_01", "picture_03"]
    assert [path.read_bytes() for path in core.paths.retired.iterdir()] == [gone]
    assert core.records.numbers == {"picture_01": 1, "picture_03": 3}


def test_a_picture_whose_category_changed_moves_unpaid(core: Core, gemini: GeminiEmulator) -> None:
    core.draw()
    first, *rest = core.manifest.assets
    moved = first.model_copy(update={"asset_type": AssetType.PROP})
    core.manifest = AssetManifest(global_atmosphere=ATMOSPHERE, assets=(moved, *rest))
    core.draw(mode=Mode.RESUME)
    assert core.file("picture_01").parent.name == "props"
    assert sorted(core.files()) == ["picture_01", "picture_02", "picture_03"]
    assert len(gemini.journal()) == 3


def test_without_reported_usage_the_storys_estimate_counts(core: Core, gemini: GeminiEmulator) -> None:
    gemini.plan([Fault(NoUsage(), times=None)])
    done = core.draw({1}).done()[0]
    assert (done.record.file_cost_usd, done.record.cost_source) == (0.068, "estimate")


def test_thinking_is_paid_for_and_counted(core: Core, gemini: GeminiEmulator) -> None:
    gemini.plan([Fault(Thoughts(drafts=2, tokens=2000), times=None)])
    core.draw({1})
    assert core.confirmed_usd() == pytest.approx(gemini.journal()[0].billed_usd, abs=1e-6)
    assert core.confirmed_usd() > picture_usd()


def test_nothing_is_left_in_the_staging_folder(core: Core, gemini: GeminiEmulator) -> None:
    gemini.plan([Fault(ApiError(400), prompt="Subject 02")])
    core.draw()
    assert list(core.paths.staging.iterdir()) == []
    assert core.records.intents == {}


def test_records_name_files_from_the_workspace_so_that_it_can_move(core: Core) -> None:
    core.draw()
    assert (
        core.records.pictures["picture_01"].path == "channels/poke1/projects/vid_123/assets/characters/picture_01.png"
    )
    assert str(core.settings.workspace) not in core.paths.records.read_text()


def test_logs_carry_the_storys_events_and_names(core: Core) -> None:
    log = io.StringIO()
    configure_logging(log)
    core.manifest = manifest_of(2, picture_01="A secret ingredient API_KEY=secret123 " + "x" * 300)
    core.draw()
    lines = [json.loads(line) for line in log.getvalue().splitlines()]
    names = [line["event"] for line in lines]
    assert names[0] == "asset_generation_start"
    assert names.count("asset_generation_asset_success") == 2
    assert names[-1] == "asset_generation_complete"
    assert "secret123" not in json.dumps(lines)


@pytest.mark.parametrize(
    "prompt",
    ["; rm -rf / | $(reboot) `id` && \"quoted\" 'twice'", "---", "-x --output=/etc/passwd", "ü\U0001f98a\n\ttabs"],
)
def test_a_prompt_reaches_the_api_as_it_is_whatever_it_contains(
    core: Core, gemini: GeminiEmulator, prompt: str
) -> None:
    core.manifest = manifest_of(1, picture_01=prompt).model_copy(update={"global_atmosphere": ""})
    core.draw()
    assert gemini.journal()[0].prompt == prompt.strip()


def test_a_prompt_of_100_kb_is_drawn(core: Core, gemini: GeminiEmulator) -> None:
    core.manifest = manifest_of(1, picture_01="word " * 20_000)
    assert core.draw().summary.generated == 1
    assert len(gemini.journal()[0].prompt) > 99_000


def test_two_channels_with_the_same_project_share_nothing(core: Core, gemini: GeminiEmulator) -> None:
    other = Core(type(core.key)("poke2", core.key.project))
    core.draw()
    other.draw()
    assert core.paths.project != other.paths.project
    assert not {str(path) for path in core.paths.project.rglob("*")} & {str(p) for p in other.paths.project.rglob("*")}
    assert len(billed(gemini.journal())) == 6


def test_a_picture_left_alone_on_disk_by_an_earlier_version_of_its_name_is_not_touched(core: Core) -> None:
    stranger = core.paths.characters / "someone_elses.png"
    stranger.write_bytes(b"not ours")
    core.draw()
    assert Path(stranger).read_bytes() == b"not ours"
