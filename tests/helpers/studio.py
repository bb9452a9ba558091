"""A real Dagster instance for tests: materialize a partition as the UI would, and read what it recorded."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import dagster as dg

from assetgen_dagster.assets.keys import JOB_NAME, image_key
from assetgen_dagster.assets.partitions import projects
from assetgen_dagster.definitions import build_definitions
from assetgen_dagster.manifest.model import AssetManifest
from tests.helpers.harness import project_folder, write_project

STORY = {"topic": "Bulbasaur forest documentary", "story_direction": "Show evolution through seasons"}


@dataclass
class Dagit:
    """One code location with its instance, and the cursor of ``notion_tasks``."""

    instance: dg.DagsterInstance
    workspace: Path
    definitions: dg.Definitions = field(default_factory=build_definitions)
    tasks_cursor: str = ""

    def materialize(
        self,
        partition: str = "poke1:vid_123",
        *,
        selection: Sequence[dg.AssetKey] | None = None,
        mode: str = "auto",
        story: dict[str, str] | None = None,
        tags: dict[str, str] | None = None,
    ) -> dg.ExecuteInProcessResult:
        """Materializes all assets of a partition, or a selection of them."""
        if partition not in self.instance.get_dynamic_partitions(projects.name or ""):
            self.instance.add_dynamic_partitions(projects.name or "", [partition])
        manifest, images = ({"config": story or {}}, {"config": {"mode": mode}})
        steps = {"asset_manifest": manifest, "images": images}
        if selection is not None:
            names = {key.to_user_string() for key in selection}
            steps = {
                name: config
                for name, config in steps.items()
                if name in names or (name == "images" and any(n.startswith("image_") for n in names))
            }
        job = self.definitions.resolve_job_def(JOB_NAME)
        return job.execute_in_process(
            run_config={"ops": steps, "loggers": {"console": {"config": {"log_level": "CRITICAL"}}}},
            instance=self.instance,
            partition_key=partition,
            asset_selection=selection,
            tags=tags,
            raise_on_error=False,
        )

    def sensor_context(self, cursor: str | None = None) -> dg.SensorEvaluationContext:
        """Returns what a sensor's tick is given, with the resources of the code location."""
        return sensor_context(self.instance, self.definitions, cursor)

    def project(self, partition: str = "poke1:vid_123") -> Path:
        return project_folder(self.workspace, partition)

    def write_manifest(self, manifest: AssetManifest, partition: str = "poke1:vid_123") -> None:
        """Puts a hand-written manifest into the project folder."""
        write_project(self.workspace, manifest, partition)

    def materializations(self, key: dg.AssetKey, partition: str = "poke1:vid_123") -> list[dict[str, Any]]:
        """Returns the metadata of an asset's materializations, newest first."""
        wanted = dg.AssetRecordsFilter(asset_key=key, asset_partitions=[partition])
        records = self.instance.fetch_materializations(wanted, limit=100).records
        return [_values(record.asset_materialization) for record in records]

    def observations(self, key: dg.AssetKey, partition: str = "poke1:vid_123") -> list[dict[str, Any]]:
        wanted = dg.AssetRecordsFilter(asset_key=key, asset_partitions=[partition])
        records = self.instance.fetch_observations(wanted, limit=100).records
        return [_values(record.event_log_entry.asset_observation) for record in records]

    def total(self, metadata: str = "cost_usd", partition: str = "poke1:vid_123", slots: int = 22) -> float:
        """Returns the sum over all events of all pictures: what an accountant would add up."""
        found = 0.0
        for number in range(1, slots + 1):
            events = [
                *self.materializations(image_key(number), partition),
                *self.observations(image_key(number), partition),
            ]
            found += sum(event.get(metadata, 0.0) for event in events)
        return round(found, 6)


def sensor_context(
    instance: dg.DagsterInstance, definitions: dg.Definitions, cursor: str | None = None
) -> dg.SensorEvaluationContext:
    """Returns what a sensor's tick is given, with the resources of the code location."""
    given = {name: (definitions.resources or {})[name] for name in ("assetgen_settings", "task_board")}
    return dg.build_sensor_context(instance=instance, cursor=cursor, definitions=definitions, resources=given)


@dataclass(frozen=True)
class RunFailure:
    """The failure that ended a run."""

    description: str
    metadata: Mapping[str, Any]


def failure_of(result: dg.ExecuteInProcessResult) -> RunFailure:
    """Returns the failure of the one step that failed."""
    [event] = [event for event in result.all_events if event.is_step_failure]
    data = event.step_failure_data.user_failure_data
    assert data is not None
    assert data.description is not None
    return RunFailure(data.description, {name: value.value for name, value in data.metadata.items()})


def _values(event: Any) -> dict[str, Any]:
    return {name: value.value for name, value in event.metadata.items()}
