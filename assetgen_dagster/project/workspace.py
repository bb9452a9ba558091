"""The paths of a project's files and folders. The only module that builds them.

The folders under ``assets/`` are an interface for the next pipeline steps; our own files are in ``.assetgen/``.
"""

import contextlib
import errno
import os
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from assetgen_dagster.errors import AssetgenError, Code
from assetgen_dagster.manifest.model import AssetPrompt, AssetType
from assetgen_dagster.project.key import InvalidIdentifierError, ProjectKey
from assetgen_dagster.support.files import link_or_copy

_FOLDERS = {
    AssetType.CHARACTER: "characters",
    AssetType.ENVIRONMENT: "environments",
    AssetType.PROP: "props",
}


class WorkspaceError(AssetgenError):
    """A folder of the workspace leads elsewhere or cannot be written."""


def get_project_dir(channel_id: str, project_id: str, *, workspace: Path) -> Path:
    """Returns ``<workspace>/channels/<channel>/projects/<project>``, created if missing.

    Raises:
        InvalidIdentifierError: An identifier could leave its folder.
        WorkspaceError: A symlink in the path leads out of the workspace, or the folder cannot be created.
    """
    return _create(locate_project(ProjectKey(channel_id, project_id), workspace=workspace).project, workspace)


def get_asset_dir(channel_id: str, project_id: str, *, workspace: Path) -> Path:
    """Returns the project's ``assets`` folder; see ``get_project_dir``."""
    return _create(locate_project(ProjectKey(channel_id, project_id), workspace=workspace).assets, workspace)


def get_character_dir(channel_id: str, project_id: str, *, workspace: Path) -> Path:
    """Returns ``assets/characters``; see ``get_project_dir``."""
    return _create(locate_project(ProjectKey(channel_id, project_id), workspace=workspace).characters, workspace)


def get_environment_dir(channel_id: str, project_id: str, *, workspace: Path) -> Path:
    """Returns ``assets/environments``; see ``get_project_dir``."""
    return _create(locate_project(ProjectKey(channel_id, project_id), workspace=workspace).environments, workspace)


def get_props_dir(channel_id: str, project_id: str, *, workspace: Path) -> Path:
    """Returns ``assets/props``; see ``get_project_dir``."""
    return _create(locate_project(ProjectKey(channel_id, project_id), workspace=workspace).props, workspace)


@dataclass(frozen=True)
class ProjectPaths:
    """The files and folders of one project.

    Attributes:
        workspace: The workspace's root.
        project: The project's folder.
        characters: Pictures of characters.
        environments: Pictures of environments.
        props: Pictures of props.
        staging: Pictures that are being drawn.
        retired: Pictures that left the manifest, and foreign files that a picture of ours replaced.
    """

    workspace: Path
    project: Path
    characters: Path
    environments: Path
    props: Path
    staging: Path
    retired: Path

    @property
    def assets(self) -> Path:
        """The folder of all pictures."""
        return self.characters.parent

    @property
    def folders(self) -> tuple[Path, ...]:
        """All folders of the project."""
        return (self.project, self.characters, self.environments, self.props, self.staging, self.retired)

    @property
    def records(self) -> Path:
        """The records, see ``RecordStore``."""
        return self.project / ".assetgen" / "records.json"

    @property
    def lock(self) -> Path:
        """The lock file, held by the run that works on the project."""
        return self.project / ".assetgen" / "lock"

    @property
    def holder(self) -> Path:
        """Names the run that holds the project if the lock itself is in PostgreSQL."""
        return self.project / ".assetgen" / "holder.json"

    @property
    def contact_sheet(self) -> Path:
        """The contact sheet."""
        return self.project / "contact_sheet.png"

    def output_path(self, asset: AssetPrompt) -> Path:
        """Returns the path of a published picture."""
        folder = {
            AssetType.CHARACTER: self.characters,
            AssetType.ENVIRONMENT: self.environments,
            AssetType.PROP: self.props,
        }[asset.asset_type]
        return folder / f"{asset.name}.png"

    def staging_path(self, name: str, token: str) -> Path:
        """Returns the path that the script writes to; ends in ``.png``, from which scripts derive the format."""
        return self.staging / f"{name[:100]}.{token}.png"

    def set_aside(self, path: Path) -> Path:
        """Links or copies a file to the retired folder, so that the original may be replaced or removed."""
        aside = self.retired / f"{path.stem}.{time.time_ns()}{path.suffix}"
        link_or_copy(path, aside)
        return aside

    def relative(self, path: Path) -> str:
        """Returns a path relative to the workspace, for the records: a workspace can move."""
        return path.relative_to(self.workspace).as_posix()

    def absolute(self, recorded: str) -> Path:
        """Returns the file that a record names.

        Raises:
            WorkspaceError: The record names a file outside the workspace.
        """
        path = self.workspace / recorded
        if not path.resolve().is_relative_to(self.workspace.resolve()):
            raise WorkspaceError(
                f"{self.records} names {recorded!r}, which is outside the workspace.", code=Code.WORKSPACE
            )
        return path


def open_project(key: ProjectKey, *, workspace: Path) -> ProjectPaths:
    """Creates a project's folders and returns their paths.

    Raises:
        WorkspaceError: See ``get_project_dir``.
    """
    paths = locate_project(key, workspace=workspace)
    for folder in paths.folders:
        _create(folder, workspace)
    return paths


def locate_project(key: ProjectKey, *, workspace: Path) -> ProjectPaths:
    """Returns a project's paths without creating its folders.

    Raises:
        WorkspaceError: A symlink in the path leads out of the workspace.
    """
    project = workspace / "channels" / key.channel / "projects" / key.project
    assets = project / "assets"
    paths = ProjectPaths(
        workspace=workspace,
        project=project,
        characters=assets / _FOLDERS[AssetType.CHARACTER],
        environments=assets / _FOLDERS[AssetType.ENVIRONMENT],
        props=assets / _FOLDERS[AssetType.PROP],
        staging=project / ".assetgen" / "staging",
        retired=project / ".assetgen" / "retired",
    )
    for folder in paths.folders:
        _refuse_outside(folder, workspace.resolve())
    return paths


def all_records(workspace: Path) -> Iterator[tuple[ProjectKey, Path]]:
    """Yields the path of each project's records file, which may not exist; creates nothing."""
    for project in (workspace / "channels").glob("*/projects/*"):
        with contextlib.suppress(InvalidIdentifierError):  # not a project's folder
            yield ProjectKey(project.parent.parent.name, project.name), project / ".assetgen" / "records.json"


def writable_workspace(workspace: Path) -> None:
    """Checks that projects can be created in the workspace.

    Raises:
        WorkspaceError: They cannot.
    """
    folder = _folder(workspace, "channels")
    if not os.access(folder, os.W_OK | os.X_OK):
        raise unwritable(folder, PermissionError(errno.EACCES, os.strerror(errno.EACCES)))


def shared_folder(workspace: Path) -> Path:
    """Returns the folder of files that all projects of a workspace share, created if missing.

    Raises:
        WorkspaceError: It cannot be created.
    """
    return _folder(workspace, ".assetgen")


def _create(folder: Path, workspace: Path) -> Path:
    return _folder(workspace, *folder.relative_to(workspace).parts)


def _folder(workspace: Path, *parts: str) -> Path:
    """Creates a folder part by part, so that a symlink is refused before anything is created behind it."""
    folder = workspace
    try:
        workspace.mkdir(parents=True, exist_ok=True)
        root = workspace.resolve()
        for part in parts:
            folder /= part
            _refuse_outside(folder, root)
            folder.mkdir(exist_ok=True)
    except OSError as error:
        raise unwritable(folder, error) from error
    return folder


def _refuse_outside(folder: Path, root: Path) -> None:
    if not folder.resolve().is_relative_to(root):
        raise WorkspaceError(
            f"{folder} is a symlink that leads out of the workspace ({folder.resolve()}). "
            "Replace it by a folder, or set ASSETGEN_WORKSPACE to where it leads.",
            code=Code.WORKSPACE,
        )


def unwritable(path: Path, error: OSError) -> WorkspaceError:
    """Returns the error of a path that cannot be written, with its cause and remedy."""
    remedies = {
        errno.ENOSPC: "Free some space on this disk",
        errno.EDQUOT: "Raise the disk quota or free some space",
        errno.EROFS: "Mount this file system for writing, or set ASSETGEN_WORKSPACE to a folder that can be written",
        errno.EEXIST: "A file stands where a folder should be: move it away",
        errno.ENOTDIR: "A file stands where a folder should be: move it away",
        errno.EISDIR: "A folder stands where a file should be: move it away",
    }
    remedy = remedies.get(
        error.errno or 0, "Give this user permission to write there, or set ASSETGEN_WORKSPACE to another folder"
    )
    return WorkspaceError(
        f"Cannot write {path}: {error.strerror or error}. {remedy}, then run again.", code=Code.CANNOT_WRITE
    )
