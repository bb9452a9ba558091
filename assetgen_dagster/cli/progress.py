"""Progress in the terminal: a bar for each project during the run, a table at the end.

All input is plain dictionaries (``message``), so that a terminal can show runs of other processes.
"""

from dataclasses import dataclass, field
from types import TracebackType
from typing import Any, Self

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

from assetgen_dagster.budget.admission import AdmissionWaits
from assetgen_dagster.cli.terminal import say
from assetgen_dagster.director.model.events import Asked, ManifestMade, StoryEvent, Waits
from assetgen_dagster.drawing.events import (
    CallsAwaited,
    Event,
    PictureDone,
    PictureFailed,
    PictureNotStarted,
    PictureStarted,
    PictureWaits,
    PlanMade,
)

Message = dict[str, Any]

#: Note on a picture that an earlier run drew but died before it could record the cost.
_TAKEN = "drawn by the run before, booked by this one"


def message(project: str, event: Event | StoryEvent) -> Message | None:
    """Returns an event's message for the terminal; None if there is nothing to show."""
    about: Message = {"project": project}
    match event:
        case Asked() | Waits():
            return about | {"event": "writing", "what": str(event)}
        case ManifestMade(warnings, notes):
            return about | {"event": "manifest", "warnings": list(warnings), "notes": list(notes)}
        case PlanMade(tasks, warnings):
            counts = {"pictures": len(tasks), "draw": len(event.to_draw)}
            details = {"why": ", ".join(event.why()), "lines": _lines(event), "warnings": list(warnings)}
            return about | {"event": "plan", **counts, **details}
        case PictureStarted(task, attempt):
            return about | {"event": "started", "picture": str(task), "attempt": attempt}
        case PictureWaits(task, seconds, problem):
            return about | {"event": "waits", "picture": str(task), "seconds": seconds, "why": str(problem)}
        case AdmissionWaits():
            return about | {"event": "held", "why": str(event)}
        case CallsAwaited(pictures, seconds):
            return about | {"event": "stopping", "pictures": list(pictures), "seconds": seconds, "why": str(event)}
        case PictureDone(task, record, _, spends):
            return about | {
                "event": "done",
                "picture": str(task),
                "type": str(task.asset.asset_type),
                "reused": event.reused,
                "note": task.step.reason if event.reused else "",
                "cost_usd": sum(spend.cost_usd for spend in spends if spend.kind == "confirmed"),
                "seconds": record.duration_seconds,
                "path": record.path,
            }
        case PictureFailed(task, problem, attempts, _):
            why = f"{problem} ({attempts} attempts)" if attempts > 1 else str(problem)
            return about | {"event": "failed", "picture": str(task), "type": str(task.asset.asset_type), "why": why}
        case PictureNotStarted(task):
            return about | {"event": "not_started", "picture": str(task), "type": str(task.asset.asset_type)}
        case _:
            return None


def _lines(plan: PlanMade) -> list[str]:
    """Returns the pictures to draw by reason; empty if all are drawn."""
    if len(plan.to_draw) == len(plan.tasks):
        return []
    return [f"{reason}: {', '.join(map(str, drawn))}" for reason, drawn in plan.why().items()]


@dataclass
class _Row:
    bar: Any
    total: int = 0
    done: int = 0
    cost_usd: float = 0.0
    drawing: dict[str, None] = field(default_factory=dict)


class Display:
    """Shows the progress of one or more projects; as plain lines if there is no terminal.

    Attributes:
        results: The last message on each picture, by project, in order of arrival.
    """

    def __init__(self, console: Console) -> None:
        self.results: dict[str, dict[str, Message]] = {}
        self._console = console
        self._live = console.is_terminal
        self._rows: dict[str, _Row] = {}
        self._progress = Progress(
            TextColumn("[bold]{task.description}"),
            BarColumn(bar_width=30),
            MofNCompleteColumn(),  # the total is unknown before the plan
            TextColumn("${task.fields[cost]:.3f}"),
            TimeElapsedColumn(),
            TextColumn("[dim]{task.fields[drawing]}"),
            console=console,
            disable=not self._live,
        )

    def __enter__(self) -> Self:
        self._progress.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._progress.stop()

    def show(self, news: Message) -> None:
        """Shows one message."""
        project, picture = news["project"], news.get("picture", "")
        row = self._rows.get(project) or self._add(project)
        match news["event"]:
            case "writing":
                self.say(f"{project}: {news['what']}")
            case "manifest":
                self._warn(news)
            case "plan":
                row.total = news["pictures"]
                why = f" ({news['why']})" if news["why"] else ""
                self.say(f"{project}: drawing {news['draw']} of {news['pictures']} pictures{why}")
                for line in news.get("lines", []):
                    self.say(f"  {line}")
                self._warn(news)
            case "started":
                row.drawing[picture] = None
            case "waits":
                row.drawing.pop(picture, None)
                self.say(f"{project} {picture}: trying again in {news['seconds']:.0f} s: {news['why']}")
            case "held" | "stopping":
                self.say(f"{project}: {news['why']}")
            case "done" | "failed" | "not_started":
                row.drawing.pop(picture, None)
                self.results.setdefault(project, {})[picture] = news
                self._show_result(row, project, news)
        names = ", ".join(name.split(" ", 1)[-1] for name in list(row.drawing)[:3])
        more = f" and {len(row.drawing) - 3} more" if len(row.drawing) > 3 else ""
        self._progress.update(row.bar, total=row.total, completed=row.done, cost=row.cost_usd, drawing=f"{names}{more}")

    def _show_result(self, row: _Row, project: str, news: Message) -> None:
        if news["event"] == "done":
            row.done += 1
            row.cost_usd += news["cost_usd"]
            if not self._live:
                what = ("kept" if not news["cost_usd"] else _TAKEN) if news["reused"] else "done"
                what += f", ${news['cost_usd']:.4f}" if news["cost_usd"] or not news["reused"] else ""
                self.say(f"{project} {news['picture']}: {what} ({row.done}/{row.total})")
        elif news["event"] == "failed":
            self.say(f"{project} {news['picture']}: {news['why']}", style="red")

    def _add(self, project: str) -> _Row:
        row = self._rows[project] = _Row(self._progress.add_task(project, total=None, cost=0.0, drawing=""))
        return row

    def _warn(self, news: Message) -> None:
        for warning in news.get("warnings", []):
            self.say(f"  Warning: {warning}", style="yellow")
        for remark in news.get("notes", []):
            self.say(f"  Note: {remark}", style="dim")

    def say(self, text: str, style: str = "") -> None:
        """Prints a non-empty text above the bars."""
        if text:
            say(text, self._progress.console, style)


def worth_a_table(results: dict[str, Message]) -> bool:
    """Returns whether a table adds something: not if the run stopped before it tried any picture."""
    stopped = any(news["event"] == "not_started" for news in results.values())
    tried = [n for n in results.values() if n["event"] == "failed" or (n["event"] == "done" and not n["reused"])]
    return bool(tried) or (bool(results) and not stopped)


def result_table(project: str, results: dict[str, Message]) -> Table:
    """Returns one project's pictures as a table, by number."""
    table = Table(title=project, title_justify="left")
    for name, justify in (("picture", "left"), ("type", "left"), ("cost", "right"), ("seconds", "right"), ("", "left")):
        table.add_column(name, justify="right" if justify == "right" else "left", overflow="fold")
    done = [news for news in results.values() if news["event"] == "done"]
    kept = [news for news in done if news["note"] == "done" and not news["cost_usd"]]
    for picture, news in sorted(results.items()):
        if news in kept:
            continue
        if news["event"] == "done":
            seconds = "" if news["reused"] or news["seconds"] is None else f"{news['seconds']:.1f}"
            kept_why = _TAKEN if news["cost_usd"] else f"kept: {news['note']}"
            note = kept_why if news["reused"] else news["path"].split("/assets/")[-1]
            table.add_row(picture, news["type"], f"${news['cost_usd']:.4f}", seconds, note)
        else:
            why = news.get("why", "not started")
            table.add_row(picture, news["type"], "", "", why, style="red")
    if kept:
        table.caption, table.caption_justify = f"{len(kept)} more were done and are kept", "left"
    return table
