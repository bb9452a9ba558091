"""The Notion emulator's memory: which requests arrived when, how they ended, what they wrote; and its rate limit."""

import math
import threading
import time
from dataclasses import dataclass, field
from typing import Any

from pydantic import TypeAdapter

from assetgen_emulators.core import journal


@dataclass(frozen=True, kw_only=True)
class Call(journal.Entry):
    """One request to the API, whose outcome may also be ``refused`` or ``rate_limited``.

    Attributes:
        method: HTTP method.
        path: As asked, without a token.
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


CALLS: TypeAdapter[list[Call]] = TypeAdapter(list[Call])


def read_journal(base_url: str) -> list[Call]:
    """Returns the journal of an emulator that runs as another process."""
    return journal.fetch(base_url, CALLS)


class RateLimit:
    """So many requests in a window of fixed length, as Notion counts them. Off until it is set. Thread-safe."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._requests: int | None = None
        self._seconds = 60.0
        self._began = 0.0
        self._used = 0

    def set(self, requests: int | None, seconds: float) -> None:
        """Begins to count anew; None switches it off."""
        with self._lock:
            self._requests, self._seconds = requests, seconds
            self._began, self._used = time.monotonic(), 0

    def take(self) -> int | None:
        """Counts a request; returns None, or the whole seconds to wait where it is one too many."""
        with self._lock:
            now = time.monotonic()
            if self._requests is None:
                return None
            if now - self._began >= self._seconds:
                self._began, self._used = now, 0
            if self._used >= self._requests:
                return math.ceil(self._began + self._seconds - now)
            self._used += 1
            return None
