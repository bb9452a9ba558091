"""The numbers about a project that its row shows."""

from collections.abc import Mapping

from assetgen_dagster.notion.columns import COST, PICTURES, Figures
from assetgen_dagster.project.records import PictureFacts, ProjectRecords


def figures_of(records: ProjectRecords, pictures: Mapping[str, PictureFacts | None] | None = None) -> Figures:
    """Returns a project's figures.

    Args:
        records: What was drawn and paid for.
        pictures: What the picture files are, from ``measured_pictures``; None while the manifest is unknown.
    """
    return {
        COST: records.total_usd(),
        PICTURES: None if pictures is None else sum(facts is not None for facts in pictures.values()),
    }
