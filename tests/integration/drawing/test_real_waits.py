"""The waits once for real, read from the journal's own times."""

from itertools import pairwise

import pytest

from assetgen_dagster.providers.backoff import SystemClock
from assetgen_emulators.gemini import Fault, GeminiEmulator
from assetgen_emulators.gemini.faults import ApiError
from tests.helpers.harness import Core, manifest_of


@pytest.mark.timed
@pytest.mark.slow
def test_retries_arrive_after_1_2_4_8_and_16_seconds(core: Core, gemini: GeminiEmulator) -> None:
    core.manifest = manifest_of(1)
    gemini.plan([Fault(ApiError(500), times=None)])
    core.draw(clock=SystemClock())
    arrived = [call.arrived_at for call in gemini.journal()]
    gaps = [later - earlier for earlier, later in pairwise(arrived)]
    assert len(gaps) == 5
    # A script takes some of a second to start and to say why it failed.
    assert all(wait <= gap < wait * 1.25 + 1.5 for wait, gap in zip((1, 2, 4, 8, 16), gaps, strict=True))


@pytest.mark.timed
@pytest.mark.slow
def test_after_a_429_nothing_of_the_project_arrives_until_the_delay_is_over(
    core: Core, gemini: GeminiEmulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ASSETGEN_IMAGE_CONCURRENCY", "1")
    gemini.plan([Fault(ApiError(429, retry_delay_seconds=5), nth=1)])
    core.draw(clock=SystemClock())
    first, *others = [call.arrived_at for call in gemini.journal()]
    assert min(others) - first >= 5
