"""The operator's commands: doctor, costs, pause, resume, archive."""

import io
from typing import Annotated

import typer

from assetgen_dagster.cli.cost_report import By, Format
from assetgen_dagster.cli.terminal import note, show, stderr, stdout
from assetgen_dagster.errors import AssetgenError, Code


def doctor(
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON for a program.")] = False,
    services: Annotated[
        bool, typer.Option("--services", help="Also check that daemon and sensors are running, for a monitor.")
    ] = False,
) -> None:
    """Check every setting, and say how to fix each problem. Costs nothing, changes nothing.

    Example: assetgen doctor --json
    """
    from assetgen_dagster.cli.doctor import examine as examining
    from assetgen_dagster.support.log import configure_logging

    configure_logging(io.StringIO())  # the findings report what retries would log
    findings = examining.examine(services=services)
    print(examining.as_json(findings) if as_json else "\n".join(map(str, findings)))
    if not all(finding.ok for finding in findings):
        raise typer.Exit(1)


def pause(
    reason: Annotated[str, typer.Option(help="Reason, shown wherever something waits.")] = "",
) -> None:
    """Stop all paying at once: pictures in flight finish, and no run, row or command starts another.

    Example: assetgen pause --reason "checking the bill"
    """
    from assetgen_dagster.budget.messages import pause_message
    from assetgen_dagster.budget.stores import open_switches
    from assetgen_dagster.budget.switches import pause as stop
    from assetgen_dagster.settings import load_settings

    settings = load_settings()
    print(f"{pause_message(stop(open_switches(settings), reason=reason), settings)}.")


def resume() -> None:
    """Let paying go on after assetgen pause, a raised quota, or mended billing; runs that wait go on by themselves.

    Example: assetgen resume
    """
    from assetgen_dagster.budget.messages import cleared_message
    from assetgen_dagster.budget.stores import open_switches
    from assetgen_dagster.budget.switches import resume as go_on
    from assetgen_dagster.settings import load_settings

    settings = load_settings()
    before = go_on(open_switches(settings))
    print(f"Paying goes on. {cleared_message(before, settings)}".rstrip() if before else "Paying was not paused.")


def costs(
    *,
    by: Annotated[
        list[By] | None, typer.Option(help="Grouping; month and channel by default. Can be repeated.")
    ] = None,
    month: Annotated[str | None, typer.Option(help="Only this month, such as 2026-11, by ASSETGEN_TIMEZONE.")] = None,
    channel: Annotated[str | None, typer.Option(help="Only this channel.")] = None,
    how: Annotated[Format, typer.Option("--format", help="For people, a spreadsheet or a program.")] = Format.TABLE,
) -> None:
    r"""Show what was spent; calls without an answer, which may have been billed, are listed apart.

    Example: assetgen costs --by project --by model --month 2026-11 \
    --format csv
    """
    from assetgen_dagster.cli import cost_report
    from assetgen_dagster.cli.costs import all_costs
    from assetgen_dagster.settings import load_settings

    settings, by = load_settings(), by or [By.MONTH, By.CHANNEL]
    with stderr().status("Reading the projects' records") as status:
        found = all_costs(
            settings, month=month, channel=channel, seen=lambda count: status.update(f"Read {count} events")
        )
        lines = cost_report.add_up(found.costs, by, settings.zone)
    match how:
        case Format.TABLE:
            show(cost_report.as_table(lines, by), stdout())
        case Format.CSV:
            print(cost_report.as_csv(lines, by), end="")
        case Format.JSON:
            print(cost_report.as_json(lines, by))
    for line in found.notes():
        note(line)


def archive(
    *,
    channel: Annotated[str | None, typer.Option(help="The channel of the projects.")] = None,
    project: Annotated[list[str] | None, typer.Option(help="A project of that channel. Can be repeated.")] = None,
    before: Annotated[
        str | None, typer.Option("--finished-before", help="All projects finished before a day, such as 2026-11-01.")
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only show what would be archived.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON for a program.")] = False,
) -> None:
    r"""Remove projects from Dagster's partitions. Files, runs and costs stay; drawing a project again restores it.

    Example: assetgen archive --channel poke1 --finished-before 2026-11-01 \
    --dry-run
    """
    from assetgen_dagster.cli import archive as archiving
    from assetgen_dagster.project.key import ProjectKey
    from assetgen_dagster.settings import load_settings
    from assetgen_dagster.support.months import day_begins

    settings = load_settings()
    if (project is None) == (before is None) or (project and channel is None):
        raise AssetgenError(
            "Give either --channel and --project, or --finished-before with or without --channel.",
            code=Code.COMMAND_LINE,
        )
    with stderr().status("Reading the projects' records") as status:

        def seen(count: int) -> None:
            status.update(f"Read {count} projects")

        if before is None:
            keys = [ProjectKey(channel or "", name) for name in project or ()]
        else:
            moment = day_begins(before, settings.zone)
            keys = archiving.finished_before(moment, settings, channel=channel, seen=seen)
        verdicts = []
        for verdict in archiving.archive(keys, settings, dry_run=dry_run):
            verdicts.append(verdict)
            status.update(f"Archived {len(verdicts)} of {len(keys)} projects")
    print(archiving.as_json(verdicts, dry_run=dry_run) if as_json else archiving.as_text(verdicts, dry_run=dry_run))
    if project and any(isinstance(verdict, archiving.Kept) for verdict in verdicts):
        raise typer.Exit(1)
