"""What the doctor says of key, endpoint and models."""

import contextlib
import socket
import threading
import time

import pytest

from assetgen_dagster.cli.doctor import examine as examining
from assetgen_dagster.cli.doctor.examine import examine
from assetgen_dagster.cli.doctor.finding import Finding
from assetgen_dagster.errors import Code
from assetgen_dagster.providers.gemini.api import FREE_BYTES
from assetgen_emulators.gemini import GeminiEmulator
from tests.helpers.generate_asset_runs import raw_server
from tests.helpers.harness import billed
from tests.integration.cli.doctor.told import problem, problems

pytestmark = pytest.mark.usefixtures("dagster_home")


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        ("GEMINI_API_KEY", "AIzaSomeOtherKeyThatIsWrong0123456", "Set GEMINI_API_KEY to a valid key"),
        ("GEMINI_API_KEY", "two words", "Copy the key again"),
        ("GEMINI_API_KEY", "schlüssel", "Copy the key again"),
        ("GEMINI_IMAGE_MODEL", "gemini-of-yesterday", "Set GEMINI_IMAGE_MODEL"),
        ("GOOGLE_GEMINI_BASE_URL", "nowhere", "GOOGLE_GEMINI_BASE_URL is no web address"),
        ("GOOGLE_GEMINI_BASE_URL", "ftp://127.0.0.1", "GOOGLE_GEMINI_BASE_URL is no web address"),
        ("GOOGLE_GEMINI_BASE_URL", "http://127.0.0.1:1", "Check network, name server and proxy"),
        ("GOOGLE_GEMINI_BASE_URL", "http://127.0.0.1:99999", "GOOGLE_GEMINI_BASE_URL if it is set"),
    ],
)
def test_a_gemini_setting_that_does_not_work_is_named(
    gemini: GeminiEmulator, monkeypatch: pytest.MonkeyPatch, name: str, value: str, words: str
) -> None:
    monkeypatch.setenv(name, value)
    line = problem()
    assert words in line
    assert name != "GEMINI_API_KEY" or value not in line


@pytest.mark.parametrize(
    ("environment", "words"),
    [
        ({"ASSETGEN_STORY_MODEL": "gemini-9"}, "Set ASSETGEN_STORY_MODEL (now 'gemini-9')"),
        ({"ASSETGEN_STORY_MODEL": "gemini 3"}, "ASSETGEN_STORY_MODEL: String should match"),
        (
            {"ASSETGEN_STORY_MODEL": "gemini-3.8-flash", "GEMINI_API_KEY": "", "ASSETGEN_SCRIPT": "tests/conftest.py"},
            "KEY",
        ),
    ],
)
def test_a_language_model_that_cannot_be_asked_is_named(
    gemini: GeminiEmulator, monkeypatch: pytest.MonkeyPatch, environment: dict[str, str], words: str
) -> None:
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    assert words in problem()
    assert billed(gemini.journal()) == []


def test_a_language_model_that_is_there_is_in_order(gemini: GeminiEmulator, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ASSETGEN_STORY_MODEL", "models/gemini-3.8-flash")
    assert problems() == []
    assert "gemini-3.8-flash" in "\n".join(map(str, examine()))


def test_a_missing_key_is_said_once(gemini: GeminiEmulator, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("GEMINI_API_KEY")
    assert "Set GEMINI_API_KEY" in problem()


@pytest.mark.parametrize(
    ("head", "body", "words"),
    [
        ("403 Forbidden", '{"error": {"status": "PERMISSION_DENIED", "message": "No."}}', "Set GEMINI_API_KEY"),
        ("400 Bad Request", '{"error": {"message": "unexpected model name"}}', "Check GEMINI_IMAGE_MODEL"),
        ("503 Service Unavailable", '{"error": {"message": "Overloaded."}}', "again"),
        ("502 Bad Gateway", "<html>nothing here</html>", "Check network"),
        ("200 OK", "<html>Sign in</html>", "sign in"),
        ("200 OK", '{"error": {"code": 403, "message": "Your API key was leaked."}}', "Set GEMINI_API_KEY"),
        ("404 Not Found", "<html>nothing here</html>", "GOOGLE_GEMINI_BASE_URL leads to no Gemini API"),
        ("302 Found", "{}", "GOOGLE_GEMINI_BASE_URL leads to no Gemini API"),
        ("200 OK", '{"supportedGenerationMethods": ["embedContent"]}', "Set GEMINI_IMAGE_MODEL"),
        ("200 OK\r\nContent-Encoding: gzip", '{"supportedGenerationMethods": []}', "Set GEMINI_IMAGE_MODEL"),
    ],
)
def test_an_odd_answer_of_gemini_is_said_in_plain_words(
    gemini: GeminiEmulator, monkeypatch: pytest.MonkeyPatch, head: str, body: str, words: str
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:

        def answer() -> None:
            connection, _ = server.accept()
            connection.recv(4096)
            connection.sendall(f"HTTP/1.1 {head}\r\nContent-Length: {len(body)}\r\n\r\n{body}".encode())
            connection.close()

        threading.Thread(target=answer, daemon=True).start()
        monkeypatch.setenv("GOOGLE_GEMINI_BASE_URL", f"http://127.0.0.1:{server.getsockname()[1]}")
        assert words in problem()


@pytest.mark.parametrize("head", ["200 OK", "403 Forbidden"])
def test_an_endless_answer_ends_the_check_at_its_bound(
    gemini: GeminiEmulator, monkeypatch: pytest.MonkeyPatch, head: str
) -> None:
    with raw_server(f"HTTP/1.1 {head}\r\n\r\n".encode() + b" " * (2 * FREE_BYTES)) as (address, _):
        monkeypatch.setenv("GOOGLE_GEMINI_BASE_URL", address)
        assert ("4 MiB" if head == "200 OK" else "403") in problem()


@pytest.mark.parametrize(
    ("name", "value"), [("ALL_PROXY", "socks5://127.0.0.1:9"), ("http_proxy", "https://127.0.0.1:9")]
)
@pytest.mark.parametrize("story_model", ["", "gemini-3.8-flash"])
def test_a_proxy_that_cannot_be_used_is_named(
    gemini: GeminiEmulator, monkeypatch: pytest.MonkeyPatch, name: str, value: str, story_model: str
) -> None:
    monkeypatch.setenv("GOOGLE_GEMINI_BASE_URL", "http://gemini.invalid")
    monkeypatch.setenv("ASSETGEN_STORY_MODEL", story_model)
    monkeypatch.setenv(name, value)
    found = problems()[0]
    assert name in found.detail
    assert "no_proxy" in str(found)
    assert found.code is Code.CONFIGURATION


def test_key_and_model_are_checked_through_the_proxy_of_the_environment(
    gemini: GeminiEmulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ALL_PROXY", gemini.base_url)
    monkeypatch.setenv("no_proxy", "localhost,fe80::/10")
    monkeypatch.setenv("GOOGLE_GEMINI_BASE_URL", "http://gemini.invalid")
    assert problems() == []
    assert len(gemini.looked_up) == 1


def test_an_answer_that_drips_ends_the_check_in_its_time(
    gemini: GeminiEmulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(examining, "NETWORK_SECONDS", 1.0)
    with socket.create_server(("127.0.0.1", 0)) as server:

        def drip() -> None:
            connection, _ = server.accept()
            connection.recv(4096)
            with contextlib.suppress(OSError):
                for letter in b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n" + b" " * 100:
                    connection.sendall(bytes([letter]))
                    time.sleep(0.1)

        threading.Thread(target=drip, daemon=True).start()
        monkeypatch.setenv("GOOGLE_GEMINI_BASE_URL", f"http://127.0.0.1:{server.getsockname()[1]}")
        begun = time.monotonic()
        assert "No answer within 1 s" in problem()
        assert time.monotonic() - begun < 8


def only(name: str) -> Finding:
    [found] = [finding for finding in examine() if finding.name == name]
    return found


def test_a_model_that_is_shown_but_refuses_every_call_is_named_at_no_cost(
    gemini: GeminiEmulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GEMINI_IMAGE_MODEL", "gemini-2.5-flash-image")
    gemini.restricted = frozenset({"gemini-2.5-flash-image"})
    found = only("Gemini")
    assert (found.ok, found.code) == (False, Code.MODEL_NOT_FOUND)
    assert "no longer available to new users" in found.detail
    assert "GEMINI_IMAGE_MODEL" in found.remedy
    assert "gemini-nano-banana-2.1" in found.remedy
    assert billed(gemini.journal()) == []


def test_a_key_without_billing_is_named_at_no_cost(gemini: GeminiEmulator) -> None:
    gemini.billing = False
    found = only("Gemini")
    assert (found.ok, found.code) == (False, Code.BILLING)
    assert "nable billing" in found.remedy
    assert billed(gemini.journal()) == []


@pytest.mark.parametrize("variable", ["GEMINI_IMAGE_MODEL", "ASSETGEN_STORY_MODEL"])
def test_what_no_free_request_can_tell_is_said(
    gemini: GeminiEmulator, monkeypatch: pytest.MonkeyPatch, variable: str
) -> None:
    model = {"GEMINI_IMAGE_MODEL": "gemini-3-pro-image", "ASSETGEN_STORY_MODEL": "gemini-3.7-flash"}[variable]
    monkeypatch.setenv(variable, model)
    found = only("Gemini" if variable == "GEMINI_IMAGE_MODEL" else "Story model")
    assert found.ok
    assert f"the model {model} exists" in found.detail
    assert "cannot be known before the first" in found.detail
    assert {(call.outcome, call.billed_usd) for call in gemini.journal()} == {("rejected", 0)}


def test_a_model_that_google_retires_is_a_note_with_its_day(
    gemini: GeminiEmulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GEMINI_IMAGE_MODEL", "gemini-3.1-flash-image")
    found = only("Gemini")
    assert found.ok
    assert "2026-10-29" in found.remedy
    assert "gemini-nano-banana-2.1" in found.remedy


def test_a_thinking_level_that_the_model_does_not_take_is_a_problem(
    gemini: GeminiEmulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GEMINI_THINKING_LEVEL", "low")
    found = only("Gemini")
    assert (found.ok, found.code) == (False, Code.CONFIGURATION)
