"""Checks this machine: workspace, channels, script, and the address of the UI."""

import shutil

from assetgen_dagster.cli.doctor.finding import Finding, broken, of_failure
from assetgen_dagster.drawing.preflight import script_failure
from assetgen_dagster.drawing.render_options import RenderOptions, render_options_of
from assetgen_dagster.drawing.room import ROOM_PER_PICTURE
from assetgen_dagster.errors import AssetgenError
from assetgen_dagster.project.channels import Channel, load_channels
from assetgen_dagster.project.workspace import writable_workspace
from assetgen_dagster.providers.registry import provider_of
from assetgen_dagster.settings import Settings


def examine_machine(settings: Settings) -> list[Finding]:
    """Checks files, folders and addresses; sends no request."""
    return [finding for check in (_workspace, _channels, _ratio, _script, _ui) for finding in check(settings)]


def _workspace(settings: Settings) -> list[Finding]:
    try:
        writable_workspace(settings.workspace)
        free = shutil.disk_usage(settings.workspace).free
    except AssetgenError as error:
        return [broken("workspace", error)]
    except OSError as error:
        cause = f"{settings.workspace}: {error.strerror}."
        return [Finding("workspace", False, cause, "Set ASSETGEN_WORKSPACE to a writable folder.")]
    room = settings.image_slots * ROOM_PER_PICTURE
    if free < room:
        return [
            Finding(
                "workspace",
                False,
                f"Only {free >> 20} MiB are free at {settings.workspace}.",
                f"Free {room >> 20} MiB, which one project may need, or set ASSETGEN_WORKSPACE to another disk.",
            )
        ]
    return [Finding("workspace", True, f"{settings.workspace} is writable, {free >> 20} MiB are free.")]


def _channels(settings: Settings) -> list[Finding]:
    try:
        channels = load_channels(settings)
    except AssetgenError as error:
        return [broken("channels", error)]
    if channels.path is None:
        return [Finding("channels", True, "Any channel is allowed: there is no channels.toml.")]
    undrawable = [
        Finding(
            "channels", False, f"{_undrawable(settings, options)} (channel {name}).", f"Change it in {channels.path}."
        )
        for name, channel in sorted(channels.known.items())
        if channel.aspect_ratio is not None and (options := render_options_of(settings, channel)).is_undrawable
    ]
    return undrawable or [Finding("channels", True, f"{channels.path} names {', '.join(sorted(channels.known))}.")]


def _ratio(settings: Settings) -> list[Finding]:
    options = render_options_of(settings, Channel())
    if not options.is_undrawable:
        return []
    return [Finding("aspect ratio", False, f"{_undrawable(settings, options)}.", "Set GEMINI_ASPECT_RATIO to another.")]


def _undrawable(settings: Settings, options: RenderOptions) -> str:
    ratios = ", ".join(options.ratios)
    return f"{provider_of(settings).model} draws no {options.aspect_ratio}, but {ratios}"


def _script(settings: Settings) -> list[Finding]:
    failure = script_failure(settings)
    if failure is not None:
        return [of_failure("script", failure)]
    return [Finding("script", True, f"{provider_of(settings).script} can be started.")]


def _ui(settings: Settings) -> list[Finding]:
    if settings.ui_url is None:
        text = (
            "ASSETGEN_UI_URL is not set, so rows show their runs without a link (make dev sets it to its own address)."
        )
        return [Finding("Dagster UI", True, text)]
    return [Finding("Dagster UI", True, f"Rows link to their runs at {settings.ui_url}.")]
