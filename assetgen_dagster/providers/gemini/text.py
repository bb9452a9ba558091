"""One question to a Gemini language model, through the official SDK.

The SDK takes up to a second to import and is needed only if ``ASSETGEN_STORY_MODEL`` is set, so it is imported when
used. Its retries are off: they would repeat a call that timed out and may have been billed.
"""

import queue
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING, Any, ClassVar, Literal

import httpx

from assetgen_dagster.errors import Code
from assetgen_dagster.providers import failures
from assetgen_dagster.providers.failures import Failure
from assetgen_dagster.providers.gemini.api import (
    NO_ADDRESS,
    TEXT_BYTES,
    account_of,
    api_base,
    api_key,
    credentials,
    host_of,
    read_connection_failure,
    read_failure,
)
from assetgen_dagster.providers.gemini.check import check_model
from assetgen_dagster.providers.gemini.errors import REFUSALS, classify_api_failure
from assetgen_dagster.providers.gemini.quota import quota_renewed_at
from assetgen_dagster.providers.gemini.retirement import retirement_note
from assetgen_dagster.providers.gemini.text_prices import TextUsage
from assetgen_dagster.providers.script_report import ScriptFailure
from assetgen_dagster.settings import Settings
from assetgen_dagster.support.http import NetworkSettingError, no_certificates, open_client
from assetgen_dagster.support.redact import redact

if TYPE_CHECKING:
    from google.genai import Client
    from google.genai.types import GenerateContentResponse

#: The longest answer to request, thinking included; the possible cost of a lost answer is based on it.
MOST_OUTPUT_TOKENS = 32_768

_SETTING = "ASSETGEN_STORY_MODEL"
_QUOTE_CHARACTERS = 200


@dataclass(frozen=True)
class Turn:
    """One part of a conversation."""

    role: Literal["user", "model"]
    text: str


@dataclass(frozen=True)
class Reply:
    """The result of one question.

    Attributes:
        text: The answer; empty if there is none.
        usage: Tokens that the API billed; None if it did not say.
        failure: Why there is no answer.
        model: The version that answered; empty if the API did not say.
    """

    text: str = ""
    usage: TextUsage | None = None
    failure: Failure | None = None
    model: str = ""


@dataclass(frozen=True)
class GeminiText:
    """A language model; a ``Provider``.

    Attributes:
        settings: With key and endpoint.
        model: The model to ask.
    """

    settings: Settings
    model: str

    name: ClassVar[str] = "Story model"
    checkable: ClassVar[bool] = True

    @property
    def account(self) -> str:
        """See ``account_of``."""
        return account_of(self.settings)

    @property
    def configuration(self) -> tuple[str, ...]:
        """Key, model and endpoint."""
        key, endpoint = credentials(self.settings)
        return key, self.model, endpoint

    def check(self, *, seconds: float, calls: bool = False) -> Failure | None:
        """Checks key and model with the API."""
        return check_model(self.settings, self.model, setting=_SETTING, seconds=seconds, calls=calls)

    def model_note(self, today: date) -> str:
        """See ``retirement_note``."""
        return retirement_note(self.model, setting=_SETTING, today=today)

    def quota_renewed_at(self, moment: float) -> float:
        """See ``quota``."""
        return quota_renewed_at(moment)

    def ask(self, turns: Sequence[Turn], *, instruction: str, schema: Mapping[str, Any]) -> Reply:
        """Asks once and returns the answer or a failure, within ``ASSETGEN_STORY_TIMEOUT_SECONDS``.

        An answer that was truncated at its maximum length is returned as it is.

        Args:
            turns: The conversation so far, ending with the question.
            instruction: The system instruction.
            schema: JSON schema of the answer.
        """
        key = api_key(self.settings)
        if isinstance(key, Failure):
            return Reply(failure=key)
        endpoint = api_base(self.settings)
        if not host_of(endpoint):
            return Reply(failure=_classified(NO_ADDRESS, self.model))
        seconds = self.settings.story_timeout_seconds
        found: queue.SimpleQueue[GenerateContentResponse | Exception] = queue.SimpleQueue()
        try:
            http = open_client(endpoint, seconds=seconds, most_bytes=TEXT_BYTES)
        except NetworkSettingError as error:
            return Reply(failure=_classified(ScriptFailure(kind="configuration", message=error.message), self.model))
        with http:
            http.event_hooks["response"].append(_raise_failure)
            client = _client(http, key, endpoint)

            def run() -> None:
                try:
                    found.put(_generate(client, self.model, turns, instruction, schema))
                except Exception as error:
                    found.put(error)  # classified in the calling thread

            # A thread, because HTTP timeouts do not end a slowly streamed response.
            threading.Thread(target=run, name="story", daemon=True).start()
            try:
                answer = found.get(timeout=seconds)
            except queue.Empty:
                return Reply(failure=_timed_out(seconds))
        if isinstance(answer, Exception):
            return Reply(failure=_failure_of(answer, self.model, host_of(endpoint), seconds))
        return _read(answer, self.model)


def _client(http: httpx.Client, key: str, endpoint: str) -> "Client":
    from google import genai  # noqa: PLC0415 - see the module's docstring
    from google.genai import types  # noqa: PLC0415

    return genai.Client(
        vertexai=False,
        api_key=key,
        http_options=types.HttpOptions(
            base_url=endpoint,
            api_version="v1beta",
            httpx_client=http,
            # Not used, but the SDK would open one with the environment's proxies, whatever they are.
            httpx_async_client=httpx.AsyncClient(trust_env=False, verify=no_certificates()),
            retry_options=types.HttpRetryOptions(attempts=1),
        ),
    )


def _generate(
    client: "Client", model: str, turns: Sequence[Turn], instruction: str, schema: Mapping[str, Any]
) -> "GenerateContentResponse":
    from google.genai import types  # noqa: PLC0415 - see the module's docstring

    return client.models.generate_content(
        model=model,
        contents=[types.Content(role=turn.role, parts=[types.Part(text=turn.text)]) for turn in turns],
        config=types.GenerateContentConfig(
            system_instruction=instruction,
            response_mime_type="application/json",
            response_json_schema=schema,
            max_output_tokens=MOST_OUTPUT_TOKENS,
        ),
    )


def _read(answer: "GenerateContentResponse", model: str) -> Reply:
    usage = _usage(answer.usage_metadata)
    feedback = answer.prompt_feedback
    block = feedback.block_reason.value if feedback and feedback.block_reason else None
    candidate = answer.candidates[0] if answer.candidates else None
    finish = candidate.finish_reason.value if candidate and candidate.finish_reason else ""
    parts = (candidate.content.parts or []) if candidate and candidate.content else []
    text = "".join(part.text or "" for part in parts if not part.thought)
    if not block and finish not in REFUSALS and (text.strip() or finish == "MAX_TOKENS"):
        return Reply(text, usage, model=answer.model_version or "")
    reasons = [f"blockReason {block}"] * bool(block) + [f"finishReason {finish}"] * bool(finish)
    message = f"Gemini returned no text ({', '.join(reasons) or 'no reason given'})"
    failure = ScriptFailure(kind="no_image", message=message, block_reason=block, finish_reason=finish or None)
    return Reply(usage=usage, failure=_classified(failure, model), model=answer.model_version or "")


def _usage(metadata: Any) -> TextUsage | None:
    if metadata is None or metadata.prompt_token_count is None:
        return None
    return TextUsage(
        input_tokens=metadata.prompt_token_count,
        output_tokens=(metadata.candidates_token_count or 0) + (metadata.thoughts_token_count or 0),
    )


class _FailedError(Exception):
    """The response is no answer; carries the failure that it holds."""

    def __init__(self, failure: ScriptFailure) -> None:
        super().__init__(failure.message)
        self.failure = failure


def _raise_failure(answer: httpx.Response) -> None:
    """Raises the failure in a response, before the SDK, which reads errors by their status alone."""
    answer.read()
    if (failure := read_failure(answer)) is not None:
        raise _FailedError(failure)


def _failure_of(error: Exception, model: str, host: str, seconds: float) -> Failure:
    """Classifies an exception of the call; raises it again if it is a bug."""
    from google.genai import errors  # noqa: PLC0415 - see the module's docstring

    match error:
        case _FailedError():
            return _classified(error.failure, model)
        case httpx.UnsupportedProtocol() | httpx.InvalidURL() | UnicodeError():
            return _classified(NO_ADDRESS, model)
        case httpx.ReadTimeout():
            return _timed_out(seconds)
        case httpx.HTTPError():
            return _classified(read_connection_failure(error, host), model)
        # RecursionError: the SDK also parses the model's text, which may be deeply nested.
        case errors.UnknownApiResponseError() | ValueError() | RecursionError():
            said = redact(" ".join(str(error).split()))[:_QUOTE_CHARACTERS] or type(error).__name__
            return failures.lost(f"the answer cannot be parsed: {said}")
    raise error


def _classified(failure: ScriptFailure, model: str) -> Failure:
    return classify_api_failure(failure, model=model, setting=_SETTING)


def _timed_out(seconds: float) -> Failure:
    return failures.lost(
        f"no answer within {seconds:g} s; if that happens often, raise ASSETGEN_STORY_TIMEOUT_SECONDS",
        code=Code.STORY_TIMEOUT,
    )
