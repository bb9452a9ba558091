"""Errors that a person can fix, and all their codes. Everything else is a bug and keeps its stack trace.

A new code is one entry of ``Code``. Its cause and remedy are Markdown; ``make docs`` writes them to docs/operating.md.
"""

import re
from enum import StrEnum
from typing import Self

#: Markdown links and code, replaced by their text.
_MARKDOWN = re.compile(r"\[([^\]]+)\]\([^)\s]+\)|`([^`]*)`")

_EDIT_PROMPT = "Edit this prompt in the project's `asset_manifest.json`."


class ErrorClass(StrEnum):
    """What a run does after a picture has failed; see the table in ``docs/operating.md``."""

    TRANSIENT = "transient"
    REFUSED = "refused"
    TIMEOUT = "timeout"
    REJECTED = "rejected"
    FATAL = "fatal"


class Code(StrEnum):
    """A stable identifier of what happened: shown in brackets, logged, and tagged on runs.

    Attributes:
        error_class: What a run does about a picture with this code; None if the code does not concern a picture.
        cause: What it means; Markdown.
        remedy: What a person can do; Markdown.
    """

    error_class: ErrorClass | None
    cause: str
    remedy: str

    def __new__(cls, value: str, error_class: ErrorClass | None, cause: str, remedy: str) -> Self:
        """Creates a member with its attributes."""
        member = str.__new__(cls, value)
        member._value_ = value
        member.error_class, member.cause, member.remedy = error_class, cause, remedy
        return member

    RATE_LIMITED = (
        "rate_limited",
        ErrorClass.TRANSIENT,
        "HTTP 429: more requests a minute than the key may make.",
        "Run again later. If the error persists, set `ASSETGEN_REQUESTS_PER_MINUTE` to the key's limit.",
    )
    API_ERROR = (
        "api_error",
        ErrorClass.TRANSIENT,
        "HTTP 408, 409, 499 or 5xx, or an error without a status: the provider has a fault.",
        "Run again later.",
    )
    NETWORK = (
        "network",
        ErrorClass.TRANSIENT,
        "The request could not be sent: refused, unknown host, connection lost before its end.",
        "Check network, name server and proxy, and `GOOGLE_GEMINI_BASE_URL` if it is set.",
    )
    NO_IMAGE = (
        "no_image",
        ErrorClass.TRANSIENT,
        "A complete answer without a picture, and no refusal.",
        "Run again later. If the error persists, edit the prompt.",
    )
    UNRECOGNISED = (
        "unrecognised",
        ErrorClass.TRANSIENT,
        "The script failed with an unknown message; it is retried once.",
        "Read what the script printed (event `asset_generation_cli_error`).",
    )
    MACHINE_EXHAUSTED = (
        "machine_exhausted",
        ErrorClass.TRANSIENT,
        "The machine had no process, memory or open file left to start the script. Nothing was sent.",
        "End other programs, raise the limits of the machine or the container (`ulimit -u`, `ulimit -n`), or lower "
        "`ASSETGEN_IMAGE_CONCURRENCY`.",
    )
    REFUSED = (
        "refused",
        ErrorClass.REFUSED,
        "The provider does not draw this content; the cause names the reason, such as `IMAGE_SAFETY`.",
        _EDIT_PROMPT,
    )
    STORY_TIMEOUT = (
        "story_timeout",
        ErrorClass.TIMEOUT,
        "The language model did not answer in time; the tables wrote the prompts.",
        "None. If it happens often, raise `ASSETGEN_STORY_TIMEOUT_SECONDS`.",
    )
    SCRIPT_TIMEOUT = (
        "script_timeout",
        ErrorClass.TIMEOUT,
        "The script took longer than the limit and was killed.",
        "Run again. If pictures often take longer, raise `ASSETGEN_IMAGE_TIMEOUT_SECONDS`.",
    )
    ANSWER_LOST = (
        "answer_lost",
        ErrorClass.TIMEOUT,
        "The request was sent, and no whole answer came: time ran out, the connection was closed, or a gateway "
        "answered in the provider's place (HTTP 502, 504, 520, 524).",
        "Run again: the lost call is listed as possibly billed.",
    )
    SCRIPT_KILLED = (
        "script_killed",
        ErrorClass.TIMEOUT,
        "A signal killed the script; often the machine was out of memory. Or it printed more than 64 MiB and was "
        "killed.",
        "Run again; with less memory, lower `ASSETGEN_IMAGE_CONCURRENCY`.",
    )
    SCRIPT_ENDED = (
        "script_ended",
        ErrorClass.TIMEOUT,
        "The run was cancelled or died, and its script with it, before the answer came. Stands in the log only.",
        "Run again: the lost call is listed as possibly billed.",
    )
    NEVER_STARTED = (
        "never_started",
        ErrorClass.TRANSIENT,
        "The run died before it had started the script. Nothing can have been billed. Stands in the log only.",
        "Run again.",
    )
    SCRIPT_LEFT_NO_PICTURE = (
        "script_left_no_picture",
        ErrorClass.TIMEOUT,
        "The script exited with 0, but left no picture or a broken one.",
        "Run again. If the error persists, the script is at fault.",
    )
    RECEIVED_FILE_GONE = (
        "received_file_gone",
        ErrorClass.TIMEOUT,
        "A received picture was removed from the staging folder before it could be published. Its cost is booked.",
        "Run again, and leave `.assetgen/` alone.",
    )
    BLANK_PROMPT = (
        "blank_prompt",
        ErrorClass.REJECTED,
        "The prompt is only white space.",
        "Write a prompt.",
    )
    UNUSABLE_PROMPT = (
        "unusable_prompt",
        ErrorClass.REJECTED,
        "The prompt cannot be passed to a program, for example because it contains a NUL character.",
        _EDIT_PROMPT,
    )
    PROMPT_TOO_LONG = (
        "prompt_too_long",
        ErrorClass.REJECTED,
        "The prompt is longer than 128 KiB, Linux's limit for one argument.",
        "Shorten this prompt in the project's `asset_manifest.json`.",
    )
    REFERENCE_FAILED = (
        "reference_failed",
        ErrorClass.REJECTED,
        "A picture that this one refers to could not be drawn. This one was not tried, and cost nothing.",
        "Fix the picture that the message names.",
    )
    REFERENCE_MISSING = (
        "reference_missing",
        ErrorClass.REJECTED,
        "A picture that this one refers to is missing, and this run does not draw it. It cost nothing.",
        "Draw the picture that the message names.",
    )
    REFERENCE_UNUSABLE = (
        "reference_unusable",
        ErrorClass.REJECTED,
        "A picture that this one refers to is damaged, or larger than 20 MB. Nothing was sent.",
        "Draw that picture again, or replace its file.",
    )
    REJECTED = (
        "rejected",
        ErrorClass.REJECTED,
        "HTTP 400 or another 4xx for this prompt; tried once more where the provider asks for that.",
        "Edit this prompt in the project's `asset_manifest.json`; or change the aspect ratio, if the message names "
        "that.",
    )
    REQUEST_TOO_LARGE = (
        "request_too_large",
        ErrorClass.REJECTED,
        "HTTP 413, or a request over the provider's limit, mostly by its reference pictures. Nothing was drawn.",
        "Let this picture refer to fewer or smaller pictures (`references` in `asset_manifest.json`), or raise the "
        "limit of the gateway that `GOOGLE_GEMINI_BASE_URL` names.",
    )
    ALL_REJECTED = (
        "all_rejected",
        ErrorClass.FATAL,
        "Three prompts in a row were rejected, so it is not the prompts.",
        "Check `GEMINI_IMAGE_MODEL`, `GEMINI_ASPECT_RATIO`, and the channel's `aspect_ratio` in `channels.toml`.",
    )
    API_KEY = (
        "api_key",
        ErrorClass.FATAL,
        "The key is missing, wrong, or may not do this (HTTP 401, 403): restricted, suspended, or its project lacks "
        "the API.",
        "Set `GEMINI_API_KEY` to a valid key.",
    )
    BILLING = (
        "billing",
        ErrorClass.FATAL,
        "The key's project has no billing, no quota at all for this model (`limit: 0`), no credit (HTTP 402), or "
        "reached its spending limit. Waiting does not help.",
        "Enable billing for the key's project, or raise its spending limit, with the provider; then `assetgen resume`.",
    )
    OUTAGE = (
        "outage",
        ErrorClass.FATAL,
        "The provider was unavailable, or two pictures met its faults or the network's, until the last retry, and no "
        "call was answered meanwhile.",
        "Run again once the provider's API answers; rows of Notion continue automatically then. If it never does, "
        "check network, proxy and `GOOGLE_GEMINI_BASE_URL`.",
    )
    ANSWERS_LOST = (
        "answers_lost",
        ErrorClass.FATAL,
        "Three answers in a row were lost. Each call may have been billed, so no further one was made.",
        "Check what lies between this machine and the provider, such as a proxy that closes long requests, then run "
        "again; the lost calls are listed as possibly billed.",
    )
    LOCATION = (
        "location",
        ErrorClass.FATAL,
        "The provider does not serve the country that the request comes from.",
        "Run in a country that the provider serves; behind a proxy, the proxy's country counts.",
    )
    DAILY_QUOTA = (
        "daily_quota",
        ErrorClass.FATAL,
        "The key's quota for the day is used up; see [Daily quota](#daily-quota).",
        "Rows go on by themselves after midnight in Los Angeles; run others again then. Or raise the quota, then "
        "`assetgen resume`.",
    )
    BUDGET = (
        "budget",
        ErrorClass.FATAL,
        "The run would go over a [monthly budget](#budget); the cause has the figures. Nothing was paid.",
        "Rows go on by themselves when there is room; run others again then. Or raise the limit that the message "
        "names.",
    )
    BUDGET_UNKNOWN = (
        "budget_unknown",
        ErrorClass.FATAL,
        "For two minutes it was unknown what other runs may still spend. Nothing was paid.",
        "Fix what the cause names (a file of `.assetgen/`, PostgreSQL, `channels.toml`).",
    )
    MODEL_NOT_FOUND = (
        "model_not_found",
        ErrorClass.FATAL,
        "HTTP 404: the provider does not have this model, no longer has it, or keeps it for those who used it before. "
        "Tried once more if the project has pictures by it.",
        "Set `GEMINI_IMAGE_MODEL`, or `ASSETGEN_STORY_MODEL` if the message names that, to a model that this key may "
        "use.",
    )
    CONFIGURATION = (
        "configuration",
        ErrorClass.FATAL,
        "A setting cannot be used, such as an invalid base URL, one that redirects, or a [proxy](settings.md#proxies) "
        "that is no HTTP proxy; or something else answers in the API's place: a page to sign in, a certificate that is "
        "not trusted.",
        "Fix the setting that the cause names.",
    )
    CANNOT_WRITE = (
        "cannot_write",
        ErrorClass.FATAL,
        "Disk full, no permission, read-only, or less than 4 MiB free for each picture.",
        "Free space or give permission, then run again: pictures that were received are kept and published.",
    )
    SCRIPT_CANNOT_START = (
        "script_cannot_start",
        ErrorClass.FATAL,
        "`ASSETGEN_SCRIPT` is not there, may not be executed, or its interpreter is missing.",
        "Name the right script, or `chmod +x` it.",
    )
    SCRIPT_PACKAGES = (
        "script_packages",
        ErrorClass.FATAL,
        "The script lacks a Python package.",
        "Install the package where the script runs, or let the script's `#!` line name the environment that has it.",
    )
    SCRIPT_ARGUMENTS = (
        "script_arguments",
        ErrorClass.FATAL,
        "The script wants other arguments than `--prompt` and `--output`.",
        "Adapt the script: it must take `--prompt` and `--output` and need nothing else.",
    )
    LOCK_LOST = (
        "lock_lost",
        ErrorClass.FATAL,
        "On [several machines](#several-machines): the run's session with PostgreSQL broke, and the lock could not "
        "be regained.",
        "If no other run is working on the project, run again: the new run continues.",
    )
    WITHDRAWN = (
        "withdrawn",
        ErrorClass.FATAL,
        "The row in Notion was set to another status, or is gone, while its run was drawing.",
        "Nothing is wrong: the producer withdrew it. Set the status again to go on.",
    )
    ROW_CHANGED = (
        "row_changed",
        ErrorClass.FATAL,
        "The row in Notion was changed after its run was requested, before anything was drawn.",
        "None: the row's next run draws what the row says now.",
    )
    UNEXPECTED = (
        "unexpected",
        ErrorClass.FATAL,
        "A bug in this program; the run's log has the stack trace.",
        "Report this bug: the run's log says where it happened.",
    )
    SETTINGS = (
        "settings",
        None,
        "A setting in the environment or in `.env` cannot be used; the message names each.",
        "Fix it; [settings](settings.md).",
    )
    ENV_FILE = (
        "env_file",
        None,
        "`.env`, or the file that `ASSETGEN_ENV_FILE` names, is not there, no UTF-8 text, or has a line that is no "
        "`NAME=value`.",
        "Fix the file, or the variable.",
    )
    CHANNELS_FILE = (
        "channels_file",
        None,
        "[channels.toml](settings.md#channels) cannot be used. While that is so, nothing is drawn.",
        "Fix what the message names.",
    )
    UNKNOWN_CHANNEL = (
        "unknown_channel",
        None,
        "`channels.toml` does not name the channel of a row or run.",
        "Correct it, or add it to the file.",
    )
    NO_CHANNEL = (
        "no_channel",
        None,
        "A row has no channel.",
        "Fill in `Channel`, set the status again.",
    )
    IDENTIFIER = (
        "identifier",
        None,
        "A partition, channel or project that cannot be the name of a folder.",
        "Correct it in the row; or delete the partition and add `<channel>:<project>`.",
    )
    REGENERATE = (
        "regenerate",
        None,
        "A row's `Regenerate` has an unknown value.",
        "`All`, `Missing or changed`, or nothing; set the status again.",
    )
    PROJECT_TAKEN = (
        "project_taken",
        None,
        "The row's project belongs to another row, to which the message links; mostly one is a copy.",
        "Give the row a project id of its own, set the status again.",
    )
    PROJECT_BUSY = (
        "project_busy",
        None,
        "Another run is working on this project. Nothing was paid.",
        "Wait for the run that the message names, or cancel it.",
    )
    WORKSPACE = (
        "workspace",
        None,
        "A symlink leads out of the workspace, or the records name such a path.",
        "Replace it by a folder, or set `ASSETGEN_WORKSPACE` to where it leads.",
    )
    RECORDS = (
        "records",
        None,
        "`.assetgen/records.json` cannot be read: it is damaged, or a later version of this program wrote it.",
        "Upgrade if the message says so. Else restore it from a backup. If there is none, move it away: existing "
        "pictures are then kept, at unknown cost.",
    )
    SWITCHES_UNAVAILABLE = (
        "switches_unavailable",
        None,
        "The [pause](#pausing) cannot be read or written.",
        "Give permission, or fix PostgreSQL, as the message says.",
    )
    NO_STORY = (
        "no_story",
        None,
        "No `asset_manifest.json`, no `03_assets.md`, and no topic.",
        "Give one of the three.",
    )
    DOCUMENT = (
        "document",
        None,
        "A document cannot be read, has no prompts, or more than any video could, or has list items that look like "
        "pictures and cannot be read; the message names file and line. Nothing was paid.",
        "Fix the document as the message says, or name another.",
    )
    MANIFEST = (
        "manifest",
        None,
        "`asset_manifest.json` cannot be used; the message names line or field.",
        "Fix it.",
    )
    SCRIPT_HELP = (
        "script_help",
        None,
        "A script of your own, asked with `--help` whether it takes [reference pictures](#reference-pictures), did "
        "not answer. Nothing was drawn.",
        "Run again. If the error persists, let `--help` answer within 30 s, or empty the `references` in "
        "`asset_manifest.json`.",
    )
    MANIFEST_CONFLICT = (
        "manifest_conflict",
        None,
        "The manifest was edited, and its source has changed, too. Nothing was drawn or replaced.",
        "Remove the `source` block of `asset_manifest.json` to keep the edits, or set its `content_sha256` to "
        '`""` to take the new source; remarks stay. Deleting the file loses them.',
    )
    TOO_MANY_PICTURES = (
        "too_many_pictures",
        None,
        "More pictures than image assets.",
        "Set `ASSETGEN_IMAGE_SLOTS` to the number in the message and reload the code location.",
    )
    NO_MANIFEST = (
        "no_manifest",
        None,
        "A picture was materialized before the project had a manifest.",
        "Materialize `asset_manifest` first.",
    )
    PICTURES_MISSING = (
        "pictures_missing",
        None,
        "`assets_ready` or `contact_sheet` was materialized too early, or a picture was removed.",
        "Materialize the pictures that the message names.",
    )
    REDRAW = (
        "redraw",
        None,
        "`Redraw` or `--pictures` names unknown pictures, or the remark is too long or applies to none. "
        "Nothing was paid.",
        "Correct it as the message says.",
    )
    NO_PROJECT = (
        "no_project",
        None,
        "`assetgen archive` does not find the project.",
        "Check channel and project.",
    )
    CANCELLED = (
        "cancelled",
        None,
        "Somebody cancelled the run.",
        "Set the status again, or run again, to go on.",
    )
    RUN_DIED = (
        "run_died",
        None,
        "The run's process was killed, or its machine lost.",
        "Run again; see [after a crash](#after-a-crash).",
    )
    COMMAND_LINE = (
        "command_line",
        None,
        "The command's options do not go together.",
        "As the message says.",
    )
    DEMO = (
        "demo",
        None,
        "The demo did not come to its end.",
        "As the message says; `make demo` starts over.",
    )
    DAGSTER_HOME = (
        "dagster_home",
        None,
        "`DAGSTER_HOME` cannot be written.",
        "Give permission, or set it to another folder.",
    )
    DAGSTER_DATABASE = (
        "dagster_database",
        None,
        "Dagster's database cannot be written, is held by another program, or is damaged.",
        "As the message says. Without a backup, `history` and `schedules` in `DAGSTER_HOME` can be moved away: "
        "pictures and what is paid for stay, and so do the costs of all projects that still have their folder.",
    )
    DAGSTER_YAML = (
        "dagster_yaml",
        None,
        "Dagster cannot use the `dagster.yaml` in `DAGSTER_HOME`.",
        "Fix it, or move it away: the next command puts the usual one there.",
    )
    DEV_RUNNING = (
        "dev_running",
        None,
        "Another `make dev` (or `assetgen dev`) is running with the same Dagster instance.",
        "Use that one: the message says where; or end it first.",
    )
    DEV_SERVICE = (
        "dev_service",
        None,
        "The UI's server or the daemon of `assetgen dev` ended by itself.",
        "Read its last lines above the message, and start again.",
    )
    PORT = (
        "port",
        None,
        "The port of `assetgen dev` is taken by another program, often by another `make dev`.",
        "End that one, or name another port as the message says: `make dev PORT=3001`.",
    )
    STORAGE = (
        "storage",
        None,
        "`dagster.yaml` and `ASSETGEN_POSTGRES_URL` disagree about where runs are kept.",
        "Move or set what the message says.",
    )
    LAUNCHER = (
        "launcher",
        None,
        "`dagster.yaml` and `ASSETGEN_BROKER_URL` disagree about whether workers carry out runs.",
        "Move or set what the message says.",
    )
    WORKER_PACKAGES = (
        "worker_packages",
        None,
        "The packages for workers are not installed.",
        "The command in the message.",
    )
    NO_BROKER = (
        "no_broker",
        None,
        "`assetgen worker` does not know where to take runs from.",
        "Set `ASSETGEN_BROKER_URL`; [several machines](deploy.md#several-machines).",
    )
    BROKER_UNREACHABLE = (
        "broker_unreachable",
        None,
        "The Redis that hands runs to workers does not answer.",
        "Start it, or check `ASSETGEN_BROKER_URL`.",
    )
    POSTGRES_LOGIN = (
        "postgres_login",
        None,
        "PostgreSQL does not accept user or password.",
        "Set them in `ASSETGEN_POSTGRES_URL`, special characters as `%XX`.",
    )
    POSTGRES_DATABASE = (
        "postgres_database",
        None,
        "PostgreSQL has no such database.",
        "`createdb`, or set another.",
    )
    POSTGRES_ACCESS = (
        "postgres_access",
        None,
        "PostgreSQL does not let this machine in.",
        "An entry in the server's `pg_hba.conf`, or `?sslmode=require` at the end of the address.",
    )
    POSTGRES_CONNECTIONS = (
        "postgres_connections",
        None,
        "PostgreSQL has no connection left.",
        "Raise `max_connections`. Sixty are enough for one machine.",
    )
    POSTGRES_UNREACHABLE = (
        "postgres_unreachable",
        None,
        "PostgreSQL does not answer, cannot be found, or is just being started.",
        "Start it, or check host and port.",
    )
    POSTGRES = (
        "postgres",
        None,
        "Another error of PostgreSQL; the message quotes it.",
        "Check `ASSETGEN_POSTGRES_URL`.",
    )
    NOTION_TOKEN = (
        "notion_token",
        None,
        "Notion does not accept the token, or there is none.",
        "Set `NOTION_TOKEN` to the integration's secret.",
    )
    NOTION_RIGHTS = (
        "notion_rights",
        None,
        "The integration may not do this.",
        "Tick Read content and Update content in the integration's capabilities.",
    )
    NOTION_FULL = (
        "notion_full",
        None,
        "A Free workspace with several members has had its 1,000 blocks.",
        "Upgrade it, or do without [review sheets](#review-sheet).",
    )
    NOTION_NOT_SHARED = (
        "notion_not_shared",
        None,
        "The integration cannot see the database, or the row.",
        "Share the database with it: ••• at its top right, Connections. Or fix `NOTION_DATABASE_ID`.",
    )
    NOTION_DATABASE = (
        "notion_database",
        None,
        "`NOTION_DATABASE_ID` is no id, or leads to a database in the trash, to a view, or to one with several "
        "data sources.",
        "Set it as the message says, or restore the database.",
    )
    NOTION_PROPERTY = (
        "notion_property",
        None,
        "A property is not there, or of another type.",
        "Rename or change it back in Notion, or set the `NOTION_PROPERTY_*` that the message names.",
    )
    NOTION_OPTION = (
        "notion_option",
        None,
        "A status has no such option.",
        "Add it to the status in Notion, or set the `NOTION_STATUS_*` that the message names.",
    )
    NOTION_ADDRESS = (
        "notion_address",
        None,
        "Notion could not be called at all.",
        "Check `NOTION_BASE_URL`, and [proxies](settings.md#proxies).",
    )
    NOTION_BLOCKED = (
        "notion_blocked",
        None,
        "Notion has blocked the integration's requests.",
        "Ask Notion's support: waiting does not help.",
    )
    NOTION_REFUSED = (
        "notion_refused",
        None,
        "Notion refused a call; the message has its words.",
        "If the error persists, report it.",
    )
    NOTION_UNAVAILABLE = (
        "notion_unavailable",
        None,
        "Notion asks us to wait, or is not available.",
        "Nothing to do: it is tried again.",
    )
    NOTION_ROW_GONE = (
        "notion_row_gone",
        None,
        "The row is in the trash, deleted, or in another database.",
        "None.",
    )
    NOTION_UNSURE = (
        "notion_unsure",
        None,
        "`assetgen init-notion` does not know whether the database was made.",
        "Look at the page, and do as the message says.",
    )

    @property
    def advice(self) -> str:
        """The remedy for messages: without Markdown and the final full stop."""
        return _MARKDOWN.sub(lambda found: found[1] or found[2], self.remedy).rstrip(".")


class AssetgenError(Exception):
    """An error that a producer or operator can fix; the message says what is wrong and what to do.

    Args:
        message: The message.
        code: The code.

    Attributes:
        message: The message without the code, for use inside another sentence.
        code: The code.
    """

    code: Code

    def __init__(self, message: str, *, code: Code) -> None:
        super().__init__(message)
        self.message = message
        self.code = code

    def __str__(self) -> str:
        """Returns the message with its code, as shown in terminal, Dagster and Notion."""
        return coded(self.message, self.code)


class OneCodeError(AssetgenError):
    """Base of error classes with a fixed code."""

    def __init__(self, message: str) -> None:
        super().__init__(message, code=self.code)


def coded(message: str, code: Code) -> str:
    """Returns a message followed by its code."""
    return f"{message} [{code}]"


def split_code(message: str) -> tuple[str, Code | None]:
    """Returns a message without the code that ``coded`` put at its end, and that code."""
    code = next((code for code in Code if message.endswith(f" [{code}]")), None)
    return (message, None) if code is None else (message.removesuffix(f" [{code}]"), code)
