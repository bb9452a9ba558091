"""The names of jobs, steps and assets: other programs rely on them."""

import dagster as dg

#: The job that draws a project.
JOB_NAME = "generate_project_assets"

#: The job that refreshes ``assets_ready`` and ``contact_sheet``.
REFRESH_JOB_NAME = "refresh_project_assets"

#: The step that draws all pictures; every other asset has a step of its own name.
IMAGES_STEP = "images"

ASSET_MANIFEST = dg.AssetKey("asset_manifest")
ASSETS_READY = dg.AssetKey("assets_ready")
CONTACT_SHEET = dg.AssetKey("contact_sheet")

_IMAGE = "image_"


def image_key(number: int) -> dg.AssetKey:
    """Returns the key of a picture's asset: ``image_01`` for 1."""
    return dg.AssetKey(f"{_IMAGE}{number:02d}")


def image_number(key: dg.AssetKey) -> int | None:
    """Returns the picture's number, or None for any other asset."""
    name = key.to_user_string()
    digits = name.removeprefix(_IMAGE)
    return int(digits) if digits != name and digits.isdecimal() else None


def is_own(key: dg.AssetKey) -> bool:
    """Returns whether an asset is defined here, not by a downstream step of the pipeline."""
    return key in (ASSET_MANIFEST, ASSETS_READY, CONTACT_SHEET) or image_number(key) is not None
