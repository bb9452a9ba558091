"""Reads the optional report of a script: one JSON line of usage, or one JSON line of error.

Our own script prints one; a producer's script may not, and then the report is empty. The JSON is validated: any script
may print anything.
"""

import json
from typing import Any

from pydantic import BaseModel, ConfigDict, ValidationError

#: ``reason`` of what did not come from the API: a page of something in between, a certificate that is not trusted, a
#: proxy that makes no connection.
WEB_PAGE, UNTRUSTED_CERTIFICATE, PROXY_REFUSED = "WEB_PAGE", "UNTRUSTED_CERTIFICATE", "PROXY_REFUSED"


class Usage(BaseModel):
    """Tokens that the API says it billed.

    Attributes:
        prompt_tokens: Text input.
        image_tokens: Image output.
        text_tokens: Text output, thinking included.
    """

    model_config = ConfigDict(frozen=True)

    prompt_tokens: int = 0
    image_tokens: int = 0
    text_tokens: int = 0


class ScriptFailure(BaseModel):
    """Why the script has no picture, with the API's own terms if it answered.

    Attributes:
        kind: ``configuration``, ``http``, ``network``, ``lost_answer``, ``no_image``, ``file`` or
            ``reference``.
        message: For people.
        http_status: As answered.
        api_status: google.rpc status, such as ``RESOURCE_EXHAUSTED``.
        reason: google.rpc.ErrorInfo reason, such as ``API_KEY_INVALID``; or ``WEB_PAGE``, ``UNTRUSTED_CERTIFICATE``,
            ``PROXY_REFUSED``.
        finish_reason: The candidate's ``finishReason``.
        block_reason: ``promptFeedback.blockReason``.
        retry_after_seconds: From Retry-After or google.rpc.RetryInfo.
        quota_ids: Names of the quotas, from google.rpc.QuotaFailure and ErrorInfo.
        no_quota: Whether the API says that a quota is 0.
        received: Whether the API had sent a picture, and so billed it.
    """

    model_config = ConfigDict(frozen=True)

    kind: str
    message: str = ""
    http_status: int | None = None
    api_status: str | None = None
    reason: str | None = None
    finish_reason: str | None = None
    block_reason: str | None = None
    retry_after_seconds: float | None = None
    quota_ids: tuple[str, ...] = ()
    no_quota: bool = False
    received: bool = False


class ScriptReport(BaseModel):
    """A script's JSON report; every part is optional."""

    model_config = ConfigDict(frozen=True)

    model: str | None = None
    usage: Usage | None = None
    error: ScriptFailure | None = None


def read_report(stdout: str, stderr: str) -> ScriptReport:
    """Returns the report in the last JSON line of stderr, else of stdout; an empty report if there is none."""
    for stream in (stderr, stdout):
        for line in reversed(stream.splitlines()):
            report = _parse(line.strip())
            if report is not None:
                return report
    return ScriptReport()


def _parse(line: str) -> ScriptReport | None:
    if not (line.startswith("{") and line.endswith("}")):
        return None
    try:
        content: Any = json.loads(line)
    except ValueError:
        return None
    # A script may print other JSON; only a line with one of our two keys is a report.
    if not isinstance(content, dict) or not ({"usage", "error"} & content.keys()):
        return None
    try:
        return ScriptReport.model_validate(content)
    except ValidationError:
        return None
