"""The ``assetgen`` command. Every subcommand is a few lines over a function of its own module.

Exit codes: 0 everything asked for is there; 1 it is not, and the message says why; 2 the command line is wrong;
130 interrupted, and the same command goes on where it stopped.
"""

import io
import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console

from assetgen_dagster.cost_report import By, Format
from assetgen_dagster.drawing.plan import Mode
from assetgen_dagster.errors import COMMAND_LINE, AssetgenError

if TYPE_CHECKING:
    from assetgen_dagster.project import ProjectKey

app = typer.Typer(no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False, rich_markup_mode="rich")

ChannelOption = Annotated[str, typer.Option("--channel", help="Channel identifier, such as poke1.")]
ProjectOption = Annotated[str, typer.Option("--project", help="Project identifier, such as vid_123.")]
EventsOption = Annotated[bool, typer.Option("--events", help="Print progress as JSON lines, for a program.")]


@app.callback()
def assetgen() -> None:
    """Draws the 22 pictures of a nature documentary, each paid for once."""


@app.command()
def generate(
    *,
    channel: ChannelOption,
    project: ProjectOption,
    topic: Annotated[str | None, typer.Option(help="What the video is about.")] = None,
    story: Annotated[str | None, typer.Option(help="Story direction: what happens in it.")] = None,
    document: Annotated[
        Path | None, typer.Option(help="A producer's own 03_assets.md; copied into the project folder.")
    ] = None,
    mode: Annotated[
        Mode, typer.Option(help="auto, resume (only what is missing or changed) or regenerate.")
    ] = Mode.AUTO,
    events: EventsOption = False,
) -> None:
    """Draw a project's pictures, without UI or Notion.

    Example: assetgen generate --channel poke1 --project vid_123 --topic "Bulbasaur forest documentary"
    --story "Show evolution through seasons"
    """
    from assetgen_dagster import generate as generating  # noqa: PLC0415 - Dagster takes 2 s to import; --help should not
    from assetgen_dagster.channels import load_channels  # noqa: PLC0415
    from assetgen_dagster.project import ProjectKey  # noqa: PLC0415
    from assetgen_dagster.settings import load_settings  # noqa: PLC0415

    if document is not None and (topic is not None or story is not None):
        raise AssetgenError("Give either --document or --topic and --story, not both.", code=COMMAND_LINE)
    key = ProjectKey(channel, project)
    load_channels(load_settings()).get(channel)  # refused here, a typo leaves no folder and no partition
    if document is not None:
        generating.place_document(key, document)
    _draw(key, events=events, topic=topic, story_direction=story, mode=mode)


@app.command()
def redraw(
    *,
    channel: ChannelOption,
    project: ProjectOption,
    pictures: Annotated[
        str, typer.Option(help='Numbers, ranges or file names, such as "5, 13, env_cave"; or all.', show_default=False)
    ],
    remark: Annotated[
        str, typer.Option(help="What is to be different; joins their prompts and stays. none: take it away.")
    ] = "",
    events: EventsOption = False,
) -> None:
    """Draw single pictures again and keep all others, with a remark if you like.

    Example: assetgen redraw --channel poke1 --project vid_123 --pictures "5, 13"
    --remark "less golden light"
    """
    from assetgen_dagster.channels import load_channels  # noqa: PLC0415
    from assetgen_dagster.drawing.redraw import is_under_way, known_pictures, read_redraw  # noqa: PLC0415
    from assetgen_dagster.project import ProjectKey  # noqa: PLC0415
    from assetgen_dagster.settings import load_settings  # noqa: PLC0415

    key, settings = ProjectKey(channel, project), load_settings()
    load_channels(settings).get(channel)
    order = read_redraw(pictures, remark, known_pictures(key, settings))
    try:
        _draw(key, events=events, redraw=order)
    finally:
        if is_under_way(key, settings):  # the same command once more would draw all of them once more
            rest = f"assetgen generate --channel {channel} --project {project} --mode resume"
            Console(stderr=True, emoji=False).print(f"For what is left: {rest}", soft_wrap=True)


def _draw(key: "ProjectKey", *, events: bool, **what: Any) -> None:
    """Runs a project with progress in the terminal; ``what`` is for ``run_project``."""
    from assetgen_dagster import generate as generating  # noqa: PLC0415
    from assetgen_dagster.progress import Display, Message, message, result_table  # noqa: PLC0415

    console = Console(emoji=False)
    with Display(console) as display:

        def listen(news: Message | None) -> None:
            if news is not None:
                print(json.dumps(news), flush=True) if events else display.show(news)

        outcome = generating.run_project(key, listener=lambda key, event: listen(message(str(key), event)), **what)
    if not events:
        if display.results:
            console.print(result_table(str(key), display.results[str(key)]))
        if outcome.total_cost_usd is not None:
            console.print(
                f"This run: ${outcome.total_cost_usd:.4f}. All runs of {key}: ${outcome.project_cost_usd:.4f}."
            )
        if outcome.contact_sheet:
            console.print(f"Contact sheet: {outcome.contact_sheet}", soft_wrap=True)
    if outcome.interrupted:
        rest = ": the same command goes on from there" if what.get("redraw") is None else ""
        Console(stderr=True, emoji=False).print(f"Interrupted. What is done is kept{rest}.")
        raise typer.Exit(130)
    if not outcome.success:
        _complain(outcome.message or f"Run {outcome.run_id} failed; see it in the Dagster UI (make dev).")
        raise typer.Exit(1)


@app.command()
def manifest(
    file: Annotated[Path, typer.Argument(help="A producer's 03_assets.md.")],
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON for a program.")] = False,
) -> None:
    """Show what would be drawn from a document, without cost: each picture with its line and what decided its type.

    Example: assetgen manifest 03_assets.md
    """
    from assetgen_dagster.story.document import read_document  # noqa: PLC0415
    from assetgen_dagster.story.manifest import count_warnings  # noqa: PLC0415
    from assetgen_dagster.story.preview import preview  # noqa: PLC0415
    from assetgen_dagster.story.source import load_document  # noqa: PLC0415

    text = load_document(file)
    if text is None:
        raise AssetgenError(f"There is no file {file}.", code="document")
    found = read_document(text, name=file.name)
    warnings = [*found.warnings, *count_warnings(found)]
    if as_json:
        print(json.dumps(found.model_dump(mode="json") | {"warnings": warnings}, indent=2, ensure_ascii=False))
        return
    Console(emoji=False).print(preview(found, name=file.name, warnings=warnings))


@app.command()
def plan(
    *,
    channel: ChannelOption,
    project: ProjectOption,
    topic: Annotated[str | None, typer.Option(help="What the video is about, as for generate.")] = None,
    story: Annotated[str | None, typer.Option(help="Story direction, as for generate.")] = None,
    mode: Annotated[Mode, typer.Option(help="As for generate.")] = Mode.AUTO,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON for a program.")] = False,
) -> None:
    """Say what a run would draw, keep and put aside, why, and at what cost: nothing is paid for or changed.

    Example: assetgen plan --channel poke1 --project vid_123 --mode resume
    """
    from assetgen_dagster import planning  # noqa: PLC0415
    from assetgen_dagster.project import ProjectKey  # noqa: PLC0415
    from assetgen_dagster.story.source import Story  # noqa: PLC0415

    given = None if topic is None and story is None else Story(topic or "", story or "")
    made = planning.make_plan(ProjectKey(channel, project), mode=mode, story=given)
    print(planning.as_json(made)) if as_json else planning.show(made, Console(emoji=False))


@app.command()
def demo(
    *,
    latency: Annotated[float, typer.Option(help="Seconds the stand-in for Gemini takes for a picture.")] = 1.5,
    ui: Annotated[bool, typer.Option("--ui", help="Keep the Dagster UI open at the end.")] = False,
    folder: Annotated[Path | None, typer.Option(help="Where everything of the demo goes; emptied first.")] = None,
) -> None:
    """Draw two rows of a board, against stand-ins for Notion and Gemini: no key, no cost.

    Example: assetgen demo --ui
    """
    from assetgen_dagster.demo import run_demo  # noqa: PLC0415
    from assetgen_dagster.settings import PROJECT_ROOT  # noqa: PLC0415

    where = (folder or PROJECT_ROOT / "demo").resolve()
    run_demo(Console(emoji=False), folder=where, latency_seconds=latency, stay=ui)


@app.command()
def dev(
    port: Annotated[int, typer.Option(help="Port of the Dagster UI on 127.0.0.1.")] = 3000,
) -> None:
    """Open the Dagster UI with the daemon, on this machine only.

    Example: assetgen dev --port 3001
    """
    from assetgen_dagster.services import become_dagster_dev  # noqa: PLC0415

    become_dagster_dev(port)


@app.command()
def worker(
    slots: Annotated[int, typer.Option(min=1, max=64, help="Runs at once on this machine.")] = 3,
    name: Annotated[
        str, typer.Option(help="Name of this worker; another one for each on the same machine.")
    ] = "worker",
) -> None:
    """Carry out runs that another machine queues, until SIGTERM; those at work are then finished first.

    Example: assetgen worker --slots 3
    """
    from assetgen_dagster.services import become_worker  # noqa: PLC0415

    become_worker(slots=slots, name=name)


@app.command()
def doctor(
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON for a program.")] = False,
    services: Annotated[
        bool, typer.Option("--services", help="Daemon and sensors have to be at work: for a monitor.")
    ] = False,
) -> None:
    """Check every setting, and say what to do about what is wrong: no cost, no picture, no change to a row.

    Example: assetgen doctor --services --json
    """
    from assetgen_dagster import doctor as examining  # noqa: PLC0415
    from assetgen_dagster.log import configure_logging  # noqa: PLC0415

    configure_logging(io.StringIO())  # what a retry would say is in the findings
    findings = examining.examine(services=services)
    print(examining.as_json(findings) if as_json else "\n".join(map(str, findings)))
    if not all(finding.ok for finding in findings):
        raise typer.Exit(1)


@app.command()
def pause(
    reason: Annotated[str, typer.Option(help="Why, for whoever finds everything at a standstill.")] = "",
) -> None:
    """Stop all paying at once: pictures in flight finish, no further one is started, whoever asks for it.

    Example: assetgen pause --reason "checking the bill"
    """
    from assetgen_dagster.paying.shared import open_switches  # noqa: PLC0415
    from assetgen_dagster.paying.switches import pause as stop  # noqa: PLC0415
    from assetgen_dagster.paying.words import pause_in_words  # noqa: PLC0415
    from assetgen_dagster.settings import load_settings  # noqa: PLC0415

    settings = load_settings()
    print(f"{pause_in_words(stop(open_switches(settings), reason=reason), settings)}.")


@app.command()
def resume() -> None:
    """Let paying go on after assetgen pause, or after a daily quota was raised; runs that wait go on by themselves.

    Example: assetgen resume
    """
    from assetgen_dagster.paying.shared import open_switches  # noqa: PLC0415
    from assetgen_dagster.paying.switches import resume as go_on  # noqa: PLC0415
    from assetgen_dagster.settings import load_settings  # noqa: PLC0415

    before = go_on(open_switches(load_settings()))
    print("Paying goes on." if before else "Paying was not paused.")


@app.command()
def costs(
    *,
    by: Annotated[list[By] | None, typer.Option(help="What to tell apart; can be given again.")] = None,
    month: Annotated[str | None, typer.Option(help="Only this month, such as 2026-11, by ASSETGEN_TIMEZONE.")] = None,
    channel: Annotated[str | None, typer.Option(help="Only this channel.")] = None,
    how: Annotated[Format, typer.Option("--format", help="For people, a spreadsheet or a program.")] = Format.TABLE,
) -> None:
    """Say what was spent, from Dagster's records; what may have been billed without an answer is listed apart.

    Example: assetgen costs --by project --by model --month 2026-11 --format csv
    """
    from assetgen_dagster import cost_report  # noqa: PLC0415
    from assetgen_dagster.costs import recorded_costs  # noqa: PLC0415
    from assetgen_dagster.settings import load_settings  # noqa: PLC0415

    zone, by = load_settings().zone, by or [By.MONTH, By.CHANNEL]
    with Console(stderr=True).status("Reading Dagster's records") as status:
        found = recorded_costs(
            zone, month=month, channel=channel, seen=lambda count: status.update(f"Read {count} events")
        )
        lines = cost_report.add_up(found, by, zone)
    match how:
        case Format.TABLE:
            Console(emoji=False).print(cost_report.as_table(lines, by), markup=False)
        case Format.CSV:
            print(cost_report.as_csv(lines, by), end="")
        case Format.JSON:
            print(cost_report.as_json(lines, by))


@app.command()
def archive(
    *,
    channel: Annotated[str | None, typer.Option(help="Whose projects.")] = None,
    project: Annotated[list[str] | None, typer.Option(help="A project of that channel; can be given again.")] = None,
    before: Annotated[
        str | None, typer.Option("--finished-before", help="All that were finished before a day, such as 2026-11-01.")
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what would be archived.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON for a program.")] = False,
) -> None:
    """Take projects out of Dagster's list of partitions: files, runs and costs stay, and asking for one brings it back.

    Example: assetgen archive --channel poke1 --finished-before 2026-11-01 --dry-run
    """
    from assetgen_dagster import archive as archiving  # noqa: PLC0415
    from assetgen_dagster.months import day_begins  # noqa: PLC0415
    from assetgen_dagster.project import ProjectKey  # noqa: PLC0415
    from assetgen_dagster.settings import load_settings  # noqa: PLC0415

    settings = load_settings()
    if (project is None) == (before is None) or (project and channel is None):
        raise AssetgenError(
            "Give either --channel and --project, or --finished-before with or without --channel.", code=COMMAND_LINE
        )
    with Console(stderr=True).status("Reading the projects' records") as status:

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


@app.command("init-notion")
def init_notion(
    parent: Annotated[str, typer.Option(help="Id of, or link to, a page that is shared with the integration.")],
) -> None:
    """Create a Notion database with the properties and statuses that the settings name.

    Example: assetgen init-notion --parent https://www.notion.so/Videos-0123456789abcdef0123456789abcdef
    """
    from assetgen_dagster.log import configure_logging  # noqa: PLC0415
    from assetgen_dagster.notion.create import create_database  # noqa: PLC0415
    from assetgen_dagster.settings import load_settings  # noqa: PLC0415

    settings = load_settings().notion_for("")
    if settings is None:
        raise AssetgenError(
            "Set NOTION_TOKEN to the integration's secret first (notion.so/profile/integrations).", code="notion_token"
        )
    configure_logging(io.StringIO())
    made = create_database(settings, parent=parent)
    print(f"Made the database {made.title}: {made.url}")
    if settings.ui_url is None:
        print("For links from its rows to their runs, set ASSETGEN_UI_URL to the address of the Dagster UI.")
    print(f"Its id is {made.database_id}. Put this line into .env:\nNOTION_DATABASE_ID={made.database_id}")


def main() -> None:
    """Runs the command; a user's mistake ends in one message, not in a stack trace."""
    try:
        app()
    except AssetgenError as error:
        _complain(str(error))
        sys.exit(2 if error.code == COMMAND_LINE else 1)


def _complain(text: str) -> None:
    Console(stderr=True, emoji=False).print(
        f"Error: {text}", style="red", markup=False, highlight=False, soft_wrap=True
    )
