"""Owner and tags of the assets: what the Dagster UI filters by, beside group and kinds."""

import dagster as dg

from assetgen_dagster.assets.keys import ASSET_MANIFEST, image_number
from assetgen_dagster.settings import Settings

#: Whether materializing an asset can cost money: ``paid`` or ``free``. In the UI: ``tag:"cost"="paid"``.
COST_TAG = "cost"


def labelled(asset: dg.AssetsDefinition, settings: Settings) -> dg.AssetsDefinition:
    """Returns the asset with the owner from the settings and the tag ``cost``."""

    def label(spec: dg.AssetSpec) -> dg.AssetSpec:
        return spec.merge_attributes(
            owners=[settings.owner] if settings.owner else [],
            tags={COST_TAG: "paid" if _is_paid(spec.key, settings) else "free"},
        )

    return asset.map_asset_specs(label)


def _is_paid(key: dg.AssetKey, settings: Settings) -> bool:
    """Returns whether the asset is a picture, or the manifest if a language model writes it."""
    return image_number(key) is not None or (key == ASSET_MANIFEST and settings.story_model is not None)
