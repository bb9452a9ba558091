"""Tells an outage, which every call would meet, from the fault of one picture."""

from assetgen_dagster.errors import Code
from assetgen_dagster.providers import failures
from assetgen_dagster.providers.failures import Failure

#: Pictures that must fail with nothing answered in between. One may fail for itself: some prompts always get HTTP 500.
_FAULTY_PICTURES = 2

#: Answers lost one after another. Each may have been billed, so the calls after them are not made.
_LOST_IN_A_ROW = 3


class OutageSigns:
    """The signs of an outage in one drawing: what failed since a call was last answered.

    Attributes:
        answers: Number of calls that were answered, with a picture or without.
    """

    def __init__(self) -> None:
        self.answers = 0
        self._faulty: set[str] = set()
        self._lost = 0

    def note_answer(self) -> None:
        """Counts a call that was answered."""
        self.answers += 1
        self._faulty.clear()
        self._lost = 0

    def give_up(self, name: str, last: Failure, *, answers_before: int) -> Failure | None:
        """Returns the failure that stops the drawing, if a picture's last failure completes an outage.

        Args:
            name: The picture.
            last: Its last failure.
            answers_before: Number of answers when its first attempt began.
        """
        if last.code == Code.ANSWER_LOST:
            self._lost += 1
            return failures.answers_lost(last) if self._lost >= _LOST_IN_A_ROW else None
        if not last.signals_outage or answers_before != self.answers:
            return None
        self._faulty.add(name)
        return failures.outage(last) if last.unavailable or len(self._faulty) >= _FAULTY_PICTURES else None
