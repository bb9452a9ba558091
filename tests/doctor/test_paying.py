"""What the doctor says of paying."""

from pathlib import Path

import pytest

from assetgen_dagster.doctor.examine import examine
from assetgen_dagster.standins.gemini import GeminiStandIn


def test_it_says_what_of_the_monthly_budgets_is_spent(
    gemini: GeminiStandIn, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    assert any("No monthly budget is set." in str(finding) for finding in examine())
    monkeypatch.setenv("ASSETGEN_MONTHLY_BUDGET_USD", "50")
    file = tmp_path / "channels.toml"
    file.write_text("[channels.poke1]\nmonthly_budget_usd = 5\n")
    monkeypatch.setenv("ASSETGEN_CHANNELS_FILE", str(file))
    [said] = [str(finding) for finding in examine() if finding.name == "budget"]
    assert said.startswith("ok      budget: Spent in 20")
    assert said.endswith(": all channels together $0.00 of $50.00; poke1 $0.00 of $5.00.")
