"""The real script as a process: every way in which the API can fail, and what is told of it."""

import json
import socket
import threading
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path
from typing import Any

import pytest

from assetgen_emulators.gemini import GeminiEmulator
from assetgen_emulators.gemini.faults import (
    ApiError,
    Fault,
    HalfPng,
    Hang,
    HtmlPage,
    NoImage,
    PromptBlocked,
    Reset,
    TextOnly,
    TornBody,
)
from tests.helpers.generate_asset_runs import (
    DRAWN,
    PROMPT,
    SCRIPT,
    Script,
    http_answer,
    raw_server,
    script_for,
    tls_server,
)
from tests.helpers.harness import picture_usd


@pytest.fixture
def script(gemini: GeminiEmulator, tmp_path: Path) -> Script:
    return script_for(gemini, tmp_path)


def test_a_quota_error_is_told_with_everything_that_is_known(gemini: GeminiEmulator, script: Script) -> None:
    quota = "GenerateRequestsPerDayPerProjectPerModel"
    fault = ApiError(
        429, None, "Quota exceeded.", reason="RATE_LIMIT_EXCEEDED", retry_delay_seconds=12.5, quota_id=quota
    )
    gemini.plan([Fault(fault)])
    outcome = script.run()
    report, error = outcome.report, outcome.error
    assert error == {
        "kind": "http",
        "message": error["message"],
        "http_status": 429,
        "api_status": "RESOURCE_EXHAUSTED",
        "reason": "RATE_LIMIT_EXCEEDED",
        "finish_reason": None,
        "block_reason": None,
        "retry_after_seconds": 12.5,
        "quota_ids": [quota],
        "no_quota": False,
        "model": "gemini-nano-banana-2.1",
        "received": False,
    }
    assert report["usage"] is None
    for told in ("429", "RESOURCE_EXHAUSTED", "Quota exceeded", quota, "12.5 s"):
        assert told in error["message"]
    assert "next day" in outcome.sentence
    assert not script.output.exists()
    assert gemini.journal()[0].billed_usd == 0


@pytest.mark.parametrize(
    ("header", "least", "most"),
    [
        ("7", 7, 7),
        (format_datetime(datetime.now(UTC) + timedelta(hours=10), usegmt=True), 30_000, 36_001),
        ("Thu, 01 Jan 1970 00:00:00 GMT", 0, 0),
    ],
    ids=["seconds", "date", "past"],  # a time of day in a name differs between processes that run the tests together
)
def test_retry_after_is_read_as_seconds_or_as_a_date(
    gemini: GeminiEmulator, script: Script, header: str, least: float, most: float
) -> None:
    gemini.plan([Fault(ApiError(503, headers={"Retry-After": header}))])
    assert least <= script.run().error["retry_after_seconds"] <= most


def test_of_two_delays_the_longer_one_counts(gemini: GeminiEmulator, script: Script) -> None:
    gemini.plan([Fault(ApiError(429, headers={"Retry-After": "7"}, retry_delay_seconds=12.5))])
    assert script.run().error["retry_after_seconds"] == 12.5


def test_the_script_itself_never_tries_again(gemini: GeminiEmulator, script: Script) -> None:
    gemini.plan([Fault(ApiError(503), times=None)])
    assert script.run().error["http_status"] == 503
    assert len(gemini.journal()) == 1


@pytest.mark.parametrize(
    ("settings", "status", "reason", "named"),
    [
        ({"GEMINI_IMAGE_MODEL": "gemini-retired"}, 404, None, "GEMINI_IMAGE_MODEL"),
        ({"GEMINI_API_KEY": "wrong-key"}, 400, "API_KEY_INVALID", "GEMINI_API_KEY"),
        ({"GEMINI_ASPECT_RATIO": "7:3"}, 400, None, "GEMINI_ASPECT_RATIO"),
    ],
)
def test_a_wrong_setting_is_named(
    script: Script, settings: dict[str, Any], status: int, reason: str | None, named: str
) -> None:
    outcome = script.run(**settings)
    error = outcome.error
    assert (error["kind"], error["http_status"], error["reason"]) == ("http", status, reason)
    assert named in outcome.sentence


def test_a_page_of_html_is_told_in_its_words(gemini: GeminiEmulator, script: Script) -> None:
    gemini.plan([Fault(HtmlPage(502, "502 Bad Gateway"))])
    error = script.run().error
    assert (error["kind"], error["http_status"], error["api_status"]) == ("http", 502, None)
    assert error["reason"] == "WEB_PAGE"
    assert "502 Bad Gateway (may be billed)" in error["message"]


@pytest.mark.parametrize("status", [200, 403, 404, 511])
def test_a_page_to_sign_in_is_neither_an_answer_nor_about_the_key(
    gemini: GeminiEmulator, script: Script, status: int
) -> None:
    gemini.plan([Fault(HtmlPage(status, "Sign in to Corporate Wi-Fi"))])
    outcome = script.run()
    assert (outcome.error["kind"], outcome.error["http_status"]) == ("http", status)
    assert outcome.error["reason"] == "WEB_PAGE"
    assert "Sign in to Corporate Wi-Fi" in outcome.sentence
    assert "GEMINI_API_KEY" not in outcome.sentence


@pytest.mark.parametrize(
    ("error", "status", "api_status"),
    [
        ({"code": 403, "message": "leaked", "status": "PERMISSION_DENIED"}, 403, "PERMISSION_DENIED"),
        ({"code": "429", "message": "leaked"}, 429, None),
        ({"message": "leaked", "status": "UNAVAILABLE"}, 200, "UNAVAILABLE"),
        ({"message": "leaked", "code": "key_leaked"}, 200, None),
        ("leaked", 200, None),
    ],
)
def test_an_error_inside_a_200_is_that_error(script: Script, error: Any, status: int, api_status: str | None) -> None:
    for body in ({"error": error}, [{"error": error}]):
        with raw_server(http_answer(json.dumps(body).encode())) as (address, _):
            told = script.run(GOOGLE_GEMINI_BASE_URL=address).error
        assert (told["kind"], told["http_status"], told["api_status"]) == ("http", status, api_status)
        assert "leaked" in told["message"]


@pytest.mark.parametrize(
    "fault",
    [
        ApiError(429, quota_id="GenerateRequestsPerDayPerProjectPerModel-FreeTier", quota_value="0"),
        ApiError(429, reason="RATE_LIMIT_EXCEEDED", metadata={"quota_limit": "PerMinute", "quota_limit_value": "0"}),
        ApiError(429, message="Quota exceeded for metric: free_tier_requests, limit: 0, model: x"),
    ],
    ids=repr,
)
def test_a_quota_of_nothing_is_told_from_one_that_is_used_up(
    gemini: GeminiEmulator, script: Script, fault: ApiError
) -> None:
    gemini.plan([Fault(fault)])
    outcome = script.run()
    assert outcome.error["no_quota"] is True
    assert "enable billing" in outcome.sentence


def test_the_quota_that_an_error_info_names_is_told(gemini: GeminiEmulator, script: Script) -> None:
    metadata = {"quota_limit": "GenerateContentRequestsPerDayPerProject", "quota_limit_value": "1500"}
    gemini.plan([Fault(ApiError(429, reason="RATE_LIMIT_EXCEEDED", metadata=metadata))])
    error = script.run().error
    assert (error["quota_ids"], error["no_quota"]) == ([metadata["quota_limit"]], False)


def test_a_packed_error_is_told_in_its_words(gemini: GeminiEmulator, script: Script) -> None:
    gemini.plan([Fault(ApiError(403, message="reported as leaked", headers={"Content-Encoding": "gzip"}))])
    assert "reported as leaked" in script.run().error["message"]


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"[]",
        b"null",
        b'{"error": "busy"}',
        b'[{"error": {"message": "busy"}}]',
        b"\xff" * 9,
        b"x" * 999_999,
        b"<head" * 199_999,
    ],
)
def test_any_error_body_will_do(script: Script, body: bytes) -> None:
    with raw_server(http_answer(body, "500 Oops")) as (address, _):
        error = script.run(GOOGLE_GEMINI_BASE_URL=address).error
    assert (error["kind"], error["http_status"]) == ("http", 500)
    assert len(error["message"]) <= 2000


def test_a_redirect_is_not_followed_so_the_key_stays_here(script: Script) -> None:
    with raw_server(b"") as (elsewhere, requests):
        moved = http_answer(b"", "302 Found", f"Location: {elsewhere}/v1beta/models/x:generateContent")
        with raw_server(moved) as (address, _):
            outcome = script.run(GOOGLE_GEMINI_BASE_URL=address)
    assert outcome.error["http_status"] == 302
    assert "GOOGLE_GEMINI_BASE_URL" in outcome.sentence
    assert requests == []


@pytest.mark.parametrize("reason", ["IMAGE_SAFETY", "PROHIBITED_CONTENT", "RECITATION", "SAFETY", "BLOCKLIST"])
def test_a_refused_picture_is_told_with_its_finish_reason(gemini: GeminiEmulator, script: Script, reason: str) -> None:
    gemini.plan([Fault(NoImage(reason))])
    outcome = script.run()
    report = outcome.report
    assert (report["error"]["kind"], report["error"]["finish_reason"]) == ("no_image", reason)
    assert reason in report["error"]["message"]
    assert outcome.sentence.endswith("; edit this prompt.")
    assert report["usage"] == DRAWN | {"image_tokens": 0, "text_tokens": 0}


@pytest.mark.parametrize("reason", ["NO_IMAGE", "IMAGE_OTHER"])
def test_an_answer_that_merely_lacks_a_picture_does_not_blame_the_prompt(
    gemini: GeminiEmulator, script: Script, reason: str
) -> None:
    gemini.plan([Fault(NoImage(reason, "Try again later."))])
    outcome = script.run()
    error = outcome.error
    assert (error["kind"], error["finish_reason"]) == ("no_image", reason)
    assert "Try again later." in error["message"]
    assert "edit this prompt" not in outcome.sentence


def test_a_blocked_prompt_is_told_with_its_reason(gemini: GeminiEmulator, script: Script) -> None:
    gemini.plan([Fault(PromptBlocked("BLOCKLIST"))])
    error = script.run().error
    assert (error["kind"], error["block_reason"], error["finish_reason"]) == ("no_image", "BLOCKLIST", None)
    assert "BLOCKLIST" in error["message"]


def test_words_instead_of_a_picture_are_quoted_in_part_and_paid_as_text(gemini: GeminiEmulator, script: Script) -> None:
    gemini.plan([Fault(TextOnly("Sorry, " + "no " * 400))])
    report = script.run().report
    assert report["error"]["kind"] == "no_image"
    assert "Sorry, no no" in report["error"]["message"]
    assert len(report["error"]["message"]) < 300
    assert report["usage"] == {"prompt_tokens": 8, "image_tokens": 0, "text_tokens": 302}


@pytest.mark.parametrize(
    "answer",
    [
        {},
        {"candidates": []},
        {"candidates": [None]},
        {"candidates": [{"content": {"parts": ["?", {"inlineData": 7}, {"inlineData": {"data": 7}}]}}]},
        {"candidates": [{"content": {"parts": [{"inlineData": {"mimeType": "audio/wav", "data": "AAAA"}}]}}]},
        {"promptFeedback": "?", "usageMetadata": "?", "modelVersion": 7},
    ],
)
def test_an_answer_of_another_shape_is_an_answer_without_a_picture(script: Script, answer: Any) -> None:
    with raw_server(http_answer(json.dumps(answer).encode())) as (address, _):
        assert script.run(GOOGLE_GEMINI_BASE_URL=address).error["kind"] == "no_image"


def test_a_torn_body_is_a_lost_answer_that_may_be_billed(gemini: GeminiEmulator, script: Script) -> None:
    gemini.plan([Fault(TornBody())])
    report = script.run().report
    assert report["error"]["kind"] == "lost_answer"
    assert report["usage"] is None
    assert gemini.journal()[0].billed_usd > 0.03
    assert not script.output.exists()


def test_half_a_picture_is_noticed_and_its_cost_told(gemini: GeminiEmulator, script: Script) -> None:
    gemini.plan([Fault(HalfPng())])
    report = script.run().report
    assert (report["error"]["kind"], report["usage"]) == ("lost_answer", DRAWN)
    assert list(script.output.parent.iterdir()) == []


@pytest.mark.parametrize("picture", ["AAAA", "not base64!", "/9j/4AAQSkZJRg=="])
def test_bytes_that_are_no_picture_are_a_lost_answer(script: Script, picture: str) -> None:
    parts = [{"inlineData": {"mimeType": "image/png", "data": picture}}]
    body = json.dumps({"candidates": [{"content": {"parts": parts}}]}).encode()
    with raw_server(http_answer(body)) as (address, _):
        assert script.run(GOOGLE_GEMINI_BASE_URL=address).error["kind"] == "lost_answer"


@pytest.mark.parametrize(
    "answer", [http_answer(b'{"candidates": ['), http_answer(b"[]"), b"SSH-2.0-OpenSSH\r\n", b"HTTP/1.1 200 OK\r\n"]
)
def test_nonsense_with_a_200_is_a_lost_answer(script: Script, answer: bytes) -> None:
    with raw_server(answer) as (address, _):
        assert script.run(GOOGLE_GEMINI_BASE_URL=address).error["kind"] == "lost_answer"


def test_waiting_too_long_is_a_lost_answer(gemini: GeminiEmulator, script: Script, tmp_path: Path) -> None:
    gemini.plan([Fault(Hang())])
    impatient = tmp_path / "impatient.py"
    assert "TIMEOUT_SECONDS = 300.0" in SCRIPT.read_text()
    impatient.write_text(SCRIPT.read_text().replace("TIMEOUT_SECONDS = 300.0", "TIMEOUT_SECONDS = 0.3"))
    script.path = impatient
    error = script.run().error
    assert error["kind"] == "lost_answer"
    assert "0.3 s" in error["message"]
    (call,) = gemini.wait_for(lambda calls: not calls[0].in_flight)
    assert (call.outcome, call.billed_usd) == ("hang", picture_usd(PROMPT))


def test_a_reset_after_the_request_is_a_lost_answer(gemini: GeminiEmulator, script: Script) -> None:
    gemini.plan([Fault(Reset(billed=True))])
    assert script.run().error["kind"] == "lost_answer"
    assert gemini.journal()[0].billed_usd > 0.03


def test_a_connection_closed_without_a_word_after_the_request_is_a_lost_answer(script: Script) -> None:
    with raw_server(b"") as (address, _):
        assert script.run(GOOGLE_GEMINI_BASE_URL=address).error["kind"] == "lost_answer"


def test_a_connection_closed_before_the_request_is_whole_is_a_network_error(script: Script, tmp_path: Path) -> None:
    reference = tmp_path / "large.png"
    reference.write_bytes(b"\x89PNG\r\n\x1a\n" + bytes(15_000_000))  # more than the system's buffers take
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def hang_up() -> None:
            connection, _ = listener.accept()
            connection.recv(100)
            connection.close()

        thread = threading.Thread(target=hang_up, daemon=True)
        thread.start()
        address = f"http://127.0.0.1:{listener.getsockname()[1]}"
        assert script.run(references=[reference], GOOGLE_GEMINI_BASE_URL=address).error["kind"] == "network"
        thread.join()


def test_an_untrusted_certificate_is_told_with_the_variable_that_helps(script: Script, tmp_path: Path) -> None:
    with tls_server(tmp_path) as address:
        outcome = script.run(GOOGLE_GEMINI_BASE_URL=address)
    assert (outcome.error["kind"], outcome.error["reason"]) == ("configuration", "UNTRUSTED_CERTIFICATE")
    assert "SSL_CERT_FILE" in outcome.sentence


def test_a_refused_connection_is_a_network_error(script: Script) -> None:
    with socket.create_server(("127.0.0.1", 0)) as closed:
        port = closed.getsockname()[1]
    error = script.run(GOOGLE_GEMINI_BASE_URL=f"http://127.0.0.1:{port}").error
    assert error["kind"] == "network"
    assert "127.0.0.1" in error["message"]
