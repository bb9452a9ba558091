"""The events of a drawing, for Dagster's event log, the terminal's progress display, and the tests."""

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
        number: The picture's number, from 1.
        asset: The picture.
        prompt: Atmosphere and prompt combined; empty if the picture has no prompt.
        step: The decision on it.
        references: Names of its reference pictures.
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
        warnings: Where the pictures will differ from the manifest.
    """

    tasks: tuple[Task, ...]
    warnings: tuple[str, ...] = ()

    @property
    def to_draw(self) -> list[Task]:
        """The pictures that will be paid for."""
        return [task for task in self.tasks if task.step.action == "draw"]

    def why(self) -> dict[str, list[Task]]:
        """Returns the pictures that will be paid for, by reason, most pictures first."""
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
    """A picture is retried after ``seconds``."""

    task: Task
    seconds: float
    failure: Failure


@dataclass(frozen=True)
class CallsAwaited:
    """The drawing was stopped, and receives the calls in flight.

    Attributes:
        pictures: Names of their pictures.
        seconds: Their time limit.
    """

    pictures: tuple[str, ...]
    seconds: float

    def __str__(self) -> str:
        count = len(self.pictures)
        calls, they_are = ("1 call is", "it is") if count == 1 else (f"{count} calls are", "they are")
        return (
            f"stopped; {calls} in flight and paid for: {they_are} received, for at most {self.seconds:g} s "
            f"({', '.join(self.pictures)})"
        )


@dataclass(frozen=True)
class PictureDone:
    """A picture is done and recorded.

    Attributes:
        task: The picture.
        record: As recorded.
        thumbnails: Small pictures as Markdown.
        spends: This picture's spends that are on no Dagster event yet; after reporting them, call
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
    """A picture failed; the previous one stays, if there was one."""

    task: Task
    failure: Failure
    attempts: int
    spends: tuple[Spend, ...]


@dataclass(frozen=True)
class PictureNotStarted:
    """A picture was skipped because of a failure that all pictures share.

    Attributes:
        task: The picture.
        spends: Spends of an earlier run that are on no Dagster event yet.
    """

    task: Task
    spends: tuple[Spend, ...]


@dataclass(frozen=True)
class UnreportedSpend:
    """Spends of an earlier run on a picture that this run does not handle."""

    number: int
    spends: tuple[Spend, ...]


Event = (
    PlanMade
    | PictureStarted
    | PictureWaits
    | AdmissionWaits
    | CallsAwaited
    | PictureDone
    | PictureFailed
    | PictureNotStarted
    | UnreportedSpend
)
