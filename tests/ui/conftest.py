"""A browser beside everything of ours; these tests are run by ``make ui-test``."""

import importlib.util
import os
import shutil
import sys
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from PIL import Image

from assetgen_dagster.settings import PROJECT_ROOT
from assetgen_emulators.gemini import GeminiEmulator
from assetgen_emulators.notion import NotionEmulator
from tests.helpers.dev import Dev, running_dev

if TYPE_CHECKING:
    from playwright.sync_api import Browser

    from tests.ui.console import Console

if importlib.util.find_spec("playwright") is None:
    collect_ignore_glob = ["test_*.py"]  # `make test` does without it

#: Without a screen, and without a word to anybody's servers.
_FLAGS = [
    "--disable-gpu",
    "--disable-quic",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
    "--host-resolver-rules=MAP *.example 127.0.0.1",  # names of other sites, for test_foreign_pages
    "--no-sandbox",  # it has none as root, and sees nothing but our own pages
]

#: Takes folders out of every text of a page.
_HIDE = """folders => {
  const texts = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (texts.nextNode()) {
    const text = texts.currentNode;
    for (const folder of folders) if (text.data.includes(folder)) text.data = text.data.replaceAll(folder, "");
  }
}"""

#: What a picture in docs/ may weigh.
_LARGEST_BYTES = 200_000


@pytest.fixture(scope="session")
def browser() -> "Iterator[Browser]":
    from playwright.sync_api import sync_playwright

    path = os.environ.get("CHROMIUM") or shutil.which("chromium")
    assert path, "There is no Chromium: install it, or set CHROMIUM to its path."
    with sync_playwright() as playwright:
        found = playwright.chromium.launch(executable_path=path, args=_FLAGS)
        yield found
        found.close()


@pytest.fixture
def dev(
    notion: NotionEmulator, gemini: GeminiEmulator, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Dev]:
    """As everywhere, with a board, and with an owner to be seen."""
    monkeypatch.setenv("ASSETGEN_OWNER", "team:pictures")
    monkeypatch.setenv("ASSETGEN_IMAGE_TIMEOUT_SECONDS", "60")  # what a cancelled run waits for a call that hangs
    with running_dev(tmp_path) as running:
        yield running


@pytest.fixture
def console(browser: "Browser", dev: Dev, tmp_path: Path) -> "Iterator[Console]":
    """The Dagster UI in a browser that knows nothing of earlier tests; a failed test leaves its last screen."""
    from tests.ui.console import Console

    context = browser.new_context(viewport={"width": 1280, "height": 800})
    page = context.new_page()
    try:
        yield Console(page, dev)
    finally:
        page.screenshot(path=tmp_path / "last_screen.png")
        context.close()


@pytest.fixture
def screenshots(tmp_path: Path) -> "Screenshots":
    return Screenshots(
        PROJECT_ROOT / "docs" / "images" if os.environ.get("SCREENSHOTS") else tmp_path,
        hidden=(tmp_path, PROJECT_ROOT, Path(sys.prefix).parent),
    )


class Screenshots:
    """Pictures for docs/, which a test keeps to itself unless ``SCREENSHOTS`` is set: their bytes differ each time.

    Args:
        folder: Where they go.
        hidden: Folders of this machine that they do not show.
    """

    def __init__(self, folder: Path, *, hidden: tuple[Path, ...]) -> None:
        self._folder = folder
        self._hidden = hidden

    def take(self, console: "Console", name: str) -> None:
        """Keeps the page as it is seen, small enough for a repository."""
        console.page.evaluate(_HIDE, [str(path) for path in self._hidden])
        self._folder.mkdir(parents=True, exist_ok=True)
        path = self._folder / f"{name}.png"
        with Image.open(BytesIO(console.page.screenshot(animations="disabled"))) as seen:
            seen.convert("RGB").quantize(128).save(path, optimize=True)
        assert path.stat().st_size < _LARGEST_BYTES, path
