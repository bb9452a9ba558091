"""Puts a project's folder in order before a run draws: what a dead run left under way, and what left the manifest."""

import asyncio
import time
from collections.abc import Mapping
from pathlib import Path

import structlog

from assetgen_dagster.drawing.attempt import Attempts, Drawn
from assetgen_dagster.drawing.lock import FileLock, kill_holder
from assetgen_dagster.drawing.picture import check_asset_exists
from assetgen_dagster.drawing.records import Intent, RecordStore
from assetgen_dagster.drawing.workspace import ProjectPaths
from assetgen_dagster.files import replace_durably
from assetgen_dagster.story.manifest import AssetManifest

#: How often a script that outlived its run is looked at.
_LOOK_SECONDS = 0.2

#: What a script may take beyond its time limit, which nobody was there to enforce.
_GRACE_SECONDS = 5.0

_log = structlog.get_logger()


async def settle_leftovers(attempts: Attempts) -> None:
    """Waits for the scripts that a dead run left behind, and books and publishes what they drew.

    Raises:
        OSError: The folder or the records cannot be written.
    """
    intents = list(attempts.store.records.intents.values())
    if intents:
        _log.info("asset_generation_leftovers", pictures=[intent.name for intent in intents])
    await asyncio.gather(*(_settle(attempts, intent) for intent in intents))
    sweep(attempts.paths, attempts.store)


async def _settle(attempts: Attempts, intent: Intent) -> None:
    with attempts.lock(intent) as lock:
        await _wait_for(lock, intent.started_at + attempts.settings.image_timeout_seconds + _GRACE_SECONDS)
        result = attempts.settle(intent)
    outcome = "adopted" if isinstance(result, Drawn) else str(result)
    _log.info("asset_generation_leftover_settled", asset_name=intent.name, outcome=outcome)


async def _wait_for(lock: FileLock, deadline: float) -> None:
    while not lock.try_acquire():
        if time.time() > deadline:
            kill_holder(lock)
            if time.time() > deadline + _GRACE_SECONDS:
                return  # nothing of ours can end it; its call counts as possibly billed
        await asyncio.sleep(_LOOK_SECONDS)


def sweep(paths: ProjectPaths, store: RecordStore) -> None:
    """Removes staging files that belong to no call: a process died between its record and its cleaning up.

    A picture among them was received, though its record is lost: it is put aside, not deleted.
    """
    tokens = tuple(store.records.intents)
    for path in paths.staging.iterdir():
        if not any(token in path.name for token in tokens):
            if path.suffix == ".png" and check_asset_exists(path):
                paths.set_aside(path)
            path.unlink(missing_ok=True)


def tidy(manifest: AssetManifest, numbers: Mapping[str, int], *, store: RecordStore, paths: ProjectPaths) -> list[str]:
    """Makes records and folders agree with the manifest; returns the names of pictures that left it.

    A picture that left is moved to the retired folder with its record dropped, so that the next step's glob finds
    only what belongs to the video; one whose category changed moves to its new folder.

    Raises:
        OSError: A file cannot be moved, or the records cannot be written.
    """
    outputs = {asset.name: paths.output_path(asset) for asset in manifest.assets}
    records = store.records
    gone = [name for name in records.pictures if name not in outputs]
    moved = {
        name: (paths.absolute(record.path), outputs[name])
        for name, record in records.pictures.items()
        if name in outputs and paths.relative(outputs[name]) != record.path
    }
    if not gone and not moved and records.numbers == dict(numbers):
        return []
    for name in gone:
        _retire(paths.absolute(records.pictures[name].path), paths)
    for source, target in moved.values():
        if source.exists():
            if target.exists():
                paths.set_aside(target)
            replace_durably(source, target)
    with store.change() as changed:
        changed.numbers = dict(numbers)
        for name in gone:
            del changed.pictures[name]
        for name, (_, target) in moved.items():
            changed.pictures[name].path = paths.relative(target)
    return gone


def _retire(path: Path, paths: ProjectPaths) -> None:
    if path.exists():
        paths.set_aside(path)
        path.unlink()
