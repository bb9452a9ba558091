"""Where a manifest comes from: who wins, what is never overwritten, and what every error says."""

import json
import os
import re
import stat
from pathlib import Path

import pytest

from assetgen_dagster.director.source import (
    DOCUMENT_FILE,
    Action,
    ManifestConflictError,
    NoStoryError,
    Story,
    load_document,
    read_manifest,
    resolve_in_folder,
    resolve_manifest,
)
from assetgen_dagster.documents import DocumentError, UnreadPicturesError, read_document
from assetgen_dagster.errors import AssetgenError
from assetgen_dagster.manifest.file import (
    MANIFEST_FILE,
    ManifestFile,
    ManifestFileError,
    TooManyPicturesError,
    check_slots,
    load_manifest,
    write_manifest,
)

DOCUMENT = "## Part 4: Master Prompts\n\n### CHARACTERS\n\n#### Abra\n```\nAbra asleep.\n```\n**Filename:** abra.png\n"
STORY = Story("Bulbasaur forest documentary", "Show evolution through seasons")


def stored(folder: Path, *, document: str | None = None, story: Story | None = None) -> ManifestFile:
    """Resolves and writes as the asset does, and returns the file."""
    resolve_manifest(None, document, story).store(folder)
    found = load_manifest(folder / MANIFEST_FILE)
    assert found is not None
    return found


def edited(folder: Path, **changes: object) -> ManifestFile:
    """Edits the manifest's JSON as a person would."""
    path = folder / MANIFEST_FILE
    data = json.loads(path.read_text("utf-8"))
    path.write_text(json.dumps(data | changes), "utf-8")
    found = load_manifest(path)
    assert found is not None
    return found


def test_a_document_comes_before_a_story(tmp_path: Path) -> None:
    resolution = resolve_manifest(None, DOCUMENT, STORY)
    assert resolution.action is Action.WRITTEN
    assert [asset.name for asset in resolution.manifest.assets] == ["abra"]
    assert resolution.source is not None
    assert (resolution.source.kind, resolution.source.topic) == ("document", None)


def test_a_story_serves_where_there_is_no_document() -> None:
    resolution = resolve_manifest(None, None, STORY)
    assert len(resolution.manifest.assets) == 22
    assert resolution.source is not None
    assert (resolution.source.kind, resolution.source.topic) == ("story", "Bulbasaur forest documentary")
    assert "topic 'Bulbasaur forest documentary'" in resolution.reason


def test_without_any_story_the_error_names_every_place_one_can_come_from(tmp_path: Path) -> None:
    with pytest.raises(NoStoryError) as raised:
        resolve_in_folder(tmp_path, None)
    for said in (
        str(tmp_path / DOCUMENT_FILE), str(tmp_path / MANIFEST_FILE), "'topic' and 'story_direction'", "run config",
        "asset_manifest", "--topic", "--story", "--document", "Notion",
    ):  # fmt: skip
        assert said in str(raised.value)


def test_an_unchanged_source_never_rewrites_the_manifest(tmp_path: Path) -> None:
    existing = stored(tmp_path, document=DOCUMENT)
    before = (tmp_path / MANIFEST_FILE).stat().st_mtime_ns
    for document, story in (
        (DOCUMENT, None),
        (DOCUMENT, STORY),
        (None, None),
        ("\ufeff" + DOCUMENT.replace("\n", "\r\n"), None),
    ):
        resolution = resolve_manifest(existing, document, story)
        assert resolution.action is Action.KEPT
        resolution.store(tmp_path)
    assert (tmp_path / MANIFEST_FILE).stat().st_mtime_ns == before


def test_a_changed_source_writes_it_anew(tmp_path: Path) -> None:
    existing = stored(tmp_path, document=DOCUMENT)
    resolution = resolve_manifest(existing, DOCUMENT.replace("asleep", "awake"), None)
    assert resolution.action is Action.WRITTEN
    assert resolution.manifest.assets[0].prompt == "Abra awake."
    resolution.store(tmp_path)
    again = resolve_in_folder(tmp_path, None)
    assert again.action is Action.KEPT
    assert again.manifest.assets[0].prompt == "Abra awake."


def test_another_kind_of_source_is_a_change(tmp_path: Path) -> None:
    existing = stored(tmp_path, story=STORY)
    assert resolve_manifest(existing, DOCUMENT, STORY).action is Action.WRITTEN
    assert resolve_manifest(existing, None, Story(STORY.topic, "Other")).action is Action.WRITTEN


def test_an_edited_manifest_is_kept_while_its_source_is_unchanged(tmp_path: Path) -> None:
    stored(tmp_path, story=STORY)
    existing = edited(tmp_path, global_atmosphere="Rain.")
    resolution = resolve_manifest(existing, None, STORY)
    assert resolution.action is Action.KEPT_EDITED
    assert resolution.manifest.global_atmosphere == "Rain."


def test_warnings_and_titles_are_no_edits(tmp_path: Path) -> None:
    stored(tmp_path, document=DOCUMENT)
    assert not edited(tmp_path, warnings=[]).edited


def test_edited_and_changed_is_a_conflict_that_names_both_and_both_ways_out(tmp_path: Path) -> None:
    stored(tmp_path, story=STORY)
    edited(tmp_path, global_atmosphere="Rain.")
    (tmp_path / DOCUMENT_FILE).write_text(DOCUMENT, "utf-8")
    with pytest.raises(ManifestConflictError) as raised:
        resolve_in_folder(tmp_path, STORY)
    message = str(raised.value)
    assert str(tmp_path / MANIFEST_FILE) in message
    assert str(tmp_path / DOCUMENT_FILE) in message
    assert "topic 'Bulbasaur forest documentary'" in message
    assert "delete asset_manifest.json" in message
    assert 'remove the "source" block' in message
    # All ways out work.
    data = json.loads((tmp_path / MANIFEST_FILE).read_text("utf-8"))
    assert 'set "content_sha256" in that block to ""' in message
    data["source"]["content_sha256"] = ""
    (tmp_path / MANIFEST_FILE).write_text(json.dumps(data), "utf-8")
    assert resolve_in_folder(tmp_path, STORY).manifest.assets[0].name == "abra"
    del data["source"]
    (tmp_path / MANIFEST_FILE).write_text(json.dumps(data), "utf-8")
    assert resolve_in_folder(tmp_path, STORY).manifest.global_atmosphere == "Rain."
    (tmp_path / MANIFEST_FILE).unlink()
    assert resolve_in_folder(tmp_path, STORY).manifest.assets[0].name == "abra"


def test_giving_up_the_edits_keeps_the_remarks(tmp_path: Path) -> None:
    stored(tmp_path, document=DOCUMENT)
    edited(tmp_path, global_atmosphere="Rain.")
    data = json.loads((tmp_path / MANIFEST_FILE).read_text("utf-8"))
    data["assets"][0]["remark"] = "less light"
    data["source"]["content_sha256"] = ""
    (tmp_path / MANIFEST_FILE).write_text(json.dumps(data), "utf-8")
    existing = load_manifest(tmp_path / MANIFEST_FILE)
    (asset,) = resolve_manifest(existing, DOCUMENT.replace("asleep", "awake"), None).manifest.assets
    assert (asset.prompt, asset.remark) == ("Abra awake.", "less light")


@pytest.mark.parametrize(
    "left",
    [
        "- A fox asleep in the moss\n- Owl\n",
        "- A fox asleep in the moss\n\n## Props\n\n- Leaf\n",
    ],
)
def test_a_document_with_items_that_cannot_be_read_stops_with_their_lines_and_how_to_go_on(
    tmp_path: Path, left: str
) -> None:
    text = f"## Global Atmosphere\n\nRain.\n\n## Characters\n\n- A fox that stands in the rain\n{left}"
    (tmp_path / DOCUMENT_FILE).write_text(text, "utf-8")
    with pytest.raises(UnreadPicturesError, match=r"(?s)Nothing was drawn.*[Ll]ine.*'### Title'.*'<!--'"):
        resolve_in_folder(tmp_path, None)
    # Both ways to go on work: as pictures, or as a comment.
    titled = re.sub(r"(?m)^- (.*)$", r"\n### \1\n\nOnce more: \1, in the rain.", text)
    hidden = text.replace("- Owl", "<!-- - Owl -->").replace("- Leaf", "<!-- - Leaf -->")
    for mended, count in ((titled, 3), (hidden, 2)):
        (tmp_path / DOCUMENT_FILE).write_text(mended, "utf-8")
        assert len(resolve_in_folder(tmp_path, None).manifest.assets) == count


def test_a_manifest_written_by_hand_is_used_as_it_is(tmp_path: Path) -> None:
    asset = {"asset_type": "prop", "name": "bell", "prompt": "A bell."}
    (tmp_path / MANIFEST_FILE).write_text(json.dumps({"global_atmosphere": "Rain.", "assets": [asset]}), "utf-8-sig")
    (tmp_path / DOCUMENT_FILE).write_text(DOCUMENT, "utf-8")
    resolution = resolve_in_folder(tmp_path, STORY)
    assert resolution.action is Action.KEPT_EDITED
    assert [asset.name for asset in resolution.manifest.assets] == ["bell"]


def test_the_file_is_json_that_a_person_can_read(tmp_path: Path) -> None:
    stored(tmp_path, story=Story("Flabébé in the meadow", "Spring"))
    text = (tmp_path / MANIFEST_FILE).read_text("utf-8")
    data = json.loads(text)
    assert list(data) == ["global_atmosphere", "assets", "warnings", "notes", "source"]
    assert list(data["assets"][0])[:3] == ["asset_type", "name", "prompt"]
    assert "Flabébé" in text
    assert '\n  "assets": [\n    {\n' in text
    assert data["source"]["kind"] == "story"
    assert data["source"]["story_direction"] == "Spring"


def test_unusual_counts_are_warnings_in_the_file(tmp_path: Path) -> None:
    stored(tmp_path, document=DOCUMENT)
    warnings = json.loads((tmp_path / MANIFEST_FILE).read_text("utf-8"))["warnings"]
    assert "0 environment pictures; usual are 8 to 10" in warnings
    assert resolve_manifest(None, DOCUMENT, None).manifest.warnings == tuple(warnings)


GOOD = {"global_atmosphere": "", "assets": [{"asset_type": "prop", "name": "bell", "prompt": "A bell."}]}


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b'{\n  "assets": [,]\n}', "line 2, column 14"),
        (b"", "line 1, column 1"),
        (b"\xff\x00", "not UTF-8"),
        (b"[]", "JSON object"),
        (b"[" * 100_000, "nested too deeply"),
        (b'{"assets": []}', "field 'global_atmosphere': is missing"),
        (b'{"global_atmosphere": "", "assets": []}', "field 'assets': must hold at least one picture"),
        (json.dumps(GOOD | {"assets": "x"}).encode(), "field 'assets'"),
        (
            json.dumps(GOOD | {"assets": [{"name": "bell", "prompt": 1}]}).encode(),
            "picture 1 (bell), field 'asset_type'",
        ),
        (json.dumps(GOOD).replace('"prop"', '"props"').encode(), "must be 'character', 'environment' or 'prop'"),
        (json.dumps(GOOD).replace('"bell"', '"The Bell"').encode(), "for example 'the_bell'"),
        (json.dumps(GOOD).replace("A bell.", "\\ud800").encode(), "half a character: '\\ud800'"),
        (json.dumps(GOOD | {"assets": GOOD["assets"] * 2}).encode(), "two pictures have the same name: bell"),  # type: ignore[operator]
        (
            json.dumps(GOOD | {"source": {"kind": "film"}}).encode(),
            "field 'source.kind': must be 'document' or 'story'",
        ),
        (json.dumps(GOOD | {"source": 1}).encode(), "field 'source'"),
    ],
)
def test_a_manifest_file_that_cannot_be_used_says_where_and_why(tmp_path: Path, content: bytes, said: str) -> None:
    path = tmp_path / MANIFEST_FILE
    path.write_bytes(content)
    with pytest.raises(ManifestFileError) as raised:
        load_manifest(path)
    assert str(path) in str(raised.value)
    assert said in str(raised.value)
    assert "pydantic" not in str(raised.value)


def test_a_manifest_that_is_not_there_is_none_and_a_folder_in_its_place_an_error(tmp_path: Path) -> None:
    assert load_manifest(tmp_path / MANIFEST_FILE) is None
    assert load_document(tmp_path / DOCUMENT_FILE) is None
    (tmp_path / MANIFEST_FILE).mkdir()
    (tmp_path / DOCUMENT_FILE).mkdir()
    with pytest.raises(ManifestFileError, match="cannot be read"):
        load_manifest(tmp_path / MANIFEST_FILE)
    with pytest.raises(DocumentError, match="cannot be read"):
        load_document(tmp_path / DOCUMENT_FILE)


def test_a_write_that_fails_leaves_the_file_before(tmp_path: Path) -> None:
    manifest = read_document(DOCUMENT)
    with pytest.raises(ManifestFileError, match="cannot be written"):
        write_manifest(tmp_path / "missing" / MANIFEST_FILE, manifest, None)
    stored(tmp_path, document=DOCUMENT)
    before = (tmp_path / MANIFEST_FILE).read_bytes()
    if os.geteuid() != 0:
        tmp_path.chmod(stat.S_IRUSR | stat.S_IXUSR)
        with pytest.raises(ManifestFileError):
            write_manifest(tmp_path / MANIFEST_FILE, manifest, None)
        tmp_path.chmod(stat.S_IRWXU)
    assert (tmp_path / MANIFEST_FILE).read_bytes() == before
    assert [path.name for path in tmp_path.iterdir()] == [MANIFEST_FILE]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_a_document_is_read_in_the_encodings_of_windows_editors(tmp_path: Path, encoding: str) -> None:
    (tmp_path / DOCUMENT_FILE).write_text(DOCUMENT.replace("asleep", "endormì"), encoding)
    assert resolve_in_folder(tmp_path, None).manifest.assets[0].prompt == "Abra endormì."


def test_a_project_manifest_is_read_where_a_document_may_stand(tmp_path: Path) -> None:
    file = stored(tmp_path, story=STORY)
    assert read_manifest(tmp_path / MANIFEST_FILE) == file.manifest
    (tmp_path / DOCUMENT_FILE).write_text(DOCUMENT, "utf-8")
    assert read_manifest(tmp_path / DOCUMENT_FILE) == read_document(DOCUMENT)
    assert read_manifest(tmp_path / "other.md") is None
    assert read_manifest(tmp_path / "other.json") is None


def test_a_document_that_is_no_text_is_an_error_with_the_line(tmp_path: Path) -> None:
    (tmp_path / DOCUMENT_FILE).write_bytes(b"fine\nfine\n\x89PNG")
    with pytest.raises(DocumentError, match=r"line 3: not UTF-8 text"):
        resolve_in_folder(tmp_path, None)


def test_a_document_that_holds_no_prompts_stops_before_anything_is_paid(tmp_path: Path) -> None:
    (tmp_path / DOCUMENT_FILE).write_text("# Nothing", "utf-8")
    with pytest.raises(AssetgenError, match=r"03_assets\.md, line 1: no prompts were found"):
        resolve_in_folder(tmp_path, STORY)


def test_more_pictures_than_slots_is_an_error_that_names_the_setting_and_the_number() -> None:
    manifest = resolve_manifest(None, None, STORY).manifest
    check_slots(manifest, 22)
    with pytest.raises(TooManyPicturesError, match=r"22 pictures.*ASSETGEN_IMAGE_SLOTS=22"):
        check_slots(manifest, 21)
