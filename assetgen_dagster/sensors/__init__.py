"""Dagster sensors, one file per sensor."""

#: How often each looks, at the most: Dagster's own 30 s would be long to wait for a row.
TICK_SECONDS = 5

#: How long one look may be busy with Notion: Dagster ends a look after 60 s, and nothing of it is kept then.
BOARD_SECONDS = 40.0
