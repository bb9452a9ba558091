"""The Gemini stand-in's memory: which calls arrived, what became of them, what a real API would have billed."""

import hashlib
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any
from urllib.request import urlopen

from pydantic import TypeAdapter

from assetgen_dagster.standins.gemini_protocol import Question

IN_FLIGHT = "in_flight"


@dataclass(frozen=True)
class Call:
    """One call of generateContent.

    Attributes:
        number: From 1, in order of arrival.
        arrived_at: Unix time.
        finished_at: Unix time, None while in flight.
        model: As asked.
        prompt: As asked.
        prompt_sha256: Of the prompt in UTF-8.
        aspect_ratio: As asked, None for the model's own choice.
        reference_images: Pictures sent along.
        target: Path and query of the request, to see that no key is in it.
        outcome: ``in_flight``; then ``ok``, ``rejected``, ``client_gone``, ``stopped`` or the kind of the fault.
        http_status: None while in flight, and where no status was sent.
        billed_usd: What a real API would have charged; set when the drawing begins.
    """

    number: int
    arrived_at: float
    model: str
    prompt: str
    prompt_sha256: str
    aspect_ratio: str | None
    reference_images: int
    target: str
    finished_at: float | None = None
    outcome: str = IN_FLIGHT
    http_status: int | None = None
    billed_usd: float = 0.0

    @property
    def in_flight(self) -> bool:
        """Whether it is not answered yet."""
        return self.outcome == IN_FLIGHT


CALLS: TypeAdapter[list[Call]] = TypeAdapter(list[Call])


def read_journal(base_url: str) -> list[Call]:
    """Returns the journal of a stand-in that runs as another process."""
    with urlopen(f"{base_url}/standin/journal", timeout=10) as answer:  # noqa: S310 - a stand-in on this machine
        return CALLS.validate_json(answer.read())


@dataclass(frozen=True)
class Ticket:
    """A call's place in the journal; one from before a reset leads nowhere."""

    number: int
    epoch: int


class Journal:
    """Thread-safe list of calls that can be waited on."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._calls: list[Call] = []
        self._epoch = 0

    def arrive(self, model: str, question: Question, target: str) -> Ticket:
        """Enters a call the moment it is there."""
        digest = hashlib.sha256(question.prompt.encode("utf-8", "replace")).hexdigest()
        with self._changed:
            call = Call(
                number=len(self._calls) + 1,
                arrived_at=time.time(),
                model=model,
                prompt=question.prompt,
                prompt_sha256=digest,
                aspect_ratio=question.aspect_ratio,
                reference_images=question.reference_images,
                target=target,
            )
            self._calls.append(call)
            self._changed.notify_all()
            return Ticket(call.number, self._epoch)

    def bill(self, ticket: Ticket, usd: float) -> None:
        """Enters what the API charges for it."""
        self._update(ticket, billed_usd=usd)

    def finish(self, ticket: Ticket, outcome: str, http_status: int | None) -> None:
        """Enters what became of it."""
        self._update(ticket, outcome=outcome, http_status=http_status, finished_at=time.time())

    def calls(self) -> list[Call]:
        """Returns all calls in order of arrival."""
        with self._changed:
            return list(self._calls)

    def clear(self) -> None:
        """Forgets everything; calls in flight are not entered any more."""
        with self._changed:
            self._calls = []
            self._epoch += 1
            self._changed.notify_all()

    def wait_for(self, predicate: Callable[[list[Call]], object], timeout: float) -> list[Call]:
        """Returns the journal as soon as it satisfies ``predicate``.

        Raises:
            TimeoutError: It did not in time; the message tells what there is.
        """
        with self._changed:
            if self._changed.wait_for(lambda: predicate(list(self._calls)), timeout):
                return list(self._calls)
            seen = ", ".join(f"{call.number}:{call.outcome}" for call in self._calls) or "no calls"
        raise TimeoutError(f"The journal did not get there within {timeout:g} s; it has {seen}.")

    def _update(self, ticket: Ticket, **fields: Any) -> None:
        with self._changed:
            if ticket.epoch == self._epoch:
                self._calls[ticket.number - 1] = replace(self._calls[ticket.number - 1], **fields)
                self._changed.notify_all()
