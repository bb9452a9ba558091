"""What a check of ``assetgen doctor`` found, in one line with what to do."""

from dataclasses import dataclass

from assetgen_dagster.errors import AssetgenError, Code, coded
from assetgen_dagster.providers.failures import Failure
from assetgen_dagster.support.redact import redact

#: So much is told of what others say about a cause.
CAUSE_CHARACTERS = 300


@dataclass(frozen=True)
class Finding:
    """What one check found.

    Attributes:
        name: What was looked at.
        ok: Whether it is in order.
        detail: What is there.
        remedy: What to do; empty where nothing is wrong.
        code: What a run would end with for it, if it would.
    """

    name: str
    ok: bool
    detail: str
    remedy: str = ""
    code: Code | None = None

    def __str__(self) -> str:
        """Returns the finding's line."""
        told = f"{self.detail} {self.remedy}"
        told = coded(told, self.code) if self.code else told
        return f"{'ok     ' if self.ok else 'PROBLEM'} {self.name}: {' '.join(told.split())}"


def broken(name: str, error: AssetgenError) -> Finding:
    """Returns the finding behind an error, whose message says what is wrong and then what to do."""
    text = redact(error.message)
    for mark in (". ", ": "):
        detail, found, remedy = text.partition(mark)
        if found:
            return Finding(name, False, f"{detail}{mark.strip()}", remedy, error.code)
    return Finding(name, False, "cannot be used.", text, error.code)


def of_problem(name: str, failure: Failure) -> Finding:
    """Returns the finding behind a problem that would end a run."""
    return Finding(name, False, f"{failure.cause.rstrip('. ')}.", f"{failure.remedy}.", failure.code)
