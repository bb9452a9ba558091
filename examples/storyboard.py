"""A step after this project: an asset that uses a project's pictures, and runs by itself when they are all there.

Load it in place of the project's own definitions, by ``workspace.yaml``; see "A step after this one" in
docs/architecture.md.
"""

import html
from pathlib import Path

import dagster as dg

from assetgen_dagster.assets.keys import ASSETS_READY
from assetgen_dagster.assets.partitions import projects
from assetgen_dagster.definitions import build_definitions
from assetgen_dagster.manifest.file import MANIFEST_FILE, load_manifest
from assetgen_dagster.project.key import ProjectKey
from assetgen_dagster.project.workspace import locate_project
from assetgen_dagster.settings import load_settings

#: Not at each event of ``assets_ready``: after a run that was refused, a complete project is reported once more.
WHEN_PICTURES_CHANGED = dg.AutomationCondition.eager().replace(
    "newly_updated", dg.AutomationCondition.data_version_changed()
)


@dg.asset(
    deps=[ASSETS_READY],
    partitions_def=projects,
    automation_condition=WHEN_PICTURES_CHANGED,
    group_name="storyboard",
    description="storyboard.html in the project folder: every picture above its prompt. Costs nothing.",
)
def storyboard(context: dg.AssetExecutionContext) -> dg.MaterializeResult[None]:
    """Reads what the run left on disk: the manifest says which pictures there are, the paths where they lie."""
    paths = locate_project(ProjectKey.from_partition_key(context.partition_key), workspace=load_settings().workspace)
    found = load_manifest(paths.project / MANIFEST_FILE)
    if found is None:
        raise dg.Failure(f"Materialize asset_manifest first: {paths.project} has none.", allow_retries=False)
    page = paths.project / "storyboard.html"
    figures = [_figure(paths.output_path(one).relative_to(page.parent), one.prompt) for one in found.manifest.assets]
    page.write_text("\n".join(["<!doctype html><meta charset=utf-8>", *figures]), encoding="utf-8")
    return dg.MaterializeResult(metadata={"path": dg.MetadataValue.path(str(page)), "pictures": len(figures)})


def _figure(picture: Path, prompt: str) -> str:
    return f'<figure><img src="{picture.as_posix()}" width=480><figcaption>{html.escape(prompt)}</figcaption></figure>'


#: Switched on from the start, as this project's own sensors are.
automation = dg.AutomationConditionSensorDefinition(
    "storyboards",
    target=dg.AssetSelection.assets(storyboard),
    default_status=dg.DefaultSensorStatus.RUNNING,
)

defs = dg.Definitions.merge(build_definitions(), dg.Definitions(assets=[storyboard], sensors=[automation]))
