"""Classifies Gemini's errors: statuses, reasons, blocked prompts, quotas."""

import re

from assetgen_dagster.errors import Code
from assetgen_dagster.providers.failures import MAX_RETRIES, Failure
from assetgen_dagster.providers.script_failures import ApiReader, classify_reported
from assetgen_dagster.providers.script_report import ScriptFailure

#: The API's names of the reasons for which it refuses content.
REFUSALS = frozenset(
    {
        "BLOCKLIST",
        "IMAGE_PROHIBITED_CONTENT",
        "IMAGE_RECITATION",
        "IMAGE_SAFETY",
        "PROHIBITED_CONTENT",
        "RECITATION",
        "SAFETY",
        "SPII",
    }
)

_SPENT = re.compile(
    r"spend(?:ing)? (?:cap|limit)|billing|prepa(?:y|id)|credits? (?:are|is) (?:depleted|exhausted)", re.IGNORECASE
)

_RATIO = "Change GEMINI_ASPECT_RATIO, or the aspect_ratio of this picture or its channel"


def api_reader(model: str, *, setting: str) -> ApiReader:
    """Returns the classification of the API's errors.

    Args:
        model: The requested model, for messages.
        setting: The variable that names it, for messages.
    """

    def read(failure: ScriptFailure, cause: str) -> Failure:
        if failure.kind == "no_image":
            return _read_no_image(failure, cause)
        return _read_status(failure, cause, model=model, setting=setting)

    return read


def classify_api_failure(failure: ScriptFailure, *, model: str, setting: str) -> Failure:
    """Classifies the failure of a call that we made ourselves; see ``api_reader`` for the arguments."""
    return classify_reported(failure, api_reader(model, setting=setting))


def missing_key() -> Failure:
    """Returns the failure of a key that is not set."""
    return Failure(Code.API_KEY, "GEMINI_API_KEY is not set", "Set GEMINI_API_KEY in the environment or in .env")


def _read_no_image(failure: ScriptFailure, cause: str) -> Failure:
    # A blocked prompt stays blocked, whatever the reason.
    if failure.block_reason or failure.finish_reason in REFUSALS:
        return Failure(Code.REFUSED, cause)
    return Failure(Code.NO_IMAGE, cause, max_retries=MAX_RETRIES)


def _read_status(failure: ScriptFailure, cause: str, *, model: str, setting: str) -> Failure:
    status = failure.http_status or 0
    if status == 429:
        return _too_many(failure, cause)
    if status in (401, 403) or failure.reason == "API_KEY_INVALID" or "api key" in cause.casefold():
        return Failure(Code.API_KEY, cause)
    if failure.api_status == "FAILED_PRECONDITION":
        return Failure(Code.BILLING, cause)
    if status == 404:
        return Failure(Code.MODEL_NOT_FOUND, cause, f"Set {setting} (now {model!r}) to a model that exists")
    if status in (408, 499) or status >= 500:  # the API answers 499 when it gives up because it is busy
        return Failure(Code.API_ERROR, cause, max_retries=MAX_RETRIES, retry_after_seconds=failure.retry_after_seconds)
    if status < 400:
        return Failure(Code.CONFIGURATION, cause, "Set GOOGLE_GEMINI_BASE_URL to the address that it redirects to")
    return Failure(Code.REJECTED, cause, _RATIO if "aspect" in cause.casefold() else Code.REFUSED.advice)


def _too_many(failure: ScriptFailure, cause: str) -> Failure:
    if any("perday" in quota.casefold() for quota in failure.quota_ids):
        return Failure(Code.DAILY_QUOTA, cause)
    # An ordinary rate limit also mentions billing ("check your plan and billing details").
    rate_limit = re.search(r"check your plan and billing", cause, re.IGNORECASE)
    if _SPENT.search(cause) and not rate_limit:
        return Failure(Code.BILLING, cause)
    return Failure(
        Code.RATE_LIMITED,
        cause,
        max_retries=MAX_RETRIES,
        retry_after_seconds=failure.retry_after_seconds,
        slows_project=True,
    )
