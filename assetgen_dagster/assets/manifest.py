"""``asset_manifest``: the list of a project's pictures, written to its folder as JSON that a person can edit."""

from collections.abc import Iterator

import dagster as dg
import structlog
from pydantic import Field

from assetgen_dagster.assets.keys import ASSET_MANIFEST
from assetgen_dagster.assets.manifest_money import ManifestMoney
from assetgen_dagster.assets.partitions import projects
from assetgen_dagster.assets.request import request_id
from assetgen_dagster.assets.session import RunSession, user_failures
from assetgen_dagster.director.model.call_log import forget_calls
from assetgen_dagster.director.model.events import ManifestMade
from assetgen_dagster.director.model.write import Bill
from assetgen_dagster.director.source import Resolution, Story, resolve_in_folder
from assetgen_dagster.manifest.file import MANIFEST_FILE, check_slots
from assetgen_dagster.manifest.model import AssetManifest
from assetgen_dagster.support.redact import preview, redact

_log = structlog.get_logger()


class StoryConfig(dg.Config):
    """The story of one video; leave both empty if the project folder has an ``03_assets.md`` or a manifest."""

    topic: str | None = Field(default=None, description='Notion\'s Topic, such as "Bulbasaur forest documentary".')
    story_direction: str | None = Field(
        default=None, description='Notion\'s Story Direction, such as "Show evolution through seasons".'
    )

    def story(self) -> Story | None:
        """Returns the story, or None if both texts are missing."""
        if self.topic is None and self.story_direction is None:
            return None
        return Story(self.topic or "", self.story_direction or "")


@dg.asset(
    key=ASSET_MANIFEST,
    partitions_def=projects,
    group_name="assets",
    kinds={"json"},
    description=(
        "The pictures of one video and their prompts, in asset_manifest.json in the project folder. Comes from that "
        "file if a person edited it, else from 03_assets.md beside it, else from topic and story_direction. If "
        "ASSETGEN_STORY_MODEL names a language model, that model writes it, and cost_usd is its cost. If it fails, "
        "its message names the file, the line or the setting to fix, and no picture has been paid for."
    ),
)
def asset_manifest(
    context: dg.AssetExecutionContext, config: StoryConfig, session: RunSession
) -> Iterator[dg.MaterializeResult[None]]:
    """Resolves the manifest and writes it if it changed."""
    with user_failures(context):
        project = session.open(context)
        session.check_request(context, project, request_id(context.instance, context.run))
        money = ManifestMoney(context, project)
        with money.report_after_failure():
            writer = session.writer(context, project)
            resolution = resolve_in_folder(project.paths.project, config.story(), director=writer.director())
            check_slots(resolution.manifest, project.settings.image_slots)
            resolution.store(project.paths.project)
            forget_calls(project.store)
        _warn(context, resolution, writer.bill)
        session.emit(ManifestMade(*resolution.manifest.sorted_warnings()))
        path = {"path": dg.MetadataValue.path(str(project.paths.project / MANIFEST_FILE))}
        yield dg.MaterializeResult(metadata={**path, **_metadata(resolution), **money.metadata(writer.bill)})
        money.mark()


def _warn(context: dg.AssetExecutionContext, resolution: Resolution, bill: Bill) -> None:
    warnings = [*resolution.manifest.warnings]
    if not bill.price_known:
        warnings.append("the price of this story model is unknown: its tokens are counted, its cost is not")
    for warning in warnings:
        _log.warning("asset_manifest_warning", warning=warning)
        context.log.warning(redact(warning))


def _metadata(resolution: Resolution) -> dict[str, dg.MetadataValue]:
    manifest = resolution.manifest
    return {
        "action": dg.MetadataValue.text(redact(f"{resolution.action}: {resolution.reason}")),
        "global_atmosphere": dg.MetadataValue.text(redact(manifest.global_atmosphere)),
        "pictures": dg.MetadataValue.int(len(manifest.assets)),
        "manifest": _table(manifest),
        "warnings": dg.MetadataValue.md(redact("\n".join(f"- {warning}" for warning in manifest.warnings)) or "none"),
    }


def _table(manifest: AssetManifest) -> dg.TableMetadataValue:
    records = [
        dg.TableRecord({"category": str(asset.asset_type), "name": asset.name, "prompt": preview(asset.prompt)})
        for asset in manifest.assets
    ]
    return dg.MetadataValue.table(records)
