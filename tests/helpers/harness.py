"""What many tests need: manifests, a core without Dagster, a clock that does not wait."""

import asyncio
import contextlib
import random
import time
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from assetgen_dagster.drawing.draw import generate_assets
from assetgen_dagster.drawing.events import Event, PictureDone, PictureFailed, PlanMade
from assetgen_dagster.drawing.job import DrawingJob
from assetgen_dagster.drawing.outcome import Summary
from assetgen_dagster.drawing.plan import Mode, Request
from assetgen_dagster.drawing.render_options import render_options_of
from assetgen_dagster.drawing.status import measured_pictures, note_recorded, require_ready
from assetgen_dagster.manifest.file import MANIFEST_FILE
from assetgen_dagster.manifest.model import AssetManifest, AssetPrompt, AssetType
from assetgen_dagster.project.channels import load_channels
from assetgen_dagster.project.key import ProjectKey
from assetgen_dagster.project.project_lock import hold_project
from assetgen_dagster.project.records import ProjectRecords, RecordStore, SpendKind
from assetgen_dagster.project.workspace import ProjectPaths, open_project
from assetgen_dagster.providers.backoff import Clock
from assetgen_dagster.settings import Settings, load_settings
from assetgen_emulators.gemini import protocol
from assetgen_emulators.gemini.journal import Call

#: For tests whose subject is what is kept there; the others need not run twice. The second time is for
#: ``make test-slow``: what differs between the two has tests of its own in ``tests/test_postgres*.py``.
both_storages = pytest.mark.parametrize(
    "storage", ["SQLite", pytest.param("PostgreSQL", marks=pytest.mark.slow)], indirect=True
)

#: For tests that look at Dagster's files, or have somebody else open its instance.
on_disk = pytest.mark.parametrize("storage", ["SQLite"], indirect=True)

#: How the settings begin that a developer's own environment may hold.
SETTINGS = ("ASSETGEN_", "GEMINI_", "GOOGLE_", "NOTION_", "DAGSTER_", "PG")

ATMOSPHERE = "Natural forest lighting, misty morning"


def manifest_of(count: int = 22, **prompts: str) -> AssetManifest:
    """Returns a manifest of ``count`` pictures named picture_01 …; ``prompts`` replaces some of their prompts."""
    assets = []
    for number in range(1, count + 1):
        kind = AssetType.CHARACTER if number <= 8 else AssetType.ENVIRONMENT if number <= 17 else AssetType.PROP
        name = f"picture_{number:02d}"
        assets.append(AssetPrompt(asset_type=kind, name=name, prompt=prompts.get(name, f"Subject {number:02d} alone")))
    return AssetManifest(global_atmosphere=ATMOSPHERE, assets=tuple(assets))


def project_folder(workspace: Path, partition: str = "poke1:vid_123") -> Path:
    channel, project = partition.split(":")
    return workspace / "channels" / channel / "projects" / project


def write_project(workspace: Path, manifest: AssetManifest, partition: str = "poke1:vid_123") -> Path:
    """Makes a project's folder with a manifest in it, as if written by hand, and returns the folder."""
    folder = project_folder(workspace, partition)
    folder.mkdir(parents=True, exist_ok=True)
    (folder / MANIFEST_FILE).write_text(manifest.model_dump_json(include={"global_atmosphere", "assets"}))
    return folder


class FakeClock:
    """Time passes when everybody waits; remembers how long each waited."""

    def __init__(self) -> None:
        self.now = 0.0
        self.waits: list[float] = []

    def monotonic(self) -> float:
        return self.now

    async def sleep(self, seconds: float) -> None:
        self.waits.append(seconds)
        until = self.now + seconds
        for _ in range(10):  # whoever is ready to run sees the time as it is
            await asyncio.sleep(0)
        self.now = max(self.now, until)


class NoJitter(random.Random):
    def random(self) -> float:
        return 0.0


@dataclass
class Drawing:
    """What one run of the core left."""

    events: list[Event]
    summary: Summary

    def done(self) -> list[PictureDone]:
        return [event for event in self.events if isinstance(event, PictureDone)]

    def plan(self) -> PlanMade:
        return next(event for event in self.events if isinstance(event, PlanMade))

    def failed(self) -> list[PictureFailed]:
        return [event for event in self.events if isinstance(event, PictureFailed)]


@dataclass
class Core:
    """Runs of one project without Dagster: what a Dagster run does with the core, in one call."""

    key: ProjectKey
    manifest: AssetManifest = field(default_factory=lambda: manifest_of(3))
    runs: int = 0

    @property
    def settings(self) -> Settings:
        return load_settings()

    @property
    def paths(self) -> ProjectPaths:
        return open_project(self.key, workspace=self.settings.workspace)

    @property
    def store(self) -> RecordStore:
        return RecordStore(self.paths.records)

    @property
    def records(self) -> ProjectRecords:
        return self.store.records

    def files(self) -> dict[str, bytes]:
        """Returns every published picture by name."""
        assets = self.paths.characters.parent
        return {path.stem: path.read_bytes() for path in sorted(assets.glob("*/*")) if path.is_file()}

    def file(self, name: str) -> Path:
        return self.paths.output_path(next(asset for asset in self.manifest.assets if asset.name == name))

    def job(self, request: Request, run_id: str, selected: frozenset[int]) -> DrawingJob:
        look = render_options_of(self.settings, load_channels(self.settings).get(self.key.channel))
        return DrawingJob(self.manifest, self.paths, self.settings, look, request, run_id, selected)

    def draw(
        self,
        numbers: set[int] | None = None,
        *,
        mode: Mode = Mode.AUTO,
        request: Request | None = None,
        close: bool = True,
        clock: Clock | None = None,
        rng: random.Random | None = None,
    ) -> Drawing:
        """Runs once, for these numbers or all; closes the round like the two assets after the pictures."""
        self.runs += 1
        run_id = f"run{self.runs}"
        chosen = frozenset(numbers) if numbers is not None else None
        request = request or Request(run_id, time.time(), mode, chosen)
        selected = chosen or frozenset(range(1, self.settings.image_slots + 1))
        job = self.job(request, run_id, selected)
        events: list[Event] = []
        lock = hold_project(self.key, self.paths, self.settings, run_id=run_id)
        with contextlib.ExitStack() as stack:
            stack.callback(lock.release)
            store = RecordStore(self.paths.records, lock.ensure)
            summary = asyncio.run(
                generate_assets(job, store, events.append, clock=clock or FakeClock(), rng=rng or NoJitter())
            )
            for event in events:
                spends = getattr(event, "spends", ())
                store.mark_reported((spend.token for spend in spends), run_id=run_id)
            if close and numbers is None and not summary.failed:
                require_ready(self.manifest, store.records, measured_pictures(self.manifest, store.records, self.paths))
                note_recorded(store, ready=True, sheet=True)
        return Drawing(events, summary)

    def confirmed_usd(self) -> float:
        return self.records.total_usd()

    def possibly_billed_usd(self) -> float:
        return self.records.total_usd(kind=SpendKind.POSSIBLY_BILLED)


def billed(journal: list[Call]) -> list[Call]:
    """Returns the calls that cost money."""
    return [call for call in journal if call.outcome == "ok"]


def picture_usd(prompt: str = "") -> float:
    """Returns what the API bills for a picture of the default model: image, words, thinking and prompt."""
    model = protocol.MODELS["gemini-nano-banana-2.1"]
    thoughts = next(iter(model.thoughts.values()))
    tokens = protocol.Tokens(protocol.token_count(prompt), model.image_tokens, model.words, thoughts)
    return tokens.billed_usd(model)


def billed_usd(journal: list[Call]) -> float:
    return round(sum(call.billed_usd for call in journal), 6)
