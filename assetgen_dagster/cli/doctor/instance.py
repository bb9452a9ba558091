"""Checks that the Dagster instance belongs to this project, and that its services run."""

from pathlib import Path

from assetgen_dagster.cli.dagster_home import missing_sections, open_instance, template
from assetgen_dagster.cli.doctor.finding import CAUSE_CHARACTERS, Finding, broken
from assetgen_dagster.cli.doctor.postgres import examine_storage
from assetgen_dagster.cli.doctor.services import examine_services
from assetgen_dagster.cli.doctor.workers import examine_workers
from assetgen_dagster.errors import AssetgenError
from assetgen_dagster.settings import Settings
from assetgen_dagster.support.redact import redact


def examine_instance(settings: Settings, *, services_needed: bool) -> list[Finding]:
    """Checks the instance and, if it is usable, services and workers.

    Args:
        settings: The settings in force.
        services_needed: Whether daemon, sensors and workers must be running.
    """
    found = _dagster(settings)
    if settings.database is not None:
        found += examine_storage(settings)
    if not all(one.ok for one in found):
        return found
    found += examine_services(settings, needed=services_needed)
    if settings.broker is not None:
        found += examine_workers(settings.broker, needed=services_needed)
    return found


def _dagster(settings: Settings) -> list[Finding]:
    from assetgen_dagster.run_coordinator import ProjectRunCoordinator  # noqa: PLC0415 - takes 2 s to import

    try:
        with open_instance(settings) as instance:
            folder = instance.root_directory
            try:
                coordinator: object = instance.run_coordinator
            except Exception as error:  # noqa: BLE001, RUF100 - anything that the class named in the YAML raises
                coordinator = error
            monitored = bool(instance.run_monitoring_enabled)
    except AssetgenError as error:
        return [broken("Dagster", error)]
    remedy = (
        f"Bring {folder}/dagster.yaml into line with {template(settings)}, or move it away: the next command "
        "creates the default one. Or set DAGSTER_HOME to a folder for this project only."
    )
    if not isinstance(coordinator, ProjectRunCoordinator):
        named = redact(str(coordinator))[:CAUSE_CHARACTERS]
        named = named if isinstance(coordinator, Exception) else type(coordinator).__name__
        cause = (
            f"The instance in {folder} does not use this project's run coordinator ({named}), so the limits by channel "
            "and project are not enforced, and re-executing a successful run draws nothing."
        )
        return [Finding("Dagster", False, cause, remedy)]
    if not monitored:
        return [Finding("Dagster", False, f"Run monitoring is off in the instance in {folder}.", remedy)]
    older = ", ".join(missing_sections(Path(folder), settings))
    remedy = f"Its dagster.yaml is older than {template(settings)}: copy from there {older}." if older else ""
    return [Finding("Dagster", True, f"The instance in {folder} has this project's run queue.", remedy)]
