"""Dagster sensors, one file per sensor."""

#: How often each looks, at the most: Dagster's own 30 s would be long to wait for a row.
LOOK_SECONDS = 5
