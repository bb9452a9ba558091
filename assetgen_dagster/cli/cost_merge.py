"""Counts each call once, from a project's records or from Dagster's events; pure functions."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace

from assetgen_dagster.cli.cost_report import Cost
from assetgen_dagster.project.records import RecordsError

#: Places that projects are named in one sentence.
_NAMED = 5

#: Decimal places of the costs on events.
_DIGITS = 6


@dataclass(frozen=True)
class Recorded:
    """A call in a project's records.

    Attributes:
        cost: Its cost; ``tokens`` names the one call.
        reported: Whether a run has reported it to Dagster.
    """

    cost: Cost
    reported: bool


@dataclass(frozen=True)
class Found:
    """All costs, each call once.

    Attributes:
        costs: Sums of money.
        lost: Those of ``costs`` that Dagster's history had and no longer has.
        unreported: Those of ``costs`` that Dagster's history does not have yet.
        unreadable: Errors of the records that cannot be read; their projects count as Dagster's history has them.
    """

    costs: Sequence[Cost]
    lost: Sequence[Cost] = ()
    unreported: Sequence[Cost] = ()
    unreadable: Sequence[RecordsError] = ()

    def notes(self) -> list[str]:
        """Returns a sentence on each difference between the records and Dagster's history."""
        found = []
        if self.lost:
            found.append(
                f"Counted from the projects' records: {_amount(self.lost)}, which Dagster's history no longer has. "
                "A run was deleted there, or materializations were wiped."
            )
        if self.unreported:
            found.append(
                f"Counted from the projects' records: {_amount(self.unreported)}, which no run has reported to "
                "Dagster yet. The project's next run does."
            )
        found += [f"Counted from Dagster's history: {error}" for error in self.unreadable]
        return found


def merge(
    recorded: Iterable[Recorded],
    events: Iterable[Cost],
    *,
    wanted: Callable[[Cost], bool] = lambda _: True,
    unreadable: Sequence[RecordsError] = (),
) -> Found:
    """Returns the costs in records and events, each call once: as recorded, if the records have it.

    Args:
        recorded: All calls in the records.
        events: The events from the time of the first wanted call on.
        wanted: Whether a cost is asked for.
        unreadable: See ``Found``.
    """
    known = {one.cost.tokens[0]: one for one in recorded}
    given = list(events)
    rest = [left for event in given if (left := _unrecorded(event, known)) is not None]
    in_history = {token for event in given for token in event.tokens}
    asked = [one for one in known.values() if (one.cost.cost_usd or one.cost.possibly_billed_usd) and wanted(one.cost)]
    missing = [one for one in asked if one.cost.tokens[0] not in in_history]
    return Found(
        [*(one.cost for one in asked), *filter(wanted, rest)],
        lost=[one.cost for one in missing if one.reported],
        unreported=[one.cost for one in missing if not one.reported],
        unreadable=unreadable,
    )


def _unrecorded(event: Cost, known: dict[str, Recorded]) -> Cost | None:
    """Returns what an event has and the records do not; None if that is nothing."""
    recorded = [known[token].cost for token in event.tokens if token in known]
    if event.tokens and len(recorded) == len(event.tokens):
        return None
    spent = event.cost_usd - sum(cost.cost_usd for cost in recorded)
    perhaps = event.possibly_billed_usd - sum(cost.possibly_billed_usd for cost in recorded)
    return replace(
        event, cost_usd=max(0.0, round(spent, _DIGITS)), possibly_billed_usd=max(0.0, round(perhaps, _DIGITS))
    )


def _amount(costs: Sequence[Cost]) -> str:
    """Returns the sums and the projects, such as ``$0.0782 of poke1:vid_1``."""
    sums = (
        (sum(cost.cost_usd for cost in costs), ""),
        (sum(cost.possibly_billed_usd for cost in costs), " possibly billed"),
    )
    money = " and ".join(f"${usd:.4f}{what}" for usd, what in sums if usd)
    projects = sorted({f"{cost.channel}:{cost.project}" for cost in costs})
    more = f" and {len(projects) - _NAMED} more" if len(projects) > _NAMED else ""
    return f"{money} of {', '.join(projects[:_NAMED])}{more}"
