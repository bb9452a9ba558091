"""The Gemini emulator's journal: which calls arrived, how they ended, what the API would have billed."""

from dataclasses import dataclass

from assetgen_emulators.core import journal


@dataclass(frozen=True, kw_only=True)
class Call(journal.Entry):
    """One call of generateContent, whose outcome may also be ``rejected``.

    Attributes:
        model: As asked.
        prompt: As asked.
        prompt_sha256: Of the prompt in UTF-8.
        aspect_ratio: As asked, None for the model's own choice.
        reference_images: Pictures sent along.
        reference_sha256: Their hashes, in order.
        target: Path and query of the request, to see that no key is in it.
        kind: ``picture`` or ``text``: what was asked for.
        billed_usd: What the API would have charged; set when the work begins.
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


def read_journal(base_url: str) -> list[Call]:
    """Returns the journal of an emulator that runs as another process."""
    return journal.fetch(base_url, Call)
