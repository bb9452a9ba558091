"""Dagster sensors, one file per sensor."""

#: Seconds between two ticks of a sensor: Dagster's default of 30 would be long to wait for a row.
TICK_SECONDS = 5

#: How long one tick may be busy with Notion: Dagster ends a tick after 60 s, and keeps nothing of it.
BOARD_SECONDS = 40.0
