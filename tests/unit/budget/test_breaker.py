"""The circuit breaker's states, event by event."""

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from assetgen_dagster.budget.breaker import (
    FIRST_PROBE_SECONDS,
    Breaker,
    Probe,
    State,
    breaker_of,
    change_breaker,
    fingerprint,
    opened,
    opens,
    own_breaker,
    proves,
    with_probe,
)
from assetgen_dagster.budget.messages import breaker_failure
from assetgen_dagster.errors import Code
from assetgen_dagster.providers.failures import Failure
from assetgen_dagster.providers.registry import provider_of
from assetgen_dagster.settings import load_settings

NOON = datetime(2026, 11, 22, 12, tzinfo=UTC).timestamp()
MINUTE, HOUR, DAY = 60.0, 3600.0, 86_400.0
WRONG = Failure(Code.API_KEY, "no such key.", "Set GEMINI_API_KEY to a valid key")
UNPAID = Failure(Code.BILLING, "billing is off", "Enable billing")
GONE = Failure(Code.MODEL_NOT_FOUND, "no such model", "Set GEMINI_IMAGE_MODEL")
OUT = Failure(Code.OUTAGE, "overloaded", "Wait")
FAULTY = Failure(Code.API_ERROR, "internal error", "Run again later")
UNAVAILABLE = Failure(Code.API_ERROR, "overloaded", "Run again later", unavailable=True)
LOST = Failure(Code.ANSWER_LOST, "closed", "Run again")
ALL_LOST = Failure(Code.ANSWERS_LOST, "closed", "Check the proxy")
OFFLINE = Failure(Code.NETWORK, "no answer", "Check network")
NO_API = Failure(Code.CONFIGURATION, "HTTP 404 without its JSON", "Mend this setting")


def failed(failure: Failure = WRONG, *, now: float = NOON) -> Breaker:
    return opened(None, failure, run_id="run-1", now=now)


def probe(now: float, token: str = "a") -> Probe:
    return Probe(token, f"run-{token}", now, 90.0)


SHARED = {Code.ANSWERS_LOST, Code.API_KEY, Code.BILLING, Code.LOCATION, Code.MODEL_NOT_FOUND, Code.OUTAGE}


@pytest.mark.parametrize("code", sorted(SHARED))
def test_what_every_call_would_meet_opens_it(code: Code) -> None:
    assert opens(replace(WRONG, code=code))


@pytest.mark.parametrize("code", sorted(set(Code) - SHARED))
def test_what_lies_with_one_picture_video_or_machine_does_not(code: Code) -> None:
    assert not opens(replace(WRONG, code=code))


@pytest.mark.parametrize(
    ("code", "shows"),
    [(code, code in (Code.REFUSED, Code.NO_IMAGE)) for code in Code],
)
def test_a_failed_probe_shows_that_the_key_works_only_where_the_api_has_answered_it(code: Code, shows: bool) -> None:
    assert proves(replace(WRONG, code=code)) is shows


@pytest.mark.parametrize(
    ("seconds", "state"),
    [
        (0, State.OPEN),
        (FIRST_PROBE_SECONDS - 1, State.OPEN),
        (FIRST_PROBE_SECONDS, State.HALF_OPEN),
        (DAY, State.HALF_OPEN),
        (-5, State.OPEN),  # a machine whose clock is behind
        (-HOUR, State.HALF_OPEN),  # the clock was set back
    ],
)
def test_an_open_breaker_is_half_open_after_a_minute(seconds: float, state: State) -> None:
    assert failed(UNPAID).state(NOON + seconds) is state


def test_a_further_failure_leaves_an_open_breaker_as_it_is_and_opens_a_half_open_one_anew() -> None:
    first = failed()
    assert opened(first, UNPAID, run_id="run-2", now=NOON + 5) == first
    later = NOON + FIRST_PROBE_SECONDS
    again = opened(replace(first, probe=probe(later)), UNPAID, run_id="run-a", now=later + 5)
    assert again == Breaker(Code.BILLING, UNPAID.cause, UNPAID.remedy, "run-a", later + 5, 2 * FIRST_PROBE_SECONDS)
    assert again.state(later + 6) is State.OPEN
    assert opened(replace(first, closed=True), WRONG, run_id="run-2", now=NOON + 5).state(NOON + 6) is State.OPEN


def test_each_failed_probe_doubles_the_wait_up_to_the_longest() -> None:
    waits, breaker, now = [], failed(OUT), NOON
    for _ in range(6):
        waits.append(breaker.probe_after_seconds)
        now += breaker.probe_after_seconds
        breaker = opened(breaker, OUT, run_id="run-2", now=now)
    assert waits == [60, 120, 240, 480, 600, 600]
    assert opened(replace(breaker, closed=True), OUT, run_id="run-3", now=now).probe_after_seconds == 60


@pytest.mark.parametrize(
    ("breaker", "failure", "goes_on"),
    [
        (OUT, OFFLINE, True),
        (OUT, UNAVAILABLE, True),
        (OUT, LOST, True),
        (OUT, FAULTY, False),  # a picture may have this fault for itself
        (ALL_LOST, LOST, True),
        (ALL_LOST, OFFLINE, True),
        (WRONG, LOST, False),
        (OUT, UNPAID, False),
        (WRONG, OFFLINE, False),
        (UNPAID, FAULTY, False),
    ],
)
def test_one_more_fault_shows_an_outage_that_is_known(breaker: Failure, failure: Failure, goes_on: bool) -> None:
    assert failed(breaker).goes_on(failure) is goes_on
    if goes_on:
        again = opened(failed(breaker), failure, run_id="run-2", now=NOON + HOUR)
        assert (again.code, again.cause) == (breaker.code, failure.cause)


def test_an_api_that_did_not_answer_the_free_question_and_does_now_is_back() -> None:
    found = failed(OUT)
    assert found.may_ask(NOON + MINUTE, every_seconds=MINUTE)
    assert found.answered(None, NOON + 5).state(NOON + 5) is State.OPEN, "a description is no drawing"
    assert found.answered(OFFLINE, NOON + 5).answered(None, NOON + 65).closed


@pytest.mark.parametrize("answer", [OFFLINE, WRONG, GONE, NO_API, replace(FAULTY, code=Code.REJECTED)])
def test_the_free_question_delays_no_probe_during_an_outage(answer: Failure) -> None:
    found = failed(OUT).answered(answer, NOON + 5)
    assert (found.code, found.refusal, found.state(NOON + MINUTE)) == (Code.OUTAGE, "", State.HALF_OPEN)


def test_only_a_half_open_breaker_lets_a_call_probe_and_only_one() -> None:
    half_open = NOON + FIRST_PROBE_SECONDS
    assert with_probe(None, probe(NOON)) is None
    assert with_probe(failed(), probe(NOON + 5)) is None
    assert with_probe(replace(failed(), closed=True), probe(half_open)) is None
    taken = with_probe(failed(), probe(half_open))
    assert taken is not None
    assert taken.probing(half_open + 5) == probe(half_open)
    assert with_probe(taken, probe(half_open + 5, "b")) is None


@pytest.mark.parametrize(("seconds", "free"), [(89, False), (90, True), (-5, False), (-HOUR, True)])
def test_a_probe_whose_run_died_ends_with_its_time(seconds: float, free: bool) -> None:
    taken = with_probe(failed(), probe(NOON + DAY))
    assert (with_probe(taken, probe(NOON + DAY + seconds, "b")) is not None) is free


@pytest.mark.parametrize(
    ("failure", "seconds", "ask"),
    [(WRONG, 60, True), (WRONG, 59, False), (WRONG, -HOUR, True), (GONE, 60, True), (UNPAID, 60, False)],
)
def test_the_api_is_asked_about_what_it_tells_and_not_all_the_time(failure: Failure, seconds: float, ask: bool) -> None:
    asked = replace(failed(failure), asked_at=NOON)
    assert asked.may_ask(NOON + seconds, every_seconds=MINUTE) is ask
    assert not replace(asked, closed=True).may_ask(NOON + seconds, every_seconds=MINUTE)


@pytest.mark.parametrize("answer", [WRONG, OFFLINE, GONE, UNPAID])
def test_as_long_as_the_api_refuses_it_stays_open_whatever_the_hour(answer: Failure) -> None:
    found = failed().answered(answer, NOON + DAY)
    assert found.state(NOON + 2 * DAY) is State.OPEN
    assert answer.cause.rstrip(".") in found.refusal
    assert found.code == (Code.API_KEY if answer is OFFLINE else answer.code)
    assert not found.may_ask(NOON + DAY + MINUTE - 1, every_seconds=MINUTE)
    assert found.may_ask(NOON + DAY + MINUTE, every_seconds=MINUTE), "else nothing would end the refusal"
    assert found.remedy == (WRONG.remedy if answer is OFFLINE else answer.remedy)
    assert f"{answer.cause.rstrip('.')}. {answer.remedy}." == found.refusal


def test_an_endpoint_that_is_no_gemini_api_is_not_asked_all_the_time() -> None:
    assert not failed().answered(NO_API, NOON + 5).may_ask(NOON + 64, every_seconds=MINUTE)


@pytest.mark.parametrize(
    ("other", "same"),
    [
        (failed(), True),
        (replace(failed(), probe=probe(NOON), refusal="no"), True),
        (replace(failed(), run_id="run-2"), False),
        (failed(now=NOON + 1), False),
        (None, False),
    ],
)
def test_an_answer_counts_for_the_opening_that_was_asked_about(other: Breaker | None, same: bool) -> None:
    assert failed().same_opening(other) is same


def test_billing_that_the_api_itself_complained_of_is_probed_when_it_does_not_any_more() -> None:
    found = failed().answered(UNPAID, NOON + 5).answered(None, NOON + FIRST_PROBE_SECONDS)
    assert found.state(NOON + FIRST_PROBE_SECONDS) is State.HALF_OPEN


def test_once_it_refused_its_consent_closes_the_breaker() -> None:
    found = failed().answered(WRONG, NOON + 5).answered(OFFLINE, NOON + 65).answered(None, NOON + 125)
    assert found.state(NOON + 125) is State.CLOSED


@pytest.mark.parametrize("before", [None, OFFLINE, NO_API])
def test_the_consent_of_an_api_that_never_refused_proves_nothing(before: Failure | None) -> None:
    found = failed().answered(before, NOON + 5).answered(None, NOON + 15)
    assert found.state(NOON + 15) is State.OPEN
    assert found.state(NOON + FIRST_PROBE_SECONDS) is State.HALF_OPEN


def test_an_endpoint_that_is_no_gemini_api_is_as_if_nobody_was_asked() -> None:
    found = failed().answered(WRONG, NOON + 5).answered(NO_API, NOON + 65)
    assert found.state(NOON + FIRST_PROBE_SECONDS) is State.HALF_OPEN


# --- Among the switches ----------------------------------------------------------------------------------------------


def stored(**breakers: Breaker) -> dict[str, Any]:
    values: dict[str, Any] = {"pause": {"by": "anna"}}
    for mark, breaker in breakers.items():
        change_breaker(values, mark, lambda _, kept=breaker: kept, now=NOON)  # type: ignore[misc]
    return values


def test_a_breaker_is_read_as_it_was_stored_and_leaves_the_other_switches_alone() -> None:
    kept = replace(failed(), probe=probe(NOON), refusal="no", was_refused=True)
    values = stored(a=kept)
    assert own_breaker(values, "a", now=NOON) == kept
    assert values["pause"] == {"by": "anna"}


def test_changed_settings_are_on_trial_at_once_while_the_breaker_of_those_before_is_open() -> None:
    values = stored(a=replace(failed(), refusal="no", was_refused=True, probe=probe(NOON), asked_at=NOON))
    assert own_breaker(values, "b", now=NOON) is None
    trial = breaker_of(values, "b", now=NOON + 5)
    assert trial is not None
    assert (trial.state(NOON + 5), trial.probing(NOON + 5)) == (State.HALF_OPEN, None)
    assert trial.may_ask(NOON + 5, every_seconds=MINUTE)
    assert trial.answered(None, NOON + 5).closed, "what was refused before is taken now"
    assert breaker_of({}, "b", now=NOON) is None


def test_settings_that_proved_themselves_are_not_on_trial_again_and_are_forgotten_with_the_last_open_breaker() -> None:
    values = stored(a=failed(UNPAID), b=replace(failed(), closed=True))
    found = breaker_of(values, "b", now=NOON)
    assert found is not None
    assert found.state(NOON + HOUR) is State.CLOSED
    change_breaker(values, "a", lambda found: replace(found, closed=True) if found else None, now=NOON)
    assert values == {"pause": {"by": "anna"}}


@pytest.mark.parametrize("code", sorted(SHARED))
def test_a_call_that_is_held_back_names_the_command_that_closes_the_breaker_once(code: Code) -> None:
    told = breaker_failure(failed(Failure(code, "as the API said")), load_settings())
    assert told.code is code
    assert told.remedy.count("assetgen resume") == (code is not Code.OUTAGE)


def test_settings_on_trial_carry_on_from_the_latest_failure() -> None:
    values = stored(b=failed(UNPAID, now=NOON + 5), a=failed(now=NOON))
    trial = breaker_of(values, "c", now=NOON + 10)
    assert trial is not None
    assert (trial.code, trial.refusal, trial.probe_at, trial.asked_at) == (Code.BILLING, "", NOON + 5, 0.0)
    change_breaker(values, "c", lambda found: replace(found, closed=True) if found else None, now=NOON + 10)
    assert sorted(values) == ["breaker:a", "breaker:b", "breaker:c", "pause"]
    change_breaker(values, "b", lambda _: None, now=NOON + 10)
    assert sorted(values) == ["breaker:a", "breaker:c", "pause"]


def test_a_further_failure_frees_the_place_of_the_probe() -> None:
    assert opened(replace(failed(), probe=probe(NOON)), UNPAID, run_id="run-2", now=NOON + 5).probe is None


@pytest.mark.parametrize(
    "used", [{"asked_at": NOON + 2 * DAY}, {"probe": probe(NOON + 2 * DAY)}, {"opened_at": NOON + 2 * DAY}]
)
def test_a_breaker_in_use_is_not_forgotten(used: dict[str, Any]) -> None:
    values = stored(a=replace(failed(), **used))
    assert breaker_of(values, "a", now=NOON + 9 * DAY) is not None
    assert breaker_of(values, "a", now=NOON + 9 * DAY + 1) is None


def test_a_breaker_that_nobody_looked_at_for_a_week_is_forgotten() -> None:
    values = stored(a=failed())
    assert breaker_of(values, "a", now=NOON + 6 * DAY) is not None
    assert breaker_of(values, "a", now=NOON + 8 * DAY) is None


@pytest.mark.parametrize("value", [{}, {"code": "api_key"}, {"code": 1, "cause": None, "opened_at": "noon"}])
def test_an_entry_in_another_shape_holds_nobody(value: dict[str, Any]) -> None:
    assert breaker_of({"breaker:a": value}, "a", now=NOON) is None


def test_the_fingerprint_changes_with_key_model_script_and_endpoint_and_tells_none(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    found = []
    for variable, value in (
        ("GEMINI_API_KEY", "one"),
        ("GEMINI_API_KEY", "two"),
        ("ASSETGEN_SCRIPT", "/opt/draw.py"),
        ("GOOGLE_GEMINI_BASE_URL", "http://127.0.0.1:1"),
        ("GEMINI_IMAGE_MODEL", "gemini-b"),
    ):
        monkeypatch.setenv(variable, value)
        found.append(fingerprint(provider_of(load_settings())))
    assert len(set(found)) == 5
    assert "one" not in found[0]
    monkeypatch.setenv("GEMINI_IMAGE_MODEL", "models/gemini-b")
    assert fingerprint(provider_of(load_settings())) == found[-1]
