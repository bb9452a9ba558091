"""What one run is to do, and the decisions on its pictures before anything is drawn. Reads files, writes nothing."""

import hashlib
from dataclasses import dataclass

from assetgen_dagster.drawing.events import Task
from assetgen_dagster.drawing.picture import check_asset_exists, file_sha256
from assetgen_dagster.drawing.plan import Action, FileState, Request, Step, decide, starts_new_round
from assetgen_dagster.drawing.records import Inputs, PictureRecord, ProjectRecords
from assetgen_dagster.drawing.workspace import ProjectPaths
from assetgen_dagster.settings import Settings
from assetgen_dagster.story.manifest import AssetManifest, AssetPrompt


@dataclass(frozen=True)
class DrawingJob:
    """What one run is to do for one project.

    Attributes:
        manifest: The pictures, at most as many as there are slots.
        paths: The project's files.
        settings: The settings in force.
        request: What was asked for.
        run_id: The run.
        selected: Numbers of the pictures that this run handles.
    """

    manifest: AssetManifest
    paths: ProjectPaths
    settings: Settings
    request: Request
    run_id: str
    selected: frozenset[int]


def plan_tasks(job: DrawingJob, records: ProjectRecords, numbers: dict[str, int]) -> tuple[list[Task], bool]:
    """Returns what would happen to each selected picture, by number, and whether a new round begins.

    Reads the pictures' files, writes nothing.
    """
    selected = [asset for asset in job.manifest.assets if numbers[asset.name] in job.selected]
    request = _normalised(job.request, numbers)
    last = records.round
    new_round = bool(selected) and starts_new_round(last, request)
    round_number = (last.number if last else 0) + (1 if new_round else 0)
    tasks = []
    for asset in sorted(selected, key=lambda asset: numbers[asset.name]):
        record = records.pictures.get(asset.name)
        prompt = job.manifest.combined_prompt(asset)
        step = decide(
            record=record,
            file=_file_state(job.paths, asset, record),
            inputs=inputs_of(prompt, job.settings),
            round_number=round_number,
            request=request,
            number=numbers[asset.name],
        )
        if not prompt:
            step = Step(Action.DRAW, "its prompt is empty")
        tasks.append(Task(numbers[asset.name], asset, prompt, step))
    return tasks, new_round


def inputs_of(prompt: str, settings: Settings) -> Inputs:
    """Returns what a picture of this combined prompt is drawn from under these settings."""
    return Inputs(
        prompt_sha256=hashlib.sha256(prompt.encode(errors="surrogatepass")).hexdigest(),
        model=settings.gemini_image_model,
        aspect_ratio=settings.gemini_aspect_ratio,
    )


def _file_state(paths: ProjectPaths, asset: AssetPrompt, record: PictureRecord | None) -> FileState:
    path = paths.output_path(asset)
    sha256 = file_sha256(path)
    unchanged = record is not None and sha256 == record.facts.sha256
    return FileState(sha256, whole=unchanged or (sha256 is not None and check_asset_exists(path)))


def _normalised(request: Request, numbers: dict[str, int]) -> Request:
    """Returns a request by hand for every picture of the manifest as what it is: one for all."""
    if request.numbers is not None and request.numbers >= set(numbers.values()):
        return Request(request.id, request.requested_at, request.mode)
    return request
