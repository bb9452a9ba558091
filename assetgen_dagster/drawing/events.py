"""What a drawing tells while it goes on: to Dagster's event log, the terminal's progress display, and the tests."""

from dataclasses import dataclass

from assetgen_dagster.drawing.plan import Step
from assetgen_dagster.drawing.problems import Problem
from assetgen_dagster.drawing.records import PictureRecord, Spend
from assetgen_dagster.story.manifest import AssetPrompt


@dataclass(frozen=True)
class Task:
    """One picture in one run.

    Attributes:
        number: Of the picture, from 1.
        asset: The picture.
        prompt: Atmosphere and prompt combined; empty if the picture has no prompt.
        step: What was decided.
    """

    number: int
    asset: AssetPrompt
    prompt: str
    step: Step

    def __str__(self) -> str:
        return f"#{self.number:02d} {self.asset.name}"


@dataclass(frozen=True)
class PlanMade:
    """The decisions on all pictures of the run, before anything is drawn."""

    tasks: tuple[Task, ...]


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
    problem: Problem


@dataclass(frozen=True)
class PictureDone:
    """A picture is there and recorded.

    Attributes:
        task: The picture.
        record: As recorded.
        preview: Markdown thumbnail.
        spends: Money for this picture that stands on no event in Dagster yet; whoever reports it says so with
            ``RecordStore.mark_reported``.
    """

    task: Task
    record: PictureRecord
    preview: str
    spends: tuple[Spend, ...]

    @property
    def reused(self) -> bool:
        """Whether nothing was drawn."""
        return self.task.step.action != "draw"


@dataclass(frozen=True)
class PictureFailed:
    """A picture is not there, or its old one still is."""

    task: Task
    problem: Problem
    attempts: int
    spends: tuple[Spend, ...]


@dataclass(frozen=True)
class PictureNotStarted:
    """A picture was left out because of a problem that all pictures share."""

    task: Task


@dataclass(frozen=True)
class LeftoverSettled:
    """Money of an earlier run for a picture that this run does not touch."""

    number: int
    spends: tuple[Spend, ...]


Event = PlanMade | PictureStarted | PictureWaits | PictureDone | PictureFailed | PictureNotStarted | LeftoverSettled
