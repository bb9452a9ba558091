"""Documents without "Part 4: Master Prompts", and entries that give no picture: none is lost without a word."""

import pytest

from assetgen_dagster.documents import read_document
from assetgen_dagster.manifest.model import AssetManifest

RAIN = "## Global atmosphere\n\nSoft rain over a wide valley.\n\n"
ITEMS = (
    "1. **Heron**\n   A heron at the weir, one leg up.\n\n"
    "2. **Heron landing** - The same heron with its legs out.\n\n"
    "3. Weir: Brown water over a mossy weir, seen from below.\n"
)


def names(manifest: AssetManifest) -> list[str]:
    return [asset.name for asset in manifest.assets]


@pytest.mark.parametrize("part", ["", "# Part 4: Master Prompts\n\n"])
@pytest.mark.parametrize("title", ["## Characters", "## At the river", "**At the river**"])
@pytest.mark.parametrize("said", ["", "All of them on the same morning, from the same bank.\n\n"])
def test_numbered_items_are_pictures_whatever_stands_above_them(part: str, title: str, said: str) -> None:
    manifest = read_document(f"{RAIN}{part}{title}\n\n{said}{ITEMS}")
    assert names(manifest) == ["heron", "heron_landing", "weir"]
    assert [len(asset.prompt.split()) for asset in manifest.assets] == [8, 7, 9]


def test_a_list_right_behind_the_atmosphere_is_read() -> None:
    assert names(read_document(f"**Global atmosphere:** Soft rain.\n\n{ITEMS}")) == ["heron", "heron_landing", "weir"]


def test_titles_that_name_no_kind_are_read_behind_the_atmosphere_with_a_warning_each() -> None:
    text = f"{RAIN}## Heron\n\nA heron at the weir, one leg up.\n\n## Weir\n\nBrown water over a mossy weir.\n"
    manifest = read_document(text)
    assert names(manifest) == ["heron", "weir"]
    assert len([warning for warning in manifest.warnings if "is not said; taken as" in warning]) == 2


def test_what_stands_before_the_prompts_is_no_picture() -> None:
    hello = (
        "# Herons\n\nHi! We cut on Friday, and there must be no people.\n\n## Settings\n\nWide, with a long lens.\n\n"
    )
    assert names(read_document(f"{hello}{RAIN}## Characters\n\n{ITEMS}")) == ["heron", "heron_landing", "weir"]


@pytest.mark.parametrize("item", ["Subject", "Setting", "Light", "Prompt"])
def test_items_that_describe_one_picture_stay_one_picture(item: str) -> None:
    body = f"- **{item}**\n  A heron at the weir, one leg up.\n- **Camera**\n  Low over the water, from behind.\n"
    text = f"{RAIN}# Part 4: Master Prompts\n\n### Heron\n\n{body}\n### Egret\n\n{body}"
    assert names(read_document(text)) == ["heron", "egret"]


FENCED = "### Weir\n\n```\nBrown water over a mossy weir.\n```\n"


@pytest.mark.parametrize(
    ("entry", "warning"),
    [
        ("1. **Heron**\n   A heron at the weir, one leg up.\n", "lines 3-4: 'Heron' gave no picture"),
        ("1. A heron at the weir, one leg up.\n", "line 3: 'A heron at the weir, one leg up.' gave no picture"),
        ("- **Heron** - At the weir, with one leg up.\n", "line 3: 'Heron - At the weir, with one leg up.' gave no"),
        ("**Heron**\nA heron at the weir, one leg up.\n", "lines 3-4: 'Heron' gave no picture"),
        ("| a | b |\n|-|-|\n| heron | at the weir, one leg up |\n", "lines 3-5: this table gave no picture"),
    ],
)
def test_an_entry_that_gives_no_picture_is_named_with_its_line(entry: str, warning: str) -> None:
    manifest = read_document(f"# Herons\n\n{entry}\n{FENCED}")
    assert names(manifest) == ["weir"]
    said = [line for line in manifest.warnings if "gave no picture" in line]
    assert len(said) == 1
    assert said[0].startswith(warning)
    assert said[0].endswith("no heading 'Part 4: Master Prompts' stands above it")


def test_an_entry_in_part_4_that_is_taken_for_talk_is_a_warning_not_a_note() -> None:
    talk = "## Characters\n\nThe heron comes first.\n\n1. A heron at the weir.\n\n"
    manifest = read_document(f"# Part 4: Master Prompts\n\n{talk}{FENCED}")
    assert names(manifest) == ["weir"]
    assert "line 7: text under 'Characters' is no prompt" in manifest.warnings
    assert "line 5: text under 'Characters' is no prompt" in manifest.notes
