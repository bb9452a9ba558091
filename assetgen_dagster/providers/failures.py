"""What went wrong with a picture, classified once: the table of errors in docs/operating.md as pure functions.

Everything after this acts on ``ErrorClass`` alone. What an API or a script said is kept as the cause, for people.
"""

import errno
import re
from dataclasses import dataclass

from assetgen_dagster.errors import Code, ErrorClass
from assetgen_dagster.providers.cli_script import NOT_EXECUTABLE, NOT_FOUND, CLIScriptError
from assetgen_dagster.providers.script_report import REFUSALS, ScriptFailure, ScriptReport
from assetgen_dagster.providers.script_text import read_failure
from assetgen_dagster.support.redact import redact

_CAUSE_CHARACTERS = 500
MAX_RETRIES = 5


@dataclass(frozen=True)
class Failure:
    """Why one picture could not be drawn.

    Attributes:
        code: What happened.
        cause: The same in the API's words where it said something; bounded, without secrets.
        remedy: What a person can do; a sentence without its full stop. By default the code's.
        max_retries: How often this run tries again.
        retry_after_seconds: What the API asked us to wait.
        slows_project: Whether all pictures wait, not only this one.
    """

    code: Code
    cause: str
    remedy: str = ""
    max_retries: int = 0
    retry_after_seconds: float | None = None
    slows_project: bool = False

    def __post_init__(self) -> None:
        if not self.remedy:
            object.__setattr__(self, "remedy", self.code.advice)

    @property
    def error_class(self) -> ErrorClass:
        """What happens next; what is not about a picture ends the run."""
        return self.code.error_class or ErrorClass.FATAL

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

_RATIO = "Change GEMINI_ASPECT_RATIO, or the aspect_ratio of this picture or its channel"


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
        return lost(f"the script was ended by signal {-error.exit_code} (out of memory?)", code=Code.SCRIPT_KILLED)
    return _classify_text(error.stderr, error.stdout, exit_code=error.exit_code, model=model)


def lost(cause: str, *, code: Code = Code.ANSWER_LOST) -> Failure:
    """Returns the problem of a call whose answer never arrived whole: it may have been billed."""
    return Failure(code, _bounded(cause))


def never_started() -> Failure:
    """Returns the problem of a call whose run died before the script was started: nothing can have been billed."""
    return Failure(Code.NEVER_STARTED, "the run ended before the script was started")


def timed_out(seconds: float) -> Failure:
    """Returns the problem of a script that ran over its time limit."""
    return Failure(Code.SCRIPT_TIMEOUT, f"the script took longer than {seconds:g} s and was ended")


def blank_prompt() -> Failure:
    """Returns the problem of a picture whose prompt is only white space."""
    return Failure(Code.BLANK_PROMPT, "its prompt is empty")


def unusable_argument(cause: str) -> Failure:
    """Returns the problem of a prompt that cannot be handed to a program."""
    return Failure(Code.UNUSABLE_PROMPT, f"the prompt cannot be passed on: {_bounded(cause)}")


def reference_failed(name: str) -> Failure:
    """Returns the problem of a picture whose reference this run could not draw: it was not tried, and not paid for."""
    return Failure(
        Code.REFERENCE_FAILED,
        f"it refers to {name}, which could not be drawn",
        f"Mend {name} first: this picture was not paid for",
    )


def reference_missing(name: str) -> Failure:
    """Returns the problem of a picture whose reference is not there, and not drawn by this run either."""
    return Failure(
        Code.REFERENCE_MISSING,
        f"it refers to {name}, which is not there",
        f"Draw {name} first: this picture was not paid for",
    )


def cannot_write(cause: str) -> Failure:
    """Returns the problem of a picture that cannot be stored; ``cause`` names the path."""
    return Failure(Code.CANNOT_WRITE, _bounded(cause))


def missing_key() -> Failure:
    """Returns the problem of a key that is not set, found before anything is started."""
    return Failure(Code.API_KEY, "GEMINI_API_KEY is not set", "Set GEMINI_API_KEY in the environment or in .env")


def withdrawn(cause: str) -> Failure:
    """Returns the problem of a video that the producer does not want drawn any more."""
    return Failure(Code.WITHDRAWN, cause)


def lock_lost(cause: str) -> Failure:
    """Returns the problem of a run that is not alone with its project any more."""
    return Failure(Code.LOCK_LOST, cause)


def quota_used_up(cause: str, remedy: str) -> Failure:
    """Returns the problem of a daily quota that is known to be used up; ``remedy`` says until when."""
    return Failure(Code.DAILY_QUOTA, _bounded(cause), remedy)


def over_budget(cause: str, remedy: str) -> Failure:
    """Returns the problem of a run that would go over a monthly budget; both say it in figures."""
    return Failure(Code.BUDGET, cause, remedy)


def budget_unknown(cause: str) -> Failure:
    """Returns the problem of a run of which nobody knows whether it would go over a monthly budget."""
    return Failure(Code.BUDGET_UNKNOWN, _bounded(cause))


def unexpected(error: Exception) -> Failure:
    """Returns the problem of a fault in this program."""
    return Failure(Code.UNEXPECTED, _bounded(f"{type(error).__name__}: {error}"))


def rejected_in_a_row(last: Failure) -> Failure:
    """Returns the problem behind several prompts rejected one after another: the request itself is wrong."""
    return Failure(Code.ALL_REJECTED, f"several prompts in a row were rejected, the last one with: {last.cause}")


def _classify_failure(failure: ScriptFailure, *, model: str) -> Failure:
    cause = _bounded(failure.message) or f"the script failed ({failure.kind})"
    match failure.kind:
        case "http":
            return _classify_status(failure, cause, model=model)
        case "network":
            return Failure(Code.NETWORK, cause, max_retries=MAX_RETRIES)
        case "lost_answer":
            return lost(cause)
        case "no_image":
            return _no_image(failure, cause)
        case "file":
            return cannot_write(cause)
        case "reference":
            return Failure(Code.REFERENCE_UNUSABLE, cause)
        case "configuration":
            return Failure(Code.CONFIGURATION, cause)
        case _:
            return _unrecognised(cause)


def _no_image(failure: ScriptFailure, cause: str) -> Failure:
    # A prompt that was blocked stays blocked, whatever the reason is called.
    if failure.block_reason or failure.finish_reason in REFUSALS:
        return Failure(Code.REFUSED, cause)
    return Failure(Code.NO_IMAGE, cause, max_retries=MAX_RETRIES)


def _classify_status(failure: ScriptFailure, cause: str, *, model: str) -> Failure:
    status = failure.http_status or 0
    if status == 429:
        return _too_many(failure, cause)
    if status in (401, 403) or failure.reason == "API_KEY_INVALID" or "api key" in cause.casefold():
        return Failure(Code.API_KEY, cause)
    if failure.api_status == "FAILED_PRECONDITION":
        return Failure(Code.BILLING, cause)
    if status == 404:
        return Failure(Code.MODEL_NOT_FOUND, cause, f"Set GEMINI_IMAGE_MODEL (now {model!r}) to a model that exists")
    if status in (408, 499) or status >= 500:  # 499: given up by the API itself, when it is busy
        return Failure(Code.API_ERROR, cause, max_retries=MAX_RETRIES, retry_after_seconds=failure.retry_after_seconds)
    if status < 400:
        return Failure(Code.CONFIGURATION, cause, "Set GOOGLE_GEMINI_BASE_URL to where this one leads")
    return Failure(Code.REJECTED, cause, _RATIO if "aspect" in cause.casefold() else Code.REFUSED.advice)


def _too_many(failure: ScriptFailure, cause: str) -> Failure:
    if any("perday" in quota.casefold() for quota in failure.quota_ids):
        return Failure(Code.DAILY_QUOTA, cause)
    # The everyday 429 tells its reader to check plan and billing details, too; it is the rate all the same.
    everyday = re.search(r"check your plan and billing", cause, re.IGNORECASE)
    if _SPENT.search(cause) and not everyday:
        return Failure(Code.BILLING, cause)
    return Failure(
        Code.RATE_LIMITED,
        cause,
        max_retries=MAX_RETRIES,
        retry_after_seconds=failure.retry_after_seconds,
        slows_project=True,
    )


def _cannot_start(error: CLIScriptError) -> Failure:
    if error.errno == errno.E2BIG:  # Linux takes at most 128 KiB an argument
        return Failure(Code.PROMPT_TOO_LONG, "the prompt is longer than 128 KiB")
    if error.exhausted:
        return Failure(Code.MACHINE_EXHAUSTED, error.stderr, max_retries=MAX_RETRIES)
    if error.exit_code == NOT_FOUND:
        remedy = "Set ASSETGEN_SCRIPT to a script that is there"
    else:
        remedy = f"Make it executable (chmod +x {error.script}) or set ASSETGEN_SCRIPT to another"
    return Failure(Code.SCRIPT_CANNOT_START, f"{error.script}: {error.stderr}", remedy)


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
            return Failure(Code.SCRIPT_PACKAGES, cause)
        case "arguments":
            return Failure(Code.SCRIPT_ARGUMENTS, cause)
        case "key":
            return Failure(Code.API_KEY, cause)
    failure = read_failure(text, cause)
    return _classify_failure(failure, model=model) if failure else _unrecognised(cause)


def _unrecognised(cause: str) -> Failure:
    return Failure(Code.UNRECOGNISED, cause, max_retries=1)


def _bounded(text: str) -> str:
    text = redact(" ".join(text.split()))
    return text if len(text) <= _CAUSE_CHARACTERS else f"{text[: _CAUSE_CHARACTERS - 1]}…"
