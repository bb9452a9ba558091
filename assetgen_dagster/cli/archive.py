"""``assetgen archive``: removes finished projects from Dagster's partitions; files, runs and costs stay.

Any request for an archived project adds its partition again; its records still hold what is paid for.
"""

import contextlib
import json
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

import dagster as dg

from assetgen_dagster.assets.partitions import PARTITIONS, ensure_partition
from assetgen_dagster.assets.runs import UNFINISHED
from assetgen_dagster.assets.tags import PARTITION_TAG
from assetgen_dagster.cli.dagster_home import open_instance
from assetgen_dagster.drawing.status import finished_at
from assetgen_dagster.errors import AssetgenError, Code
from assetgen_dagster.project.key import InvalidIdentifierError, ProjectKey
from assetgen_dagster.project.records import RecordsError, RecordStore
from assetgen_dagster.project.workspace import locate_project
from assetgen_dagster.settings import Settings

#: Newest backfills to examine for one in progress.
_BACKFILLS = 50

#: Statuses of a backfill that still starts runs; Dagster exports no name for them.
_AT_WORK = ("REQUESTED", "CANCELING", "FAILING")


@dataclass(frozen=True)
class Archived:
    """A project without a partition.

    Attributes:
        key: The project.
        finished: Whether all of its pictures are done.
        before: Whether it had been archived already.
    """

    key: ProjectKey
    finished: bool
    before: bool = False


@dataclass(frozen=True)
class Kept:
    """A project that keeps its partition.

    Attributes:
        key: The project.
        reason: The reason, and what to do.
    """

    key: ProjectKey
    reason: str


Verdict = Archived | Kept


def archive(keys: Iterable[ProjectKey], settings: Settings, *, dry_run: bool = False) -> Iterator[Verdict]:
    """Removes the partitions of projects without an unfinished run; yields the verdict on each.

    Args:
        keys: The projects.
        settings: The settings in force.
        dry_run: Change nothing.

    Raises:
        AssetgenError: A project does not exist, its files cannot be read, or the instance cannot be used.
    """
    with open_instance(settings) as instance:
        if backfill := _backfill(instance):
            yield from (Kept(key, f"backfill {backfill} is running; wait until it ends, or cancel it.") for key in keys)
            return
        for key in keys:
            yield _archive(instance, key, settings, dry_run=dry_run)


def finished_before(
    moment: float, settings: Settings, *, channel: str | None = None, seen: Callable[[int], None] = lambda _: None
) -> list[ProjectKey]:
    """Returns the projects that have a partition and were finished before a moment.

    Args:
        moment: Unix time.
        settings: The settings in force.
        channel: Only this channel's projects.
        seen: Called now and then with the number of projects examined so far.
    """
    with open_instance(settings) as instance:
        names = instance.get_dynamic_partitions(PARTITIONS)
    found = []
    for count, key in enumerate(_keys(names)):
        if not count % 100:
            seen(count)
        if channel not in (None, key.channel):
            continue
        with contextlib.suppress(RecordsError):  # unreadable, so not known to be finished
            finished = _finished_at(key, settings)
            if finished is not None and finished < moment:
                found.append(key)
    return found


def as_text(verdicts: Iterable[Verdict], *, dry_run: bool) -> str:
    """Returns the verdicts for people: a line each, and their number."""
    given = list(verdicts)
    done = "would be archived" if dry_run else "archived"
    count = sum(isinstance(one, Archived) and not one.before for one in given)
    return "\n".join([*(_line(one, done) for one in given), f"{count} of {len(given)} projects {done}."])


def _line(verdict: Verdict, done: str) -> str:
    if isinstance(verdict, Kept):
        return f"{verdict.key}: kept, because {verdict.reason}"
    state = "had been archived already" if verdict.before else done
    return f"{verdict.key}: {state}{'' if verdict.finished else ', though it is not finished'}"


def as_json(verdicts: Iterable[Verdict], *, dry_run: bool) -> str:
    """Returns the verdicts for a program."""
    given = list(verdicts)
    archived = [
        {"project": str(one.key), "finished": one.finished, "before": one.before}
        for one in given
        if isinstance(one, Archived)
    ]
    kept = [{"project": str(one.key), "reason": one.reason} for one in given if isinstance(one, Kept)]
    return json.dumps({"dry_run": dry_run, "archived": archived, "kept": kept}, indent=2)


def _archive(instance: dg.DagsterInstance, key: ProjectKey, settings: Settings, *, dry_run: bool) -> Verdict:
    finished = _finished_at(key, settings) is not None
    if not instance.has_dynamic_partition(PARTITIONS, str(key)):
        if not locate_project(key, workspace=settings.workspace).project.is_dir():
            raise AssetgenError(
                f"There is no project {key}: it has neither a partition nor a folder.", code=Code.NO_PROJECT
            )
        return Archived(key, finished, before=True)
    if kept := _at_work(instance, key):
        return kept
    if not dry_run:
        instance.delete_dynamic_partition(PARTITIONS, str(key))
        if kept := _at_work(instance, key):  # requested at this very moment
            ensure_partition(instance, key)
            return kept
    return Archived(key, finished)


def _at_work(instance: dg.DagsterInstance, key: ProjectKey) -> Kept | None:
    filters = dg.RunsFilter(tags={PARTITION_TAG: str(key)}, statuses=list(UNFINISHED))
    for run in instance.get_runs(filters, limit=1):
        state = "running" if run.status in _STARTED else "queued"
        return Kept(key, f"run {run.run_id} is {state}; wait until it ends, or cancel it.")
    return None


_STARTED = (dg.DagsterRunStatus.STARTING, dg.DagsterRunStatus.STARTED, dg.DagsterRunStatus.CANCELING)


def _backfill(instance: dg.DagsterInstance) -> str | None:
    newest = instance.get_backfills(limit=_BACKFILLS)
    return next((one.backfill_id for one in newest if one.status.value in _AT_WORK), None)


def _finished_at(key: ProjectKey, settings: Settings) -> float | None:
    return finished_at(RecordStore(locate_project(key, workspace=settings.workspace).records).records)


def _keys(names: Iterable[str]) -> Iterator[ProjectKey]:
    for name in names:
        try:
            yield ProjectKey.from_partition_key(name)
        except InvalidIdentifierError:
            continue  # the UI's dialog takes any text
