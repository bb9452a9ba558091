"""A disk that runs full while pictures are in flight: each of them has been paid for, and none is lost."""

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest
from PIL import Image

from assetgen_dagster.drawing.attempt import Attempts, Call
from assetgen_dagster.drawing.recovery import recover_calls
from assetgen_dagster.drawing.room import Room, fetch_kept, kept_path
from assetgen_dagster.errors import Code
from assetgen_dagster.project.records import Inputs
from assetgen_dagster.project.workspace import WorkspaceError
from assetgen_dagster.settings import PROJECT_ROOT
from assetgen_emulators.gemini import GeminiEmulator
from tests.helpers.disks import fill, filled_when, mounted
from tests.helpers.harness import Core, billed, billed_usd

pytestmark = pytest.mark.full_size

OURS = PROJECT_ROOT / "scripts" / "generate_asset.py"
FOREIGN = PROJECT_ROOT / "tests" / "helpers" / "scripts" / "foreign_generate_asset.py"


@pytest.fixture
def disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The disk of the workspace; the temporary folder is elsewhere."""
    place, temporary = tmp_path / "disk", tmp_path / "temporary"
    place.mkdir()
    temporary.mkdir()
    monkeypatch.setenv("ASSETGEN_WORKSPACE", str(place / "workspace"))
    monkeypatch.setenv("TMPDIR", str(temporary))
    monkeypatch.setattr("tempfile.tempdir", None)
    with mounted(place):
        yield place


def three_in_flight(gemini: GeminiEmulator) -> None:
    gemini.wait_for(lambda calls: sum(call.in_flight for call in calls) == 3)


@pytest.mark.parametrize("script", [OURS, FOREIGN], ids=["ours", "foreign"])
def test_a_disk_that_runs_full_while_pictures_are_in_flight_costs_none_of_them(
    script: Path, core: Core, gemini: GeminiEmulator, disk: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ASSETGEN_SCRIPT", str(script))
    gemini.set_latency(2)
    with filled_when(lambda: three_in_flight(gemini), disk):
        drawing = core.draw()
    assert drawing.summary.generated == 3
    assert len(gemini.journal()) == 3
    if script == OURS:
        assert core.confirmed_usd() == pytest.approx(billed_usd(gemini.journal()), abs=5e-6)


def test_where_every_byte_is_taken_what_was_received_is_published_once_there_is_room(
    core: Core, gemini: GeminiEmulator, disk: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ASSETGEN_IMAGE_TIMEOUT_SECONDS", "4")  # ends the scripts, which wait for room
    gemini.set_latency(2)
    with filled_when(lambda: three_in_flight(gemini), disk, greedy=True):
        try:
            found = core.draw().summary.stopped_by
        except WorkspaceError as error:
            code = error.code
        else:
            assert found is not None
            code = found.code
        assert code is Code.CANNOT_WRITE
    gemini.set_latency(0)
    assert core.draw().summary.failed == 0
    assert len(core.files()) == 3
    assert len(billed(gemini.journal())) == 3
    assert core.confirmed_usd() == pytest.approx(billed_usd(gemini.journal()), abs=5e-6)
    assert list((tmp_path / "temporary").iterdir()) == []
    assert list(core.paths.staging.iterdir()) == []


def test_the_space_that_a_killed_run_held_receives_its_picture(core: Core, disk: Path) -> None:
    dead = attempts_of(core, "killed")
    output = core.paths.characters / "picture_01.png"
    inputs = Inputs(prompt_sha256="p", model="gemini-nano-banana-2.1", aspect_ratio="16:9")
    intent = dead._intent(Call("picture_01", 1, output, "Subject", inputs, round=1, attempts=1))
    with dead.store.change() as records:
        records.intents[intent.token] = intent
    Room(core.paths.staging, intent.token).__enter__()
    Image.new("RGB", (1376, 768), "green").save(kept_path(core.paths.absolute(intent.staging)))
    fill(disk)
    asyncio.run(recover_calls(attempts_of(core, "next")))
    assert core.records.intents == {}
    assert list(core.files()) == ["picture_01"]
    assert list(core.paths.staging.iterdir()) == []


def attempts_of(core: Core, run_id: str) -> Attempts:
    return Attempts(store=core.store, paths=core.paths, settings=core.settings, run_id=run_id)


def test_what_others_left_in_the_temporary_folder_is_no_picture_of_ours(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    staging = tmp_path / "staging" / "fox.0123.png"
    staging.parent.mkdir()
    (tmp_path / "theirs").write_text("a secret")
    kept_path(staging).symlink_to(tmp_path / "theirs")
    fetch_kept(staging)
    assert not staging.exists()
