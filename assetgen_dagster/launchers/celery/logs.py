"""Compute logs on several machines: stored in the workspace, which the machine with the UI shares."""

from collections.abc import Mapping
from typing import Any

from dagster._core.storage.local_compute_log_manager import LocalComputeLogManager
from dagster._serdes import ConfigurableClassData

from assetgen_dagster.settings import load_settings


class SharedComputeLogs(LocalComputeLogManager):
    """Dagster's log files, in ``.assetgen/logs`` of the workspace."""

    @classmethod
    def config_type(cls) -> Mapping[str, Any]:
        """Returns an empty schema: the workspace is a setting."""
        return {}

    @classmethod
    def from_config_value(
        cls, inst_data: ConfigurableClassData | None, config_value: Mapping[str, Any]
    ) -> "SharedComputeLogs":
        """Returns the log manager of the configured workspace."""
        return cls(base_dir=str(load_settings().workspace / ".assetgen" / "logs"), inst_data=inst_data)
