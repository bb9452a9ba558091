"""The rules for every manifest that a director writes: what breaks one is said in a sentence that can be acted on."""

from collections.abc import Callable

import pytest

from assetgen_dagster.director.brief import read_brief
from assetgen_dagster.director.director import create_asset_manifest
from assetgen_dagster.director.manifest_rules import find_animals, violations
from assetgen_dagster.director.tables import habitats
from assetgen_dagster.manifest.model import AssetManifest, AssetPrompt, AssetType

HERO = "Bulbasaur"
GOOD = create_asset_manifest("Bulbasaur forest documentary", "Show evolution through seasons")


def with_picture(index: int, **changes: object) -> AssetManifest:
    assets = list(GOOD.assets)
    assets[index] = assets[index].model_copy(update=changes)
    return GOOD.model_copy(update={"assets": tuple(assets)})


def without(count: int) -> AssetManifest:
    return GOOD.model_copy(update={"assets": GOOD.assets[:-count]})


def extra_plate(animal: str) -> AssetManifest:
    [plate] = [a for a in GOOD.assets if a.name == "forest_clearing_spring"]
    return with_picture(GOOD.assets.index(plate), prompt=f"{plate.prompt} In the distance {animal}.")


@pytest.mark.parametrize("place", habitats())
@pytest.mark.parametrize("who", ["owls", "Haunter", "Glimmerkin", ""])
def test_what_the_tables_write_keeps_every_rule(who: str, place: str) -> None:
    topic = f"{who} in the {place.replace('_', ' ')}"
    for story in ("", "Show evolution through seasons", "A hunt in rain and snow, from dawn to night"):
        assert violations(create_asset_manifest(topic, story), hero=read_brief(topic, story).hero.name) == ()


@pytest.mark.parametrize(
    ("broken", "said"),
    [
        (lambda: without(1), ["21 pictures instead of 22"]),
        (lambda: without(2), ["20 pictures instead of 22", "3 prop pictures; 4 to 6 are wanted"]),
        (lambda: with_picture(21, asset_type=AssetType.ENVIRONMENT), []),
        (lambda: with_picture(0, asset_type=AssetType.ENVIRONMENT), ["empty of animals and shows: Bulbasaur"]),
        (lambda: with_picture(20, prompt="A leaf."), ["prop fern_frond has 7 characters; 60 to 2000 are wanted"]),
        (lambda: with_picture(20, prompt="leaf " * 500), ["has 2499 characters"]),
        (lambda: with_picture(20, prompt=f"  {GOOD.assets[19].prompt.upper()} "), ["has the same prompt as"]),
        (lambda: with_picture(20, name=GOOD.assets[19].name), [f"the name {GOOD.assets[19].name} is given 2 times"]),
        (lambda: with_picture(0, prompt="An animal among ferns at first light, 85mm lens, soft haze behind it."), ["does not name Bulbasaur"]),  # noqa: E501
        (lambda: extra_plate("two foxes"), ["environment forest_clearing_spring", "shows: foxes"]),
        (lambda: extra_plate("the bulbasaur"), ["shows: bulbasaur"]),
        (lambda: extra_plate("no foxes, birds or people"), []),
        (lambda: GOOD.model_copy(update={"global_atmosphere": "Soft morning light, swallows above, 35mm film look."}), ["the global atmosphere", "swallows"]),  # noqa: E501
        (lambda: GOOD.model_copy(update={"global_atmosphere": "Soft light."}), ["the global atmosphere has 11 characters"]),  # noqa: E501
    ],
)  # fmt: skip
def test_each_rule_says_what_breaks_it(broken: Callable[[], AssetManifest], said: list[str]) -> None:
    found = violations(broken(), hero=HERO)
    assert bool(found) == bool(said), found
    for words in said:
        assert words in "; ".join(found)


def test_a_hero_that_no_table_knows_has_to_stay_out_of_the_plates() -> None:
    assert find_animals("A meadow where the last Glimmerkin of Ombra rests", hero="last Glimmerkin of Ombra")


@pytest.mark.parametrize(
    ("text", "animals"),
    [
        ("A wolf crosses. Two polar bears rest.", ["wolf", "polar bears"]),
        ("A bird's-eye view, and a bird's eye view", []),
        ("Crane shot over a beaver dam with spider webs", []),
        ("No birds, insects or mammals; free of animals; without any deer", []),
        ("No wind, an owl sits", ["owl"]),
        ("No people. A hare", ["hare"]),
        ("The scene is without shade where a fox sleeps", ["fox"]),
        ("", []),
    ],
)
def test_animals_are_found_unless_it_says_that_there_are_none(text: str, animals: list[str]) -> None:
    assert find_animals(text) == animals


def test_props_may_show_traces_of_animals() -> None:
    prompt = f"Feather of an owl. {GOOD.assets[20].prompt}"
    prop = AssetPrompt(asset_type=AssetType.PROP, name="owl_feather", prompt=prompt)
    assert violations(GOOD.model_copy(update={"assets": (*GOOD.assets[:-1], prop)}), hero=HERO) == ()
