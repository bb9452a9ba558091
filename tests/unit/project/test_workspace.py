from pathlib import Path

import pytest

from assetgen_dagster.project.key import InvalidIdentifierError, ProjectKey
from assetgen_dagster.project.workspace import (
    WorkspaceError,
    get_asset_dir,
    get_character_dir,
    get_environment_dir,
    get_project_dir,
    get_props_dir,
    open_project,
)
from tests.unit.project.test_key import BAD


def test_the_helpers_make_the_layout_that_the_next_steps_read(tmp_path: Path) -> None:
    project = tmp_path / "channels/poke1/projects/vid_123"
    assert get_project_dir("poke1", "vid_123", workspace=tmp_path) == project
    assert get_asset_dir("poke1", "vid_123", workspace=tmp_path) == project / "assets"
    assert get_character_dir("poke1", "vid_123", workspace=tmp_path) == project / "assets/characters"
    assert get_environment_dir("poke1", "vid_123", workspace=tmp_path) == project / "assets/environments"
    assert get_props_dir("poke1", "vid_123", workspace=tmp_path) == project / "assets/props"
    assert (project / "assets/props").is_dir()


@pytest.mark.parametrize("value", BAD)
def test_an_identifier_cannot_lead_out_of_the_workspace(tmp_path: Path, value: str) -> None:
    with pytest.raises(InvalidIdentifierError):
        get_project_dir(value, "vid_123", workspace=tmp_path)
    with pytest.raises(InvalidIdentifierError):
        get_character_dir("poke1", value, workspace=tmp_path)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("link", ["channels", "channels/poke1", "channels/poke1/projects/vid_123/assets"])
def test_a_symlink_out_of_the_workspace_is_refused_and_nothing_is_made_behind_it(tmp_path: Path, link: str) -> None:
    workspace, outside = tmp_path / "workspace", tmp_path / "outside"
    outside.mkdir()
    (workspace / link).parent.mkdir(parents=True)
    (workspace / link).symlink_to(outside)
    with pytest.raises(WorkspaceError, match="leads out of the workspace"):
        open_project(ProjectKey("poke1", "vid_123"), workspace=workspace)
    assert list(outside.iterdir()) == []


def test_a_symlink_within_the_workspace_is_followed(tmp_path: Path) -> None:
    (tmp_path / "channels/real").mkdir(parents=True)
    (tmp_path / "channels/poke1").symlink_to(tmp_path / "channels/real")
    paths = open_project(ProjectKey("poke1", "vid_123"), workspace=tmp_path)
    assert (tmp_path / "channels/real/projects/vid_123/assets/props").is_dir()
    assert paths.staging.is_dir()


def test_a_record_that_names_a_file_outside_is_refused(tmp_path: Path) -> None:
    paths = open_project(ProjectKey("poke1", "vid_123"), workspace=tmp_path)
    with pytest.raises(WorkspaceError, match="outside the workspace"):
        paths.absolute("../../etc/passwd")


def test_the_workspace_may_itself_be_reached_by_a_symlink(tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "real")
    paths = open_project(ProjectKey("poke1", "vid_123"), workspace=tmp_path / "link")
    assert paths.relative(paths.characters) == "channels/poke1/projects/vid_123/assets/characters"
