from collections.abc import Iterator

import pytest

from assetgen_dagster.standins.gemini import GeminiStandIn


@pytest.fixture
def gemini() -> Iterator[GeminiStandIn]:
    """The Gemini API on this machine, without latency and accepting any key."""
    with GeminiStandIn() as stand_in:
        yield stand_in
