"""Which failures are tried again, and when: pure functions, without a network."""

import httpx
import pytest
from notion_client.errors import RequestTimeoutError, build_request_error

from assetgen_dagster.notion.call_failures import (
    CALL_RETRY_SECONDS,
    LONGEST_WAIT_SECONDS,
    CallFailure,
    FailureKind,
    call_retry_wait,
    classify,
)
from assetgen_dagster.notion.errors import BoardUnavailableError
from assetgen_dagster.notion.messages import board_error
from assetgen_dagster.support.http import AnswerTooLongError

NOW = 1_767_225_600.0  # 2026-01-01 00:00:00 UTC


def answer(status: int, body: str, **headers: str) -> Exception:
    """Returns what the library makes of an answer."""
    return build_request_error(httpx.Response(status, headers=headers, text=body), body)


def code(name: str, more: str = "") -> str:
    return f'{{"object": "error", "status": 0, "code": "{name}", "message": "said"{more}}}'


BLOCKED = ', "additional_data": {"rate_limit_reason": "public_api_request_blocked"}'


@pytest.mark.parametrize(
    ("status", "body", "kind"),
    [
        (400, code("validation_error"), FailureKind.INVALID),
        (400, code("missing_version"), FailureKind.INVALID),
        (401, code("unauthorized"), FailureKind.TOKEN),
        (403, code("restricted_resource"), FailureKind.FORBIDDEN),
        (403, code("restricted_resource", ', "additional_data": {"block_limit": "block_creation"}'), FailureKind.FULL),
        (404, code("object_not_found"), FailureKind.MISSING),
        (408, code("request_timeout"), FailureKind.FAILED),
        (409, code("conflict_error"), FailureKind.CONFLICT),
        (413, code("validation_error"), FailureKind.INVALID),
        (429, code("rate_limited"), FailureKind.BUSY),
        (429, code("rate_limited", BLOCKED), FailureKind.BLOCKED),
        (429, code("public_api_request_blocked"), FailureKind.BLOCKED),
        (429, code("rate_limited", ', "additional_data": null'), FailureKind.BUSY),
        (429, "<html>slow down</html>", FailureKind.BUSY),
        (500, code("internal_server_error"), FailureKind.FAILED),
        (502, code("bad_gateway"), FailureKind.FAILED),
        (503, code("service_unavailable"), FailureKind.FAILED),
        (504, code("gateway_timeout"), FailureKind.FAILED),
        (529, code("service_overload"), FailureKind.BUSY),
        (403, "<html>who are you</html>", FailureKind.FAILED),
        (404, "", FailureKind.FAILED),
        (400, "[1]", FailureKind.FAILED),
        (301, "", FailureKind.ENDPOINT),
    ],
)
def test_an_answer_is_classified_by_status_and_body(status: int, body: str, kind: FailureKind) -> None:
    failure = classify(answer(status, body), now=NOW)
    assert failure
    assert failure.kind is kind
    assert failure.maybe_saved is (kind is FailureKind.FAILED)
    assert f"HTTP {status}" in failure.cause


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (RequestTimeoutError(), FailureKind.FAILED),
        (httpx.ConnectError("refused"), FailureKind.UNREACHABLE),
        (httpx.ConnectError("[SSL: CERTIFICATE_VERIFY_FAILED] certificate verify failed"), FailureKind.ENDPOINT),
        (httpx.ProxyError("407"), FailureKind.UNREACHABLE),
        (httpx.ReadError("reset"), FailureKind.FAILED),
        (httpx.RemoteProtocolError("torn"), FailureKind.FAILED),
        (httpx.DecodingError("gzip"), FailureKind.FAILED),
        (httpx.UnsupportedProtocol("ftp"), FailureKind.ENDPOINT),
        (AnswerTooLongError("the answer is longer than 32 MiB"), FailureKind.FAILED),
        (ValueError("Exceeds the limit (4300 digits) for integer string conversion"), FailureKind.FAILED),
        (RecursionError(), FailureKind.FAILED),
        (UnicodeDecodeError("utf-8", b"\xff", 0, 1, "no"), FailureKind.FAILED),
    ],
)
def test_a_broken_connection_is_classified_by_what_broke(error: Exception, kind: FailureKind) -> None:
    failure = classify(error, now=NOW)
    assert failure
    assert failure.kind is kind


def test_anything_else_is_a_bug_and_not_classified() -> None:
    assert classify(KeyError("x"), now=NOW) is None


@pytest.mark.parametrize("value", ["900000", "9" * 400, "Sat, 31 Jan 2026 00:00:00 GMT"])
@pytest.mark.parametrize("status", [409, 429, 503, 529])
def test_a_wait_of_days_is_bounded(status: int, value: str) -> None:
    failure = classify(answer(status, code("odd"), **{"retry-after": value}), now=NOW)
    assert failure
    assert failure.retry_after_seconds == LONGEST_WAIT_SECONDS


def test_waits_grow_honour_notion_and_end_with_the_time() -> None:
    failed, busy = CallFailure(FailureKind.FAILED, "x"), CallFailure(FailureKind.BUSY, "x", 12.0)
    waits = [call_retry_wait(failed, retries=n, left_seconds=100, random=0) for n in range(7)]
    assert waits == [*CALL_RETRY_SECONDS, CALL_RETRY_SECONDS[-1], CALL_RETRY_SECONDS[-1]]
    assert call_retry_wait(failed, retries=0, left_seconds=100, random=1) == 0.5 * 1.25
    assert call_retry_wait(busy, retries=0, left_seconds=100, random=0) == 12
    assert call_retry_wait(busy, retries=0, left_seconds=12, random=0) is None
    assert call_retry_wait(failed, retries=0, left_seconds=0, random=0) is None


@pytest.mark.parametrize("kind", list(FailureKind))
def test_only_transient_failures_are_retried_and_every_kind_has_a_message(kind: FailureKind) -> None:
    failure = CallFailure(kind, "the cause")
    transient = kind in (FailureKind.BUSY, FailureKind.CONFLICT, FailureKind.FAILED, FailureKind.UNREACHABLE)
    assert (call_retry_wait(failure, retries=0, left_seconds=100, random=0) is not None) is transient
    error = board_error(failure, action="read the rows")
    assert isinstance(error, BoardUnavailableError) is transient
    assert error.failure is failure
    assert "the cause" in str(error) or kind is FailureKind.TOKEN
