"""An order to draw single pictures again in the core: taken up once, remembered until it is done."""

import json
import time

import pytest

from assetgen_dagster.director.source import Story, resolve_manifest
from assetgen_dagster.drawing.plan import Mode, Redraw, Request
from assetgen_dagster.drawing.redraw import RedrawError, known_pictures, write_remark
from assetgen_dagster.manifest.file import load_manifest, write_manifest
from assetgen_dagster.manifest.model import AssetManifest
from assetgen_emulators.gemini import Fault, GeminiEmulator
from assetgen_emulators.gemini.faults import NoImage
from tests.helpers.harness import Core, billed, manifest_of


@pytest.fixture
def core(core: Core) -> Core:
    core.manifest = manifest_of(2)
    return core


def order(core: Core, *names: str, remark: str = "", run: str = "r") -> Request:
    return Request(run, time.time(), Mode.AUTO, None, Redraw(names, remark))


def drawn(gemini: GeminiEmulator, since: int = 2) -> list[str]:
    return sorted(call.prompt.partition("Subject ")[2][:2] for call in billed(gemini.journal())[since:])


def test_a_retry_goes_on_with_the_order_instead_of_taking_it_up_again(core: Core, gemini: GeminiEmulator) -> None:
    core.draw()
    gemini.plan([Fault(NoImage("IMAGE_SAFETY"), prompt="Subject 01")])
    request = order(core, "picture_01", "picture_02")
    core.draw(request=request)
    assert drawn(gemini) == ["02"]
    assert core.records.redraws == {"picture_01": "r"}
    core.draw(request=request)
    assert drawn(gemini) == ["01", "02"]
    core.draw(request=request)
    assert drawn(gemini) == ["01", "02"], "done is done, however often it is retried"


def test_until_all_is_recorded_nobody_takes_the_project_for_complete_and_begins_anew(
    core: Core, gemini: GeminiEmulator
) -> None:
    core.draw()
    core.draw(request=order(core, "picture_02"), close=False)  # dies before assets_ready
    core.draw()
    assert drawn(gemini) == ["02"]
    assert core.records.round is not None
    assert (core.records.round.closed_at is None, core.records.round.redrawing) == (False, False)
    core.draw()
    assert drawn(gemini) == ["01", "02", "02"], "and after that a new round is one"


def test_a_picture_that_somebody_draws_by_hand_meanwhile_is_drawn(core: Core, gemini: GeminiEmulator) -> None:
    core.draw()
    gemini.plan([Fault(NoImage("IMAGE_SAFETY"), prompt="Subject 02")])
    core.draw(request=order(core, "picture_02"))
    core.draw({2})
    core.draw()
    assert drawn(gemini) == ["02"]


def test_a_new_round_makes_an_order_pointless(core: Core, gemini: GeminiEmulator) -> None:
    core.draw()
    gemini.plan([Fault(NoImage("IMAGE_SAFETY"), prompt="Subject 02")])
    core.draw(request=order(core, "picture_02"))
    gemini.plan([Fault(NoImage("IMAGE_SAFETY"), prompt="Subject 02")])
    core.draw(mode=Mode.REGENERATE)
    assert drawn(gemini) == ["01"]
    assert core.records.redraws == {}
    core.draw()
    assert drawn(gemini) == ["01", "02"]


def test_an_order_whose_first_run_is_forgotten_draws_nothing(core: Core, gemini: GeminiEmulator) -> None:
    core.draw()
    core.draw(request=Request("r", None, Mode.AUTO, None, Redraw(("picture_02",))))
    assert drawn(gemini) == []


def test_pictures_that_refer_to_one_that_is_drawn_again_are_kept(core: Core, gemini: GeminiEmulator) -> None:
    manifest = core.manifest
    assets = [asset.model_copy(update={"references": ("picture_01",)}) for asset in manifest.assets[1:]]
    core.manifest = AssetManifest(global_atmosphere="", assets=(manifest.assets[0], *assets))
    core.draw()
    fog = manifest.assets[0].model_copy(update={"remark": "fog"})  # the emulator draws the same from the same
    core.manifest = AssetManifest(global_atmosphere="", assets=(fog, *assets))
    core.draw(request=order(core, "picture_01"))
    assert drawn(gemini) == ["01"]
    core.draw(mode=Mode.RESUME)
    assert drawn(gemini) == ["01", "02"]


def test_a_remark_changes_its_line_in_the_file_and_nothing_else_that_a_person_put_there(core: Core) -> None:
    core.draw()
    path = core.paths.project / "asset_manifest.json"
    given = core.manifest.model_dump(mode="json", exclude_defaults=True) | {"note to self": "Ask Ann."}
    path.write_text(json.dumps(given), encoding="utf-8-sig")
    found = load_manifest(path)
    assert found is not None
    remarked = write_remark(found.manifest, path, core.records, order(core, "picture_02", remark="mehr Nebel"))
    given["assets"][1]["remark"] = "mehr Nebel"
    assert json.loads(path.read_text()) == given
    again = load_manifest(path)
    assert again is not None
    assert again.manifest == remarked
    assert remarked.combined_prompt(remarked.assets[1]).endswith("Subject 02 alone\n\nmehr Nebel")


def test_a_remark_is_no_edit_and_stays_when_the_source_changes(core: Core) -> None:
    core.draw()
    path = core.paths.project / "asset_manifest.json"
    made = resolve_manifest(None, None, Story("Fox in the forest", "Seasons"))
    write_manifest(path, made.manifest, made.source)
    name = made.manifest.assets[4].name
    write_remark(made.manifest, path, core.records, order(core, name, remark="more fog"))
    found = load_manifest(path)
    assert found is not None
    assert not found.edited
    changed = resolve_manifest(found, None, Story("Fox in the forest", "Four seasons"))
    assert {asset.name: asset.remark for asset in changed.manifest.assets if asset.remark} == {name: "more fog"}


@pytest.mark.parametrize("drawn_before", [False, True])
def test_what_cannot_be_drawn_again_is_said_before_the_file_is_touched(core: Core, drawn_before: bool) -> None:
    if drawn_before:
        core.draw()
    with pytest.raises(RedrawError, match="Nothing was drawn"):
        write_remark(
            core.manifest, core.paths.project / "none.json", core.records, order(core, "picture_09", remark="fog")
        )


def test_a_project_without_pictures_has_none_to_name(core: Core) -> None:
    with pytest.raises(RedrawError, match="poke1:vid_123 has no pictures yet"):
        known_pictures(core.key, core.settings)
