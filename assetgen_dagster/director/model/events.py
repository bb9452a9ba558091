"""What the writing of a manifest tells while it goes on: to the terminal and to Dagster's log."""

from dataclasses import dataclass

from assetgen_dagster.budget.admission import AdmissionWaits
from assetgen_dagster.providers.failures import Failure


@dataclass(frozen=True)
class Asked:
    """The model was asked; ``question`` is 2 where it is to repair its first answer."""

    model: str
    question: int

    def __str__(self) -> str:
        return f"{self.model} {'writes' if self.question == 1 else 'repairs'} the prompts"


@dataclass(frozen=True)
class Waits:
    """The model is asked again after ``seconds``."""

    model: str
    seconds: float
    failure: Failure

    def __str__(self) -> str:
        return f"{self.model} is asked again in {self.seconds:.0f} s: {self.failure.cause}"


@dataclass(frozen=True)
class ManifestMade:
    """The manifest is there, and nothing was paid for a picture yet.

    Attributes:
        warnings: What a person should look at.
        notes: What is only unusual.
    """

    warnings: tuple[str, ...]
    notes: tuple[str, ...]


StoryEvent = Asked | Waits | AdmissionWaits | ManifestMade
