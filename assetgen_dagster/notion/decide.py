"""What follows from the rows that ask for pictures and the runs there are: the reconciler, as pure functions.

Nothing is remembered between two looks but what stands in Notion and in Dagster, so it may be killed at any time.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from assetgen_dagster.notion.row import Row
from assetgen_dagster.project import InvalidIdentifierError, ProjectKey

#: So many runs are requested at one look, the oldest rows first.
REQUESTS_AT_ONCE = 25


@dataclass(frozen=True)
class LatestRun:
    """The newest run of a row.

    Attributes:
        run_id: Dagster's id.
        finished: Whether it has ended and will not be retried by Dagster itself.
        reported: Whether a tag of it says that the row was told how it ended.
        attempt: How often the row had asked when it was requested, from 1.
    """

    run_id: str
    finished: bool
    reported: bool
    attempt: int


@dataclass(frozen=True)
class Claim:
    """The row that a project belongs to: the first that had a run for it."""

    page_id: str


@dataclass(frozen=True)
class Start:
    """A run is to be requested for a row.

    Attributes:
        row: The row.
        key: Its project.
        attempt: Part of the run key: any run uses one up.
    """

    row: Row
    key: ProjectKey
    attempt: int

    @property
    def run_key(self) -> str:
        """Requests nothing twice, however often it is decided."""
        return f"{self.row.page_id}:{self.attempt}"


@dataclass(frozen=True)
class Reject:
    """A row is to be told why nothing is drawn for it."""

    row: Row
    reason: str


@dataclass(frozen=True)
class Decisions:
    """Everything that follows from one look.

    Attributes:
        starts: Oldest row first.
        rejects: Rows that cannot be drawn as they are.
        waiting: How many rows have a run on its way, or one whose end is not reported yet.
        postponed: How many rows are left for the next look.
    """

    starts: tuple[Start, ...]
    rejects: tuple[Reject, ...]
    waiting: int
    postponed: int


def decide(rows: Iterable[Row], runs: Mapping[str, LatestRun], claims: Mapping[ProjectKey, Claim]) -> Decisions:
    """Decides what follows.

    Args:
        rows: In trigger status, the oldest request first.
        runs: The newest run of each row, by page id.
        claims: Which row each project belongs to, as far as runs tell.
    """
    starts: list[Start] = []
    rejects: list[Reject] = []
    owners: dict[ProjectKey, str] = {key: claim.page_id for key, claim in claims.items()}
    waiting = postponed = 0
    # A copy is younger than what it was copied from, whichever of the two is asked for first.
    given = list(rows)
    for row in sorted(given, key=lambda row: (row.created, row.page_id)):
        key = _key(row)
        if isinstance(key, ProjectKey):
            owners.setdefault(key, row.page_id)
    for row in given:
        key = _key(row)
        if isinstance(key, str):
            rejects.append(Reject(row, key))
            continue
        if owners[key] != row.page_id:
            rejects.append(Reject(row, _copied(key, owners[key])))
            continue
        run = runs.get(row.page_id)
        if run is not None and not (run.finished and is_reported(row, run)):
            waiting += 1
        elif len(starts) == REQUESTS_AT_ONCE:
            postponed += 1
        else:
            starts.append(Start(row, key, run.attempt + 1 if run else 1))
    return Decisions(tuple(starts), tuple(rejects), waiting, postponed)


def is_reported(row: Row, run: LatestRun) -> bool:
    """Returns whether a row was told how a run ended, so that its trigger status is a new request."""
    return run.reported or run.run_id in row.run


def mode_of(row: Row) -> str:
    """Returns the mode that a row asks for; ``auto`` resumes after an error and regenerates after success."""
    return {"all": "regenerate", "missing or changed": "resume"}.get(row.regenerate.strip().casefold(), "auto")


def _key(row: Row) -> ProjectKey | str:
    """Returns a row's project, or why it has none."""
    if not row.channel:
        return "Fill in Channel, then set the status again. Nothing was drawn."
    try:
        return ProjectKey(row.channel, row.project_id)
    except InvalidIdentifierError as error:
        return f"{error} Correct it, then set the status again. Nothing was drawn."


def _copied(key: ProjectKey, owner: str) -> str:
    return (
        f"Project {key} belongs to another row: https://www.notion.so/{owner.replace('-', '')} (a copied row has the "
        "same project id). Give this row a project id of its own, then set the status again. Nothing was drawn."
    )
