"""The code location, with sensors that look as often as the daemon lets them."""

import assetgen_dagster.sensors
from assetgen_dagster.notion.calls import RequestLimit

assetgen_dagster.sensors.TICK_SECONDS = 1  # the least there is: for 0 Dagster takes its default
RequestLimit.__init__.__defaults__ = (1_000_000, 60.0)  # the emulator takes any number of requests

from assetgen_dagster.definitions import defs  # noqa: E402

__all__ = ["defs"]
