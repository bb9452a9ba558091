"""How long one run's end keeps others from starting: a cause that would fail them all must not be paid for by each.

Pure functions. Asking the API is the subject of ``ask``, looking at runs that of ``sensors/hold.py``.
"""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from assetgen_dagster.errors import Code
from assetgen_dagster.providers.failures import Failure
from assetgen_dagster.providers.registry import providers_in_use
from assetgen_dagster.settings import Settings

#: Codes of problems that lie with the key, the model or the account, not with a video; what to do about each. A daily
#: quota is not among them: all runs know its end, see ``budget.switches``.
EVERYBODYS: Mapping[str, str] = {code: code.advice for code in (Code.API_KEY, Code.BILLING, Code.MODEL_NOT_FOUND)}

#: Those of them that the API tells at no cost.
ASKABLE = frozenset({Code.API_KEY, Code.MODEL_NOT_FOUND})

#: Where nothing tells whether the cause is gone, one run is let through after this long, to see.
_TRY_AGAIN_SECONDS = 600.0

#: How often the API is asked.
ASK_AGAIN_SECONDS = 60.0


@dataclass(frozen=True)
class Stopped:
    """What ended the last run.

    Attributes:
        run_id: The run.
        code: Of the failure.
        fingerprint: Of the settings it had.
        ended_at: Unix time.
    """

    run_id: str
    code: str
    fingerprint: str
    ended_at: float


@dataclass(frozen=True)
class Asked:
    """What the API said when it was last asked about key and model.

    Attributes:
        run_id: The run whose end was the reason.
        fingerprint: Of the settings it was asked with.
        at: Unix time.
        code: Of what it has against them; empty where it has nothing.
        refusal: The same in words.
        refused_before: Whether it has had something against them since that run: then its consent means that the
            cause is gone. Otherwise it may not see what ended the run.
    """

    run_id: str
    fingerprint: str
    at: float
    code: str = ""
    refusal: str = ""
    refused_before: bool = False

    def stands(self, stopped: Stopped, *, fingerprint_now: str, now: float) -> bool:
        """Returns whether it need not be asked again yet."""
        young = now < self.at + ASK_AGAIN_SECONDS
        return young and self.run_id == stopped.run_id and self.fingerprint == fingerprint_now


class Go(StrEnum):
    """What may be requested."""

    ALL = "all"
    ONE = "one"
    NONE = "none"


@dataclass(frozen=True)
class Verdict:
    """What follows from the last run's end.

    Attributes:
        go: What may be requested; one, to see whether the cause is gone.
        until: When that is looked at again, Unix time; where nothing may be requested.
        refusal: What the API has against key or model, in words; empty where that is not known.
    """

    go: Go
    until: float = 0.0
    refusal: str = ""


def fingerprint(settings: Settings) -> str:
    """Returns what changes when an operator mends key, model, script or endpoint; tells nothing about the key."""
    parts = [part for provider in providers_in_use(settings) for part in provider.configuration]
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()[:12]


def asked(
    stopped: Stopped, failure: Failure | None, before: Asked | None, *, fingerprint_now: str, now: float
) -> Asked:
    """Returns what is to be remembered of an answer.

    Args:
        stopped: The run's end that made us ask.
        failure: What the API said.
        before: What was remembered so far.
        fingerprint_now: Of the settings it was asked with.
        now: Unix time.
    """
    same = before is not None and before.run_id == stopped.run_id
    refused = same and before is not None and (before.refused_before or before.code in ASKABLE)
    if failure is None:
        return Asked(stopped.run_id, fingerprint_now, now, refused_before=refused)
    refusal = f"{failure.cause.rstrip('. ')}. {failure.remedy}."
    return Asked(stopped.run_id, fingerprint_now, now, failure.code, refusal, refused)


def judge(stopped: Stopped, answer: Asked | None, *, fingerprint_now: str, now: float) -> Verdict:
    """Returns what may be requested after a run's end.

    Args:
        stopped: How it ended.
        answer: What the API says of key and model; None where it was not asked.
        fingerprint_now: Of the settings in force.
        now: Unix time.
    """
    if stopped.code not in EVERYBODYS:
        return Verdict(Go.ALL)
    if answer is not None and answer.code != Code.CONFIGURATION:  # else it is no Gemini API that was asked
        if answer.code:
            return Verdict(Go.NONE, answer.at + ASK_AGAIN_SECONDS, answer.refusal)
        if answer.refused_before:
            return Verdict(Go.ALL)
    if stopped.fingerprint != fingerprint_now:
        return Verdict(Go.ONE)
    until = stopped.ended_at + _TRY_AGAIN_SECONDS
    return Verdict(Go.ONE) if now >= until else Verdict(Go.NONE, until)
