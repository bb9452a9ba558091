"""PLACEHOLDER by the lead, so that the rest can be tried: the author of story/ replaces this file."""

from assetgen_dagster.story.manifest import AssetManifest, AssetPrompt, AssetType


def create_asset_manifest(topic: str, story_direction: str) -> AssetManifest:
    kinds = [AssetType.CHARACTER] * 8 + [AssetType.ENVIRONMENT] * 9 + [AssetType.PROP] * 5
    warnings = () if topic and story_direction else ("The topic is empty",)
    return AssetManifest(
        global_atmosphere="Natural forest lighting",
        assets=tuple(
            AssetPrompt(asset_type=kind, name=f"picture_{n:02d}", prompt=f"{topic} {n} {kind}")
            for n, kind in enumerate(kinds, 1)
        ),
        warnings=warnings,
    )
