"""Asset checks on a project's pictures: one result per kind of defect.

They belong to ``assets_ready`` and run once per project: a check per picture adds 1 to 4 s to a run
(docs/decisions.md).
"""

import warnings
from collections.abc import Iterator, Sequence

import dagster as dg

from assetgen_dagster.assets.keys import ASSETS_READY
from assetgen_dagster.assets.partitions import projects
from assetgen_dagster.drawing.defects import SHORT_SIDE_PIXELS, Defect, DefectivePicture

_DESCRIPTIONS = {
    Defect.BROKEN: "Every picture decodes from its first to its last row.",
    Defect.SMALL: f"Every picture has at least {SHORT_SIDE_PIXELS} pixels on its short side.",
    Defect.FLAT: "Every picture shows more than one colour.",
    Defect.SHAPE: "Every picture has the requested aspect ratio.",
}

_WARNINGS_ONLY = {Defect.SHAPE}


def _specs() -> list[dg.AssetCheckSpec]:
    with warnings.catch_warnings():
        # Partitioned checks are a preview feature; without them all projects would share one status.
        warnings.simplefilter("ignore", dg.PreviewWarning)
        return [
            dg.AssetCheckSpec(defect.value, asset=ASSETS_READY, description=description, partitions_def=projects)
            for defect, description in _DESCRIPTIONS.items()
        ]


CHECKS = _specs()


def check_results(defective: Sequence[DefectivePicture], *, pictures: int) -> Iterator[dg.AssetCheckResult]:
    """Yields one result per check; its metadata names the pictures that fail it.

    Args:
        defective: The pictures with defects.
        pictures: Number of all pictures.
    """
    for defect, description in _DESCRIPTIONS.items():
        # A file that does not decode passes no check.
        bad = [one.name for one in defective if not {defect, Defect.BROKEN}.isdisjoint(one.defects)]
        shown = f"{', '.join(bad)} of {pictures} do not" if bad else f"all {pictures} do"
        yield dg.AssetCheckResult(
            check_name=defect.value,
            asset_key=ASSETS_READY,
            passed=not bad,
            severity=dg.AssetCheckSeverity.WARN if defect in _WARNINGS_ONLY else dg.AssetCheckSeverity.ERROR,
            description=f"{description} Here: {shown}.",
            metadata={"failing": dg.MetadataValue.json(bad)},
        )
