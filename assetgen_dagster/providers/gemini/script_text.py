"""Reads Gemini's errors from plain text output, for scripts that print no JSON report (``script_report``)."""

import re

from assetgen_dagster.providers.gemini.errors import REFUSALS
from assetgen_dagster.providers.script_report import ScriptFailure

_KEY = re.compile(
    r"API_KEY_INVALID|API key not valid|API_KEY.{0,40}(?:not set|missing|not found|required)|no api key", re.IGNORECASE
)
_STATUS_OF_WORD = {
    "RESOURCE_EXHAUSTED": 429,
    "RESOURCEEXHAUSTED": 429,
    "TOO MANY REQUESTS": 429,
    "UNAUTHENTICATED": 401,
    "PERMISSION_DENIED": 403,
    "PERMISSIONDENIED": 403,
    "NOT_FOUND": 404,
    "INVALID_ARGUMENT": 400,
    "INVALIDARGUMENT": 400,
    "FAILED_PRECONDITION": 400,
    "SERVICEUNAVAILABLE": 503,
    "UNAVAILABLE": 503,
    "DEADLINE_EXCEEDED": 504,
    "DEADLINEEXCEEDED": 504,
    "INTERNALSERVERERROR": 500,
}
# A number counts as a status only after such a word: tracebacks are full of line numbers.
_STATUS = re.compile(
    r"(?:\bHTTP(?:/\d(?:\.\d)?)?|\bstatus(?:[_ ]code)?|\berror|\bcode|[a-z.](?:Error|Exhausted|Unavailable|Argument"
    r"|Exceeded|NotFound|Denied|Exception))[\"'\s:=(]{1,4}(4\d\d|5\d\d)\b",
    re.IGNORECASE,
)
_STATUS_WORD = re.compile(r"\b(?:" + "|".join(_STATUS_OF_WORD) + r")\b", re.IGNORECASE)
_RETRY_DELAY = re.compile(
    r"(?:retry_?delay\W{1,8}(?:seconds\W{1,3})?|retry[- ]after\W{1,3}|retry in )(\d+(?:\.\d+)?)", re.IGNORECASE
)
_QUOTA = re.compile(r"\w*PerDay\w*", re.IGNORECASE)
_REFUSAL = re.compile(r"\b(?:" + "|".join(sorted(REFUSALS)) + r")\b|blocked (?:by|for|due to) safety", re.IGNORECASE)
_NETWORK = re.compile(
    r"connection (?:was )?(?:reset|refused|aborted|error)|ConnectionError|ConnectError|RemoteDisconnected"
    r"|name resolution|Name or service not known|Max retries exceeded|SSLError|EOF occurred|network is unreachable",
    re.IGNORECASE,
)
_READ_TIMEOUT = re.compile(r"ReadTimeout|timed out|IncompleteRead|TimeoutError", re.IGNORECASE)
_NO_IMAGE = re.compile(r"\bNO_IMAGE\b|\bno image\b|without (?:an )?image|IMAGE_OTHER", re.IGNORECASE)


def read_text(text: str, cause: str) -> ScriptFailure | None:
    """Returns the API's error in a script's output, with ``cause`` as its message, or None if there is none."""
    if _KEY.search(text):
        return ScriptFailure(kind="http", message=cause, http_status=401)
    status, word = _STATUS.search(text), _STATUS_WORD.search(text)
    if status or word:
        named = word.group().upper() if word else ""
        delay = _RETRY_DELAY.search(text)
        return ScriptFailure(
            kind="http",
            message=cause,
            http_status=int(status.group(1)) if status else _STATUS_OF_WORD[named],
            api_status=named or None,
            retry_after_seconds=float(delay.group(1)) if delay else None,
            quota_ids=tuple(_QUOTA.findall(text)),
        )
    if refusal := _REFUSAL.search(text):
        return ScriptFailure(kind="no_image", message=cause, block_reason=refusal.group().upper())
    if _NETWORK.search(text):
        return ScriptFailure(kind="network", message=cause)
    if _READ_TIMEOUT.search(text):
        return ScriptFailure(kind="lost_answer", message=cause)
    if _NO_IMAGE.search(text):
        return ScriptFailure(kind="no_image", message=cause)
    return None
