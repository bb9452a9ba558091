"""``assetgen doctor``: everything that has to be in order before a picture is paid for, each in one line.

A check returns what it found and raises nothing that a user can cause. Nothing is drawn, no row is changed, nothing
costs money.
"""

import json
import queue
import shutil
import threading
import time
from collections.abc import Callable, Iterable
from dataclasses import asdict

from assetgen_dagster.channels import Channel, ChannelsFileError, load_channels
from assetgen_dagster.drawing.ask import ask_about
from assetgen_dagster.drawing.foresee import ROOM_PER_PICTURE, local_problem
from assetgen_dagster.drawing.look import Look, look_of
from assetgen_dagster.drawing.problems import Problem
from assetgen_dagster.drawing.ratios import drawable_ratios
from assetgen_dagster.drawing.workspace import writable_workspace
from assetgen_dagster.errors import AssetgenError
from assetgen_dagster.findings import Finding, broken
from assetgen_dagster.home import open_instance, template
from assetgen_dagster.months import month_of
from assetgen_dagster.notion.board import TaskBoard
from assetgen_dagster.notion.errors import BoardUnavailableError
from assetgen_dagster.notion.schema import TYPES, Schema
from assetgen_dagster.notion.settings import PROPERTY_SETTINGS, NotionSettings
from assetgen_dagster.paying.budget import state_in_words
from assetgen_dagster.paying.ledger import limits_of
from assetgen_dagster.paying.shared import held_now, open_ledger
from assetgen_dagster.paying.words import held_in_words
from assetgen_dagster.redact import hide, redact
from assetgen_dagster.settings import Settings, load_settings

#: The longest time for all that one check asks of a server.
NETWORK_SECONDS = 10.0

_CAUSE_CHARACTERS = 300

Check = Callable[[Settings], list[Finding]]


def examine(*, services: bool = False) -> list[Finding]:
    """Returns what all checks found; without readable settings there is nothing else to look at.

    Args:
        services: Whether daemon and sensors have to be at work.
    """
    try:
        settings = load_settings()
    except AssetgenError as error:
        return [broken("settings", error)]
    hide(*settings.secrets())
    findings = [Finding("settings", True, "can be read.")]
    for check in (_workspace, _channels, _ratio, _script, _ui):
        findings += check(settings)
    findings += _storage(settings, services=services)
    findings += [*_gemini(settings), *_story_model(settings)]
    return [*findings, *_in_time("Notion", _notion, settings)]


def as_json(findings: Iterable[Finding]) -> str:
    """Returns findings for a program."""
    found = list(findings)
    return json.dumps({"ok": all(one.ok for one in found), "findings": [asdict(one) for one in found]}, indent=2)


# --- this machine ----------------------------------------------------------------------------------------------------


def _workspace(settings: Settings) -> list[Finding]:
    try:
        writable_workspace(settings.workspace)
        free = shutil.disk_usage(settings.workspace).free
    except AssetgenError as error:
        return [broken("workspace", error)]
    except OSError as error:
        cause = f"{settings.workspace}: {error.strerror}."
        return [Finding("workspace", False, cause, "Set ASSETGEN_WORKSPACE to a folder that can be written.")]
    room = settings.image_slots * ROOM_PER_PICTURE
    if free < room:
        return [
            Finding(
                "workspace",
                False,
                f"Only {free >> 20} MiB are free at {settings.workspace}.",
                f"Free {room >> 20} MiB, what one project may need, or set ASSETGEN_WORKSPACE to another disk.",
            )
        ]
    return [Finding("workspace", True, f"{settings.workspace} can be written, {free >> 20} MiB are free.")]


def _channels(settings: Settings) -> list[Finding]:
    try:
        channels = load_channels(settings)
    except AssetgenError as error:
        return [broken("channels", error)]
    if channels.path is None:
        return [Finding("channels", True, "Any channel is drawn for: there is no channels.toml that names them.")]
    undrawable = [
        Finding("channels", False, f"{_undrawable(settings, look)} (channel {name}).", f"Change it in {channels.path}.")
        for name, channel in sorted(channels.known.items())
        if channel.aspect_ratio is not None and (look := look_of(settings, channel)).is_undrawable
    ]
    return undrawable or [Finding("channels", True, f"{channels.path} names {', '.join(sorted(channels.known))}.")]


def _ratio(settings: Settings) -> list[Finding]:
    look = look_of(settings, Channel())
    if not look.is_undrawable:
        return []
    return [Finding("aspect ratio", False, f"{_undrawable(settings, look)}.", "Set GEMINI_ASPECT_RATIO to another.")]


def _undrawable(settings: Settings, look: Look) -> str:
    return f"{settings.gemini_image_model} draws no {look.aspect_ratio}, but {', '.join(drawable_ratios(look.model))}"


def _script(settings: Settings) -> list[Finding]:
    problem = local_problem(settings)
    # The key has a check of its own.
    if problem is not None and problem.code != "api_key":
        return [_of_problem("script", problem)]
    return [Finding("script", True, f"{settings.script} can be started.")]


def _storage(settings: Settings, *, services: bool) -> list[Finding]:
    """Looks at PostgreSQL, if it is used, and only where it can be reached at what Dagster makes of it."""
    if settings.database is None:
        found = _dagster(settings)
    else:
        from assetgen_dagster.doctor_postgres import examine_server, examine_storage  # noqa: PLC0415

        server = examine_server(settings)
        if not all(one.ok for one in server):
            return server
        found = [*server, *_dagster(settings), *examine_storage(settings)]
    if all(one.ok for one in found):
        from assetgen_dagster.doctor_services import examine_services  # noqa: PLC0415

        found += examine_services(needed=services)
        if settings.broker is not None:
            from assetgen_dagster.doctor_workers import examine_workers  # noqa: PLC0415

            found += examine_workers(settings.broker, needed=services)
    return [*found, *_paying(settings)]


def _dagster(settings: Settings) -> list[Finding]:
    from assetgen_dagster.run_coordinator import ProjectRunCoordinator  # noqa: PLC0415 - takes 2 s to import

    try:
        with open_instance() as instance:
            folder = instance.root_directory
            try:
                coordinator: object = instance.run_coordinator
            except Exception as error:  # noqa: BLE001, RUF100 - whatever the class that its YAML names raises
                coordinator = error
            monitored = bool(instance.run_monitoring_enabled)
    except AssetgenError as error:
        return [broken("Dagster", error)]
    remedy = (
        f"Bring {folder}/dagster.yaml into line with {template(settings)}, or move it away: the next command "
        "puts the usual one there. Or set DAGSTER_HOME to a folder of this project's own."
    )
    if not isinstance(coordinator, ProjectRunCoordinator):
        named = redact(str(coordinator))[:_CAUSE_CHARACTERS]
        named = named if isinstance(coordinator, Exception) else type(coordinator).__name__
        cause = (
            f"The instance in {folder} has another run coordinator than this project's ({named}), so the limits by "
            "channel and project do not hold."
        )
        return [Finding("Dagster", False, cause, remedy)]
    if not monitored:
        return [Finding("Dagster", False, f"The instance in {folder} does not watch for runs that died.", remedy)]
    return [Finding("Dagster", True, f"The instance in {folder} has this project's run queue.")]


def _ui(settings: Settings) -> list[Finding]:
    if settings.ui_url is None:
        told = (
            "ASSETGEN_UI_URL is not set, so rows name their runs without a link (make dev sets it to its own address)."
        )
        return [Finding("Dagster UI", True, told)]
    return [Finding("Dagster UI", True, f"Rows link to their runs at {settings.ui_url}.")]


def _paying(settings: Settings) -> list[Finding]:
    try:
        found = held_now(settings)
    except AssetgenError as error:
        return [broken("paying", error)]
    if said := held_in_words(found, settings):
        detail, _, remedy = said.rpartition(". ")
        return [Finding("paying", False, f"{detail}.", remedy)]
    return [*_limit(settings), *_budget(settings)]


def _budget(settings: Settings) -> list[Finding]:
    try:
        limits = limits_of(settings)
        if not limits:
            return [Finding("budget", True, "No monthly budget is set.")]
        month = month_of(time.time(), settings.zone)
        return [Finding("budget", True, state_in_words(open_ledger(settings).claims(), limits, month))]
    except ChannelsFileError:
        return []  # has a finding of its own
    except AssetgenError as error:
        return [broken("budget", error)]


def _limit(settings: Settings) -> list[Finding]:
    limit = settings.requests_per_minute
    shared = f"all runs together make at most {limit} calls a minute" if limit else "no limit of calls a minute is set"
    return [Finding("paying", True, f"Not paused; {shared}.")]


# --- Gemini ----------------------------------------------------------------------------------------------------------


def _gemini(settings: Settings) -> list[Finding]:
    if not settings.own_script:
        return [Finding("Gemini", True, "Not asked: ASSETGEN_SCRIPT names a script with a key and model of its own.")]
    return _model("Gemini", settings, "GEMINI_IMAGE_MODEL", settings.gemini_image_model)


def _story_model(settings: Settings) -> list[Finding]:
    if settings.story_model is None:
        return [Finding("Story model", True, "Not used: without ASSETGEN_STORY_MODEL our tables write the prompts.")]
    return _model("Story model", settings, "ASSETGEN_STORY_MODEL", settings.story_model)


def _model(name: str, settings: Settings, setting: str, model: str) -> list[Finding]:
    """Asks the API about a model, which costs nothing, and so about key and endpoint."""
    problem = ask_about(settings, model, setting=setting, seconds=NETWORK_SECONDS)
    if problem is not None:
        return [_of_problem(name, problem)]
    return [Finding(name, True, f"The key is valid, and there is a model {model.removeprefix('models/')}.")]


# --- Notion ----------------------------------------------------------------------------------------------------------


def _notion(settings: Settings) -> list[Finding]:
    notion = settings.notion()
    if notion is None:
        return [_half_set_up(settings)]
    try:
        with TaskBoard(notion, deadline_seconds=NETWORK_SECONDS * 0.9) as board:
            schema = board.schema()
    except BoardUnavailableError as error:
        cause = error.message.removesuffix(" It is tried again later.")
        remedy = "Check network and proxy (NOTION_BASE_URL), then run this again."
        return [Finding("Notion", False, cause, remedy, error.code)]
    except AssetgenError as error:
        return [broken("Notion", error)]
    shared = Finding("Notion", True, "The token is valid, and the database is shared with the integration.")
    return [shared, *_columns(schema, notion), *_statuses(schema, notion)]


def _half_set_up(settings: Settings) -> Finding:
    if settings.notion_token is not None:
        return Finding(
            "Notion",
            False,
            "NOTION_TOKEN is set, NOTION_DATABASE_ID is not.",
            "Set it to the 32 characters in the database's link, before '?v='; or make a database: assetgen "
            "init-notion --parent PAGE.",
        )
    if settings.notion_database_id is not None:
        return Finding(
            "Notion",
            False,
            "NOTION_DATABASE_ID is set, NOTION_TOKEN is not.",
            "Set it to the integration's secret: notion.so/profile/integrations, choose the integration, Internal "
            "Integration Secret.",
        )
    return Finding("Notion", True, "Not set up, which is fine: NOTION_TOKEN and NOTION_DATABASE_ID are not set.")


def _columns(schema: Schema, notion: NotionSettings) -> Iterable[Finding]:
    for role, setting in PROPERTY_SETTINGS.items():
        if not notion.property_name(role):
            yield Finding(f"Notion property {setting}", True, "is switched off.")
            continue
        name = f"Notion property {notion.property_name(role)!r}"
        column = schema.columns.get(role)
        if fault := schema.faults.get(role):
            yield broken(f"Notion property {setting}", fault)
        elif column is not None:
            yield Finding(name, True, f"is there, of type {column.type}.")
        else:
            kinds = " or ".join(sorted(TYPES[role])) if len(TYPES[role]) < 5 else "text"
            yield Finding(name, True, f"is not there; it is optional. To use it, add it, of type {kinds}.")


def _statuses(schema: Schema, notion: NotionSettings) -> Iterable[Finding]:
    if not schema.columns.get("status"):
        return
    for setting, name in {"NOTION_STATUS_TRIGGER": " or ".join(schema.triggers), **notion.statuses()}.items():
        if fault := schema.faults.get(setting):
            yield broken(f"Notion status {setting}", fault)
        else:
            yield Finding(f"Notion status {setting}", True, f"{name} is there.")


# --- wording ---------------------------------------------------------------------------------------------------------


def _of_problem(name: str, problem: Problem) -> Finding:
    return Finding(name, False, f"{problem.cause.rstrip('. ')}.", f"{problem.remedy}.", problem.code)


def _in_time(name: str, check: Check, settings: Settings) -> list[Finding]:
    """Returns what a check found, within its time even where a name server or a dripping answer keeps it."""
    found: queue.SimpleQueue[list[Finding]] = queue.SimpleQueue()
    threading.Thread(target=lambda: found.put(check(settings)), daemon=True).start()
    try:
        return found.get(timeout=NETWORK_SECONDS)
    except queue.Empty:
        cause = f"No answer within {NETWORK_SECONDS:g} s."
        return [Finding(name, False, cause, "Check network, name server and proxy, then run this again.")]
