"""After a run's end that lies with key, model or account: what may be requested, and when that is looked at again."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from assetgen_dagster.budget.breaker import Asked, Go, Stopped, asked, fingerprint, judge
from assetgen_dagster.errors import Code
from assetgen_dagster.providers.failures import Failure
from assetgen_dagster.settings import load_settings

NOON = datetime(2026, 11, 22, 12, tzinfo=UTC).timestamp()
STOPPED = Stopped("run-1", "api_key", "a", NOON)
WRONG = Failure(Code.API_KEY, "no such key.")
OFFLINE = Failure(Code.NETWORK, "no answer")


@pytest.mark.parametrize("code", ["", "refused", "cannot_write", "withdrawn", "unexpected", "daily_quota"])
def test_what_lies_with_one_video_or_machine_keeps_no_other_run_waiting(code: str) -> None:
    assert judge(replace(STOPPED, code=code), None, fingerprint_now="a", now=NOON).go is Go.ALL


@pytest.mark.parametrize("code", ["api_key", "billing", "model_not_found"])
def test_where_nobody_was_asked_one_run_is_tried_after_ten_minutes_or_when_the_settings_changed(code: str) -> None:
    stopped = replace(STOPPED, code=code)
    held = judge(stopped, None, fingerprint_now="a", now=NOON + 599)
    assert (held.go, held.until) == (Go.NONE, NOON + 600)
    assert judge(stopped, None, fingerprint_now="a", now=NOON + 600).go is Go.ONE
    assert judge(stopped, None, fingerprint_now="b", now=NOON + 5).go is Go.ONE


@pytest.mark.parametrize("failure", [WRONG, OFFLINE])
@pytest.mark.parametrize("mark", ["a", "b"])
def test_as_long_as_the_api_refuses_nothing_is_requested_whatever_the_hour(failure: Failure, mark: str) -> None:
    later = NOON + 86_400
    answer = asked(STOPPED, failure, None, fingerprint_now=mark, now=later)
    held = judge(STOPPED, answer, fingerprint_now=mark, now=later)
    assert (held.go, held.until) == (Go.NONE, later + 60)
    assert failure.cause.rstrip(".") in held.refusal


@pytest.mark.parametrize("mark", ["a", "b"])
def test_once_it_refused_and_then_consents_everything_goes_on(mark: str) -> None:
    refused = asked(STOPPED, WRONG, None, fingerprint_now="a", now=NOON + 5)
    offline = asked(STOPPED, OFFLINE, refused, fingerprint_now="a", now=NOON + 65)
    answer = asked(STOPPED, None, offline, fingerprint_now=mark, now=NOON + 125)
    assert judge(STOPPED, answer, fingerprint_now=mark, now=NOON + 125).go is Go.ALL
    again = asked(STOPPED, None, answer, fingerprint_now=mark, now=NOON + 185)
    assert judge(STOPPED, again, fingerprint_now=mark, now=NOON + 185).go is Go.ALL


@pytest.mark.parametrize("before", [None, OFFLINE])
def test_the_consent_of_an_api_that_never_refused_proves_nothing(before: Failure | None) -> None:
    first = asked(STOPPED, before, None, fingerprint_now="a", now=NOON + 5)
    answer = asked(STOPPED, None, first, fingerprint_now="a", now=NOON + 65)
    assert judge(STOPPED, answer, fingerprint_now="a", now=NOON + 65).until == NOON + 600
    assert judge(STOPPED, answer, fingerprint_now="b", now=NOON + 65).go is Go.ONE
    assert judge(STOPPED, answer, fingerprint_now="a", now=NOON + 600).go is Go.ONE


def test_what_was_refused_before_another_runs_end_proves_nothing_about_this_one() -> None:
    refused = asked(STOPPED, WRONG, None, fingerprint_now="a", now=NOON + 5)
    other = replace(STOPPED, run_id="run-2")
    answer = asked(other, None, refused, fingerprint_now="a", now=NOON + 65)
    assert judge(other, answer, fingerprint_now="a", now=NOON + 65).go is Go.NONE


def test_an_endpoint_that_is_no_gemini_api_is_as_if_nobody_was_asked() -> None:
    failure = Failure(Code.CONFIGURATION, "HTTP 404 without its JSON")
    answer = asked(STOPPED, failure, None, fingerprint_now="a", now=NOON + 5)
    assert judge(STOPPED, answer, fingerprint_now="a", now=NOON + 5).until == NOON + 600
    assert judge(STOPPED, answer, fingerprint_now="a", now=NOON + 600).go is Go.ONE


@pytest.mark.parametrize(
    ("run_id", "mark", "seconds", "stands"),
    [("run-1", "a", 59, True), ("run-1", "a", 60, False), ("run-1", "b", 1, False), ("run-2", "a", 1, False)],
)
def test_an_answer_stands_for_a_minute_for_the_same_run_and_settings(
    run_id: str, mark: str, seconds: float, stands: bool
) -> None:
    answer = Asked("run-1", "a", NOON)
    assert answer.stands(replace(STOPPED, run_id=run_id), fingerprint_now=mark, now=NOON + seconds) is stands


def test_the_fingerprint_changes_with_key_and_model_and_tells_neither(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GEMINI_API_KEY", "one")
    first = fingerprint(load_settings())
    monkeypatch.setenv("GEMINI_API_KEY", "two")
    second = fingerprint(load_settings())
    monkeypatch.setenv("GEMINI_IMAGE_MODEL", "gemini-3-pro-image")
    assert len({first, second, fingerprint(load_settings())}) == 3
    assert "one" not in first
