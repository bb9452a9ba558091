"""What a response, or the lack of one, means for a call that we made ourselves."""

import ssl

import httpx
import pytest

from assetgen_dagster.providers.gemini.api import read_connection_failure, read_failure

QUOTA = {"quotaId": "RequestsPerDay-FreeTier", "quotaValue": "0"}
LIMIT = {"quota_limit": "RequestsPerDay", "quota_limit_value": "1500"}


@pytest.mark.parametrize(
    "body", [b'{"candidates": []}', b'{"name": "models/x"}', b"{}", b'{"error": {"code": 400}, "candidates": [{}]}']
)
def test_a_200_with_json_is_an_answer(body: bytes) -> None:
    assert read_failure(httpx.Response(200, content=body)) is None


@pytest.mark.parametrize(
    ("status", "body", "kind", "told_status", "reason"),
    [
        (200, b'{"error": {"code": 403, "message": "leaked"}}', "http", 403, None),
        (200, b'[{"error": {"code": "429", "message": "leaked"}}]', "http", 429, None),
        (200, b'{"error": "leaked"}', "http", 200, None),
        (200, b"<html>leaked</html>", "http", 200, "WEB_PAGE"),
        (200, b'{"candidates": [leaked', "lost_answer", None, None),
        (502, b"leaked", "http", 502, "WEB_PAGE"),
        (
            403,
            b'{"error": {"message": "leaked", "details": [{"reason": "SERVICE_DISABLED"}]}}',
            "http",
            403,
            "SERVICE_DISABLED",
        ),
    ],
)
def test_anything_else_is_a_failure(
    status: int, body: bytes, kind: str, told_status: int | None, reason: str | None
) -> None:
    failure = read_failure(httpx.Response(status, content=body))
    assert failure is not None
    assert (failure.kind, failure.http_status, failure.reason) == (kind, told_status, reason)
    assert "leaked" in failure.message


@pytest.mark.parametrize(
    ("detail", "quotas", "no_quota"),
    [
        ({"violations": [QUOTA]}, ("RequestsPerDay-FreeTier",), True),
        ({"metadata": LIMIT}, ("RequestsPerDay",), False),
        ({"metadata": LIMIT | {"quota_limit_value": 0}}, ("RequestsPerDay",), True),
        ({"violations": [{"description": "requests per day"}]}, ("requests per day",), False),
    ],
)
def test_quotas_are_read_from_both_kinds_of_details(
    detail: dict[str, object], quotas: tuple[str, ...], no_quota: bool
) -> None:
    failure = read_failure(httpx.Response(429, json={"error": {"code": 429, "details": [detail, "?"]}}))
    assert failure is not None
    assert (failure.quota_ids, failure.no_quota) == (quotas, no_quota)


def untrusted() -> httpx.ConnectError:
    error = httpx.ConnectError("certificate verify failed")
    error.__cause__ = ssl.SSLCertVerificationError("self-signed")
    return error


@pytest.mark.parametrize(
    ("error", "kind", "reason"),
    [
        (httpx.ConnectError("refused"), "network", None),
        (httpx.ConnectTimeout("late"), "network", None),
        (httpx.WriteError("broken pipe"), "network", None),
        (httpx.ProxyError("502 Bad Gateway"), "network", None),
        (httpx.ProxyError("407 Proxy Authentication Required"), "configuration", "PROXY_REFUSED"),
        (untrusted(), "configuration", "UNTRUSTED_CERTIFICATE"),
        (httpx.RemoteProtocolError("Server disconnected without sending a response."), "lost_answer", None),
        (httpx.ReadError("reset"), "lost_answer", None),
    ],
    ids=repr,
)
def test_only_a_request_that_was_not_sent_is_tried_again(error: httpx.HTTPError, kind: str, reason: str | None) -> None:
    failure = read_connection_failure(error, "host")
    assert (failure.kind, failure.reason) == (kind, reason)
