"""Where the Global Atmosphere Block ends: it is put before every prompt, so what it swallows spoils every picture."""

import pytest

from assetgen_dagster.documents import read_document
from assetgen_dagster.manifest.model import AssetManifest

PICTURES = "## Characters\n\n### Otter\n\n```\nAn otter asleep on its back in the kelp. --ar 4:3\n```\n"


def names(manifest: AssetManifest) -> list[str]:
    return [asset.name for asset in manifest.assets]


@pytest.mark.parametrize(
    "line",
    [
        "**Global atmosphere:** Grey sea, soft rain.",
        "**Global atmosphere**: Grey sea, soft rain.",
        "**Atmosphere**: Grey sea, soft rain.",
        "**Atmosphere:** Grey sea, soft rain.",
        "Global atmosphere: Grey sea, soft rain.",
        "**Global Atmosphere**\n\nGrey sea, soft rain.",
        "**Global atmosphere:** (before every prompt)\n\nGrey sea, soft rain.",
        "# Global Atmosphere\n\nGrey sea, soft rain.",
    ],
)
@pytest.mark.parametrize("title", ["", "# Otters\n\n"])
@pytest.mark.parametrize("part", ["", "# Part 4: Master Prompts\n\n"])
def test_an_atmosphere_ends_where_the_next_heading_begins(line: str, title: str, part: str) -> None:
    manifest = read_document(f"{title}{line}\n\n{part}{PICTURES}")
    assert manifest.global_atmosphere.removeprefix("(before every prompt)\n\n") == "Grey sea, soft rain."
    assert names(manifest) == ["otter"]
    assert not any("Atmosphere" in warning for warning in manifest.warnings)


@pytest.mark.parametrize("group", ["**CHARACTERS**", "## Characters", "Characters"])
def test_an_atmosphere_on_its_titles_line_is_one_paragraph_whatever_follows(group: str) -> None:
    text = f"**Global atmosphere:** Grey sea,\nsoft rain.\n\n{group}\n\n**Otter**\n> An otter in kelp. --ar 4:3\n"
    manifest = read_document(text)
    assert manifest.global_atmosphere == "Grey sea,\nsoft rain."
    assert [(asset.name, asset.aspect_ratio) for asset in manifest.assets] == [("otter", "4:3")]


def test_an_atmosphere_among_the_prompts_is_one_paragraph_too() -> None:
    manifest = read_document(f"# Part 4: Master Prompts\n\n**Global atmosphere:** Grey sea.\n\n{PICTURES}")
    assert (manifest.global_atmosphere, names(manifest)) == ("Grey sea.", ["otter"])


def test_an_atmosphere_of_a_picture_is_part_of_its_prompt() -> None:
    text = "# Part 4: Master Prompts\n\n### Otter\n\n**Subject:** An otter asleep.\n\n**Atmosphere:** Grey sea.\n"
    manifest = read_document(text)
    assert manifest.global_atmosphere == ""
    assert manifest.assets[0].prompt.split("\n\n") == ["Subject: An otter asleep.", "Atmosphere: Grey sea."]


def test_a_paragraph_behind_the_atmosphere_is_named() -> None:
    text = f"**Global atmosphere:** Grey sea.\n\nShot on Monday.\n\n# Part 4: Master Prompts\n\n{PICTURES}"
    manifest = read_document(text)
    assert manifest.global_atmosphere == "Grey sea."
    assert manifest.warnings == ("line 3: text behind the atmosphere's paragraph is not taken as part of it",)


@pytest.mark.parametrize(
    ("more", "warning"),
    [
        (
            "### The otter\n\nAsleep in the kelp.\n",
            "line 5: the Global Atmosphere Block has the heading 'The otter' in it",
        ),
        ("rain " * 260, "line 3: the Global Atmosphere Block has 262 words in it"),
        ("### Light\n\nGrey.\n", ""),
    ],
)
def test_an_atmosphere_that_may_have_swallowed_pictures_is_a_warning(more: str, warning: str) -> None:
    text = f"## Part 3: Global Atmosphere\n\nGrey sea.\n\n{more}\n\n## Part 4: Master Prompts\n\n{PICTURES}"
    said = [line for line in read_document(text).warnings if "is put before every prompt" in line]
    assert len(said) == bool(warning)
    assert all(line.startswith(warning) for line in said)
