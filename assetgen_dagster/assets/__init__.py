"""The Dagster shell, one file per asset: plan, call, ``MaterializeResult``."""
