import io
from pathlib import Path

import pytest
from PIL import Image

from assetgen_dagster.drawing.picture import check_asset_exists


def saved(format_: str) -> bytes:
    file = io.BytesIO()
    Image.new("RGB", (24, 20), "red").save(file, format=format_)
    return file.getvalue()


def test_a_damaged_picture_is_no_picture_whatever_the_decoder_says(tmp_path: Path) -> None:
    damaged = tmp_path / "fox.png"
    damaged.write_bytes(saved("AVIF").replace(b"iloc", b"none"))
    assert not check_asset_exists(damaged)


def test_a_file_for_which_pillow_would_start_a_program_is_no_picture(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    started = tmp_path / "started"
    ghostscript = tmp_path / "gs"
    ghostscript.write_text(f"#!/bin/sh\ntouch {started}\n")
    ghostscript.chmod(0o755)
    monkeypatch.setattr("PIL.EpsImagePlugin.gs_binary", str(ghostscript))
    drawing = tmp_path / "fox.png"
    drawing.write_bytes(saved("EPS"))
    assert not check_asset_exists(drawing)
    assert not started.exists()
