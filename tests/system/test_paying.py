"""Three real runs that share one key: paused and resumed by command, and under one limit of requests a minute."""

import time
from pathlib import Path

import pytest

from assetgen_emulators.gemini import Call, GeminiEmulator
from tests.helpers.harness import billed, billed_usd
from tests.system.paying_runs import assetgen, finish, generating

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("dagster_home")]


def test_pause_stops_runs_in_progress_after_what_is_in_flight_and_resume_completes_them_each_picture_billed_once(
    gemini: GeminiEmulator, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ASSETGEN_IMAGE_CONCURRENCY", "1")
    gemini.set_latency(4)
    with generating(tmp_path / "workspace", runs=3, pictures=4) as runs:
        gemini.wait_for(lambda calls: sum(call.in_flight for call in calls) == 3, timeout=60)
        gemini.set_latency(0.2)
        assert "(checking the bill)" in assetgen("pause", "--reason", "checking the bill")
        paused_at = time.time()
        before = gemini.wait_for(lambda calls: not any(call.in_flight for call in calls), timeout=20)
        # A script that was started just before may have reached the emulator just after.
        assert [call for call in before if call.arrived_at > paused_at + 1] == []
        with pytest.raises(TimeoutError):
            gemini.wait_for(lambda calls: len(calls) > len(before), timeout=3)
        assert assetgen("resume").startswith("Paying goes on.")
        outputs = finish(runs, timeout=60)
    assert len(gemini.journal()) == len(billed(gemini.journal())) == 12
    assert all("Paying is paused by" in output and "Continues." in output for output in outputs)
    assert assetgen("resume") == "Paying was not paused.\n"


def test_of_three_runs_at_once_against_a_budget_for_two_and_a_half_two_complete_and_one_pays_nothing(
    gemini: GeminiEmulator, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Prompts are short: with their typical price reserved for each picture, what is reserved is what is spent.
    monkeypatch.setenv("ASSETGEN_COST_PER_IMAGE_USD", "0.0393")
    monkeypatch.setenv("ASSETGEN_MONTHLY_BUDGET_USD", "0.39")
    gemini.set_latency(2)
    with generating(tmp_path / "workspace", runs=3, pictures=4) as runs:
        outputs = {run.said: code for run, code in [(run, run.wait(90)) for run in runs]}
    assert sorted(outputs.values()) == [0, 0, 1]
    [refused] = [output for output, code in outputs.items() if code == 1]
    for figure in ("asks for $0.16", "may spend $0.39", "A new month begins at", "ASSETGEN_MONTHLY_BUDGET_USD"):
        assert figure in " ".join(refused.split())
    assert len(gemini.journal()) == len(billed(gemini.journal())) == 8
    assert billed_usd(gemini.journal()) <= 0.39


def share_of_the_limit(calls: list[Call], requests: int, window: float) -> float:
    """Returns how much of what was allowed between the first call and the last was used."""
    taken = [call.arrived_at for call in calls if call.status != 429]
    return len(taken) / (requests * (max(taken) - min(taken)) / window)


@pytest.mark.timed
@pytest.mark.timeout(400)
@pytest.mark.parametrize("backend", ["file", "postgres"])
def test_three_runs_of_22_pictures_against_30_requests_a_minute_meet_no_429_worth_the_name_and_waste_little(
    backend: str,
    gemini: GeminiEmulator,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    request: pytest.FixtureRequest,
) -> None:
    if backend == "postgres":
        monkeypatch.setenv("ASSETGEN_POSTGRES_URL", request.getfixturevalue("postgres_url"))
    monkeypatch.setenv("ASSETGEN_REQUESTS_PER_MINUTE", "30")
    gemini.limit_requests(30)
    gemini.set_latency(4)
    with generating(tmp_path / "workspace", runs=3, pictures=22) as runs:
        outputs = finish(runs, timeout=300)
    calls = gemini.journal()
    refused = [call for call in calls if call.status == 429]
    use = share_of_the_limit(calls, 30, 60)
    print(f"{backend}: {len(calls)} calls, {len(refused)} answered 429, {use:.0%} of the allowed rate used")
    assert len(billed(calls)) == 66
    assert len(refused) / len(calls) < 0.03
    assert use > 0.85
    assert any("requests-per-minute" in output for output in outputs)
