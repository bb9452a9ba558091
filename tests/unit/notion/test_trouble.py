"""Which failures are tried again, and when: pure functions, without a network."""

import httpx
import pytest
from notion_client.errors import RequestTimeoutError, build_request_error

from assetgen_dagster.notion.trouble import BACKOFF_SECONDS, Kind, Trouble, classify, retry_after, retry_wait
from assetgen_dagster.notion.words import explain

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
        (400, code("validation_error"), Kind.INVALID),
        (400, code("missing_version"), Kind.INVALID),
        (401, code("unauthorized"), Kind.TOKEN),
        (403, code("restricted_resource"), Kind.FORBIDDEN),
        (403, code("restricted_resource", ', "additional_data": {"block_limit": "block_creation"}'), Kind.FULL),
        (404, code("object_not_found"), Kind.MISSING),
        (408, code("request_timeout"), Kind.FAILED),
        (409, code("conflict_error"), Kind.CONFLICT),
        (413, code("validation_error"), Kind.INVALID),
        (429, code("rate_limited"), Kind.BUSY),
        (429, code("rate_limited", BLOCKED), Kind.BLOCKED),
        (429, code("public_api_request_blocked"), Kind.BLOCKED),
        (429, code("rate_limited", ', "additional_data": null'), Kind.BUSY),
        (429, "<html>slow down</html>", Kind.BUSY),
        (500, code("internal_server_error"), Kind.FAILED),
        (502, code("bad_gateway"), Kind.FAILED),
        (503, code("service_unavailable"), Kind.FAILED),
        (504, code("gateway_timeout"), Kind.FAILED),
        (529, code("service_overload"), Kind.BUSY),
        (403, "<html>who are you</html>", Kind.FAILED),
        (404, "", Kind.FAILED),
        (400, "[1]", Kind.FAILED),
        (301, "", Kind.ENDPOINT),
    ],
)
def test_an_answer_is_classified_by_status_and_body(status: int, body: str, kind: Kind) -> None:
    trouble = classify(answer(status, body), now=NOW)
    assert trouble
    assert trouble.kind is kind
    assert trouble.maybe_saved is (kind is Kind.FAILED)
    assert f"HTTP {status}" in trouble.cause


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (RequestTimeoutError(), Kind.FAILED),
        (httpx.ConnectError("refused"), Kind.UNREACHABLE),
        (httpx.ConnectError("[SSL: CERTIFICATE_VERIFY_FAILED] certificate verify failed"), Kind.ENDPOINT),
        (httpx.ProxyError("407"), Kind.UNREACHABLE),
        (httpx.ReadError("reset"), Kind.FAILED),
        (httpx.RemoteProtocolError("torn"), Kind.FAILED),
        (httpx.DecodingError("gzip"), Kind.FAILED),
        (httpx.UnsupportedProtocol("ftp"), Kind.ENDPOINT),
        (UnicodeDecodeError("utf-8", b"\xff", 0, 1, "no"), Kind.FAILED),
    ],
)
def test_a_broken_connection_is_classified_by_what_broke(error: Exception, kind: Kind) -> None:
    trouble = classify(error, now=NOW)
    assert trouble
    assert trouble.kind is kind


def test_anything_else_is_a_bug_and_not_classified() -> None:
    assert classify(KeyError("x"), now=NOW) is None


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        ("7", 7),
        ("0", 0),
        (" 7 ", 7),
        ("Thu, 01 Jan 2026 00:00:30 GMT", 30),
        ("Thu, 01 Jan 2026 00:00:30 -0000", 30),
        ("Wed, 31 Dec 2025 23:00:00 GMT", 0),
        ("soon", None),
        ("-5", None),
        ("", None),
        (None, None),
    ],
)
def test_retry_after_is_read_in_both_its_forms(value: str | None, seconds: float | None) -> None:
    assert retry_after(value, now=NOW) == seconds


def test_waits_grow_honour_notion_and_end_with_the_time() -> None:
    failed, busy = Trouble(Kind.FAILED, "x"), Trouble(Kind.BUSY, "x", 12.0)
    waits = [retry_wait(failed, retries=n, left_seconds=100, jitter=0) for n in range(7)]
    assert waits == [*BACKOFF_SECONDS, BACKOFF_SECONDS[-1], BACKOFF_SECONDS[-1]]
    assert retry_wait(failed, retries=0, left_seconds=100, jitter=1) == 0.5 * 1.25
    assert retry_wait(busy, retries=0, left_seconds=100, jitter=0) == 12
    assert retry_wait(busy, retries=0, left_seconds=12, jitter=0) is None
    assert retry_wait(failed, retries=0, left_seconds=0, jitter=0) is None


@pytest.mark.parametrize("kind", list(Kind))
def test_only_what_passes_is_tried_again_and_every_kind_has_words(kind: Kind) -> None:
    trouble = Trouble(kind, "the cause")
    passing = kind in (Kind.BUSY, Kind.CONFLICT, Kind.FAILED, Kind.UNREACHABLE)
    assert (retry_wait(trouble, retries=0, left_seconds=100, jitter=0) is not None) is passing
    error = explain(trouble, doing="read the rows")
    assert ("tried again later" in str(error)) is passing
    assert error.trouble is trouble
    assert "the cause" in str(error) or kind is Kind.TOKEN
