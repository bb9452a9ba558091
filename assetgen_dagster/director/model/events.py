"""Events of writing a manifest, for the terminal and Dagster's log."""

from dataclasses import dataclass

from assetgen_dagster.budget.admission import AdmissionWaits
from assetgen_dagster.providers.failures import Failure


@dataclass(frozen=True)
class Asked:
    """The model was asked; ``question`` 2 asks it to repair its first answer."""

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
        return f"{self.model} will be asked again in {self.seconds:.0f} s: {self.failure.cause}"


@dataclass(frozen=True)
class ManifestMade:
    """The manifest is complete; no picture has been paid for yet.

    Attributes:
        warnings: Warnings that a person should read.
        notes: Unusual but harmless facts.
    """

    warnings: tuple[str, ...]
    notes: tuple[str, ...]


StoryEvent = Asked | Waits | AdmissionWaits | ManifestMade
