"""Items of the story's test list that no other test covers; ``tests/STORY.md`` says which is which."""

import asyncio
import io
import json
import sqlite3
import threading
import time
from pathlib import Path
from typing import Any

import dagster as dg
import pytest
from PIL import Image

from assetgen_dagster.assets.tags import PAGE_TAG
from assetgen_dagster.definitions import build_definitions
from assetgen_dagster.drawing.draw import generate_assets
from assetgen_dagster.drawing.events import PictureDone
from assetgen_dagster.drawing.picture import check_asset_exists
from assetgen_dagster.drawing.plan import Request
from assetgen_dagster.project.key import ProjectKey
from assetgen_dagster.project.records import ProjectRecords, RecordStore
from assetgen_dagster.providers.cli_script import CLIScriptError, run_cli_script
from assetgen_dagster.providers.prices import estimate_cost
from assetgen_dagster.support.log import configure_logging
from assetgen_emulators.gemini import Call, Fault, GeminiEmulator
from assetgen_emulators.gemini.faults import ApiError
from tests.helpers.harness import Core, FakeClock, billed, manifest_of, on_disk
from tests.helpers.studio import Dagit, failure_of
from tests.helpers.timeouts import never_answered

SECRET_PROMPT = "Subject 02 with API_KEY=secret123 and " + "wordy " * 60


@pytest.fixture
def log() -> io.StringIO:
    return io.StringIO()


@pytest.fixture
def dagit(
    gemini: GeminiEmulator,
    instance: dg.DagsterInstance,
    tmp_path: Path,
    log: io.StringIO,
    monkeypatch: pytest.MonkeyPatch,
) -> Dagit:
    monkeypatch.setenv("ASSETGEN_IMAGE_SLOTS", "4")
    return Dagit(instance, tmp_path / "workspace", build_definitions(log_stream=log))


def lines_of(log: io.StringIO, event: str | None = None) -> list[dict[str, Any]]:
    lines = [json.loads(line) for line in log.getvalue().splitlines()]
    return [line for line in lines if event in (None, line["event"])]


def test_a_script_that_fails_raises_its_name_exit_code_and_stderr(tmp_path: Path) -> None:
    script = tmp_path / "fails.py"
    script.write_text("import sys; print('Gemini answered HTTP 500', file=sys.stderr); sys.exit(1)")
    with pytest.raises(CLIScriptError) as caught:
        asyncio.run(run_cli_script(script, ["--prompt=x", "--output=y"]))
    error = caught.value
    assert (error.script, error.exit_code, error.stderr) == (str(script), 1, "Gemini answered HTTP 500\n")


def test_a_failed_picture_is_logged_with_number_cause_and_a_short_clean_prompt(
    core: Core, gemini: GeminiEmulator, log: io.StringIO
) -> None:
    configure_logging(log)
    core.manifest = manifest_of(3, picture_02=SECRET_PROMPT)
    gemini.plan([Fault(ApiError(400, message="This prompt cannot be drawn."), prompt="Subject 02")])
    core.draw()
    [ended] = lines_of(log, "asset_generation_cli_error")
    assert (ended["asset_name"], ended["exit_code"]) == ("picture_02", 1)
    assert "This prompt cannot be drawn." in ended["stderr"]
    [failed] = lines_of(log, "asset_generation_asset_failed")
    assert (failed["asset_number"], failed["code"]) == (2, "rejected")
    assert len(failed["prompt_preview"]) <= 100
    assert "secret123" not in log.getvalue()
    assert "wordy " * 20 not in log.getvalue()


def test_a_timeout_is_logged_and_the_runs_message_says_how_long(
    dagit: Dagit, gemini: GeminiEmulator, log: io.StringIO, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ASSETGEN_IMAGE_TIMEOUT_SECONDS", "99")
    dagit.write_manifest(manifest_of(3))
    with never_answered(gemini, "Subject 03"):
        message = failure_of(dagit.materialize()).description
    assert "#03 picture_03" in message
    assert "took longer than 99 s" in message
    assert [line["asset_name"] for line in lines_of(log, "asset_generation_timeout")] == ["picture_03"]
    assert [line["asset_number"] for line in lines_of(log, "asset_generation_asset_failed")] == [3]


def test_a_whole_picture_exists(tmp_path: Path) -> None:
    path = tmp_path / "there.png"
    Image.new("RGB", (64, 64), "green").save(path)
    assert check_asset_exists(path)


def test_a_missing_empty_or_half_picture_and_a_folder_do_not_exist(tmp_path: Path) -> None:
    whole = io.BytesIO()
    Image.effect_noise((64, 64), 80).save(whole, format="PNG")
    (tmp_path / "half.png").write_bytes(whole.getvalue()[:-200])
    (tmp_path / "empty.png").touch()
    (tmp_path / "folder.png").mkdir()
    for name in ("half.png", "empty.png", "folder.png", "missing.png"):
        assert not check_asset_exists(tmp_path / name)


def test_22_pictures_are_estimated_at_the_storys_price() -> None:
    assert estimate_cost(22) == pytest.approx(1.496)
    assert estimate_cost(0) == 0


def test_every_log_line_of_a_run_names_task_channel_project_and_run(dagit: Dagit, log: io.StringIO) -> None:
    dagit.write_manifest(manifest_of(2))
    result = dagit.materialize()
    names = {(line["task_id"], line["channel"], line["project"], line["run_id"]) for line in lines_of(log)}
    assert names == {(result.run_id, "poke1", "vid_123", result.run_id)}


def test_a_run_for_a_notion_page_is_logged_under_the_page(dagit: Dagit, log: io.StringIO) -> None:
    dagit.write_manifest(manifest_of(1))
    dagit.materialize(tags={PAGE_TAG: "page-1"})
    assert {line["task_id"] for line in lines_of(log)} == {"page-1"}


def test_an_empty_topic_is_logged_as_a_warning(dagit: Dagit, log: io.StringIO, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ASSETGEN_IMAGE_SLOTS", "22")
    dagit.materialize(selection=[dg.AssetKey("asset_manifest")], story={"topic": "", "story_direction": ""})
    warnings = [line["warning"] for line in lines_of(log, "asset_manifest_warning")]
    assert any("topic is empty" in warning for warning in warnings)


class BreaksWhenAPictureIsReceived(RecordStore):
    """A bug of ours in the middle of a drawing."""

    def _save(self, records: ProjectRecords) -> None:
        if any(intent.received for intent in records.intents.values()):
            raise RuntimeError("a bug of ours")
        super()._save(records)


def test_a_bug_while_drawing_is_logged_raised_and_leaves_a_state_that_resumes(
    core: Core, gemini: GeminiEmulator, log: io.StringIO
) -> None:
    configure_logging(log)
    store = BreaksWhenAPictureIsReceived(core.paths.records)
    job = core.job(Request("first", time.time()), "first", frozenset({1}))
    with pytest.raises(RuntimeError, match="a bug of ours"):
        asyncio.run(generate_assets(job, store, lambda _event: None, clock=FakeClock()))
    [line] = lines_of(log, "asset_generation_unexpected_error")
    assert line["asset_number"] == 1
    assert "a bug of ours" in line["exception"]
    assert core.draw().summary.failed == 0
    assert len(core.files()) == 3
    assert len({call.prompt for call in billed(gemini.journal())}) == 3


def test_a_bug_in_a_run_ends_it_as_failed_with_details_and_the_next_run_goes_on(
    dagit: Dagit, gemini: GeminiEmulator
) -> None:
    def stumble(_key: ProjectKey, event: object) -> None:
        if not isinstance(event, PictureDone):
            return
        raise RuntimeError("a listener with a bug")

    dagit.write_manifest(manifest_of(3))
    broken = Dagit(dagit.instance, dagit.workspace, build_definitions(listener=stumble))
    result = broken.materialize()
    [failure] = [event for event in result.all_events if event.is_step_failure]
    assert not result.success
    assert "a listener with a bug" in str(failure.step_failure_data.error)
    assert dagit.materialize().success
    assert len(list((dagit.project() / "assets").glob("*/*.png"))) == 3


def test_three_projects_are_drawn_beside_each_other(gemini: GeminiEmulator) -> None:
    gemini.set_latency(3)
    cores = [Core(ProjectKey(channel, "vid_123"), manifest_of(2)) for channel in ("poke1", "poke2", "poke3")]
    threads = [threading.Thread(target=core.draw) for core in cores]
    for thread in threads:
        thread.start()
    gemini.wait_for(lambda calls: sum(call.in_flight for call in calls) == 6, timeout=30)
    for thread in threads:
        thread.join()
    assert [len(core.files()) for core in cores] == [2, 2, 2]


@on_disk
def test_no_database_transaction_is_held_while_pictures_are_drawn(
    dagit: Dagit, gemini: GeminiEmulator, tmp_path: Path
) -> None:
    def drawing(calls: list[Call]) -> bool:
        return sum(call.in_flight for call in calls) == 2

    gemini.set_latency(4)
    dagit.write_manifest(manifest_of(2))
    run = threading.Thread(target=dagit.materialize)
    run.start()
    gemini.wait_for(drawing, timeout=30)
    databases = list((tmp_path / "dagster_home").rglob("*.db"))
    for path in databases:
        with sqlite3.connect(path, timeout=1) as connection:
            connection.execute("BEGIN IMMEDIATE")  # fails where somebody else is writing
            connection.rollback()
    still = drawing(gemini.journal())
    run.join()
    assert len(databases) >= 2
    assert still
