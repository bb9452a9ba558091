"""Scripts other than ours, through ASSETGEN_SCRIPT: only --prompt, --output and the exit code are relied on."""

import errno
import os
import resource
import stat
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from PIL import Image

from assetgen_dagster.drawing.picture import check_asset_exists
from assetgen_dagster.drawing.plan import Mode
from assetgen_dagster.errors import Code, ErrorClass
from assetgen_dagster.project.workspace import WorkspaceError
from assetgen_dagster.settings import PROJECT_ROOT
from assetgen_emulators.gemini import Fault, GeminiEmulator
from assetgen_emulators.gemini.faults import ApiError
from tests.helpers.disks import fill, mounted
from tests.helpers.harness import Core, Drawing, billed_usd, manifest_of

FOREIGN = PROJECT_ROOT / "tests" / "helpers" / "scripts" / "foreign_generate_asset.py"
PICTURE = "from PIL import Image; image = Image.effect_noise((1344, 768), 90).convert('RGB')\n"
ARGUMENTS = "import sys; output = sys.argv[2].removeprefix('--output=')\n"

UseScript = Callable[[str], Path]


@pytest.fixture
def use_script(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> UseScript:
    """Makes a script of these lines the one that draws."""

    def use(body: str) -> Path:
        path = tmp_path / "their_script.py"
        path.write_text(body)
        monkeypatch.setenv("ASSETGEN_SCRIPT", str(path))
        return path

    return use


def problem_of(drawing: Drawing) -> tuple[str, str]:
    found = drawing.summary.stopped_by or drawing.failed()[0].failure
    return found.error_class, found.code


def test_an_unmodified_foreign_script_draws_at_the_storys_estimate(
    core: Core, gemini: GeminiEmulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ASSETGEN_SCRIPT", str(FOREIGN))
    drawing = core.draw()
    assert drawing.summary.generated == 3
    assert len(gemini.journal()) == 3
    assert core.confirmed_usd() == pytest.approx(3 * 0.068)
    assert all(content.startswith(b"\x89PNG") for content in core.files().values())


def test_a_usage_that_counts_no_tokens_of_a_picture_leaves_it_at_the_estimate(
    core: Core, use_script: UseScript
) -> None:
    use_script(ARGUMENTS + PICTURE + 'image.save(output); print(\'{"usage": {"candidatesTokenCount": 1290}}\')')
    core.draw({1})
    assert [(spend.cost_usd, spend.cost_source) for spend in core.records.spends] == [(0.068, "estimate")]


def test_a_foreign_scripts_traceback_is_understood(
    core: Core, gemini: GeminiEmulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ASSETGEN_SCRIPT", str(FOREIGN))
    gemini.plan([Fault(ApiError(503), prompt="Subject 02")])
    drawing = core.draw()
    assert drawing.summary.generated == 3
    assert len(gemini.journal()) == 4


def test_a_foreign_script_needs_no_key_of_ours(
    core: Core, use_script: UseScript, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("GEMINI_API_KEY")
    use_script(ARGUMENTS + PICTURE + "image.save(output)")
    assert core.draw().summary.generated == 3


def test_a_script_that_saves_jpeg_under_png_leaves_a_real_png(core: Core, use_script: UseScript) -> None:
    use_script(ARGUMENTS + PICTURE + "image.save(output, format='JPEG')")
    core.draw()
    assert all(content.startswith(b"\x89PNG") for content in core.files().values())


JPEG = "image.save(path, format='JPEG')\n"
WRONG_PLACES = {
    "the ending chosen by the format": "path = output.removesuffix('.png') + '.jpg'\n" + JPEG,
    "a second ending": "path = output + '.jpg'\n" + JPEG,
    "a number added": "path = output.removesuffix('.png') + '_0.png'\n" + JPEG,
    "the name up to its first dot": "import os; f, n = os.path.split(output); path = f'{f}/{n.split(\".\")[0]}.jpg'\n"
    + JPEG,
    "half a picture at the right place": "open(output, 'wb').write(b'half'); path = output + '.jpg'\n" + JPEG,
    "a folder at the right place": "import os; os.mkdir(output); path = output + '.jpg'\n" + JPEG,
    "a preview and the picture": "image.resize((84, 48)).save(output + '.small.png'); path = output + '.jpg'\n" + JPEG,
    "and failed afterwards": "path = output + '.jpg'\n" + JPEG + "raise SystemExit(1)\n",
}


@pytest.mark.parametrize("place", WRONG_PLACES.values(), ids=WRONG_PLACES)
def test_a_picture_written_beside_its_path_is_taken_and_not_paid_for_again(
    core: Core, use_script: UseScript, place: str
) -> None:
    use_script(ARGUMENTS + PICTURE + place)
    [done] = core.draw({1}).done()
    assert (done.record.facts.width, done.record.facts.height) == (1344, 768)
    assert core.confirmed_usd() == pytest.approx(0.068)
    assert core.possibly_billed_usd() == 0
    assert core.files()["picture_01"].startswith(b"\x89PNG")
    assert list(core.paths.staging.iterdir()) == []


def test_a_picture_under_a_name_of_the_scripts_own_is_kept_aside(core: Core, use_script: UseScript) -> None:
    use_script(ARGUMENTS + PICTURE + "import os; image.save(os.path.dirname(output) + '/output.jpg')")
    assert problem_of(core.draw({1})) == (ErrorClass.TIMEOUT, "script_left_no_picture")
    [kept] = core.paths.retired.iterdir()
    assert kept.name.startswith("output.")
    assert check_asset_exists(kept)


def test_a_picture_that_cannot_be_made_a_png_now_is_made_one_later_and_not_drawn_again(
    core: Core, use_script: UseScript
) -> None:
    use_script(ARGUMENTS + PICTURE + "image.save(output, format='JPEG', quality=10)")
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (500_000, hard))  # the PNG is larger: as on a disk that is full
    try:
        drawing = core.draw({1})
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert problem_of(drawing) == (ErrorClass.FATAL, "cannot_write")
    use_script("raise SystemExit('it is asked a second time')")
    assert core.draw({1}).summary.failed == 0
    assert core.confirmed_usd() == pytest.approx(0.068)
    assert core.possibly_billed_usd() == 0


@pytest.mark.parametrize(
    "leftover", ["", "open(output, 'wb').write(b'')", "open(output, 'wb').write(b'not a picture')"]
)
def test_a_script_that_succeeds_without_a_picture_is_possibly_billed_and_not_tried_blindly(
    core: Core, use_script: UseScript, leftover: str
) -> None:
    use_script(ARGUMENTS + leftover)
    drawing = core.draw({1})
    assert problem_of(drawing) == (ErrorClass.TIMEOUT, "script_left_no_picture")
    assert drawing.failed()[0].attempts == 1
    assert core.possibly_billed_usd() == pytest.approx(0.068)
    assert core.files() == {}


def test_folders_that_a_script_leaves_beside_its_picture_and_in_its_place_block_nothing(
    core: Core, use_script: UseScript
) -> None:
    core.manifest = manifest_of(2)
    left = "import os; os.makedirs(os.path.join(os.path.dirname(output), 'cache', 'more'), exist_ok=True)\n"
    use_script(ARGUMENTS + PICTURE + left + "os.mkdir(output) if 'Subject 02' in sys.argv[1] else image.save(output)")
    drawing = core.draw()
    assert [failed.failure.code for failed in drawing.failed()] == ["script_left_no_picture"]
    assert list(core.files()) == ["picture_01"]
    assert list(core.paths.staging.iterdir()) == []


def test_half_a_picture_never_reaches_the_final_name_and_the_good_one_stays(
    core: Core, gemini: GeminiEmulator, use_script: UseScript, monkeypatch: pytest.MonkeyPatch
) -> None:
    core.draw()
    before = core.files()
    use_script(
        ARGUMENTS + PICTURE + "image.save(output); b = open(output, 'rb').read(); open(output, 'wb').write(b[:999])"
    )
    drawing = core.draw({2})
    assert drawing.failed()[0].failure.code is Code.SCRIPT_LEFT_NO_PICTURE
    assert core.files() == before


def test_a_picture_whose_script_failed_afterwards_was_received_and_counts(core: Core, use_script: UseScript) -> None:
    use_script(ARGUMENTS + PICTURE + "image.save(output); raise SystemExit(1)")
    assert core.draw({1}).summary.generated == 1


def test_a_missing_script_is_named_before_anything_is_started(core: Core, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ASSETGEN_SCRIPT", "/nowhere/their_script.py")
    drawing = core.draw()
    assert problem_of(drawing) == (ErrorClass.FATAL, "script_cannot_start")
    assert "/nowhere/their_script.py" in str(drawing.summary.stopped_by)
    assert "ASSETGEN_SCRIPT" in str(drawing.summary.stopped_by)
    assert len(drawing.summary.not_started) == 3


def test_a_script_that_may_not_be_executed_is_named_with_the_command_that_helps(
    core: Core, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    script = tmp_path / "draw.sh"
    script.write_text("#!/bin/sh\n")
    monkeypatch.setenv("ASSETGEN_SCRIPT", str(script))
    drawing = core.draw()
    assert problem_of(drawing) == (ErrorClass.FATAL, "script_cannot_start")
    assert f"chmod +x {script}" in str(drawing.summary.stopped_by)


def test_a_machine_that_can_start_nothing_for_a_while_is_not_blamed_on_the_script(
    core: Core, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def start(*_arguments: object, **_how: object) -> None:
        raise OSError(errno.EAGAIN, os.strerror(errno.EAGAIN))

    monkeypatch.setattr("asyncio.create_subprocess_exec", start)
    drawing = core.draw({1})
    assert problem_of(drawing) == (ErrorClass.TRANSIENT, "machine_exhausted")
    assert drawing.failed()[0].attempts == 6
    assert "ulimit -u" in str(drawing.failed()[0].failure)
    assert core.possibly_billed_usd() == 0


def test_an_executable_script_runs_as_its_first_line_says(
    core: Core, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    script = tmp_path / "draw.sh"
    picture = tmp_path / "picture.png"
    _noise(picture)
    script.write_text(f'#!/bin/sh\ncp {picture} "${{2#--output=}}"\n')
    script.chmod(script.stat().st_mode | stat.S_IXUSR)
    monkeypatch.setenv("ASSETGEN_SCRIPT", str(script))
    assert core.draw({1}).summary.generated == 1


def test_a_missing_interpreter_is_a_script_that_is_not_there(
    core: Core, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    script = tmp_path / "draw.py"
    script.write_text("#!/nowhere/python\n")
    script.chmod(0o755)
    monkeypatch.setenv("ASSETGEN_SCRIPT", str(script))
    drawing = core.draw()
    assert "interpreter" in str(drawing.summary.stopped_by)


def test_a_script_that_lacks_a_package_is_fatal(core: Core, use_script: UseScript) -> None:
    use_script("import google_generativeai_that_is_not_here")
    drawing = core.draw()
    assert problem_of(drawing) == (ErrorClass.FATAL, "script_packages")


def test_what_is_not_recognised_is_tried_twice(core: Core, use_script: UseScript) -> None:
    use_script("raise SystemExit('strange')")
    drawing = core.draw({1})
    assert (drawing.failed()[0].failure.code, drawing.failed()[0].attempts) == ("unrecognised", 2)


def test_a_script_that_prints_without_end_is_ended(
    core: Core, use_script: UseScript, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("assetgen_dagster.providers.cli_script._RUNAWAY_BYTES", 100_000)
    use_script("while True: print('x' * 1000)")
    drawing = core.draw({1})
    assert "printed more than" in drawing.failed()[0].failure.cause
    assert core.possibly_billed_usd() == pytest.approx(0.068), "nobody knows what it had sent by then"


def test_secrets_of_other_services_are_not_in_the_scripts_environment(
    core: Core, use_script: UseScript, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NOTION_TOKEN", "ntn_notforscripts")
    use_script("import os, sys; sys.exit('seen' if 'NOTION_TOKEN' in os.environ else 'clean')")
    assert core.draw({1}).failed()[0].failure.cause == "clean"


@pytest.fixture
def small_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A workspace on a disk of its own."""
    mount = tmp_path / "disk"
    mount.mkdir()
    monkeypatch.setenv("ASSETGEN_WORKSPACE", str(mount / "workspace"))
    with mounted(mount):
        yield mount


def test_pictures_may_lie_on_a_disk_of_their_own(core: Core) -> None:
    core.manifest = manifest_of(1)
    with mounted(core.paths.characters.parent):
        _noise(core.file("picture_01"))
        theirs = core.files()["picture_01"]
        assert core.draw(mode=Mode.REGENERATE).summary.generated == 1
        assert core.files()["picture_01"] != theirs
        assert [path.read_bytes() for path in core.paths.retired.iterdir()] == [theirs]
        assert list(core.paths.staging.iterdir()) == []


@pytest.mark.full_size
def test_a_disk_without_room_is_found_before_anything_is_paid(
    core: Core, gemini: GeminiEmulator, small_disk: Path
) -> None:
    core.manifest = manifest_of(7)
    drawing = core.draw()
    assert problem_of(drawing) == (ErrorClass.FATAL, "cannot_write")
    assert "MiB are free" in str(drawing.summary.stopped_by)
    assert gemini.journal() == []


@pytest.mark.full_size
def test_a_disk_that_fills_up_stops_the_drawing_and_keeps_what_is_good(
    core: Core, gemini: GeminiEmulator, small_disk: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    core.draw()
    before = core.files()
    monkeypatch.setattr("assetgen_dagster.drawing.preflight.ROOM_PER_PICTURE", 0)
    fill(small_disk, leave=100_000)
    drawing = core.draw()
    assert problem_of(drawing) == (ErrorClass.FATAL, "cannot_write")
    assert core.files() == before
    assert core.confirmed_usd() == pytest.approx(billed_usd(gemini.journal()), abs=5e-6)


@pytest.mark.full_size
def test_a_disk_that_is_full_to_the_last_byte_is_an_error_and_no_trace(
    core: Core, gemini: GeminiEmulator, small_disk: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    core.draw()
    fill(small_disk, leave=0)
    with pytest.raises(WorkspaceError, match="Free some space"):
        core.draw()
    assert len(gemini.journal()) == 3


def test_a_folder_that_cannot_be_written_is_named_before_anything_is_paid(
    core: Core, gemini: GeminiEmulator, small_disk: Path
) -> None:
    core.draw()
    subprocess.run(["mount", "-o", "remount,ro", str(small_disk)], check=True)
    with pytest.raises(WorkspaceError, match="Mount this file system for writing"):
        core.draw()
    assert len(gemini.journal()) == 3


def test_a_file_where_a_folder_should_be_is_named(core: Core) -> None:
    channels = core.settings.workspace / "channels"
    channels.parent.mkdir(parents=True)
    channels.write_text("in the way")
    with pytest.raises(WorkspaceError, match="move it away"):
        core.draw()


def _noise(path: Path) -> None:
    Image.effect_noise((1344, 768), 90).convert("RGB").save(path)
