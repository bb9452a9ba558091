"""A proxy of the environment that cannot be used ends a run before anything is paid, with a sentence that names it."""

import pytest

from assetgen_dagster.drawing.preflight import fault_on_this_machine
from assetgen_dagster.errors import Code, split_code
from assetgen_dagster.settings import load_settings
from assetgen_emulators.gemini import GeminiEmulator
from assetgen_emulators.notion import NotionEmulator
from tests.helpers.harness import manifest_of
from tests.helpers.studio import Dagit, failure_of

ELSEWHERE = "http://api.invalid"


@pytest.mark.parametrize(
    ("name", "value"),
    [("ALL_PROXY", "socks5://127.0.0.1:9"), ("all_proxy", "socks://127.0.0.1:9/"), ("http_proxy", "http://")],
)
@pytest.mark.parametrize(
    ("address", "code"),
    [("GOOGLE_GEMINI_BASE_URL", Code.CONFIGURATION), ("NOTION_BASE_URL", Code.NOTION_ADDRESS)],
)
def test_it_is_named_before_anything_is_paid(
    small: Dagit,
    gemini: GeminiEmulator,
    notion: NotionEmulator,
    monkeypatch: pytest.MonkeyPatch,
    address: str,
    code: Code,
    name: str,
    value: str,
) -> None:
    monkeypatch.setenv(address, ELSEWHERE)
    monkeypatch.setenv(name, value)
    failure = failure_of(small.materialize())
    assert failure.metadata["codes"] == [code]
    assert name in (failure.description or "")
    assert gemini.journal() == []


def test_rows_wait_for_a_proxy_that_can_be_used(gemini: GeminiEmulator, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GOOGLE_GEMINI_BASE_URL", ELSEWHERE)
    monkeypatch.setenv("ALL_PROXY", "socks5://127.0.0.1:9")
    cause = fault_on_this_machine(load_settings())
    assert cause
    assert "ALL_PROXY" in cause
    assert split_code(cause)[1] is Code.CONFIGURATION


def test_a_project_is_drawn_through_a_proxy(
    small: Dagit, gemini: GeminiEmulator, notion: NotionEmulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    small.write_manifest(manifest_of(1))
    monkeypatch.setenv("http_proxy", gemini.base_url)
    monkeypatch.setenv("no_proxy", "localhost,fe80::/10")
    monkeypatch.setenv("GOOGLE_GEMINI_BASE_URL", ELSEWHERE)
    assert small.materialize().success
    assert [call.target.startswith(ELSEWHERE) for call in gemini.journal()] == [True]
