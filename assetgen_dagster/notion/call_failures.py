"""Why a call to Notion failed, and whether and when to retry it: pure functions.

Failures are classified here once; all other code acts on ``FailureKind``.
"""

import json
import ssl
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

import httpx
from notion_client.errors import HTTPResponseError, RequestTimeoutError

from assetgen_dagster.support.http import AnswerTooLongError, retry_after
from assetgen_dagster.support.jitter import jittered
from assetgen_dagster.support.redact import redact

#: Waits between attempts at a call, in seconds, if Notion asks for none; the last one repeats until the deadline.
CALL_RETRY_SECONDS = (0.5, 1.0, 2.0, 4.0, 8.0)

#: The longest wait that Notion may ask for. Its own are below a minute; a longer one is a fault of something between.
LONGEST_WAIT_SECONDS = 600.0

_CAUSE_CHARACTERS = 400
_BLOCKED = "public_api_request_blocked"


class FailureKind(StrEnum):
    """What happens next; see ``CallFailure``."""

    BUSY = "busy"
    CONFLICT = "conflict"
    FAILED = "failed"
    UNREACHABLE = "unreachable"
    BLOCKED = "blocked"
    TOKEN = "token"  # noqa: S105 - not a token, but that it is wrong
    FORBIDDEN = "forbidden"
    FULL = "full"
    MISSING = "missing"
    INVALID = "invalid"
    ENDPOINT = "endpoint"


_TRANSIENT = frozenset({FailureKind.BUSY, FailureKind.CONFLICT, FailureKind.FAILED, FailureKind.UNREACHABLE})


@dataclass(frozen=True)
class CallFailure:
    """Why a call failed.

    Attributes:
        kind: Decides what happens next.
        cause: What happened, in Notion's words if it gave any; bounded, without secrets.
        retry_after_seconds: The wait that Notion asked for, at most ``LONGEST_WAIT_SECONDS``.
    """

    kind: FailureKind
    cause: str
    retry_after_seconds: float | None = None

    @property
    def transient(self) -> bool:
        """Whether a retry may succeed."""
        return self.kind in _TRANSIENT

    @property
    def maybe_saved(self) -> bool:
        """Whether a write may have been saved although no answer confirms it."""
        return self.kind is FailureKind.FAILED

    @property
    def bad_cursor(self) -> bool:
        """Whether the next page of a result is lost, because its first row is gone."""
        return self.kind is FailureKind.INVALID and "start_cursor" in self.cause


class UnexpectedAnswerError(Exception):
    """A 200 that holds something other than what was asked for."""


def classify(error: Exception, *, now: float) -> CallFailure | None:
    """Returns why a call failed; None if neither Notion nor the network caused it.

    Args:
        error: What the client library raised.
        now: Unix time, for a Retry-After that names a date.
    """
    match error:
        case HTTPResponseError():
            return _classify_answer(error, now=now)
        case RequestTimeoutError():
            return CallFailure(FailureKind.FAILED, "it did not answer in time")
        case UnexpectedAnswerError():
            return CallFailure(FailureKind.FAILED, _bounded(str(error)))
        case AnswerTooLongError():
            return CallFailure(FailureKind.FAILED, _bounded(str(error)))
        case json.JSONDecodeError():
            page = "<html" in error.doc[:2000].lower() or error.doc.lstrip()[:1] == "<"
            return CallFailure(FailureKind.FAILED, "it answered with a web page" if page else "its answer is not JSON")
        case UnicodeDecodeError():
            return CallFailure(FailureKind.FAILED, "its answer is not text")
        case ValueError() | RecursionError():  # a number of thousands of digits, or brackets in brackets
            return CallFailure(FailureKind.FAILED, "its answer cannot be read")
        case httpx.ConnectError() if _certificate(error):
            return CallFailure(FailureKind.ENDPOINT, _bounded(f"its certificate is not accepted: {error}"))
        case httpx.ConnectError() | httpx.ProxyError():
            return CallFailure(FailureKind.UNREACHABLE, _bounded(f"no connection: {error}"))
        case httpx.UnsupportedProtocol():
            return CallFailure(FailureKind.ENDPOINT, _bounded(str(error)))
        case httpx.TransportError() | httpx.DecodingError():
            return CallFailure(FailureKind.FAILED, _bounded(f"the connection broke: {error}"))
    return None


def call_retry_wait(failure: CallFailure, *, retries: int, left_seconds: float, random: float) -> float | None:
    """Returns the seconds to wait before the next attempt; None to give up.

    Args:
        failure: Why the last attempt failed.
        retries: Number of retries so far.
        left_seconds: Time left until the call's deadline.
        random: Between 0 and 1.
    """
    if not failure.transient:
        return None
    usual = CALL_RETRY_SECONDS[min(retries, len(CALL_RETRY_SECONDS) - 1)]
    wait = jittered(max(usual, failure.retry_after_seconds or 0.0), random)
    return wait if wait < left_seconds else None


def _classify_answer(error: HTTPResponseError, *, now: float) -> CallFailure:
    body = _json_object(error.body)
    message = body.get("message")
    cause = _bounded(f"HTTP {error.status}: {message or body.get('code') or 'no reason given'}")
    status, asked = error.status, retry_after(error.headers.get("retry-after"), now=now)
    wait = None if asked is None else min(asked, LONGEST_WAIT_SECONDS)
    if 300 <= status < 400:
        return CallFailure(FailureKind.ENDPOINT, cause)
    details = body.get("additional_data")
    details = details if isinstance(details, Mapping) else {}
    if status in (429, 529):
        reasons = [body.get("code"), details.get("rate_limit_reason")]
        return CallFailure(FailureKind.BLOCKED if _BLOCKED in reasons else FailureKind.BUSY, cause, wait)
    if status == 409:
        return CallFailure(FailureKind.CONFLICT, cause, wait)
    # What is not JSON comes from something between us and Notion, whatever its status.
    if status >= 500 or status == 408 or not body:
        what = cause if body else f"HTTP {status} with {'a web page' if '<' in error.body[:200] else 'no JSON'}"
        return CallFailure(FailureKind.FAILED, what, wait)
    if status == 403 and details.get("block_limit"):
        return CallFailure(FailureKind.FULL, cause)
    kinds = {401: FailureKind.TOKEN, 403: FailureKind.FORBIDDEN, 404: FailureKind.MISSING}
    return CallFailure(kinds.get(status, FailureKind.INVALID), cause)


def _certificate(error: httpx.ConnectError) -> bool:
    return isinstance(error.__cause__, ssl.SSLCertVerificationError) or "CERTIFICATE_VERIFY_FAILED" in str(error)


def _json_object(text: str) -> dict[str, Any]:
    try:
        parsed = json.loads(text)
    except (ValueError, RecursionError):
        return {}
    return parsed if isinstance(parsed, dict) else {}


def _bounded(text: str) -> str:
    text = redact(" ".join(text.split()))
    return text if len(text) <= _CAUSE_CHARACTERS else f"{text[: _CAUSE_CHARACTERS - 1]}…"
