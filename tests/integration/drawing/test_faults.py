"""Every row of the error table: the fault injected, and the calls, waits, messages and files that follow."""

import threading
from typing import Any

import pytest
from PIL import Image

from assetgen_dagster.drawing.draw import _Drawing
from assetgen_dagster.drawing.events import PictureNotStarted, PictureWaits
from assetgen_dagster.drawing.plan import Mode
from assetgen_dagster.errors import ErrorClass
from assetgen_dagster.providers.failures import Failure
from assetgen_emulators.gemini import Fault, GeminiEmulator, pictures
from assetgen_emulators.gemini.faults import (
    AnyAction,
    ApiError,
    HalfPng,
    HtmlPage,
    JpegLabelledPng,
    NoImage,
    PromptBlocked,
    Reset,
    TextOnly,
    TornBody,
)
from tests.helpers.harness import Core, FakeClock, billed, billed_usd, manifest_of
from tests.helpers.timeouts import never_answered

WORST = "Subject 02"


def also(*actions: AnyAction) -> list[Any]:
    """Returns faults for ``make test-slow``."""
    return [pytest.param(action, marks=pytest.mark.slow) for action in actions]


def accounts_agree(core: Core, gemini: GeminiEmulator) -> bool:
    """Whether the journal's bill is what we have confirmed plus what we list as possibly billed."""
    ours = core.confirmed_usd() + core.possibly_billed_usd()
    return ours == pytest.approx(billed_usd(gemini.journal()), abs=5e-6)


@pytest.mark.parametrize(
    "action",
    [
        ApiError(429),
        ApiError(503),
        HtmlPage(503),
        ApiError(503, inside_200=True),
        ApiError(400, message="Unable to process input image. Please retry."),
        NoImage("NO_IMAGE"),
        TextOnly(),
        # The class of these is in the table of tests/unit/providers/test_failures.py, too.
        *also(
            ApiError(408),
            ApiError(500),
            ApiError(502, api_status="UNAVAILABLE"),
            ApiError(504),
            NoImage("IMAGE_OTHER"),
        ),
    ],
    ids=repr,
)
def test_a_passing_fault_is_retried_after_a_second(core: Core, gemini: GeminiEmulator, action: AnyAction) -> None:
    gemini.plan([Fault(action, prompt=WORST)])
    clock = FakeClock()
    drawing = core.draw(clock=clock)
    assert drawing.summary.generated == 3
    assert 1.0 in clock.waits
    assert len(gemini.journal()) == 4
    assert accounts_agree(core, gemini)


def test_a_fault_that_stays_is_retried_five_times_at_growing_intervals(core: Core, gemini: GeminiEmulator) -> None:
    gemini.plan([Fault(ApiError(500), prompt=WORST, times=None)])
    clock = FakeClock()
    drawing = core.draw(clock=clock)
    assert clock.waits == [1.0, 2.0, 4.0, 8.0, 16.0]
    [failed] = drawing.failed()
    assert (failed.task.number, failed.attempts) == (2, 6)
    assert "500" in failed.failure.cause
    assert "INTERNAL" in failed.failure.cause
    assert sorted(core.files()) == ["picture_01", "picture_03"]
    assert len(billed(gemini.journal())) == 2
    gemini.plan([])
    core.draw()
    assert len(billed(gemini.journal())) == 3


def test_waits_are_spread_by_up_to_a_quarter(core: Core, gemini: GeminiEmulator) -> None:
    import random

    gemini.plan([Fault(ApiError(500), prompt=WORST, times=None)])
    clock = FakeClock()
    core.draw(clock=clock, rng=random.Random(7))
    assert all(base <= wait <= base * 1.25 for base, wait in zip((1, 2, 4, 8, 16), clock.waits, strict=True))
    assert clock.waits != [1.0, 2.0, 4.0, 8.0, 16.0]


@pytest.mark.parametrize("asked", [ApiError(503, headers={"Retry-After": "33"}), ApiError(429, retry_delay_seconds=33)])
def test_what_the_api_asks_to_wait_is_honoured(core: Core, gemini: GeminiEmulator, asked: ApiError) -> None:
    gemini.plan([Fault(asked, prompt=WORST)])
    clock = FakeClock()
    assert core.draw(clock=clock).summary.failed == 0
    assert max(clock.waits) == 33.0


def test_being_asked_to_wait_more_than_two_minutes_ends_the_picture(core: Core, gemini: GeminiEmulator) -> None:
    gemini.plan([Fault(ApiError(503, headers={"Retry-After": "121"}), prompt=WORST, times=None)])
    drawing = core.draw()
    assert [failed.task.number for failed in drawing.failed()] == [2]
    assert len(gemini.journal()) == 3


def test_a_rate_limit_makes_the_whole_project_wait(
    core: Core, gemini: GeminiEmulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ASSETGEN_IMAGE_CONCURRENCY", "1")
    gemini.plan([Fault(ApiError(429, retry_delay_seconds=20), nth=1)])
    clock = FakeClock()
    drawing = core.draw(clock=clock)
    # The first picture waits for its retry; the second would have been free to start, and waits, too.
    assert clock.waits[:2] == [20.0, 20.0]
    assert drawing.summary.generated == 3


def test_another_fault_makes_only_its_picture_wait(
    core: Core, gemini: GeminiEmulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ASSETGEN_IMAGE_CONCURRENCY", "1")
    gemini.plan([Fault(ApiError(503), nth=1)])
    clock = FakeClock()
    core.draw(clock=clock)
    assert clock.waits == [1.0]


@pytest.mark.parametrize(
    "action",
    [
        NoImage("IMAGE_SAFETY"),
        PromptBlocked("BLOCKLIST"),
        *also(
            NoImage("PROHIBITED_CONTENT"),
            NoImage("IMAGE_PROHIBITED_CONTENT"),
            NoImage("RECITATION"),
            NoImage("SAFETY"),
            PromptBlocked("PROHIBITED_CONTENT"),
        ),
    ],
    ids=repr,
)
def test_a_refusal_is_not_retried_and_says_to_edit_the_prompt(
    core: Core, gemini: GeminiEmulator, action: NoImage | PromptBlocked
) -> None:
    gemini.plan([Fault(action, prompt=WORST, times=None)])
    drawing = core.draw()
    [failed] = drawing.failed()
    assert (failed.failure.error_class, failed.attempts) == (ErrorClass.REFUSED, 1)
    assert "Edit this prompt" in str(failed.failure)
    reason = action.finish_reason if isinstance(action, NoImage) else action.reason
    assert reason in failed.failure.cause
    assert drawing.summary.generated == 2
    assert accounts_agree(core, gemini)


def test_a_script_over_its_time_is_ended_and_listed_as_possibly_billed(core: Core, gemini: GeminiEmulator) -> None:
    with never_answered(gemini, WORST):
        drawing = core.draw()
    [failed] = drawing.failed()
    assert (failed.failure.error_class, failed.failure.code, failed.attempts) == (
        ErrorClass.TIMEOUT,
        "script_timeout",
        1,
    )
    assert core.possibly_billed_usd() > 0
    assert accounts_agree(core, gemini)
    assert core.draw().summary.generated == 1
    assert accounts_agree(core, gemini)


@pytest.mark.parametrize(
    "action",
    [TornBody(), HalfPng(), Reset(billed=True), HtmlPage(504, billed=True), *also(HtmlPage(billed=True))],
    ids=repr,
)
def test_an_answer_that_does_not_arrive_whole_is_possibly_billed_and_drawn_only_by_a_later_run(
    core: Core, gemini: GeminiEmulator, action: AnyAction
) -> None:
    gemini.plan([Fault(action, prompt=WORST)])
    drawing = core.draw()
    assert [failed.failure.error_class for failed in drawing.failed()] == [ErrorClass.TIMEOUT]
    assert len(gemini.journal()) == 3
    assert sorted(core.files()) == ["picture_01", "picture_03"]
    assert accounts_agree(core, gemini)
    assert core.draw().summary.generated == 1


def test_a_rejected_prompt_fails_alone(core: Core, gemini: GeminiEmulator) -> None:
    gemini.plan([Fault(ApiError(400, message="Prompt is bad"), prompt=WORST, times=None)])
    drawing = core.draw()
    assert [(f.failure.error_class, f.attempts) for f in drawing.failed()] == [(ErrorClass.REJECTED, 1)]
    assert drawing.summary.generated == 2


def test_three_rejected_in_a_row_stop_the_drawing(
    core: Core, gemini: GeminiEmulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ASSETGEN_IMAGE_CONCURRENCY", "1")
    core.manifest = manifest_of(6)
    gemini.plan([Fault(ApiError(400), times=None)])
    drawing = core.draw()
    assert len(gemini.journal()) == 3
    assert len(drawing.summary.not_started) == 3
    assert drawing.summary.stopped_by is not None
    assert drawing.summary.stopped_by.code == "all_rejected"


def test_rejections_that_pass_at_the_second_try_do_not_stop_the_drawing(
    core: Core, gemini: GeminiEmulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ASSETGEN_IMAGE_CONCURRENCY", "3")
    passing = ApiError(400, message="Unable to process input image. Please retry.")
    gemini.plan([Fault(passing, nth=number) for number in (1, 2, 3)])
    assert core.draw().summary.generated == 3
    assert len(gemini.journal()) == 6


def test_a_model_that_has_drawn_is_asked_once_more_before_it_is_missing(core: Core, gemini: GeminiEmulator) -> None:
    core.draw({1, 2})
    gemini.plan([Fault(ApiError(404))])
    assert core.draw().summary.generated == 1
    core.manifest = manifest_of(4)
    gemini.reset()
    gemini.plan([Fault(ApiError(404), times=None)])
    drawing = core.draw({4})
    assert drawing.summary.stopped_by is not None
    assert drawing.summary.stopped_by.code == "model_not_found"
    assert len(gemini.journal()) == 2


@pytest.mark.parametrize("between", [None, NoImage("IMAGE_SAFETY")], ids=["a picture", "another failure"])
def test_rejected_prompts_with_something_else_between_them_do_not_stop_the_drawing(
    core: Core, gemini: GeminiEmulator, monkeypatch: pytest.MonkeyPatch, between: AnyAction | None
) -> None:
    monkeypatch.setenv("ASSETGEN_IMAGE_CONCURRENCY", "1")
    core.manifest = manifest_of(6)
    others = [] if between is None else [Fault(between, prompt="Subject 03")]
    gemini.plan([*others, *(Fault(ApiError(400), prompt=f"Subject 0{number}") for number in (1, 2, 4, 5))])
    drawing = core.draw()
    assert drawing.summary.stopped_by is None
    assert len(gemini.journal()) == 6
    assert "picture_06" in core.files()


@pytest.mark.parametrize(
    ("fault", "code", "names"),
    [
        (ApiError(400, reason="API_KEY_INVALID", message="API key not valid."), "api_key", "GEMINI_API_KEY"),
        (ApiError(403, message="Permission denied"), "api_key", "GEMINI_API_KEY"),
        (ApiError(404, message="models/x is not found"), "model_not_found", "GEMINI_IMAGE_MODEL"),
        (ApiError(429, quota_id="GenerateRequestsPerDayPerProjectPerModel"), "daily_quota", "midnight"),
        (ApiError(429, message="Your project has exceeded its spending cap."), "billing", "spending limit"),
        (ApiError(429, quota_id="RequestsPerDayPerProject", quota_value="0"), "billing", "Enable billing"),
        (ApiError(403, message="leaked API key", inside_200=True), "api_key", "GEMINI_API_KEY"),
        (NoImage("PUP_LIMITED_DISABLED"), "api_key", "Prohibited Use Policy"),
    ],
)
def test_a_fatal_problem_stops_new_pictures_lets_those_in_flight_finish_and_names_the_remedy(
    core: Core, gemini: GeminiEmulator, monkeypatch: pytest.MonkeyPatch, fault: AnyAction, code: str, names: str
) -> None:
    monkeypatch.setenv("ASSETGEN_IMAGE_CONCURRENCY", "2")
    core.manifest = manifest_of(6)
    gemini.plan([Fault(fault, prompt=WORST, times=None)])
    stopped = threading.Event()
    stop = _Drawing._stop

    def stop_and_say(drawing: _Drawing, failure: Failure) -> None:
        stop(drawing, failure)
        stopped.set()

    def paint_late(_prompt: str, width: int, height: int) -> Image.Image:
        assert stopped.wait(30)  # the other picture is in flight until then
        return Image.effect_noise((width, height), 90).convert("RGB")

    monkeypatch.setattr(_Drawing, "_stop", stop_and_say)
    monkeypatch.setattr(pictures, "paint", paint_late)
    drawing = core.draw()
    assert drawing.summary.stopped_by is not None
    assert drawing.summary.stopped_by.code == code
    assert names in drawing.summary.stopped_by.remedy
    assert len(gemini.journal()) == 2
    assert drawing.summary.generated == 1
    assert len([event for event in drawing.events if isinstance(event, PictureNotStarted)]) == 4
    assert not [event for event in drawing.events if isinstance(event, PictureWaits)]


def test_without_a_key_nothing_is_started(core: Core, gemini: GeminiEmulator, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("GEMINI_API_KEY")
    drawing = core.draw()
    assert gemini.journal() == []
    assert drawing.summary.stopped_by is not None
    assert "GEMINI_API_KEY" in drawing.summary.stopped_by.cause
    assert len(drawing.summary.not_started) == 3


def test_an_empty_prompt_fails_by_name_and_the_others_are_drawn(core: Core, gemini: GeminiEmulator) -> None:
    core.manifest = manifest_of(3, picture_02=" \n\t ")
    drawing = core.draw()
    assert [(f.task.number, f.failure.code) for f in drawing.failed()] == [(2, "blank_prompt")]
    assert drawing.summary.generated == 2
    assert len(gemini.journal()) == 2


def test_jpeg_bytes_labelled_png_become_a_real_png(core: Core, gemini: GeminiEmulator) -> None:
    gemini.plan([Fault(JpegLabelledPng(), prompt=WORST)])
    core.draw()
    assert core.files()["picture_02"].startswith(b"\x89PNG\r\n\x1a\n")


def test_a_failed_reroll_leaves_the_old_picture(core: Core, gemini: GeminiEmulator) -> None:
    core.draw()
    before = core.files()
    gemini.plan([Fault(NoImage("IMAGE_SAFETY"), prompt=WORST, times=None)])
    assert core.draw({2}).summary.failed == 1
    assert core.files() == before
    assert core.draw(mode=Mode.RESUME).summary.skipped == 3
