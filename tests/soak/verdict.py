"""What must be true of every project at the end of a soak, whatever happened to it."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import dagster as dg
import pytest

from assetgen_dagster.assets.runs import UNFINISHED
from assetgen_dagster.cli.costs import materialized_costs
from assetgen_dagster.cli.dagster_home import open_instance
from assetgen_dagster.drawing.picture import check_asset_exists
from assetgen_dagster.manifest.file import MANIFEST_FILE, load_manifest
from assetgen_dagster.project.key import ProjectKey
from assetgen_dagster.project.records import ProjectRecords, RecordStore, SpendKind
from assetgen_dagster.project.workspace import ProjectPaths, locate_project
from assetgen_dagster.settings import load_settings
from assetgen_emulators.gemini import GeminiEmulator
from assetgen_emulators.notion import NotionEmulator
from tests.soak.books import compare


@dataclass(frozen=True)
class Verdict:
    """What was seen at the end.

    Attributes:
        figures: For people.
        violations: What is not as it must be.
    """

    figures: list[str]
    violations: list[str]


def examine(
    notion: NotionEmulator,
    gemini: GeminiEmulator,
    pages: Mapping[str, str],
    killed_calls: Mapping[str, int],
    orders: Mapping[tuple[str, int], int],
) -> Verdict:
    """Examines everything after all services were ended.

    Args:
        notion: Holds the rows.
        gemini: Drew the pictures.
        pages: The row of each project, by partition key.
        killed_calls: How many calls were killed with their scripts, by partition key.
        orders: How often each picture was ordered anew, by partition key and number.
    """
    told, listed = materialized_costs(load_settings()), materialized_costs(load_settings(), "possibly_billed_usd")
    violations: list[str] = []
    projects: dict[str, ProjectRecords] = {}
    for key, page in pages.items():
        projects[key] = records = records_of(key)
        row = notion.row(page)
        found = _files(_paths(key), records, orders=sum(count for (one, _), count in orders.items() if one == key))
        if row["Status"] != "Assets Ready":
            found.append(f"its row says {row['Status']}: {row['Error Log'][:300]}")
        elif not _same(row["Cost (USD)"] or 0.0, records.total_usd(), within=0.005):
            found.append(f"its row says ${row['Cost (USD)']}, its records ${records.total_usd():.4f}")
        lost = records.total_usd(kind=SpendKind.POSSIBLY_BILLED)
        if not _same(told.get(key, 0.0), records.total_usd()) or not _same(listed.get(key, 0.0), lost):
            found.append(
                f"Dagster says ${told.get(key, 0.0):.4f} and ${listed.get(key, 0.0):.4f} possibly billed, its records "
                f"${records.total_usd():.4f} and ${lost:.4f}"
            )
        violations += [f"{key}: {problem}" for problem in found]
    journal = gemini.journal()
    books = compare(journal, projects, killed_calls, orders)
    with open_instance(load_settings()) as instance:
        under_way = instance.get_runs_count(dg.RunsFilter(statuses=list(UNFINISHED)))
        runs = instance.get_runs_count()
    if under_way:
        violations.append(f"{under_way} runs are not over in Dagster")
    figures = [
        f"{len(journal)} calls for {sum(len(records.pictures) for records in projects.values())} pictures, {runs} runs",
        f"Billed ${books.billed_usd:.4f} = received ${books.confirmed_usd:.4f} + lost ${books.lost_usd:.4f}; Dagster "
        f"says ${sum(told.values()):.4f}, and lists ${sum(listed.values()):.4f} as possibly billed",
    ]
    return Verdict(figures, violations + books.violations)


def records_of(key: str) -> ProjectRecords:
    """Returns what a project remembers at this moment."""
    return RecordStore(_paths(key).records).records


def _paths(key: str) -> ProjectPaths:
    return locate_project(ProjectKey.from_partition_key(key), workspace=load_settings().workspace)


def _files(paths: ProjectPaths, records: ProjectRecords, *, orders: int) -> list[str]:
    """Returns what is wrong with a project's files and records."""
    found: list[str] = []
    manifest = load_manifest(paths.project / MANIFEST_FILE)
    if manifest is None:
        return ["it has no manifest"]
    wanted = {paths.output_path(asset) for asset in manifest.manifest.assets}
    there = {path for path in paths.assets.glob("*/*") if check_asset_exists(path)}
    found += [f"{path.name} is not there, or not whole" for path in sorted(wanted - there)]
    found += [f"{path.name} is no picture of its" for path in sorted(set(paths.assets.glob("*/*")) - wanted)]
    if not check_asset_exists(paths.contact_sheet):
        found.append("it has no contact sheet")
    left = [*paths.staging.iterdir(), *paths.retired.iterdir(), *paths.records.parent.glob(".*")]
    found += [f"{_shown(path, paths)} is left" for path in left]
    if records.intents:
        found.append(f"{len(records.intents)} calls are under way in its records")
    if records.unreported():
        found.append(f"{len(records.unreported())} sums were not told to Dagster")
    if records.round is None or records.round.closed_at is None or not 1 <= len(records.rounds) <= 1 + orders:
        found.append(f"its rounds are {records.rounds}")
    return found


def _shown(path: Path, paths: ProjectPaths) -> str:
    return str(path.relative_to(paths.project))


def _same(one: float, other: float, *, within: float = 1e-5) -> bool:
    return one == pytest.approx(other, abs=within)
