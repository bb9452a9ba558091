"""Structured logs: one JSON object a line, with the run's and the project's names, without secrets."""

import contextlib
import logging
import sys
from collections.abc import Iterable, Iterator, MutableMapping
from pathlib import Path
from typing import Any, TextIO, cast

import structlog
from pydantic import SecretStr

from assetgen_dagster.support.redact import hide, redact

#: About 50,000 events.
_LARGE_BYTES = 20_000_000


def configure_logging(stream: TextIO | None = None) -> None:
    """Sends all log events as JSON lines to ``stream`` (stderr, which Dagster keeps with the run)."""
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.format_exc_info,
            _without_secrets,
            structlog.processors.JSONRenderer(default=str),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(logging.INFO),
        logger_factory=structlog.WriteLoggerFactory(file=_forgiving(stream or sys.stderr)),
        cache_logger_on_first_use=False,
    )


def prepare_log(secrets: Iterable[SecretStr | str | None], stream: TextIO | None = None) -> None:
    """Configures logging such that these secrets are masked."""
    configure_logging(stream)
    hide(*secrets)


@contextlib.contextmanager
def open_log(path: Path) -> Iterator[TextIO]:
    """Opens a log file to add to it; what no longer fits on its disk is lost."""
    stream = path.open("a", encoding="utf-8")
    try:
        yield stream
    finally:
        with contextlib.suppress(OSError):
            stream.close()


def make_room(path: Path) -> None:
    """Puts a log file aside that has become large, in place of the one that was put aside before.

    A process that still writes to it goes on in the file that was put aside.
    """
    if path.exists() and path.stat().st_size > _LARGE_BYTES:
        path.replace(path.with_name(f"{path.name}.1"))


class _Forgiving:
    """A stream whose disk may be full: a line of the log is lost then, and not the pictures in flight."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def write(self, text: str) -> None:
        with contextlib.suppress(OSError):
            self._stream.write(text)

    def flush(self) -> None:
        with contextlib.suppress(OSError):
            self._stream.flush()


def _forgiving(stream: TextIO) -> TextIO:
    return cast("TextIO", _Forgiving(stream))


def _without_secrets(_logger: Any, _method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    for name, value in event.items():
        if isinstance(value, str):
            event[name] = redact(value)
    return event
