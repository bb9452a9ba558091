"""What the doctor says of paying."""

from pathlib import Path

import pytest

from assetgen_dagster.budget.stores import open_switches
from assetgen_dagster.budget.switches import note_used_up, pause, resume
from assetgen_dagster.cli.doctor.examine import examine
from assetgen_dagster.providers.registry import provider_of
from assetgen_dagster.settings import load_settings
from assetgen_emulators.gemini import GeminiEmulator
from tests.helpers.breakers import turn_billing_off
from tests.helpers.harness import Core
from tests.integration.cli.doctor.told import problem, problems

pytestmark = pytest.mark.usefixtures("dagster_home")


def test_a_pause_and_a_used_up_quota_are_problems_that_name_their_end(gemini: GeminiEmulator) -> None:
    settings = load_settings()
    switches = open_switches(settings)
    pause(switches, reason="The bill. It is odd", by="anna@studio")
    assert "by anna@studio since" in problem()
    assert problem().endswith(": assetgen resume.")
    resume(switches)
    note_used_up(switches, provider_of(settings))
    assert "daily quota is used up" in problem()
    assert problem().endswith(": assetgen resume.")
    resume(switches)
    assert problems() == []


def test_an_open_circuit_breaker_is_a_problem_with_the_code_and_remedy_until_resume(
    core: Core, gemini: GeminiEmulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    turn_billing_off(core, gemini, monkeypatch)
    assert problem().endswith("[billing]")
    assert "assetgen resume" in problem()
    resume(open_switches(load_settings()))
    assert problems() == []


def test_it_says_how_many_calls_a_minute_all_runs_together_make(
    gemini: GeminiEmulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert any("no limit of calls a minute is set" in str(finding) for finding in examine())
    monkeypatch.setenv("ASSETGEN_REQUESTS_PER_MINUTE", "30")
    assert any("at most 30 calls a minute" in str(finding) for finding in examine())


def test_it_says_what_of_the_monthly_budgets_is_spent(
    gemini: GeminiEmulator, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    assert any("No monthly budget is set." in str(finding) for finding in examine())
    monkeypatch.setenv("ASSETGEN_MONTHLY_BUDGET_USD", "50")
    file = tmp_path / "channels.toml"
    file.write_text("[channels.poke1]\nmonthly_budget_usd = 5\n")
    monkeypatch.setenv("ASSETGEN_CHANNELS_FILE", str(file))
    [said] = [str(finding) for finding in examine() if finding.name == "budget"]
    assert said.startswith("ok      budget: Spent in 20")
    assert said.endswith(": all channels together $0.00 of $50.00; poke1 $0.00 of $5.00.")
