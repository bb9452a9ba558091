"""``assetgen doctor``: everything that has to be in order before a picture is paid for, each in one line.

A check returns what it found and raises nothing that a user can cause. Nothing is drawn, no row is changed, nothing
costs money.
"""

import json
import queue
import re
import shutil
import threading
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass
from urllib.parse import quote

import httpx

from assetgen_dagster.drawing import problems
from assetgen_dagster.drawing.foresee import ROOM_PER_PICTURE, local_problem
from assetgen_dagster.drawing.problems import Problem
from assetgen_dagster.drawing.report import ScriptFailure, ScriptReport
from assetgen_dagster.drawing.script import CLIScriptError
from assetgen_dagster.drawing.workspace import writable_workspace
from assetgen_dagster.errors import AssetgenError
from assetgen_dagster.home import open_instance
from assetgen_dagster.notion.board import TaskBoard
from assetgen_dagster.notion.errors import BoardUnavailableError
from assetgen_dagster.notion.schema import TYPES, Schema
from assetgen_dagster.notion.settings import PROPERTY_SETTINGS, NotionSettings
from assetgen_dagster.redact import hide, redact
from assetgen_dagster.settings import PROJECT_ROOT, Settings, load_settings

#: The longest time for all that one check asks of a server.
NETWORK_SECONDS = 10.0

_PUBLIC_API = "https://generativelanguage.googleapis.com"
_LOOPBACK = ("127.0.0.1", "localhost", "::1")
_CAUSE_CHARACTERS = 300

#: Where a problem with a prompt or a passing one has another remedy than the same answer here.
_REMEDIES = {
    "network": "Check network and proxy, and GOOGLE_GEMINI_BASE_URL if it is set",
    "rejected": "Check GEMINI_IMAGE_MODEL, and GOOGLE_GEMINI_BASE_URL if it is set",
}


@dataclass(frozen=True)
class Finding:
    """What one check found.

    Attributes:
        name: What was looked at.
        ok: Whether it is in order.
        detail: What is there.
        remedy: What to do; empty where nothing is wrong.
    """

    name: str
    ok: bool
    detail: str
    remedy: str = ""

    def __str__(self) -> str:
        """Returns the finding's line."""
        told = f"{self.detail} {self.remedy}".strip()
        return f"{'ok     ' if self.ok else 'PROBLEM'} {self.name}: {' '.join(told.split())}"


Check = Callable[[Settings], list[Finding]]


def examine() -> list[Finding]:
    """Returns what all checks found; without readable settings there is nothing else to look at."""
    try:
        settings = load_settings()
    except AssetgenError as error:
        return [_broken("settings", error)]
    hide(settings.gemini_api_key, settings.notion_token)
    findings = [Finding("settings", True, "can be read.")]
    for check in (_workspace, _script, _dagster):
        findings += check(settings)
    for name, check in (("Gemini", _gemini), ("Notion", _notion)):
        findings += _in_time(name, check, settings)
    return findings


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
        return [_broken("workspace", error)]
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


def _script(settings: Settings) -> list[Finding]:
    problem = local_problem(settings)
    # The key has a check of its own.
    if problem is not None and problem.code != "api_key":
        return [_of_problem("script", problem)]
    return [Finding("script", True, f"{settings.script} can be started.")]


def _dagster(_: Settings) -> list[Finding]:
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
        return [_broken("Dagster", error)]
    template = PROJECT_ROOT / "deploy" / "dagster.yaml"
    remedy = (
        f"Bring {folder}/dagster.yaml into line with {template}, or move it away: the next command puts the usual one "
        "there. Or set DAGSTER_HOME to a folder of this project's own."
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


# --- Gemini ----------------------------------------------------------------------------------------------------------


def _gemini(settings: Settings) -> list[Finding]:
    """Asks the API about the model, which costs nothing, and so about key and endpoint."""
    if not settings.own_script:
        return [Finding("Gemini", True, "Not asked: ASSETGEN_SCRIPT names a script with a key and model of its own.")]
    if settings.gemini_api_key is None:
        return [_of_problem("Gemini", problems.missing_key())]
    key = settings.gemini_api_key.get_secret_value().strip()
    # In a header anything else raises an error that shows it.
    if not re.fullmatch(r"[!-~]+", key):
        text = "GEMINI_API_KEY holds a character that no key has, such as a space."
        return [Finding("Gemini", False, text, "Copy the key again.")]
    model = settings.gemini_image_model.removeprefix("models/")
    failure = _ask_gemini(settings.google_gemini_base_url, model, key)
    if failure is not None:
        error = CLIScriptError("", 1, failure.message)
        return [_of_problem("Gemini", problems.classify(error, ScriptReport(error=failure), model=model))]
    return [Finding("Gemini", True, f"The key is valid, and there is a model {model}.")]


def _ask_gemini(base_url: str | None, model: str, key: str) -> ScriptFailure | None:
    """Returns what the API has against key or model, in the terms in which the script tells it; None for nothing."""
    base = (base_url or _PUBLIC_API).rstrip("/").removesuffix("/v1beta")
    url = f"{base}/v1beta/models/{quote(model, safe='')}"
    wrong = "GOOGLE_GEMINI_BASE_URL is no web address such as https://host."
    try:
        host = httpx.URL(url).host
        if not host:
            return ScriptFailure(kind="configuration", message=wrong)
        answer = httpx.get(
            url,
            headers={"x-goog-api-key": key},
            timeout=NETWORK_SECONDS,
            # A proxy from the environment cannot reach a stand-in on this machine.
            trust_env=host not in _LOOPBACK,
        )
    except (httpx.InvalidURL, httpx.UnsupportedProtocol, UnicodeError):
        return ScriptFailure(kind="configuration", message=wrong)
    except httpx.HTTPError as error:
        return ScriptFailure(kind="network", message=f"{host} does not answer: {str(error) or type(error).__name__}")
    return _refusal(answer)


def _refusal(answer: httpx.Response) -> ScriptFailure | None:
    try:
        body = answer.json()
    except ValueError:
        body = None
    # A page of something between us and the API says nothing about key or model, whatever its status.
    if not isinstance(body, dict) or answer.is_redirect:
        text = f"GOOGLE_GEMINI_BASE_URL leads to no Gemini API: HTTP {answer.status_code} without its JSON."
        kind = "network" if answer.is_server_error else "configuration"
        return ScriptFailure(kind=kind, message=text)
    if answer.is_success:
        methods = body.get("supportedGenerationMethods")
        if isinstance(methods, list) and "generateContent" not in methods:
            return ScriptFailure(kind="http", http_status=404, message="This model cannot generate content.")
        return None
    told = body.get("error")
    told = told if isinstance(told, dict) else {}
    details = [one for one in told.get("details") or () if isinstance(one, dict)]
    said = " ".join(str(told.get("message") or "no reason given").split())[:_CAUSE_CHARACTERS]
    violations = [one for detail in details for one in detail.get("violations") or () if isinstance(one, dict)]
    return ScriptFailure(
        kind="http",
        message=f"Gemini answered HTTP {answer.status_code}: {said}",
        http_status=answer.status_code,
        api_status=str(told["status"]) if told.get("status") else None,
        reason=next((str(detail["reason"]) for detail in details if detail.get("reason")), None),
        quota_ids=tuple(str(one["quotaId"]) for one in violations if one.get("quotaId")),
    )


# --- Notion ----------------------------------------------------------------------------------------------------------


def _notion(settings: Settings) -> list[Finding]:
    notion = settings.notion()
    if notion is None:
        return [_half_set_up(settings)]
    try:
        with TaskBoard(notion, deadline_seconds=NETWORK_SECONDS * 0.9) as board:
            schema = board.schema()
    except BoardUnavailableError as error:
        cause = str(error).removesuffix(" It is tried again later.")
        return [Finding("Notion", False, cause, "Check network and proxy (NOTION_BASE_URL), then run this again.")]
    except AssetgenError as error:
        return [_broken("Notion", error)]
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
        name = f"Notion property {notion.property_name(role)!r}"
        column = schema.columns.get(role)
        if fault := schema.faults.get(role):
            yield _broken(f"Notion property {setting}", fault)
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
            yield _broken(f"Notion status {setting}", fault)
        else:
            yield Finding(f"Notion status {setting}", True, f"{name} is there.")


# --- wording ---------------------------------------------------------------------------------------------------------


def _broken(name: str, error: AssetgenError) -> Finding:
    """Returns the finding behind an error, whose message says what is wrong and then what to do."""
    text = redact(str(error))
    for mark in (". ", ": "):
        detail, found, remedy = text.partition(mark)
        if found:
            return Finding(name, False, f"{detail}{mark.strip()}", remedy)
    return Finding(name, False, "cannot be used.", text)


def _of_problem(name: str, problem: Problem) -> Finding:
    return Finding(name, False, f"{problem.cause.rstrip('. ')}.", f"{_REMEDIES.get(problem.code, problem.remedy)}.")


def _in_time(name: str, check: Check, settings: Settings) -> list[Finding]:
    """Returns what a check found, within its time even where a name server or a dripping answer keeps it."""
    found: queue.SimpleQueue[list[Finding]] = queue.SimpleQueue()
    threading.Thread(target=lambda: found.put(check(settings)), daemon=True).start()
    try:
        return found.get(timeout=NETWORK_SECONDS)
    except queue.Empty:
        cause = f"No answer within {NETWORK_SECONDS:g} s."
        return [Finding(name, False, cause, "Check network, name server and proxy, then run this again.")]
