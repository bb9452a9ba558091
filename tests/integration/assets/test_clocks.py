"""A machine's clock is set while it draws: a double click pays once, and what is asked for afterwards is drawn.

The runs are created by the database's clock, which stays right. Behind it, what is drawn looks older than a second
click; ahead of it, a new request looks older than what is drawn.
"""

import time
from collections.abc import Callable, Sequence
from typing import Any

import dagster as dg
import pytest

from assetgen_dagster.assets.keys import JOB_NAME, image_key
from assetgen_dagster.assets.tags import PARTITION_TAG, REQUEST_TAG
from assetgen_dagster.drawing.status import finished_at
from assetgen_emulators.gemini import GeminiEmulator
from tests.helpers.harness import Core, manifest_of
from tests.helpers.pipeline import at_the_picture
from tests.helpers.studio import Dagit

KEY = "poke1:vid_123"

SetClock = Callable[[float], None]


@pytest.fixture
def set_clock(monkeypatch: pytest.MonkeyPatch) -> SetClock:
    right = time.time

    def set_by(seconds: float) -> None:
        monkeypatch.setattr(time, "time", lambda: right() + seconds)

    return set_by


class Clicks:
    """Orders for one project: each is a run in the queue, carried out when the test says so."""

    def __init__(self, dagit: Dagit, images: dict[str, Any], selection: Sequence[dg.AssetKey] | None) -> None:
        self._dagit, self._selection = dagit, selection
        self._job = dagit.definitions.resolve_job_def(JOB_NAME)
        self._config = {
            "ops": {"images": {"config": images}},
            "loggers": {"console": {"config": {"log_level": "CRITICAL"}}},
        }

    def click(self) -> str:
        run = self._dagit.instance.create_run_for_job(
            self._job,
            run_config=self._config,
            tags={PARTITION_TAG: KEY},
            asset_selection=frozenset(self._selection) if self._selection else None,
        )
        return run.run_id

    def carry_out(self, run_id: str) -> None:
        """Runs as the queue would: a run that was made earlier can be carried out in this process by its retry only."""
        done = self._job.execute_in_process(
            self._config,
            instance=self._dagit.instance,
            partition_key=KEY,
            asset_selection=self._selection,
            tags={REQUEST_TAG: run_id},
        )
        assert done.success


ORDERS: dict[str, tuple[dict[str, Any], list[dg.AssetKey] | None, int]] = {
    "all pictures": ({}, None, 3),
    "picked by hand": ({}, [image_key(1), image_key(2)], 2),
    "single pictures": ({"redraw": ["1", "2"]}, None, 2),
    "single pictures with a remark": ({"redraw": ["1", "2"], "remark": "more fog"}, None, 2),
}


@pytest.mark.parametrize(("order", "seconds"), [*((order, -300) for order in ORDERS), ("all pictures", 300)])
def test_a_double_click_while_a_run_draws_pays_once_and_a_click_after_it_is_a_new_order(
    order: str, seconds: float, small: Dagit, core: Core, gemini: GeminiEmulator, set_clock: SetClock
) -> None:
    small.materialize()
    config, selection, pictures = ORDERS[order]
    clicks = Clicks(small, config, selection)
    gemini.set_latency(0.5)
    first, second = clicks.click(), list[str]()

    def click_again() -> None:
        second.append(clicks.click())
        set_clock(seconds)

    with at_the_picture(4, gemini, click_again):
        clicks.carry_out(first)
    assert len(gemini.journal()) == 3 + pictures
    gemini.set_latency(0)
    clicks.carry_out(second[0])
    assert len(gemini.journal()) == 3 + pictures, "the second click found it done"
    assert (finished_at(core.records) is None) is (selection is not None), "single pictures have to be summed up again"
    clicks.carry_out(clicks.click())
    assert len(gemini.journal()) == 3 + 2 * pictures


@pytest.mark.parametrize("seconds", [-300, 300])
def test_a_double_click_on_regenerate_pays_once_and_a_click_after_it_draws_again(
    seconds: float, small: Dagit, gemini: GeminiEmulator, set_clock: SetClock
) -> None:
    small.materialize()
    clicks = Clicks(small, {"mode": "regenerate"}, None)
    first, second = clicks.click(), clicks.click()
    set_clock(seconds)
    for click in (first, second, first):
        clicks.carry_out(click)
    assert len(gemini.journal()) == 6
    clicks.carry_out(clicks.click())
    assert len(gemini.journal()) == 9


def test_an_order_with_another_remark_is_not_served_by_the_one_before(small: Dagit, gemini: GeminiEmulator) -> None:
    small.materialize()
    fog, rain = (Clicks(small, {"redraw": ["2"], "remark": remark}, None) for remark in ("more fog", "rain"))
    first, second = fog.click(), rain.click()
    fog.carry_out(first)
    rain.carry_out(second)
    assert [call.prompt.rsplit("\n", 1)[-1] for call in gemini.journal()[3:]] == ["more fog", "rain"]


def test_an_order_that_was_served_leaves_the_other_pictures_alone(small: Dagit, gemini: GeminiEmulator) -> None:
    small.materialize()
    clicks = Clicks(small, {"redraw": ["2"]}, None)
    first, second = clicks.click(), clicks.click()
    clicks.carry_out(first)
    small.write_manifest(manifest_of(3, picture_03="Subject 03 at night"))
    clicks.carry_out(second)
    assert [call.prompt.partition("Subject ")[2][:2] for call in gemini.journal()[3:]] == ["02"]
