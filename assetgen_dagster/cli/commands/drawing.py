"""Commands that draw, or show what they would draw."""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from assetgen_dagster.cli.terminal import complain, note, say, show, stdout
from assetgen_dagster.drawing.plan import Mode
from assetgen_dagster.errors import AssetgenError, Code

if TYPE_CHECKING:
    from assetgen_dagster.director.model.events import StoryEvent
    from assetgen_dagster.drawing.events import Event
    from assetgen_dagster.drawing.plan import Redraw
    from assetgen_dagster.project.key import ProjectKey
    from assetgen_dagster.settings import Settings

ChannelOption = Annotated[str, typer.Option("--channel", help="Channel identifier, such as poke1.")]
ProjectOption = Annotated[str, typer.Option("--project", help="Project identifier, such as vid_123.")]
PICTURES = 'Numbers, ranges or file names, such as "5, 13, env_cave"; or all.'
_ONE_SOURCE = "Give either --document or --topic and --story, not both."
EventsOption = Annotated[bool, typer.Option("--events", help="Print progress as JSON lines for a program.")]


def generate(
    *,
    channel: ChannelOption,
    project: ProjectOption,
    topic: Annotated[str | None, typer.Option(help="Topic of the video.")] = None,
    story: Annotated[str | None, typer.Option(help="Story direction: what happens in the video.")] = None,
    document: Annotated[
        Path | None, typer.Option(help="A producer's own 03_assets.md; copied into the project folder.")
    ] = None,
    mode: Annotated[
        Mode,
        typer.Option(
            help="resume draws missing or changed pictures; regenerate draws all again; auto resumes an unfinished "
            "project, and draws a finished one again."
        ),
    ] = Mode.AUTO,
    events: EventsOption = False,
) -> None:
    r"""Draw a project's pictures, without UI or Notion.

    Example: assetgen generate --channel poke1 --project vid_123 \
    --topic "Bulbasaur forest documentary" --story "Evolution through seasons"

    Example: assetgen generate --channel poke1 --project vid_123 --mode resume
    """
    from assetgen_dagster.cli import generate as generating
    from assetgen_dagster.director.source import check_has_story
    from assetgen_dagster.project.channels import load_channels
    from assetgen_dagster.project.key import ProjectKey
    from assetgen_dagster.project.workspace import locate_project
    from assetgen_dagster.settings import load_settings

    if document is not None and (topic is not None or story is not None):
        raise AssetgenError(_ONE_SOURCE, code=Code.COMMAND_LINE)
    key = ProjectKey(channel, project)
    settings = load_settings()
    load_channels(settings).get(channel)  # checked here, so that a typo leaves no folder and no partition
    if document is None and topic is None and story is None:
        check_has_story(locate_project(key, workspace=settings.workspace).project)
    if document is not None:
        generating.place_document(key, document, settings)
    _draw(key, settings, events=events, topic=topic, story_direction=story, mode=mode)


def redraw(
    *,
    channel: ChannelOption,
    project: ProjectOption,
    pictures: Annotated[str, typer.Option(help=PICTURES, show_default=False)],
    remark: Annotated[
        str, typer.Option(help="Change to make: added to their prompts, and kept there until you give 'none'.")
    ] = "",
    events: EventsOption = False,
) -> None:
    r"""Draw single pictures again, optionally with a remark, and keep all others.

    Example: assetgen redraw --channel poke1 --project vid_123 \
    --pictures "5, 13-14" --remark "less golden light"
    """
    from assetgen_dagster.project.key import ProjectKey
    from assetgen_dagster.settings import load_settings

    key = ProjectKey(channel, project)
    settings = load_settings()
    _draw(key, settings, events=events, redraw=_order(key, settings, pictures, remark))


def _order(key: "ProjectKey", settings: "Settings", pictures: str, remark: str) -> "Redraw":
    """Returns the redraw that the options ask for; all pictures they name exist."""
    from assetgen_dagster.director.source import check_has_story
    from assetgen_dagster.drawing.redraw import known_pictures, read_redraw
    from assetgen_dagster.project.channels import load_channels
    from assetgen_dagster.project.workspace import locate_project

    load_channels(settings).get(key.channel)
    check_has_story(locate_project(key, workspace=settings.workspace).project)
    return read_redraw(pictures, remark, known_pictures(key, settings))


def _draw(key: "ProjectKey", settings: "Settings", *, events: bool, **what: Any) -> None:
    """Runs a project with progress in the terminal; ``what`` is passed to ``run_project``."""
    from assetgen_dagster.cli import generate as generating
    from assetgen_dagster.cli.planning import drawn_again
    from assetgen_dagster.cli.progress import Display, message, result_table, worth_a_table
    from assetgen_dagster.drawing.events import PlanMade

    console = stdout()
    with Display(console) as display:

        def listen(event: "Event | StoryEvent") -> None:
            news = message(str(key), event)
            if news is not None:
                print(json.dumps(news), flush=True) if events else display.show(news)
            if isinstance(event, PlanMade) and what.get("mode") is Mode.AUTO and not events:
                display.say(drawn_again(key, event, settings))

        outcome = generating.run_project(key, settings, listener=lambda _, event: listen(event), **what)
    if not events:
        if worth_a_table(results := display.results.get(str(key), {})):
            show(result_table(str(key), results), console)
        if outcome.total_cost_usd is not None:
            spent = f"This run: ${outcome.total_cost_usd:.4f}. All runs of {key}: ${outcome.project_cost_usd:.4f}."
            if outcome.possibly_billed_usd:
                spent += f" Calls that never answered may have cost ${outcome.possibly_billed_usd:.4f} more."
            say(spent, console)
        if outcome.contact_sheet:
            say(f"Contact sheet: {outcome.contact_sheet}", console)
    if outcome.look_at:
        again = (
            f'assetgen redraw --channel {key.channel} --project {key.project} --pictures "{outcome.look_at_numbers}"'
        )
        note(f"{outcome.look_at} To draw them again, at the same cost: {again}")
    if outcome.interrupted:
        note("Interrupted. Finished pictures are kept: repeat the command to continue, before any other run.")
        raise typer.Exit(130)
    if not outcome.success:
        complain(outcome.message or f"Run {outcome.run_id} failed; see it in the Dagster UI (make dev).")
        raise typer.Exit(1)


def manifest(
    file: Annotated[Path, typer.Argument(help="A producer's 03_assets.md, or a project's asset_manifest.json.")],
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON for a program.")] = False,
) -> None:
    """Show the pictures in a document or a manifest: each with its line and the reason for its type. Costs nothing.

    Example: assetgen manifest 03_assets.md --json
    """
    from assetgen_dagster.cli.manifest_preview import preview
    from assetgen_dagster.director.source import read_manifest
    from assetgen_dagster.manifest.file import all_warnings

    found = read_manifest(file)
    if found is None:
        raise AssetgenError(f"There is no file {file}.", code=Code.DOCUMENT)
    if as_json:
        shown = found.model_dump(mode="json") | {"warnings": all_warnings(found)}
        print(json.dumps(shown, indent=2, ensure_ascii=False))
        return
    preview(found, stdout(), name=file.name)


def plan(
    *,
    channel: ChannelOption,
    project: ProjectOption,
    topic: Annotated[str | None, typer.Option(help="Topic of the video, as for generate.")] = None,
    story: Annotated[str | None, typer.Option(help="Story direction, as for generate.")] = None,
    document: Annotated[Path | None, typer.Option(help="As for generate, but not copied.")] = None,
    mode: Annotated[Mode, typer.Option(help="As for generate.")] = Mode.AUTO,
    pictures: Annotated[str | None, typer.Option(help="As for redraw.")] = None,
    remark: Annotated[str, typer.Option(help="As for redraw.")] = "",
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON for a program.")] = False,
) -> None:
    r"""Show what a run would draw, keep and retire, why, and at what cost. Changes nothing, costs nothing.

    Example: assetgen plan --channel poke1 --project vid_123 --mode resume

    Example: assetgen plan --channel poke1 --project vid_123 \
    --pictures "5, 13-14" --remark "less golden light"
    """
    from assetgen_dagster.cli import planning
    from assetgen_dagster.director.source import Story
    from assetgen_dagster.project.key import ProjectKey
    from assetgen_dagster.settings import load_settings

    key = ProjectKey(channel, project)
    given = None if topic is None and story is None else Story(topic or "", story or "")
    if document is not None and given:
        raise AssetgenError(_ONE_SOURCE, code=Code.COMMAND_LINE)
    if pictures is not None and (given or document or mode is not Mode.AUTO):
        either = "Give either --pictures or --topic, --story, --document and --mode, not both."
        raise AssetgenError(either, code=Code.COMMAND_LINE)
    if pictures is None and remark:
        raise AssetgenError("--remark needs --pictures: give both, or neither.", code=Code.COMMAND_LINE)
    settings = load_settings()
    order = None if pictures is None else _order(key, settings, pictures, remark)
    made = planning.make_plan(key, settings, mode=mode, story=given, document=document, redraw=order)
    print(planning.as_json(made)) if as_json else planning.show(made, stdout())
