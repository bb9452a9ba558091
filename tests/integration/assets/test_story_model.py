"""A run whose manifest a language model writes: what stands in Dagster, what is paid, and when it is asked again."""

import json
import threading
from pathlib import Path

import dagster as dg
import google.genai  # noqa: F401 - else its import is part of the first test's time limit
import pytest
from pytest import approx

from assetgen_dagster.assets.keys import ASSET_MANIFEST, ASSETS_READY, image_key
from assetgen_dagster.assets.tags import PAGE_TAG, STOPPED_BY_TAG
from assetgen_dagster.budget.stores import broken_now, open_reservations, open_switches, stopped_now
from assetgen_dagster.budget.switches import pause, resume
from assetgen_dagster.cli.costs import materialized_costs
from assetgen_dagster.director.source import Resolution
from assetgen_dagster.manifest.file import MANIFEST_FILE
from assetgen_dagster.project.records import RecordStore
from assetgen_dagster.settings import load_settings
from assetgen_emulators.gemini import Call, Fault, GeminiEmulator
from assetgen_emulators.gemini.faults import ApiError, FlawedStory, Hang, NoImage
from tests.helpers.harness import billed_usd, on_disk
from tests.helpers.studio import STORY, Dagit, failure_of

MODEL = "gemini-3.8-flash"
MANIFEST = [ASSET_MANIFEST]


@pytest.fixture
def dagit(
    gemini: GeminiEmulator, instance: dg.DagsterInstance, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Dagit:
    monkeypatch.setenv("ASSETGEN_STORY_MODEL", MODEL)
    return Dagit(instance, tmp_path / "workspace")


def texts(gemini: GeminiEmulator) -> list[Call]:
    return [call for call in gemini.journal() if call.kind == "text"]


def manifest_file(dagit: Dagit) -> dict[str, object]:
    return dict(json.loads((dagit.project() / MANIFEST_FILE).read_text()))


@on_disk
def test_a_whole_run_draws_what_the_model_wrote_and_every_sum_has_its_money(
    dagit: Dagit, gemini: GeminiEmulator
) -> None:
    assert dagit.materialize(story=STORY).success
    assert (dagit.project() / "assets" / "characters" / "hero_01_by_model.png").is_file()
    [text] = texts(gemini)
    [manifest] = dagit.materializations(ASSET_MANIFEST)
    assert manifest["cost_usd"] == approx(text.billed_usd)
    assert (manifest["cost_source"], manifest["story_model"]) == ("usage", MODEL)
    assert manifest["input_tokens"] > 500
    assert manifest["output_tokens"] > 1000
    [ready] = dagit.materializations(ASSETS_READY)
    total = billed_usd(gemini.journal())
    assert ready["total_cost_usd"] == ready["project_cost_usd"] == approx(total, abs=1e-5)
    assert materialized_costs(load_settings())["poke1:vid_123"] == approx(total, abs=1e-5)
    assert dagit.total() == approx(total - text.billed_usd, abs=1e-5)  # the pictures alone


def test_an_unchanged_source_is_neither_rewritten_nor_paid_for_again(dagit: Dagit, gemini: GeminiEmulator) -> None:
    dagit.materialize(selection=MANIFEST, story=STORY)
    written = manifest_file(dagit)
    for mode in ("auto", "resume", "regenerate"):
        assert dagit.materialize(selection=[*MANIFEST, image_key(1)], story=STORY, mode=mode).success
    assert manifest_file(dagit) == written
    assert len(texts(gemini)) == 1
    assert [one["cost_usd"] for one in dagit.materializations(ASSET_MANIFEST)] == [0, 0, 0, approx(written_usd(gemini))]


def test_a_manifest_that_was_deleted_is_asked_for_anew(dagit: Dagit, gemini: GeminiEmulator) -> None:
    gemini.plan([Fault(NoImage("SAFETY"))])
    dagit.materialize(selection=MANIFEST, story=STORY)
    for _ in range(2):
        (dagit.project() / MANIFEST_FILE).unlink()
        assert dagit.materialize(selection=MANIFEST, story=STORY).success
    assert [call.outcome for call in texts(gemini)] == ["no_image", "ok", "ok"]


def test_the_run_that_tells_the_money_marks_it_as_told(dagit: Dagit) -> None:
    run_id = dagit.materialize(selection=MANIFEST, story=STORY).run_id
    [spend] = RecordStore(dagit.project() / ".assetgen" / "records.json").records.spends
    assert spend.reported_by == run_id


def written_usd(gemini: GeminiEmulator) -> float:
    return billed_usd(texts(gemini))


@pytest.mark.parametrize(
    ("model", "topic", "asked"),
    [
        (MODEL, "Lapras in the arctic sea", 2),
        ("gemini-3.5-flash-lite", STORY["topic"], 2),
        (f"models/{MODEL}", STORY["topic"], 1),
        ("", STORY["topic"], 1),  # what the model wrote is kept when the model is unset
    ],
)
def test_another_topic_or_model_has_it_written_anew(
    dagit: Dagit, gemini: GeminiEmulator, monkeypatch: pytest.MonkeyPatch, model: str, topic: str, asked: int
) -> None:
    dagit.materialize(selection=MANIFEST, story=STORY)
    monkeypatch.setenv("ASSETGEN_STORY_MODEL", model)
    assert dagit.materialize(selection=MANIFEST, story=STORY | {"topic": topic}).success
    assert len(texts(gemini)) == asked
    newest, *_ = dagit.materializations(ASSET_MANIFEST)
    assert newest["action"].startswith("written" if asked == 2 else "kept")


def test_a_manifest_that_a_person_edited_is_kept_when_a_model_is_set(
    dagit: Dagit, gemini: GeminiEmulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("ASSETGEN_STORY_MODEL")
    dagit.materialize(selection=MANIFEST, story=STORY)
    path = dagit.project() / MANIFEST_FILE
    path.write_text(path.read_text().replace("Documentary still", "Film still", 1))
    monkeypatch.setenv("ASSETGEN_STORY_MODEL", MODEL)
    assert dagit.materialize(selection=MANIFEST, story=STORY).success
    assert dagit.materializations(ASSET_MANIFEST)[0]["action"].startswith("kept as edited")
    assert gemini.journal() == []


def test_when_the_model_breaks_the_rules_twice_the_tables_write_and_both_answers_are_paid_and_told(
    dagit: Dagit, gemini: GeminiEmulator
) -> None:
    gemini.plan([Fault(FlawedStory("animal_in_plate"), times=2)])
    for _ in range(2):
        assert dagit.materialize(selection=MANIFEST, story=STORY).success
    again, first = dagit.materializations(ASSET_MANIFEST)
    assert "it broke the rules twice" in first["warnings"]
    assert len(texts(gemini)) == 2  # the second run does not ask again
    assert (first["cost_usd"], again["cost_usd"]) == (approx(written_usd(gemini)), 0)
    assert "bulbasaur_newborn_spring" in str(first["manifest"])


def test_an_answer_that_never_came_is_told_apart_and_the_video_goes_on(
    dagit: Dagit, gemini: GeminiEmulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ASSETGEN_STORY_TIMEOUT_SECONDS", "3")
    gemini.plan([Fault(Hang())])
    assert dagit.materialize(selection=MANIFEST, story=STORY).success
    [lost] = dagit.observations(ASSET_MANIFEST)
    [manifest] = dagit.materializations(ASSET_MANIFEST)
    assert lost["possibly_billed_usd"] > written_usd(gemini) > 0
    assert manifest["cost_usd"] == 0
    assert "story_timeout" in manifest["warnings"]


@pytest.mark.parametrize(("status", "code"), [(404, "model_not_found"), (403, "api_key")])
def test_what_would_stop_every_video_ends_the_run_before_a_picture_and_pauses_the_others(
    dagit: Dagit, gemini: GeminiEmulator, status: int, code: str
) -> None:
    gemini.plan([Fault(ApiError(status), of="text", nth=1)])
    result = dagit.materialize(story=STORY)
    failure = failure_of(result)
    assert failure.description.endswith(f"[{code}]")
    assert "ASSETGEN_STORY_MODEL" in failure.description
    assert len(gemini.journal()) == 1
    run = dagit.instance.get_run_by_id(result.run_id)
    assert run is not None
    assert run.tags[STOPPED_BY_TAG] == code
    assert broken_now(load_settings()) is not None
    again = dagit.materialize(story=STORY)
    assert failure_of(again).description.endswith(f"[{code}]")
    assert len(gemini.journal()) == 1, "the second run makes no call"


def test_another_story_model_closes_the_breaker_of_the_one_before(
    dagit: Dagit, gemini: GeminiEmulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    gemini.plan([Fault(ApiError(404), of="text", nth=1)])
    assert not dagit.materialize(selection=MANIFEST, story=STORY).success
    monkeypatch.setenv("ASSETGEN_STORY_MODEL", "gemini-3.5-flash-lite")
    assert dagit.materialize(selection=MANIFEST, story=STORY).success
    assert broken_now(load_settings()) is None


@on_disk
def test_money_that_was_spent_before_a_run_failed_stands_on_an_observation(
    dagit: Dagit, gemini: GeminiEmulator
) -> None:
    gemini.plan([Fault(FlawedStory("too_few")), Fault(ApiError(403), nth=2)])
    assert not dagit.materialize(selection=MANIFEST, story=STORY).success
    [spent] = dagit.observations(ASSET_MANIFEST)
    assert spent["cost_usd"] == approx(written_usd(gemini))
    gemini.plan([])
    resume(open_switches(load_settings()))
    assert dagit.materialize(selection=MANIFEST, story=STORY).success
    [manifest] = dagit.materializations(ASSET_MANIFEST)
    assert len(texts(gemini)) == 3  # the first answer was kept, the repair asked for again
    assert manifest["cost_usd"] + spent["cost_usd"] == approx(written_usd(gemini))
    assert materialized_costs(load_settings())["poke1:vid_123"] == approx(written_usd(gemini))


@on_disk
def test_a_run_that_dies_between_answer_and_manifest_pays_nothing_twice_and_tells_it_once(
    dagit: Dagit, gemini: GeminiEmulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    def die(*_: object) -> None:
        raise SystemExit(9)

    with monkeypatch.context() as patch:
        patch.setattr(Resolution, "store", die)
        assert not dagit.materialize(selection=MANIFEST, story=STORY).success
    assert not (dagit.project() / MANIFEST_FILE).exists()
    assert dagit.materialize(selection=MANIFEST, story=STORY).success
    assert len(texts(gemini)) == 1
    assert materialized_costs(load_settings())["poke1:vid_123"] == approx(written_usd(gemini))


@on_disk
def test_pictures_alone_tell_the_money_of_a_manifest_whose_run_died(
    dagit: Dagit, gemini: GeminiEmulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    def die(*_: object) -> None:
        raise SystemExit(9)

    with monkeypatch.context() as patch:
        patch.setattr("assetgen_dagster.assets.manifest._metadata", die)
        assert not dagit.materialize(selection=MANIFEST, story=STORY).success
    assert dagit.materialize(selection=[image_key(1)]).success
    [told] = dagit.observations(ASSET_MANIFEST)
    assert told["cost_usd"] == approx(written_usd(gemini))
    assert materialized_costs(load_settings())["poke1:vid_123"] == approx(billed_usd(gemini.journal()), abs=1e-5)


def test_a_pause_holds_the_model_up_too(dagit: Dagit, gemini: GeminiEmulator) -> None:
    switches = open_switches(load_settings())
    pause(switches, reason="checking the bill", by="anna@studio")
    run = threading.Thread(target=dagit.materialize, kwargs={"selection": MANIFEST, "story": STORY})
    run.start()
    with pytest.raises(TimeoutError):
        gemini.wait_for(lambda calls: calls, timeout=3)
    resume(switches)
    run.join(30)
    assert len(texts(gemini)) == 1


def test_without_room_for_the_pictures_no_text_is_paid_for_and_the_row_waits(
    dagit: Dagit, gemini: GeminiEmulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ASSETGEN_MONTHLY_BUDGET_USD", "1.40")
    result = dagit.materialize(story=STORY, tags={PAGE_TAG: "page"})
    failure = failure_of(result).description
    assert "this run asks for $1.50" in failure
    assert "Or unset ASSETGEN_STORY_MODEL" not in failure
    assert failure.endswith("[budget]")
    assert gemini.journal() == []
    run = dagit.instance.get_run_by_id(result.run_id)
    assert run is not None
    assert run.tags[STOPPED_BY_TAG] == "budget"
    [waiting] = open_reservations(load_settings()).waiting()
    assert waiting.page_id == "page"
    assert waiting.asked_usd == approx(22 * 0.068)
    assert dagit.materialize(selection=[*MANIFEST, image_key(1)], story=STORY).success, "one picture there is room for"
    assert len(texts(gemini)) == 1


@pytest.mark.slow
def test_the_models_used_up_daily_quota_is_known_to_all_runs_and_is_not_that_of_the_pictures(
    dagit: Dagit, gemini: GeminiEmulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    gemini.plan([Fault(ApiError(429, quota_id="GenerateRequestsPerDayPerProjectPerModel"), times=None)])
    for _ in range(2):
        result = dagit.materialize(selection=MANIFEST, story=STORY)
        assert "assetgen resume" in failure_of(result).description
        run = dagit.instance.get_run_by_id(result.run_id)
        assert run is not None
        assert run.tags[STOPPED_BY_TAG] == "daily_quota"
    assert len(texts(gemini)) == 1
    assert stopped_now(load_settings()).used_up is not None
    gemini.plan([])
    monkeypatch.delenv("ASSETGEN_STORY_MODEL")
    assert dagit.materialize(story=STORY).success
