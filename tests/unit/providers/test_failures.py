import json

import pytest

from assetgen_dagster.errors import ErrorClass
from assetgen_dagster.providers.cli_script import CLIScriptError
from assetgen_dagster.providers.failures import Failure
from assetgen_dagster.providers.registry import provider_of
from assetgen_dagster.providers.script_report import read_report
from assetgen_dagster.settings import load_settings

MODEL = "gemini-nano-banana-2.1"


def classified(error: CLIScriptError) -> Failure:
    return provider_of(load_settings()).classify(error, read_report(error.stdout, error.stderr), model=MODEL)


def from_json(**error: object) -> Failure:
    line = json.dumps({"error": {"kind": "http", "message": "it says why", **error}, "usage": None})
    stderr = f"A sentence for people.\n{line}\n"
    return classified(CLIScriptError("s.py", 1, stderr))


def from_text(stderr: str, *, exit_code: int = 1, stdout: str = "") -> Failure:
    return classified(CLIScriptError("s.py", exit_code, stderr, stdout))


@pytest.mark.parametrize(
    ("error", "error_class", "code"),
    [
        ({"http_status": 429}, "transient", "rate_limited"),
        ({"http_status": 408}, "transient", "api_error"),
        ({"http_status": 499, "api_status": "CANCELLED"}, "transient", "api_error"),
        ({"http_status": 500}, "transient", "api_error"),
        ({"http_status": 502}, "transient", "api_error"),
        ({"http_status": 503}, "transient", "api_error"),
        ({"http_status": 504}, "transient", "api_error"),
        ({"kind": "network"}, "transient", "network"),
        ({"kind": "no_image", "finish_reason": "NO_IMAGE"}, "transient", "no_image"),
        ({"kind": "no_image", "finish_reason": "IMAGE_OTHER"}, "transient", "no_image"),
        ({"kind": "no_image", "finish_reason": "STOP"}, "transient", "no_image"),
        ({"kind": "no_image", "finish_reason": "IMAGE_SAFETY"}, "refused", "refused"),
        ({"kind": "no_image", "finish_reason": "PROHIBITED_CONTENT"}, "refused", "refused"),
        ({"kind": "no_image", "finish_reason": "IMAGE_PROHIBITED_CONTENT"}, "refused", "refused"),
        ({"kind": "no_image", "finish_reason": "RECITATION"}, "refused", "refused"),
        ({"kind": "no_image", "finish_reason": "SAFETY"}, "refused", "refused"),
        ({"kind": "no_image", "block_reason": "BLOCKLIST"}, "refused", "refused"),
        ({"kind": "no_image", "block_reason": "OTHER"}, "refused", "refused"),
        ({"kind": "lost_answer"}, "timeout", "answer_lost"),
        ({"http_status": 400, "api_status": "INVALID_ARGUMENT"}, "rejected", "rejected"),
        ({"http_status": 400, "reason": "API_KEY_INVALID"}, "fatal", "api_key"),
        ({"http_status": 400, "api_status": "FAILED_PRECONDITION"}, "fatal", "billing"),
        ({"http_status": 401}, "fatal", "api_key"),
        ({"http_status": 403}, "fatal", "api_key"),
        ({"http_status": 404}, "fatal", "model_not_found"),
        ({"http_status": 302}, "fatal", "configuration"),
        ({"http_status": 429, "quota_ids": ["GenerateRequestsPerDayPerProjectPerModel"]}, "fatal", "daily_quota"),
        ({"http_status": 429, "message": "Your project has exceeded its spending cap."}, "fatal", "billing"),
        ({"http_status": 429, "message": "Quota exceeded, check your plan and billing."}, "transient", "rate_limited"),
        ({"kind": "file"}, "fatal", "cannot_write"),
        ({"kind": "configuration"}, "fatal", "configuration"),
    ],
)
def test_what_our_script_reports_falls_into_the_class_of_the_table(
    error: dict[str, object], error_class: str, code: str
) -> None:
    failure = from_json(**error)
    assert (failure.error_class, failure.code) == (error_class, code)


@pytest.mark.parametrize(
    ("stderr", "error_class", "code"),
    [
        ("google.api_core.exceptions.ResourceExhausted: 429 Resource has been exhausted", "transient", "rate_limited"),
        ("requests.exceptions.HTTPError: 503 Server Error: Service Unavailable", "transient", "api_error"),
        ("google.genai.errors.ServerError: 500 INTERNAL. {'error': {'code': 500}}", "transient", "api_error"),
        ("ConnectionResetError: [Errno 104] Connection reset by peer", "transient", "network"),
        ("❌ Error: no image in the answer", "transient", "no_image"),
        ("ValueError: finish_reason: IMAGE_SAFETY", "refused", "refused"),
        ("google.api_core.exceptions.InvalidArgument: 400 Bad aspect ratio", "rejected", "rejected"),
        ("google.api_core.exceptions.InvalidArgument: 400 API key not valid.", "fatal", "api_key"),
        ("Error: GEMINI_API_KEY not set", "fatal", "api_key"),
        ("google.api_core.exceptions.NotFound: 404 models/gone is not found", "fatal", "model_not_found"),
        ("OSError: [Errno 28] No space left on device: 'x.png'", "fatal", "cannot_write"),
        ("ModuleNotFoundError: No module named 'google'", "fatal", "script_packages"),
        ("usage: s.py\ns.py: error: unrecognized arguments: --output", "fatal", "script_arguments"),
        ("requests.exceptions.ReadTimeout: Read timed out.", "timeout", "answer_lost"),
        ("something nobody has seen before", "transient", "unrecognised"),
        ("", "transient", "unrecognised"),
    ],
)
def test_a_foreign_scripts_stderr_is_read_for_the_same_classes(stderr: str, error_class: str, code: str) -> None:
    failure = from_text(stderr)
    assert (failure.error_class, failure.code) == (error_class, code)


def test_a_rejected_aspect_ratio_does_not_blame_the_prompt() -> None:
    assert "GEMINI_ASPECT_RATIO" in from_json(http_status=400, message="Aspect ratio 7:3 is not supported").remedy
    assert "prompt" in from_json(http_status=400, message="Invalid argument").remedy


def test_line_numbers_in_a_traceback_are_not_taken_for_a_status() -> None:
    trace = "Traceback (most recent call last):\n  File \"s.py\", line 429, in <module>\nKeyError: 'candidates'"
    assert from_text(trace).code == "unrecognised"


def test_what_is_not_recognised_gets_one_retry() -> None:
    assert from_text("what?").max_retries == 1


def test_a_delay_in_a_foreign_scripts_message_is_honoured() -> None:
    text = "ResourceExhausted: 429 quota exceeded. Please retry in 12.5s. retry_delay { seconds: 13 }"
    assert from_text(text).retry_after_seconds == 12.5


def test_a_daily_quota_is_recognised_in_text() -> None:
    text = "429 RESOURCE_EXHAUSTED quota_id: 'GenerateRequestsPerDayPerProjectPerModel-FreeTier'"
    assert from_text(f"ClientError: {text}").code == "daily_quota"


def test_a_script_that_was_killed_may_have_been_billed() -> None:
    failure = from_text("", exit_code=-9)
    assert (failure.error_class, failure.possibly_billed) == (ErrorClass.TIMEOUT, True)


def test_an_error_on_stdout_is_read_where_stderr_is_empty() -> None:
    assert from_text("", stdout="❌ Failed: GEMINI_API_KEY not found").code == "api_key"


def test_only_a_rate_limit_slows_the_whole_project() -> None:
    assert from_json(http_status=429).slows_project
    assert not from_json(http_status=503).slows_project


def test_a_message_names_class_cause_and_remedy_and_hides_keys() -> None:
    message = str(
        from_json(http_status=404, message="models/x is not found for key AIzaSyAbcdefghijklmnopqrstuvwxyz012")
    )
    assert message.startswith("[fatal: model_not_found] models/x is not found for key ***.")
    assert "Set GEMINI_IMAGE_MODEL (now 'gemini-nano-banana-2.1')" in message
