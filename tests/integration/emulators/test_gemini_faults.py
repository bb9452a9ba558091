"""What the emulator can be told to do wrong, and what a real API would have billed for it."""

import http.client

import pytest

from assetgen_emulators.core.rate_limit import RateLimit
from assetgen_emulators.gemini import GeminiEmulator
from assetgen_emulators.gemini.faults import (
    AnyAction,
    ApiError,
    Delay,
    Fault,
    HalfPng,
    Hang,
    HtmlPage,
    JpegLabelledPng,
    NoImage,
    NoUsage,
    OddPart,
    OddPicture,
    PromptBlocked,
    Reset,
    TextBeside,
    TextOnly,
    Thoughts,
    TornBody,
    TwoImages,
)
from tests.integration.emulators.wire import (
    ASKED,
    IMAGE,
    PICTURE,
    THINKING,
    WORDS,
    ask,
    body_of,
    in_background,
    parts_of,
    picture_in,
)

# --- faults -----------------------------------------------------------------------------------------------------------


def test_an_error_carries_quota_delay_and_reason(gemini: GeminiEmulator) -> None:
    fault = ApiError(429, headers={"Retry-After": "9"}, retry_delay_seconds=12.5, reason="RATE", quota_id="PerDay")
    gemini.plan([Fault(fault)])
    status, answer, headers = ask(gemini)
    assert (status, answer["error"]["status"], headers["Retry-After"]) == (429, "RESOURCE_EXHAUSTED", "9")
    quota, _help, retry, info = answer["error"]["details"]
    assert quota["violations"][0]["quotaId"] == "PerDay"
    assert (retry["retryDelay"], info["reason"]) == ("12.5s", "RATE")


def test_a_rule_fits_by_number_by_prompt_and_so_often(gemini: GeminiEmulator) -> None:
    gemini.plan(
        [
            Fault(ApiError(503), nth=2),
            Fault(ApiError(500), prompt="owl", times=2),
            Fault(ApiError(429), prompt="hare", times=None),
        ]
    )
    prompts = ["owl", "owl", "owl", "owl", "hare", "hare", "hare", "fox"]
    assert [ask(gemini, body_of(prompt))[0] for prompt in prompts] == [500, 503, 500, 200, 429, 429, 429, 200]


def test_a_page_of_html_comes_from_something_in_between(gemini: GeminiEmulator) -> None:
    gemini.plan([Fault(HtmlPage(504, "Gateway Time-out"))])
    status, answer, headers = ask(gemini)
    assert (status, headers["Content-Type"]) == (504, "text/html")
    assert "Gateway Time-out" in answer


def test_a_blocked_prompt_has_no_candidates(gemini: GeminiEmulator) -> None:
    gemini.plan([Fault(PromptBlocked("SAFETY"))])
    _, answer, _ = ask(gemini)
    assert answer["promptFeedback"] == {"blockReason": "SAFETY"}
    assert "candidates" not in answer


def test_a_refused_picture_has_a_finish_reason_and_no_parts(gemini: GeminiEmulator) -> None:
    gemini.plan([Fault(NoImage("IMAGE_SAFETY", "not this one"))])
    (candidate,) = ask(gemini)[1]["candidates"]
    assert (candidate["finishReason"], candidate["finishMessage"]) == ("IMAGE_SAFETY", "not this one")
    assert "parts" not in candidate["content"]


def test_thoughts_are_marked_and_stand_before_or_around_the_picture(gemini: GeminiEmulator) -> None:
    gemini.plan([Fault(Thoughts(drafts=1)), Fault(Thoughts(drafts=1, after=True))])
    first, second = ask(gemini)[1], ask(gemini)[1]
    assert [part.get("thought", False) for part in parts_of(first)] == [True, True, False]
    assert [part.get("thought", False) for part in parts_of(second)] == [True, True, False, True]
    assert picture_in(parts_of(second)[2]).size == (1024, 1024)
    assert first["usageMetadata"]["thoughtsTokenCount"] == 480


def test_odd_pictures_are_as_odd_as_asked(gemini: GeminiEmulator) -> None:
    gemini.plan(
        [Fault(OddPicture(256, 144)), Fault(OddPicture(flat=True)), Fault(JpegLabelledPng()), Fault(TwoImages())]
    )
    assert picture_in(parts_of(ask(gemini)[1])[0]).size == (256, 144)
    assert len(picture_in(parts_of(ask(gemini)[1])[0]).getcolors() or []) == 1
    jpeg = parts_of(ask(gemini)[1])[0]
    assert (jpeg["inlineData"]["mimeType"], picture_in(jpeg).format) == ("image/png", "JPEG")
    first, second = parts_of(ask(gemini)[1])
    assert first != second


def test_a_torn_body_announces_more_than_it_sends(gemini: GeminiEmulator) -> None:
    gemini.plan([Fault(TornBody(keep=0.25))])
    with pytest.raises(http.client.IncompleteRead) as torn:
        ask(gemini)
    assert torn.value.expected
    assert len(torn.value.partial) == pytest.approx(torn.value.expected / 3, rel=0.01)


def test_a_reset_comes_before_the_first_byte(gemini: GeminiEmulator) -> None:
    gemini.plan([Fault(Reset())])
    connection = in_background(gemini)
    with pytest.raises(ConnectionResetError) as reset:
        connection.getresponse()
    assert not isinstance(reset.value, http.client.RemoteDisconnected)
    assert gemini.journal()[0].outcome == "reset"


def test_a_delay_is_added_to_the_latency(gemini: GeminiEmulator) -> None:
    gemini.set_latency(0.15)
    gemini.plan([Fault(Delay(0.15))])
    ask(gemini)
    (call,) = gemini.journal()
    assert call.finished_at
    assert call.finished_at - call.arrived_at > 0.29


# --- the bill ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("fault", "usd"),
    [
        (None, PICTURE + ASKED),
        (ApiError(500), 0),
        (HtmlPage(), 0),
        (HtmlPage(billed=True), PICTURE + ASKED),
        (PromptBlocked(), ASKED),
        (NoImage(), ASKED),
        (TextOnly("x" * 40), ASKED + 10 * 7.5 / 1e6),
        (TextBeside("x" * 40), IMAGE + THINKING + ASKED + 10 * 7.5 / 1e6),
        (JpegLabelledPng(), PICTURE + ASKED),
        (HalfPng(), PICTURE + ASKED),
        (Thoughts(tokens=100), IMAGE + WORDS + ASKED + 100 * 7.5 / 1e6),
        (NoUsage(), PICTURE + ASKED),
        (TwoImages(), IMAGE + PICTURE + ASKED),
        (OddPicture(256, 144), PICTURE + ASKED),
        (OddPart(later=True), PICTURE + ASKED),
    ],
    ids=lambda value: getattr(value, "kind", None),
)
def test_what_was_drawn_is_billed_and_what_was_not_is_not(
    gemini: GeminiEmulator, fault: AnyAction | None, usd: float
) -> None:
    gemini.plan([Fault(fault)] if fault else [])
    ask(gemini)
    (call,) = gemini.journal()
    assert call.billed_usd == pytest.approx(usd, abs=1e-6)
    assert call.outcome == (fault.kind if fault else "ok")


def test_torn_hanging_and_abandoned_calls_are_billed_and_a_reset_is_not(gemini: GeminiEmulator) -> None:
    gemini.set_latency(30)
    gemini.plan([Fault(Hang(), nth=1), Fault(Reset(), nth=2)])
    clients = [in_background(gemini) for _ in range(3)]
    gemini.wait_for(lambda calls: len(calls) == 3 and sum(call.billed_usd > 0 for call in calls) == 2)
    for client in clients:
        client.close()  # as if killed, long before the answer
    calls = gemini.wait_for(lambda calls: not any(call.in_flight for call in calls))
    bills = {call.outcome: call.billed_usd for call in calls}
    assert bills == {"hang": round(PICTURE + ASKED, 6), "reset": 0, "client_gone": round(PICTURE + ASKED, 6)}
    assert all(call.finished_at for call in calls)


# --- requests a minute ------------------------------------------------------------------------------------------------


def test_calls_beyond_the_limit_are_turned_down_unpaid_until_it_is_lifted(gemini: GeminiEmulator) -> None:
    gemini.limit_requests(2)
    assert [ask(gemini)[0] for _ in range(2)] == [200, 200]
    status, answer, _ = ask(gemini)
    assert (status, answer["error"]["status"]) == (429, "RESOURCE_EXHAUSTED")
    quota, _help, retry = answer["error"]["details"]
    assert quota["violations"][0]["quotaId"] == "GenerateRequestsPerMinutePerProjectPerModel"
    assert 0 < float(retry["retryDelay"].removesuffix("s")) <= 60
    assert [call.billed_usd > 0 for call in gemini.journal()] == [True, True, False]
    gemini.limit_requests(None)
    assert ask(gemini)[0] == 200


def test_the_window_of_a_limit_slides_on_with_the_calls_it_has_accepted() -> None:
    now = 0.0
    limit = RateLimit(clock=lambda: now)
    limit.set(2, 60.0)
    taken = {}
    for now in (0.0, 50.0, 59.0, 60.0, 61.0, 109.0, 110.0):
        taken[now] = limit.take()
    assert taken == {0.0: None, 50.0: None, 59.0: 1.0, 60.0: None, 61.0: 49.0, 109.0: 1.0, 110.0: None}
