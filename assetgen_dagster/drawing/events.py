"""What a drawing tells while it goes on: to Dagster's event log, the terminal's progress display, and the tests."""

from dataclasses import dataclass

from assetgen_dagster.budget.admission import AdmissionWaits
from assetgen_dagster.drawing.plan import Step
from assetgen_dagster.drawing.thumbnails import Thumbnails
from assetgen_dagster.manifest.model import AssetPrompt
from assetgen_dagster.project.records import PictureRecord, Spend
from assetgen_dagster.providers.failures import Failure


@dataclass(frozen=True)
class Task:
    """One picture in one run.

    Attributes:
        number: Of the picture, from 1.
        asset: The picture.
        prompt: Atmosphere and prompt combined; empty if the picture has no prompt.
        step: What was decided.
        references: Names of the pictures that are passed along.
    """

    number: int
    asset: AssetPrompt
    prompt: str
    step: Step
    references: tuple[str, ...] = ()

    def __str__(self) -> str:
        return f"#{self.number:02d} {self.asset.name}"


@dataclass(frozen=True)
class PlanMade:
    """The decisions on all pictures of the run, before anything is drawn.

    Attributes:
        tasks: The pictures, by number.
        warnings: What will not be as the manifest has it.
    """

    tasks: tuple[Task, ...]
    warnings: tuple[str, ...] = ()

    @property
    def to_draw(self) -> list[Task]:
        """The pictures that will be paid for."""
        return [task for task in self.tasks if task.step.action == "draw"]

    def why(self) -> dict[str, list[Task]]:
        """Returns the pictures that will be paid for by the reason, most pictures first."""
        reasons: dict[str, list[Task]] = {}
        for task in self.to_draw:
            reasons.setdefault(task.step.reason, []).append(task)
        return dict(sorted(reasons.items(), key=lambda item: -len(item[1])))


@dataclass(frozen=True)
class PictureStarted:
    """A script was started."""

    task: Task
    attempt: int


@dataclass(frozen=True)
class PictureWaits:
    """A picture is tried again after ``seconds``."""

    task: Task
    seconds: float
    failure: Failure


@dataclass(frozen=True)
class PictureDone:
    """A picture is there and recorded.

    Attributes:
        task: The picture.
        record: As recorded.
        thumbnails: Small pictures as Markdown.
        spends: Money for this picture that stands on no event in Dagster yet; whoever reports it says so with
            ``RecordStore.mark_reported``.
    """

    task: Task
    record: PictureRecord
    thumbnails: Thumbnails
    spends: tuple[Spend, ...]

    @property
    def reused(self) -> bool:
        """Whether nothing was drawn."""
        return self.task.step.action != "draw"


@dataclass(frozen=True)
class PictureFailed:
    """A picture is not there, or its old one still is."""

    task: Task
    failure: Failure
    attempts: int
    spends: tuple[Spend, ...]


@dataclass(frozen=True)
class PictureNotStarted:
    """A picture was left out because of a failure that all pictures share.

    Attributes:
        task: The picture.
        spends: Money of an earlier run that stands on no event yet.
    """

    task: Task
    spends: tuple[Spend, ...]


@dataclass(frozen=True)
class LeftoverSettled:
    """Money of an earlier run for a picture that this run does not touch."""

    number: int
    spends: tuple[Spend, ...]


Event = (
    PlanMade
    | PictureStarted
    | PictureWaits
    | AdmissionWaits
    | PictureDone
    | PictureFailed
    | PictureNotStarted
    | LeftoverSettled
)
