"""An emulator's journal: which calls arrived when and how they ended; it can be waited on, and read over HTTP."""

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, Generic, TypeVar
from urllib.request import urlopen

from pydantic import TypeAdapter

IN_FLIGHT = "in_flight"


@dataclass(frozen=True, kw_only=True)
class Entry:
    """One call; each emulator adds what else it knows of it.

    Attributes:
        number: From 1, in order of arrival.
        arrived_at: Unix time.
        finished_at: Unix time of its end, None while in flight.
        outcome: ``in_flight``; then ``ok``, ``client_gone`` (the client left), ``stopped`` (the emulator was), the kind
            of a fault, or what the emulator adds to these.
        status: HTTP status, None while in flight and where none was sent.
    """

    number: int
    arrived_at: float
    finished_at: float | None = None
    outcome: str = IN_FLIGHT
    status: int | None = None

    @property
    def in_flight(self) -> bool:
        """Whether it is not answered yet."""
        return self.outcome == IN_FLIGHT

    def __str__(self) -> str:
        return f"{self.number}:{self.outcome}"


@dataclass(frozen=True)
class Ticket:
    """A call's place in the journal; one from before a ``clear`` leads nowhere."""

    number: int
    epoch: int


C = TypeVar("C", bound=Entry)


class Journal(Generic[C]):
    """Thread-safe list of calls that can be waited on.

    Args:
        kind: The class of its entries.
    """

    def __init__(self, kind: type[C]) -> None:
        self._kind = kind
        self._changed = threading.Condition()
        self._calls: list[C] = []
        self._epoch = 0

    def enter(self, **fields: Any) -> Ticket:
        """Enters a call as soon as it arrives."""
        with self._changed:
            self._calls.append(self._kind(number=len(self._calls) + 1, arrived_at=time.time(), **fields))
            self._changed.notify_all()
            return Ticket(len(self._calls), self._epoch)

    def note(self, ticket: Ticket, **fields: Any) -> None:
        """Adds to an entry."""
        with self._changed:
            if ticket.epoch == self._epoch:
                self._calls[ticket.number - 1] = replace(self._calls[ticket.number - 1], **fields)
                self._changed.notify_all()

    def finish(self, ticket: Ticket, outcome: str, status: int | None) -> None:
        """Enters how a call ended."""
        self.note(ticket, outcome=outcome, status=status, finished_at=time.time())

    def calls(self) -> list[C]:
        """Returns all calls in order of arrival."""
        with self._changed:
            return list(self._calls)

    def clear(self) -> None:
        """Forgets everything; calls in flight leave no trace."""
        with self._changed:
            self._calls = []
            self._epoch += 1
            self._changed.notify_all()

    def wake(self) -> None:
        """Makes waiting callers check again, for a change outside the journal."""
        with self._changed:
            self._changed.notify_all()

    def wait_for(self, predicate: Callable[[list[C]], object], timeout: float) -> list[C]:
        """Returns the journal as soon as it satisfies ``predicate``.

        Raises:
            TimeoutError: It did not in time; the message lists what there is.
        """
        with self._changed:
            if self._changed.wait_for(lambda: predicate(list(self._calls)), timeout):
                return list(self._calls)
            seen = ", ".join(str(call) for call in self._calls) or "no calls"
        raise TimeoutError(f"The journal did not get there within {timeout:g} s; it has {seen}.")


def fetch(base_url: str, kind: type[C]) -> list[C]:
    """Returns the journal of an emulator that runs as another process."""
    calls: TypeAdapter[list[C]] = TypeAdapter(list[kind])  # type: ignore[valid-type]
    with urlopen(f"{base_url}/standin/journal", timeout=10) as answer:  # noqa: S310 - an emulator on this machine
        return calls.validate_json(answer.read())
