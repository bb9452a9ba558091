"""``assetgen demo``: the real daemon draws two rows of a board; the demo then compares the bills.

Notion and Gemini are emulators; everything else is what a producer would run.
"""

import contextlib
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import psutil
from rich.console import Console

from assetgen_dagster.cli.progress import Display
from assetgen_dagster.errors import AssetgenError, Code
from assetgen_dagster.manifest.file import MANIFEST_FILE, load_manifest
from assetgen_dagster.project.key import ProjectKey
from assetgen_dagster.project.records import ProjectRecords, RecordStore
from assetgen_dagster.project.workspace import ProjectPaths, open_project
from assetgen_dagster.settings import (
    ENV_FILE_VARIABLE,
    NONE,
    PROJECT_ROOT,
    Settings,
    default_environment,
    load_settings,
)
from assetgen_dagster.support.database import SETTING, empty_schema
from assetgen_emulators.gemini import read_journal
from assetgen_emulators.notion import NotionEmulator

#: Two channels, one project id: their folders, costs and runs stay apart.
PROJECTS = {
    ProjectKey("poke1", "vid_123"): ("Bulbasaur forest documentary", "Show evolution through seasons"),
    ProjectKey("poke2", "vid_123"): (
        "Lapras in the arctic sea",
        "A mother leads her calf through the breaking ice from dawn to night",
    ),
}
#: Schema of the demo's runs if the settings name a PostgreSQL database; emptied first.
_SCHEMA = "assetgen_demo"
_MARKER = ".assetgen-demo"
#: Set for every process of a demo, so that it finds them again.
_MARK_VARIABLE = "ASSETGEN_DEMO_ID"
_FINAL = ("Assets Ready", "Asset Error")
_POLL_SECONDS = 0.3
_LONGEST_SECONDS = 300.0


@dataclass
class _Seen:
    """What was shown of one project."""

    planned: bool = False
    pictures: set[str] = field(default_factory=set)


def run_demo(console: Console, settings: Settings, *, folder: Path, latency_seconds: float, stay: bool) -> None:
    """Runs the demo and prints where everything is.

    Args:
        console: The terminal.
        settings: The settings in force; only the database is used.
        folder: The demo's folder; emptied first.
        latency_seconds: Seconds that the emulator for Gemini takes for a picture.
        stay: Whether to keep the Dagster UI open until Ctrl-C.

    Raises:
        AssetgenError: A row did not become "Assets Ready", or the bills differ.
    """

    def say(text: str) -> None:
        console.print(text, markup=False, highlight=False, soft_wrap=True)

    # Ending the demo ends its services. Started with "&", SIGINT is ignored, by the services as well.
    for ending in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(ending, signal.default_int_handler)
    _empty(folder)
    port = _free_port()
    say("Starting emulators for Notion and Gemini, and Dagster with its daemon (about 15 seconds)")
    with _gemini(latency_seconds) as gemini_url, NotionEmulator() as notion:
        environment = _environment(
            folder, settings.database, gemini_url=gemini_url, notion=notion, ui_url=f"http://127.0.0.1:{port}"
        )
        with _dagster(folder, port, environment):
            pages = {key: _add_row(notion, key) for key in PROJECTS}
            say(f"Two rows were set to Generating Assets. Dagster UI: http://127.0.0.1:{port}")
            with Display(console) as display:
                _watch(display, notion, pages, folder / "workspace", log=folder / "dagster.log")
            _report(say, notion, pages, folder=folder, gemini_url=gemini_url, environment=environment, links=stay)
            if stay:
                say(f"Dagster UI: http://127.0.0.1:{port} (Ctrl-C ends it)")
                with contextlib.suppress(KeyboardInterrupt):
                    signal.pause()
    if not stay:
        say("To see it in Dagster: make demo DEMO=--ui. Next, your own project: README, Draw with your own key.")


def _empty(folder: Path) -> None:
    """Creates an empty folder; removes an earlier demo's files, and nothing else."""
    if folder.exists() and any(folder.iterdir()) and not (folder / _MARKER).exists():
        raise AssetgenError(f"{folder} is not empty and not a demo's folder: name another --folder.", code=Code.DEMO)
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    (folder / _MARKER).touch()


def _environment(
    folder: Path, database: str | None, *, gemini_url: str, notion: NotionEmulator, ui_url: str
) -> dict[str, str]:
    # Every setting is set, so that neither the environment nor .env matters: with a producer's script and key the demo
    # would cost money, and with the producer's token it would write to the real board.
    ours = {
        ENV_FILE_VARIABLE: NONE,
        "ASSETGEN_CHANNELS_FILE": NONE,
        "ASSETGEN_WORKSPACE": str(folder / "workspace"),
        "ASSETGEN_UI_URL": ui_url,
        "DAGSTER_HOME": str(folder / "dagster_home"),
        "GEMINI_API_KEY": "demo-key",
        "GOOGLE_GEMINI_BASE_URL": gemini_url,
        "NOTION_TOKEN": notion.token,
        "NOTION_DATABASE_ID": notion.create_database(),
        "NOTION_BASE_URL": notion.base_url,
    }
    if database is not None:
        ours[SETTING] = empty_schema(database, _SCHEMA)  # apart from the producer's runs
    return os.environ | default_environment() | ours


def _add_row(notion: NotionEmulator, key: ProjectKey) -> str:
    topic, story = PROJECTS[key]
    return notion.add_row(
        {
            "Channel": key.channel,
            "Project ID": key.project,
            "Topic": topic,
            "Story Direction": story,
            "Status": "Generating Assets",
        }
    )


def _watch(
    display: Display, notion: NotionEmulator, pages: dict[ProjectKey, str], workspace: Path, *, log: Path
) -> None:
    """Shows pictures as they arrive, until every row has its final status and its run has ended."""
    seen = {key: _Seen() for key in pages}
    deadline = time.monotonic() + _LONGEST_SECONDS
    while True:
        over = True
        for key, page in pages.items():
            paths = open_project(key, workspace=workspace)
            records = RecordStore(paths.records).records
            _show(display, key, paths, records, seen[key])
            failed = notion.row(page)["Status"] == "Asset Error"
            over &= failed or bool(records.round and records.round.closed_at and notion.row(page)["Status"] in _FINAL)
        if over:
            return
        if time.monotonic() > deadline:
            raise AssetgenError(f"The rows were not done after {_LONGEST_SECONDS:g} s; see {log}.", code=Code.DEMO)
        time.sleep(_POLL_SECONDS)


def _show(display: Display, key: ProjectKey, paths: ProjectPaths, records: ProjectRecords, seen: _Seen) -> None:
    found = load_manifest(paths.project / MANIFEST_FILE)
    if found is None or not records.numbers:
        return
    if not seen.planned:
        count = len(found.manifest.assets)
        display.show({"project": str(key), "event": "plan", "pictures": count, "draw": count, "why": ""})
        seen.planned = True
    types = {asset.name: asset.asset_type for asset in found.manifest.assets}
    for name, record in records.pictures.items():
        if name not in seen.pictures:
            seen.pictures.add(name)
            display.show(
                {
                    "project": str(key),
                    "event": "done",
                    "picture": f"#{records.numbers[name]:02d} {name}",
                    "type": str(types.get(name, "")),
                    "reused": False,
                    "note": "",
                    "cost_usd": record.file_cost_usd or 0.0,
                    "seconds": record.duration_seconds,
                    "path": record.path,
                }
            )


@contextmanager
def _gemini(latency_seconds: float) -> Iterator[str]:
    command = [sys.executable, "-m", "assetgen_emulators.gemini", "--latency", str(latency_seconds)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=PROJECT_ROOT, start_new_session=True)
    try:
        base_url = process.stdout.readline().split()[-1:] if process.stdout else []
        if not base_url:
            raise AssetgenError("The emulator for Gemini did not start; its message is above.", code=Code.DEMO)
        yield base_url[0]
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(timeout=10)


@contextmanager
def _dagster(folder: Path, port: int, environment: dict[str, str]) -> Iterator[None]:
    """Runs UI, daemon and code location; ends them and their child processes."""
    command = [sys.executable, "-m", "assetgen_dagster", "dev", "--port", str(port)]
    mark = uuid.uuid4().hex
    marked = environment | {_MARK_VARIABLE: mark}
    with (folder / "dagster.log").open("wb") as log:
        process = subprocess.Popen(command, stdout=log, stderr=log, env=marked, start_new_session=True)
    try:
        yield
    finally:
        process.send_signal(signal.SIGINT)
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(timeout=20)
        _end_all(mark)


def _end_all(mark: str) -> None:
    """Ends all of a demo's processes, terminated first and then killed, wherever in the process tree they are.

    A service that is interrupted while it starts leaves its children behind.
    """
    end = psutil.Process.terminate
    while left := _marked(mark):
        for process in left:
            with contextlib.suppress(psutil.NoSuchProcess):
                end(process)
        psutil.wait_procs(left, timeout=10)
        end = psutil.Process.kill


def _marked(mark: str) -> list[psutil.Process]:
    everything = psutil.process_iter(["environ"])
    return [process for process in everything if (process.info["environ"] or {}).get(_MARK_VARIABLE) == mark]


def _free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port: int = free.getsockname()[1]
    return port


def _report(
    say: Callable[[str], None],
    notion: NotionEmulator,
    pages: dict[ProjectKey, str],
    *,
    folder: Path,
    gemini_url: str,
    environment: dict[str, str],
    links: bool,
) -> None:
    os.environ.update(environment)
    from assetgen_dagster.cli.costs import materialized_costs  # noqa: PLC0415 - takes 2 s to import

    costs = materialized_costs(load_settings())
    for key, page in pages.items():
        row, paths = notion.row(page), open_project(key, workspace=folder / "workspace")
        count = len(list(paths.characters.parent.glob("*/*.png")))
        say(f"{key}: {row['Status']}, {count} pictures, ${row['Cost (USD)'] or 0:.4f}")
        if row["Error Log"]:
            say(f"  error log:     {row['Error Log']}")
        say(f"  pictures:      {paths.characters.parent}")
        say(f"  contact sheet: {paths.contact_sheet}")
        if links:
            say(f"  its last run:  {environment['ASSETGEN_UI_URL']}/runs/{row['Run']}")
    journal = [call.billed_usd for call in read_journal(gemini_url) if call.billed_usd]
    billed, recorded = sum(journal), sum(costs.values())
    say(f"The emulator billed {len(journal)} calls, ${billed:.4f}; Dagster's metadata adds up to ${recorded:.4f}.")
    if any(notion.row(page)["Status"] != "Assets Ready" for page in pages.values()):
        raise AssetgenError("Not every row is Assets Ready; its error log is above.", code=Code.DEMO)
    if round(billed, 2) != round(recorded, 2):
        raise AssetgenError("The emulator's bill and Dagster's metadata differ; this is a bug.", code=Code.DEMO)
