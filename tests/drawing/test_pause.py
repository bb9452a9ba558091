from datetime import UTC, datetime

import pytest

from assetgen_dagster.drawing.pause import Stopped, fingerprint, paused_until
from assetgen_dagster.settings import load_settings

NOON = datetime(2026, 11, 22, 12, tzinfo=UTC).timestamp()


@pytest.mark.parametrize("code", ["", "refused", "cannot_write", "withdrawn", "unexpected"])
def test_what_lies_with_one_video_or_machine_keeps_no_other_run_waiting(code: str) -> None:
    assert paused_until(Stopped(code, "a", NOON), fingerprint_now="a") is None


@pytest.mark.parametrize("code", ["api_key", "billing", "model_not_found"])
def test_a_cause_of_the_key_is_tried_again_after_ten_minutes_or_when_the_settings_changed(code: str) -> None:
    stopped = Stopped(code, "a", NOON)
    assert paused_until(stopped, fingerprint_now="a") == NOON + 600
    assert paused_until(stopped, fingerprint_now="b") is None


def test_a_daily_quota_ends_at_midnight_in_los_angeles_whatever_the_settings() -> None:
    until = paused_until(Stopped("daily_quota", "a", NOON), fingerprint_now="b")
    assert until == datetime(2026, 11, 23, 8, tzinfo=UTC).timestamp()


def test_the_fingerprint_changes_with_key_and_model_and_tells_neither(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GEMINI_API_KEY", "one")
    first = fingerprint(load_settings())
    monkeypatch.setenv("GEMINI_API_KEY", "two")
    second = fingerprint(load_settings())
    monkeypatch.setenv("GEMINI_IMAGE_MODEL", "gemini-3-pro-image")
    assert len({first, second, fingerprint(load_settings())}) == 3
    assert "one" not in first
