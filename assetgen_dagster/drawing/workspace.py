"""Where everything of a project lies. The only place where paths are made.

The folders under ``assets/`` are an interface for the next pipeline steps; ours are in ``.assetgen/``, beside them.
"""

import errno
import os
import time
from dataclasses import dataclass
from pathlib import Path

from assetgen_dagster.errors import AssetgenError
from assetgen_dagster.project import ProjectKey, validate_identifier
from assetgen_dagster.story.manifest import AssetPrompt, AssetType

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
    validate_identifier(channel_id, "channel")
    validate_identifier(project_id, "project")
    return _folder(workspace, "channels", channel_id, "projects", project_id)


def get_asset_dir(channel_id: str, project_id: str, *, workspace: Path) -> Path:
    """Returns the project's ``assets`` folder; see ``get_project_dir``."""
    return _folder(workspace, *_below(channel_id, project_id, workspace, "assets"))


def get_character_dir(channel_id: str, project_id: str, *, workspace: Path) -> Path:
    """Returns ``assets/characters``; see ``get_project_dir``."""
    return _folder(workspace, *_below(channel_id, project_id, workspace, "assets", _FOLDERS[AssetType.CHARACTER]))


def get_environment_dir(channel_id: str, project_id: str, *, workspace: Path) -> Path:
    """Returns ``assets/environments``; see ``get_project_dir``."""
    return _folder(workspace, *_below(channel_id, project_id, workspace, "assets", _FOLDERS[AssetType.ENVIRONMENT]))


def get_props_dir(channel_id: str, project_id: str, *, workspace: Path) -> Path:
    """Returns ``assets/props``; see ``get_project_dir``."""
    return _folder(workspace, *_below(channel_id, project_id, workspace, "assets", _FOLDERS[AssetType.PROP]))


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
    def records(self) -> Path:
        """Rounds, pictures and money."""
        return self.project / ".assetgen" / "records.json"

    @property
    def lock(self) -> Path:
        """Held by the run that works on the project."""
        return self.project / ".assetgen" / "lock"

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

    def set_aside(self, path: Path) -> None:
        """Gives a file a second name in the retired folder; under its first name it may then be replaced or removed."""
        os.link(path, self.retired / f"{path.stem}.{time.time_ns()}{path.suffix}")

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
            raise WorkspaceError(f"{self.records} names {recorded!r}, which is outside the workspace.")
        return path


def open_project(key: ProjectKey, *, workspace: Path) -> ProjectPaths:
    """Makes a project's folders and returns their paths.

    Raises:
        WorkspaceError: See ``get_project_dir``.
    """
    names = {"channel_id": key.channel, "project_id": key.project}
    project = get_project_dir(**names, workspace=workspace)
    return ProjectPaths(
        workspace=workspace,
        project=project,
        characters=get_character_dir(**names, workspace=workspace),
        environments=get_environment_dir(**names, workspace=workspace),
        props=get_props_dir(**names, workspace=workspace),
        staging=_folder(workspace, *project.relative_to(workspace).parts, ".assetgen", "staging"),
        retired=_folder(workspace, *project.relative_to(workspace).parts, ".assetgen", "retired"),
    )


def writable_workspace(workspace: Path) -> None:
    """Does nothing if projects can be made in the workspace.

    Raises:
        WorkspaceError: They cannot.
    """
    folder = _folder(workspace, "channels")
    if not os.access(folder, os.W_OK | os.X_OK):
        raise unwritable(folder, PermissionError(errno.EACCES, os.strerror(errno.EACCES)))


def _below(channel_id: str, project_id: str, workspace: Path, *parts: str) -> tuple[str, ...]:
    project = get_project_dir(channel_id, project_id, workspace=workspace)
    return (*project.relative_to(workspace).parts, *parts)


def _folder(workspace: Path, *parts: str) -> Path:
    """Makes a folder step by step, so that a symlink is refused before anything is made behind it."""
    folder = workspace
    try:
        workspace.mkdir(parents=True, exist_ok=True)
        root = workspace.resolve()
        for part in parts:
            folder /= part
            if not folder.resolve().is_relative_to(root):
                raise WorkspaceError(
                    f"{folder} is a symlink that leads out of the workspace ({folder.resolve()}). "
                    "Replace it by a folder, or set ASSETGEN_WORKSPACE to where it leads."
                )
            folder.mkdir(exist_ok=True)
    except OSError as error:
        raise unwritable(folder, error) from error
    return folder


def unwritable(path: Path, error: OSError) -> WorkspaceError:
    """Returns the error that tells an operator what keeps us from writing to ``path``."""
    remedies = {
        errno.ENOSPC: "Free some space on this disk",
        errno.EDQUOT: "Raise the disk quota or free some space",
        errno.EROFS: "Mount this file system for writing, or set ASSETGEN_WORKSPACE to a folder that can be written",
        errno.EEXIST: "A file stands where a folder should be: move it away",
        errno.ENOTDIR: "A file stands where a folder should be: move it away",
    }
    remedy = remedies.get(
        error.errno or 0, "Give this user permission to write there, or set ASSETGEN_WORKSPACE to another folder"
    )
    return WorkspaceError(f"Cannot write {path}: {error.strerror or error}. {remedy}, then run again.")
