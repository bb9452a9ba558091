"""``assetgen plan``: what a run would draw, keep and retire, why, and at what cost. Changes nothing, pays nothing.

The decisions are those of the run itself (``drawing.job``), made without its lock.
"""

import asyncio
import json
import math
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from assetgen_dagster.budget.breaker import State
from assetgen_dagster.budget.limits import refusal_message, remedy
from assetgen_dagster.budget.messages import breaker_message, stopped_message
from assetgen_dagster.budget.stores import broken_now, open_reservations, stopped_now
from assetgen_dagster.director.model.write import preflight_director
from assetgen_dagster.director.source import Story, resolve_in_folder
from assetgen_dagster.drawing.events import PlanMade, Task
from assetgen_dagster.drawing.job import DrawingJob, plan_tasks, plan_warnings
from assetgen_dagster.drawing.plan import AGAIN, Action, Mode, Redraw, Request, assign_numbers
from assetgen_dagster.drawing.preflight import preflight
from assetgen_dagster.drawing.redraw import accept_redraw, with_remark
from assetgen_dagster.drawing.render_options import render_options_of
from assetgen_dagster.errors import Code, coded
from assetgen_dagster.manifest.file import check_slots
from assetgen_dagster.project.channels import load_channels
from assetgen_dagster.project.key import ProjectKey
from assetgen_dagster.project.project_lock import held_projects
from assetgen_dagster.project.records import ProjectRecords, RecordStore
from assetgen_dagster.project.workspace import ProjectPaths, locate_project
from assetgen_dagster.providers.prices import estimate_cost
from assetgen_dagster.providers.registry import provider_of
from assetgen_dagster.settings import Settings


@dataclass(frozen=True)
class Plan:
    """What a run would do now.

    Attributes:
        key: The project.
        mode: The run's mode.
        redraw: The run's redraw, if it redraws single pictures.
        manifest: Source of the manifest, for people.
        new_round: Whether the run starts a new round.
        pictures: The decisions, and warnings about deviations from the manifest.
        retired: Files of pictures that left the manifest, by name.
        ratios: ``W:H`` of each picture, by name.
        settings: The settings in force.
        obstacles: What would prevent the run from drawing, for people; also among the warnings.
        notes: The warnings that only report an unusual count.
    """

    key: ProjectKey
    mode: Mode
    redraw: Redraw | None
    manifest: str
    new_round: bool
    pictures: PlanMade
    retired: dict[str, Path]
    ratios: dict[str, str]
    settings: Settings
    obstacles: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()

    def prices(self, task: Task) -> tuple[float, float | None]:
        """Returns the estimate for a picture and its list price in USD; the latter is None if unknown.

        Pictures that are not drawn, or fail before a call, cost nothing.
        """
        return _prices(task, self.settings)

    def total(self) -> tuple[float, float | None]:
        """Returns the sums of ``prices``."""
        prices = [self.prices(task) for task in self.pictures.tasks]
        listed = [price for _, price in prices if price is not None]
        whole = round(sum(listed), 6) if len(listed) == len(prices) else None
        return round(sum(estimate for estimate, _ in prices), 6), whole


def make_plan(
    key: ProjectKey,
    settings: Settings,
    *,
    mode: Mode = Mode.AUTO,
    story: Story | None = None,
    document: Path | None = None,
    redraw: Redraw | None = None,
) -> Plan:
    """Returns what ``assetgen generate`` or ``assetgen redraw`` would do with the same arguments.

    Raises:
        AssetgenError: The command would fail with this error before anything is drawn.
    """
    options = render_options_of(settings, load_channels(settings).get(key.channel))
    paths = locate_project(key, workspace=settings.workspace)
    resolution = resolve_in_folder(paths.project, story, document=document, director=preflight_director(settings))
    check_slots(resolution.manifest, settings.image_slots)
    records = RecordStore(paths.records).records.model_copy(deep=True)  # changed below, stored nowhere
    request = Request("plan", math.inf, mode, redraw=redraw)  # later than all that has happened
    manifest = with_remark(resolution.manifest, records, request)
    numbers = assign_numbers(manifest, records.numbers, slots=settings.image_slots)
    uncertainties = list(_uncertainties(key, paths, records, request, settings))
    accept_redraw(records, request)
    job = DrawingJob(manifest, paths, settings, options, request, request.id, frozenset(numbers.values()))
    with_references = any(manifest.references().values()) and asyncio.run(provider_of(settings).takes_references())
    tasks, new_round = plan_tasks(job, records, numbers, with_references=with_references)
    warnings = plan_warnings(job, tasks, with_references=with_references)
    to_draw = len(PlanMade(tuple(tasks), ()).to_draw)
    obstacles = list(_obstacles(key, paths, settings, to_draw))
    return Plan(
        key=key,
        mode=mode,
        redraw=redraw,
        manifest=f"{resolution.action}: {resolution.reason}",
        new_round=new_round,
        pictures=PlanMade(tuple(tasks), (*manifest.warnings, *warnings, *uncertainties, *obstacles)),
        retired={name: paths.absolute(one.path) for name, one in records.pictures.items() if name not in numbers},
        ratios={asset.name: options.aspect_ratio_of(asset) for asset in manifest.assets},
        settings=settings,
        obstacles=tuple(obstacles),
        notes=manifest.sorted_warnings()[1],
    )


def drawn_again(key: ProjectKey, made: PlanMade, settings: Settings) -> str:
    """Returns a warning that a complete project is drawn and paid for again; empty if it is not."""
    again = [task for task in made.to_draw if task.step.reason == AGAIN]
    if not again:
        return ""
    price = sum(estimate if listed is None else listed for estimate, listed in (_prices(t, settings) for t in again))
    count = f"all {len(again)}" if len(again) == len(made.tasks) else f"{len(again)} of {len(made.tasks)} pictures"
    cheaper = "Only what is missing or changed: --mode resume"
    return f"{key} is complete; this draws {count} again (about ${price:.2f}). {cheaper}"


def as_json(plan: Plan) -> str:
    """Returns the plan for a program."""
    estimate, listed = plan.total()
    return json.dumps(
        {
            "channel": plan.key.channel,
            "project": plan.key.project,
            "mode": plan.mode,
            **(plan.redraw or Redraw(())).config(),
            "manifest": plan.manifest,
            "new_round": plan.new_round,
            "pictures": [_picture(plan, task) for task in plan.pictures.tasks],
            "retired": [{"name": name, "path": str(path)} for name, path in plan.retired.items()],
            "draw": len(plan.pictures.to_draw),
            "estimate_usd": estimate,
            "model": provider_of(plan.settings).model,
            "list_price_usd": listed,
            "would_start": not plan.obstacles,
            "warnings": list(plan.pictures.warnings),
        },
        indent=2,
        ensure_ascii=False,
    )


def show(plan: Plan, console: Console) -> None:
    """Shows the plan to a person: a table in a terminal, lines elsewhere."""
    rows = [_row(plan, task) for task in plan.pictures.tasks]
    rows += [("", name, "retire", "left the manifest", "", "") for name in plan.retired]
    if console.is_terminal:
        table = Table("", "picture", "", "why", "refers to", "USD", title=str(plan.key), title_justify="left")
        for row in rows:
            table.add_row(*row, style=None if row[2] in ("draw", "retire") else "dim")
        console.print(table)
    else:
        for number, name, action, why, references, price in rows:
            more = [f"refers to {references}"] * bool(references) + [price] * bool(price)
            _say(console, f"{number or '-'} {name}: {action} ({'; '.join([why, *more])})")
    for warning in plan.pictures.warnings:
        if warning not in plan.notes:
            _say(console, f"Warning: {warning}", style="yellow")
    for remark in plan.notes:
        _say(console, f"Note: {remark}", style="dim")
    _say(console, _summary(plan))


def _prices(task: Task, settings: Settings) -> tuple[float, float | None]:
    if task.step.action is not Action.DRAW or not task.prompt:
        return 0.0, 0.0
    listed = provider_of(settings).list_price(task.prompt, references=len(task.references))
    return estimate_cost(1, settings.cost_per_image_usd), listed


def _summary(plan: Plan) -> str:
    _, listed = plan.total()
    drawn, count = len(plan.pictures.to_draw), len(plan.pictures.tasks)
    text = f"{plan.key}, {'redraw' if plan.redraw else f'mode {plan.mode}'}: {drawn} of {count} pictures would be drawn"
    text += ", a new round" if plan.new_round and drawn else ""
    text += f"; {len(plan.retired)} put aside" if plan.retired else ""
    if drawn:
        text += "" if listed is None else f"; about ${listed:.2f}"
        text += f"; a budget reserves ${drawn * provider_of(plan.settings).reserved_usd():.2f}"
    return f"{text}. Nothing was drawn, paid for or changed."


def _picture(plan: Plan, task: Task) -> dict[str, Any]:
    estimate, listed = plan.prices(task)
    return {
        "number": task.number,
        "name": task.asset.name,
        "asset_type": task.asset.asset_type,
        "action": task.step.action,
        "reason": task.step.reason,
        "references": list(task.references),
        "aspect_ratio": plan.ratios[task.asset.name],
        "estimate_usd": estimate,
        "list_price_usd": listed,
    }


def _row(plan: Plan, task: Task) -> tuple[str, str, str, str, str, str]:
    estimate, listed = plan.prices(task)
    price = estimate if listed is None else listed
    shown = f"${price:.4f}" if price else ""
    references = ", ".join(task.references)
    return f"#{task.number:02d}", task.asset.name, task.step.action, task.step.reason, references, shown


def _uncertainties(
    key: ProjectKey, paths: ProjectPaths, records: ProjectRecords, request: Request, settings: Settings
) -> Iterator[str]:
    """Yields reasons why a run may differ from this plan."""
    if held_projects({key: paths}, settings):
        yield "a run is at work on this project: the plan shows the current state only"
    elif records.intents:
        names = ", ".join(sorted({intent.name for intent in records.intents.values()}))
        yield f"a run died while it drew {names}: pictures that arrived are adopted first, and not drawn again"
    last = records.round
    if last and last.closed_at is None and (request.redraw or request.mode is Mode.REGENERATE):
        # Only Dagster's instance, which a plan does not open, could show whether it is the same command.
        yield "the last run did not finish the project: if you repeat its command, only the rest is drawn"


def _obstacles(key: ProjectKey, paths: ProjectPaths, settings: Settings, to_draw: int) -> Iterator[str]:
    """Yields what would prevent a run from drawing, by the run's own checks."""
    if not to_draw:
        return
    if failure := preflight(settings, paths, pictures=to_draw):
        yield coded(f"the run would not start: {failure.cause.rstrip('. ')}. {failure.remedy}.", failure.code)
    if refused := open_reservations(settings).preflight(key, pictures=to_draw):
        why = f"{refusal_message(refused, settings, now=time.time())}. {remedy(refused)}."
        yield coded(f"the run would not start: {why}", Code.BUDGET)
    if stopped := stopped_message(stopped_now(settings), settings):
        yield f"the run would wait: {' '.join(stopped)}"
    breaker = broken_now(settings)
    if breaker is not None and breaker.state(time.time()) is State.OPEN:
        yield coded(f"the run would not start: {breaker_message(breaker, settings)}", breaker.code)


def _say(console: Console, text: str, style: str | None = None) -> None:
    console.print(text, style=style, markup=False, highlight=False, soft_wrap=True)
