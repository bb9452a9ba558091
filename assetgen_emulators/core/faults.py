"""Fault plans: what goes wrong with which call. Here is what both emulators can do; each adds what its API can."""

import threading
from collections.abc import Callable, Iterable
from typing import Any, Generic, Literal, TypeVar

from pydantic import ConfigDict
from pydantic.dataclasses import dataclass
from pydantic_core import to_json

#: For everything that a plan consists of: a slip in one is an error.
STRICT = ConfigDict(extra="forbid")


@dataclass(frozen=True, config=STRICT)
class HtmlPage:
    """A page of something between client and API."""

    status: int = 502
    title: str = "502 Bad Gateway"
    kind: Literal["html_page"] = "html_page"


@dataclass(frozen=True, config=STRICT)
class TornBody:
    """The right answer, whose connection closes after a part of the announced body."""

    keep: float = 0.5
    kind: Literal["torn_body"] = "torn_body"


@dataclass(frozen=True, config=STRICT)
class Reset:
    """Resets the connection before the first byte of an answer."""

    kind: Literal["reset"] = "reset"


@dataclass(frozen=True, config=STRICT)
class Hang:
    """Never answers, until the client goes away or the server stops."""

    kind: Literal["hang"] = "hang"


@dataclass(frozen=True, config=STRICT)
class Delay:
    """Succeeds, later than usual."""

    seconds: float
    kind: Literal["delay"] = "delay"


@dataclass(frozen=True, config=STRICT)
class Drip:
    """The right answer, a few bytes at a time.

    Attributes:
        seconds: Between eight bytes and the next.
    """

    seconds: float
    kind: Literal["drip"] = "drip"


@dataclass(frozen=True, config=STRICT)
class Endless:
    """An answer that goes on until the client has had enough, or 256 MiB.

    Attributes:
        status: HTTP status.
        packed: Whether it is a bomb of gzip: a thousandth of that on the wire.
    """

    status: int = 200
    packed: bool = False
    kind: Literal["endless"] = "endless"


@dataclass(frozen=True, config=STRICT)
class Gzip:
    """The right answer, packed though nobody asked for it.

    Attributes:
        said: Whether a Content-Encoding says so.
    """

    said: bool = True
    kind: Literal["gzip"] = "gzip"


@dataclass(frozen=True, kw_only=True, config=STRICT)
class Rule:
    """What all rules of a plan have; each emulator adds to which calls a rule applies.

    Attributes:
        action: What happens.
        nth: Only to this call, counted from 1; None is any.
        after: Only to calls after that many.
        times: How often it happens; None is always.
    """

    action: Any
    nth: int | None = None
    after: int = 0
    times: int | None = 1


F = TypeVar("F", bound=Rule)


class FaultPlan(Generic[F]):
    """Rules; the first one that fits and is not used up counts. Thread-safe."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self.replace([])

    def replace(self, rules: Iterable[F]) -> None:
        """Takes these rules instead of the present ones, none of them used yet."""
        with self._lock:
            self._rules = list(rules)
            self._seen = [0] * len(self._rules)
            self._uses = [0] * len(self._rules)

    def take(self, fits: Callable[[F], bool], number: int | None = None) -> Any:
        """Returns the action for a call and counts it, or None.

        Args:
            fits: Whether a rule is about this call.
            number: What a rule counts by; by default, the calls that fit since the plan was made.
        """
        with self._lock:
            action = None
            for place, rule in enumerate(self._rules):
                if not fits(rule):
                    continue
                self._seen[place] += 1
                count = self._seen[place] if number is None else number
                due = rule.nth in (None, count) and count > rule.after
                if action is None and due and (rule.times is None or self._uses[place] < rule.times):
                    self._uses[place] += 1
                    action = rule.action
            return action


def faults_to_json(rules: Iterable[Rule]) -> bytes:
    """Writes a plan, as an emulator that runs as a process takes it."""
    return to_json(list(rules))
