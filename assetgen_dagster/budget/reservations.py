"""The reservations of current runs and the rows that wait for room: kept beside the switches, changed under a lock.

What was spent is in the projects' records (``books``) and is nowhere written a second time. A reservation shrinks as
its run's pictures are recorded and ends with the run; that of a run that died ends with its project's lock. On several
machines a living run may be without its lock for a moment; so there nobody takes its money at once.
"""

import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, replace

from assetgen_dagster.budget.limits import Claim, Limits, Refusal, refusal
from assetgen_dagster.budget.spend_index import Book, read_spend
from assetgen_dagster.budget.switches import Json, Switches, SwitchesUnavailableError
from assetgen_dagster.project.channels import load_channels
from assetgen_dagster.project.key import ProjectKey
from assetgen_dagster.project.liveness import DEAD_SECONDS, Liveness, Lock, Started, first_seen, liveness
from assetgen_dagster.project.project_lock import held_projects
from assetgen_dagster.project.workspace import locate_project
from assetgen_dagster.providers.registry import provider_of
from assetgen_dagster.settings import Machines, Settings
from assetgen_dagster.support.months import month_bounds, month_of

_RESERVED, _WAITING = "reserved ", "waiting "

#: The key of ``Waiting.requeued`` in what is kept; its name is that of earlier versions.
_REQUEUED = "woken"


@dataclass(frozen=True)
class Reservation:
    """What a run may spend.

    Attributes:
        run_id: The run.
        at: When it was made, Unix time.
        pictures: How many it is to draw.
        each_usd: What is reserved for one.
    """

    run_id: str
    at: float
    pictures: int
    each_usd: float


@dataclass(frozen=True)
class Waiting:
    """A row whose run was refused.

    Attributes:
        key: Its project.
        page_id: The row.
        run_id: The run.
        at: When it was refused, Unix time.
        asked_usd: What the run asked for.
        requeued: Whether the row was set to ask again, and its next run has not asked for money yet.
    """

    key: ProjectKey
    page_id: str
    run_id: str
    at: float
    asked_usd: float
    requeued: bool = False


def limits_of(settings: Settings) -> Limits:
    """Returns the limits in force.

    Raises:
        AssetgenError: ``channels.toml`` cannot be used.
    """
    known = load_channels(settings).known
    budgets = {name: channel.monthly_budget_usd for name, channel in known.items()}
    return Limits(settings.monthly_budget_usd, {name: budget for name, budget in budgets.items() if budget is not None})


class ReservationStore:
    """The reservations and waiting rows of all runs.

    Args:
        settings: The settings in force.
        kept: Where they are kept.
        now: Unix time.
    """

    def __init__(self, settings: Settings, kept: Switches, *, now: Callable[[], float] = time.time) -> None:
        self._settings = settings
        self._kept = kept
        self._free_since: dict[ProjectKey, float] = {}
        self.now = now

    def reserve(self, key: ProjectKey, *, run_id: str, pictures: int, page_id: str | None = None) -> Refusal | None:
        """Reserves what a run may spend, or returns the limit that it would go over.

        Args:
            key: The project; the caller holds its lock.
            run_id: The run.
            pictures: How many it is to draw.
            page_id: Its row, which then waits for room.

        Raises:
            AssetgenError: Nobody knows what is reserved, or the limits cannot be read.
        """
        limits = limits_of(self._settings)
        if not limits:
            return None
        self._books()  # fills the index before the lock, to hold the lock briefly
        each = provider_of(self._settings).reserved_usd()
        refused: Refusal | None = None

        def change(values: dict[str, Json]) -> None:
            nonlocal refused
            waiting = values.pop(f"{_WAITING}{key}", None)
            values.pop(f"{_RESERVED}{key}", None)
            in_doubt = self._drop_dead(values)
            refused = refusal(self._claims(values), limits, key.channel, pictures * each)
            if refused is not None and in_doubt:
                raise SwitchesUnavailableError(
                    f"There may be room in the budget: nobody holds {', '.join(sorted(map(str, in_doubt)))}. Whether "
                    f"that run is dead or gets its lock back shows within {DEAD_SECONDS:g} s."
                )
            if refused is None:
                values[f"{_RESERVED}{key}"] = asdict(Reservation(run_id, self.now(), pictures, each))
            elif page_id is not None:
                asked = {"page_id": page_id, "run_id": run_id, "at": self.now(), "asked_usd": pictures * each}
                values[f"{_WAITING}{key}"] = asked
            elif waiting is not None:  # a run by hand: the row waits as before
                values[f"{_WAITING}{key}"] = waiting | {"run_id": run_id, "at": self.now()}

        self._kept.change(change)
        return refused

    def preflight(self, key: ProjectKey, *, pictures: int) -> Refusal | None:
        """Returns the limit that a run of ``pictures`` would exceed now; reserves nothing.

        Raises:
            AssetgenError: Nobody knows what is reserved, or the limits cannot be read.
        """
        limits = limits_of(self._settings)
        if not limits:
            return None
        values = {name: value for name, value in self._kept.read().items() if name != f"{_RESERVED}{key}"}
        self._drop_dead(values, doubtful=True)
        return refusal(self._claims(values), limits, key.channel, pictures * provider_of(self._settings).reserved_usd())

    def release(self, key: ProjectKey, *, run_id: str) -> None:
        """Releases a run's reservation."""
        name = f"{_RESERVED}{key}"

        def change(values: dict[str, Json]) -> None:
            if values.get(name, {}).get("run_id") == run_id:
                del values[name]

        if name in self._kept.read():
            self._kept.change(change)

    def waiting(self) -> list[Waiting]:
        """Returns the rows that wait for room, the oldest first."""
        found = [
            Waiting(
                ProjectKey.from_partition_key(name.removeprefix(_WAITING)),
                requeued=value.get(_REQUEUED, False),
                **{part: held for part, held in value.items() if part != _REQUEUED},
            )
            for name, value in self._kept.read().items()
            if name.startswith(_WAITING)
        ]
        return sorted(found, key=lambda one: one.at)

    def claims(self) -> list[Claim]:
        """Returns what is spent this month, and what current runs have reserved."""
        values = dict(self._kept.read())
        self._drop_dead(values, doubtful=True)
        return self._claims(values)

    def mark_requeued(self, waiting: Waiting) -> None:
        """Records that a row was requeued."""
        self._note(waiting, replace(waiting, requeued=True))

    def forget(self, waiting: Waiting) -> None:
        """Records that a row no longer waits."""
        self._note(waiting, None)

    def _note(self, before: Waiting, after: Waiting | None) -> None:
        name = f"{_WAITING}{before.key}"

        def change(values: dict[str, Json]) -> None:
            if values.get(name, {}).get("run_id") != before.run_id:
                return  # its next run has been refused meanwhile, or not
            if after is None:
                del values[name]
            else:
                values[name] = values[name] | {_REQUEUED: after.requeued}

        self._kept.change(change)

    def _drop_dead(self, values: dict[str, Json], *, doubtful: bool = False) -> set[ProjectKey]:
        """Removes the reservations of dead runs; returns the projects of those that may be dead and are kept.

        Args:
            values: What is kept.
            doubtful: Whether to remove those that may be dead as well.
        """
        names = [name for name in values if name.startswith(_RESERVED)]
        keys = [ProjectKey.from_partition_key(name.removeprefix(_RESERVED)) for name in names]
        workspace = self._settings.workspace
        held = held_projects({key: locate_project(key, workspace=workspace) for key in keys}, self._settings)
        now = time.monotonic()
        self._free_since = first_seen((key for key in keys if key not in held), self._free_since, now)
        # It reserved under the lock of its project, so it had it.
        can_lose = self._settings.machines is Machines.SEVERAL
        found = {
            key: liveness(Started(Lock.FREE, now - since, had_lock=True, can_lose_lock=can_lose))
            for key, since in self._free_since.items()
        }
        dead = {key for key, state in found.items() if doubtful or state is Liveness.DEAD}
        for key in dead:
            del values[f"{_RESERVED}{key}"]
        return self._free_since.keys() - dead

    def _claims(self, values: Mapping[str, Json]) -> list[Claim]:
        since, books = self._books()
        reserved = {
            name.removeprefix(_RESERVED): Reservation(**value)
            for name, value in values.items()
            if name.startswith(_RESERVED)
        }
        claims = []
        for key, book in books:
            one = reserved.pop(str(key), None)
            # Without a run at work, calls under way are a dead run's: each is paid for by now, or its script goes on.
            open_usd = book.under_way_usd if one is None else _left(one, book)
            claims.append(Claim(key.channel, book.spent_usd(since), open_usd))
        for name, one in reserved.items():
            claims.append(Claim(ProjectKey.from_partition_key(name).channel, 0.0, one.pictures * one.each_usd))
        return claims

    def _books(self) -> tuple[float, list[tuple[ProjectKey, Book]]]:
        zone = self._settings.zone
        since, _ = month_bounds(month_of(self.now(), zone), zone)
        return since, list(read_spend(self._settings.workspace, since))


def _left(reservation: Reservation, book: Book) -> float:
    drawn = book.drawn_by(reservation.run_id, reservation.at)
    return max(0, reservation.pictures - drawn) * reservation.each_usd
