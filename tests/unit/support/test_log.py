"""The log of a run."""

from pathlib import Path

import structlog

from assetgen_dagster.support.log import configure_logging, open_log


def test_a_log_on_a_full_disk_ends_nothing() -> None:
    with open_log(Path("/dev/full")) as full:
        configure_logging(full)
        structlog.get_logger().info("asset_generation_start")
        structlog.get_logger().info("asset_generation_complete")
