"""The partitions: one dynamic dimension, one key ``<channel>:<project>`` per video.

Not two dimensions: their cross product would show pairs that do not exist as missing, and a backfill would pay for
them.
"""

import dagster as dg

from assetgen_dagster.project.key import ProjectKey

#: The name of the partitions definition.
PARTITIONS = "projects"

projects = dg.DynamicPartitionsDefinition(name=PARTITIONS)


def ensure_partition(instance: dg.DagsterInstance, key: ProjectKey) -> None:
    """Adds a project's partition if it is missing; a project may be archived while its run waits in the queue."""
    if not instance.has_dynamic_partition(PARTITIONS, str(key)):
        instance.add_dynamic_partitions(PARTITIONS, [str(key)])
