"""What follows from the rows that ask for pictures and the runs there are: the reconciler, as pure functions.

Nothing is remembered between two looks but what stands in Notion and in Dagster, so it may be killed at any time.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

from assetgen_dagster.budget import limits as budget
from assetgen_dagster.budget.reservations import Waiting
from assetgen_dagster.drawing.plan import Redraw
from assetgen_dagster.drawing.redraw import Known
from assetgen_dagster.errors import Code, coded
from assetgen_dagster.notion.errors import BoardUnavailableError
from assetgen_dagster.notion.redraw import Unknown, redraw_of
from assetgen_dagster.notion.row import Row, page_url
from assetgen_dagster.notion.settings import NotionSettings
from assetgen_dagster.project.channels import Channels, UnknownChannelError
from assetgen_dagster.project.key import InvalidIdentifierError, ProjectKey

#: So many runs are requested at one look, the oldest rows first.
REQUESTS_AT_ONCE = 25

#: So many rows are written to at one look, each with two calls or more.
WRITES_AT_ONCE = 10


@dataclass(frozen=True)
class LatestRun:
    """The newest run of a row.

    Attributes:
        run_id: Dagster's id.
        finished: Whether it has ended and will not be retried by Dagster itself.
        reported: Whether a tag of it says that the row was told how it ended.
        attempt: The highest of all runs of that row, from 1: a person may have run an old one again.
        overdue: Whether it ended so long ago that the row should have been told.
    """

    run_id: str
    finished: bool
    reported: bool
    attempt: int
    overdue: bool = False


@dataclass(frozen=True)
class Start:
    """A run is to be requested for a row.

    Attributes:
        row: The row.
        key: Its project.
        attempt: Part of the run key: any run uses one up.
        redraw: The only pictures that it is to draw of a project that is complete, if the row names any.
        inherited: The project was another row's, which is gone, and this is the first run for this one; what was paid
            for is kept.
    """

    row: Row
    key: ProjectKey
    attempt: int
    redraw: Redraw | None = None
    inherited: bool = False

    @property
    def run_key(self) -> str:
        """Requests nothing twice, however often it is decided."""
        return f"{self.row.page_id}:{self.attempt}"

    @property
    def mode(self) -> str:
        """What the row asks for; a project that it takes over is continued unless the row says otherwise."""
        asked = self.row.mode or "auto"
        return "resume" if self.inherited and asked == "auto" else asked


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
        untold: Runs whose end their rows should know by now, and do not.
        waiting: How many rows have a run on its way, or one whose end is not reported yet.
        postponed: How many rows are left for the next look.
    """

    starts: tuple[Start, ...]
    rejects: tuple[Reject, ...]
    untold: tuple[str, ...]
    waiting: int
    postponed: int


def decide(
    rows: Iterable[Row],
    runs: Mapping[str, LatestRun],
    claims: Mapping[ProjectKey, Sequence[str]],
    channels: Channels | None = None,
    *,
    at_once: int = REQUESTS_AT_ONCE,
    drawing: str | None = None,
    pictures: Mapping[ProjectKey, Known | Unknown] | None = None,
    gone: Callable[[str], bool] = lambda _: False,
) -> Decisions:
    """Decides what follows.

    Args:
        rows: In trigger status, the oldest request first; also those whose status says that they are being drawn.
        runs: The newest run of each row, by page id.
        claims: The rows that had runs for a project, by their pages' ids, the first one first.
        channels: The ones that may be drawn for; any unless given.
        at_once: How many runs may be requested.
        drawing: The status of a row that is being drawn, if there is one: it asks for nothing.
        pictures: The pictures of the projects whose rows name some to be drawn again.
        gone: Whether a row is deleted or in the trash, by its page's id; asked only of rows that had a project before
            the one that asks for it. Where Notion cannot tell in time, that row and those behind it are postponed.

    Raises:
        BoardUnavailableError: Notion could not tell, and nothing was decided before.
    """
    channels = channels or Channels()
    starts: list[Start] = []
    rejects: list[Reject] = []
    untold: list[str] = []
    waiting = unseen = 0
    given = list(rows)
    oldest = _oldest(given)
    for number, row in enumerate(given):
        run, key = runs.get(row.page_id), _key(row)
        if row.status == drawing or (run is not None and not (run.finished and is_reported(row, run))):
            # Whatever else the row says by now: it is at work, or is to hear of it first.
            waiting += 1
            if run is not None and run.overdue and len(untold) < WRITES_AT_ONCE:
                untold.append(run.run_id)
            continue
        if isinstance(key, str):
            rejects.append(Reject(row, key))
            continue
        # More rows than can be told are not looked into.
        look = gone if len(rejects) < WRITES_AT_ONCE else (lambda _: False)
        try:
            owner = _owner(row, claims.get(key, ()), oldest[key], look)
        except BoardUnavailableError:
            if not (starts or rejects):
                raise
            unseen = len(given) - number
            break
        redraw = redraw_of(row, (pictures or {}).get(key))
        reason = _refused(key, row, owner, channels) or (redraw if isinstance(redraw, str) else None)
        if reason is not None:
            rejects.append(Reject(row, reason))
        elif not isinstance(redraw, str):
            inherited = run is None and bool(claims.get(key))
            starts.append(Start(row, key, run.attempt + 1 if run else 1, redraw, inherited))
    postponed = unseen + max(0, len(starts) - at_once) + max(0, len(rejects) - WRITES_AT_ONCE)
    return Decisions(tuple(starts[:at_once]), tuple(rejects[:WRITES_AT_ONCE]), tuple(untold), waiting, postponed)


@dataclass(frozen=True)
class Wakes:
    """What follows for the rows that wait for room in a budget.

    Attributes:
        wakes: Are to be set to ask again, the oldest first.
        forgets: Do not wait any more: somebody set them to something else.
    """

    wakes: tuple[Waiting, ...]
    forgets: tuple[Waiting, ...]


def decide_wakes(
    waiting: Iterable[Waiting],
    claims: Iterable[budget.Claim],
    limits: budget.Limits,
    look: Callable[[str], Row | None],
    settings: NotionSettings,
    *,
    at_once: int = WRITES_AT_ONCE,
) -> Wakes:
    """Decides which rows there is room for; one that asks again keeps its part until its run has asked for it.

    Args:
        waiting: Rows whose runs were refused, the oldest first.
        claims: What is spent and reserved.
        limits: What may be.
        look: Returns a row by its page's id, None where it is gone; asked only where something depends on it.
        settings: Names of the statuses.
        at_once: How many rows may be looked at.
    """
    taken, looks = list(claims), 0
    wakes: list[Waiting] = []
    forgets: list[Waiting] = []
    for one in sorted(waiting, key=lambda one: not one.woken):
        fits = budget.refusal(taken, limits, one.key.channel, one.asked_usd) is None
        if not fits and not one.woken:
            continue
        if looks < at_once:
            looks += 1
            row = look(one.page_id)
            asks = row is not None and row.status in settings.status_asking  # woken, or set by the producer
            if not asks and (one.woken or row is None or row.status != settings.status_waiting):
                forgets.append(one)
                continue
            if not asks:
                wakes.append(one)
        elif not one.woken:
            break
        taken.append(budget.Claim(one.key.channel, 0.0, one.asked_usd))
    return Wakes(tuple(wakes), tuple(forgets))


def is_reported(row: Row, run: LatestRun) -> bool:
    """Returns whether a row was told how a run ended, so that its trigger status is a new request."""
    return run.reported or run.run_id in row.run


def _oldest(rows: list[Row]) -> dict[ProjectKey, str]:
    """Returns the page of the oldest row of each project."""
    oldest: dict[ProjectKey, str] = {}
    for row in sorted(rows, key=lambda row: (row.created, row.page_id)):
        key = _key(row)
        if isinstance(key, ProjectKey):
            oldest.setdefault(key, row.page_id)
    return oldest


def _owner(row: Row, claimed: Sequence[str], oldest: str, gone: Callable[[str], bool]) -> str:
    """Returns which row has a project: of those that had runs for it the first that is still there.

    Where there is none, the oldest: a copy is younger than what it was copied from, whichever is asked for first.
    """
    return next((page_id for page_id in claimed if page_id == row.page_id or not gone(page_id)), oldest)


def _refused(key: ProjectKey, row: Row, owner: str, channels: Channels) -> str | None:
    """Returns why nothing can be drawn for a row, or None."""
    if owner != row.page_id:
        return _copied(key, owner)
    if row.mode is None:
        return coded(
            f"Regenerate says {row.regenerate!r}; it knows All, and Missing or changed. Choose one of them, or clear "
            "it, then set the status again. Nothing was drawn.",
            Code.REGENERATE,
        )
    return _unknown(key, channels)


def _key(row: Row) -> ProjectKey | str:
    """Returns a row's project, or why it has none."""
    if not row.channel:
        return coded("Fill in Channel, then set the status again. Nothing was drawn.", Code.NO_CHANNEL)
    try:
        return ProjectKey(row.channel, row.project_id)
    except InvalidIdentifierError as error:
        return coded(f"{error.message} Correct it, then set the status again. Nothing was drawn.", error.code)


def _unknown(key: ProjectKey, channels: Channels) -> str | None:
    """Returns why a channel is not drawn for, if it is not; a run that is on its way already is let be."""
    try:
        channels.get(key.channel)
    except UnknownChannelError as error:
        return coded(f"{error.message} Correct Channel, then set the status again. Nothing was drawn.", error.code)
    return None


def _copied(key: ProjectKey, owner: str) -> str:
    return coded(
        f"Project {key} belongs to another row: {page_url(owner)} (a copied row has the same "
        "project id). Give this row a project id of its own, then set the status again. Nothing was drawn.",
        Code.PROJECT_TAKEN,
    )
