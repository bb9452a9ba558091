"""Stops a leak in the code server: with SQLite, each tick left exit handlers behind.

Dagster opens its instance anew for each tick, and with SQLite it compares its tables with alembic's scripts each time.
alembic 1.20 keeps an exit handler for every path that names a package (``dagster:…``), but none for a plain path.
"""

from alembic.util import coerce_resource_to_filename
from dagster._core.storage import sql


def resolve_scripts_once() -> None:
    """Gives Dagster the plain path of its alembic scripts; idempotent."""
    sql.ALEMBIC_SCRIPTS_LOCATION = str(coerce_resource_to_filename(sql.ALEMBIC_SCRIPTS_LOCATION))
    sql.get_alembic_config.cache_clear()  # the code server has opened the instance before it loads us
