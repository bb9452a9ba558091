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
        ({"http_status": 409, "api_status": "ABORTED"}, "transient", "api_error"),
        ({"http_status": 500, "message": "Billing is down"}, "transient", "api_error"),
        ({"http_status": 503}, "transient", "api_error"),
        ({"http_status": 503, "reason": "WEB_PAGE"}, "transient", "api_error"),
        ({"http_status": 504, "api_status": "DEADLINE_EXCEEDED"}, "transient", "api_error"),
        ({"http_status": 502, "api_status": "UNAVAILABLE"}, "transient", "api_error"),
        *(({"http_status": status}, "timeout", "answer_lost") for status in (502, 504, 520, 524)),
        ({"http_status": 502, "api_status": "Bad Gateway"}, "timeout", "answer_lost"),
        ({"http_status": 200}, "transient", "api_error"),
        ({"http_status": 200, "api_status": "UNAVAILABLE"}, "transient", "api_error"),
        ({"http_status": 200, "api_status": "RESOURCE_EXHAUSTED"}, "transient", "rate_limited"),
        ({"http_status": 200, "api_status": "PERMISSION_DENIED"}, "fatal", "api_key"),
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
        *(({"kind": "no_image", "finish_reason": it}, "refused", "refused") for it in ("ESCALATION", "LANGUAGE")),
        ({"kind": "no_image", "finish_reason": "PUP_LIMITED_DISABLED"}, "fatal", "api_key"),
        ({"kind": "no_image", "block_reason": "PUP_LIMITED_DISABLED"}, "fatal", "api_key"),
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
        ({"http_status": 402}, "fatal", "billing"),
        ({"http_status": 413}, "rejected", "request_too_large"),
        ({"http_status": 413, "reason": "WEB_PAGE"}, "rejected", "request_too_large"),
        ({"http_status": 400, "message": "Request payload size exceeds the limit"}, "rejected", "request_too_large"),
        ({"http_status": 451}, "fatal", "location"),
        ({"http_status": 407}, "fatal", "configuration"),
        ({"http_status": 511}, "fatal", "configuration"),
        *(
            ({"http_status": it, "reason": "WEB_PAGE"}, "fatal", "configuration")
            for it in (200, 302, 400, 401, 403, 404)
        ),
        ({"http_status": 429, "reason": "WEB_PAGE"}, "transient", "rate_limited"),
        ({"kind": "configuration", "reason": "UNTRUSTED_CERTIFICATE"}, "fatal", "configuration"),
        ({"kind": "file"}, "fatal", "cannot_write"),
        ({"kind": "configuration"}, "fatal", "configuration"),
    ],
)
def test_what_our_script_reports_falls_into_the_class_of_the_table(
    error: dict[str, object], error_class: str, code: str
) -> None:
    failure = from_json(**error)
    assert (failure.error_class, failure.code) == (error_class, code)


NO_BILLING = (
    "You exceeded your current quota, please check your plan and billing details.\n* Quota exceeded for metric: "
)


@pytest.mark.parametrize(
    ("error", "code"),
    [
        ({"no_quota": True}, "billing"),
        ({"no_quota": True, "quota_ids": ["RequestsPerDay-FreeTier", "RequestsPerMinute-FreeTier"]}, "billing"),
        ({"no_quota": True, "quota_ids": ["RequestsPerMinute-FreeTier"], "retry_after_seconds": 2}, "billing"),
        ({"message": f"{NO_BILLING}free_tier_requests, limit: 0, model: x. Please retry in 2.1s."}, "billing"),
        ({"message": f"{NO_BILLING}free_tier_requests, limit: 0"}, "billing"),
        ({"message": "{'quotaId': 'RequestsPerDay', 'quotaValue': '0'}"}, "billing"),
        ({"message": 'metadata { quota_limit_value: "0" }'}, "billing"),
        ({"message": "Quota exceeded: limit of 0 requests"}, "billing"),
        ({"message": f"{NO_BILLING}free_tier_requests, limit: 10, model: x"}, "rate_limited"),
        ({"message": "limit: 0.5 a second"}, "rate_limited"),
        ({"quota_ids": ["Quota exceeded for metric x, limit: 0"]}, "billing"),
        ({"quota_ids": ["GenerateContentRequestsPerDayPerProject"]}, "daily_quota"),
        ({"quota_ids": ["generate_requests_per_model_per_day"]}, "daily_quota"),
        ({"message": "limit 'Generate Content API requests per day' of service"}, "daily_quota"),
        ({"message": "Daily limit reached"}, "daily_quota"),
        ({"quota_ids": ["RequestsPerMinute"], "message": "see the limits per minute and per day"}, "rate_limited"),
        ({"message": "Your quota will reset after 5h59m"}, "daily_quota"),
        ({"retry_after_seconds": 21599}, "daily_quota"),
        ({"message": "Please retry in 2 minutes"}, "rate_limited"),
    ],
)
def test_a_429_is_a_missing_a_used_up_or_a_passing_quota(error: dict[str, object], code: str) -> None:
    failure = from_json(http_status=429, **error)
    assert failure.code == code
    assert (failure.max_retries > 0) == (code == "rate_limited")


@pytest.mark.parametrize(
    ("message", "seconds"),
    [
        ("Your quota will reset after 5h59m", 21540),
        ("Please retry in 12.5s.", 12.5),
        ("Try again in 2 minutes and sleep well", 120),
        ("retry after 1h0m3s", 3603),
        ("retry after 1 hour, 2 minutes and 3 seconds", 3723),
        ("Please retry in 12.5s. See limits every 3 hours", 12.5),
        ("Please retry in 5 minutes because the limit is 3 hours", 300),
        ("retry in 250ms", None),
        ("retry later", None),
    ],
)
def test_a_wait_in_words_is_read(message: str, seconds: float | None) -> None:
    assert from_json(http_status=429, message=message).retry_after_seconds == seconds


@pytest.mark.parametrize(
    ("error", "code", "advice"),
    [
        ({"http_status": 403, "reason": "SERVICE_DISABLED"}, "api_key", "Enable the Generative Language API"),
        (
            {"http_status": 403, "message": "Generative Language API has not been used in project 1 before or it is"},
            "api_key",
            "Enable the Generative Language API",
        ),
        ({"http_status": 403, "reason": "API_KEY_SERVICE_BLOCKED"}, "api_key", "API restrictions"),
        (
            {"http_status": 403, "message": "Requests to this API x method y are blocked."},
            "api_key",
            "API restrictions",
        ),
        ({"http_status": 403, "reason": "API_KEY_IP_ADDRESS_BLOCKED"}, "api_key", "application restrictions"),
        ({"http_status": 403, "reason": "CONSUMER_SUSPENDED"}, "api_key", "another project"),
        ({"http_status": 403, "reason": "BILLING_DISABLED"}, "billing", "Enable billing"),
        ({"http_status": 402}, "billing", "credit"),
        ({"http_status": 429, "no_quota": True}, "billing", "Enable billing"),
        (
            {
                "http_status": 400,
                "api_status": "FAILED_PRECONDITION",
                "message": "User location is not supported for the API use.",
            },
            "location",
            "country",
        ),
        ({"http_status": 400, "message": "Image generation is not available in your country"}, "location", "country"),
        (
            {
                "http_status": 400,
                "api_status": "FAILED_PRECONDITION",
                "message": "Gemini API free tier is not available in your country. Please enable billing.",
            },
            "billing",
            "Enable billing",
        ),
        ({"http_status": 403, "message": "Your API key was reported as leaked."}, "api_key", "Set GEMINI_API_KEY"),
        ({"kind": "no_image", "finish_reason": "PUP_LIMITED_DISABLED"}, "api_key", "Prohibited Use Policy"),
        ({"http_status": 413}, "request_too_large", "references"),
        ({"kind": "configuration", "reason": "UNTRUSTED_CERTIFICATE"}, "configuration", "SSL_CERT_FILE"),
        ({"kind": "configuration", "reason": "PROXY_REFUSED"}, "configuration", "https_proxy"),
        ({"http_status": 200, "reason": "WEB_PAGE"}, "configuration", "sign in"),
        ({"http_status": 302}, "configuration", "GOOGLE_GEMINI_BASE_URL"),
    ],
)
def test_a_reason_has_a_remedy_of_its_own(error: dict[str, object], code: str, advice: str) -> None:
    failure = from_json(**error)
    assert failure.code == code
    assert advice in failure.remedy
    assert failure.max_retries == 0


@pytest.mark.parametrize(
    "error",
    [
        {"http_status": 402},
        {"http_status": 403, "reason": "BILLING_DISABLED"},
        {"http_status": 400, "api_status": "FAILED_PRECONDITION"},
        {"http_status": 429, "no_quota": True},
        {"http_status": 429, "message": "Your project has exceeded its monthly spending cap"},
    ],
)
def test_every_remedy_for_billing_names_the_command_that_resumes_paying(error: dict[str, object]) -> None:
    failure = from_json(**error)
    assert failure.code == "billing"
    assert failure.remedy.count("assetgen resume") == 1


def test_a_rejection_that_asks_for_a_retry_gets_one() -> None:
    assert from_json(http_status=400, message="Unable to process input image. Please retry or report").max_retries == 1
    assert from_json(http_status=400, message="Unable to process input image.").max_retries == 0
    assert from_json(http_status=400, api_status="FAILED_PRECONDITION", message="Please try again.").code == "rejected"


@pytest.mark.parametrize(
    ("stderr", "error_class", "code"),
    [
        ("google.api_core.exceptions.ResourceExhausted: 429 Resource has been exhausted", "transient", "rate_limited"),
        ("requests.exceptions.HTTPError: 503 Server Error: Service Unavailable", "transient", "api_error"),
        ("google.genai.errors.ServerError: 500 INTERNAL. {'error': {'code': 500}}", "transient", "api_error"),
        ("ConnectionResetError: [Errno 104] Connection reset by peer", "timeout", "answer_lost"),
        (
            "ConnectionError: ('Connection aborted.', RemoteDisconnected('Remote end closed connection'))",
            "timeout",
            "answer_lost",
        ),
        ("httpx.RemoteProtocolError: Server disconnected without sending a response.", "timeout", "answer_lost"),
        ("urllib.error.URLError: <urlopen error [Errno 104] Connection reset by peer>", "transient", "network"),
        ("requests.exceptions.ConnectionError: Max retries exceeded: Connection refused", "transient", "network"),
        ("requests.exceptions.HTTPError: 502 Server Error: Bad Gateway for url: x", "timeout", "answer_lost"),
        ("google.genai.errors.ServerError: 504 DEADLINE_EXCEEDED. {'error': {'code': 504}}", "transient", "api_error"),
        ("ClientError: 403 PERMISSION_DENIED. {'reason': 'SERVICE_DISABLED'}", "fatal", "api_key"),
        ("ClientError: 429 RESOURCE_EXHAUSTED. {'quotaId': 'PerDay', 'quotaValue': '0'}", "fatal", "billing"),
        ("ClientError: 429 RESOURCE_EXHAUSTED. 'requests per day' of service", "fatal", "daily_quota"),
        ("ProxyError: Max retries exceeded (Tunnel connection failed: 407 Proxy)", "fatal", "configuration"),
        ("SSLError: [SSL: CERTIFICATE_VERIFY_FAILED] certificate verify failed", "fatal", "configuration"),
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
    level = "Thinking level LOW is not supported for this model. Please retry with other thinking level."
    rejected = from_json(http_status=400, message=level)
    assert ("GEMINI_THINKING_LEVEL" in rejected.remedy, rejected.max_retries) == (True, 0)
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
