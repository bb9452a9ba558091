"""``assetgen archive``: finished projects leave Dagster's list of partitions; files, runs and costs stay as they are.

An archived project is drawn again by whatever asks for it: its partition is added anew, and its records say what is
paid for.
"""

import contextlib
import json
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

import dagster as dg

from assetgen_dagster.assets.partitions import PARTITIONS, ensure_partition
from assetgen_dagster.assets.request import UNFINISHED
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

#: What a backfill is called that goes on starting runs; Dagster exports no name for it.
_AT_WORK = ("REQUESTED", "CANCELING", "FAILING")


@dataclass(frozen=True)
class Archived:
    """A project without a partition.

    Attributes:
        key: The project.
        finished: Whether all of its pictures are there.
        before: Whether it had been archived before.
    """

    key: ProjectKey
    finished: bool
    before: bool = False


@dataclass(frozen=True)
class Kept:
    """A project that keeps its partition.

    Attributes:
        key: The project.
        reason: Why, and what to do.
    """

    key: ProjectKey
    reason: str


Verdict = Archived | Kept


def archive(keys: Iterable[ProjectKey], settings: Settings, *, dry_run: bool = False) -> Iterator[Verdict]:
    """Removes the partitions of projects that no run is at work on, and yields what became of each.

    Args:
        keys: The projects.
        settings: The settings in force.
        dry_run: Only say what would be done.

    Raises:
        AssetgenError: There is no such project, its files cannot be read, or the instance cannot be used.
    """
    with open_instance(settings) as instance:
        if backfill := _backfill(instance):
            yield from (Kept(key, f"backfill {backfill} is at work; wait until it ends, or cancel it.") for key in keys)
            return
        for key in keys:
            yield _archive(instance, key, settings, dry_run=dry_run)


def finished_before(
    moment: float, settings: Settings, *, channel: str | None = None, seen: Callable[[int], None] = lambda _: None
) -> list[ProjectKey]:
    """Returns the projects that have a partition and have been finished since before a moment.

    Args:
        moment: Unix time.
        settings: The settings in force.
        channel: Only this one's.
        seen: Told now and then how many projects were looked at.
    """
    with open_instance(settings) as instance:
        names = instance.get_dynamic_partitions(PARTITIONS)
    found = []
    for count, key in enumerate(_keys(names)):
        if not count % 100:
            seen(count)
        if channel not in (None, key.channel):
            continue
        with contextlib.suppress(RecordsError):  # whether that one is finished, nobody can tell
            finished = _finished_at(key, settings)
            if finished is not None and finished < moment:
                found.append(key)
    return found


def as_text(verdicts: Iterable[Verdict], *, dry_run: bool) -> str:
    """Returns what became of projects for people: a line each, and how many it were."""
    given = list(verdicts)
    done = "would be archived" if dry_run else "archived"
    count = sum(isinstance(one, Archived) and not one.before for one in given)
    return "\n".join([*(_line(one, done) for one in given), f"{count} of {len(given)} projects {done}."])


def _line(verdict: Verdict, done: str) -> str:
    if isinstance(verdict, Kept):
        return f"{verdict.key}: kept, because {verdict.reason}"
    said = "had been archived before" if verdict.before else done
    return f"{verdict.key}: {said}{'' if verdict.finished else ', though it is not finished'}"


def as_json(verdicts: Iterable[Verdict], *, dry_run: bool) -> str:
    """Returns the same for a program."""
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
        if kept := _at_work(instance, key):  # it was asked for at this very moment
            ensure_partition(instance, key)
            return kept
    return Archived(key, finished)


def _at_work(instance: dg.DagsterInstance, key: ProjectKey) -> Kept | None:
    filters = dg.RunsFilter(tags={PARTITION_TAG: str(key)}, statuses=list(UNFINISHED))
    for run in instance.get_runs(filters, limit=1):
        where = "at work" if run.status in _STARTED else "in the queue"
        return Kept(key, f"run {run.run_id} is {where}; wait until it ends, or cancel it.")
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
