"""The circuit breaker as pure functions: what a failing key, account or model means for the calls after it.

Closed lets every call go. A failure that lies with key, account or model opens it: no call is made. Half-open lets one
call probe, and the others wait for its outcome. There is one breaker for each key, model, script and endpoint, so
changed settings do not inherit a refusal; while another breaker is open they are on trial, that is half-open.

Storing and asking the API is the subject of ``breaker_store.py``, holding calls back that of ``admission.py``.
"""

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, replace
from enum import StrEnum

from pydantic import TypeAdapter, ValidationError

from assetgen_dagster.budget.switches import Json
from assetgen_dagster.errors import Code
from assetgen_dagster.providers.base import Provider
from assetgen_dagster.providers.failures import Failure

#: Codes of failures that lie with key, account, model or connection: a person must act. A daily quota is not among
#: them: its end is known, see ``switches.py``.
BROKEN_KEY_CODES = frozenset({Code.ANSWERS_LOST, Code.API_KEY, Code.BILLING, Code.LOCATION, Code.MODEL_NOT_FOUND})

#: Codes of failures that every other call would meet as well.
OPENING_CODES = BROKEN_KEY_CODES | {Code.OUTAGE}

#: The codes of a broken key that a free request to the API can check.
_ASKABLE = frozenset({Code.API_KEY, Code.MODEL_NOT_FOUND})

#: Failures of a call that the API has answered: key, account and model work.
_ANSWERED = frozenset({Code.REFUSED, Code.NO_IMAGE})

#: How long an open breaker waits for its first probe. Each probe that fails doubles the wait, up to the longest.
FIRST_PROBE_SECONDS = 60.0
LONGEST_PROBE_SECONDS = 600.0

#: What a probe may take besides its time limit, before it counts as lost with its run.
PROBE_MARGIN_SECONDS = 30.0

#: Breakers that were not read for this long are removed.
_FORGET_SECONDS = 7 * 86_400.0

_PREFIX = "breaker:"


class State(StrEnum):
    """What a breaker does with a call."""

    CLOSED = "closed"
    OPEN = "open"
    HALF_OPEN = "half-open"


@dataclass(frozen=True)
class Probe:
    """The one call that a half-open breaker has let through.

    Attributes:
        token: Of the caller.
        run_id: Its run.
        at: When it was let through, Unix time.
        seconds: How long it may take; after that its run is taken for dead.
    """

    token: str
    run_id: str
    at: float
    seconds: float


@dataclass(frozen=True)
class Breaker:
    """A breaker that a failure has opened.

    Attributes:
        code: Of the failure.
        cause: What the API said.
        remedy: What a person can do, as in ``Failure``.
        run_id: The run that met it.
        opened_at: Unix time.
        probe_after_seconds: When one call may probe, from then on; 0 for changed settings.
        asked_at: When the API was last asked about key and model, Unix time; 0 for never.
        refusal: What it had against them then; keeps the breaker open.
        was_refused: Whether it has had anything against them since the failure: then its consent means that the cause
            is gone. Otherwise it may not see what failed the call.
        probe: The call that probes.
        closed: Kept while other breakers are open: these settings have proved themselves.
    """

    code: Code
    cause: str
    remedy: str
    run_id: str
    opened_at: float
    probe_after_seconds: float
    asked_at: float = 0.0
    refusal: str = ""
    was_refused: bool = False
    probe: Probe | None = None
    closed: bool = False

    @property
    def probe_at(self) -> float:
        """When one call may probe, Unix time."""
        return self.opened_at + self.probe_after_seconds

    def state(self, now: float) -> State:
        """Returns the state at a moment. Moments are compared by their distance: a clock may be set back."""
        if self.closed:
            return State.CLOSED
        waits = abs(now - self.opened_at) < self.probe_after_seconds
        return State.OPEN if self.refusal or waits else State.HALF_OPEN

    def probing(self, now: float) -> Probe | None:
        """Returns the call that probes now; a probe whose time is over died with its run."""
        probe = self.probe
        return probe if probe is not None and abs(now - probe.at) < probe.seconds else None

    def may_ask(self, now: float, *, every_seconds: float) -> bool:
        """Returns whether a free request to the API is due that shows if the cause is gone.

        Only the API can end a refusal, whatever its cause.
        """
        askable = self.code in _ASKABLE | {Code.OUTAGE} or bool(self.refusal)
        return not self.closed and askable and abs(now - self.asked_at) >= every_seconds

    def answered(self, failure: Failure | None, now: float) -> "Breaker":
        """Returns the breaker after the free question, with what the API has against key or model."""
        if failure is None and self.was_refused:
            return replace(self, closed=True)
        if self.code == Code.OUTAGE:  # a failed question delays no probe: an API may draw and describe nothing
            lost = failure is not None and failure.signals_outage
            return replace(self, asked_at=now, was_refused=self.was_refused or lost)
        if failure is None or failure.code == Code.CONFIGURATION:  # then it was no Gemini API that was asked
            return replace(self, asked_at=now, refusal="")
        known = failure.code in OPENING_CODES
        return replace(
            self,
            asked_at=now,
            code=failure.code if known else self.code,
            remedy=failure.remedy if known else self.remedy,
            refusal=f"{failure.cause.rstrip('. ')}. {failure.remedy}.",
            was_refused=self.was_refused or failure.code in _ASKABLE,
        )

    def goes_on(self, failure: Failure) -> bool:
        """Returns whether a single failure shows that the outage behind this breaker is not over.

        A fault such as HTTP 500 does not: it may be the picture's own.
        """
        shows = failure.unavailable or failure.code == Code.NETWORK or failure.possibly_billed
        return shows and self.code in (Code.OUTAGE, Code.ANSWERS_LOST)

    def same_opening(self, other: "Breaker | None") -> bool:
        """Returns whether both are one breaker after the same failure."""
        return other is not None and (self.opened_at, self.run_id) == (other.opened_at, other.run_id)


def opens(failure: Failure) -> bool:
    """Returns whether a failure opens the breaker."""
    return failure.code in OPENING_CODES


def proves(failure: Failure) -> bool:
    """Returns whether a failed call shows all the same that key, account and model work."""
    return failure.code in _ANSWERED


def opened(before: Breaker | None, failure: Failure, *, run_id: str, now: float) -> Breaker:
    """Returns the breaker after a failure that opens it; one that is open stays as the first failure left it."""
    wait = FIRST_PROBE_SECONDS
    if before is not None and not before.closed:
        if before.state(now) is State.OPEN:
            return replace(before, probe=None)
        wait = min(max(wait, 2 * before.probe_after_seconds), LONGEST_PROBE_SECONDS)
    if before is not None and not opens(failure):  # a probe met what opened the breaker
        failure = Failure(before.code, failure.cause)
    return Breaker(failure.code, failure.cause, failure.remedy, run_id, now, wait)


def with_probe(breaker: Breaker | None, probe: Probe) -> Breaker | None:
    """Returns the breaker with a new probe; None if no probe is allowed now."""
    if breaker is None or breaker.state(probe.at) is not State.HALF_OPEN or breaker.probing(probe.at):
        return None
    return replace(breaker, probe=probe)


def fingerprint(provider: Provider) -> str:
    """Returns a digest of key, model, script and endpoint; it changes when an operator fixes one of them."""
    parts = [part.removeprefix("models/") for part in provider.configuration]
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()[:12]


# --- Among the switches: a breaker is an entry ``breaker:<fingerprint>`` --------------------------------------------


def own_breaker(values: Mapping[str, Json], mark: str, *, now: float) -> Breaker | None:
    """Returns the breaker of these settings, by their fingerprint; None where they never failed."""
    return _breakers(values, now).get(mark)


def breaker_of(values: Mapping[str, Json], mark: str, *, now: float) -> Breaker | None:
    """Returns the breaker of these settings; None where nothing is known against them.

    Settings without one are on trial while another is open: they may be what an operator has changed to mend it, and
    may be wrong again.
    """
    found = _breakers(values, now)
    if mark in found:
        return found[mark]
    others = [breaker for breaker in found.values() if not breaker.closed]
    if not others:
        return None
    last = max(others, key=lambda breaker: breaker.opened_at)
    return replace(last, probe_after_seconds=0.0, asked_at=0.0, refusal="", probe=None)


def change_breaker(
    values: dict[str, Json], mark: str, change: Callable[[Breaker | None], Breaker | None], *, now: float
) -> None:
    """Edits the breaker of these settings; a closed one is kept only while another is open."""
    found = _breakers(values, now)
    after = change(breaker_of(values, mark, now=now))
    found.pop(mark, None)
    if after is not None:
        found[mark] = after
    if all(breaker.closed for breaker in found.values()):
        found = {}
    for name in [name for name in values if name.startswith(_PREFIX)]:
        del values[name]
    values.update({f"{_PREFIX}{mark}": asdict(breaker) for mark, breaker in found.items()})


def breakers_in(values: Mapping[str, Json]) -> list[Breaker]:
    """Returns all breakers that are not closed."""
    found = (_read(value) for name, value in values.items() if name.startswith(_PREFIX))
    return [breaker for breaker in found if breaker is not None and not breaker.closed]


def _breakers(values: Mapping[str, Json], now: float) -> dict[str, Breaker]:
    found = {
        name.removeprefix(_PREFIX): breaker
        for name, value in values.items()
        if name.startswith(_PREFIX) and (breaker := _read(value)) is not None
    }
    return {mark: breaker for mark, breaker in found.items() if not _forgotten(breaker, now)}


def _forgotten(breaker: Breaker, now: float) -> bool:
    probed_at = breaker.probe.at if breaker.probe else 0.0
    return now - max(breaker.opened_at, breaker.asked_at, probed_at) > _FORGET_SECONDS


def _read(value: Json) -> Breaker | None:
    """Returns a stored breaker; None for an entry that another version or a person wrote in another shape."""
    try:
        return _SHAPE.validate_python(value)
    except ValidationError:
        return None


_SHAPE = TypeAdapter(Breaker)
