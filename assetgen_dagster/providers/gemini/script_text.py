"""Reads Gemini's errors from plain text output, for scripts that print no JSON report (``script_report``)."""

import re

from assetgen_dagster.providers.gemini.errors import NO_QUOTA, REFUSALS
from assetgen_dagster.providers.script_report import PROXY_REFUSED, UNTRUSTED_CERTIFICATE, ScriptFailure

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
_QUOTA = re.compile(r"\w*Per_?(?:Day|Minute)\w*|per day|\bdaily\b", re.IGNORECASE)
#: As Google names the reasons of errors (google.api.ErrorReason).
_REASON = re.compile(r"\b(?:SERVICE_DISABLED|BILLING_DISABLED|CONSUMER_SUSPENDED|API_KEY_\w+_BLOCKED)\b")
_REFUSAL = re.compile(r"\b(?:" + "|".join(sorted(REFUSALS)) + r")\b|blocked (?:by|for|due to) safety", re.IGNORECASE)
_UNTRUSTED = re.compile(r"CERTIFICATE_VERIFY_FAILED|certificate verify failed", re.IGNORECASE)
_PROXY = re.compile(r"Tunnel connection failed: 4\d\d")
#: The request was not sent.
_UNSENT = re.compile(
    r"connection (?:was )?refused|ConnectError|ConnectTimeout|urlopen error|name resolution|Name or service not known"
    r"|Max retries exceeded|SSLError|network is unreachable",
    re.IGNORECASE,
)
#: It was, as far as these tell, and then the connection ended.
_LOST = re.compile(
    r"connection (?:was )?(?:reset|aborted|closed)|RemoteDisconnected|closed connection without|without sending a resp"
    r"|RemoteProtocolError|ReadError|ReadTimeout|timed out|IncompleteRead|TimeoutError",
    re.IGNORECASE,
)
_NETWORK = re.compile(r"connection error|ConnectionError|EOF occurred", re.IGNORECASE)
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
            reason=found.group() if (found := _REASON.search(text)) else None,
            retry_after_seconds=float(delay.group(1)) if delay else None,
            quota_ids=tuple(_QUOTA.findall(text)),
            no_quota=NO_QUOTA.search(text) is not None,
        )
    if refusal := _REFUSAL.search(text):
        return ScriptFailure(kind="no_image", message=cause, block_reason=refusal.group().upper())
    if _UNTRUSTED.search(text):
        return ScriptFailure(kind="configuration", message=cause, reason=UNTRUSTED_CERTIFICATE)
    if _PROXY.search(text):
        return ScriptFailure(kind="configuration", message=cause, reason=PROXY_REFUSED)
    for kind, pattern in (("network", _UNSENT), ("lost_answer", _LOST), ("network", _NETWORK)):
        if pattern.search(text):
            return ScriptFailure(kind=kind, message=cause)
    if _NO_IMAGE.search(text):
        return ScriptFailure(kind="no_image", message=cause)
    return None
