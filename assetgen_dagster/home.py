"""The Dagster instance that commands use: ``DAGSTER_HOME``, set up from a template of ``deploy/`` where there is none.

``ASSETGEN_POSTGRES_URL`` decides which template, and an instance that keeps its runs elsewhere than the setting says is
refused: with another history, what was drawn would look as if it was not.
"""

import os
import shutil
from pathlib import Path
from typing import TYPE_CHECKING

import yaml

from assetgen_dagster.database import SETTING, check_reachable, name_sessions
from assetgen_dagster.drawing.lock import FileLock
from assetgen_dagster.errors import AssetgenError
from assetgen_dagster.settings import PROJECT_ROOT, load_settings

if TYPE_CHECKING:
    from dagster import DagsterInstance

_SQLITE = PROJECT_ROOT / "deploy" / "dagster.yaml"
_POSTGRES = PROJECT_ROOT / "deploy" / "dagster-postgres.yaml"


def template(database: str | None) -> Path:
    """Returns the file that a new ``dagster.yaml`` is copied from, with PostgreSQL or without."""
    return _SQLITE if database is None else _POSTGRES


def prepare_dagster_home() -> Path:
    """Returns the folder of the instance, made if need be, and names it in the environment for all of Dagster.

    ``DAGSTER_HOME`` if set, else ``.dagster_home`` in the project root. Where the database's address comes from
    ``.env``, it is put into the environment, too: ``dagster.yaml`` reads it from there.

    Raises:
        AssetgenError: The folder cannot be used, a setting cannot be used, or the folder's ``dagster.yaml`` keeps runs
            elsewhere than the settings say.
    """
    database = load_settings().database
    home = PROJECT_ROOT / Path(os.environ.get("DAGSTER_HOME") or ".dagster_home").expanduser()
    configuration = home / "dagster.yaml"
    try:
        home.mkdir(parents=True, exist_ok=True)
        if not configuration.exists():
            shutil.copyfile(template(database), configuration)
        content = configuration.read_bytes()
    except OSError as error:
        raise AssetgenError(
            f"Cannot use {home}: {error.strerror}. Set DAGSTER_HOME to a folder that can be written."
        ) from None
    _check_storage(configuration, content, database)
    os.environ["DAGSTER_HOME"] = str(home)
    if database is not None:
        os.environ[SETTING] = database
        name_sessions("assetgen")
    return home


def open_instance() -> "DagsterInstance":
    """Returns the instance of the folder above; two commands that set a new one up do so one after the other.

    Raises:
        AssetgenError: See ``prepare_dagster_home``; or PostgreSQL cannot be used.
    """
    from dagster import DagsterInstance  # noqa: PLC0415 - takes 2 s to import

    home = prepare_dagster_home()
    check_storage_reachable()
    with FileLock(home / "setup.lock") as lock:
        lock.acquire()
        try:
            return DagsterInstance.get()
        except Exception as error:  # whatever its YAML holds or names
            raise AssetgenError(
                f"Dagster cannot use {home / 'dagster.yaml'}: {str(error)[:500]} Mend it, or move it away: the next "
                "command puts the usual one there."
            ) from None


def check_storage_reachable() -> None:
    """Does nothing if Dagster's storage can be reached: else Dagster would try for ten seconds, and show a traceback.

    Raises:
        AssetgenError: PostgreSQL cannot be used; the message says why.
    """
    database = load_settings().database
    if database is not None:
        check_reachable(database)


def _check_storage(path: Path, content: bytes, database: str | None) -> None:
    elsewhere = _uses_postgres(content)
    if database is not None and not elsewhere:
        raise AssetgenError(
            f"{SETTING} is set, but {path} keeps runs in SQLite. Move that file away to use PostgreSQL (the next "
            f"command puts the right one there; runs so far stay where they are), or unset {SETTING}."
        )
    if database is None and elsewhere:
        raise AssetgenError(
            f"{path} keeps runs in PostgreSQL, but {SETTING} is not set. Set it to that database; or move the file "
            "away to use SQLite, which knows nothing of the runs so far."
        )


def _uses_postgres(content: bytes) -> bool:
    try:
        found = yaml.safe_load(content)
    except yaml.YAMLError:
        return False  # Dagster says where the fault is
    if not isinstance(found, dict):
        return False
    storage, runs = found.get("storage"), found.get("run_storage")
    whole = isinstance(storage, dict) and ("postgres" in storage or "dagster_postgres" in str(storage.get("custom")))
    return whole or (isinstance(runs, dict) and runs.get("module") == "dagster_postgres")
