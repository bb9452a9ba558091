"""``assetgen demo``: two projects at once against the stand-in for Gemini, and whether the bills agree."""

import json
import os
import shutil
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from rich.console import Console

from assetgen_dagster.errors import AssetgenError
from assetgen_dagster.progress import Display
from assetgen_dagster.settings import ENV_FILE_VARIABLE, PROJECT_ROOT, default_environment

FOLDER = PROJECT_ROOT / "demo"

#: Two channels, one project id: their folders, costs and runs stay apart.
PROJECTS = {
    "poke1": ("Bulbasaur forest documentary", "Show evolution through seasons"),
    "poke2": ("Lapras in the arctic sea", "A mother leads her calf through the breaking ice from dawn to night"),
}
PROJECT = "vid_123"


def run_demo(console: Console, *, latency_seconds: float) -> None:
    """Runs the demo and prints where everything is.

    Raises:
        AssetgenError: A run failed, or the stand-in's bill is not what Dagster recorded.
    """
    shutil.rmtree(FOLDER, ignore_errors=True)
    FOLDER.mkdir()
    console.print("Starting a stand-in for Gemini and two runs (a few seconds)")
    with _stand_in(latency_seconds) as base_url:
        environment = _environment(base_url)
        with Display(console) as display:
            codes = _generate_all(environment, display)
        journal = _journal(base_url)
    failed = [channel for channel, code in codes.items() if code]
    if failed:
        raise AssetgenError(f"The demo's run for {', '.join(failed)} failed; see above.")
    _report(console, environment, journal)


@contextmanager
def _stand_in(latency_seconds: float) -> Iterator[str]:
    command = [sys.executable, "-m", "assetgen_dagster.standins.gemini", "--latency", str(latency_seconds)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=PROJECT_ROOT)
    try:
        assert process.stdout is not None  # noqa: S101 - for the type checker: PIPE was asked for
        base_url = process.stdout.readline().split()[-1:]
        if not base_url:
            raise AssetgenError("The stand-in for Gemini did not start; its message is above.")
        yield base_url[0]
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(timeout=10)


def _environment(base_url: str) -> dict[str, str]:
    # Every setting is named, so that neither the environment nor .env has a say: with a producer's own script and key
    # the demo would cost money.
    return (
        os.environ
        | default_environment()
        | {
            "ASSETGEN_WORKSPACE": str(FOLDER / "workspace"),
            "DAGSTER_HOME": str(FOLDER / "dagster_home"),
            ENV_FILE_VARIABLE: "none",
            "NOTION_TOKEN": "",
            "GEMINI_API_KEY": "demo-key",
            "GOOGLE_GEMINI_BASE_URL": base_url,
        }
    )


def _generate_all(environment: dict[str, str], display: Display) -> dict[str, int]:
    processes = {}
    readers = []
    for channel, (topic, story) in PROJECTS.items():
        command = [sys.executable, "-m", "assetgen_dagster", "generate", "--events"]
        command += ["--channel", channel, "--project", PROJECT, "--topic", topic, "--story", story]
        process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment, cwd=PROJECT_ROOT)
        processes[channel] = process
        reader = threading.Thread(target=_follow, args=(process, display), daemon=True)
        reader.start()
        readers.append(reader)
    try:
        codes = {channel: process.wait() for channel, process in processes.items()}
    except KeyboardInterrupt:
        for process in processes.values():
            process.wait()  # the terminal has interrupted them, too
        raise
    for reader in readers:
        reader.join()
    return codes


def _follow(process: "subprocess.Popen[str]", display: Display) -> None:
    for line in process.stdout or ():
        if line.startswith("{"):
            display.show(json.loads(line))


def _journal(base_url: str) -> list[float]:
    """Returns what the stand-in billed for each call, in USD."""
    from assetgen_dagster.standins.gemini import read_journal  # noqa: PLC0415 - the child process shows the wait

    return [call.billed_usd for call in read_journal(base_url) if call.billed_usd]


def _report(console: Console, environment: dict[str, str], journal: list[float]) -> None:
    os.environ.update(environment)
    from assetgen_dagster.costs import materialized_costs  # noqa: PLC0415 - Dagster takes 2 s to import

    def say(text: str) -> None:
        console.print(text, markup=False, highlight=False, soft_wrap=True)

    workspace = Path(environment["ASSETGEN_WORKSPACE"])
    costs = materialized_costs()
    for channel in PROJECTS:
        key, folder = f"{channel}:{PROJECT}", workspace / "channels" / channel / "projects" / PROJECT
        count = len(list((folder / "assets").glob("*/*.png")))
        say(f"{key}: {count} pictures, ${costs.get(key, 0.0):.4f}")
        say(f"  pictures:      {folder / 'assets'}")
        say(f"  contact sheet: {folder / 'contact_sheet.png'}")
    billed, recorded = sum(journal), sum(costs.values())
    say(f"The stand-in billed {len(journal)} calls, ${billed:.4f}; Dagster's metadata adds up to ${recorded:.4f}.")
    if round(billed, 2) != round(recorded, 2):
        raise AssetgenError("The stand-in's bill and Dagster's metadata differ; this is a bug.")
    settings = " ".join(f"{name}={environment[name]}" for name in ("DAGSTER_HOME", "ASSETGEN_WORKSPACE"))
    say(f"To look at it in Dagster: {settings} make dev")
