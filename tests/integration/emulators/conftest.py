from collections.abc import Iterator
from typing import Any

import notion_client
import pytest

from assetgen_emulators.gemini import GeminiEmulator
from assetgen_emulators.notion import NotionEmulator


@pytest.fixture(autouse=True)
def small_pictures() -> None:
    """Has none: what the emulator paints is the subject here."""


@pytest.fixture
def gemini() -> Iterator[GeminiEmulator]:
    """The Gemini API on this machine, without latency and accepting any key."""
    with GeminiEmulator() as emulator:
        yield emulator


@pytest.fixture
def client(notion: NotionEmulator) -> Any:
    """Notion's own library, which does not try again by itself."""
    return notion_client.Client(auth=notion.token, base_url=notion.base_url, retry=False)
