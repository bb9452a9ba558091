"""A run's process that dies, or is interrupted, at one exact instruction: ``assetgen``, with one function wrapped.

The product knows nothing of it.
"""

import contextlib
import json
import os
import pkgutil
import signal
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import dagster as dg
import psutil

from assetgen_dagster.assets.keys import image_number


def any_call(*_: Any, **__: Any) -> bool:
    """Whether a call counts of which nothing is asked."""
    return True


@dataclass(frozen=True)
class Death:
    """A signal to the own process at a call of one function.

    Attributes:
        where: The function: ``package.module:name`` or ``package.module:Class.name``.
        when: Before the call, after it, or (``torn``) when half of what it writes is in its temporary file.
        of: Only calls with arguments of which this is true; they alone are counted.
        nth: At which of these calls, from 1.
        with_scripts: Whether the scripts die, too, as when the machine does.
        by: The signal; SIGINT is Ctrl-C.
    """

    where: str
    when: Literal["before", "after", "torn"]
    of: Callable[..., bool] = any_call
    nth: int = 1
    with_scripts: bool = False
    by: signal.Signals = signal.SIGKILL

    def __post_init__(self) -> None:
        pkgutil.resolve_name(self.where)  # a function that was renamed fails here, not in a process nobody sees

    def await_it(self) -> None:
        """Wraps the function in this process."""
        module, _, qualified = self.where.partition(":")
        *owners, name = qualified.split(".")
        owner = pkgutil.resolve_name(f"{module}:{'.'.join(owners)}")
        wrapped, seen = getattr(owner, name), 0

        def wrapper(*args: Any, **kwargs: Any) -> Any:
            nonlocal seen
            seen += (fits := self.of(*args, **kwargs))
            due = fits and seen == self.nth
            if due and self.when == "before":
                self._die()
            if due and self.when == "torn":
                setattr(os, "fsync", self._tear)  # noqa: B010 - os declares more than descriptors
            result = wrapped(*args, **kwargs)
            if due:
                self._die()
            return result

        setattr(owner, name, wrapper)

    def _tear(self, fd: int) -> None:
        os.ftruncate(fd, os.fstat(fd).st_size // 2)
        self._die()

    def _die(self) -> None:
        for script in psutil.Process().children() if self.with_scripts else ():
            with contextlib.suppress(psutil.NoSuchProcess):
                script.kill()
        os.kill(os.getpid(), self.by)


def receives(_path: Path, content: bytes) -> bool:
    """Whether these records say of a call under way that its picture has arrived."""
    return any("received" in intent for intent in json.loads(content)["intents"].values())


def records_a_picture(_path: Path, content: bytes) -> bool:
    """Whether these records know a published picture."""
    return bool(json.loads(content)["pictures"])


def marks_money(_path: Path, content: bytes) -> bool:
    """Whether these records say of some money that Dagster was told."""
    return any("reported_by" in spend for spend in json.loads(content)["spends"])


def tells_a_picture(_instance: dg.DagsterInstance, event: Any, **_: Any) -> bool:
    """Whether this event is a picture's materialization."""
    return any(image_number(key) is not None for key in _materialized(event))


@dataclass(frozen=True)
class Materializes:
    """Whether an event is this asset's materialization."""

    asset: str

    def __call__(self, _instance: dg.DagsterInstance, event: Any, **_: Any) -> bool:
        return dg.AssetKey(self.asset) in _materialized(event)


@dataclass(frozen=True)
class Tells:
    """Whether an event is of this type."""

    kind: dg.DagsterEventType

    def __call__(self, _instance: dg.DagsterInstance, event: Any, **_: Any) -> bool:
        return event.dagster_event is not None and event.dagster_event.event_type is self.kind


#: The run's success.
ends_the_run = Tells(dg.DagsterEventType.RUN_SUCCESS)


def _materialized(entry: Any) -> list[dg.AssetKey]:
    return [entry.asset_materialization.asset_key] if entry.asset_materialization is not None else []
