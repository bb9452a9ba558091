"""Notion's faults at each call of the whole way from a row to its report: nothing lost, nothing doubled, plainly said.

The calls of a pass without faults are written down here, so that a call more is a case more. ``make test`` runs each
call with some fault and each fault at some call; ``make test-slow`` every fault at every call.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import dagster as dg
import pytest

from assetgen_dagster.definitions import build_definitions
from assetgen_emulators.gemini import Fault as GeminiFault
from assetgen_emulators.gemini import GeminiEmulator
from assetgen_emulators.gemini.faults import NoImage
from assetgen_emulators.notion import NotionEmulator
from assetgen_emulators.notion.faults import (
    AnyAction,
    ApiError,
    EmptyBody,
    Fault,
    Hang,
    HtmlPage,
    Reset,
    TornBody,
    blocked,
)
from tests.conftest import API_KEY
from tests.helpers.harness import billed, manifest_of
from tests.helpers.pipeline import ROW, Pipeline, impatient_boards
from tests.helpers.studio import Dagit

PICTURES = 2

_SCHEMA = ["databases.retrieve", "data_sources.retrieve"]
_LOOK = [*_SCHEMA, "data_sources.query"]
_TICK = [*_LOOK, *_LOOK]  # a new row's text has stood still at the second one
#: Before the manifest, before the first picture, and while pictures are drawn.
_WATCH = [*_SCHEMA, "pages.retrieve", "pages.retrieve", "pages.retrieve", "pages.update", "pages.retrieve"]
_TELL = [*_SCHEMA, "pages.retrieve", "pages.retrieve", "pages.update"]


@dataclass(frozen=True)
class Way:
    """A row's way through the pipeline.

    Attributes:
        calls: What is asked of Notion, in this order, when nothing goes wrong.
        status: How the row ends.
        says: What its Error Log must say; empty for an empty one.
        runs: How many runs it takes.
        billed: How many pictures are paid for.
        begins_anew: The number of the first call that no earlier way has.
    """

    calls: tuple[str, ...]
    status: str
    says: str = ""
    runs: int = 1
    billed: int = PICTURES
    begins_anew: int = 1


#: A row that is drawn, one whose second picture is refused, and one that cannot be drawn.
WAYS = {
    "ready": Way((*_TICK, *_WATCH, *_TELL), "Assets Ready"),
    "failed": Way((*_TICK, *_WATCH, *_TELL), "Asset Error", "#02 picture_02", billed=1, begins_anew=14),
    "rejected": Way(
        (*_TICK, "pages.retrieve", "pages.update"), "Asset Error", "Fill in Channel", runs=0, billed=0, begins_anew=7
    ),
}

#: What passes, by what an operator would call it.
PASSING: dict[str, AnyAction] = {
    "429": ApiError(429),
    "429 with a time": ApiError(429, retry_after="3"),
    "529": ApiError(529, retry_after="3"),
    "409": ApiError(409),
    "500": ApiError(500),
    "502 as a page": HtmlPage(502),
    "503": ApiError(503),
    "503, saved": ApiError(503, saved=True),
    "reset": Reset(),
    "reset, saved": Reset(saved=True),
    "torn": TornBody(),
    "empty": EmptyBody(200),
    "hang": Hang(),
    "hang, saved": Hang(saved=True),
    "404 once": ApiError(404, message="Could not find it."),
}

#: What stays until somebody mends it, and what the operator must be told.
LASTING: dict[str, tuple[AnyAction, str]] = {
    "401": (ApiError(401, message="API token is invalid."), "Set NOTION_TOKEN"),
    "403": (ApiError(403, message="Insufficient permissions."), "tick Read content and Update content"),
    "404": (ApiError(404, message="Could not find it."), "then Connections, and choose the integration"),
    "400": (
        ApiError(400, message="Could not find property with name or id: Status"),
        "property with name or id: Status",
    ),
    "blocked": (blocked(), "[notion_blocked]"),
}


def cases(*, every: bool) -> Iterator[tuple[str, int, str]]:
    """Yields way, number of the call and fault: all of them, or as few as have each call and each fault."""
    kinds = [*PASSING, *LASTING]
    for name, way in WAYS.items():
        # What the other ways begin with is the same as in the first one.
        calls = range(1 if name == "ready" else way.begins_anew, len(way.calls) + 1)
        if every:
            yield from ((name, call, kind) for call in calls for kind in kinds)
            continue
        count = max(len(kinds), len(calls)) if name == "ready" else 2
        # Steps without a common divisor, so that call and fault do not go round together.
        yield from (
            (name, calls[-1 - 7 * n % len(calls)], kinds[(3 * n + len(name)) % len(kinds)]) for n in range(count)
        )


@pytest.fixture(scope="module")
def servers() -> Iterator[tuple[GeminiEmulator, NotionEmulator]]:
    with GeminiEmulator(api_keys={API_KEY}) as gemini, NotionEmulator() as notion:
        yield gemini, notion


@pytest.fixture(scope="module")
def definitions() -> dg.Definitions:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("ASSETGEN_IMAGE_SLOTS", str(PICTURES))
        return build_definitions()


@pytest.fixture
def gemini(servers: tuple[GeminiEmulator, NotionEmulator]) -> GeminiEmulator:
    servers[0].reset()
    return servers[0]


@pytest.fixture
def notion(servers: tuple[GeminiEmulator, NotionEmulator]) -> NotionEmulator:
    servers[1].plan([])
    servers[1].calls.clear()
    return servers[1]


@pytest.fixture
def pipeline(
    gemini: GeminiEmulator,
    notion: NotionEmulator,
    definitions: dg.Definitions,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> Iterator[Pipeline]:
    settings = {
        "GOOGLE_GEMINI_BASE_URL": gemini.base_url,
        "GEMINI_API_KEY": API_KEY,
        "NOTION_BASE_URL": notion.base_url,
        "NOTION_TOKEN": notion.token,
        "NOTION_DATABASE_ID": notion.create_database(),
        "NOTION_STATUS_DRAWING": "Drawing",
        "NOTION_REVIEW_SHEET": "false",  # what becomes of that is no matter of the row's: see test_page.py
        "ASSETGEN_IMAGE_SLOTS": str(PICTURES),
    }
    for name, value in settings.items():
        monkeypatch.setenv(name, value)
    with dg.DagsterInstance.ephemeral() as instance:
        dagit = Dagit(instance, tmp_path / "workspace", definitions)
        dagit.write_manifest(manifest_of(PICTURES))
        yield Pipeline(dagit, notion)


def new_row(way: str, notion: NotionEmulator, gemini: GeminiEmulator) -> str:
    if way == "failed":
        gemini.plan([GeminiFault(NoImage("IMAGE_SAFETY"), prompt="Subject 02", times=None)])
    return notion.add_row({**ROW, "Project ID": "vid_123"} | ({"Channel": None} if way == "rejected" else {}))


def check_end(way: Way, pipeline: Pipeline, page: str, gemini: GeminiEmulator) -> None:
    """Both journals and the row agree that everything happened once."""
    row, calls = pipeline.notion.row(page), gemini.journal()
    assert row["Status"] == way.status
    assert way.says in row["Error Log"] if way.says else row["Error Log"] == ""
    assert len(pipeline.runs_of(page)) == way.runs
    assert [call.prompt for call in calls].count("") == 0
    assert len({call.prompt for call in calls}) == len(calls), "no picture is asked for twice"
    assert len(billed(calls)) >= way.billed
    if way.runs:
        assert row["Cost (USD)"] == pytest.approx(sum(call.billed_usd for call in calls), abs=1e-3)


@pytest.mark.parametrize("way", WAYS)
def test_without_faults_notion_is_asked_for_this_and_no_more(
    way: str, pipeline: Pipeline, notion: NotionEmulator, gemini: GeminiEmulator
) -> None:
    gemini.set_latency(0.7)  # so that the look at the row is over before the report
    page = new_row(way, notion, gemini)
    pipeline.tick()
    gemini.set_latency(0)
    assert [call.endpoint for call in notion.journal()] == list(WAYS[way].calls)
    check_end(WAYS[way], pipeline, page, gemini)


def _case(
    way: str, call: int, kind: str, pipeline: Pipeline, gemini: GeminiEmulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    notion = pipeline.notion
    impatient_boards(monkeypatch, request_seconds=2.0 if kind.startswith("hang") else 10.0)
    page = new_row(way, notion, gemini)
    if kind in PASSING:
        notion.plan([Fault(PASSING[kind], nth=call)])
    else:
        action, sentence = LASTING[kind]
        notion.plan([Fault(action, after=call - 1, times=None)])
        for _ in range(3):
            pipeline.tick()
        assert sentence in pipeline.tasks_said[-1]
        if pipeline.runs_of(page):
            assert sentence in pipeline.outcomes_said[-1]
        assert notion.token not in repr(pipeline)
        notion.plan([])
    pipeline.tick_until(lambda: pipeline.is_final(page))
    check_end(WAYS[way], pipeline, page, gemini)


@pytest.mark.parametrize(("way", "call", "kind"), list(cases(every=False)))
def test_a_fault_loses_and_doubles_nothing(
    way: str, call: int, kind: str, pipeline: Pipeline, gemini: GeminiEmulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    _case(way, call, kind, pipeline, gemini, monkeypatch)


@pytest.mark.slow
@pytest.mark.parametrize(("way", "call", "kind"), list(cases(every=True)))
def test_every_fault_at_every_call_loses_and_doubles_nothing(
    way: str, call: int, kind: str, pipeline: Pipeline, gemini: GeminiEmulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    _case(way, call, kind, pipeline, gemini, monkeypatch)
