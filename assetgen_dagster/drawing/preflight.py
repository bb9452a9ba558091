"""Problems that can be seen before the first picture is paid for."""

import os
import shutil
from pathlib import Path

from assetgen_dagster.errors import AssetgenError, coded
from assetgen_dagster.project.channels import load_channels
from assetgen_dagster.project.workspace import ProjectPaths, writable_workspace
from assetgen_dagster.providers import failures
from assetgen_dagster.providers.cli_script import CLIScriptError, command
from assetgen_dagster.providers.failures import Failure
from assetgen_dagster.providers.registry import provider_of
from assetgen_dagster.providers.script_report import ScriptReport
from assetgen_dagster.settings import Settings

#: Room that must be free for each picture before it is paid for, in bytes.
ROOM_PER_PICTURE = 4 * 1024 * 1024


def preflight(settings: Settings, paths: ProjectPaths, *, pictures: int) -> Failure | None:
    """Returns a failure that would fail every picture, found before the first is paid for; makes no folder."""
    if failure := local_problem(settings):
        return failure
    for folder in map(_there, (paths.staging, paths.characters, paths.environments, paths.props)):
        if not os.access(folder, os.W_OK | os.X_OK):
            return failures.cannot_write(f"no permission to write to {folder}")
    return no_room(_there(paths.project), pictures=pictures)


def _there(folder: Path) -> Path:
    """Returns a folder, or the one in which it is still to be made."""
    return next(one for one in (folder, *folder.parents) if one.exists())


def cause_on_this_machine(settings: Settings) -> str | None:
    """Returns what would fail every run here: key, script, workspace, disk, channels; None where nothing would."""
    try:
        writable_workspace(settings.workspace)
        load_channels(settings)
    except AssetgenError as error:
        return str(error)
    failure = local_problem(settings) or no_room(settings.workspace, pictures=settings.image_slots)
    return coded(f"{failure.remedy}: {failure.cause}.", failure.code) if failure is not None else None


def no_room(folder: Path, *, pictures: int) -> Failure | None:
    """Returns a failure if the disk under a folder that is there may not take so many pictures."""
    free, needed = shutil.disk_usage(folder).free, pictures * ROOM_PER_PICTURE
    if free >= needed:
        return None
    return failures.cannot_write(
        f"only {free >> 20} MiB are free at {folder}; {pictures} pictures need up to {needed >> 20} MiB"
    )


def local_problem(settings: Settings) -> Failure | None:
    """Returns a failure of script or settings that would fail every picture of every project."""
    return script_problem(settings) or provider_of(settings).missing_setting()


def script_problem(settings: Settings) -> Failure | None:
    """Returns why the script that draws cannot be started; None if it can."""
    provider = provider_of(settings)
    try:
        command(provider.script)
    except CLIScriptError as error:
        return provider.classify(error, ScriptReport(), model=provider.model)
    return None
