"""``image_01`` … : the pictures, one asset each, drawn by one step.

One step, because a process per picture costs more than drawing it (docs/decisions.md has the measurements);
subsettable, so that every picture can be materialized alone. ``drawing`` decides what to draw and draws it.
"""

from collections.abc import Collection, Iterator
from enum import StrEnum

import dagster as dg
from pydantic import Field

from assetgen_dagster.assets.keys import ASSET_MANIFEST, IMAGES_STEP, image_key, image_number
from assetgen_dagster.assets.partitions import projects
from assetgen_dagster.assets.picture_events import PictureReporter
from assetgen_dagster.assets.request import claim_request
from assetgen_dagster.assets.session import RunSession, user_failures
from assetgen_dagster.drawing.job import DrawingJob
from assetgen_dagster.drawing.plan import Mode, Redraw
from assetgen_dagster.drawing.redraw import RedrawError

DESCRIPTION = (
    "Picture {number} of the video, drawn into the project's assets folder. To draw it again, materialize it alone. "
    "If it fails, the run's message begins with what to do; a retry pays only for what is missing. A project with "
    "fewer pictures leaves it unused."
)


class ModeName(StrEnum):
    """``Mode`` for run config: Dagster reads the names of an enum, not its values."""

    auto = "auto"
    resume = "resume"
    regenerate = "regenerate"


class ImagesConfig(dg.Config):
    """How to treat existing pictures."""

    mode: ModeName = Field(
        default=ModeName.auto,
        description=(
            "auto draws what is missing, and everything again in a complete project that Dagster showed as "
            "materialized; resume draws only pictures that are missing or whose prompt, references, model or aspect "
            "ratio changed; regenerate draws everything again."
        ),
    )
    redraw: list[str] = Field(
        default=[],
        description=(
            'Pictures to draw again, by number or name, each in quotes, such as ["5", "env_cave"]; auto then draws no '
            "others of a complete project."
        ),
    )
    remark: str = Field(
        default="",
        description=(
            'What to change in the pictures of redraw, such as "less golden light": added to their prompts and kept in '
            "the manifest."
        ),
    )

    def order(self, selected: Collection[int]) -> Redraw | None:
        """Returns the order to draw single pictures again, or None if the config has none.

        Args:
            selected: Numbers of the pictures that the run selects.

        Raises:
            RedrawError: There is a remark, but no pictures in ``redraw``.
        """
        if self.remark.strip() and not self.redraw:
            example = ", ".join(f'"{number}"' for number in sorted(selected)[:3])
            raise RedrawError(
                "Nothing was drawn: remark applies to the pictures in redraw, and redraw is empty. Name them, such as "
                f"redraw: [{example}]."
            )
        return Redraw(tuple(dict.fromkeys(self.redraw)), self.remark.strip()) if self.redraw else None


def build_images(slots: int, provider: str) -> dg.AssetsDefinition:
    """Returns the multi-asset with one picture per slot; the UI shows ``provider`` as its kind."""

    @dg.multi_asset(
        name=IMAGES_STEP,
        partitions_def=projects,
        can_subset=True,
        specs=[
            dg.AssetSpec(
                image_key(number),
                deps=[ASSET_MANIFEST],
                group_name="assets",
                kinds={"png", provider},
                description=DESCRIPTION.format(number=number),
            )
            for number in range(1, slots + 1)
        ],
    )
    def images(
        context: dg.AssetExecutionContext, config: ImagesConfig, session: RunSession
    ) -> Iterator[dg.MaterializeResult[None]]:
        numbers = frozenset(n for key in context.selected_asset_keys if (n := image_number(key)) is not None)
        with user_failures(context):
            project = session.open(context)
            reporter = PictureReporter(context, project)
            reporter.recover()
            mode = Mode(config.mode.value)
            asked = claim_request(
                context.instance, context.run, mode, config.order(numbers), project.store.records.complete_numbers()
            )
            session.check_request(context, project, asked.id)
            request = project.named_request(asked)
            manifest = project.manifest_with_remark(request)
            job = DrawingJob(
                manifest, project.paths, project.settings, project.options, request, project.run_id, numbers
            )
            drawing = session.draw(context, job, project)
            for event in drawing.events():
                session.emit(event)
                yield from reporter.results(event)
            if drawing.interruption is not None:
                reporter.end_interrupted(None if drawing.killed else drawing.result, drawing.interruption)
            yield from reporter.unused(numbers)
            reporter.raise_if_failed(drawing.result)

    return images
