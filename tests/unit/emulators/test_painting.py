"""The pictures of the emulator: cheap, the same every time, and fitting their prompt."""

import time

import pytest
from PIL import ImageChops, ImageStat

from assetgen_dagster.cli.demo import PROJECTS
from assetgen_dagster.director.director import create_asset_manifest
from assetgen_emulators.painting import as_png, paint
from assetgen_emulators.painting.scene import scene_of
from assetgen_emulators.painting.shapes import MOTIFS

CREATURES, PROPS = MOTIFS["character"], MOTIFS["prop"]
ATMOSPHERE = "Natural forest lighting, misty morning"


@pytest.mark.parametrize(
    ("prompt", "subject", "motif"),
    [
        ("Bulbasaur character, full body", "character", "sprout"),
        ("An owl on a branch, portrait of the animal", "character", "owl"),
        ("environment: river through a valley", "environment", "lake"),
        ("A mountain range, wide landscape", "environment", "peaks"),
        ("prop: red mushroom", "prop", "mushrooms"),
        ("A leaf with dewdrops", "prop", "leaf"),
    ],
)
def test_the_own_paragraph_decides_what_is_painted(prompt: str, subject: str, motif: str) -> None:
    scene = scene_of(f"{ATMOSPHERE}\n\n{prompt}")
    assert (scene.subject, scene.motif) == (subject, motif)


@pytest.mark.parametrize("story", PROJECTS.values(), ids=str)
def test_every_picture_of_the_demo_shows_what_it_is(story: tuple[str, str]) -> None:
    manifest = create_asset_manifest(*story)
    wrong = [
        asset.name
        for asset in manifest.assets
        if scene_of(f"{manifest.global_atmosphere}\n\n{asset.prompt}").subject != asset.asset_type
    ]
    assert wrong == []


def test_the_atmosphere_decides_the_light_and_the_own_paragraph_may_overrule_it() -> None:
    assert scene_of(f"{ATMOSPHERE}\n\nA fox").light == "dawn"
    assert scene_of(f"{ATMOSPHERE}\n\nA fox on a moonlit night under stars").light == "night"


@pytest.mark.parametrize("framing", ["small", None, "large"])
def test_the_framing_decides_how_much_of_the_picture_a_creature_fills(
    framing: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    words = {"small": "Wide shot", "large": "Tight head and shoulders", None: "Eye level"}
    prompt = f"Documentary still, fox: listening. {words[framing]}."
    assert scene_of(prompt).framing == framing
    whole = paint(prompt, 320, 180)
    monkeypatch.setitem(CREATURES, "fox", CREATURES["fox"]._replace(outline=""))
    filled = (
        ImageChops.difference(whole, paint(prompt, 320, 180)).convert("L").point(lambda level: level > 8).histogram()
    )
    least, most = {"small": (0.005, 0.04), None: (0.04, 0.14), "large": (0.14, 0.5)}[framing]
    assert least < sum(filled[1:]) / (320 * 180) < most


def test_a_colour_in_the_prompt_is_in_the_picture() -> None:
    def redness(prompt: str) -> float:
        red, _, blue = paint(prompt, 320, 180).split()
        return ImageStat.Stat(ImageChops.subtract(red, blue)).mean[0]

    assert redness("still life at noon: a red mushroom") > 2 * redness("still life at noon: a blue mushroom")


def test_a_few_words_of_the_prompt_are_in_the_corner() -> None:
    assert scene_of(f"{ATMOSPHERE}\n\nA photorealistic fox in the tall grass").caption == "fox tall grass"


@pytest.mark.parametrize("prompt", ["", "   ", "漢字", "🦉", "x" * 100_000, "\ud800"])
def test_any_prompt_can_be_painted(prompt: str) -> None:
    assert paint(prompt, 64, 36).size == (64, 36)


@pytest.mark.parametrize("size", [(1, 1), (2, 900), (900, 2), (512, 2048), (2048, 512)])
@pytest.mark.parametrize("motif", ["lake", "fox", "mushroom"])
def test_any_size_can_be_painted(motif: str, size: tuple[int, int]) -> None:
    assert paint(motif, *size).size == size


@pytest.mark.parametrize("word", ["lake", "forest", "mountain", "meadow", *CREATURES, *PROPS])
def test_every_motif_is_painted_and_full_of_colour(word: str) -> None:
    picture = paint(word, 320, 180)
    assert picture.getcolors(500) is None  # more than 500 colours


@pytest.mark.parametrize("motif", [*CREATURES, *PROPS])
def test_every_creature_and_thing_is_in_its_picture(motif: str, monkeypatch: pytest.MonkeyPatch) -> None:
    word = {"sprout": "bulb", "drops": "dewdrops"}.get(motif, motif)
    prompt = f"{'creature' if motif in CREATURES else 'still life'}: {word}"
    assert scene_of(prompt).motif == motif
    whole = as_png(paint(prompt, 320, 180))
    motifs = CREATURES if motif in CREATURES else PROPS
    monkeypatch.setitem(motifs, motif, motifs[motif]._replace(outline=""))
    assert as_png(paint(prompt, 320, 180)) != whole


def test_painting_is_repeatable() -> None:
    assert as_png(paint("a fox", 320, 180)) == as_png(paint("a fox", 320, 180))
    assert as_png(paint("a fox", 320, 180)) != as_png(paint("a  fox", 320, 180))


def test_a_picture_costs_little_cpu() -> None:
    costs = []
    for prompt in ("forest lake", "fox portrait", "mushroom"):
        began = time.process_time()
        as_png(paint(prompt, 1344, 768))
        costs.append(time.process_time() - began)
    assert min(costs) < 0.15  # 0.04 where nobody else needs the processor
