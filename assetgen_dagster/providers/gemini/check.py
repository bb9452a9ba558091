"""Checks key and model with ``GET v1beta/models/{model}``, which draws nothing and costs nothing."""

import queue
import threading
from dataclasses import replace
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


def check_model(settings: Settings, model: str, *, setting: str, seconds: float) -> Failure | None:
    """Returns a failure of key, endpoint or model, or None.

    Args:
        settings: With key and endpoint.
        model: The model.
        setting: The variable that names it, for messages.
        seconds: Time limit of the whole check, including name resolution and a slowly streamed response.
    """
    key = api_key(settings)
    if isinstance(key, Failure):
        return key
    model = model.removeprefix("models/")
    found: queue.SimpleQueue[ScriptFailure | None] = queue.SimpleQueue()

    def ask() -> None:
        found.put(_ask(api_base(settings), model, key, seconds))

    threading.Thread(target=ask, name="ask-gemini", daemon=True).start()
    try:
        failure = found.get(timeout=seconds)
    except queue.Empty:
        failure = ScriptFailure(kind="network", message=f"No answer within {seconds:g} s")
    if failure is None:
        return None
    classified = classify_api_failure(failure, model=model, setting=setting)
    if classified.possibly_billed:  # not a free question
        return Failure(Code.NETWORK, classified.cause)
    if classified.code is Code.REJECTED:  # its remedy is to edit the prompt, and there was no prompt
        return replace(classified, remedy=f"Check {setting}, and GOOGLE_GEMINI_BASE_URL if it is set")
    return classified


def _ask(base: str, model: str, key: str, seconds: float) -> ScriptFailure | None:
    """Asks the API; returns a failure in the format of a script's report, or None."""
    url = f"{base}/v1beta/models/{quote(model, safe='')}"
    host = host_of(url)
    if not host:
        return NO_ADDRESS
    try:
        with open_client(url, seconds=seconds, most_bytes=FREE_BYTES) as http:
            answer = http.get(url, headers={"x-goog-api-key": key})
    except NetworkSettingError as error:
        return ScriptFailure(kind="configuration", message=error.message)
    except (httpx.InvalidURL, httpx.UnsupportedProtocol, UnicodeError):
        return NO_ADDRESS
    except httpx.HTTPError as error:
        return read_connection_failure(error, host)
    if (failure := read_failure(answer)) is not None:
        return failure
    methods = (json_object(answer) or {}).get("supportedGenerationMethods")
    if isinstance(methods, list) and "generateContent" not in methods:
        return ScriptFailure(kind="http", http_status=404, message="This model cannot generate content.")
    return None
