"""The Notion stand-in's memory: which requests arrived when, how they ended, what they wrote; and its rate limit."""

import math
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any
from urllib.request import urlopen

from pydantic import TypeAdapter

IN_FLIGHT = "in_flight"


@dataclass(frozen=True)
class Call:
    """One request to the API.

    Attributes:
        number: From 1, in order of arrival.
        arrived_at: Unix time.
        method: HTTP method.
        path: As asked, without a token.
        endpoint: ``pages.update`` and the like; empty for a path that the API does not have.
        object_id: The id in the path.
        body: As asked.
        finished_at: Unix time of the answer, None while in flight.
        outcome: ``in_flight``; then ``ok``, ``refused``, ``rate_limited``, ``client_gone`` or the kind of the fault.
        status: HTTP status, None where none was sent.
        written: Properties that were saved, in plain values.
        saved: Whether something was written.
    """

    number: int
    arrived_at: float
    method: str
    path: str
    endpoint: str = ""
    object_id: str = ""
    body: Any = None
    finished_at: float | None = None
    outcome: str = IN_FLIGHT
    status: int | None = None
    written: dict[str, Any] = field(default_factory=dict)
    saved: bool = False


CALLS: TypeAdapter[list[Call]] = TypeAdapter(list[Call])


def read_journal(base_url: str) -> list[Call]:
    """Returns the journal of a stand-in that runs as another process."""
    with urlopen(f"{base_url}/standin/journal", timeout=10) as answer:  # noqa: S310 - a stand-in on this machine
        return CALLS.validate_json(answer.read())


class Journal:
    """Thread-safe list of requests that can be waited on."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._calls: list[Call] = []
        self._epoch = 0

    def arrive(self, method: str, path: str) -> tuple[int, int]:
        """Enters a request the moment it is there, and returns its place."""
        with self._changed:
            self._calls.append(Call(len(self._calls) + 1, time.time(), method, path))
            self._changed.notify_all()
            return self._epoch, len(self._calls)

    def note(self, place: tuple[int, int], **fields: Any) -> None:
        """Enters what became known of a request."""
        epoch, number = place
        with self._changed:
            if epoch == self._epoch:
                self._calls[number - 1] = replace(self._calls[number - 1], **fields)
                self._changed.notify_all()

    def calls(self) -> list[Call]:
        """Returns all requests in order of arrival."""
        with self._changed:
            return list(self._calls)

    def clear(self) -> None:
        """Forgets everything; requests in flight are not entered any more."""
        with self._changed:
            self._calls = []
            self._epoch += 1
            self._changed.notify_all()

    def wake(self) -> None:
        """Makes everyone who waits look again: a person changed something."""
        with self._changed:
            self._changed.notify_all()

    def wait_for(self, predicate: Callable[[list[Call]], object], timeout: float) -> list[Call]:
        """Returns the journal as soon as it satisfies ``predicate``.

        Raises:
            TimeoutError: It did not in time; the message tells what there is.
        """
        with self._changed:
            if self._changed.wait_for(lambda: predicate(list(self._calls)), timeout):
                return list(self._calls)
            seen = ", ".join(f"{call.number}:{call.endpoint}:{call.outcome}" for call in self._calls) or "no calls"
        raise TimeoutError(f"The journal did not get there within {timeout:g} s; it has {seen}.")


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
