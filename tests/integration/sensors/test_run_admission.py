"""A wrong key or a missing model stops requesting; a question that costs nothing tells when it goes on."""

import socket
import time

import dagster as dg
import pytest

from assetgen_dagster.assets.keys import JOB_NAME
from assetgen_dagster.assets.tags import PAGE_TAG
from assetgen_dagster.budget.stores import open_switches
from assetgen_dagster.budget.switches import resume
from assetgen_dagster.manifest.file import MANIFEST_FILE
from assetgen_dagster.sensors.run_admission import ASK_AGAIN_SECONDS
from assetgen_dagster.settings import PROJECT_ROOT, load_settings
from assetgen_emulators.gemini import Fault, GeminiEmulator
from assetgen_emulators.gemini.faults import ApiError
from assetgen_emulators.notion import NotionEmulator
from tests.conftest import API_KEY
from tests.helpers.harness import billed_usd, manifest_of
from tests.helpers.pipeline import ROW, carry_out, look, re_execute, report, requested
from tests.helpers.studio import Dagit


class Sensor:
    """``notion_tasks`` as the daemon calls it, at a time of its own."""

    def __init__(self, dagit: Dagit, monkeypatch: pytest.MonkeyPatch) -> None:
        self.dagit = dagit
        self.requests: list[dg.RunRequest] = []
        self.now = time.time() + 1
        monkeypatch.setattr("assetgen_dagster.sensors.run_admission.time.time", lambda: self.now)

    def look(self, *, after: float = 0.0) -> tuple[int, str]:
        """Returns how many runs are requested, and the sentence; ``after`` seconds from the last look."""
        self.now += after
        found = look(self.dagit)
        if isinstance(found, dg.SkipReason):
            return 0, found.skip_message or ""
        assert isinstance(found, dg.SensorResult)
        self.requests = list(found.run_requests or [])
        return len(self.requests), ""


@pytest.fixture
def dagit(small: Dagit) -> Dagit:
    small.write_manifest(manifest_of(1))
    return small


@pytest.fixture
def sensor(dagit: Dagit, monkeypatch: pytest.MonkeyPatch) -> Sensor:
    return Sensor(dagit, monkeypatch)


def stop_one(dagit: Dagit, notion: NotionEmulator) -> list[str]:
    """Has a row's run stopped by what is wrong, and returns three rows that wait behind it."""
    notion.add_row({**ROW, "Project ID": "vid_123"})
    assert not carry_out(dagit, requested(dagit)[0]).success
    report(dagit)
    return [notion.add_row({**ROW, "Project ID": f"vid_{number}"}) for number in (124, 125, 126)]


def test_a_wrong_key_holds_every_row_until_the_api_takes_it_again_and_costs_nothing(
    dagit: Dagit, notion: NotionEmulator, gemini: GeminiEmulator, sensor: Sensor
) -> None:
    gemini.set_api_keys({"another"})
    waiting = stop_one(dagit, notion)
    calls = len(gemini.journal())
    runs, said = sensor.look()
    assert runs == 0
    for told in ("No runs are requested for 3 rows", "stopped by api_key", "Set GEMINI_API_KEY", "UTC"):
        assert told in said
    assert API_KEY not in said + str(open_switches(load_settings()).read())
    for _ in range(20):  # ten minutes pass, and an hour
        assert sensor.look(after=180)[0] == 0
    assert len(gemini.journal()) == calls
    assert {notion.row(page)["Status"] for page in waiting} == {"Generating Assets"}
    gemini.set_api_keys({API_KEY})
    assert sensor.look(after=ASK_AGAIN_SECONDS)[0] == 3


def test_of_the_rows_in_the_queue_behind_a_wrong_key_one_becomes_an_error_and_the_others_go_on_by_themselves(
    dagit: Dagit, notion: NotionEmulator, gemini: GeminiEmulator, sensor: Sensor
) -> None:
    gemini.set_api_keys({"another"})
    for number in (123, 124, 125):
        notion.add_row({**ROW, "Project ID": f"vid_{number}"})
        dagit.write_manifest(manifest_of(1), f"poke1:vid_{number}")
    queued = requested(dagit)
    pages = [request.tags[PAGE_TAG] for request in queued]
    for request in queued:  # all were there when the key expired
        assert not carry_out(dagit, request).success
    cursor = report(dagit)
    rows = {page: notion.row(page) for page in pages}
    waiting = [page for page, row in rows.items() if row["Status"] == "Generating Assets"]
    assert sorted(row["Status"] for row in rows.values()) == ["Asset Error", "Generating Assets", "Generating Assets"]
    assert all("Set GEMINI_API_KEY" in row["Error Log"] for row in rows.values())
    assert sensor.look()[0] == 0
    gemini.set_api_keys({API_KEY})
    assert sensor.look(after=ASK_AGAIN_SECONDS)[0] == 2
    assert {request.run_key for request in sensor.requests} == {f"{page}:2" for page in waiting}
    assert all(carry_out(dagit, request).success for request in sensor.requests)
    report(dagit, cursor)
    assert {(notion.row(page)["Status"], notion.row(page)["Error Log"]) for page in waiting} == {("Assets Ready", "")}


def test_a_key_without_billing_is_an_error_of_one_row_and_no_row_says_that_it_passes(
    dagit: Dagit, notion: NotionEmulator, gemini: GeminiEmulator
) -> None:
    gemini.plan([Fault(ApiError(429, quota_id="RequestsPerDay-FreeTier", quota_value="0"), times=None)])
    for number in (123, 124):
        notion.add_row({**ROW, "Project ID": f"vid_{number}"})
        dagit.write_manifest(manifest_of(1), f"poke1:vid_{number}")
    queued = requested(dagit)
    for request in queued:
        assert not carry_out(dagit, request).success
    report(dagit)
    rows = [notion.row(request.tags[PAGE_TAG]) for request in queued]
    assert sorted(row["Status"] for row in rows) == ["Asset Error", "Generating Assets"]
    assert all("Enable billing" in row["Error Log"] for row in rows)
    assert not any("nothing to do" in row["Error Log"] for row in rows)
    assert len(gemini.journal()) == 1


def test_rows_in_the_queue_when_the_script_is_lost_wait_until_it_is_back(
    dagit: Dagit, notion: NotionEmulator, gemini: GeminiEmulator, sensor: Sensor, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in (123, 124):
        notion.add_row({**ROW, "Project ID": f"vid_{number}"})
        dagit.write_manifest(manifest_of(1), f"poke1:vid_{number}")
    queued = requested(dagit)
    monkeypatch.setenv("ASSETGEN_SCRIPT", "/nowhere/generate_asset.py")
    for request in queued:
        assert not carry_out(dagit, request).success
    report(dagit)
    rows = [notion.row(request.tags[PAGE_TAG]) for request in queued]
    assert sorted(row["Status"] for row in rows) == ["Asset Error", "Generating Assets"]
    assert all("/nowhere/generate_asset.py" in row["Error Log"] for row in rows)
    assert "/nowhere/generate_asset.py" in sensor.look(after=5)[1]
    monkeypatch.delenv("ASSETGEN_SCRIPT")
    assert sensor.look(after=5)[0] == 1
    assert gemini.journal() == []


def test_the_api_is_asked_once_a_minute_at_most(
    dagit: Dagit, notion: NotionEmulator, gemini: GeminiEmulator, sensor: Sensor
) -> None:
    gemini.set_api_keys({"another"})
    stop_one(dagit, notion)
    for _ in range(13):
        sensor.look(after=5)
    assert len(gemini.looked_up) == 2


def test_a_model_that_is_gone_holds_every_row_until_another_is_named_that_is_there(
    dagit: Dagit, notion: NotionEmulator, gemini: GeminiEmulator, sensor: Sensor, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GEMINI_IMAGE_MODEL", "gemini-of-yesterday")
    stop_one(dagit, notion)
    assert "Set GEMINI_IMAGE_MODEL" in sensor.look()[1]
    monkeypatch.setenv("GEMINI_IMAGE_MODEL", "gemini-of-tomorrow")
    runs, said = sensor.look(after=5)
    assert runs == 0, "a second wrong name costs no row"
    assert "gemini-of-tomorrow" in said
    monkeypatch.setenv("GEMINI_IMAGE_MODEL", "gemini-3-pro-image")
    assert sensor.look(after=5)[0] == 3


def test_a_refusal_that_the_question_does_not_see_lets_one_run_through_after_a_minute(
    dagit: Dagit, notion: NotionEmulator, gemini: GeminiEmulator, sensor: Sensor
) -> None:
    gemini.plan([Fault(ApiError(403, message="This key may look, and not draw"), times=None)])
    stop_one(dagit, notion)
    assert sensor.look(after=5)[0] == 0
    assert sensor.look(after=50)[0] == 0
    assert sensor.look(after=10)[0] == 1


def test_an_outage_makes_no_row_an_error_and_one_run_tries_after_a_minute(
    dagit: Dagit, notion: NotionEmulator, gemini: GeminiEmulator, sensor: Sensor, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("assetgen_dagster.providers.backoff.BACKOFF_SECONDS", (0.0,) * 5)
    gemini.plan([Fault(ApiError(503, message="The model is overloaded."), times=None)])
    stop_one(dagit, notion)
    rows = notion.rows().values()
    assert {row["Status"] for row in rows} == {"Generating Assets"}
    assert any("[outage]" in row["Error Log"] for row in rows)
    assert sensor.look(after=5)[0] == 0
    assert sensor.look(after=55)[0] == 1


def test_while_one_run_tries_no_other_is_requested(
    dagit: Dagit, notion: NotionEmulator, gemini: GeminiEmulator, sensor: Sensor
) -> None:
    gemini.plan([Fault(ApiError(400, message="Billing is off", api_status="FAILED_PRECONDITION"))])
    [first, *_] = stop_one(dagit, notion)
    job = dagit.definitions.resolve_job_def(JOB_NAME)
    dagit.instance.create_run_for_job(job, status=dg.DagsterRunStatus.NOT_STARTED)
    assert sensor.look(after=700)[0] == 1, "what died when it was only created never tries"
    tags = {PAGE_TAG: first, "channel": "poke1", "project": "vid_124"}
    trying = dagit.instance.create_run_for_job(job, tags=tags, status=dg.DagsterRunStatus.STARTED)
    runs, said = sensor.look(after=5)
    assert runs == 0
    assert trying.run_id in said
    dagit.instance.report_run_canceled(trying)
    dagit.instance.add_run_tags(trying.run_id, {"notion_reported": "Asset Error"})
    assert sensor.look(after=5)[0] == 1, "it was cancelled, which tells nothing of the cause"


def test_a_run_that_is_re_executed_is_not_stopped_by_what_stopped_the_one_before(
    dagit: Dagit, notion: NotionEmulator, gemini: GeminiEmulator, sensor: Sensor
) -> None:
    gemini.plan([Fault(ApiError(400, message="Billing is off", api_status="FAILED_PRECONDITION"))])
    stop_one(dagit, notion)
    assert sensor.look(after=5)[0] == 0
    [stopped] = dagit.instance.get_runs()
    resume(open_switches(load_settings()))
    dagit.instance.report_run_failed(re_execute(dagit, stopped))
    assert sensor.look(after=5)[0] == 3


def test_a_run_by_hand_that_finds_a_wrong_key_holds_the_rows_as_well(
    dagit: Dagit, notion: NotionEmulator, gemini: GeminiEmulator, sensor: Sensor
) -> None:
    gemini.set_api_keys({"another"})
    assert not dagit.materialize().success
    notion.add_row({**ROW, "Project ID": "vid_124"})
    assert sensor.look(after=5)[0] == 0
    gemini.set_api_keys({API_KEY})
    assert sensor.look(after=ASK_AGAIN_SECONDS)[0] == 1


def test_a_script_of_ones_own_is_not_asked_about(
    dagit: Dagit, notion: NotionEmulator, gemini: GeminiEmulator, sensor: Sensor, monkeypatch: pytest.MonkeyPatch
) -> None:
    foreign = PROJECT_ROOT / "tests" / "helpers" / "scripts" / "foreign_generate_asset.py"
    gemini.set_api_keys({"another"})
    stop_one(dagit, notion)
    asked = len(gemini.looked_up)
    monkeypatch.setenv("ASSETGEN_SCRIPT", str(foreign))
    assert sensor.look(after=5)[0] == 1
    assert len(gemini.looked_up) == asked


def test_an_api_that_does_not_answer_holds_a_look_up_for_two_seconds_at_most(
    dagit: Dagit, notion: NotionEmulator, gemini: GeminiEmulator, sensor: Sensor, monkeypatch: pytest.MonkeyPatch
) -> None:
    gemini.set_api_keys({"another"})
    stop_one(dagit, notion)
    monkeypatch.setattr("assetgen_dagster.budget.breaker_store.ASK_SECONDS", 0.3)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        monkeypatch.setenv("GOOGLE_GEMINI_BASE_URL", f"http://127.0.0.1:{silent.getsockname()[1]}")
        begun = time.monotonic()
        runs, said = sensor.look()
        assert time.monotonic() - begun < 20, "for ever"
    assert runs == 0
    assert "Check network" in said


def test_a_story_model_that_is_not_there_holds_the_rows_until_it_is(
    dagit: Dagit, notion: NotionEmulator, gemini: GeminiEmulator, sensor: Sensor, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ASSETGEN_STORY_MODEL", "gemini-9")
    (dagit.project() / MANIFEST_FILE).unlink()
    stop_one(dagit, notion)
    runs, said = sensor.look()
    assert runs == 0
    assert "stopped by model_not_found" in said
    assert "Set ASSETGEN_STORY_MODEL (now 'gemini-9') to a model that this key may use" in said
    monkeypatch.setenv("ASSETGEN_STORY_MODEL", "gemini-3.8-flash")
    runs, _ = sensor.look()
    assert runs == 3
    assert billed_usd(gemini.journal()) == 0


def test_a_full_disk_leaves_every_row_where_it_is(
    dagit: Dagit, notion: NotionEmulator, sensor: Sensor, monkeypatch: pytest.MonkeyPatch
) -> None:
    page = notion.add_row({**ROW, "Project ID": "vid_123"})
    monkeypatch.setattr("assetgen_dagster.drawing.preflight.ROOM_PER_PICTURE", 1 << 50)
    runs, said = sensor.look()
    assert runs == 0
    assert "MiB are free" in said
    assert notion.row(page)["Status"] == "Generating Assets"
