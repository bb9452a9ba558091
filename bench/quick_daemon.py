"""Dagster's daemon without the five seconds that it leaves between two rounds of looks."""

import dagster._daemon.sensor
from dagster._daemon.cli import main

dagster._daemon.sensor.MIN_INTERVAL_LOOP_TIME = 0  # type: ignore[misc]

main()
