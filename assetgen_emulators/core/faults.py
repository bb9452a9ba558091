"""Which fault befalls which call of an emulator. What can go wrong is up to each of them."""

import threading
from collections.abc import Callable, Iterable
from typing import Any, Generic, TypeVar

from pydantic import ConfigDict
from pydantic.dataclasses import dataclass
from pydantic_core import to_json

#: For everything that a plan is made of: a slip in one is an error.
STRICT = ConfigDict(extra="forbid")


@dataclass(frozen=True, kw_only=True, config=STRICT)
class Rule:
    """What all rules of a plan have; to which calls else it is up to each emulator.

    Attributes:
        action: What happens.
        nth: Only to this call, counted from 1; None is any.
        after: Only to calls after so many.
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
        self._rules: list[F] = []
        self._seen: list[int] = []
        self._uses: list[int] = []

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
            number: What a rule counts by; unless given, the calls that fit since the plan was made.
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
