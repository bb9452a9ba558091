"""Measures two instances in turn, in one process, so that the machine is as busy for the one as for the other.

Called with the environments of both as JSON, and prints one JSON line: for each measure the seconds of both.
"""

import asyncio
import contextlib
import json
import os
import statistics
import sys
import time
from collections.abc import Callable, Iterator
from typing import Any

from dagster._core.workspace.context import WorkspaceProcessContext
from dagster._core.workspace.load_target import WorkspaceFileTarget
from dagster_graphql.schema import create_schema

from assetgen_dagster.assets.partitions import PARTITIONS
from assetgen_dagster.budget import spend_index as books
from assetgen_dagster.budget.stores import open_reservations
from assetgen_dagster.cli.dagster_home import open_instance
from assetgen_dagster.definitions import SENSORS
from assetgen_dagster.project.key import ProjectKey
from assetgen_dagster.settings import PROJECT_ROOT, load_settings

_TIMES = 3
_DUE = ProjectKey("bench", "due")

#: What the UI asks for on an asset's page of partitions.
_PARTITIONS_PAGE = """
query($key: AssetKeyInput!) {
  assetNodeOrError(assetKey: $key) { ... on AssetNode {
    partitionKeyConnection(limit: 1000, ascending: false) { results }
    partitionKeysByDimension { name partitionKeys }
    partitionStats { numMaterialized numFailed numMaterializing numPartitions }
    assetPartitionStatuses { ... on DefaultPartitionStatuses { materializedPartitions failedPartitions } }
} } }
"""


def _ticks(workspace: WorkspaceProcessContext) -> Iterator[tuple[str, Callable[[], object]]]:
    """Yields what the daemon does at a tick: it asks the code server."""
    [location] = workspace.create_request_context().code_locations
    [repository] = location.get_repositories().values()
    for sensor in SENSORS:
        cursors: dict[str, str | None] = {"": None}

        def tick(name: str = sensor.name, cursors: dict[str, str | None] = cursors) -> None:
            cursors[""] = location.get_sensor_execution_data(
                workspace.instance, repository.handle, name, None, None, cursors[""], None, None
            ).cursor

        yield f"first tick of {sensor.name}", tick
        yield f"tick of {sensor.name}", tick


def _budget() -> None:
    store = open_reservations(load_settings())
    store.reserve(_DUE, run_id="bench", pictures=22)
    store.release(_DUE, run_id="bench")


def _budget_of_a_new_process() -> None:
    books._known.clear()
    _budget()


def _page(ask: Callable[..., Any]) -> None:
    answer = ask(_PARTITIONS_PAGE, key={"path": ["image_01"]})
    assert not answer.errors, answer.errors
    assert answer.data["assetNodeOrError"]["partitionStats"]["numPartitions"]


@contextlib.contextmanager
def _measures(environment: dict[str, str]) -> Iterator[dict[str, Callable[[], object]]]:
    os.environ.update(environment)
    with contextlib.ExitStack() as stack:
        instance = stack.enter_context(open_instance(load_settings()))
        target = WorkspaceFileTarget([str(PROJECT_ROOT / "workspace.yaml")])
        workspace = stack.enter_context(WorkspaceProcessContext(instance, target))  # with a code server of its own
        schema = create_schema()

        def ask(query: str, **variables: object) -> Any:
            context = workspace.create_request_context()
            return asyncio.run(schema.execute_async(query, context_value=context, variables=variables))

        yield {
            **dict(_ticks(workspace)),
            "budget check, new process": _budget_of_a_new_process,
            "budget check": _budget,
            "list of partitions": lambda: instance.get_dynamic_partitions(PARTITIONS),
            "first page of partitions": lambda: _page(ask),
            "page of partitions": lambda: _page(ask),
        }


def _seconds(do: Callable[[], object]) -> float:
    begun = time.perf_counter()
    do()
    return time.perf_counter() - begun


def main() -> None:
    """Measures each thing in both, in turn."""
    environments = json.loads(sys.argv[1])
    with contextlib.ExitStack() as stack:
        both = [stack.enter_context(_measures(environment)) for environment in environments]
        found = {}
        for name in both[0]:
            times = 1 if name.startswith("first") else _TIMES
            taken: list[list[float]] = [[], []]
            for _ in range(times):
                for which, environment in enumerate(environments):
                    os.environ.update(environment)
                    taken[which].append(_seconds(both[which][name]))
            found[name] = [statistics.median(one) for one in taken]
    print(json.dumps(found))


if __name__ == "__main__":
    main()
