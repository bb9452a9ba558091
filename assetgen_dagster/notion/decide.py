"""The reconciler as pure functions: given rows and runs, which runs to request and which rows to reject.

All state is in Notion and Dagster, so the process may be killed between any two ticks. Only whether a row's text has
stood still since the last tick is in the sensor's cursor; without it, rows wait for one more tick.
"""

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass

from assetgen_dagster.budget import limits as budget
from assetgen_dagster.budget.reservations import Waiting
from assetgen_dagster.drawing.plan import Redraw
from assetgen_dagster.drawing.redraw import KnownPictures
from assetgen_dagster.errors import Code, coded
from assetgen_dagster.notion.errors import BoardUnavailableError
from assetgen_dagster.notion.redraw import UnknownPictures, redraw_of
from assetgen_dagster.notion.row import Row, page_url
from assetgen_dagster.notion.settings import NotionSettings
from assetgen_dagster.project.channels import Channels, UnknownChannelError
from assetgen_dagster.project.key import InvalidIdentifierError, ProjectKey

#: Runs requested in one tick; the oldest rows come first.
REQUESTS_AT_ONCE = 25

#: Rows written in one tick; each takes at least two calls.
WRITES_AT_ONCE = 10

#: Rows compared with the tick before; Dagster keeps the cursor of each tick for days.
COMPARED_AT_ONCE = 500


#: The position of a run that does not exist.
NEVER = -1


@dataclass(frozen=True)
class LatestRun:
    """The newest run of a row.

    Attributes:
        run_id: Dagster's id.
        finished: Whether it has ended and Dagster will not retry it.
        reported: Whether a tag says that its end was reported to the row.
        attempt: The highest attempt of the row's runs, from 1: a person may have re-executed an old one.
        overdue: Whether it ended so long ago that its report is overdue.
        position: Of the row's newest run that may have drawn, in the order of creation; ``NEVER`` if there is none.
        cut_short: Whether the row was told that its pictures are ready by a run that did not succeed, nor a retry of
            it: the round may be open still.
    """

    run_id: str
    finished: bool
    reported: bool
    attempt: int
    overdue: bool = False
    position: int = 0
    cut_short: bool = False


@dataclass(frozen=True)
class Start:
    """A run to request for a row.

    Attributes:
        row: The row.
        key: Its project.
        attempt: Part of the run key: every run uses up an attempt.
        redraw: The only pictures to draw, if the row names some.
        inherited: Whether the project was drawn by a run of another row that is gone, or of no row, and this row was
            not told of it.
        anew: Whether the row was told that its pictures are ready, so that it asks for new ones, though its round may
            be open.
    """

    row: Row
    key: ProjectKey
    attempt: int
    redraw: Redraw | None = None
    inherited: bool = False
    anew: bool = False

    @property
    def run_key(self) -> str:
        """Keeps Dagster from starting a run twice for the same decision."""
        return f"{self.row.page_id}:{self.attempt}"

    @property
    def mode(self) -> str:
        """The mode of the run; by itself, auto would draw an inherited project again, and continue an open round."""
        asked = self.row.mode or "auto"
        if asked != "auto" or self.redraw is not None:
            return asked
        return "resume" if self.inherited else "regenerate" if self.anew else "auto"


@dataclass(frozen=True)
class Reject:
    """A row to reject, and why."""

    row: Row
    reason: str


@dataclass(frozen=True)
class Decisions:
    """What one tick has to do.

    Attributes:
        starts: The oldest row first.
        rejects: Rows with an error to correct.
        unreported: Runs whose report is overdue.
        waiting: Number of rows whose run, or another of their project, is unfinished or unreported.
        postponed: Number of rows left for the next tick.
        changing: Number of rows that are new or whose text has changed since the last tick.
        seen: Digests of the rows without a run, for the next tick.
    """

    starts: tuple[Start, ...]
    rejects: tuple[Reject, ...]
    unreported: tuple[str, ...]
    waiting: int
    postponed: int
    changing: int
    seen: tuple[str, ...]


def decide(
    rows: Iterable[Row],
    runs: Mapping[str, LatestRun],
    claims: Mapping[ProjectKey, Sequence[str]],
    channels: Channels | None = None,
    *,
    seen: Collection[str],
    others: Mapping[ProjectKey, int] | None = None,
    at_work: Collection[ProjectKey] = (),
    at_once: int = REQUESTS_AT_ONCE,
    drawing: str | None = None,
    pictures: Mapping[ProjectKey, KnownPictures | UnknownPictures] | None = None,
    gone: Callable[[str], bool] = lambda _: False,
) -> Decisions:
    """Decides what one tick has to do.

    Args:
        rows: Rows in a trigger status, the oldest request first, and rows that are being drawn.
        runs: The newest run of each row, by page id.
        claims: Page ids of the rows that had runs for a project, the first one first.
        channels: The channels that may be drawn for; any by default.
        seen: What the last tick saw. A row that it did not see as it is now is left for the next tick: its producer
            may still be typing.
        others: Per project, the position of the newest run that no row requested, that drew all pictures, and that was
            reported to no row.
        at_work: Projects that such a run draws now: their rows wait for its end.
        at_once: Maximum number of runs to request.
        drawing: The status of a row that is being drawn, if the board has one.
        pictures: The pictures of the projects whose rows ask for a redraw.
        gone: Returns whether a row is deleted or in the trash, by page id; called only for earlier owners of a
            requested project. If it raises ``BoardUnavailableError``, this row and all later ones are postponed.

    Raises:
        BoardUnavailableError: ``gone`` raised it before anything was decided.
    """
    channels = channels or Channels()
    starts: list[Start] = []
    rejects: list[Reject] = []
    unreported: list[str] = []
    waiting = unread = changing = 0
    found: list[str] = []
    given, known = list(rows), frozenset(seen)
    oldest = _oldest(given)
    for number, row in enumerate(given):
        run, key = runs.get(row.page_id), _key(row)
        if row.status == drawing or (run is not None and not (run.finished and is_reported(row, run))):
            # Whatever else the row says: its run is at work, or must be reported first.
            waiting += 1
            if run is not None and run.overdue and len(unreported) < WRITES_AT_ONCE:
                unreported.append(run.run_id)
            continue
        found.append(row.digest)
        if row.digest not in known:
            changing += 1
            continue
        if isinstance(key, str):
            rejects.append(Reject(row, key))
            continue
        # No calls for rows that this tick could not reject anyway.
        is_gone = gone if len(rejects) < WRITES_AT_ONCE else (lambda _: False)
        try:
            owner = _owner(row, claims.get(key, ()), oldest[key], is_gone)
        except BoardUnavailableError:
            if not (starts or rejects):
                raise
            unread = len(given) - number
            found += [row.digest for row in given[number + 1 :]]
            break
        redraw = redraw_of(row, (pictures or {}).get(key))
        reason = _refused(key, row, owner, channels) or (redraw if isinstance(redraw, str) else None)
        if reason is not None:
            rejects.append(Reject(row, reason))
        elif key in at_work:
            waiting += 1
        elif not isinstance(redraw, str):
            starts.append(
                _start(row, key, run, redraw, drawn_before=bool(claims.get(key)), other=(others or {}).get(key))
            )
    postponed = unread + max(0, len(starts) - at_once) + max(0, len(rejects) - WRITES_AT_ONCE)
    return Decisions(
        tuple(starts[:at_once]),
        tuple(rejects[:WRITES_AT_ONCE]),
        tuple(unreported),
        waiting,
        postponed,
        changing,
        tuple(found[:COMPARED_AT_ONCE]),
    )


def _start(
    row: Row, key: ProjectKey, run: LatestRun | None, redraw: Redraw | None, *, drawn_before: bool, other: int | None
) -> Start:
    """Returns the run to request for a row.

    Args:
        row: The row.
        key: Its project.
        run: Its newest run.
        redraw: The only pictures to draw.
        drawn_before: Whether any row had a run for the project.
        other: See ``decide``'s ``others``.
    """
    position = run.position if run else NEVER
    inherited = (drawn_before and position == NEVER) or (other is not None and other > position)
    attempt = run.attempt + 1 if run else 1
    return Start(row, key, attempt, redraw, inherited, anew=run is not None and run.cut_short)


@dataclass(frozen=True)
class Requeue:
    """What to do with the rows that wait for room in a budget.

    Attributes:
        ready: To set back to the trigger status, the oldest first.
        withdrawn: No longer waiting: their status was changed.
    """

    ready: tuple[Waiting, ...]
    withdrawn: tuple[Waiting, ...]


def decide_requeue(
    waiting: Iterable[Waiting],
    claims: Iterable[budget.Claim],
    limits: budget.Limits,
    read_row: Callable[[str], Row | None],
    settings: NotionSettings,
    *,
    at_once: int = WRITES_AT_ONCE,
) -> Requeue:
    """Decides which rows fit into the budget; a requeued row keeps its share until its run reserves it.

    Args:
        waiting: Rows whose runs were refused, the oldest first.
        claims: What is spent and reserved.
        limits: The budgets.
        read_row: Returns a row by its page id, None if it is gone; called only if the decision depends on it.
        settings: Names of the statuses.
        at_once: Maximum number of rows to read.
    """
    taken, reads = list(claims), 0
    ready: list[Waiting] = []
    withdrawn: list[Waiting] = []
    for one in sorted(waiting, key=lambda one: not one.requeued):
        fits = budget.refusal(taken, limits, one.key.channel, one.asked_usd) is None
        if not fits and not one.requeued:
            continue
        if reads < at_once:
            reads += 1
            row = read_row(one.page_id)
            asks = row is not None and row.status in settings.status_asking  # requeued, or set by the producer
            if not asks and (one.requeued or row is None or row.status != settings.status_waiting):
                withdrawn.append(one)
                continue
            if not asks:
                ready.append(one)
        elif not one.requeued:
            break
        taken.append(budget.Claim(one.key.channel, 0.0, one.asked_usd))
    return Requeue(tuple(ready), tuple(withdrawn))


def is_reported(row: Row, run: LatestRun) -> bool:
    """Returns whether a run's end was reported to its row, so that a trigger status is a new request."""
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
    """Returns the row that owns a project: the first that had a run for it and still exists, else the oldest row.

    A copy is younger than its original, whichever asks first.
    """
    return next((page_id for page_id in claimed if page_id == row.page_id or not gone(page_id)), oldest)


def _refused(key: ProjectKey, row: Row, owner: str, channels: Channels) -> str | None:
    """Returns why a row is rejected, or None."""
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
    """Returns a row's project, or why it has no valid one."""
    if not row.channel:
        return coded("Fill in Channel, then set the status again. Nothing was drawn.", Code.NO_CHANNEL)
    try:
        return ProjectKey(row.channel, row.project_id)
    except InvalidIdentifierError as error:
        return coded(f"{error.message} Correct it, then set the status again. Nothing was drawn.", error.code)


def _unknown(key: ProjectKey, channels: Channels) -> str | None:
    """Returns why a channel is not allowed, or None; runs already under way are not affected."""
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
