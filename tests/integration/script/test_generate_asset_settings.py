"""The real script as a process: where its settings come from, what it does to files, how it keeps the key."""

import os
import shutil
import sys
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from assetgen_emulators.gemini import GeminiEmulator
from assetgen_emulators.gemini.faults import (
    AnyAction,
    ApiError,
    Fault,
    HalfPng,
    HtmlPage,
    JpegLabelledPng,
    NoImage,
    TextOnly,
)
from tests.helpers.disks import mounted
from tests.helpers.generate_asset_runs import DRAWN, SCRIPT, Script, module, script_for


@pytest.fixture
def script(gemini: GeminiEmulator, tmp_path: Path) -> Script:
    return script_for(gemini, tmp_path)


@pytest.fixture
def installed(script: Script, tmp_path: Path) -> Script:
    """The script in a folder of its own, where no .env lies around."""
    (tmp_path / "project" / "scripts").mkdir(parents=True)
    script.path = Path(shutil.copy(SCRIPT, tmp_path / "project" / "scripts"))
    return script


@pytest.mark.parametrize("key", ["", "  ", None])
def test_a_missing_key_is_a_configuration_error_that_names_it(
    gemini: GeminiEmulator, installed: Script, key: str | None
) -> None:
    del installed.settings["GEMINI_API_KEY"]
    settings: dict[str, Any] = {} if key is None else {"GEMINI_API_KEY": key}
    error = installed.run(**settings).error
    assert error["kind"] == "configuration"
    assert "GEMINI_API_KEY" in error["message"]
    assert gemini.journal() == []


@pytest.mark.parametrize(
    "line",
    ["GEMINI_API_KEY={}", 'export GEMINI_API_KEY="{}"', "GEMINI_API_KEY = '{}'  # mine", "GEMINI_API_KEY={} # mine\r"],
)
@pytest.mark.parametrize("place", ["scripts/.env", ".env"])
def test_the_key_may_be_in_a_dotenv_file(installed: Script, line: str, place: str) -> None:
    dotenv = installed.path.parent.parent / place
    dotenv.write_text(
        f"# settings\n\nOTHER=1\n{line.format(installed.settings['GEMINI_API_KEY'])}\nGEMINI_ASPECT_RATIO=1:1\n",
        newline="",
    )
    del installed.settings["GEMINI_API_KEY"]
    assert installed.run().code == 0
    with Image.open(installed.output) as picture:
        assert picture.size == (1024, 1024)


def test_the_environment_wins_over_the_dotenv_file_and_the_near_one_over_the_far(
    gemini: GeminiEmulator, installed: Script
) -> None:
    folder = installed.path.parent
    (folder.parent / ".env").write_text("GEMINI_API_KEY=wrong\nGEMINI_ASPECT_RATIO=3:2\nGEMINI_IMAGE_MODEL=wrong")
    (folder / ".env").write_text("GEMINI_API_KEY=also-wrong\nGEMINI_IMAGE_MODEL=gemini-3-pro-image\n")
    assert installed.run().done["model"] == "gemini-3-pro-image"
    assert gemini.journal()[0].aspect_ratio == "3:2"


@pytest.mark.parametrize(
    "base", ["127.0.0.1:80", "ftp://host", "http://", "http://host:port", "http://a b", "http://ü.de", "http://h?x=1"]
)
def test_a_base_url_that_is_none_is_a_configuration_error(script: Script, base: str) -> None:
    error = script.run(GOOGLE_GEMINI_BASE_URL=base).error
    assert error["kind"] == "configuration"
    assert "GOOGLE_GEMINI_BASE_URL" in error["message"]


def test_a_key_that_no_header_can_carry_is_a_configuration_error_and_not_shown(script: Script) -> None:
    outcome = script.run(GEMINI_API_KEY="half a\nsecret")
    assert outcome.error["kind"] == "configuration"
    assert "secret" not in outcome.stderr


def test_the_key_is_masked_whoever_says_it(gemini: GeminiEmulator, script: Script) -> None:
    key = script.settings["GEMINI_API_KEY"]
    long = "x" * 190 + key
    said: list[AnyAction] = [
        ApiError(403, None, f"Key {key} was leaked", reason=key, quota_id=key),
        HtmlPage(500, key),
        TextOnly(long),
        NoImage(key, key),
    ]
    gemini.plan([Fault(fault) for fault in said])
    for _ in said:
        outcome = script.run()
        assert key[:8] not in outcome.stderr
        assert "***" in outcome.error["message"]
    assert key not in script.run(GEMINI_IMAGE_MODEL=key).stderr


def test_it_runs_without_any_package_but_says_when_it_needs_pillow(gemini: GeminiEmulator, script: Script) -> None:
    script.python = (sys.executable, "-I", "-S")
    assert script.run().code == 0
    gemini.plan([Fault(JpegLabelledPng())])
    report = script.run().report
    assert (report["error"]["kind"], report["usage"]) == ("configuration", DRAWN)
    assert "Pillow" in report["error"]["message"]


def test_a_new_picture_replaces_the_old_one_and_a_failed_one_does_not(gemini: GeminiEmulator, script: Script) -> None:
    gemini.plan([Fault(HalfPng(), nth=2), Fault(ApiError(500), nth=3)])
    assert script.run().code == 0
    first = script.output.read_bytes()
    assert [script.run("another").code, script.run("another").code] == [1, 1]
    assert script.output.read_bytes() == first
    assert script.run("another").code == 0
    assert script.output.read_bytes() != first
    assert list(script.output.parent.iterdir()) == [script.output]


def test_whoever_reads_the_old_picture_still_reads_it_whole(script: Script) -> None:
    assert script.run().code == 0
    first = script.output.read_bytes()
    with script.output.open("rb") as reader:
        assert script.run("another").code == 0
        assert reader.read() == first
    assert script.output.read_bytes() != first


def test_a_folder_in_the_way_is_noticed_before_anything_is_paid(gemini: GeminiEmulator, script: Script) -> None:
    script.output.mkdir(parents=True)
    error = script.run().error
    assert error["kind"] == "file"
    assert str(script.output) in error["message"]
    assert gemini.journal() == []


@pytest.mark.parametrize("output", ["/proc/nowhere/owl.png", "/dev/null/owl.png", "/tmp/" + "n" * 300 + ".png"])
def test_an_impossible_place_is_noticed_before_anything_is_paid(
    gemini: GeminiEmulator, script: Script, output: str
) -> None:
    script.output = Path(output)
    assert script.run().error["kind"] == "file"
    assert gemini.journal() == []


def test_a_full_disk_costs_a_picture_and_says_so(gemini: GeminiEmulator, script: Script, tmp_path: Path) -> None:
    with mounted(tmp_path / "disk", size="64k"):
        script.output = tmp_path / "disk" / "owl.png"
        script.output.write_bytes(b"the old picture")
        report = script.run(TMPDIR=str(script.output.parent)).report  # no room elsewhere either
        assert (report["error"]["kind"], report["usage"]) == ("file", DRAWN)
        assert "No space left" in report["error"]["message"]
        assert str(script.output) in report["error"]["message"]
        assert script.output.read_bytes() == b"the old picture"
        assert list(script.output.parent.iterdir()) == [script.output]
    assert gemini.journal()[0].outcome == "ok"


def test_a_second_picture_that_cannot_be_written_is_kept_beside_the_first(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    temporary = tmp_path / "temporary"
    temporary.mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(temporary))
    script = module()
    for picture in (b"first", b"second"):
        with pytest.raises(script.DrawError) as raised:
            script.keep_png(picture, tmp_path / "missing" / "owl.png", told="")
        kept = Path(raised.value.hint.removeprefix("it is kept at "))
        assert kept.read_bytes() == picture
    assert (temporary / "assetgen-owl.png").read_bytes() == b"first"


def test_a_failing_disk_leaves_no_half_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    script = module()

    def no_space(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", no_space)
    with pytest.raises(script.DrawError, match="No space left on device"):
        script.write_png(b"data", tmp_path / "owl.png")
    assert list(tmp_path.iterdir()) == []
