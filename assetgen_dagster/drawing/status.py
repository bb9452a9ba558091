"""Whether a project is ready, and what it cost: derived from the records, independent of a run's selection."""

import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from assetgen_dagster.drawing.picture import BrokenPictureError, file_sha256, inspect_picture
from assetgen_dagster.drawing.plan import missing_pictures
from assetgen_dagster.errors import Code, OneCodeError
from assetgen_dagster.manifest.model import AssetManifest
from assetgen_dagster.project.records import PictureFacts, PictureRecord, ProjectRecords, RecordStore, SpendKind
from assetgen_dagster.project.workspace import ProjectPaths


class NotReadyError(OneCodeError):
    """Pictures are missing."""

    code = Code.PICTURES_MISSING


@dataclass(frozen=True)
class Totals:
    """The story's summary of a run, and what the project cost so far, in USD.

    Attributes:
        generated: Pictures that this run drew.
        skipped: Pictures that existed before.
        failed: Pictures that are missing.
        total_cost_usd: What this run spent.
        project_cost_usd: What all runs spent.
        possibly_billed_usd: What calls without an answer may have cost in addition, over all runs.
    """

    generated: int
    skipped: int
    failed: int
    total_cost_usd: float
    project_cost_usd: float
    possibly_billed_usd: float


def require_ready(
    manifest: AssetManifest, records: ProjectRecords, pictures: Mapping[str, PictureFacts | None]
) -> None:
    """Checks that every picture of the manifest is done and whole.

    Args:
        manifest: The current manifest.
        records: The project's records.
        pictures: Facts of the files, from ``measured_pictures``.

    Raises:
        NotReadyError: Some pictures are missing or broken; names them.
    """
    missing = missing_pictures(manifest, records, {name for name, facts in pictures.items() if facts is not None})
    if missing:
        numbers = records.numbers
        named = ", ".join(f"#{numbers[name]:02d} {name}" if name in numbers else name for name in missing)
        raise NotReadyError(
            f"Materialize the missing pictures, then this asset again: {len(missing)} of {len(manifest.assets)} are "
            f"missing or broken ({named})."
        )


def totals(manifest: AssetManifest, records: ProjectRecords, *, run_id: str) -> Totals:
    """Returns the counts and costs of a project, as seen from one run."""
    there = [records.pictures[asset.name] for asset in manifest.assets if asset.name in records.pictures]
    generated = sum(record.run_id == run_id for record in there)
    return Totals(
        generated=generated,
        skipped=len(there) - generated,
        failed=len(manifest.assets) - len(there),
        total_cost_usd=records.total_usd(reported_by=run_id),
        project_cost_usd=records.total_usd(),
        possibly_billed_usd=records.total_usd(kind=SpendKind.POSSIBLY_BILLED),
    )


def note_recorded(store: RecordStore, *, ready: bool = False, sheet: bool = False) -> None:
    """Records that Dagster has stored ``assets_ready`` or ``contact_sheet``; with both, the round is closed.

    Args:
        store: The records of a project whose pictures are all done.
        ready: ``assets_ready`` was stored.
        sheet: ``contact_sheet`` was stored.
    """
    newest_run = store.newest_run()
    with store.change() as records:
        last, now = records.rounds[-1], time.time()
        # The clock may have been set back since a picture was drawn.
        recorded_at = max([now, *map(_drawn_at, records.pictures.values())])
        last.ready_at = recorded_at if ready else last.ready_at
        last.sheet_at = recorded_at if sheet else last.sheet_at
        if last.closed_at is None and last.ready_at is not None and last.sheet_at is not None:
            last.closed_at, last.closed_newest_run, last.redrawing = now, newest_run, False


def measured_pictures(
    manifest: AssetManifest, records: ProjectRecords, paths: ProjectPaths
) -> dict[str, PictureFacts | None]:
    """Returns the facts of the manifest's pictures by name; None for a file that does not decode.

    Only files that changed since they were published are measured again.
    """
    return {
        asset.name: _measured(records.pictures.get(asset.name), paths.output_path(asset)) for asset in manifest.assets
    }


def _measured(record: PictureRecord | None, path: Path) -> PictureFacts | None:
    if record is not None and file_sha256(path) == record.facts.sha256:
        return record.facts
    try:
        return inspect_picture(path).facts
    except (OSError, BrokenPictureError):
        return None


def is_stale(records: ProjectRecords) -> bool:
    """Returns whether a picture is newer than ``assets_ready`` or ``contact_sheet``.

    Also true for an open round whose pictures were all drawn by hand, because it lacks these two.
    """
    last = records.round
    if last is None:
        return False
    recorded = min(last.ready_at or 0.0, last.sheet_at or 0.0)
    return any(_drawn_at(record) > recorded for record in records.pictures.values())


def finished_at(records: ProjectRecords) -> float | None:
    """Returns the Unix time at which a project was finished; None if its round is open or out of date."""
    last = records.round
    if last is None or last.closed_at is None or is_stale(records):
        return None
    return max(last.closed_at, last.ready_at or 0.0, last.sheet_at or 0.0)


def _drawn_at(record: PictureRecord) -> float:
    return record.drawn_at or 0.0
