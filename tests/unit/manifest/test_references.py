"""Which pictures refer to which, by what is written and by titles and names."""

import json
from pathlib import Path

import pytest
from pydantic import ValidationError

from assetgen_dagster.director.source import resolve_manifest
from assetgen_dagster.documents import DocumentError, read_document
from assetgen_dagster.manifest.file import MANIFEST_FILE, ManifestFileError, load_manifest
from assetgen_dagster.manifest.model import AssetManifest, AssetPrompt, AssetType
from assetgen_dagster.manifest.names import asset_name
from assetgen_dagster.manifest.references import in_drawing_order

DOCUMENTS = sorted((Path(__file__).parents[1] / "documents" / "corpus").glob("*.md"))


def picture(
    title: str, prompt: str = "x", *, kind: str = "character", titled: bool = True, **fields: object
) -> AssetPrompt:
    """Returns a picture; ``[CORE]`` in its title is a mark, and its name is made from the title."""
    core, shown = "[CORE]" in title, title.replace("[CORE]", "").strip()
    name = asset_name(shown)
    return AssetPrompt.model_validate(
        {"asset_type": kind, "name": name, "prompt": prompt, "title": shown if titled else "", "core": core, **fields}
    )


def references(*assets: AssetPrompt) -> dict[str, tuple[str, ...]]:
    """Returns the references that are there, by name."""
    found = AssetManifest(global_atmosphere="", assets=assets).references()
    return {name: others for name, others in found.items() if others}


@pytest.mark.parametrize(
    ("core", "same", "other"),
    [
        ("Bulbasaur (Walking) [CORE]", "Bulbasaur (Bulb Close-up - Macro)", "Spearow (Circling)"),
        ("Bulbasaur - walking [CORE]", "Bulbasaur: asleep", "Paras, foraging"),
        ("Red Fox (Walking) [CORE]", "Red Fox's Eye (Macro)", "Red Squirrel (Eating)"),
        ("Red Fox (Walking) [CORE]", "The Red Fox asleep", "Arctic Fox asleep"),
        ("Sandshrew curled [CORE]", "Sandshrew digging", "Vulpix digging"),
        ("Red fox on the ridge [CORE]", "Red fox asleep", "Red squirrel eating"),
        ("Character: Fox (Front) [CORE]", "Character: Fox (Back)", "Character: Owl (Back)"),
        ("Лиса (идёт) [CORE]", "Лиса (спит)", "Сова (спит)"),
    ],
)
@pytest.mark.parametrize("first", [True, False])
def test_a_character_refers_to_the_core_of_its_own_kind(core: str, same: str, other: str, *, first: bool) -> None:
    marked, one, two = picture(core, name="the_core"), picture(same, name="the_same"), picture(other, name="another")
    assert references(*([marked, one, two] if first else [one, two, marked])) == {"the_same": ("the_core",)}


def test_file_names_stand_in_for_titles_that_are_not_there() -> None:
    names = ("haunter_floating [CORE]", "haunter_dance", "magneton_hovering")
    assert references(*(picture(name, titled=False) for name in names)) == {"haunter_dance": ("haunter_floating",)}


def test_the_longer_subject_wins_and_a_picture_of_two_characters_refers_to_both() -> None:
    found = references(
        picture("Fox (Sitting) [CORE]"), picture("Fox Cub (Sitting) [CORE]"), picture("Owl (Sitting) [CORE]"),
        picture("Fox (Asleep)"), picture("Fox Cub (Asleep)"), picture("Owl and Fox (At the Den)"),
    )  # fmt: skip
    assert found == {
        "fox_asleep": ("fox_sitting",),
        "fox_cub_asleep": ("fox_cub_sitting",),
        "owl_and_fox_at_the_den": ("fox_sitting", "owl_sitting"),
    }


def test_a_lone_core_without_a_name_in_common_is_nobodys_reference() -> None:
    assert references(picture("Bulbasaur (Walking) [CORE]"), picture("Spearow (Diving)"), picture("Dawn chorus")) == {}


def test_places_and_things_refer_to_a_character_only_where_their_prompt_names_its_file() -> None:
    core = picture("Haunter (Floating) [CORE]")
    claw = picture("Haunter (Claw)", kind="prop")
    named = picture("Haunter's Hall", "Empty. Match the mist of HAUNTER_FLOATING.png", kind="environment")
    assert references(core, claw, named) == {"haunters_hall": ("haunter_floating",)}


def test_the_file_that_a_prompt_names_counts_instead_of_the_title() -> None:
    found = references(
        picture("Fox (Front) [CORE]"), picture("Fox (Side) [CORE]"), picture("Fox (Running)"),
        picture("Fox (Asleep)", "Use fox_side.png as reference"),
        picture("Owl (Asleep)", "Light as in fox_asleep.png, not as in unknown.png"),
    )  # fmt: skip
    assert found == {
        "fox_asleep": ("fox_side",),
        "fox_running": ("fox_front", "fox_side"),
        "owl_asleep": ("fox_asleep",),
    }


def test_prompts_that_name_each_other_lead_in_no_circle() -> None:
    found = references(
        picture("A", "like b.png and c.png"), picture("B", "like a.png"), picture("C [CORE]", "like a.png and d.png"),
        picture("D [CORE]", "like c.png and d.png"),
    )  # fmt: skip
    assert found == {"a": ("c",), "b": ("a",), "d": ("c",)}


def test_what_the_manifest_says_counts_and_an_empty_list_is_none() -> None:
    core = picture("Fox (Front) [CORE]")
    said = picture("Fox (Asleep)", references=[])
    plate = picture("Den", kind="environment", references=["fox_front", "fox_asleep"])
    assert references(core, said, plate) == {"den": ("fox_front", "fox_asleep")}


@pytest.mark.parametrize(
    ("said", "message"),
    [
        ({"a": ["ghost"]}, "a refers to 'ghost', which is no picture"),
        ({"a": ["b", "b"]}, "twice"),
        ({"a": ["a"]}, "circle (a → a)"),
        ({"a": ["b"], "b": ["c"], "c": ["a"]}, "in a circle (a → b → c → a)"),
        ({"fox_front": ["fox_back"]}, "in a circle (fox_front → fox_back → fox_front)"),
        ({"a": [f"p{number}" for number in range(15)]}, "refers to 15 pictures; 14 are possible"),
    ],
)
def test_references_that_cannot_be_followed_are_an_error_with_the_field(
    said: dict[str, list[str]], message: str, tmp_path: Path
) -> None:
    names = ["Fox (Front) [CORE]", "Fox (Back)", "a", "b", "c", *(f"p{number}" for number in range(15))]
    pictures = [picture(name).model_dump(mode="json", exclude_none=True) for name in names]
    assets = [one | ({"references": said[one["name"]]} if one["name"] in said else {}) for one in pictures]
    path = tmp_path / MANIFEST_FILE
    path.write_text(json.dumps({"global_atmosphere": "", "assets": assets}))
    with pytest.raises(ManifestFileError) as caught:
        load_manifest(path)
    assert "field 'assets': " in str(caught.value)
    assert any(found in str(caught.value) for found in (message, message.replace("a → b → c → a", "b → c → a → b")))


def test_a_documents_references_are_written_into_the_manifest_to_be_seen_and_edited(tmp_path: Path) -> None:
    text = next(path for path in DOCUMENTS if path.name == "species_assets.md").read_text()
    resolution = resolve_manifest(None, text, None)
    resolution.store(tmp_path)
    written = load_manifest(tmp_path / MANIFEST_FILE)
    assert written is not None
    assert not written.edited
    assert {asset.name: asset.references for asset in written.manifest.assets if asset.references is not None} == {
        "krabby_eye_macro": ("krabby_claw_core",)
    }
    path = tmp_path / MANIFEST_FILE
    path.write_text(
        path.read_text().replace('"references": [\n        "krabby_claw_core"\n      ]', '"references": []')
    )
    edited = load_manifest(path)
    assert edited is not None
    assert edited.edited


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: path.stem)
def test_every_document_gives_references_that_can_be_followed(path: Path) -> None:
    try:
        manifest = read_document(path.read_text())
    except DocumentError:
        return
    found = manifest.references()
    assert set(in_drawing_order(found)) == {asset.name for asset in manifest.assets}
    kinds = {asset.name: asset.asset_type for asset in manifest.assets}
    assert all(kinds[name] is AssetType.CHARACTER for name, others in found.items() if others)


@pytest.mark.parametrize("ratio", ["wide", "16/9", "16:", "16:9 ", "-1:2"])
def test_an_aspect_ratio_that_is_none_is_an_error(ratio: str) -> None:
    with pytest.raises(ValidationError, match="aspect_ratio"):
        picture("Fox", aspect_ratio=ratio)
