"""``contact_sheet``: all pictures of a project on one labelled sheet."""

from collections.abc import Iterator

import dagster as dg

from assetgen_dagster.assets.keys import CONTACT_SHEET, image_key
from assetgen_dagster.assets.partitions import projects
from assetgen_dagster.assets.review_sheet import show_at_once
from assetgen_dagster.assets.session import RunSession, user_failures
from assetgen_dagster.drawing.contact_sheet import Cell, draw_contact_sheet
from assetgen_dagster.drawing.defects import defective_pictures, numbers_of
from assetgen_dagster.drawing.status import measured_pictures, note_recorded, require_ready


def build_contact_sheet(slots: int) -> dg.AssetsDefinition:
    """Returns the asset downstream of all pictures, beside ``assets_ready``."""

    @dg.asset(
        key=CONTACT_SHEET,
        deps=[image_key(number) for number in range(1, slots + 1)],
        partitions_def=projects,
        group_name="assets",
        kinds={"png"},
        description=(
            "contact_sheet.png in the project folder: every picture with its number and name. If it fails, materialize "
            "the pictures that its message names, then this asset; it costs nothing."
        ),
    )
    def contact_sheet(context: dg.AssetExecutionContext, session: RunSession) -> Iterator[dg.MaterializeResult[None]]:
        with user_failures(context):
            project = session.open(context)
            manifest, output = project.reconciled_manifest(), project.paths.contact_sheet
            records = project.store.records
            pictures = measured_pictures(manifest, records, project.paths)
            require_ready(manifest, records, pictures)
            defective = defective_pictures(manifest, records, pictures, project.options)
            defects = {one.name: one.text for one in defective}
            cells = sorted(
                (
                    Cell(records.numbers[a.name], a.name, project.paths.output_path(a), defects.get(a.name, ""))
                    for a in manifest.assets
                ),
                key=lambda cell: cell.number,
            )
            subtitle = f"{len(cells)} pictures, ${records.total_usd():.2f} so far"
            subtitle += f"; look at {numbers_of(defective)}" if defective else ""
            drawn = draw_contact_sheet(cells, title=str(project.key), subtitle=subtitle, output=output)
            yield dg.MaterializeResult(
                metadata={
                    "preview": dg.MetadataValue.md(drawn.sheet),
                    "path": dg.MetadataValue.path(str(output)),
                    "pictures": len(cells),
                    **{_label(cell): dg.MetadataValue.md(drawn.pictures[cell.number]) for cell in cells},
                }
            )
            note_recorded(project.store, sheet=True)
            show_at_once(context, project, session.board)

    return contact_sheet


def _label(cell: Cell) -> str:
    return f"{cell.number:02d} {cell.name}"
