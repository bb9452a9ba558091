"""The Gemini emulator's memory: which calls arrived, what became of them, what a real API would have billed."""

import hashlib
from dataclasses import dataclass

from pydantic import TypeAdapter

from assetgen_emulators.core import journal
from assetgen_emulators.gemini.protocol import Question


@dataclass(frozen=True, kw_only=True)
class Call(journal.Entry):
    """One call of generateContent, whose outcome may also be ``rejected`` or ``stopped``.

    Attributes:
        model: As asked.
        prompt: As asked.
        prompt_sha256: Of the prompt in UTF-8.
        aspect_ratio: As asked, None for the model's own choice.
        reference_images: Pictures sent along.
        reference_sha256: Their hashes, in order.
        kind: ``picture`` or ``text``: what was asked for.
        target: Path and query of the request, to see that no key is in it.
        billed_usd: What a real API would have charged; set when the work begins.
    """

    model: str
    prompt: str
    prompt_sha256: str
    aspect_ratio: str | None
    reference_images: int
    reference_sha256: tuple[str, ...] = ()
    target: str
    kind: str = "picture"
    billed_usd: float = 0.0


CALLS: TypeAdapter[list[Call]] = TypeAdapter(list[Call])


def read_journal(base_url: str) -> list[Call]:
    """Returns the journal of an emulator that runs as another process."""
    return journal.fetch(base_url, CALLS)


class Journal(journal.Journal[Call]):
    """All calls of generateContent."""

    def __init__(self) -> None:
        super().__init__(Call)

    def arrive(self, model: str, question: Question, target: str, kind: str = "picture") -> journal.Ticket:
        """Enters a call the moment it is there."""
        return self.enter(
            model=model,
            prompt=question.prompt,
            prompt_sha256=hashlib.sha256(question.prompt.encode("utf-8", "replace")).hexdigest(),
            aspect_ratio=question.aspect_ratio,
            reference_images=question.reference_images,
            reference_sha256=question.reference_sha256,
            target=target,
            kind=kind,
        )

    def bill(self, ticket: journal.Ticket, usd: float) -> None:
        """Enters what the API charges for it."""
        self.note(ticket, billed_usd=usd)
