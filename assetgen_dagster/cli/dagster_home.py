"""The Dagster instance that commands use: ``DAGSTER_HOME``, created from a template in ``deploy/`` if missing.

``ASSETGEN_POSTGRES_URL`` and ``ASSETGEN_BROKER_URL`` select the template. An instance with another storage or launcher
than the settings name is refused: with another history, finished pictures would look as if they were never drawn.
"""

import importlib.util
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import yaml

from assetgen_dagster.errors import AssetgenError, Code
from assetgen_dagster.project.file_lock import FileLock
from assetgen_dagster.settings import PROJECT_ROOT, Settings
from assetgen_dagster.support.database import SETTING, check_reachable, name_sessions
from assetgen_dagster.support.files import write_atomically

if TYPE_CHECKING:
    from dagster import DagsterInstance

_SQLITE = PROJECT_ROOT / "deploy" / "dagster.yaml"
_POSTGRES = PROJECT_ROOT / "deploy" / "dagster-postgres.yaml"
_BROKER = "ASSETGEN_BROKER_URL"
_CELERY = PROJECT_ROOT / "deploy" / "dagster-celery.yaml"

#: Lock in ``DAGSTER_HOME`` for setting it up.
_LOCK = "setup.lock"


def template(settings: Settings) -> Path:
    """Returns the file that a new ``dagster.yaml`` is copied from."""
    if settings.broker is not None:
        return _CELERY
    return _SQLITE if settings.database is None else _POSTGRES


def missing_sections(home: Path, settings: Settings) -> list[str]:
    """Returns the sections of the current template that a folder's ``dagster.yaml`` lacks.

    Args:
        home: The folder; its ``dagster.yaml`` is valid.
        settings: The settings in force.
    """
    given, usual = (yaml.safe_load(file.read_bytes()) or {} for file in (home / "dagster.yaml", template(settings)))
    return [name for name in usual if name not in given]


def prepare_dagster_home(settings: Settings) -> Path:
    """Returns the instance's folder, created if missing, and sets the environment variables that Dagster reads.

    It is ``DAGSTER_HOME`` if set, else ``.dagster_home`` in the project root. The addresses of database and broker are
    set in the environment because ``dagster.yaml`` reads them from there, and ``.env`` may be their source.

    Raises:
        AssetgenError: The folder or a setting cannot be used, or the folder's ``dagster.yaml`` names another storage or
            launcher than the settings.
    """
    home = PROJECT_ROOT / Path(os.environ.get("DAGSTER_HOME") or ".dagster_home").expanduser()
    configuration = home / "dagster.yaml"
    try:
        home.mkdir(parents=True, exist_ok=True)
        _set_up(configuration, template(settings))
        content = configuration.read_bytes()
    except OSError as error:
        raise _unusable(home, error) from None
    _check_storage(configuration, content, settings.database)
    _check_launcher(configuration, content, settings.broker)
    os.environ["DAGSTER_HOME"] = str(home)
    if settings.database is not None:
        os.environ[SETTING] = settings.database
        name_sessions("assetgen")
    if settings.broker is not None:
        os.environ[_BROKER] = settings.broker
    return home


def open_instance(settings: Settings) -> "DagsterInstance":
    """Opens the instance; a lock keeps two commands from creating a new one at the same time.

    Raises:
        AssetgenError: See ``prepare_dagster_home``; or PostgreSQL cannot be used.
    """
    from dagster import DagsterInstance  # noqa: PLC0415 - takes 2 s to import
    from sqlalchemy.exc import DBAPIError  # noqa: PLC0415 - as slow

    from assetgen_dagster.support.storage_errors import storage_error  # noqa: PLC0415 - loads it, too

    home = prepare_dagster_home(settings)
    check_storage_reachable(settings)
    with FileLock(home / _LOCK) as lock:
        try:
            lock.acquire()
            return DagsterInstance.get()
        except OSError as error:
            raise _unusable(home, error) from None
        except DBAPIError as error:
            raise storage_error(error, str(home)) from None
        except Exception as error:  # anything that its YAML holds or names
            raise AssetgenError(
                f"Dagster cannot use {home / 'dagster.yaml'}: {str(error)[:500]} Fix it, or move it away: the next "
                "command creates the default one.",
                code=Code.DAGSTER_YAML,
            ) from None


def check_storage_reachable(settings: Settings) -> None:
    """Checks that PostgreSQL can be reached; Dagster itself would retry for ten seconds and print a traceback.

    Raises:
        AssetgenError: PostgreSQL cannot be used; the message states the cause.
    """
    if settings.database is not None:
        check_reachable(settings.database)


def _set_up(configuration: Path, template: Path) -> None:
    """Copies the template if there is no configuration; atomic."""
    if configuration.exists():
        return
    with FileLock(configuration.with_name(_LOCK)) as lock:
        lock.acquire()
        if not configuration.exists():
            write_atomically(configuration, template.read_bytes())


def _unusable(home: Path, error: OSError) -> AssetgenError:
    text = f"Cannot use {home}: {error.strerror}. Set DAGSTER_HOME to a writable folder."
    return AssetgenError(text, code=Code.DAGSTER_HOME)


def _check_storage(path: Path, content: bytes, database: str | None) -> None:
    elsewhere = _uses_postgres(content)
    if database is not None and not elsewhere:
        raise AssetgenError(
            f"{SETTING} is set, but {path} keeps runs in SQLite. Move that file away to use PostgreSQL (the next "
            f"command creates the right one; earlier runs stay in SQLite), or unset {SETTING}.",
            code=Code.STORAGE,
        )
    if database is None and elsewhere:
        raise AssetgenError(
            f"{path} keeps runs in PostgreSQL, but {SETTING} is not set. Set it to that database; or move the file "
            "away to use SQLite, without the earlier runs.",
            code=Code.STORAGE,
        )


def _check_launcher(path: Path, content: bytes, broker: str | None) -> None:
    to_workers = any(name in content for name in (b"assetgen_dagster.launchers.celery", b"assetgen_dagster.workers"))
    if broker is not None and not to_workers:
        raise AssetgenError(
            f"{_BROKER} is set, but {path} does not hand runs to workers. Move that file away: the next command "
            f"creates the right one. Or unset {_BROKER}.",
            code=Code.LAUNCHER,
        )
    if broker is not None and importlib.util.find_spec("dagster_celery") is None:
        raise AssetgenError(
            f"{_BROKER} is set, but the packages for workers are not installed: "
            f"{sys.executable} -m pip install --require-hashes -r {PROJECT_ROOT / 'requirements-celery.lock'}",
            code=Code.WORKER_PACKAGES,
        )
    if broker is None and to_workers:
        raise AssetgenError(
            f"{path} hands runs to workers, but {_BROKER} is not set. Set it to the workers' Redis, or move the file "
            "away.",
            code=Code.LAUNCHER,
        )


def _uses_postgres(content: bytes) -> bool:
    try:
        found = yaml.safe_load(content)
    except yaml.YAMLError:
        return False  # Dagster reports the syntax error
    if not isinstance(found, dict):
        return False
    storage, runs = found.get("storage"), found.get("run_storage")
    whole = isinstance(storage, dict) and ("postgres" in storage or "dagster_postgres" in str(storage.get("custom")))
    return whole or (isinstance(runs, dict) and runs.get("module") == "dagster_postgres")
