"""``--reference-image`` of the script: what the API gets, and what cannot be sent."""

import hashlib
import subprocess
import sys
from pathlib import Path

import pytest
from PIL import Image

from assetgen_emulators.gemini import GeminiEmulator
from tests.helpers.generate_asset_runs import PROMPT, SCRIPT, Script, script_for


@pytest.fixture
def script(gemini: GeminiEmulator, tmp_path: Path) -> Script:
    return script_for(gemini, tmp_path)


def picture(path: Path, kind: str = "PNG", colour: str = "green") -> Path:
    Image.new("RGB", (64, 36), colour).save(path, kind)
    return path


def test_reference_pictures_are_sent_before_the_prompt_in_their_order(
    gemini: GeminiEmulator, script: Script, tmp_path: Path
) -> None:
    paths = [
        picture(tmp_path / "fox.png"),
        picture(tmp_path / "a --strange= name", "JPEG"),
        picture(tmp_path / "w", "WEBP"),
    ]
    outcome = script.run(references=paths)
    assert outcome.done["usage"]["prompt_tokens"] == 8 + 3 * 1120
    (call,) = gemini.journal()
    assert call.prompt == PROMPT
    assert list(call.reference_sha256) == [hashlib.sha256(path.read_bytes()).hexdigest() for path in paths]


def test_the_kind_of_a_picture_is_what_it_is_and_not_what_it_is_called(
    gemini: GeminiEmulator, script: Script, tmp_path: Path
) -> None:
    assert script.run(references=[picture(tmp_path / "fox.png", "JPEG")]).code == 0
    assert len(gemini.journal()) == 1


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (None, "cannot be read: No such file or directory"),
        (b"", "is no PNG, JPEG, WebP or HEIC"),
        (b"GIF89a...", "is no PNG, JPEG, WebP or HEIC"),
        (b"\x89PNG\r\n\x1a\n" + bytes(20_000_000), "up to 20 MB"),
    ],
    ids=["missing", "empty", "gif", "large"],
)
def test_what_cannot_be_sent_is_told_by_name_before_anything_is_paid(
    gemini: GeminiEmulator, script: Script, tmp_path: Path, content: bytes | None, said: str
) -> None:
    path = tmp_path / "fox.png"
    if content is not None:
        path.write_bytes(content)
    error = script.run(references=[path]).error
    assert (error["kind"], error["received"]) == ("reference", False)
    assert str(path) in error["message"]
    assert said in error["message"]
    assert gemini.journal() == []
    assert not script.output.exists()


def test_a_folder_is_no_reference_picture(script: Script, tmp_path: Path) -> None:
    assert "Is a directory" in script.run(references=[tmp_path]).error["message"]


def test_its_help_names_the_option() -> None:
    done = subprocess.run([sys.executable, str(SCRIPT), "--help"], capture_output=True, check=True)
    assert b"--reference-image" in done.stdout
