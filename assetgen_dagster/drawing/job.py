"""The job of one run, and the decisions on its pictures before anything is drawn. Reads files, writes nothing."""

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path

from assetgen_dagster.drawing.events import Task
from assetgen_dagster.drawing.picture import check_asset_exists, file_sha256
from assetgen_dagster.drawing.plan import (
    Action,
    FileState,
    Mode,
    ReferenceState,
    Request,
    Step,
    changed_inputs,
    decide,
    how_to_draw_again,
    starts_new_round,
)
from assetgen_dagster.drawing.render_options import RenderOptions
from assetgen_dagster.manifest.model import AssetManifest, AssetPrompt
from assetgen_dagster.manifest.references import in_drawing_order
from assetgen_dagster.project.records import Inputs, PictureRecord, ProjectRecords, Reference, Round, SpendKind
from assetgen_dagster.project.workspace import ProjectPaths
from assetgen_dagster.providers.registry import provider_of
from assetgen_dagster.settings import Settings


@dataclass(frozen=True)
class DrawingJob:
    """What one run does for one project.

    Attributes:
        manifest: The pictures, at most one per slot.
        paths: The project's files.
        settings: The settings in force.
        options: Aspect ratio and style of all pictures.
        request: The request that the run carries out.
        run_id: The run.
        selected: Numbers of the pictures that this run handles.
    """

    manifest: AssetManifest
    paths: ProjectPaths
    settings: Settings
    options: RenderOptions
    request: Request
    run_id: str
    selected: frozenset[int]

    def prompt_of(self, asset: AssetPrompt) -> str:
        """Returns the combined prompt of a picture."""
        return self.manifest.combined_prompt(asset, style=self.options.style)

    def inputs_of(self, asset: AssetPrompt, prompt: str, references: Iterable[Reference] = ()) -> Inputs:
        """Returns what a picture of this combined prompt is drawn from."""
        return Inputs(
            prompt_sha256=hashlib.sha256(prompt.encode(errors="surrogatepass")).hexdigest(),
            model=provider_of(self.settings).model,
            aspect_ratio=self.options.aspect_ratio_of(asset),
            references=tuple(references),
        )


def plan_tasks(
    job: DrawingJob, records: ProjectRecords, numbers: dict[str, int], *, with_references: bool
) -> tuple[list[Task], bool]:
    """Returns the decision on each selected picture, by number, and whether a new round begins.

    Reads the pictures' files, writes nothing.

    Args:
        job: The job.
        records: The project's records.
        numbers: Picture numbers by name.
        with_references: Whether the script takes reference pictures.
    """
    chosen = {asset.name for asset in job.manifest.assets if numbers[asset.name] in job.selected}
    request = _normalised(job.request, numbers)
    new_round = bool(chosen) and starts_new_round(records.round, request)
    planning = _Planning(job, records, numbers, request, new_round=new_round, with_references=with_references)
    for name in in_drawing_order(planning.references):
        if name in chosen:
            planning.decide(name)
    return sorted(planning.tasks.values(), key=lambda task: task.number), new_round


def served_names(job: DrawingJob, records: ProjectRecords) -> frozenset[str]:
    """Returns the pictures of a redraw order that were drawn as ordered since it was made: a double click pays once.

    Decided by the order of runs only: by clocks that differ, an order that was never carried out could count as
    served.
    """
    request, assets = job.request, {asset.name: asset for asset in job.manifest.assets}
    ordered = [assets[name] for name in request.redraw.names if name in assets] if request.redraw else []
    return frozenset(
        asset.name
        for asset in ordered
        if (record := records.pictures.get(asset.name)) is not None
        and request.is_after_run(record.drawn_newest_run) is False
        and not changed_inputs(record.inputs, job.inputs_of(asset, job.prompt_of(asset)))
    )


def plan_warnings(job: DrawingJob, tasks: Iterable[Task], *, with_references: bool) -> tuple[str, ...]:
    """Returns one sentence for each kind of difference between the manifest and what will be drawn."""
    drawn = [task for task in tasks if task.step.action is Action.DRAW]
    warnings = []
    for task in drawn:
        if job.options.refuses(task.asset):
            usual = job.options.aspect_ratio_of(task.asset)
            model = provider_of(job.settings).model
            warnings.append(f"{task}: {model} does not draw {task.asset.aspect_ratio}; it is drawn in {usual}")
    references = job.manifest.references()
    lacking = [str(task) for task in drawn if references[task.asset.name]]
    if lacking and not with_references:
        why = "the script has no --reference-image, so these pictures are drawn without their references"
        warnings.append(f"{why}: {', '.join(lacking)}")
    return tuple(warnings)


def advice_on_kept(
    job: DrawingJob, tasks: Iterable[Task], last: Round | None, numbers: dict[str, int]
) -> tuple[str, ...]:
    """Returns how to ask for pictures that a run keeps because nobody clearly asked for them; empty if there are none.

    Args:
        job: The job.
        tasks: The decision on each selected picture.
        last: The last round before the run.
        numbers: Picture numbers by name.
    """
    request = job.request
    kept = [str(task) for task in tasks if task.number in request.doubtful and task.step.action is Action.KEEP]
    advice = how_to_draw_again(last, _normalised(request, numbers), kept)
    return () if advice is None else (advice,)


def lost_calls(job: DrawingJob, tasks: Iterable[Task], records: ProjectRecords) -> tuple[str, ...]:
    """Returns what calls of earlier runs may have cost, for pictures that are drawn because no answer came."""
    drawn = {task.asset.name: task for task in tasks if task.step.action is Action.DRAW}
    lost = [
        spend
        for spend in records.spends
        if spend.kind is SpendKind.POSSIBLY_BILLED
        and spend.run_id != job.run_id
        and spend.name in drawn
        and ((record := records.pictures.get(spend.name)) is None or (record.drawn_at or 0.0) < spend.at)
    ]
    if not lost:
        return ()
    names = dict.fromkeys(str(drawn[spend.name]) for spend in lost)
    usd = sum(spend.cost_usd for spend in lost)
    return (f"calls of an earlier run never answered, and may have cost ${usd:.3f}: {', '.join(names)}",)


class _Planning:
    """Decides picture by picture, references first."""

    def __init__(
        self,
        job: DrawingJob,
        records: ProjectRecords,
        numbers: dict[str, int],
        request: Request,
        *,
        new_round: bool,
        with_references: bool,
    ) -> None:
        self.tasks: dict[str, Task] = {}
        self.references = job.manifest.references()
        self._assets = {asset.name: asset for asset in job.manifest.assets}
        self._job, self._records, self._numbers, self._request = job, records, numbers, request
        self._new_round, self._with_references = new_round, with_references
        last = records.round
        # A new round draws everything again as it is.
        self._redraws = {} if new_round else records.redraws
        # In a complete project a redraw order keeps all other pictures, and a run that asks for nothing keeps all.
        order = request.redraw is not None or not request.anew
        kept = last is not None and (last.redrawing or (order and last.closed_at is not None))
        self._only_missing = kept and not new_round and request.mode is Mode.AUTO

    def decide(self, name: str) -> None:
        """Decides what happens to a picture; its references must have been decided, if this run handles them."""
        asset, job = self._assets[name], self._job
        record, last = self._records.pictures.get(name), self._records.round
        prompt = job.prompt_of(asset)
        references = self.references[name] if self._with_references else ()
        step = decide(
            record=record,
            file=_file_state(job.paths, asset, record),
            inputs=job.inputs_of(asset, prompt),
            round_number=(last.number if last else 0) + (1 if self._new_round else 0),
            request=self._request,
            number=self._numbers[name],
            references=[self._state(other) for other in references] if self._with_references else None,
            retired=None if self._new_round else self._retired(name),
            redraw=name in self._redraws,
            only_missing=self._only_missing,
        )
        if not prompt:
            step = Step(Action.DRAW, "its prompt is empty")
        self.tasks[name] = Task(self._numbers[name], asset, prompt, step, references)

    def _state(self, name: str) -> ReferenceState:
        step = self.tasks[name].step if name in self.tasks else None
        if step is not None and step.action is Action.DRAW:
            return ReferenceState(name, None, drawn_first=True, by_hand=step.by_name)
        record = self._records.pictures.get(name) or self._retired(name)
        sha256 = file_sha256(_file_of(self._job.paths, self._assets[name], record))
        by_hand = record is not None and (record.by_name or sha256 != record.facts.sha256)
        return ReferenceState(name, sha256, by_hand=by_hand)

    def _retired(self, name: str) -> PictureRecord | None:
        """Returns the record of a picture that left the manifest, if its retired file is unchanged."""
        record = self._records.retired.get(name)
        untouched = record is not None and file_sha256(self._job.paths.absolute(record.path)) == record.facts.sha256
        return record if untouched else None


def _file_of(paths: ProjectPaths, asset: AssetPrompt, record: PictureRecord | None) -> Path:
    """Returns a picture's published file, which may be in the folder of its former type, or else its output path."""
    published = None if record is None else paths.absolute(record.path)
    return published if published is not None and published.exists() else paths.output_path(asset)


def _file_state(paths: ProjectPaths, asset: AssetPrompt, record: PictureRecord | None) -> FileState:
    path = _file_of(paths, asset, record)
    sha256 = file_sha256(path)
    unchanged = record is not None and sha256 == record.facts.sha256
    return FileState(sha256, whole=unchanged or (sha256 is not None and check_asset_exists(path)))


def _normalised(request: Request, numbers: dict[str, int]) -> Request:
    """Returns a request that selects every picture of the manifest as a request for all."""
    if request.numbers is not None and request.numbers >= set(numbers.values()):
        return replace(request, numbers=None)
    return request
