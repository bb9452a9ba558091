"""The outcome of a drawing, and its message: first what to do, then which pictures failed and why."""

from dataclasses import dataclass, field

from assetgen_dagster.drawing.events import Task
from assetgen_dagster.errors import Code, coded
from assetgen_dagster.providers.failures import Failure, cancelled


@dataclass
class Summary:
    """The outcome of a drawing.

    Attributes:
        generated: Number of pictures drawn.
        skipped: Number of pictures kept.
        failures: Pictures that failed, each with its failure.
        not_started: Pictures skipped because of ``stopped_by``.
        stopped_by: The failure that all pictures share, if any.
    """

    generated: int = 0
    skipped: int = 0
    failures: list[tuple[Task, Failure]] = field(default_factory=list)
    not_started: list[Task] = field(default_factory=list)
    stopped_by: Failure | None = None

    @property
    def failed(self) -> int:
        """Number of pictures that this run was supposed to draw and did not."""
        return len(self.failures) + len(self.not_started)

    def codes(self) -> list[Code]:
        """Returns the codes of all failures, the one that stopped the drawing first."""
        stopped = [] if self.stopped_by is None else [self.stopped_by.code]
        return list(dict.fromkeys([*stopped, *(failure.code for _, failure in self.failures)]))


def describe_failure(summary: Summary, *, cost_usd: float, possibly_billed_usd: float) -> str:
    """Returns the message of a failed run: the remedy, each failed picture by number and name, and the cost.

    Args:
        summary: The outcome, with at least one picture failed or not started.
        cost_usd: What this run spent.
        possibly_billed_usd: What this run's lost calls may cost in addition.
    """
    remedy = _common_remedy(summary)
    lines = [_first_line(summary, remedy)]
    lines += [f"  {', '.join(map(str, tasks))}: {text}" for text, tasks in _by_text(summary, remedy).items()]
    if summary.not_started:
        lines.append(f"  not started: {_numbers(summary.not_started)}")
    return "\n".join([*lines, _money(cost_usd, possibly_billed_usd)])


def describe_end_at_once(*, cost_usd: float, possibly_billed_usd: float) -> str:
    """Returns the message of a run whose calls in flight were given up; see ``describe_failure``."""
    ended = cancelled()
    first = coded(f"{ended.remedy}: {ended.cause}, and its calls in flight were given up.", ended.code)
    return f"{first}\n{_money(cost_usd, possibly_billed_usd)}"


def _money(cost_usd: float, possibly_billed_usd: float) -> str:
    money = f"This run spent ${cost_usd:.3f}"
    if possibly_billed_usd:
        money += f", and calls that never answered may have cost ${possibly_billed_usd:.3f} more"
    return f"{money}. Finished pictures are kept: a retry pays only for what is missing."


def _common_remedy(summary: Summary) -> str:
    """Returns the remedy that all failures share; empty if there are several."""
    if summary.stopped_by is not None:
        return summary.stopped_by.remedy
    remedies = {failure.remedy for _, failure in summary.failures if failure.code != Code.REFERENCE_FAILED}
    return remedies.pop() if len(remedies) == 1 else ""


def _first_line(summary: Summary, remedy: str) -> str:
    done = summary.generated + summary.skipped
    if summary.stopped_by is not None:
        stopped, whole = summary.stopped_by, done + summary.failed
        return coded(f"{remedy}: {stopped.cause.rstrip('. ')}. {done} of {whole} pictures are done.", stopped.code)
    advice = remedy or "See below what to do about each picture"
    return f"{advice}. {summary.failed} of {done + summary.failed} pictures failed; {done} are done."


def _by_text(summary: Summary, remedy: str) -> dict[str, list[Task]]:
    """Groups the failed pictures by their failure's text, without a remedy that the first line has."""
    found: dict[str, list[Task]] = {}
    for task, failure in sorted(summary.failures, key=lambda pair: pair[0].number):
        found.setdefault(f"{failure.what}." if failure.remedy == remedy else str(failure), []).append(task)
    return found


def _numbers(tasks: list[Task]) -> str:
    return ", ".join(f"#{task.number:02d}" for task in sorted(tasks, key=lambda task: task.number))
