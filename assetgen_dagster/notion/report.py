"""What a row is told when a run has ended, in words that a producer can act on."""

from dataclasses import dataclass

from assetgen_dagster.notion.settings import NotionSettings
from assetgen_dagster.redact import redact


@dataclass(frozen=True)
class Report:
    """New values for a row.

    Attributes:
        status: Name of the option.
        error_log: Empty where nothing failed.
        cost_usd: What all runs of the project cost.
    """

    status: str
    error_log: str
    cost_usd: float


def ready_report(settings: NotionSettings, *, project_cost_usd: float) -> Report:
    """Returns the report that all pictures are there."""
    return Report(settings.status_ready, "", round(project_cost_usd, 4))


def error_report(settings: NotionSettings, *, reason: str, project_cost_usd: float) -> Report:
    """Returns the report that they are not.

    Args:
        settings: Names of the statuses.
        reason: The failed run's message: what to do, and each failed picture with its cause.
        project_cost_usd: What all runs of the project cost.
    """
    log = (
        f"{redact(reason)}\n\nThis project has cost ${project_cost_usd:.2f} so far. To try again, set the status to "
        f"{settings.status_trigger[0]}: only what is missing is drawn and paid for."
    )
    return Report(settings.status_error, log, round(project_cost_usd, 4))
