"""What went wrong with a picture, classified once: the table of errors in docs/operating.md as pure functions.

Everything after this acts on ``ErrorClass`` alone. What an API or a script said is kept as the cause, for people.
"""

import errno
import re
from dataclasses import dataclass
from enum import StrEnum

from assetgen_dagster.providers.script import NOT_EXECUTABLE, NOT_FOUND, CLIScriptError
from assetgen_dagster.providers.script_report import REFUSALS, ScriptFailure, ScriptReport
from assetgen_dagster.providers.script_text import read_failure
from assetgen_dagster.support.redact import redact

_CAUSE_CHARACTERS = 500
MAX_RETRIES = 5


class ErrorClass(StrEnum):
    """What happens next, see the table in ``docs/operating.md``."""

    TRANSIENT = "transient"
    REFUSED = "refused"
    TIMEOUT = "timeout"
    REJECTED = "rejected"
    FATAL = "fatal"


@dataclass(frozen=True)
class Failure:
    """Why one picture could not be drawn.

    Attributes:
        error_class: Decides what happens next.
        code: Short and stable, for documentation and search.
        cause: What happened, in the API's words where it said something; bounded, without secrets.
        remedy: What a person can do; a sentence without its full stop.
        max_retries: How often this run tries again.
        retry_after_seconds: What the API asked us to wait.
        slows_project: Whether all pictures wait, not only this one.
    """

    error_class: ErrorClass
    code: str
    cause: str
    remedy: str
    max_retries: int = 0
    retry_after_seconds: float | None = None
    slows_project: bool = False

    @property
    def what(self) -> str:
        """Class, code and cause, without the full stop."""
        return f"[{self.error_class}: {self.code}] {self.cause.rstrip('. ')}"

    def __str__(self) -> str:
        return f"{self.what}. {self.remedy}."

    @property
    def possibly_billed(self) -> bool:
        """Whether the call may have been paid for although nothing arrived."""
        return self.error_class is ErrorClass.TIMEOUT


_SPENT = re.compile(
    r"spend(?:ing)? (?:cap|limit)|billing|prepa(?:y|id)|credits? (?:are|is) (?:depleted|exhausted)", re.IGNORECASE
)

#: For what nobody would draw with the same words.
EDIT_PROMPT = "Edit this prompt in the project's asset_manifest.json, then run again"
_RATIO = "Change GEMINI_ASPECT_RATIO, or the aspect_ratio of this picture or its channel, then run again"
_AGAIN = "Run again later: only what is missing is drawn"
_EXHAUSTED = (
    "This machine has no process, memory or open file left: free some, raise its limits (ulimit -u, ulimit -n, or the "
    "container's) or lower ASSETGEN_IMAGE_CONCURRENCY, then run again"
)
_RERUN = "Run again: it is drawn anew, and the lost call is listed as possibly billed"


def classify(error: CLIScriptError, report: ScriptReport, *, model: str) -> Failure:
    """Returns the problem behind a script's failure.

    Args:
        error: The script's end.
        report: What the script said in JSON, if anything.
        model: The Gemini model that was asked for, for messages.
    """
    if report.error is not None:
        return _classify_failure(report.error, model=model)
    if error.exit_code in (NOT_FOUND, NOT_EXECUTABLE):
        return _cannot_start(error)
    if error.exit_code < 0:
        return lost(f"the script was ended by signal {-error.exit_code} (out of memory?)", code="script_killed")
    return _classify_text(error.stderr, error.stdout, exit_code=error.exit_code, model=model)


def lost(cause: str, *, code: str = "answer_lost") -> Failure:
    """Returns the problem of a call whose answer never arrived whole: it may have been billed."""
    return Failure(ErrorClass.TIMEOUT, code, _bounded(cause), _RERUN)


def never_started() -> Failure:
    """Returns the problem of a call whose run died before the script was started: nothing can have been billed."""
    return Failure(ErrorClass.TRANSIENT, "never_started", "the run ended before the script was started", _AGAIN)


def timed_out(seconds: float) -> Failure:
    """Returns the problem of a script that ran over its time limit."""
    return Failure(
        ErrorClass.TIMEOUT,
        "script_timeout",
        f"the script took longer than {seconds:g} s and was ended",
        f"{_RERUN}. If pictures often take longer, raise ASSETGEN_IMAGE_TIMEOUT_SECONDS",
    )


def blank_prompt() -> Failure:
    """Returns the problem of a picture whose prompt is only white space."""
    return Failure(ErrorClass.REJECTED, "blank_prompt", "its prompt is empty", "Write a prompt, then run again")


def unusable_argument(cause: str) -> Failure:
    """Returns the problem of a prompt that cannot be handed to a program."""
    return Failure(
        ErrorClass.REJECTED, "unusable_prompt", f"the prompt cannot be passed on: {_bounded(cause)}", EDIT_PROMPT
    )


def reference_failed(name: str) -> Failure:
    """Returns the problem of a picture whose reference this run could not draw: it was not tried, and not paid for."""
    return Failure(
        ErrorClass.REJECTED,
        "reference_failed",
        f"it refers to {name}, which could not be drawn",
        f"Mend {name} first, then run again: this picture was not paid for",
    )


def reference_missing(name: str) -> Failure:
    """Returns the problem of a picture whose reference is not there, and not drawn by this run either."""
    return Failure(
        ErrorClass.REJECTED,
        "reference_missing",
        f"it refers to {name}, which is not there",
        f"Draw {name} first, then run again: this picture was not paid for",
    )


def cannot_write(cause: str) -> Failure:
    """Returns the problem of a picture that cannot be stored; ``cause`` names the path."""
    return Failure(ErrorClass.FATAL, "cannot_write", _bounded(cause), "Free space or give permission, then run again")


def missing_key() -> Failure:
    """Returns the problem of a key that is not set, found before anything is started."""
    return Failure(
        ErrorClass.FATAL,
        "api_key",
        "GEMINI_API_KEY is not set",
        "Set GEMINI_API_KEY in the environment or in .env, then run again",
    )


def withdrawn(cause: str) -> Failure:
    """Returns the problem of a video that the producer does not want drawn any more."""
    return Failure(
        ErrorClass.FATAL, "withdrawn", cause, "Nothing is wrong: the producer withdrew it. What is done is kept"
    )


def lock_lost(cause: str) -> Failure:
    """Returns the problem of a run that is not alone with its project any more."""
    return Failure(ErrorClass.FATAL, "lock_lost", cause, "Run again; the next run goes on from there")


def quota_used_up(cause: str, remedy: str) -> Failure:
    """Returns the problem of a daily quota that is known to be used up; ``remedy`` says until when."""
    return Failure(ErrorClass.FATAL, "daily_quota", _bounded(cause), remedy)


def over_budget(cause: str, remedy: str) -> Failure:
    """Returns the problem of a run that would go over a monthly budget; both say it in figures."""
    return Failure(ErrorClass.FATAL, "budget", cause, remedy)


def budget_unknown(cause: str) -> Failure:
    """Returns the problem of a run of which nobody knows whether it would go over a monthly budget."""
    return Failure(ErrorClass.FATAL, "budget_unknown", _bounded(cause), "Mend what keeps the budget from being known")


def unexpected(error: Exception) -> Failure:
    """Returns the problem of a fault in this program."""
    cause = _bounded(f"{type(error).__name__}: {error}")
    return Failure(ErrorClass.FATAL, "unexpected", cause, "This is a bug: see the run's log for where it happened")


def rejected_in_a_row(last: Failure) -> Failure:
    """Returns the problem behind several prompts rejected one after another: the request itself is wrong."""
    return Failure(
        ErrorClass.FATAL,
        "all_rejected",
        f"several prompts in a row were rejected, the last one with: {last.cause}",
        "Check GEMINI_IMAGE_MODEL, GEMINI_ASPECT_RATIO and the channel's aspect_ratio in channels.toml",
    )


def _classify_failure(failure: ScriptFailure, *, model: str) -> Failure:
    cause = _bounded(failure.message) or f"the script failed ({failure.kind})"
    match failure.kind:
        case "http":
            return _classify_status(failure, cause, model=model)
        case "network":
            return Failure(ErrorClass.TRANSIENT, "network", cause, _AGAIN, MAX_RETRIES)
        case "lost_answer":
            return lost(cause)
        case "no_image":
            return _no_image(failure, cause)
        case "file":
            return cannot_write(cause)
        case "reference":
            remedy = "Draw the picture that it refers to again, then run again"
            return Failure(ErrorClass.REJECTED, "reference_unusable", cause, remedy)
        case "configuration":
            return Failure(ErrorClass.FATAL, "configuration", cause, "Mend this setting, then run again")
        case _:
            return _unrecognised(cause)


def _no_image(failure: ScriptFailure, cause: str) -> Failure:
    # A prompt that was blocked stays blocked, whatever the reason is called.
    if failure.block_reason or failure.finish_reason in REFUSALS:
        return Failure(ErrorClass.REFUSED, "refused", cause, EDIT_PROMPT)
    return Failure(ErrorClass.TRANSIENT, "no_image", cause, f"{_AGAIN}. If it stays so, edit this prompt", MAX_RETRIES)


def _classify_status(failure: ScriptFailure, cause: str, *, model: str) -> Failure:
    status = failure.http_status or 0
    if status == 429:
        return _too_many(failure, cause)
    if status in (401, 403) or failure.reason == "API_KEY_INVALID" or "api key" in cause.casefold():
        return Failure(ErrorClass.FATAL, "api_key", cause, "Set GEMINI_API_KEY to a valid key, then run again")
    if failure.api_status == "FAILED_PRECONDITION":
        return Failure(ErrorClass.FATAL, "billing", cause, "Enable billing for the key's project, then run again")
    if status == 404:
        return Failure(
            ErrorClass.FATAL,
            "model_not_found",
            cause,
            f"Set GEMINI_IMAGE_MODEL (now {model!r}) to a model that exists, then run again",
        )
    if status in (408, 499) or status >= 500:  # 499: given up by the API itself, when it is busy
        return Failure(ErrorClass.TRANSIENT, "api_error", cause, _AGAIN, MAX_RETRIES, failure.retry_after_seconds)
    if status < 400:
        return Failure(ErrorClass.FATAL, "configuration", cause, "Set GOOGLE_GEMINI_BASE_URL to where this one leads")
    return Failure(ErrorClass.REJECTED, "rejected", cause, _RATIO if "aspect" in cause.casefold() else EDIT_PROMPT)


def _too_many(failure: ScriptFailure, cause: str) -> Failure:
    if any("perday" in quota.casefold() for quota in failure.quota_ids):
        return Failure(
            ErrorClass.FATAL,
            "daily_quota",
            cause,
            "The key's daily quota is used up: run again after midnight in Los Angeles, or raise the quota",
        )
    # The everyday 429 tells its reader to check plan and billing details, too; it is the rate all the same.
    everyday = re.search(r"check your plan and billing", cause, re.IGNORECASE)
    if _SPENT.search(cause) and not everyday:
        return Failure(ErrorClass.FATAL, "billing", cause, "Raise the key's spending limit, then run again")
    return Failure(
        ErrorClass.TRANSIENT,
        "rate_limited",
        cause,
        f"{_AGAIN}. If it stays so, set ASSETGEN_REQUESTS_PER_MINUTE to the key's limit",
        MAX_RETRIES,
        failure.retry_after_seconds,
        slows_project=True,
    )


def _cannot_start(error: CLIScriptError) -> Failure:
    if error.errno == errno.E2BIG:  # Linux takes at most 128 KiB an argument
        return Failure(ErrorClass.REJECTED, "prompt_too_long", "the prompt is longer than 128 KiB", EDIT_PROMPT)
    if error.exhausted:
        return Failure(ErrorClass.TRANSIENT, "machine_exhausted", error.stderr, _EXHAUSTED, MAX_RETRIES)
    if error.exit_code == NOT_FOUND:
        remedy = "Set ASSETGEN_SCRIPT to a script that is there, then run again"
    else:
        remedy = f"Make it executable (chmod +x {error.script}) or set ASSETGEN_SCRIPT to another, then run again"
    return Failure(ErrorClass.FATAL, "script_cannot_start", f"{error.script}: {error.stderr}", remedy)


# --- A script that prints no JSON: the same failures, read from what it wrote to stderr -----------------------------

#: First match wins: what the machine says before what the network says.
_TEXTS: tuple[tuple[re.Pattern[str], str], ...] = tuple(
    (re.compile(pattern, re.IGNORECASE), kind)
    for pattern, kind in (
        (r"No space left on device|Disk quota exceeded|PermissionError|\[Errno 13\]|Read-only file system", "file"),
        (r"ModuleNotFoundError|ImportError", "packages"),
        (r"error: (?:the following arguments are required|unrecognized arguments)|no such option", "arguments"),
        (r"API_KEY_INVALID|API key not valid|API_KEY.{0,40}(?:not set|missing|not found|required)|no api key", "key"),
    )
)


def _classify_text(stderr: str, stdout: str, *, exit_code: int, model: str) -> Failure:
    # Python writes the cause last; some scripts print their errors to stdout.
    text = stderr.strip() or stdout.strip()
    cause = _bounded(text.splitlines()[-1].strip()) if text else f"exit code {exit_code} without a word"
    kind = next((kind for pattern, kind in _TEXTS if pattern.search(text)), None)
    match kind:
        case "file":
            return cannot_write(cause)
        case "packages":
            remedy = "Install that package for the script, or start the script with the environment that has it (#!)"
            return Failure(ErrorClass.FATAL, "script_packages", cause, remedy)
        case "arguments":
            remedy = "ASSETGEN_SCRIPT must take --prompt and --output and need nothing else"
            return Failure(ErrorClass.FATAL, "script_arguments", cause, remedy)
        case "key":
            return Failure(ErrorClass.FATAL, "api_key", cause, "Set GEMINI_API_KEY to a valid key, then run again")
    failure = read_failure(text, cause)
    return _classify_failure(failure, model=model) if failure else _unrecognised(cause)


def _unrecognised(cause: str) -> Failure:
    return Failure(ErrorClass.TRANSIENT, "unrecognised", cause, f"See the script's output. {_AGAIN}", max_retries=1)


def _bounded(text: str) -> str:
    text = redact(" ".join(text.split()))
    return text if len(text) <= _CAUSE_CHARACTERS else f"{text[: _CAUSE_CHARACTERS - 1]}…"
