"""Puts a project's folder in order before a run draws: what a dead run left under way, and what left the manifest."""

import asyncio
import socket
import time
from collections.abc import Mapping
from pathlib import Path

import structlog

from assetgen_dagster.drawing.attempt import Attempts, Drawn
from assetgen_dagster.drawing.picture import check_asset_exists, file_sha256
from assetgen_dagster.manifest.model import AssetManifest
from assetgen_dagster.project.file_lock import FileLock, kill_holder
from assetgen_dagster.project.records import Intent, PictureRecord, RecordStore
from assetgen_dagster.project.workspace import ProjectPaths
from assetgen_dagster.settings import Machines
from assetgen_dagster.support.files import link_or_copy, remove, replace_durably

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
        longest = attempts.settings.image_timeout_seconds + _GRACE_SECONDS
        # Never longer than a script may take: our clock may have been set back since, or another machine's be wrong.
        deadline = time.monotonic() + min(longest, intent.started_at + longest - time.time())
        await _wait_for(lock, deadline)
        if attempts.settings.machines is Machines.SEVERAL and intent.host != socket.gethostname():
            await _wait_elsewhere(attempts.paths.absolute(intent.staging), deadline + _GRACE_SECONDS)
        result = attempts.settle(intent)
    outcome = "adopted" if isinstance(result, Drawn) else str(result)
    _log.info("asset_generation_leftover_settled", asset_name=intent.name, outcome=outcome)


async def _wait_for(lock: FileLock, deadline: float) -> None:
    while not lock.try_acquire():
        if time.monotonic() > deadline:
            kill_holder(lock)
            if time.monotonic() > deadline + _GRACE_SECONDS:
                return  # nothing of ours can end it; its call counts as possibly billed
        await asyncio.sleep(_LOOK_SECONDS)


async def _wait_elsewhere(staging: Path, deadline: float) -> None:
    """Waits for a script on another machine, of which a file system may not tell that it holds its lock.

    Its picture ends the wait, else the time that it may take.
    """
    while not check_asset_exists(staging):
        if time.monotonic() > deadline:
            return
        await asyncio.sleep(_LOOK_SECONDS)


def sweep(paths: ProjectPaths, store: RecordStore) -> None:
    """Removes staging files that belong to no call: a process died between its record and its cleaning up.

    A picture among them was received, though its record is lost: it is put aside, not deleted.
    """
    store.guard()
    tokens = tuple(store.records.intents)
    for path in paths.staging.iterdir():
        if not any(token in path.name for token in tokens):
            if path.suffix == ".png" and check_asset_exists(path):
                paths.set_aside(path)
            remove(path)  # a script may leave anything beside its picture


def tidy(manifest: AssetManifest, numbers: Mapping[str, int], *, store: RecordStore, paths: ProjectPaths) -> list[str]:
    """Makes records and folders agree with the manifest; returns the names of pictures that left it.

    A picture that left is moved to the retired folder, and its record with it, so that the next step's glob finds
    only what belongs to the video, and the picture can return; one whose category changed moves to its new folder.

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
    aside = {name: _retire(records.pictures[name], paths) for name in gone}
    for source, target in moved.values():
        if source.exists():
            if target.exists():
                paths.set_aside(target)
            replace_durably(source, target)
    with store.change() as changed:
        changed.numbers = dict(numbers)
        changed.redraws = {name: request for name, request in changed.redraws.items() if name in outputs}
        for name, path in aside.items():
            record = changed.pictures.pop(name)
            if path is not None:
                changed.retired[name] = record.model_copy(update={"path": paths.relative(path)})
        for name, (_, target) in moved.items():
            changed.pictures[name].path = paths.relative(target)
    return gone


def bring_back(name: str, output: Path, *, store: RecordStore, paths: ProjectPaths, round_number: int) -> None:
    """Puts a retired picture back to where it belongs, and its record among those of the round in force.

    Raises:
        OSError: The file cannot be put there, or the records cannot be written.
    """
    aside = paths.absolute(store.records.retired[name].path)
    if not output.exists():
        link_or_copy(aside, output)
    with store.change() as records:
        back = {"path": paths.relative(output), "round": round_number}
        records.pictures[name] = records.retired.pop(name).model_copy(update=back)
    aside.unlink(missing_ok=True)


def _retire(record: PictureRecord, paths: ProjectPaths) -> Path | None:
    """Moves a picture to the retired folder; returns where it is there, None if it is lost."""
    path = paths.absolute(record.path)
    if path.exists():
        aside = paths.set_aside(path)
        path.unlink()
        return aside
    # Somebody deleted it, or a process died right here: then it lies there already.
    found = (one for one in paths.retired.glob(f"{path.stem}.*") if file_sha256(one) == record.facts.sha256)
    return next(found, None)
