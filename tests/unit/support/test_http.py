"""Proxies and certificates of the environment, Retry-After: tables without a network."""

from collections.abc import Callable
from pathlib import Path

import pytest

from assetgen_dagster.support import http
from assetgen_dagster.support.http import (
    NetworkSettingError,
    bypasses_proxy,
    certificates,
    open_client,
    proxy_for,
    retry_after,
)
from tests.helpers.generate_asset_runs import module

NOW = 1_767_225_600.0  # 2026-01-01 00:00:00 UTC
URL, PROXY = "https://api.example.com/v1", "http://127.0.0.1:9"
NAMES = ("http_proxy", "https_proxy", "all_proxy", "no_proxy")


@pytest.fixture(autouse=True)
def no_proxies(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in NAMES:
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)


@pytest.mark.parametrize(
    ("environment", "proxy"),
    [
        ({}, None),
        ({"https_proxy": PROXY}, PROXY),
        ({"HTTPS_PROXY": "127.0.0.1:9"}, PROXY),
        ({"https_proxy": "https://user:password@127.0.0.1:9/"}, "https://user:password@127.0.0.1:9/"),
        ({"ALL_PROXY": PROXY}, PROXY),
        ({"http_proxy": "socks5://127.0.0.1:1"}, None),
        ({"https_proxy": PROXY, "all_proxy": "socks://127.0.0.1:1/"}, PROXY),
        ({"https_proxy": PROXY, "no_proxy": "localhost,fe80::/10,[::1]:80,10.0.0.0/8,169.254/16,*.local, ,/"}, PROXY),
        ({"ALL_PROXY": "socks5://127.0.0.1:1", "no_proxy": "example.com"}, None),
        ({"https_proxy": PROXY, "NO_PROXY": "*"}, None),
    ],
)
def test_the_environment_names_the_proxy(
    monkeypatch: pytest.MonkeyPatch, environment: dict[str, str], proxy: str | None
) -> None:
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    assert proxy_for(URL) == proxy
    open_client(URL, seconds=1, most_bytes=1).close()


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("ALL_PROXY", "socks5://user:secret@127.0.0.1:9"),
        ("all_proxy", "socks://127.0.0.1:9/"),
        ("https_proxy", "socks5h://127.0.0.1:9"),
        ("HTTPS_PROXY", "socks4a://127.0.0.1"),
        ("https_proxy", "ftp://127.0.0.1"),
        ("https_proxy", "http://"),
        ("https_proxy", "http://127.0.0.1:port"),
        ("https_proxy", "http://[::1"),
        ("https_proxy", "http://two words:8080"),
    ],
)
@pytest.mark.parametrize("scheme", ["https", "http"])
def test_a_proxy_that_cannot_be_used_is_named_without_its_password(
    monkeypatch: pytest.MonkeyPatch, scheme: str, name: str, value: str
) -> None:
    name = name.replace("https", scheme).replace("HTTPS", scheme.upper())
    monkeypatch.setenv(name, value)
    with pytest.raises(NetworkSettingError) as refused:
        open_client(f"{scheme}://api.example.com", seconds=1, most_bytes=1)
    assert refused.value.setting == name
    assert refused.value.message.startswith(f"{name} ")
    assert "api.example.com" in refused.value.message
    assert "secret" not in str(refused.value)


def test_a_proxy_with_tls_is_not_for_a_caller_that_cannot_use_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("https_proxy", "https://127.0.0.1:9")
    with pytest.raises(NetworkSettingError):
        proxy_for(URL, schemes=("http",))


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "[::1]"])
def test_this_machine_is_never_behind_a_proxy(monkeypatch: pytest.MonkeyPatch, host: str) -> None:
    monkeypatch.setenv("ALL_PROXY", "socks5://127.0.0.1:9")
    assert proxy_for(f"http://{host}:8080/v1") is None


@pytest.mark.parametrize("bypasses", [bypasses_proxy, module().bypasses_proxy], ids=["package", "script"])
@pytest.mark.parametrize(
    ("listed", "host", "expected"),
    [
        ("", "example.com", False),
        ("example.com", "example.com", True),
        ("example.com", "api.example.com", True),
        ("example.com", "badexample.com", False),
        (".example.com", "api.example.com", True),
        ("*.example.com", "api.example.com", True),
        ("EXAMPLE.com:443", "example.com", True),
        ("https://example.com", "example.com", True),
        ("localhost other.org\texample.com", "example.com", True),
        ("*", "example.com", True),
        ("10.0.0.0/8", "10.1.2.3", True),
        ("10.0.0.0/8", "11.1.2.3", False),
        ("10.1.2.3/8", "10.9.9.9", True),
        ("fe80::/10", "fe80::1", True),
        ("[fe80::1]", "fe80::1", True),
        ("fe80::/10", "10.1.2.3", False),
        ("fe80::/10,169.254/16,::,/,.,*.,:,[", "example.com", False),
    ],
)
def test_no_proxy_lists_names_domains_and_networks(
    bypasses: Callable[[str, str], bool], listed: str, host: str, expected: bool
) -> None:
    assert bypasses(host, listed) is expected


@pytest.mark.parametrize("content", [None, "no certificate"])
def test_certificates_that_cannot_be_read_are_named(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, content: str | None
) -> None:
    path = tmp_path / "ca.pem"
    if content is not None:
        path.write_text(content)
    monkeypatch.setenv("SSL_CERT_FILE", str(path))
    monkeypatch.setattr(http, "certificates", certificates.__wrapped__)
    with pytest.raises(NetworkSettingError) as refused:
        open_client(URL, seconds=1, most_bytes=1)
    assert refused.value.setting == "SSL_CERT_FILE"


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        ("7", 7),
        ("0", 0),
        (" 7 ", 7),
        ("7.5", 7.5),
        ("Thu, 01 Jan 2026 00:00:30 GMT", 30),
        ("Thu, 01 Jan 2026 00:00:30 -0000", 30),
        ("Wed, 31 Dec 2025 23:00:00 GMT", 0),
        ("Fri, 01 Jan 99999 00:00:00 GMT", None),
        ("soon", None),
        ("inf", None),
        ("-5", None),
        ("", None),
        (None, None),
    ],
)
def test_retry_after_is_read_in_both_its_forms(value: str | None, seconds: float | None) -> None:
    assert retry_after(value, now=NOW) == seconds
