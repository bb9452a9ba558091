"""Checks key and model with requests that draw nothing and cost nothing.

``GET v1beta/models/{model}`` tells of key and model. It also answers 200 where every call is refused: a model that is
kept for earlier users, a key without billing. So the doctor also sends a call that the API must reject: an empty
prompt, and an aspect ratio that no model draws. Whether billing and access are checked before that is not published.
"""

import queue
import threading
from dataclasses import replace
from typing import Any
from urllib.parse import quote

import httpx

from assetgen_dagster.errors import Code
from assetgen_dagster.providers.failures import Failure
from assetgen_dagster.providers.gemini.api import (
    FREE_BYTES,
    NO_ADDRESS,
    api_base,
    api_key,
    host_of,
    json_object,
    read_connection_failure,
    read_failure,
)
from assetgen_dagster.providers.gemini.errors import classify_api_failure
from assetgen_dagster.providers.script_report import ScriptFailure
from assetgen_dagster.settings import Settings
from assetgen_dagster.support.http import NetworkSettingError, open_client

_UNDRAWABLE = {
    "contents": [{"role": "user", "parts": [{"text": ""}]}],
    "generationConfig": {"imageConfig": {"aspectRatio": "0:0"}},
}


def check_model(settings: Settings, model: str, *, setting: str, seconds: float, calls: bool = False) -> Failure | None:
    """Returns a failure of key, endpoint or model, or None.

    Args:
        settings: With key and endpoint.
        model: The model.
        setting: The variable that names it, for messages.
        seconds: Time limit of the whole check, including name resolution and a slowly streamed response.
        calls: Whether to send a call as well that the API must reject.
    """
    key = api_key(settings)
    if isinstance(key, Failure):
        return key
    model = model.removeprefix("models/")
    url = f"{api_base(settings)}/v1beta/models/{quote(model, safe='')}"
    found: queue.SimpleQueue[Failure | None] = queue.SimpleQueue()

    def classified(failure: ScriptFailure | None) -> Failure | None:
        if failure is None:
            return None
        read = classify_api_failure(failure, model=model, setting=setting)
        return Failure(Code.NETWORK, read.cause) if read.possibly_billed else read  # these requests cost nothing

    def ask() -> None:
        failure = classified(_look_up(url, key, seconds))
        if failure is not None and failure.code is Code.REJECTED:  # its remedy is to edit the prompt
            failure = replace(failure, remedy=f"Check {setting}, and GOOGLE_GEMINI_BASE_URL if it is set")
        if failure is None and calls:
            refused = classified(_call(url, key, seconds))
            failure = None if refused is not None and refused.code is Code.REJECTED else refused
        found.put(failure)

    threading.Thread(target=ask, name="ask-gemini", daemon=True).start()
    try:
        return found.get(timeout=seconds)
    except queue.Empty:
        return classified(ScriptFailure(kind="network", message=f"No answer within {seconds:g} s"))


def _look_up(url: str, key: str, seconds: float) -> ScriptFailure | None:
    """Asks what the model is; returns a failure in the format of a script's report, or None."""
    answer = _send("GET", url, key, seconds)
    if isinstance(answer, ScriptFailure):
        return answer
    methods = (json_object(answer) or {}).get("supportedGenerationMethods")
    if isinstance(methods, list) and "generateContent" not in methods:
        return ScriptFailure(kind="http", http_status=404, message="This model cannot generate content.")
    return None


def _call(url: str, key: str, seconds: float) -> ScriptFailure | None:
    """Sends a call that the API must reject; returns the failure, or None if something else accepted it."""
    answer = _send("POST", f"{url}:generateContent", key, seconds, json=_UNDRAWABLE)
    return answer if isinstance(answer, ScriptFailure) else None


def _send(method: str, url: str, key: str, seconds: float, **more: Any) -> httpx.Response | ScriptFailure:
    host = host_of(url)
    if not host:
        return NO_ADDRESS
    try:
        with open_client(url, seconds=seconds, most_bytes=FREE_BYTES) as http:
            answer = http.request(method, url, headers={"x-goog-api-key": key}, **more)
    except NetworkSettingError as error:
        return ScriptFailure(kind="configuration", message=error.message)
    except (httpx.InvalidURL, httpx.UnsupportedProtocol, UnicodeError):
        return NO_ADDRESS
    except httpx.HTTPError as error:
        return read_connection_failure(error, host)
    return read_failure(answer) or answer
