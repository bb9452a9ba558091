"""Draws the same 22 pictures four ways and prints how they compare.

Takes about seven minutes, most of it the story's own loop, one picture after another;
``.venv/bin/python -m bench --latency 2`` is quicker and less kind to us. ``--partitions`` and ``--memory``
measure something else instead: see ``bench.many`` and ``bench.memory``.
"""

import argparse
import asyncio
import json
import os
import signal
import subprocess
import sys
import tempfile
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import psutil

from assetgen_dagster.providers.cli_script import run_cli_script
from assetgen_dagster.settings import OWN_SCRIPT, PROJECT_ROOT
from assetgen_emulators.gemini import GeminiEmulator
from bench import many, memory

PICTURES = 22
AT_ONCE = 8
DATABASES = ("sqlite", "postgres")
LIMITS = {"wall": 1.15, "cpu": 0.4}


async def bare(folder: Path, *, at_once: int) -> float:
    """Returns the seconds that the script alone takes for all pictures, ``at_once`` at a time."""
    slots = asyncio.Semaphore(at_once)

    async def one(number: int) -> None:
        async with slots:
            await run_cli_script(OWN_SCRIPT, [f"--prompt=Subject {number}", f"--output={folder / f'{number}.png'}"])

    begun = time.monotonic()
    await asyncio.gather(*(one(number) for number in range(PICTURES)))
    return time.monotonic() - begun


def dagster_run(folder: Path, project: str = "vid_1") -> dict[str, float]:
    """Returns what one Dagster run of its own process measured, with the peak memory of its process tree in MB."""
    environment = os.environ | {
        "ASSETGEN_WORKSPACE": str(folder / "workspace"),
        "ASSETGEN_CHANNELS_FILE": "none",
        "DAGSTER_HOME": str(folder / "home"),
        "ASSETGEN_IMAGE_CONCURRENCY": str(AT_ONCE),
    }
    process = subprocess.Popen(
        [sys.executable, "-m", "bench.run", project],
        stdout=subprocess.PIPE,
        text=True,
        env=environment,
        cwd=PROJECT_ROOT,
    )
    peak = [0.0]
    watcher = threading.Thread(target=_watch, args=(process.pid, peak), daemon=True)
    watcher.start()
    output, _ = process.communicate()
    if process.returncode:
        sys.exit("the measured run failed")
    return json.loads(output.splitlines()[-1]) | {"peak_mb": peak[0]}


def dagster_runs(folder: Path, count: int) -> float:
    """Returns the seconds that so many runs take that start at once, by the slowest of them."""
    with ThreadPoolExecutor(count) as pool:
        done = pool.map(lambda number: dagster_run(folder, f"vid_{number}"), range(2, count + 2))
        return max(one["run_seconds"] for one in done)


def _watch(pid: int, peak: list[float]) -> None:
    """Keeps the highest sum of unique memory over a process and its children."""
    while True:
        try:
            root = psutil.Process(pid)
            found = 0
            for process in [root, *root.children(recursive=True)]:
                try:
                    found += process.memory_full_info().uss
                except psutil.Error:
                    continue
        except psutil.Error:
            return
        peak[0] = max(peak[0], found / 1e6)
        time.sleep(0.2)


def main() -> None:
    """Measures and prints; the exit code says whether the limits held."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--latency", type=float, default=8.0, help="seconds the API takes for a picture")
    parser.add_argument("--without-loop", action="store_true", help="leave out the story's loop, the slowest part")
    parser.add_argument("--runs", type=int, default=3, help="compare one run with so many at once; 1 leaves it out")
    parser.add_argument("--partitions", type=int, nargs="+", metavar="N", help="measure at so many projects instead")
    parser.add_argument("--databases", nargs="+", choices=DATABASES, default=DATABASES, help="of --partitions")
    parser.add_argument("--memory", action="store_true", help="measure daemon and code server over many ticks instead")
    parser.add_argument("--ticks", type=int, nargs=2, default=(100, 500), help="of --memory: compare these two")
    options = parser.parse_args()
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # whoever ends this ends what it started
    if options.memory:
        with _emulator(0.2):
            small = memory.measure(*options.ticks)
        sys.exit(0 if small else "over the limit")
    if options.partitions:
        with _emulator(0.2):
            many.measure(sorted(options.partitions), options.databases)
        return
    with tempfile.TemporaryDirectory() as temporary, _emulator(options.latency):
        folder = Path(temporary)
        print(f"{PICTURES} pictures, {options.latency:g} s API latency, {AT_ONCE} at a time", flush=True)
        reference = asyncio.run(bare(folder, at_once=AT_ONCE))
        print(f"  bare asyncio, no Dagster:      {reference:7.1f} s", flush=True)
        ours = dagster_run(folder)
        ratio = ours["step_seconds"] / reference
        print(f"  Dagster, images step:          {ours['step_seconds']:7.1f} s = {ratio:.2f} of it (limit 1.15)")
        print(f"  Dagster, whole run:            {ours['run_seconds']:7.1f} s")
        print(f"  CPU per picture:               {ours['cpu_seconds'] / PICTURES:7.2f} s, scripts included (limit 0.4)")
        print(f"  peak memory of the tree:       {ours['peak_mb']:7.0f} MB", flush=True)
        beside = 1.0
        if options.runs > 1:
            alone = dagster_run(folder, "alone")["run_seconds"]  # the first run has set the instance up
            together = dagster_runs(folder, options.runs)
            beside = together / alone
            print(
                f"  {options.runs} runs at once:                {together:7.1f} s = {beside:.2f} of one (limit 1.15)",
                flush=True,
            )
        if not options.without_loop:
            loop = asyncio.run(bare(folder, at_once=1))
            print(f"  one after another (the story): {loop:7.1f} s = {loop / ours['step_seconds']:.1f} times ours")
    if max(ratio, beside) > LIMITS["wall"] or ours["cpu_seconds"] / PICTURES > LIMITS["cpu"]:
        sys.exit("over the limit")


class _emulator:  # noqa: N801 - reads as the context manager it is
    """The emulator in a process of its own, so that its work is not counted as ours."""

    def __init__(self, latency: float) -> None:
        self._command = [sys.executable, "-m", GeminiEmulator.__module__, "--latency", str(latency)]

    def __enter__(self) -> None:
        self._process = subprocess.Popen(self._command, stdout=subprocess.PIPE, text=True, cwd=PROJECT_ROOT)
        assert self._process.stdout is not None
        os.environ["GOOGLE_GEMINI_BASE_URL"] = self._process.stdout.readline().split()[-1]
        os.environ["GEMINI_API_KEY"] = "bench-key"

    def __exit__(self, *_: object) -> None:
        self._process.terminate()
        self._process.wait()


if __name__ == "__main__":
    main()
