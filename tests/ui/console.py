"""The Dagster UI as a person uses it: what is clicked, in the words that stand there."""

import contextlib
import re

from playwright.sync_api import Error, Locator, Page, expect

from tests.helpers.dev import Dev

#: Pages and runs are waited for, not timed: other work may be going on beside them.
PAGE_MILLISECONDS = 60_000
RUN_MILLISECONDS = 240_000

_TRIES = 8
_TRY_MILLISECONDS = 10_000

expect.set_options(timeout=PAGE_MILLISECONDS)


class Console:
    """One browser window.

    Args:
        page: What it shows.
        dev: The services behind it.
    """

    def __init__(self, page: Page, dev: Dev) -> None:
        page.set_default_timeout(PAGE_MILLISECONDS)
        self.page = page
        self.url = dev.url.removesuffix("/graphql")

    def open_group(self) -> None:
        """Goes to the group of all assets."""
        self.page.goto(f"{self.url}/locations/assetgen_dagster/asset-groups/assets/lineage")

    def open_asset(self, name: str, partition: str = "") -> None:
        """Goes to an asset, and there to one of its partitions."""
        self.page.goto(f"{self.url}/assets/{name}?view=" + (f"partitions&partition={partition}" if partition else ""))

    def open_run(self, run_id: str) -> None:
        """Goes to a run."""
        self.page.goto(f"{self.url}/runs/{run_id}")

    def open_dialog(self) -> Locator:
        """Clicks *Materialize* and returns the dialog."""
        self.page.get_by_role("button", name=re.compile("Materialize")).first.click()
        dialog = self.page.get_by_role("dialog").first
        expect(dialog).to_contain_text("Partition selection")
        return dialog

    def add_partition(self, dialog: Locator, key: str) -> None:
        """Adds a partition in the dialog, which may or may not select it: better open another one to do so."""
        dialog.get_by_text("Add a partition").click()
        adding = self.page.get_by_role("dialog").filter(has_text="Partition name")
        adding.get_by_placeholder("name").fill(key)
        adding.get_by_role("button", name="Save").click()
        expect(adding).to_have_count(0)

    def choose_partitions(self, dialog: Locator, typed: str, count: int) -> None:
        """Selects what the filter of the dialog leaves; again if need be: it forgets a choice made while it loads."""
        chosen = dialog.get_by_text("1 partition" if count == 1 else f"{count} partitions", exact=True)
        for _ in range(_TRIES):
            with contextlib.suppress(Error):
                self._choose(dialog, typed, count)
                chosen.wait_for(timeout=_TRY_MILLISECONDS)
                return
        expect(chosen).to_be_visible()

    def _choose(self, dialog: Locator, typed: str, count: int) -> None:
        dialog.get_by_text("Select a partition or create one").click(timeout=_TRY_MILLISECONDS)
        box = self.page.get_by_placeholder("Filter partitions")
        box.fill(typed, timeout=_TRY_MILLISECONDS)
        self.page.get_by_text(f"Select all ({count})").click(timeout=_TRY_MILLISECONDS)
        if box.is_visible():
            self.page.keyboard.press("Escape")

    def write_config(self, dialog: Locator, text: str) -> Locator:
        """Types config into the dialog's editor; returns the editor's dialog, where it is still to be saved."""
        dialog.get_by_text("Config", exact=True).click()
        dialog.get_by_role("button", name="Add config").click()
        editor = self.page.get_by_role("dialog").filter(has_text="Config Editor")
        editor.locator(".CodeMirror.cm-s-config-editor").click()
        self.page.keyboard.press("Control+a")
        self.page.keyboard.insert_text(text)
        expect(editor).to_contain_text("No errors")
        return editor

    def launch(self, dialog: Locator, button: str = "Launch 1 run") -> None:
        """Launches what the dialog has, and follows the link to it."""
        dialog.get_by_role("button", name=button, exact=True).click()
        self.page.get_by_role("link", name="View", exact=True).click()

    def wait_for_backfill(self) -> None:
        """Waits until the page of a backfill says that it succeeded, which is also the title of a column."""
        expect(self.page.get_by_text("Succeeded", exact=True)).to_have_count(2, timeout=RUN_MILLISECONDS)

    def open_re_execution(self) -> Locator:
        """Opens the menu beside *Re-execute all* on a run's page, and returns its items."""
        self.page.get_by_role("button", name="Re-execute all").locator("xpath=following::button[1]").click()
        return self.page.get_by_role("menuitem")

    def wait_for_status(self, status: str) -> None:
        """Waits until the page of a run shows how it goes."""
        expect(self.page.get_by_text(status, exact=True).first).to_be_visible(timeout=RUN_MILLISECONDS)
