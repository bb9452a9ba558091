"""A producer sets a row; the real daemon, queue and run do the rest. Times are those of the emulators' journals."""

import time

import pytest

from assetgen_emulators.gemini import GeminiEmulator
from assetgen_emulators.notion import NotionEmulator
from tests.helpers.dev import Dev
from tests.helpers.pipeline import ROW


def test_a_row_set_to_generating_assets_is_drawn_and_says_so(
    notion: NotionEmulator, dev: Dev, gemini: GeminiEmulator
) -> None:
    set_at = time.time()
    page = notion.add_row({**ROW, "Project ID": "vid_123"})
    notion.wait_for(lambda _calls: notion.row(page)["Status"] == "Assets Ready", timeout=90)
    ready_at = time.time()
    notion.wait_for(lambda calls: any(call.saved for call in calls))  # the row is seen a moment before its entry
    calls = gemini.journal()
    assert len(calls) == 22
    assert notion.row(page)["Cost (USD)"] == pytest.approx(sum(call.billed_usd for call in calls), abs=1e-3)
    # Not a minute later, when some sensor has its turn again; more than generous, for other tests run beside this one.
    assert calls[0].arrived_at - set_at < 60
    assert ready_at - max(call.finished_at or 0 for call in calls) < 20
    [link] = [call.body["properties"]["Run"]["rich_text"][0]["text"]["link"] for call in notion.journal() if call.saved]
    assert link["url"] == f"{dev.url.removesuffix('/graphql')}/runs/{notion.row(page)['Run']}"
