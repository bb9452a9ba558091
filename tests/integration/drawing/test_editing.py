"""A producer edits the manifest: what the next run draws, keeps, puts aside and brings back, and what that costs."""

import io
import json
from pathlib import Path

import pytest
from rich.console import Console

from assetgen_dagster.cli.progress import Display, message
from assetgen_dagster.drawing.events import PlanMade
from assetgen_dagster.drawing.plan import Mode
from assetgen_dagster.manifest.model import AssetManifest, AssetType
from assetgen_dagster.support.log import configure_logging
from assetgen_emulators.gemini import GeminiEmulator
from tests.helpers.harness import Core, billed, manifest_of


def without(manifest: AssetManifest, *names: str) -> AssetManifest:
    kept = tuple(asset for asset in manifest.assets if asset.name not in names)
    return manifest.model_copy(update={"assets": kept})


def edited(manifest: AssetManifest, name: str, **fields: object) -> AssetManifest:
    assets = [a.model_copy(update=fields) if a.name == name else a for a in manifest.assets]
    return manifest.model_copy(update={"assets": tuple(assets)})


def actions(core: Core, mode: Mode = Mode.RESUME) -> dict[str, str]:
    """Returns what a run did with each picture."""
    return {done.task.asset.name: str(done.task.step.action) for done in core.draw(mode=mode).done()}


# --- pictures that leave and return -----------------------------------------------------------------------------------


def test_a_picture_that_left_and_returns_is_brought_back_unpaid(core: Core, gemini: GeminiEmulator) -> None:
    full = core.manifest
    core.draw()
    before, record = core.files(), core.records.pictures["picture_02"]
    core.manifest = without(full, "picture_02")
    core.draw(mode=Mode.RESUME)
    assert "picture_02" not in core.files()
    core.manifest = full
    assert actions(core) == {"picture_01": "keep", "picture_02": "restore", "picture_03": "keep"}
    assert core.files() == before
    assert core.records.pictures["picture_02"] == record
    assert core.records.numbers == {"picture_01": 1, "picture_02": 2, "picture_03": 3}
    assert core.records.retired == {}
    assert list(core.paths.retired.iterdir()) == []
    assert len(gemini.journal()) == 3


def test_it_returns_into_another_category_and_a_later_round(core: Core, gemini: GeminiEmulator) -> None:
    full = core.manifest
    core.draw()
    core.manifest = without(full, "picture_02")
    core.draw()  # a new round, which that picture is not part of
    core.manifest = edited(full, "picture_02", asset_type=AssetType.PROP)
    assert actions(core)["picture_02"] == "restore"
    assert core.file("picture_02").parent.name == "props"
    assert core.records.pictures["picture_02"].round == 2
    assert len(gemini.journal()) == 5


@pytest.mark.parametrize(
    "change",
    ["prompt", "aspect_ratio", "model", "reference", "retouched", "deleted", "new round", "regenerate", "by name"],
)
def test_it_is_paid_for_where_it_would_be_another_picture_or_is_asked_for(
    core: Core, gemini: GeminiEmulator, monkeypatch: pytest.MonkeyPatch, change: str
) -> None:
    full = core.manifest
    core.draw()
    core.manifest = without(full, "picture_02")
    core.draw(mode=Mode.RESUME)
    [aside] = core.paths.retired.iterdir()
    core.manifest = full
    match change:
        case "prompt" | "aspect_ratio":
            core.manifest = edited(full, "picture_02", **{change: "4:3"})
        case "reference":
            core.manifest = edited(full, "picture_02", references=("picture_01",))
        case "model":
            monkeypatch.setenv("GEMINI_IMAGE_MODEL", "gemini-3.1-flash-image")
        case "retouched":
            aside.write_bytes(core.file("picture_01").read_bytes())
        case "deleted":
            aside.unlink()
    paid = len(gemini.journal())
    mode = {"new round": Mode.AUTO, "regenerate": Mode.REGENERATE}.get(change, Mode.RESUME)
    drawing = core.draw({2}) if change == "by name" else core.draw(mode=mode)
    assert {done.task.asset.name: str(done.task.step.action) for done in drawing.done()}["picture_02"] == "draw"
    assert any("Subject 02" in call.prompt or call.prompt.endswith("4:3") for call in gemini.journal()[paid:])


def test_a_process_that_dies_while_a_picture_leaves_or_returns_costs_nothing(
    core: Core, gemini: GeminiEmulator
) -> None:
    full, output = core.manifest, core.file("picture_02")
    core.draw()
    core.manifest = without(full, "picture_02")
    aside = core.paths.set_aside(output)  # it left the folder, and the records do not say so yet
    output.unlink()
    core.draw(mode=Mode.RESUME)
    assert core.records.retired["picture_02"].path == core.paths.relative(aside)
    core.manifest = full
    output.hardlink_to(aside)  # it is back, and the records do not say so yet
    assert actions(core)["picture_02"] == "restore"
    assert len(gemini.journal()) == 3


def test_a_new_picture_in_the_middle_renumbers_nobody_and_is_all_that_is_drawn(
    core: Core, gemini: GeminiEmulator
) -> None:
    core.draw()
    first, *rest = core.manifest.assets
    new = first.model_copy(update={"name": "newcomer", "prompt": "A newcomer"})
    core.manifest = core.manifest.model_copy(update={"assets": (first, new, *rest)})
    assert actions(core) == {
        "picture_01": "keep", "picture_02": "keep", "picture_03": "keep", "newcomer": "draw"
    }  # fmt: skip
    assert core.records.numbers == {"picture_01": 1, "picture_02": 2, "picture_03": 3, "newcomer": 4}
    assert len(gemini.journal()) == 4


# --- what is drawn is said before it starts ---------------------------------------------------------------------------


def test_a_resume_draws_exactly_what_changed_and_says_which_and_why_before_it_starts(
    core: Core, gemini: GeminiEmulator
) -> None:
    core.manifest = manifest_of(6)
    core.draw()
    manifest = edited(core.manifest, "picture_02", prompt="Another subject")
    manifest = edited(manifest, "picture_03", aspect_ratio="4:3")
    manifest = edited(manifest, "picture_04", references=("picture_01",))
    core.manifest = edited(manifest, "picture_05", aspect_ratio="1.85:1")
    log = io.StringIO()
    configure_logging(log)
    drawing = core.draw(mode=Mode.RESUME)
    started = next(json.loads(line) for line in log.getvalue().splitlines() if "asset_generation_start" in line)
    assert started["why"] == {
        "prompt changed": ["#02 picture_02"],
        "aspect ratio changed": ["#03 picture_03"],
        "references changed": ["#04 picture_04"],
    }
    assert isinstance(drawing.events[0], PlanMade)
    shown = io.StringIO()
    with Display(Console(file=shown, width=200)) as display:
        news = message("poke1:vid_123", drawing.events[0])
        assert news is not None
        display.show(news)
    assert shown.getvalue().splitlines() == [
        "poke1:vid_123: drawing 3 of 6 pictures (prompt changed, aspect ratio changed, references changed)",
        "  prompt changed: #02 picture_02",
        "  aspect ratio changed: #03 picture_03",
        "  references changed: #04 picture_04",
    ]
    assert len(billed(gemini.journal())) == 9


# --- aspect ratios ----------------------------------------------------------------------------------------------------


@pytest.mark.full_size
def test_a_pictures_own_aspect_ratio_is_obeyed_before_the_setting(core: Core, gemini: GeminiEmulator) -> None:
    core.manifest = edited(core.manifest, "picture_02", aspect_ratio="8:6")
    core.draw()
    ratios = {call.prompt.rsplit("\n", 1)[-1]: call.aspect_ratio for call in gemini.journal()}
    assert ratios == {"Subject 01 alone": "16:9", "Subject 02 alone": "4:3", "Subject 03 alone": "16:9"}
    assert core.records.pictures["picture_02"].facts.width == 1200


@pytest.mark.parametrize(
    ("ratio", "model", "drawn"),
    [
        ("4:1", "gemini-nano-banana-2.1", "4:1"),
        ("4:1", "gemini-2.5-flash-image", "16:9"),
        ("1.85:1", "gemini-nano-banana-2.1", "16:9"),
        ("5:0", "gemini-nano-banana-2.1", "16:9"),
    ],
)
def test_a_ratio_that_the_model_does_not_draw_is_reported_and_the_usual_one_taken(
    core: Core, gemini: GeminiEmulator, monkeypatch: pytest.MonkeyPatch, ratio: str, model: str, drawn: str
) -> None:
    monkeypatch.setenv("GEMINI_IMAGE_MODEL", model)
    core.manifest = edited(manifest_of(1), "picture_01", aspect_ratio=ratio)
    drawing = core.draw()
    assert gemini.journal()[0].aspect_ratio == drawn
    told = f"#01 picture_01: {model} does not draw {ratio}; it is drawn in 16:9"
    assert drawing.plan().warnings == (() if drawn == ratio else (told,))
    assert core.draw(mode=Mode.RESUME).summary.generated == 0


def test_a_foreign_script_finds_the_ratio_in_its_environment(
    core: Core, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    script = tmp_path / "theirs.py"
    script.write_text(
        "import os, sys; from PIL import Image\n"
        "size = {'16:9': (1600, 900), '8:1': (1600, 200)}[os.environ['GEMINI_ASPECT_RATIO']]\n"
        "Image.effect_noise(size, 90).convert('RGB').save(sys.argv[2].removeprefix('--output='))"
    )
    monkeypatch.setenv("ASSETGEN_SCRIPT", str(script))
    monkeypatch.setenv("GEMINI_IMAGE_MODEL", "gemini-2.5-flash-image")  # what it draws with is its own matter
    core.manifest = edited(manifest_of(2), "picture_02", aspect_ratio="8:1")
    assert core.draw().summary.generated == 2
    assert {name: record.facts.height for name, record in core.records.pictures.items()} == {
        "picture_01": 900, "picture_02": 200
    }  # fmt: skip
