"""Access to the Gemini API over HTTP: endpoint, key, and error responses.

The script that draws does not use this module: it is a program of its own.
"""

import re
from typing import Any

import httpx

from assetgen_dagster.errors import Code
from assetgen_dagster.providers.failures import Failure
from assetgen_dagster.providers.gemini.errors import missing_key
from assetgen_dagster.providers.script_report import ScriptFailure
from assetgen_dagster.settings import Settings

PUBLIC_API = "https://generativelanguage.googleapis.com"

NO_ADDRESS = ScriptFailure(
    kind="configuration", message="GOOGLE_GEMINI_BASE_URL is no web address such as https://host."
)

_LOOPBACK = ("127.0.0.1", "localhost", "::1")
_CAUSE_CHARACTERS = 300


def api_key(settings: Settings) -> str | Failure:
    """Returns the key, or a failure if it is missing or malformed."""
    if settings.gemini_api_key is None:
        return missing_key()
    key = settings.gemini_api_key.get_secret_value().strip()
    # Other characters in a header raise an error whose message contains the key.
    if not re.fullmatch(r"[!-~]+", key):
        cause = "GEMINI_API_KEY contains a character that no key has, such as a space"
        return Failure(Code.API_KEY, cause, "Copy the key again")
    return key


def account_of(settings: Settings) -> str:
    """Returns the owner of Google's request limits: the key, or a script with a key of its own."""
    return settings.gemini_api_key.get_secret_value() if settings.gemini_api_key else str(settings.script)


def credentials(settings: Settings) -> tuple[str, str]:
    """Returns key and endpoint from the settings; empty strings if not set."""
    key = settings.gemini_api_key.get_secret_value() if settings.gemini_api_key else ""
    return key, settings.google_gemini_base_url or ""


def api_base(settings: Settings) -> str:
    """Returns the endpoint, without the version."""
    return (settings.google_gemini_base_url or PUBLIC_API).rstrip("/").removesuffix("/v1beta")


def host_of(url: str) -> str:
    """Returns the host of a URL; empty if it is not a URL."""
    try:
        return httpx.URL(url).host
    except (httpx.InvalidURL, UnicodeError):
        return ""


def uses_proxies(url: str) -> bool:
    """Returns whether the environment's proxies apply to a URL: not to addresses of this machine."""
    return host_of(url) not in _LOOPBACK


def read_api_error(answer: httpx.Response) -> ScriptFailure:
    """Returns the failure in an error response of the API.

    A response of something between us and the API (a proxy) says nothing about key or model, whatever its status.
    """
    body = json_object(answer)
    error = body.get("error") if body is not None else None
    if not isinstance(error, dict) or answer.is_redirect:
        return non_api_failure(answer)
    details = [one for one in error.get("details") or () if isinstance(one, dict)]
    text = " ".join(str(error.get("message") or "no reason given").split())[:_CAUSE_CHARACTERS]
    violations = [one for detail in details for one in detail.get("violations") or () if isinstance(one, dict)]
    return ScriptFailure(
        kind="http",
        message=f"Gemini answered HTTP {answer.status_code}: {text}",
        http_status=answer.status_code,
        api_status=str(error["status"]) if error.get("status") else None,
        reason=next((str(detail["reason"]) for detail in details if detail.get("reason")), None),
        retry_after_seconds=_retry_after(answer, details),
        quota_ids=tuple(str(one["quotaId"]) for one in violations if one.get("quotaId")),
    )


def non_api_failure(answer: httpx.Response) -> ScriptFailure:
    """Returns the failure of a response that does not come from the API."""
    text = f"GOOGLE_GEMINI_BASE_URL leads to no Gemini API: HTTP {answer.status_code} without its JSON."
    return ScriptFailure(kind="network" if answer.is_server_error else "configuration", message=text)


def json_object(answer: httpx.Response) -> dict[str, Any] | None:
    """Returns the JSON object in a response, or None."""
    try:
        body = answer.json()
    except ValueError:
        return None
    return body if isinstance(body, dict) else None


def _retry_after(answer: httpx.Response, details: list[dict[str, Any]]) -> float | None:
    """Returns the seconds that the API asks us to wait; RetryInfo is more precise than the header."""
    delays = [str(detail["retryDelay"]).removesuffix("s") for detail in details if detail.get("retryDelay")]
    for delay in (*delays, answer.headers.get("retry-after", "")):
        try:
            return max(0.0, float(delay))
        except ValueError:
            continue
    return None
