"""Reference pictures while a project is drawn: the emulator's journal tells who was drawn when, and with what."""

import asyncio
import hashlib
import os
from pathlib import Path

import pytest
from PIL import Image

from assetgen_dagster.drawing.plan import Mode
from assetgen_dagster.errors import ErrorClass
from assetgen_dagster.manifest.model import AssetManifest, AssetPrompt, AssetType
from assetgen_dagster.providers.registry import provider_of
from assetgen_dagster.providers.script.help import HelpUnansweredError
from assetgen_dagster.settings import PROJECT_ROOT, load_settings
from assetgen_emulators.gemini import Fault, GeminiEmulator
from assetgen_emulators.gemini.faults import ApiError, Delay, NoImage, OddPicture
from assetgen_emulators.gemini.journal import Call
from tests.helpers.harness import Core, Drawing, billed, billed_usd

FOREIGN = PROJECT_ROOT / "tests" / "helpers" / "scripts" / "foreign_generate_asset.py"


def picture(
    name: str, *, core: bool = False, references: list[str] | None = None, kind: str = "character"
) -> AssetPrompt:
    return AssetPrompt(
        asset_type=AssetType(kind), name=name, title=name.replace("_", " ", 1), prompt=f"Prompt of {name}", core=core,
        references=None if references is None else tuple(references),
    )  # fmt: skip


def manifest_of(*assets: AssetPrompt) -> AssetManifest:
    return AssetManifest(global_atmosphere="", assets=assets)


#: Numbers 1 to 5; the core is not the first.
FOXES = manifest_of(
    picture("fox_asleep"), picture("fox_awake"), picture("fox_front", core=True), picture("owl_front"),
    picture("den", kind="environment"),
)  # fmt: skip


def call_for(gemini: GeminiEmulator, name: str) -> Call:
    """Returns the last call for a picture."""
    return [call for call in gemini.journal() if call.prompt == f"Prompt of {name}"][-1]


def hash_of(core: Core, name: str) -> str:
    return hashlib.sha256(core.file(name).read_bytes()).hexdigest()


def reasons(drawing: Drawing) -> dict[str, str]:
    """Returns what was drawn, and why."""
    tasks = [*(event.task for event in drawing.done()), *(event.task for event in drawing.failed())]
    return {task.asset.name: task.step.reason for task in tasks if task.step.action == "draw"}


@pytest.fixture
def foxes(core: Core) -> Core:
    core.manifest = FOXES
    return core


def test_the_core_is_drawn_first_and_its_bytes_go_along_with_its_dependants_only(
    foxes: Core, gemini: GeminiEmulator
) -> None:
    gemini.plan([Fault(Delay(0.3), prompt="Prompt of fox_front")])
    assert foxes.draw().summary.generated == 5
    core = call_for(gemini, "fox_front")
    for name in ("fox_asleep", "fox_awake"):
        call = call_for(gemini, name)
        assert call.reference_sha256 == (hash_of(foxes, "fox_front"),)
        assert call.arrived_at >= (core.finished_at or 0)
    for name in ("owl_front", "den", "fox_front"):
        assert call_for(gemini, name).reference_sha256 == ()
    # Only dependants wait: the others were at work beside the core.
    assert call_for(gemini, "den").arrived_at < (core.finished_at or 0)
    assert foxes.confirmed_usd() == pytest.approx(billed_usd(gemini.journal()), abs=1e-6)
    recorded = foxes.records.pictures["fox_awake"].inputs
    assert recorded is not None
    assert [(one.name, one.sha256) for one in recorded.references] == [("fox_front", hash_of(foxes, "fox_front"))]


def test_with_one_slot_the_core_is_drawn_before_everything_else(
    foxes: Core, gemini: GeminiEmulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ASSETGEN_IMAGE_CONCURRENCY", "1")
    foxes.manifest = manifest_of(picture("owl_front"), picture("fox_asleep"), picture("fox_front", core=True))
    assert foxes.draw().summary.generated == 3
    drawn = [call.prompt.removeprefix("Prompt of ") for call in gemini.journal()]
    assert drawn == ["fox_front", "owl_front", "fox_asleep"]


def test_a_place_refers_to_what_the_manifest_names_and_chains_are_drawn_in_their_order(
    core: Core, gemini: GeminiEmulator
) -> None:
    core.manifest = manifest_of(
        picture("den", kind="environment", references=["fox_asleep", "fox_front"]), picture("fox_asleep"),
        picture("fox_front", core=True),
    )  # fmt: skip
    core.draw()
    assert [call.prompt for call in gemini.journal()] == [f"Prompt of {n}" for n in ("fox_front", "fox_asleep", "den")]
    assert gemini.journal()[2].reference_sha256 == (hash_of(core, "fox_asleep"), hash_of(core, "fox_front"))


@pytest.mark.parametrize(("fault", "attempts"), [(NoImage("IMAGE_SAFETY"), 1), (ApiError(400), 1), (ApiError(503), 6)])
def test_a_failed_core_fails_its_dependants_unpaid_with_its_name(
    foxes: Core, gemini: GeminiEmulator, fault: NoImage | ApiError, attempts: int
) -> None:
    gemini.plan([Fault(fault, prompt="Prompt of fox_front", times=attempts)])
    drawing = foxes.draw()
    found = {event.task.asset.name: event.failure for event in drawing.failed()}
    assert found.keys() == {"fox_front", "fox_asleep", "fox_awake"}
    for name in ("fox_asleep", "fox_awake"):
        assert (found[name].error_class, found[name].code) == (ErrorClass.REJECTED, "reference_failed")
        assert "fox_front" in found[name].cause
    assert sorted(call.prompt for call in billed(gemini.journal())) == ["Prompt of den", "Prompt of owl_front"]
    again = foxes.draw()
    assert (again.summary.generated, again.summary.skipped, again.summary.failed) == (3, 2, 0)
    assert call_for(gemini, "fox_awake").reference_sha256 == (hash_of(foxes, "fox_front"),)


def test_a_core_whose_prompt_is_empty_fails_its_dependants_too(foxes: Core, gemini: GeminiEmulator) -> None:
    blank = [asset.model_copy(update={"prompt": " "}) if asset.core else asset for asset in FOXES.assets]
    foxes.manifest = manifest_of(*blank)
    codes = {event.task.asset.name: event.failure.code for event in foxes.draw().failed()}
    assert codes == {"fox_front": "blank_prompt", "fox_asleep": "reference_failed", "fox_awake": "reference_failed"}
    assert len(gemini.journal()) == 2


def test_what_stops_everything_leaves_dependants_not_started(foxes: Core, gemini: GeminiEmulator) -> None:
    gemini.plan([Fault(ApiError(403), prompt="Prompt of fox_front")])
    summary = foxes.draw().summary
    assert {task.asset.name for task in summary.not_started} >= {"fox_asleep", "fox_awake"}
    assert foxes.draw().summary.failed == 0


def test_a_dependant_alone_takes_the_core_that_is_there(foxes: Core, gemini: GeminiEmulator) -> None:
    foxes.draw()
    foxes.draw({2})
    assert len(gemini.journal()) == 6
    assert gemini.journal()[-1].reference_sha256 == (hash_of(foxes, "fox_front"),)


def test_a_dependant_alone_without_its_core_fails_unpaid_and_says_what_to_draw_first(
    foxes: Core, gemini: GeminiEmulator
) -> None:
    [failed] = foxes.draw({2}).failed()
    assert (failed.failure.code, failed.attempts) == ("reference_missing", 0)
    assert "Draw fox_front first" in failed.failure.remedy
    assert gemini.journal() == []
    foxes.draw({3})
    assert foxes.draw({2}).summary.generated == 1


def test_core_and_dependant_named_together_are_drawn_one_after_the_other(foxes: Core, gemini: GeminiEmulator) -> None:
    foxes.draw()
    gemini.plan([Fault(OddPicture(flat=True), prompt="Prompt of fox_front")])
    assert foxes.draw({2, 3}).summary.generated == 2
    assert call_for(gemini, "fox_awake").reference_sha256 == (hash_of(foxes, "fox_front"),)


def test_a_core_with_another_prompt_is_drawn_anew_with_its_dependants_and_nothing_else(
    foxes: Core, gemini: GeminiEmulator
) -> None:
    foxes.draw()
    changed = FOXES.assets[2].model_copy(update={"prompt": "Prompt of fox_front, older"})
    foxes.manifest = manifest_of(*FOXES.assets[:2], changed, *FOXES.assets[3:])
    again = foxes.draw(mode=Mode.RESUME)
    assert reasons(again) == {
        "fox_front": "prompt changed",
        "fox_asleep": "reference fox_front is drawn anew",
        "fox_awake": "reference fox_front is drawn anew",
    }
    assert foxes.draw(mode=Mode.RESUME).summary.generated == 0


def test_a_run_that_died_after_the_new_core_goes_on_with_its_dependants(foxes: Core, gemini: GeminiEmulator) -> None:
    foxes.draw(close=False)
    foxes.manifest = manifest_of(
        *(a.model_copy(update={"prompt": "Prompt of fox_front, older"}) if a.core else a for a in FOXES.assets)
    )
    gemini.plan(
        [Fault(ApiError(403), prompt="Prompt of fox_asleep"), Fault(ApiError(403), prompt="Prompt of fox_awake")]
    )
    assert foxes.draw(close=False).summary.generated == 1
    assert reasons(foxes.draw()) == {
        "fox_asleep": "reference fox_front changed", "fox_awake": "reference fox_front changed"
    }  # fmt: skip


def test_a_core_drawn_again_by_hand_repays_its_dependants_only_when_a_resume_is_asked_for(
    foxes: Core, gemini: GeminiEmulator
) -> None:
    foxes.draw(close=False)  # the round stays open: the next run goes on with it
    gemini.plan([Fault(OddPicture(flat=True), prompt="Prompt of fox_front")])
    foxes.draw({3})
    paid = len(billed(gemini.journal())) + 1  # the odd picture was paid for, too
    kept = foxes.draw(close=False)
    assert kept.summary.generated == 0
    note = {event.task.asset.name: event.task.step.reason for event in kept.done()}["fox_awake"]
    assert note == "done; reference fox_front changed by hand: mode resume draws it anew"
    assert len(billed(gemini.journal())) + 1 == paid
    assert reasons(foxes.draw(mode=Mode.RESUME)).keys() == {"fox_asleep", "fox_awake"}


def test_a_core_retouched_by_hand_is_what_its_dependants_get(foxes: Core, gemini: GeminiEmulator) -> None:
    foxes.draw()
    Image.new("RGB", (1344, 768), "red").save(foxes.file("fox_front"))
    foxes.draw()
    assert call_for(gemini, "fox_awake").reference_sha256 == (hash_of(foxes, "fox_front"),)
    assert len([call for call in gemini.journal() if call.prompt == "Prompt of fox_front"]) == 1


def test_references_that_are_edited_draw_that_picture_anew(foxes: Core) -> None:
    foxes.draw()
    edited = FOXES.assets[0].model_copy(update={"references": ()})
    foxes.manifest = manifest_of(edited, *FOXES.assets[1:])
    assert reasons(foxes.draw(mode=Mode.RESUME)) == {"fox_asleep": "references changed"}


# --- scripts of others ------------------------------------------------------------------------------------------------


def test_a_foreign_script_with_the_option_gets_the_files_and_one_without_draws_without(
    foxes: Core, gemini: GeminiEmulator, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    told = tmp_path / "told"
    with_option = tmp_path / "with_option.py"
    with_option.write_text(
        FOREIGN.read_text() + f"\nopen({str(told)!r}, 'a').write(repr(args.reference_image) + chr(10))"
    )
    monkeypatch.setenv("ASSETGEN_SCRIPT", str(with_option))
    assert foxes.draw().summary.generated == 5
    assert sorted(told.read_text().split()) == [repr([str(foxes.file("fox_front"))])] * 2 + ["[]"] * 3
    without = tmp_path / "without.py"
    without.write_text(
        FOREIGN.read_text().replace('parser.add_argument("--reference-image"', 'parser.add_argument("--other"')
    )
    monkeypatch.setenv("ASSETGEN_SCRIPT", str(without))
    assert foxes.draw(mode=Mode.RESUME).summary.generated == 0  # not drawn anew only because it cannot
    drawing = foxes.draw()
    assert drawing.summary.generated == 5
    assert "#01 fox_asleep, #02 fox_awake" in drawing.plan().warnings[0]


@pytest.mark.parametrize(
    ("body", "takes"),
    [
        ("import argparse; p = argparse.ArgumentParser(); p.add_argument('--reference-image'); p.parse_args()", True),
        ("import argparse; p = argparse.ArgumentParser(); p.add_argument('--reference-images'); p.parse_args()", False),
        ("import os; os.environ['GEMINI_API_KEY']; print('[--reference-image PATH]')", True),
        ("import os; assert os.environ['GEMINI_API_KEY'] == 'AIza'; print('--reference-image')", False),
        ("import sys; print('--reference-image'); sys.exit(1)", False),
        ("import os; os.write(1, bytes(range(256)) * 100)", False),
        (None, False),
    ],
)
def test_a_script_is_asked_what_it_takes_and_every_odd_answer_is_no(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, body: str | None, *, takes: bool
) -> None:
    script = tmp_path / "theirs.py"
    if body is not None:
        script.write_text(body)
    monkeypatch.setenv("ASSETGEN_SCRIPT", str(script))
    monkeypatch.setenv("GEMINI_API_KEY", "AIza")
    assert asyncio.run(provider_of(load_settings()).takes_references()) is takes


@pytest.mark.parametrize("body", ["import time; time.sleep(60)", "import os; os.kill(os.getpid(), 9)"])
def test_a_script_that_gives_no_answer_ends_the_run_before_anything_is_drawn(
    foxes: Core, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, body: str
) -> None:
    script, called = tmp_path / "theirs.py", tmp_path / "called"
    script.write_text(f"import sys; open({str(called)!r}, 'a').write(sys.argv[1])\n{body}")
    monkeypatch.setenv("ASSETGEN_SCRIPT", str(script))
    monkeypatch.setattr("assetgen_dagster.providers.script.help._HELP_SECONDS", 0.5)
    with pytest.raises(HelpUnansweredError):
        foxes.draw()
    assert called.read_text() == "--help"


def test_a_script_is_asked_again_only_when_it_has_changed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    script, asked = tmp_path / "theirs.py", tmp_path / "asked"
    line = f"open({str(asked)!r}, 'a').write('x')\n"
    script.write_text(line)
    monkeypatch.setenv("ASSETGEN_SCRIPT", str(script))
    settings = load_settings()
    assert [asyncio.run(provider_of(settings).takes_references()) for _ in range(2)] == [False, False]
    assert asked.read_text() == "x"
    script.write_text(f"{line}print('--reference-image')")
    os.utime(script, ns=(1, 1))
    assert asyncio.run(provider_of(settings).takes_references())
