"""Pages of other sites, in a real browser beside the UI: whatever they send, no run starts."""

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import quote

import pytest
from playwright.sync_api import Browser, Page, expect

from assetgen_emulators.gemini import GeminiEmulator
from tests.helpers.dev import KEY, LOCATION, Dev, free_port
from tests.helpers.harness import billed, manifest_of, write_project
from tests.ui.console import Console

pytestmark = [pytest.mark.ui, pytest.mark.timeout(300)]

MUTATION = (
    f'mutation {{ launchRun(executionParams: {{selector: {{repositoryName: "{LOCATION["repositoryName"]}", '
    f'repositoryLocationName: "{LOCATION["repositoryLocationName"]}", jobName: "generate_project_assets"}}, '
    f'executionMetadata: {{tags: [{{key: "dagster/partition", value: "{KEY}"}}]}}}}) {{ __typename }} }}'
)

#: Tries everything that a page can send to another site, and then says so in its title.
PAGE = """<!doctype html><a href="%(ui)s/runs">to the UI</a>
<iframe name="answers"></iframe><iframe src="%(ui)s/runs" id="framed"></iframe>
<form target="answers" method="post" enctype="text/plain" action="%(ui)s/graphql?query=%(query)s"></form>
<script>
const settled = (set) => new Promise((done) => { set(done); });
const body = %(body)s;
const send = (headers, mode) => fetch("%(ui)s/graphql", {method: "POST", body, headers, mode}).catch(() => {});
const picture = settled((done) => {
  const image = document.createElement("img");
  image.onload = image.onerror = done;
  image.src = "%(ui)s/graphql?query=%(query)s";
  document.body.append(image);
});
const socket = settled((done) => {
  const opened = new WebSocket("%(ui)s/graphql".replace("http", "ws"), "graphql-ws");
  opened.onerror = opened.onclose = done;
  opened.onopen = () => {
    opened.send(JSON.stringify({type: "start", id: "1", payload: JSON.parse(body)}));
    setTimeout(() => opened.close(), 3000);
  };
});
const form = settled((done) => {
  document.querySelector("iframe").onload = done;
  document.querySelector("form").submit();
});
Promise.all([
  picture, socket, form,
  send({"content-type": "text/plain"}, "no-cors"),
  send({"content-type": "text/plain; x=application/json"}, "no-cors"),
  send({"content-type": "application/json"}, "cors"),
]).then(() => { document.title = "all sent"; });
</script>"""


@pytest.fixture
def site(dev: Dev) -> Iterator[str]:
    """Another site, on this machine, so that the browser's own rules for private networks do not protect the UI."""
    values = {
        "ui": dev.url.removesuffix("/graphql"),
        "query": quote(MUTATION),
        "body": json.dumps(json.dumps({"query": MUTATION})),
    }
    content = (PAGE % values).encode()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("content-type", "text/html; charset=utf-8")
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", free_port()), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://other-site.example:{server.server_port}/"
        server.shutdown()


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    context = browser.new_context()
    yield context.new_page()
    context.close()


def test_no_page_of_another_site_starts_a_run_but_its_links_lead_to_the_ui(
    page: Page, site: str, dev: Dev, gemini: GeminiEmulator, tmp_path: Path
) -> None:
    write_project(tmp_path / "workspace", manifest_of(2))
    dev.add_partition()
    for address in (site, site.replace("other-site.example", "127.0.0.1")):  # a site, and another port of this machine
        page.goto(address)
        expect(page).to_have_title("all sent")
        assert dev.ask("{ runsOrError { ... on Runs { results { runId } } } }")["runsOrError"]["results"] == []
        assert "Runs" not in page.frame_locator("#framed").locator("body").inner_text()
    page.get_by_role("link", name="to the UI").click()
    expect(page.get_by_text("No runs found")).to_be_visible()
    assert gemini.journal() == []

    # What was sent does start a run where it may.
    assert dev.ask(MUTATION)["launchRun"]["__typename"] == "LaunchRunSuccess"
    gemini.wait_for(lambda calls: len(billed(calls)) == 2, timeout=120)


def test_a_name_that_is_bound_to_this_machine_is_not_answered(page: Page, dev: Dev) -> None:
    answer = page.goto(dev.url.replace("127.0.0.1", "rebound.example").removesuffix("graphql"))
    assert answer is not None
    assert answer.status == 403
    expect(page.locator("body")).to_contain_text("ASSETGEN_UI_URL")


def test_the_editor_for_graphql_works(console: Console) -> None:
    console.page.goto(f"{console.url}/graphql")
    console.page.locator(".graphiql-query-editor").click()
    console.page.keyboard.press("Control+a")
    console.page.keyboard.insert_text("{version}")
    console.page.get_by_role("button", name="Execute").click()
    expect(console.page.locator(".result-window")).to_contain_text('"version"')
