"""The manifest's own rules: combining prompts, counting, naming."""

import pytest
from pydantic import ValidationError

from assetgen_dagster.manifest.model import AssetManifest, AssetPrompt, AssetType, count_warnings


def manifest(atmosphere: str, *prompts: str) -> AssetManifest:
    assets = tuple(
        AssetPrompt(asset_type=AssetType.CHARACTER, name=f"picture_{number}", prompt=prompt)
        for number, prompt in enumerate(prompts, 1)
    )
    return AssetManifest(global_atmosphere=atmosphere, assets=assets)


def combined(atmosphere: str, prompt: str, *, style: str = "") -> str:
    made = manifest(atmosphere, prompt)
    return made.combined_prompt(made.assets[0], style=style)


def test_the_combined_prompt_is_atmosphere_blank_line_prompt() -> None:
    assert combined("Natural forest lighting, misty morning", "Bulbasaur resting under tree") == (
        "Natural forest lighting, misty morning\n\nBulbasaur resting under tree"
    )


@pytest.mark.parametrize("prompt", ["Bulbasaur. Misty MORNING, soft\nlight.", "misty morning,  soft light"])
def test_a_prompt_that_holds_the_atmosphere_already_does_not_get_it_twice(prompt: str) -> None:
    assert combined("Misty morning, soft light", prompt) == prompt


@pytest.mark.parametrize(
    ("atmosphere", "prompt", "expected"),
    [
        ("Misty morning", "Owl asleep", "Misty morning\n\n35mm film\n\nOwl asleep"),
        ("", "Owl asleep", "35mm film\n\nOwl asleep"),
        ("Misty morning", "Owl asleep, 35MM\nfilm", "Misty morning\n\nOwl asleep, 35MM\nfilm"),
        ("Misty morning, 35mm film", "Owl asleep", "Misty morning, 35mm film\n\nOwl asleep"),
        ("Misty morning", "Misty morning. Owl asleep", "35mm film\n\nMisty morning. Owl asleep"),
        ("Misty morning", " ", ""),
    ],
)
def test_a_channels_style_stands_before_the_prompt_once(atmosphere: str, prompt: str, expected: str) -> None:
    assert combined(atmosphere, prompt, style=" 35mm film ") == expected


@pytest.mark.parametrize("prompt", ["", "  \n\t "])
def test_a_prompt_of_white_space_combines_to_nothing(prompt: str) -> None:
    assert combined("Misty morning", prompt) == ""


def test_counts_other_than_the_usual_are_warnings() -> None:
    assert count_warnings(manifest("", "a")) == (
        "1 character picture; usual are 6 to 8",
        "0 environment pictures; usual are 8 to 10",
        "0 prop pictures; usual are 4 to 6",
    )


def test_a_wrong_name_is_refused_and_a_right_one_offered() -> None:
    with pytest.raises(ValidationError, match="for example 'bulbasaur_shiny'"):
        AssetPrompt(asset_type=AssetType.PROP, name="Bulbasaur (shiny)", prompt="x")
    with pytest.raises(ValidationError, match="two pictures have the same name: a"):
        asset = AssetPrompt(asset_type=AssetType.PROP, name="a", prompt="x")
        AssetManifest(global_atmosphere="", assets=(asset, asset))
