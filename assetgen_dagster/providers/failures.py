"""What went wrong with a picture, as one value; the failures that are nobody's API are made here.

Everything after this acts on the code's class. What an API or a script said is kept as the cause, for people.
"""

from dataclasses import dataclass

from assetgen_dagster.errors import Code, ErrorClass
from assetgen_dagster.support.redact import redact

_CAUSE_CHARACTERS = 500
#: How often a run tries again after a failure that passes by itself.
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


def lost(cause: str, *, code: Code = Code.ANSWER_LOST) -> Failure:
    """Returns the problem of a call whose answer never arrived whole: it may have been billed."""
    return Failure(code, bounded(cause))


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
    return Failure(Code.UNUSABLE_PROMPT, f"the prompt cannot be passed on: {bounded(cause)}")


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
    return Failure(Code.CANNOT_WRITE, bounded(cause))


def withdrawn(cause: str) -> Failure:
    """Returns the problem of a video that the producer does not want drawn any more."""
    return Failure(Code.WITHDRAWN, cause)


def lock_lost(cause: str) -> Failure:
    """Returns the problem of a run that is not alone with its project any more."""
    return Failure(Code.LOCK_LOST, cause)


def quota_used_up(cause: str, remedy: str) -> Failure:
    """Returns the problem of a daily quota that is known to be used up; ``remedy`` says until when."""
    return Failure(Code.DAILY_QUOTA, bounded(cause), remedy)


def over_budget(cause: str, remedy: str) -> Failure:
    """Returns the problem of a run that would go over a monthly budget; both say it in figures."""
    return Failure(Code.BUDGET, cause, remedy)


def budget_unknown(cause: str) -> Failure:
    """Returns the problem of a run of which nobody knows whether it would go over a monthly budget."""
    return Failure(Code.BUDGET_UNKNOWN, bounded(cause))


def unexpected(error: Exception) -> Failure:
    """Returns the problem of a fault in this program."""
    return Failure(Code.UNEXPECTED, bounded(f"{type(error).__name__}: {error}"))


def rejected_in_a_row(last: Failure) -> Failure:
    """Returns the problem behind several prompts rejected one after another: the request itself is wrong."""
    return Failure(Code.ALL_REJECTED, f"several prompts in a row were rejected, the last one with: {last.cause}")


def bounded(text: str) -> str:
    """Returns a cause on one line, without secrets and not longer than a message may be."""
    text = redact(" ".join(text.split()))
    return text if len(text) <= _CAUSE_CHARACTERS else f"{text[: _CAUSE_CHARACTERS - 1]}…"
