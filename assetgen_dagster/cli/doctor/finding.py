"""A finding of ``assetgen doctor``: one line with its remedy."""

from dataclasses import dataclass

from assetgen_dagster.errors import AssetgenError, Code, coded
from assetgen_dagster.providers.failures import Failure
from assetgen_dagster.support.redact import redact

#: Maximum length of another program's error message in a finding.
CAUSE_CHARACTERS = 300


@dataclass(frozen=True)
class Finding:
    """What one check found.

    Attributes:
        name: The subject of the check.
        ok: Whether the check passed.
        detail: The result.
        remedy: What to do; empty if nothing is wrong.
        code: The code that a run would fail with, if it would fail.
    """

    name: str
    ok: bool
    detail: str
    remedy: str = ""
    code: Code | None = None

    def __str__(self) -> str:
        """Returns the finding's line."""
        text = f"{self.detail} {self.remedy}"
        text = coded(text, self.code) if self.code else text
        return f"{'ok     ' if self.ok else 'PROBLEM'} {self.name}: {' '.join(text.split())}"


def broken(name: str, error: AssetgenError) -> Finding:
    """Returns the finding for an error; its message states the fault first, then the remedy."""
    text = redact(error.message)
    for mark in (". ", ": "):
        detail, found, remedy = text.partition(mark)
        if found:
            return Finding(name, False, f"{detail}{mark.strip()}", remedy, error.code)
    return Finding(name, False, "cannot be used.", text, error.code)


def of_failure(name: str, failure: Failure) -> Finding:
    """Returns the finding for a failure that would end a run."""
    return Finding(name, False, f"{failure.cause.rstrip('. ')}.", f"{failure.remedy}.", failure.code)
