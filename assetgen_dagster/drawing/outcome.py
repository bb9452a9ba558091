"""A drawing's end in words: what to do first, then which pictures and why."""

from assetgen_dagster.drawing.draw import Summary
from assetgen_dagster.drawing.events import Task
from assetgen_dagster.errors import coded


def describe_failure(summary: Summary, *, cost_usd: float, possibly_billed_usd: float) -> str:
    """Returns the message of a failed run: the remedy, each failed picture by number and name, and the money.

    Args:
        summary: How the drawing ended, with at least one picture failed or not started.
        cost_usd: What this run spent.
        possibly_billed_usd: What this run's lost calls may cost besides.
    """
    done = summary.generated + summary.skipped
    lines = [_first_line(summary, done)]
    lines += [f"  {', '.join(str(task) for task in tasks)}: {problem}" for problem, tasks in _by_problem(summary)]
    if summary.not_started:
        lines.append(f"  not started: {_numbers(summary.not_started)}")
    money = f"This run spent ${cost_usd:.3f}"
    if possibly_billed_usd:
        money += f", and calls that never answered may have cost ${possibly_billed_usd:.3f} more"
    lines.append(f"{money}. What is done is kept: a retry pays only for what is missing.")
    return "\n".join(lines)


def _first_line(summary: Summary, done: int) -> str:
    if summary.stopped_by is not None:
        stopped = summary.stopped_by
        return coded(f"{stopped.remedy}: {stopped.cause}. {done} pictures are done.", stopped.code)
    causes = [problem for _, problem in summary.failures if problem.code != "reference_failed"]
    remedies = dict.fromkeys(problem.remedy for problem in causes)
    advice = f"{next(iter(remedies))}. " if len(remedies) == 1 else "See each picture for what to do. "
    return f"{advice}{summary.failed} of {done + summary.failed} pictures failed; {done} are done."


def _by_problem(summary: Summary) -> list[tuple[str, list[Task]]]:
    """Returns the failed pictures by number, those that failed in the same words together."""
    found: dict[str, list[Task]] = {}
    for task, problem in sorted(summary.failures, key=lambda pair: pair[0].number):
        found.setdefault(str(problem), []).append(task)
    return list(found.items())


def _numbers(tasks: list[Task]) -> str:
    return ", ".join(f"#{task.number:02d}" for task in sorted(tasks, key=lambda task: task.number))
