"""The Dagster instance that commands use: ``DAGSTER_HOME``, set up from ``deploy/dagster.yaml`` where there is none."""

import os
import shutil
from pathlib import Path
from typing import TYPE_CHECKING

from assetgen_dagster.drawing.lock import FileLock
from assetgen_dagster.errors import AssetgenError
from assetgen_dagster.settings import PROJECT_ROOT

if TYPE_CHECKING:
    from dagster import DagsterInstance

_TEMPLATE = PROJECT_ROOT / "deploy" / "dagster.yaml"


def prepare_dagster_home() -> Path:
    """Returns the folder of the instance, made if need be, and names it in the environment for all of Dagster.

    ``DAGSTER_HOME`` if set, else ``.dagster_home`` in the project root.
    """
    home = PROJECT_ROOT / Path(os.environ.get("DAGSTER_HOME") or ".dagster_home").expanduser()
    try:
        home.mkdir(parents=True, exist_ok=True)
        if not (home / "dagster.yaml").exists():
            shutil.copyfile(_TEMPLATE, home / "dagster.yaml")
    except OSError as error:
        raise AssetgenError(
            f"Cannot use {home}: {error.strerror}. Set DAGSTER_HOME to a folder that can be written."
        ) from None
    os.environ["DAGSTER_HOME"] = str(home)
    return home


def open_instance() -> "DagsterInstance":
    """Returns the instance of the folder above; two commands that set a new one up do so one after the other."""
    from dagster import DagsterInstance  # noqa: PLC0415 - takes 2 s to import

    home = prepare_dagster_home()
    with FileLock(home / "setup.lock") as lock:
        lock.acquire()
        try:
            return DagsterInstance.get()
        except Exception as error:  # whatever its YAML holds or names
            raise AssetgenError(
                f"Dagster cannot use {home / 'dagster.yaml'}: {str(error)[:500]} Mend it, or move it away: the next "
                "command puts the usual one there."
            ) from None
