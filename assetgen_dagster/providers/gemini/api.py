"""Access to the Gemini API over HTTP: endpoint, key, and error responses.

The script that draws does not use this module: it is a program of its own.
"""

import re
import ssl
import time
from typing import Any

import httpx

from assetgen_dagster.errors import Code
from assetgen_dagster.providers.failures import Failure
from assetgen_dagster.providers.gemini.errors import missing_key
from assetgen_dagster.providers.script_report import PROXY_REFUSED, UNTRUSTED_CERTIFICATE, WEB_PAGE, ScriptFailure
from assetgen_dagster.settings import Settings
from assetgen_dagster.support.http import retry_after
from assetgen_dagster.support.redact import redact

PUBLIC_API = "https://generativelanguage.googleapis.com"

NO_ADDRESS = ScriptFailure(
    kind="configuration", message="GOOGLE_GEMINI_BASE_URL is no web address such as https://host."
)

#: The longest answer to a free request, and to a question for a text.
FREE_BYTES, TEXT_BYTES = 4 << 20, 16 << 20

_CAUSE_CHARACTERS = 1000
#: How much of a page is searched for words: tags without an end take a time that grows with its square.
_PAGE_CHARACTERS = 10_000
_MARKUP = re.compile(r"<(script|style)\b.*?</\1>|<[^>]*>", re.IGNORECASE | re.DOTALL)


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


def read_failure(answer: httpx.Response) -> ScriptFailure | None:
    """Returns the failure in a response, or None if it is an answer of the API; some gateways send errors as HTTP 200.

    A response of something between us and the API (a proxy) says nothing about key or model, whatever its status.
    """
    body = json_object(answer)
    error = body.get("error") if body is not None else None
    error = {"message": error} if isinstance(error, str) and error else error
    if answer.is_success and body is not None and (not isinstance(error, dict) or body.get("candidates")):
        return None
    if not isinstance(error, dict) or answer.is_redirect:
        return _non_api_failure(answer)
    details = _dicts(error.get("details"))
    text = " ".join(str(error.get("message") or "no reason given").split())[:_CAUSE_CHARACTERS]
    violations = [one for detail in details for one in _dicts(detail.get("violations"))]
    metadata = [found for detail in details if isinstance(found := detail.get("metadata"), dict)]
    quotas = [one.get("quotaId") or one.get("quotaMetric") or one.get("description") for one in violations]
    quotas += [one.get("quota_limit") or one.get("quota_metric") for one in metadata]
    limits = [one.get("quotaValue") for one in violations] + [one.get("quota_limit_value") for one in metadata]
    status = _error_status(answer.status_code, error.get("code"))
    return ScriptFailure(
        kind="http",
        message=f"Gemini answered HTTP {status}: {text}",
        http_status=status,
        api_status=str(error["status"]) if error.get("status") else None,
        reason=next((str(detail["reason"]) for detail in details if detail.get("reason")), None),
        retry_after_seconds=_retry_after(answer, details),
        quota_ids=tuple(str(quota) for quota in quotas if quota),
        no_quota="0" in map(str, limits),
    )


def read_connection_failure(error: httpx.HTTPError, host: str) -> ScriptFailure:
    """Returns the failure of a request that could not be sent, or got no whole answer."""
    said = redact(" ".join(str(error).split()))[:_CAUSE_CHARACTERS] or type(error).__name__
    if _is_untrusted(error):
        text = f"The certificate of {host} is not trusted: {said}"
        return ScriptFailure(kind="configuration", message=text, reason=UNTRUSTED_CERTIFICATE)
    if isinstance(error, httpx.ProxyError) and re.match(r"4\d\d\b", said):
        text = f"The proxy does not connect to {host}: {said}"
        return ScriptFailure(kind="configuration", message=text, reason=PROXY_REFUSED)
    match error:
        case (
            httpx.ConnectError()
            | httpx.ConnectTimeout()
            | httpx.PoolTimeout()
            | httpx.ProxyError()
            | httpx.WriteError()
            | httpx.WriteTimeout()
        ):
            return ScriptFailure(kind="network", message=f"{host} cannot be reached: {said}")
    return ScriptFailure(kind="lost_answer", message=f"the answer did not arrive whole: {said}")


def json_object(answer: httpx.Response) -> dict[str, Any] | None:
    """Returns the JSON object in a response, or None; of a list, which streams and batches are, the first."""
    try:
        body = answer.json()
    except (ValueError, RecursionError):
        return None
    body = body[0] if isinstance(body, list) and body else body
    return body if isinstance(body, dict) else None


def _non_api_failure(answer: httpx.Response) -> ScriptFailure:
    shown = answer.text[:_PAGE_CHARACTERS]
    page = shown.lstrip().startswith("<")
    words = " ".join(_MARKUP.sub(" ", shown).split())[:_CAUSE_CHARACTERS]
    status = answer.status_code
    text = f"GOOGLE_GEMINI_BASE_URL leads to no Gemini API: HTTP {status} without its JSON: {words or 'no text'}"
    if answer.is_success and not page:
        return ScriptFailure(kind="lost_answer", message=text)
    return ScriptFailure(kind="http", message=text, http_status=status, reason=WEB_PAGE)


def _error_status(answered: int, code: Any) -> int:
    """Returns the status of an error: inside a 200 it has one of its own."""
    if answered >= 300:
        return answered
    return int(code) if str(code).isdigit() and 400 <= int(code) < 600 else answered


def _is_untrusted(error: BaseException | None) -> bool:
    while error is not None and not isinstance(error, ssl.SSLCertVerificationError):
        error = error.__cause__ or error.__context__
    return error is not None


def _dicts(value: Any) -> list[dict[str, Any]]:
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []


def _retry_after(answer: httpx.Response, details: list[dict[str, Any]]) -> float | None:
    """Returns the seconds that the API asks us to wait; RetryInfo is more precise than the header."""
    delays = [str(detail["retryDelay"]).removesuffix("s") for detail in details if detail.get("retryDelay")]
    read = (retry_after(delay, now=time.time()) for delay in (*delays, answer.headers.get("retry-after")))
    return next((seconds for seconds in read if seconds is not None), None)
