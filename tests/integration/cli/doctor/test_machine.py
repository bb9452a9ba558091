"""What the doctor says of workspace, channels, script and the address of the UI."""

from pathlib import Path

import pytest

from assetgen_dagster.cli.doctor import machine
from assetgen_dagster.cli.doctor.examine import examine
from assetgen_emulators.gemini import GeminiEmulator
from tests.integration.cli.doctor.told import problem, problems

pytestmark = pytest.mark.usefixtures("dagster_home")


def test_a_workspace_that_is_a_file_is_named(
    gemini: GeminiEmulator, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setenv("ASSETGEN_WORKSPACE", str(tmp_path / "file"))
    assert "move it away" in problem()


def test_a_full_disk_is_named(gemini: GeminiEmulator, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(machine, "ROOM_PER_PICTURE", 1 << 50)
    assert "MiB are free" in problem()


@pytest.mark.parametrize("address", ["dagster.example.org", "ftp://host", "https://", "http://a b"])
def test_an_address_of_the_ui_that_is_none_is_named(monkeypatch: pytest.MonkeyPatch, address: str) -> None:
    monkeypatch.setenv("ASSETGEN_UI_URL", address)
    assert "ASSETGEN_UI_URL" in problem()


def test_it_says_where_rows_link_to(gemini: GeminiEmulator, monkeypatch: pytest.MonkeyPatch) -> None:
    assert any("without a link" in str(finding) for finding in examine())
    monkeypatch.setenv("ASSETGEN_UI_URL", "https://dagster.example.org/")
    assert any("at https://dagster.example.org." in str(finding) for finding in examine())


def test_an_aspect_ratio_that_the_model_does_not_draw_is_named_with_its_place(
    gemini: GeminiEmulator, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("GEMINI_ASPECT_RATIO", "7:5")
    assert "draws no 7:5, but 1:1, 2:3" in problem()
    assert problem().endswith("Set GEMINI_ASPECT_RATIO to another.")
    monkeypatch.setenv("GEMINI_ASPECT_RATIO", "32:18")
    file = tmp_path / "channels.toml"
    file.write_text('[channels.poke1]\naspect_ratio = "9:16"\n[channels.poke2]\naspect_ratio = "5:7"\n')
    monkeypatch.setenv("ASSETGEN_CHANNELS_FILE", str(file))
    assert "draws no 5:7" in problem()
    assert problem().endswith(f"(channel poke2). Change it in {file}.")


@pytest.mark.parametrize("text", ["[channels.poke1\n", None])
def test_a_channels_file_that_cannot_be_used_is_named(
    gemini: GeminiEmulator, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: str | None
) -> None:
    file = tmp_path / "channels.toml"
    if text is not None:
        file.write_text(text)
    monkeypatch.setenv("ASSETGEN_CHANNELS_FILE", str(file))
    assert str(file) in problem()
    file.write_text("[channels.poke2]\n[channels.poke1]\n")
    assert problems() == []
    assert any("names poke1, poke2." in str(finding) for finding in examine())


def test_a_script_that_is_not_there_is_named(
    gemini: GeminiEmulator, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ASSETGEN_SCRIPT", str(tmp_path / "mine.py"))
    assert "mine.py" in problem()
    assert "ASSETGEN_SCRIPT" in problem()


def test_a_script_of_ones_own_needs_no_key_here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    script = tmp_path / "mine.py"
    script.write_text("print('hello')")
    monkeypatch.setenv("ASSETGEN_SCRIPT", str(script))
    assert problems() == []
