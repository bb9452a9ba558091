"""``assetgen plan``: it says what a run then does, and changes nothing."""

import json
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest
import typer.testing

from assetgen_dagster.budget.stores import open_switches
from assetgen_dagster.budget.switches import pause
from assetgen_dagster.cli.main import app
from assetgen_dagster.cli.planning import make_plan
from assetgen_dagster.director.source import DOCUMENT_FILE, ManifestConflictError, Story, resolve_in_folder
from assetgen_dagster.drawing.events import Event, PictureDone
from assetgen_dagster.drawing.plan import Mode, Request
from assetgen_dagster.drawing.redraw import known_pictures, read_redraw, write_remark
from assetgen_dagster.errors import AssetgenError
from assetgen_dagster.manifest.file import MANIFEST_FILE
from assetgen_dagster.manifest.model import AssetManifest, AssetPrompt, AssetType
from assetgen_dagster.project.file_lock import lock_project
from assetgen_dagster.project.key import ProjectKey
from assetgen_dagster.settings import load_settings
from assetgen_emulators.gemini import Fault, GeminiEmulator
from assetgen_emulators.gemini.faults import OddPicture
from tests.helpers.breakers import make_half_open, turn_billing_off
from tests.helpers.harness import Core, billed_usd, picture_usd

KEY = ProjectKey("poke1", "vid_123")


def fox(name: str, **fields: Any) -> AssetPrompt:
    return AssetPrompt(asset_type=AssetType.CHARACTER, name=name, prompt=f"Prompt of {name}", **fields)


#: A core and two that refer to it, one of them in a ratio of its own.
FOXES = AssetManifest(
    global_atmosphere="Rain",
    assets=(fox("fox_front", core=True), fox("fox_asleep"), fox("fox_awake", aspect_ratio="4:3")),
)


def everything(folder: Path) -> dict[str, tuple[int, bytes]]:
    """Returns all files and folders with their times and contents."""
    found = sorted(folder.rglob("*")) if folder.exists() else []
    return {str(p): (p.stat().st_mtime_ns, p.read_bytes() if p.is_file() else b"") for p in found}


def write(core: Core, manifest: AssetManifest) -> None:
    core.manifest = manifest
    content = manifest.model_dump(mode="json", exclude={"warnings"})
    (core.paths.project / MANIFEST_FILE).write_text(json.dumps(content))


@pytest.fixture
def foxes(core: Core) -> Core:
    write(core, FOXES)
    return core


def plan(*options: str) -> dict[str, Any]:
    """Returns the command's JSON; checks that it changed nothing."""
    done = typer.testing.CliRunner().invoke(
        app, ["plan", "--channel", "poke1", "--project", "vid_123", "--json", *options]
    )
    assert done.exit_code == 0, done.output
    return dict(json.loads(done.stdout))


def carried_out(events: Iterable[Event]) -> dict[str, tuple[str, str]]:
    tasks = [event.task for event in events if isinstance(event, PictureDone)]
    return {task.asset.name: (str(task.step.action), task.step.reason) for task in tasks}


def actions(shown: dict[str, Any]) -> dict[str, tuple[str, str]]:
    return {one["name"]: (one["action"], one["reason"]) for one in shown["pictures"]}


@pytest.mark.parametrize(("topic", "told"), [("Bulbasaur", True), ("", False)])
def test_a_plan_asks_no_language_model_and_says_that_its_prompts_are_not_known(
    gemini: GeminiEmulator, monkeypatch: pytest.MonkeyPatch, topic: str, told: bool
) -> None:
    monkeypatch.setenv("ASSETGEN_STORY_MODEL", "gemini-3.8-flash")
    shown = plan("--topic", topic)
    assert any("gemini-3.8-flash would write this manifest" in warning for warning in shown["warnings"]) is told
    assert (shown["draw"], gemini.journal()) == (22, [])


def test_a_plan_of_a_new_project_names_every_picture_with_its_price_and_makes_nothing(
    gemini: GeminiEmulator, tmp_path: Path
) -> None:
    shown = plan("--topic", "Bulbasaur forest documentary", "--story", "Show evolution through seasons")
    assert (shown["draw"], len(shown["pictures"]), shown["new_round"]) == (22, 22, True)
    assert shown["estimate_usd"] == pytest.approx(1.496)
    assert 22 * picture_usd() < shown["list_price_usd"] < 22 * picture_usd() + 0.01
    assert not (tmp_path / "workspace").exists()
    assert gemini.journal() == []


@pytest.mark.parametrize("mode", list(Mode))
def test_what_a_plan_says_is_what_the_run_then_does(foxes: Core, gemini: GeminiEmulator, mode: Mode) -> None:
    foxes.draw()
    changed = FOXES.assets[0].model_copy(update={"prompt": "Another prompt"})
    write(foxes, AssetManifest(global_atmosphere="Rain", assets=(changed, FOXES.assets[1], fox("fox_new"))))
    before = everything(foxes.paths.workspace)
    shown = plan("--mode", mode)
    assert everything(foxes.paths.workspace) == before
    paid = billed_usd(gemini.journal())
    events = foxes.draw(mode=mode).events
    assert actions(shown) == carried_out(events)
    assert [one["name"] for one in shown["retired"]] == ["fox_awake"]
    assert shown["list_price_usd"] == pytest.approx(billed_usd(gemini.journal()) - paid, abs=1e-5)


def test_a_resume_after_a_core_was_drawn_again_by_hand_is_shown_with_its_price(
    foxes: Core, gemini: GeminiEmulator
) -> None:
    foxes.draw()
    gemini.plan([Fault(OddPicture(flat=True))])
    foxes.draw({1})
    resume = plan("--mode", "resume")
    assert actions(resume) == {
        "fox_front": ("keep", "done"),
        "fox_asleep": ("draw", "reference fox_front changed"),
        "fox_awake": ("draw", "reference fox_front changed"),
    }
    assert [one["references"] for one in resume["pictures"]] == [[], ["fox_front"], ["fox_front"]]
    assert [one["aspect_ratio"] for one in resume["pictures"]] == ["16:9", "16:9", "4:3"]
    assert resume["estimate_usd"] == pytest.approx(2 * 0.068)


@pytest.mark.parametrize("pictures", ["2", "fox_front, 3"])
def test_what_a_plan_says_of_a_redraw_is_what_the_redraw_then_does(
    foxes: Core, gemini: GeminiEmulator, pictures: str
) -> None:
    foxes.draw()
    # What has changed besides waits for mode resume: of the redraw, and so of its plan.
    changed = FOXES.assets[1].model_copy(update={"prompt": "Another prompt"})
    write(foxes, FOXES.model_copy(update={"assets": (FOXES.assets[0], changed, FOXES.assets[2])}))
    before, paid = everything(foxes.paths.workspace), billed_usd(gemini.journal())
    shown = plan("--pictures", pictures, "--remark", "less golden light")
    assert everything(foxes.paths.workspace) == before
    order = read_redraw(pictures, "less golden light", known_pictures(KEY, foxes.settings))
    request = Request("r", time.time(), redraw=order)
    foxes.manifest = write_remark(foxes.manifest, foxes.paths.project / MANIFEST_FILE, foxes.records, request)
    events = foxes.draw(request=request).events
    assert actions(shown) == carried_out(events)
    drawn = [one["name"] for one in shown["pictures"] if one["action"] == "draw"]
    assert (shown["redraw"], shown["remark"]) == (drawn, "less golden light")
    assert shown["list_price_usd"] == pytest.approx(billed_usd(gemini.journal()) - paid, abs=1e-5)


@pytest.mark.parametrize(
    ("options", "code", "told"),
    [
        (("--pictures", "fox_frnt"), "redraw", "did you mean fox_front, #01?"),
        (("--pictures", "1", "--mode", "resume"), "command_line", "--pictures or --topic"),
        (("--pictures", "1", "--topic", "Foxes"), "command_line", "--pictures or --topic"),
        (("--remark", "fog"), "command_line", "--pictures"),
    ],
)
def test_a_redraw_that_would_be_refused_is_refused_when_it_is_planned(
    foxes: Core, options: tuple[str, ...], code: str, told: str
) -> None:
    foxes.draw()
    done = typer.testing.CliRunner().invoke(app, ["plan", "--channel", "poke1", "--project", "vid_123", *options])
    assert isinstance(done.exception, AssetgenError)
    assert (done.exception.code, told in str(done.exception)) == (code, True)


@pytest.mark.parametrize("options", [("--mode", "regenerate"), ("--pictures", "1")])
def test_a_plan_says_that_the_same_command_may_go_on_instead(foxes: Core, options: tuple[str, ...]) -> None:
    foxes.draw()
    assert not any("repeat its command" in warning for warning in plan(*options)["warnings"])
    foxes.draw(close=False)
    assert any("repeat its command" in warning for warning in plan(*options)["warnings"])
    assert not any("repeat its command" in warning for warning in plan()["warnings"])


def test_a_picture_that_would_come_back_costs_nothing(foxes: Core) -> None:
    foxes.draw()
    write(foxes, FOXES.model_copy(update={"assets": FOXES.assets[:2]}))
    foxes.draw(mode=Mode.RESUME)
    write(foxes, FOXES)
    shown = plan("--mode", "resume")
    assert actions(shown)["fox_awake"][0] == "restore"
    assert (shown["draw"], shown["list_price_usd"]) == (0, 0)


def test_a_plan_for_people_is_plain_text_where_there_is_no_terminal(foxes: Core) -> None:
    done = typer.testing.CliRunner().invoke(app, ["plan", "--channel", "poke1", "--project", "vid_123"])
    lines = done.stdout.splitlines()
    with_reference_usd = picture_usd() + 1120 * 1.5 / 1e6
    assert lines[0] == f"#01 fox_front: draw (not there yet; ${picture_usd():.4f})"
    assert lines[1] == f"#02 fox_asleep: draw (not there yet; refers to fox_front; ${with_reference_usd:.4f})"
    assert lines[3:-1] == [
        "Note: 3 character pictures; usual are 6 to 8",
        "Note: 0 environment pictures; usual are 8 to 10",
        "Note: 0 prop pictures; usual are 4 to 6",
    ]
    assert lines[-1] == (
        "poke1:vid_123, mode auto: 3 of 3 pictures would be drawn, a new round; about $0.12; a budget reserves $0.20. "
        "Nothing was drawn, paid for or changed."
    )


def test_with_a_script_of_somebody_else_only_the_estimate_is_known(
    foxes: Core, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "theirs.py").write_text("raise SystemExit")
    monkeypatch.setenv("ASSETGEN_SCRIPT", str(tmp_path / "theirs.py"))
    shown = plan()
    assert (shown["list_price_usd"], shown["estimate_usd"]) == (None, pytest.approx(0.204))
    assert "no --reference-image" in " ".join(shown["warnings"])
    assert [one["references"] for one in shown["pictures"]] == [[], [], []]


def test_a_picture_without_a_prompt_is_not_paid_for(foxes: Core) -> None:
    blank = FOXES.assets[2].model_copy(update={"prompt": ""})
    write(foxes, FOXES.model_copy(update={"assets": (*FOXES.assets[:2], blank)}))
    assert plan()["estimate_usd"] == pytest.approx(2 * 0.068)


def test_a_run_at_work_is_told(foxes: Core) -> None:
    with lock_project(foxes.paths.lock, run_id="a run"):
        assert "a run is at work on this project" in " ".join(plan()["warnings"])


@pytest.mark.parametrize(
    ("setting", "value", "code"),
    [
        ("GEMINI_API_KEY", "", "api_key"),
        ("ASSETGEN_SCRIPT", "/nowhere/draw.py", "script_cannot_start"),
        ("ASSETGEN_WORKSPACE", "/proc/none", "cannot_write"),
    ],
)
def test_a_run_that_could_not_start_is_planned_all_the_same_and_the_plan_says_why(
    foxes: Core, monkeypatch: pytest.MonkeyPatch, setting: str, value: str, code: str
) -> None:
    assert plan()["would_start"]
    monkeypatch.setenv(setting, value)
    shown = plan("--topic", "Foxes", "--story", "A year")
    assert not shown["would_start"]
    [told] = [warning for warning in shown["warnings"] if warning.startswith("the run would not start: ")]
    assert told.endswith(f"[{code}]")


def test_a_full_disk_is_told_before_a_run_meets_it(foxes: Core, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("assetgen_dagster.drawing.preflight.ROOM_PER_PICTURE", 1 << 60)
    assert "[cannot_write]" in " ".join(plan()["warnings"])


def test_a_pause_is_told_as_what_the_run_would_wait_for(foxes: Core) -> None:
    pause(open_switches(foxes.settings), reason="the bill")
    shown = plan()
    assert not shown["would_start"]
    assert "the run would wait: Paying is paused by" in " ".join(shown["warnings"])


def test_an_open_circuit_breaker_is_told_until_a_call_may_probe(
    foxes: Core, gemini: GeminiEmulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    turn_billing_off(foxes, gemini, monkeypatch)
    shown = plan()
    assert not shown["would_start"]
    assert "[billing]" in " ".join(shown["warnings"])
    make_half_open()
    assert plan()["would_start"]


def test_what_would_end_the_run_before_it_draws_ends_the_plan_with_the_same_words(
    foxes: Core, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ASSETGEN_IMAGE_SLOTS", "2")
    with pytest.raises(AssetgenError, match="ASSETGEN_IMAGE_SLOTS=3"):
        make_plan(KEY, load_settings(), mode=Mode.AUTO)
    with pytest.raises(AssetgenError, match="no story for the project"):
        make_plan(ProjectKey("poke1", "another"), load_settings(), mode=Mode.AUTO)
    assert not (foxes.paths.project.parent / "another").exists()


@pytest.mark.parametrize("name", ["records.json", "lock"])
def test_a_file_of_ours_that_cannot_be_read_is_a_sentence(foxes: Core, name: str) -> None:
    (foxes.paths.records.parent / name).mkdir()
    with pytest.raises(AssetgenError, match=f"{name}.* Is a directory"):
        make_plan(KEY, load_settings())


def test_a_manifest_whose_edits_and_source_disagree_is_an_error(foxes: Core) -> None:
    (foxes.paths.project / MANIFEST_FILE).unlink()
    document = foxes.paths.project / DOCUMENT_FILE
    text = (
        "# A\n\n## Part 3: Global Atmosphere\n\nRain.\n\n## Part 4: Master Prompts\n\n#### Abra\n```\nAbra {}.\n```\n"
    )
    document.write_text(text.format("asleep"))
    assert make_plan(KEY, load_settings(), mode=Mode.AUTO).manifest.startswith("written: ")
    resolve_in_folder(foxes.paths.project, None).store(foxes.paths.project)
    path = foxes.paths.project / MANIFEST_FILE
    path.write_text(path.read_text().replace("asleep", "awake"))
    document.write_text(text.format("running"))
    with pytest.raises(ManifestConflictError):
        make_plan(KEY, load_settings(), mode=Mode.AUTO, story=Story("a", "b"))


def test_it_says_that_the_monthly_budget_would_keep_the_run_from_starting(
    foxes: Core, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ASSETGEN_MONTHLY_BUDGET_USD", "0.21")
    assert not any("would not start" in warning for warning in plan()["warnings"])
    monkeypatch.setenv("ASSETGEN_MONTHLY_BUDGET_USD", "0.2")
    [said] = [warning for warning in plan()["warnings"] if "would not start" in warning]
    assert "asks for $0.20; in " in said
    assert said.endswith("or raise ASSETGEN_MONTHLY_BUDGET_USD. [budget]")
