"""Recovery before a run draws: finishes the calls of a dead run, and reconciles files and records with the manifest."""

import asyncio
import socket
import time
from collections.abc import Mapping
from pathlib import Path

import structlog

from assetgen_dagster.drawing.attempt import Attempts, Drawn
from assetgen_dagster.drawing.picture import check_asset_exists, file_sha256
from assetgen_dagster.drawing.room import release_rooms
from assetgen_dagster.manifest.model import AssetManifest
from assetgen_dagster.project.file_lock import FileLock, kill_holder
from assetgen_dagster.project.records import Intent, PictureRecord, RecordStore
from assetgen_dagster.project.workspace import ProjectPaths
from assetgen_dagster.settings import Machines
from assetgen_dagster.support.files import link_or_copy, remove, replace_durably

#: Seconds between two checks of a script that outlived its run.
_CHECK_SECONDS = 0.2

#: Added to the time limit of a script that outlived its run, because nothing enforced it.
_GRACE_SECONDS = 5.0

_log = structlog.get_logger()


async def recover_calls(attempts: Attempts) -> None:
    """Waits for the scripts that outlived a dead run, books their cost, and publishes their pictures.

    Raises:
        OSError: The folder or the records cannot be written.
    """
    attempts.store.guard()
    # First: the disk may be full, and pictures and records need the space.
    release_rooms(attempts.paths.staging)
    intents = list(attempts.store.records.intents.values())
    if intents:
        _log.info("asset_generation_leftovers", pictures=[intent.name for intent in intents])
    await asyncio.gather(*(_recover(attempts, intent) for intent in intents))
    clean_staging(attempts.paths, attempts.store)


async def _recover(attempts: Attempts, intent: Intent) -> None:
    with attempts.lock(intent) as lock:
        longest = attempts.settings.image_timeout_seconds + _GRACE_SECONDS
        # At most one time limit from now: our clock may have been set back, or the other machine's may be wrong.
        deadline = time.monotonic() + min(longest, intent.started_at + longest - time.time())
        await _wait_for(lock, deadline)
        if attempts.settings.machines is Machines.SEVERAL and intent.host != socket.gethostname():
            await _wait_elsewhere(attempts.paths.absolute(intent.staging), deadline + _GRACE_SECONDS)
        result = attempts.finish(intent)
    outcome = "adopted" if isinstance(result, Drawn) else str(result)
    _log.info("asset_generation_leftover_settled", asset_name=intent.name, outcome=outcome)


async def _wait_for(lock: FileLock, deadline: float) -> None:
    while not lock.try_acquire():
        if time.monotonic() > deadline:
            kill_holder(lock)
            if time.monotonic() > deadline + _GRACE_SECONDS:
                return  # we cannot kill it; its call counts as possibly billed
        await asyncio.sleep(_CHECK_SECONDS)


async def _wait_elsewhere(staging: Path, deadline: float) -> None:
    """Waits for a script on another machine, until its picture is there or its time is over.

    Its lock is not enough: a shared file system may not show it.
    """
    while not check_asset_exists(staging):
        if time.monotonic() > deadline:
            return
        await asyncio.sleep(_CHECK_SECONDS)


def clean_staging(paths: ProjectPaths, store: RecordStore) -> None:
    """Removes staging files that belong to no call, left by a process that died before it removed them.

    A whole picture among them was paid for, though its record is lost: it is moved to the retired folder.
    """
    store.guard()
    tokens = tuple(store.records.intents)
    for path in paths.staging.iterdir():
        if not any(token in path.name for token in tokens):
            if not path.name.startswith(".") and check_asset_exists(path):  # hidden: half of an atomic write
                aside = paths.set_aside(path)
                _log.warning("asset_generation_picture_set_aside", path=str(aside))
            remove(path)  # a folder, too: a script may leave anything


def reconcile_files(
    manifest: AssetManifest, numbers: Mapping[str, int], *, store: RecordStore, paths: ProjectPaths
) -> list[str]:
    """Makes records and folders agree with the manifest; returns the names of pictures that left it.

    A picture that left, and its record, move to the retired folder: the next step's glob finds only the pictures of
    the video, and the picture can return. One whose type changed moves to its new folder.

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


def restore_picture(name: str, output: Path, *, store: RecordStore, paths: ProjectPaths, round_number: int) -> None:
    """Moves a retired picture back to its output path, and its record to the current round.

    Raises:
        OSError: The file cannot be moved, or the records cannot be written.
    """
    aside = paths.absolute(store.records.retired[name].path)
    if not output.exists():
        link_or_copy(aside, output)
    with store.change() as records:
        back = {"path": paths.relative(output), "round": round_number}
        records.pictures[name] = records.retired.pop(name).model_copy(update=back)
    aside.unlink(missing_ok=True)


def _retire(record: PictureRecord, paths: ProjectPaths) -> Path | None:
    """Moves a picture to the retired folder; returns its path there, or None if the file is lost."""
    path = paths.absolute(record.path)
    if path.exists():
        aside = paths.set_aside(path)
        path.unlink()
        return aside
    # Deleted by a person, or moved by a process that died right here.
    found = (one for one in paths.retired.glob(f"{path.stem}.*") if file_sha256(one) == record.facts.sha256)
    return next(found, None)
