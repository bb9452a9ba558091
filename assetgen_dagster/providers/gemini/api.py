"""The Gemini API for those of us who speak HTTP to it: where it is, with which key, and what its refusals say.

The script that draws is a program of its own and has these things of its own.
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
    """Returns the key, or why there is none that could be sent."""
    if settings.gemini_api_key is None:
        return missing_key()
    key = settings.gemini_api_key.get_secret_value().strip()
    # In a header anything else raises an error that shows it.
    if not re.fullmatch(r"[!-~]+", key):
        cause = "GEMINI_API_KEY holds a character that no key has, such as a space"
        return Failure(Code.API_KEY, cause, "Copy the key again")
    return key


def account_of(settings: Settings) -> str:
    """Returns what Google counts requests for: the key, or the script that has one of its own."""
    return settings.gemini_api_key.get_secret_value() if settings.gemini_api_key else str(settings.script)


def credentials(settings: Settings) -> tuple[str, str]:
    """Returns key and endpoint as they are set; empty where they are not."""
    key = settings.gemini_api_key.get_secret_value() if settings.gemini_api_key else ""
    return key, settings.google_gemini_base_url or ""


def api_base(settings: Settings) -> str:
    """Returns the endpoint, without the version."""
    return (settings.google_gemini_base_url or PUBLIC_API).rstrip("/").removesuffix("/v1beta")


def host_of(url: str) -> str:
    """Returns the host of an address; empty if it is none."""
    try:
        return httpx.URL(url).host
    except (httpx.InvalidURL, UnicodeError):
        return ""


def heeds_proxies(url: str) -> bool:
    """Returns whether the environment's proxies apply to an address: none can reach this machine's own."""
    return host_of(url) not in _LOOPBACK


def read_api_error(answer: httpx.Response) -> ScriptFailure:
    """Returns why the API did not do what was asked, from an answer that is no success.

    What something between us and the API says tells nothing about key or model, whatever its status.
    """
    body = json_object(answer)
    told = body.get("error") if body is not None else None
    if not isinstance(told, dict) or answer.is_redirect:
        return no_api(answer)
    details = [one for one in told.get("details") or () if isinstance(one, dict)]
    said = " ".join(str(told.get("message") or "no reason given").split())[:_CAUSE_CHARACTERS]
    violations = [one for detail in details for one in detail.get("violations") or () if isinstance(one, dict)]
    return ScriptFailure(
        kind="http",
        message=f"Gemini answered HTTP {answer.status_code}: {said}",
        http_status=answer.status_code,
        api_status=str(told["status"]) if told.get("status") else None,
        reason=next((str(detail["reason"]) for detail in details if detail.get("reason")), None),
        retry_after_seconds=_retry_after(answer, details),
        quota_ids=tuple(str(one["quotaId"]) for one in violations if one.get("quotaId")),
    )


def no_api(answer: httpx.Response) -> ScriptFailure:
    """Returns the failure behind an answer that is not the API's."""
    text = f"GOOGLE_GEMINI_BASE_URL leads to no Gemini API: HTTP {answer.status_code} without its JSON."
    return ScriptFailure(kind="network" if answer.is_server_error else "configuration", message=text)


def json_object(answer: httpx.Response) -> dict[str, Any] | None:
    """Returns an answer's JSON object; None where it holds none."""
    try:
        body = answer.json()
    except ValueError:
        return None
    return body if isinstance(body, dict) else None


def _retry_after(answer: httpx.Response, details: list[dict[str, Any]]) -> float | None:
    """Returns what the API asks us to wait, in seconds; RetryInfo is more exact than the header."""
    delays = [str(detail["retryDelay"]).removesuffix("s") for detail in details if detail.get("retryDelay")]
    for told in (*delays, answer.headers.get("retry-after", "")):
        try:
            return max(0.0, float(told))
        except ValueError:
            continue
    return None
