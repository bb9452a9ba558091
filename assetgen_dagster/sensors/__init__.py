"""Dagster sensors, one file per sensor."""
