"""What projects spent in a month, and what their unfinished calls may cost, read from their records.

What was read is remembered as long as the file is the same, so that a look at ten thousand projects is a look at
their dates.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import structlog

from assetgen_dagster.project.key import ProjectKey
from assetgen_dagster.project.records import RecordsError, RecordStore
from assetgen_dagster.project.workspace import all_records

#: The machines of one workspace may differ by so much in their clocks.
_CLOCKS_SECONDS = 3600.0

_log = structlog.get_logger()


@dataclass(frozen=True)
class Book:
    """One project's money.

    Attributes:
        spends: Unix time and USD of each call, possibly billed ones included.
        under_way_usd: What calls may cost that are under way, or were when their run died.
        drawn: Run and Unix time of each picture that is there.
    """

    spends: tuple[tuple[float, float], ...]
    under_way_usd: float
    drawn: tuple[tuple[str, float], ...]

    def spent_usd(self, since: float) -> float:
        """Returns what was spent since a moment."""
        return sum(usd for at, usd in self.spends if at >= since)

    def drawn_by(self, run_id: str, since: float) -> int:
        """Returns how many pictures a run drew since a moment."""
        return sum(run == run_id and at >= since for run, at in self.drawn)


def read_spend(workspace: Path, since: float) -> Iterator[tuple[ProjectKey, Book]]:
    """Yields every project whose records changed since a moment, Unix time, or hold calls under way since then."""
    for key, path in all_records(workspace):
        try:
            stat = path.stat()
        except OSError:
            continue  # it is not there yet, or not any more
        if stat.st_mtime < since - _CLOCKS_SECONDS:
            _known.pop(path, None)
            continue
        mark = (stat.st_mtime_ns, stat.st_size, stat.st_ino)
        known = _known.get(path)
        if known is None or known[0] != mark:
            known = _known[path] = (mark, _read(path))
        if known[1] is not None:
            yield key, known[1]


_known: dict[Path, tuple[tuple[int, int, int], Book | None]] = {}


def _read(path: Path) -> Book | None:
    try:
        records = RecordStore(path).records
    except (RecordsError, OSError) as error:
        # That project cannot be drawn until it is mended, and says so; it must not keep all others from paying.
        _log.warning("budget_records_unreadable", path=str(path), cause=str(error)[:300])
        return None
    return Book(
        tuple((spend.at, spend.cost_usd) for spend in records.spends),
        sum(intent.listed_usd for intent in records.intents.values() if intent.received is None),
        tuple((record.run_id or "", record.drawn_at or 0.0) for record in records.pictures.values()),
    )
