"""Three rows at once under a budget for two and a half, with the real daemon, queue and run processes."""

from pathlib import Path

import pytest

from assetgen_emulators.gemini import GeminiEmulator
from assetgen_emulators.notion import NotionEmulator
from tests.helpers.dev import running_dev
from tests.helpers.harness import billed_usd
from tests.helpers.pipeline import ROW

pytestmark = [pytest.mark.slow, pytest.mark.timeout(400)]


def test_two_complete_the_third_waits_unpaid_with_the_figures_and_is_drawn_by_itself_when_there_is_room(
    gemini: GeminiEmulator, notion: NotionEmulator, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    channels = tmp_path / "channels.toml"
    channels.write_text("[channels.poke1]\nmonthly_budget_usd = 1.87\n")  # 2.5 times 22 pictures of 0.034
    monkeypatch.setenv("ASSETGEN_CHANNELS_FILE", str(channels))
    monkeypatch.setenv("ASSETGEN_COST_PER_IMAGE_USD", "0.034")
    gemini.set_latency(2)
    pages = [notion.add_row({**ROW, "Project ID": f"vid_{number}"}) for number in range(3)]

    def statuses() -> list[str]:
        return sorted(notion.row(page)["Status"] for page in pages)

    with running_dev(tmp_path):
        notion.wait_for(lambda _: statuses() == ["Asset Error", "Assets Ready", "Assets Ready"], timeout=200)
        [waiting] = [page for page in pages if notion.row(page)["Status"] == "Asset Error"]
        for figure in ("asks for $0.75", "may spend $1.87", "A new month begins at"):
            assert figure in notion.row(waiting)["Error Log"]
        assert len(gemini.journal()) == 44
        assert billed_usd(gemini.journal()) <= 1.87
        channels.write_text("[channels.poke1]\nmonthly_budget_usd = 2.25\n")
        notion.wait_for(lambda _: statuses() == ["Assets Ready"] * 3, timeout=150)
    assert len(gemini.journal()) == 66
    assert billed_usd(gemini.journal()) <= 2.25
