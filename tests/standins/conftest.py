from collections.abc import Iterator
from typing import Any

import notion_client
import pytest

from assetgen_dagster.standins.gemini import GeminiStandIn
from assetgen_dagster.standins.notion import NotionStandIn


@pytest.fixture
def gemini() -> Iterator[GeminiStandIn]:
    """The Gemini API on this machine, without latency and accepting any key."""
    with GeminiStandIn() as stand_in:
        yield stand_in


@pytest.fixture
def client(notion: NotionStandIn) -> Any:
    """Notion's own library, which does not try again by itself."""
    return notion_client.Client(auth=notion.token, base_url=notion.base_url, retry=False)
