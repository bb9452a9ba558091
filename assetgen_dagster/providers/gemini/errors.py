"""Classifies Gemini's errors: what a script reports, what its plain output says, and what our own calls get.

It rests on published material: google.rpc.Code and ErrorInfo, google.api.ErrorReason, FinishReason of the Gemini API,
and error messages that its users have published.
"""

import re
from dataclasses import dataclass

from assetgen_dagster.errors import Code
from assetgen_dagster.providers.failures import MAX_RETRIES, Failure, lost
from assetgen_dagster.providers.gemini.retirement import retirement_of
from assetgen_dagster.providers.script_failures import ApiReader, classify_reported
from assetgen_dagster.providers.script_report import WEB_PAGE, ScriptFailure

#: The API's names of the reasons for which it refuses content.
REFUSALS = frozenset(
    {
        "BLOCKLIST",
        "ESCALATION",
        "IMAGE_PROHIBITED_CONTENT",
        "IMAGE_RECITATION",
        "IMAGE_SAFETY",
        "LANGUAGE",
        "MODEL_ARMOR",
        "PROHIBITED_CONTENT",
        "RECITATION",
        "SAFETY",
        "SPII",
    }
)

#: The end of an answer to an account that violated the Prohibited Use Policy: no prompt gets another.
_ACCOUNT_LIMITED = "PUP_LIMITED_DISABLED"

#: The HTTP status of each google.rpc.Code.
_HTTP_STATUS = {
    "ABORTED": 409,
    "ALREADY_EXISTS": 409,
    "CANCELLED": 499,
    "DATA_LOSS": 500,
    "DEADLINE_EXCEEDED": 504,
    "FAILED_PRECONDITION": 400,
    "INTERNAL": 500,
    "INVALID_ARGUMENT": 400,
    "NOT_FOUND": 404,
    "OUT_OF_RANGE": 400,
    "PERMISSION_DENIED": 403,
    "RESOURCE_EXHAUSTED": 429,
    "UNAUTHENTICATED": 401,
    "UNAVAILABLE": 503,
    "UNIMPLEMENTED": 501,
    "UNKNOWN": 500,
}

#: Statuses by which a gateway says that it passed the request on and got no answer, or none that it understands.
_NO_ANSWER = frozenset({502, 504, 520, 524})

#: Statuses that pass; the API answers 499 when it gives up because it is busy.
_PASSING = frozenset({408, 409, 425, 499})

_LONG_SECONDS = 3600.0

_SPENT = re.compile(
    r"spend(?:ing)? (?:cap|limit)|billing|prepa(?:y|id)|credits? (?:are|is) (?:depleted|exhausted)", re.IGNORECASE
)
#: A quota of nothing, in words and as JSON or Python write it.
NO_QUOTA = re.compile(
    r"(?:\blimit|quota_?value|limit_?value)['\"]?(?:\s*[:=]|\s+(?:of|is))\s*['\"]?0(?!\d|\.\d)", re.IGNORECASE
)
_PER_DAY = re.compile(r"per[_ -]?day|\bdaily\b", re.IGNORECASE)
_PER_MINUTE = re.compile(r"per[_ -]?(?:minute|second)", re.IGNORECASE)
_RETRY = re.compile(r"\bretry\b|\btry again\b", re.IGNORECASE)
_DURATION = re.compile(r"(\d+(?:\.\d+)?) ?(h|m|s)(?:(?:ou)?rs?|in(?:ute)?s?|ec(?:ond)?s?)?(?![a-z])", re.IGNORECASE)
#: Only durations that follow one another: a later one in the same message is no wait ("limits every 3 hours").
_WAIT = re.compile(
    rf"(?:retry|reset|try again)\w*\s+(?:in|after)\W{{0,3}}((?:{_DURATION.pattern}(?:,? (?:and )?)?)+)", re.IGNORECASE
)
_UNITS = {"h": 3600.0, "m": 60.0, "s": 1.0}


@dataclass(frozen=True)
class _Reading:
    """What a reason means: a code, and a remedy of its own unless it is empty."""

    code: Code
    remedy: str = ""


_RESTRICTIONS = "in the Google Cloud console under Credentials"

#: By google.api.ErrorReason, or by the names that ``_STATUS_REASONS`` and ``_SAID`` give.
_REASONS = {
    "ACCOUNT_LIMITED": _Reading(
        Code.API_KEY,
        "Google has limited the key's account for violations of its Prohibited Use Policy: appeal to Google, or set "
        "GEMINI_API_KEY to a key of another account",
    ),
    "API_KEY_INVALID": _Reading(Code.API_KEY),
    "API_KEY_SERVICE_BLOCKED": _Reading(
        Code.API_KEY,
        f"Add the Generative Language API to the key's API restrictions, {_RESTRICTIONS}, or set GEMINI_API_KEY to "
        "a key without restrictions",
    ),
    "APPLICATION_BLOCKED": _Reading(
        Code.API_KEY,
        f"Add this machine to the key's application restrictions, {_RESTRICTIONS}, or set GEMINI_API_KEY to a key "
        "without restrictions",
    ),
    "BILLING_DISABLED": _Reading(Code.BILLING),
    "CONSUMER_SUSPENDED": _Reading(
        Code.API_KEY, "Google has suspended the key's project: set GEMINI_API_KEY to a key of another project"
    ),
    "NO_QUOTA": _Reading(
        Code.BILLING,
        "Enable billing for the key's project, or choose a model that its plan includes; waiting does not help; "
        "once billing is enabled, run assetgen resume",
    ),
    "PAYMENT_REQUIRED": _Reading(
        Code.BILLING, "Enable billing for the key's project, or add credit to its account; then run assetgen resume"
    ),
    "REDIRECT": _Reading(
        Code.CONFIGURATION,
        "Set GOOGLE_GEMINI_BASE_URL to the address that it redirects to; if that is a page to sign in, sign in or ask "
        "who runs the network",
    ),
    "SERVICE_DISABLED": _Reading(
        Code.API_KEY, "Enable the Generative Language API in the key's project, then wait a few minutes"
    ),
    "TOO_LARGE": _Reading(Code.REQUEST_TOO_LARGE),
    "UNSUPPORTED_LOCATION": _Reading(Code.LOCATION),
    WEB_PAGE: _Reading(
        Code.CONFIGURATION,
        "Something between this machine and the API answers in its place: sign in to the network or proxy, or correct "
        "GOOGLE_GEMINI_BASE_URL and HTTPS_PROXY",
    ),
}
_REASONS |= dict.fromkeys(
    (
        "API_KEY_ANDROID_APP_BLOCKED",
        "API_KEY_HTTP_REFERRER_BLOCKED",
        "API_KEY_IOS_APP_BLOCKED",
        "API_KEY_IP_ADDRESS_BLOCKED",
    ),
    _REASONS["APPLICATION_BLOCKED"],
)

#: Reasons that the HTTP status is enough for.
_STATUS_REASONS = {
    402: "PAYMENT_REQUIRED",
    407: WEB_PAGE,
    413: "TOO_LARGE",
    451: "UNSUPPORTED_LOCATION",
    511: WEB_PAGE,
} | dict.fromkeys(range(300, 400), "REDIRECT")

#: Reasons by the words of answers without an ErrorInfo, which gateways drop; the first that fits.
_SAID = (
    (re.compile(r"has not been used in project|\bit is disabled", re.IGNORECASE), "SERVICE_DISABLED"),
    (re.compile(r"requests to this API\b.*\bblocked", re.IGNORECASE), "API_KEY_SERVICE_BLOCKED"),
    (re.compile(r"payload size exceeds|(?:request|payload)\b.*\btoo large", re.IGNORECASE), "TOO_LARGE"),
    (_SPENT, "BILLING_DISABLED"),
    (
        re.compile(
            r"\b(?:location|country|region|territory) is not (?:supported|available)"
            r"|not (?:supported|available) in your (?:location|country|region|territory)",
            re.IGNORECASE,
        ),
        "UNSUPPORTED_LOCATION",
    ),
    (re.compile(r"\bapi key\b", re.IGNORECASE), "API_KEY_INVALID"),
)

#: Remedies of a rejected request, by what the API's message names.
_REJECTED = {
    "aspect": "Change GEMINI_ASPECT_RATIO, or the aspect_ratio of this picture or its channel",
    "thinking level": "Change GEMINI_THINKING_LEVEL, or remove it",
}


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
    if _ACCOUNT_LIMITED in {failure.block_reason, failure.finish_reason}:
        return _as_read("ACCOUNT_LIMITED", cause)
    # A blocked prompt stays blocked, whatever the reason.
    if failure.block_reason or failure.finish_reason in REFUSALS:
        return Failure(Code.REFUSED, cause)
    return Failure(Code.NO_IMAGE, cause, max_retries=MAX_RETRIES)


def _read_status(failure: ScriptFailure, cause: str, *, model: str, setting: str) -> Failure:
    status = _status_of(failure)
    if status == 429:
        return _too_many(failure, cause)
    if status in _NO_ANSWER and failure.api_status not in _HTTP_STATUS:
        return lost(cause)  # not the API's own answer: it may be drawing still
    reason = _reason_of(failure, status)
    if reason is None and (status in _PASSING or status >= 500):
        return Failure(
            Code.API_ERROR,
            cause,
            max_retries=MAX_RETRIES,
            retry_after_seconds=_wait_of(failure),
            unavailable=status == 503,
        )
    if reason is not None:
        return _as_read(reason, cause)
    if status == 404:
        return Failure(Code.MODEL_NOT_FOUND, cause, _another_model(model, setting))
    if status in (401, 403):
        return Failure(Code.API_KEY, cause)
    again = _RETRY.search(failure.message) is not None
    if failure.api_status == "FAILED_PRECONDITION" and not again:
        return Failure(Code.BILLING, cause)
    if status < 400:  # an error without a status of its own
        return Failure(Code.API_ERROR, cause, max_retries=1)
    remedy = next((remedy for named, remedy in _REJECTED.items() if named in cause.casefold()), "")
    # "Please retry with other thinking level" is no passing refusal.
    return Failure(Code.REJECTED, cause, remedy, max_retries=int(again and not remedy))


def _another_model(model: str, setting: str) -> str:
    end = retirement_of(model)
    such_as = f", such as {end.replacement}" if end is not None and end.replacement else ""
    return f"Set {setting} (now {model!r}) to a model that this key may use{such_as}"


def _status_of(failure: ScriptFailure) -> int:
    """Returns the HTTP status; an error inside a 200 may have only the API's name for it."""
    status = failure.http_status or 0
    return status if status >= 300 else _HTTP_STATUS.get(failure.api_status or "", status)


def _reason_of(failure: ScriptFailure, status: int) -> str | None:
    """Returns a key of ``_REASONS``, or None."""
    if status in _STATUS_REASONS:
        return _STATUS_REASONS[status]
    if status in _PASSING or status >= 500:
        return None
    if failure.reason in _REASONS:
        return failure.reason
    return next((reason for pattern, reason in _SAID if pattern.search(failure.message)), None)


def _as_read(reason: str, cause: str) -> Failure:
    return Failure(_REASONS[reason].code, cause, _REASONS[reason].remedy)


def _too_many(failure: ScriptFailure, cause: str) -> Failure:
    quotas = " ".join(failure.quota_ids)
    # A quota of nothing is called used up as well, often one a day beside one a minute.
    if failure.no_quota or NO_QUOTA.search(f"{failure.message} {quotas}"):
        return _as_read("NO_QUOTA", cause)
    wait = _wait_of(failure)
    per_day = _PER_DAY.search(quotas) or (not _PER_MINUTE.search(quotas) and _PER_DAY.search(failure.message))
    if per_day or (wait is not None and wait >= _LONG_SECONDS):
        return Failure(Code.DAILY_QUOTA, cause, retry_after_seconds=wait)
    # An ordinary rate limit also mentions billing ("check your plan and billing details").
    rate_limit = re.search(r"check your plan and billing", failure.message, re.IGNORECASE)
    if _SPENT.search(failure.message) and not rate_limit:
        return Failure(Code.BILLING, cause)
    return Failure(Code.RATE_LIMITED, cause, max_retries=MAX_RETRIES, retry_after_seconds=wait, slows_project=True)


def _wait_of(failure: ScriptFailure) -> float | None:
    """Returns the wait that the API asked for, if need be in words ("will reset after 5h59m")."""
    if failure.retry_after_seconds is not None:
        return failure.retry_after_seconds
    said = _WAIT.search(failure.message)
    parts = _DURATION.findall(said[1]) if said else []
    return sum(float(number) * _UNITS[unit.lower()] for number, unit in parts) if parts else None
