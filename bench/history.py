"""A past that nobody has to wait for: one real run of a project, copied row by row to as many projects as are wanted.

Written straight into the tables of the pinned Dagster version. Events keep their kind, asset and partition; their body
is a short one, because nothing that is measured reads the body of an old event.

As a process: adds projects to the instance of the environment, from one number to another, both in the argument.
"""

import json
import os
import sys
import time
import uuid
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import dagster as dg
import sqlalchemy as sql

from assetgen_dagster.assets.partitions import PARTITIONS
from assetgen_dagster.assets.tags import PAGE_TAG
from assetgen_dagster.cli.dagster_home import open_instance
from assetgen_dagster.project.key import ProjectKey
from assetgen_dagster.project.workspace import open_project
from assetgen_dagster.settings import load_settings

_PORTION = 2000
_DAY = 86400.0

#: Of all projects; the others changed last in an earlier month.
_PART_THIS_MONTH = 0.1


def grow(instance: dg.DagsterInstance, workspace: Path, *, numbers: range, pages: Sequence[str]) -> None:
    """Adds projects, each with its run, events, partition and records.

    Args:
        instance: Has one real run, the first of all.
        workspace: Where the projects' files are.
        numbers: Of the projects.
        pages: Rows of the board; the first projects' runs are theirs and still on their way. All others are finished.
    """
    [template] = instance.get_run_records(limit=1, ascending=True)
    source = ProjectKey.from_partition_key(template.dagster_run.tags["dagster/partition"])
    for start in range(numbers.start, numbers.stop, _PORTION):
        portion = range(start, min(start + _PORTION, numbers.stop))
        runs = {number: str(uuid.uuid4()) for number in portion}
        _copy_runs(instance, template.dagster_run.run_id, str(source), runs, pages)
        _copy_events(instance, template.dagster_run.run_id, runs)
        instance.add_dynamic_partitions(PARTITIONS, [_name(number) for number in portion])
    _copy_records(workspace, source, numbers)


def main() -> None:
    """Adds what the argument says."""
    there, count, pages = json.loads(sys.argv[1])
    with open_instance(load_settings()) as instance:
        grow(instance, load_settings().workspace, numbers=range(there, count), pages=pages)


def _name(number: int) -> str:
    return f"bench:vid_{number}"


def _copy_runs(
    instance: dg.DagsterInstance, template: str, source: str, runs: dict[int, str], pages: Sequence[str]
) -> None:
    with instance.run_storage.connect() as connection:
        table, tags = (_table(connection, name) for name in ("runs", "run_tags"))
        row = dict(connection.execute(table.select().where(table.c.run_id == template)).mappings().one())
        labels = connection.execute(tags.select().where(tags.c.run_id == template)).mappings().all()
        made, labelled = [], []
        for number, run_id in runs.items():
            waits = number < len(pages)
            page = pages[number] if waits else str(uuid.uuid4())
            body = row["run_body"].replace(template, run_id).replace(f'"{source}"', f'"{_name(number)}"')
            body = body.replace('"tags": {', f'"tags": {{"{PAGE_TAG}": "{page}", ')
            times = _times(waits=waits)
            if waits:
                body = body.replace("DagsterRunStatus.SUCCESS", "DagsterRunStatus.NOT_STARTED")
            status = "NOT_STARTED" if waits else row["status"]
            partition = {"partition": _name(number)} if "partition" in row else {}
            made.append(_without_id(row) | times | partition | {"run_id": run_id, "run_body": body, "status": status})
            labelled += [
                {
                    "run_id": run_id,
                    "key": one["key"],
                    "value": one["value"].replace(source, _name(number)).replace("template", f"vid_{number}"),
                }
                for one in labels
            ]
            labelled.append({"run_id": run_id, "key": PAGE_TAG, "value": page})
        connection.execute(table.insert(), made)
        connection.execute(tags.insert(), labelled)
        connection.commit()


def _times(*, waits: bool) -> dict[str, Any]:
    ended = time.time() - 2 * _DAY
    moment = datetime.fromtimestamp(ended, UTC).replace(tzinfo=None)
    told = {"create_timestamp": moment, "update_timestamp": moment}
    return told | ({"start_time": None, "end_time": None} if waits else {"start_time": ended - 60, "end_time": ended})


def _copy_events(instance: dg.DagsterInstance, template: str, runs: dict[int, str]) -> None:
    with instance.event_log_storage.index_connection() as connection:
        events = _table(connection, "event_logs")
        wanted = (events.c.run_id == template) & events.c.asset_key.is_not(None)
        body = min(connection.scalars(sql.select(events.c.event).where(wanted)), key=len)
        copies = sql.Table("copies", sql.MetaData(), sql.Column("run_id", sql.Text), sql.Column("partition", sql.Text))
        connection.execute(sql.text("CREATE TEMPORARY TABLE copies (run_id TEXT, partition TEXT)"))
        rows = [{"run_id": run_id, "partition": _name(number)} for number, run_id in runs.items()]
        connection.execute(copies.insert(), rows)
        replaced = {"run_id": copies.c.run_id, "partition": copies.c.partition, "event": sql.literal(body)}
        names = [column.name for column in events.columns if column.name != "id"]
        every = sql.select(*(replaced.get(name, events.c[name]) for name in names)).where(wanted)
        connection.execute(events.insert().from_select(names, every.select_from(events.join(copies, sql.true()))))
        connection.execute(sql.text("DROP TABLE copies"))
        connection.commit()


def _copy_records(workspace: Path, source: ProjectKey, numbers: range) -> None:
    """Links the template's records: one file of this month, one of an earlier, under many names."""
    content = open_project(source, workspace=workspace).records.read_bytes()
    originals = [workspace / name for name in ("this_month.json", "earlier.json")]
    for original in originals:
        if not original.exists():
            original.write_bytes(content)
    os.utime(originals[1], (time.time() - 100 * _DAY,) * 2)
    for number in numbers:
        folder = workspace / "channels" / "bench" / "projects" / f"vid_{number}" / ".assetgen"
        folder.mkdir(parents=True, exist_ok=True)
        os.link(originals[number % round(1 / _PART_THIS_MONTH) != 0], folder / "records.json")


def _table(connection: sql.Connection, name: str) -> sql.Table:
    return sql.Table(name, sql.MetaData(), autoload_with=connection)


def _without_id(row: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in row.items() if name != "id"}


if __name__ == "__main__":
    main()
