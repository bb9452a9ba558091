"""Why a call to Notion failed, classified once, and whether and when it is tried again: pure functions.

Everything after this acts on ``Kind`` alone.
"""

import json
import ssl
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC
from email.utils import parsedate_to_datetime
from enum import StrEnum
from typing import Any

import httpx
from notion_client.errors import HTTPResponseError, RequestTimeoutError

from assetgen_dagster.support.redact import redact

#: Waits between attempts, in seconds, where Notion asks for none; the last one repeats until the time is up.
BACKOFF_SECONDS = (0.5, 1.0, 2.0, 4.0, 8.0)

#: Waits are spread over this share of themselves, so that several processes do not come back all at once.
JITTER = 0.25

_CAUSE_CHARACTERS = 400
_BLOCKED = "public_api_request_blocked"


class Kind(StrEnum):
    """What happens next; see ``Trouble``."""

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


_PASSING = frozenset({Kind.BUSY, Kind.CONFLICT, Kind.FAILED, Kind.UNREACHABLE})


@dataclass(frozen=True)
class Trouble:
    """Why a call failed.

    Attributes:
        kind: Decides what happens next.
        cause: What happened, in Notion's words where it said something; bounded, without secrets.
        retry_after_seconds: What Notion asked us to wait.
    """

    kind: Kind
    cause: str
    retry_after_seconds: float | None = None

    @property
    def passing(self) -> bool:
        """Whether trying again may help."""
        return self.kind in _PASSING

    @property
    def maybe_saved(self) -> bool:
        """Whether a write may have been carried out although its answer says nothing of it."""
        return self.kind is Kind.FAILED

    @property
    def bad_cursor(self) -> bool:
        """Whether the next page of a result is not to be had, because its first row is gone."""
        return self.kind is Kind.INVALID and "start_cursor" in self.cause


class OddAnswerError(Exception):
    """A 200 that holds something else than was asked for."""


def classify(error: Exception, *, now: float) -> Trouble | None:
    """Returns what went wrong with a call, or None if it is no matter of Notion's or the network's.

    Args:
        error: What the client library raised.
        now: Unix time, for a Retry-After that names a date.
    """
    match error:
        case HTTPResponseError():
            return _classify_answer(error, now=now)
        case RequestTimeoutError():
            return Trouble(Kind.FAILED, "it did not answer in time")
        case OddAnswerError():
            return Trouble(Kind.FAILED, _bounded(str(error)))
        case json.JSONDecodeError():
            page = "<html" in error.doc[:2000].lower() or error.doc.lstrip()[:1] == "<"
            return Trouble(Kind.FAILED, "it answered with a web page" if page else "its answer is not JSON")
        case UnicodeDecodeError():
            return Trouble(Kind.FAILED, "its answer is not text")
        case httpx.ConnectError() if _certificate(error):
            return Trouble(Kind.ENDPOINT, _bounded(f"its certificate is not accepted: {error}"))
        case httpx.ConnectError() | httpx.ProxyError():
            return Trouble(Kind.UNREACHABLE, _bounded(f"no connection: {error}"))
        case httpx.UnsupportedProtocol():
            return Trouble(Kind.ENDPOINT, _bounded(str(error)))
        case httpx.TransportError() | httpx.DecodingError():
            return Trouble(Kind.FAILED, _bounded(f"the connection broke: {error}"))
    return None


def retry_wait(trouble: Trouble, *, retries: int, left_seconds: float, jitter: float) -> float | None:
    """Returns how many seconds to wait before the next attempt, or None if there is none.

    Args:
        trouble: Why the last attempt failed.
        retries: How many retries there were already.
        left_seconds: Until the call's time is up.
        jitter: Between 0 and 1, at random.
    """
    if not trouble.passing:
        return None
    usual = BACKOFF_SECONDS[min(retries, len(BACKOFF_SECONDS) - 1)]
    wait = max(usual, trouble.retry_after_seconds or 0.0) * (1 + JITTER * jitter)
    return wait if wait < left_seconds else None


def retry_after(value: str | None, *, now: float) -> float | None:
    """Returns the seconds that a Retry-After header asks for, in either of its forms; None where it says nothing."""
    if not value:
        return None
    if value.strip().isdecimal():
        return float(value)
    try:
        moment = parsedate_to_datetime(value)
    except ValueError:
        return None
    # "-0000" gives a time without zone, which is UTC all the same.
    return max(0.0, (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp() - now)


def _classify_answer(error: HTTPResponseError, *, now: float) -> Trouble:
    body = _json_object(error.body)
    message = body.get("message")
    cause = _bounded(f"HTTP {error.status}: {message or body.get('code') or 'no reason given'}")
    status, wait = error.status, retry_after(error.headers.get("retry-after"), now=now)
    if 300 <= status < 400:
        return Trouble(Kind.ENDPOINT, cause)
    details = body.get("additional_data")
    details = details if isinstance(details, Mapping) else {}
    if status in (429, 529):
        reasons = [body.get("code"), details.get("rate_limit_reason")]
        return Trouble(Kind.BLOCKED if _BLOCKED in reasons else Kind.BUSY, cause, wait)
    if status == 409:
        return Trouble(Kind.CONFLICT, cause, wait)
    # What is not JSON comes from something between us and Notion, whatever its status.
    if status >= 500 or status == 408 or not body:
        what = cause if body else f"HTTP {status} with {'a web page' if '<' in error.body[:200] else 'no JSON'}"
        return Trouble(Kind.FAILED, what, wait)
    if status == 403 and details.get("block_limit"):
        return Trouble(Kind.FULL, cause)
    kinds = {401: Kind.TOKEN, 403: Kind.FORBIDDEN, 404: Kind.MISSING}
    return Trouble(kinds.get(status, Kind.INVALID), cause)


def _certificate(error: httpx.ConnectError) -> bool:
    return isinstance(error.__cause__, ssl.SSLCertVerificationError) or "CERTIFICATE_VERIFY_FAILED" in str(error)


def _json_object(text: str) -> dict[str, Any]:
    try:
        parsed = json.loads(text)
    except ValueError:
        return {}
    return parsed if isinstance(parsed, dict) else {}


def _bounded(text: str) -> str:
    text = redact(" ".join(text.split()))
    return text if len(text) <= _CAUSE_CHARACTERS else f"{text[: _CAUSE_CHARACTERS - 1]}…"
