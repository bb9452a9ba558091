"""Where everything of a project lies. The only place where paths are made.

The folders under ``assets/`` are an interface for the next pipeline steps; ours are in ``.assetgen/``, beside them.
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
    """Returns ``<workspace>/channels/<channel>/projects/<project>``, made if it was not there.

    Raises:
        InvalidIdentifierError: A part could leave its folder.
        WorkspaceError: A symlink on the way leads out of the workspace, or the folder cannot be made.
    """
    return _made(locate_project(ProjectKey(channel_id, project_id), workspace=workspace).project, workspace)


def get_asset_dir(channel_id: str, project_id: str, *, workspace: Path) -> Path:
    """Returns the project's ``assets`` folder; see ``get_project_dir``."""
    return _made(locate_project(ProjectKey(channel_id, project_id), workspace=workspace).assets, workspace)


def get_character_dir(channel_id: str, project_id: str, *, workspace: Path) -> Path:
    """Returns ``assets/characters``; see ``get_project_dir``."""
    return _made(locate_project(ProjectKey(channel_id, project_id), workspace=workspace).characters, workspace)


def get_environment_dir(channel_id: str, project_id: str, *, workspace: Path) -> Path:
    """Returns ``assets/environments``; see ``get_project_dir``."""
    return _made(locate_project(ProjectKey(channel_id, project_id), workspace=workspace).environments, workspace)


def get_props_dir(channel_id: str, project_id: str, *, workspace: Path) -> Path:
    """Returns ``assets/props``; see ``get_project_dir``."""
    return _made(locate_project(ProjectKey(channel_id, project_id), workspace=workspace).props, workspace)


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
        retired: Pictures that left the manifest, and files of other hands that a picture of ours replaced.
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
        """Holds the folders of all pictures, and nothing else."""
        return self.characters.parent

    @property
    def folders(self) -> tuple[Path, ...]:
        """All folders of the project."""
        return (self.project, self.characters, self.environments, self.props, self.staging, self.retired)

    @property
    def records(self) -> Path:
        """Rounds, pictures and money."""
        return self.project / ".assetgen" / "records.json"

    @property
    def lock(self) -> Path:
        """Held by the run that works on the project."""
        return self.project / ".assetgen" / "lock"

    @property
    def holder(self) -> Path:
        """Says which run holds the project where the lock itself is in PostgreSQL."""
        return self.project / ".assetgen" / "holder.json"

    @property
    def contact_sheet(self) -> Path:
        """One labelled picture of all pictures."""
        return self.project / "contact_sheet.png"

    def output_path(self, asset: AssetPrompt) -> Path:
        """Returns where a picture is published."""
        folder = {
            AssetType.CHARACTER: self.characters,
            AssetType.ENVIRONMENT: self.environments,
            AssetType.PROP: self.props,
        }[asset.asset_type]
        return folder / f"{asset.name}.png"

    def staging_path(self, name: str, token: str) -> Path:
        """Returns where the script writes; ends in ``.png``, because foreign scripts go by the ending."""
        return self.staging / f"{name[:100]}.{token}.png"

    def set_aside(self, path: Path) -> Path:
        """Gives a file a second name in the retired folder; under its first name it may then be replaced or removed."""
        aside = self.retired / f"{path.stem}.{time.time_ns()}{path.suffix}"
        link_or_copy(path, aside)
        return aside

    def relative(self, path: Path) -> str:
        """Returns a path as records keep it: from the workspace, so that the workspace can move."""
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
    """Makes a project's folders and returns their paths.

    Raises:
        WorkspaceError: See ``get_project_dir``.
    """
    paths = locate_project(key, workspace=workspace)
    for folder in paths.folders:
        _made(folder, workspace)
    return paths


def locate_project(key: ProjectKey, *, workspace: Path) -> ProjectPaths:
    """Returns a project's paths and makes nothing: its folders may not be there.

    Raises:
        WorkspaceError: A symlink on the way leads out of the workspace.
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
    """Yields where each project keeps its records; they may not be there, and nothing is made."""
    for project in (workspace / "channels").glob("*/projects/*"):
        with contextlib.suppress(InvalidIdentifierError):  # somebody else's folder
            yield ProjectKey(project.parent.parent.name, project.name), project / ".assetgen" / "records.json"


def writable_workspace(workspace: Path) -> None:
    """Does nothing if projects can be made in the workspace.

    Raises:
        WorkspaceError: They cannot.
    """
    folder = _folder(workspace, "channels")
    if not os.access(folder, os.W_OK | os.X_OK):
        raise unwritable(folder, PermissionError(errno.EACCES, os.strerror(errno.EACCES)))


def shared_folder(workspace: Path) -> Path:
    """Returns the folder for what all projects of a workspace share, made if it was not there.

    Raises:
        WorkspaceError: It cannot be made.
    """
    return _folder(workspace, ".assetgen")


def _made(folder: Path, workspace: Path) -> Path:
    return _folder(workspace, *folder.relative_to(workspace).parts)


def _folder(workspace: Path, *parts: str) -> Path:
    """Makes a folder step by step, so that a symlink is refused before anything is made behind it."""
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
    """Returns the error that tells an operator what keeps us from writing to ``path``."""
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
