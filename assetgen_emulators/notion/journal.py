"""The Notion emulator's journal: which requests arrived, how they ended, what they wrote."""

from dataclasses import dataclass, field
from typing import Any

from assetgen_emulators.core import journal


@dataclass(frozen=True, kw_only=True)
class Call(journal.Entry):
    """One request to the API, whose outcome may also be ``refused`` or ``rate_limited``.

    Attributes:
        method: HTTP method.
        path: As asked.
        endpoint: ``pages.update`` and the like; empty for a path that the API does not have.
        object_id: The id in the path.
        body: As asked.
        written: Properties that were saved, in plain values.
        saved: Whether something was written.
    """

    method: str
    path: str
    endpoint: str = ""
    object_id: str = ""
    body: Any = None
    written: dict[str, Any] = field(default_factory=dict)
    saved: bool = False

    def __str__(self) -> str:
        return f"{self.number}:{self.endpoint}:{self.outcome}"


def read_journal(base_url: str) -> list[Call]:
    """Returns the journal of an emulator that runs as another process."""
    return journal.fetch(base_url, Call)
