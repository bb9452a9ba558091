"""Failures that can be found before the first picture is paid for."""

import os
import shutil
from pathlib import Path

from assetgen_dagster.drawing.room import ROOM_PER_PICTURE
from assetgen_dagster.errors import AssetgenError, coded
from assetgen_dagster.project.channels import load_channels
from assetgen_dagster.project.workspace import ProjectPaths, writable_workspace
from assetgen_dagster.providers import failures
from assetgen_dagster.providers.cli_script import CLIScriptError, command
from assetgen_dagster.providers.failures import Failure
from assetgen_dagster.providers.registry import provider_of
from assetgen_dagster.providers.script_report import ScriptReport
from assetgen_dagster.settings import Settings


def preflight(settings: Settings, paths: ProjectPaths, *, pictures: int) -> Failure | None:
    """Returns a failure that would fail every picture, or None; creates nothing."""
    if failure := local_failure(settings):
        return failure
    for folder in map(_nearest_existing, (paths.staging, paths.characters, paths.environments, paths.props)):
        if not os.access(folder, os.W_OK | os.X_OK):
            return failures.cannot_write(f"no permission to write to {folder}")
    return disk_space_failure(_nearest_existing(paths.project), pictures=pictures)


def _nearest_existing(folder: Path) -> Path:
    """Returns the folder, or its nearest parent that exists."""
    return next(one for one in (folder, *folder.parents) if one.exists())


def fault_on_this_machine(settings: Settings) -> str | None:
    """Returns what would fail every run on this machine (key, script, workspace, disk, channels), or None."""
    try:
        writable_workspace(settings.workspace)
        load_channels(settings)
    except AssetgenError as error:
        return str(error)
    failure = local_failure(settings) or disk_space_failure(settings.workspace, pictures=settings.image_slots)
    return coded(f"{failure.remedy}: {failure.cause}.", failure.code) if failure is not None else None


def disk_space_failure(folder: Path, *, pictures: int) -> Failure | None:
    """Returns a failure if the disk of an existing folder has too little space for this number of pictures."""
    free, needed = shutil.disk_usage(folder).free, pictures * ROOM_PER_PICTURE
    if free >= needed:
        return None
    return failures.cannot_write(
        f"only {free >> 20} MiB are free at {folder}; {pictures} pictures need up to {needed >> 20} MiB"
    )


def local_failure(settings: Settings) -> Failure | None:
    """Returns a failure of script or settings that would fail every picture of every project."""
    return script_failure(settings) or provider_of(settings).setting_failure()


def script_failure(settings: Settings) -> Failure | None:
    """Returns why the script cannot be started; None if it can."""
    provider = provider_of(settings)
    try:
        command(provider.script)
    except CLIScriptError as error:
        return provider.classify(error, ScriptReport(), model=provider.model)
    return None
