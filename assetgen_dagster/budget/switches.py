"""Switches that stop all paying: the operator's pause, and a key's used-up daily quota.

They are kept in a file of the workspace, or in PostgreSQL if that is set (``postgres.py``), so that every run, command
and sensor sees the same. A switch is a name with a small JSON object.
"""

import getpass
import hashlib
import json
import socket
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, Protocol

from assetgen_dagster.errors import Code, OneCodeError
from assetgen_dagster.project.file_lock import FileLock
from assetgen_dagster.project.workspace import WorkspaceError, shared_folder, unwritable
from assetgen_dagster.providers.base import Provider
from assetgen_dagster.support.files import write_atomically

Json = dict[str, Any]

_PAUSE = "pause"
_QUOTA = "daily_quota:"

#: A reset that the API names counts within these bounds; after the longest one it is asked again.
_SHORTEST_RESET_SECONDS, _LONGEST_RESET_SECONDS = 3600.0, 86_400.0


class SwitchesUnavailableError(OneCodeError):
    """The switches can be neither read nor set now."""

    code = Code.SWITCHES_UNAVAILABLE


class Switches(Protocol):
    """Storage of the switches. Every method raises ``SwitchesUnavailableError`` if it does not answer."""

    def read(self) -> Mapping[str, Json]:
        """Returns every switch that is set."""

    def change(self, change: Callable[[dict[str, Json]], None]) -> None:
        """Calls ``change`` with the switches, under a lock, and stores the result."""


@dataclass(frozen=True)
class Pause:
    """An operator's pause.

    Attributes:
        by: The user that paused.
        at: Unix time.
        reason: In the operator's words; may be empty.
    """

    by: str
    at: float
    reason: str = ""


@dataclass(frozen=True)
class UsedUp:
    """A daily quota that is used up.

    Attributes:
        at: When the API reported it, Unix time.
        until: When to make the next call, Unix time.
    """

    at: float
    until: float


@dataclass(frozen=True)
class Stopped:
    """What stops paying now for one key and model.

    Attributes:
        pause: The operator's pause, if any.
        used_up: The daily quota, if it is used up.
    """

    pause: Pause | None = None
    used_up: UsedUp | None = None


class FileSwitches:
    """Switches in a file of the workspace.

    Args:
        workspace: The workspace.
        name: The file's name.
        unknown: What is unknown if the file cannot be read, for the message.
    """

    def __init__(self, workspace: Path, name: str = "switches", unknown: str = "whether paying is paused") -> None:
        self._workspace = workspace
        self._name = name
        self._unknown = unknown

    def read(self) -> Mapping[str, Json]:
        """Returns every switch that is set."""
        path = self._workspace / ".assetgen" / f"{self._name}.json"
        try:
            found = json.loads(path.read_bytes())
        except (FileNotFoundError, NotADirectoryError):
            return {}  # none has been set yet
        except (OSError, ValueError) as error:
            raise SwitchesUnavailableError(
                f"{path} cannot be read ({error}), so it is unknown {self._unknown}. Make it readable, or remove it to "
                "start without it."
            ) from None
        return named(found)

    def change(self, change: Callable[[dict[str, Json]], None]) -> None:
        """Calls ``change`` with the switches, under a lock, and stores the result; needs a readable file."""
        try:
            folder = shared_folder(self._workspace)
        except WorkspaceError as error:
            raise SwitchesUnavailableError(error.message) from error
        path = folder / f"{self._name}.json"
        try:
            with FileLock(folder / f"{self._name}.lock") as lock:
                lock.acquire()
                values = dict(self.read())
                change(values)
                write_atomically(path, json.dumps(values, indent=2).encode())
        except OSError as error:
            raise SwitchesUnavailableError(unwritable(path, error).message) from error


def quota_key(provider: Provider) -> str:
    """Returns the key of a daily quota: the API counts requests a day by key and model."""
    return f"{account_fingerprint(provider)}:{_digest(provider.model)}"


def named(found: object) -> Mapping[str, Json]:
    """Parses stored switches; a value of an unknown form is kept as an empty switch."""
    if not isinstance(found, Mapping):
        return {}
    return {str(name): value if isinstance(value, dict) else {} for name, value in found.items()}


def account_fingerprint(provider: Provider) -> str:
    """Returns a digest that identifies an account of a provider without revealing it."""
    return _digest(provider.account)


def stopped(values: Mapping[str, Json], key: str | None, *, now: float | None = None) -> Stopped:
    """Returns what stops paying for a key and model (``quota_key``), or for any if ``key`` is None."""
    found = Stopped()
    if (pause := values.get(_PAUSE)) is not None:
        found = Stopped(_pause(pause))
    for name, quota in values.items():
        if name.startswith(_QUOTA) if key is None else name == f"{_QUOTA}{key}":
            used_up = UsedUp(float(quota.get("at", 0)), float(quota.get("until", 0)))
            if used_up.until > (time.time() if now is None else now):
                return replace(found, used_up=used_up)
    return found


def pause(switches: Switches, *, reason: str = "", by: str | None = None) -> Pause:
    """Stops all paying; a second pause keeps the first one's user and time, and replaces its reason."""
    made = Pause(by or f"{getpass.getuser()}@{socket.gethostname()}", time.time(), reason)

    def change(values: dict[str, Json]) -> None:
        nonlocal made
        before = values.get(_PAUSE)
        if before is not None:
            made = replace(_pause(before), reason=reason or _pause(before).reason)
        values[_PAUSE] = asdict(made)

    switches.change(change)
    return made


def resume(switches: Switches) -> Mapping[str, Json]:
    """Clears all switches, including daily quotas; returns those that were set."""
    before: dict[str, Json] = {}

    def change(values: dict[str, Json]) -> None:
        before.update(values)
        values.clear()

    switches.change(change)
    return before


def note_used_up(
    switches: Switches, provider: Provider, *, asked_wait: float | None = None, now: float | None = None
) -> UsedUp:
    """Records for all runs that a provider's daily quota is used up.

    Args:
        switches: Where to record it.
        provider: The provider.
        asked_wait: Seconds until the quota is renewed, if the API said so; shorter ones are waits between two calls.
        now: Unix time.
    """
    at = time.time() if now is None else now
    known = asked_wait is not None and asked_wait >= _SHORTEST_RESET_SECONDS
    until = at + min(asked_wait or 0.0, _LONGEST_RESET_SECONDS) if known else provider.quota_renewed_at(at)
    noted = UsedUp(at, until)

    def change(values: dict[str, Json]) -> None:
        for name in [name for name, value in values.items() if name.startswith(_QUOTA) and value.get("until", 0) < at]:
            del values[name]
        values[f"{_QUOTA}{quota_key(provider)}"] = asdict(noted)

    switches.change(change)
    return noted


def _pause(value: Json) -> Pause:
    return Pause(str(value.get("by", "somebody")), float(value.get("at", 0)), str(value.get("reason", "")))


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:12]
