"""``Failure``: why a picture was not drawn. Failures that no provider's API reports are created here.

Callers act on the code and its class. The words of an API or a script are kept as the cause, for people.
"""

from dataclasses import dataclass

from assetgen_dagster.errors import Code, ErrorClass
from assetgen_dagster.support.redact import redact

_CAUSE_CHARACTERS = 500
_OUTAGE_SIGNS = frozenset({Code.API_ERROR, Code.NETWORK})
#: Retries after a transient failure.
MAX_RETRIES = 5


@dataclass(frozen=True)
class Failure:
    """Why one picture could not be drawn.

    Attributes:
        code: What happened.
        cause: The details, in the API's words if it gave any; bounded, without secrets.
        remedy: What a person can do; a sentence without its full stop. By default the code's.
        max_retries: Number of retries in this run.
        retry_after_seconds: The wait that the API asked for.
        slows_project: Whether all pictures wait, not only this one.
        unavailable: Whether the provider serves nobody at the moment.
    """

    code: Code
    cause: str
    remedy: str = ""
    max_retries: int = 0
    retry_after_seconds: float | None = None
    slows_project: bool = False
    unavailable: bool = False

    def __post_init__(self) -> None:
        if not self.remedy:
            object.__setattr__(self, "remedy", self.code.advice)

    @property
    def error_class(self) -> ErrorClass:
        """The code's class; a code without one stops the run."""
        return self.code.error_class or ErrorClass.FATAL

    @property
    def what(self) -> str:
        """Class, code and cause, without the full stop."""
        return f"[{self.error_class}: {self.code}] {self.cause.rstrip('. ')}"

    def __str__(self) -> str:
        return f"{self.what}. {self.remedy}."

    @property
    def signals_outage(self) -> bool:
        """Whether the failure may lie with provider or network, and pass without a change."""
        return self.code in _OUTAGE_SIGNS

    @property
    def possibly_billed(self) -> bool:
        """Whether the call may have been billed although no picture arrived."""
        return self.error_class is ErrorClass.TIMEOUT


def lost(cause: str, *, code: Code = Code.ANSWER_LOST) -> Failure:
    """Returns the failure of a call without a complete answer: it may have been billed."""
    return Failure(code, bounded(cause))


def never_started() -> Failure:
    """Returns the failure of a call whose run died before the script was started: not billed."""
    return Failure(Code.NEVER_STARTED, "the run ended before the script was started")


def timed_out(seconds: float) -> Failure:
    """Returns the failure of a script that exceeded its time limit."""
    return Failure(Code.SCRIPT_TIMEOUT, f"the script took longer than {seconds:g} s and was killed")


def blank_prompt() -> Failure:
    """Returns the failure of a picture whose prompt is only white space."""
    return Failure(Code.BLANK_PROMPT, "its prompt is empty")


def unusable_argument(cause: str) -> Failure:
    """Returns the failure of a prompt that cannot be passed as an argument."""
    return Failure(Code.UNUSABLE_PROMPT, f"the prompt cannot be passed to the script: {bounded(cause)}")


def reference_failed(name: str) -> Failure:
    """Returns the failure of a picture whose reference could not be drawn in this run; it was not tried."""
    return Failure(
        Code.REFERENCE_FAILED,
        f"it refers to {name}, which could not be drawn",
        f"Fix {name} first: this picture was not paid for",
    )


def reference_missing(name: str) -> Failure:
    """Returns the failure of a picture whose reference is missing and not drawn by this run."""
    return Failure(
        Code.REFERENCE_MISSING,
        f"it refers to {name}, which does not exist yet",
        f"Draw {name} first: this picture was not paid for",
    )


def cannot_write(cause: str) -> Failure:
    """Returns the failure of a picture that cannot be stored; ``cause`` names the path."""
    return Failure(Code.CANNOT_WRITE, bounded(cause))


def withdrawn(cause: str) -> Failure:
    """Returns the failure of a video that the producer withdrew."""
    return Failure(Code.WITHDRAWN, cause)


def row_changed() -> Failure:
    """Returns the failure of a run whose row asks for something else by now."""
    return Failure(Code.ROW_CHANGED, "its row in Notion was changed before anything was drawn")


def cancelled() -> Failure:
    """Returns the failure of a run that was cancelled or interrupted."""
    return Failure(Code.CANCELLED, "the run was cancelled or interrupted")


def lock_lost(cause: str) -> Failure:
    """Returns the failure of a run that lost its project's lock."""
    return Failure(Code.LOCK_LOST, cause)


def quota_used_up(cause: str, remedy: str) -> Failure:
    """Returns the failure of a daily quota that is used up; ``remedy`` says until when."""
    return Failure(Code.DAILY_QUOTA, bounded(cause), remedy)


def over_budget(cause: str, remedy: str) -> Failure:
    """Returns the failure of a run that would exceed a monthly budget; both arguments give the figures."""
    return Failure(Code.BUDGET, cause, remedy)


def budget_unknown(cause: str) -> Failure:
    """Returns the failure of a run whose effect on a monthly budget is unknown."""
    return Failure(Code.BUDGET_UNKNOWN, bounded(cause))


def unexpected(error: Exception) -> Failure:
    """Returns the failure of a bug in this program."""
    return Failure(Code.UNEXPECTED, bounded(f"{type(error).__name__}: {error}"))


def rejected_in_a_row(last: Failure) -> Failure:
    """Returns the failure behind several rejected prompts in a row: the request itself must be wrong."""
    return Failure(Code.ALL_REJECTED, f"several prompts in a row were rejected, the last one with: {last.cause}")


def outage(last: Failure) -> Failure:
    """Returns the failure behind faults until the last retry while no call was answered: an outage."""
    return Failure(Code.OUTAGE, last.cause)


def answers_lost(last: Failure) -> Failure:
    """Returns the failure behind several lost answers in a row: the calls after them would be lost as well."""
    return Failure(Code.ANSWERS_LOST, f"several answers in a row were lost, the last one with: {last.cause}")


def bounded(text: str) -> str:
    """Returns a cause on one line, redacted and shortened."""
    text = redact(" ".join(text.split()))
    return text if len(text) <= _CAUSE_CHARACTERS else f"{text[: _CAUSE_CHARACTERS - 1]}…"
