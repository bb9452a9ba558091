"""Shows a manifest to a person, for ``assetgen manifest``: a table, followed by warnings and notes."""

from collections.abc import Iterator, Sequence

from rich.console import Console
from rich.table import Table
from rich.text import Text

from assetgen_dagster.cli.terminal import say, show
from assetgen_dagster.manifest.model import AssetManifest, AssetPrompt

_LONGEST_PROMPT = 160


def preview(manifest: AssetManifest, console: Console, *, name: str) -> None:
    """Prints a manifest.

    Args:
        manifest: The manifest.
        console: The terminal.
        name: The file's name.
    """
    counts = ", ".join(f"{count} {kind}{'' if count == 1 else 's'}" for kind, count in manifest.counts().items())
    total = len(manifest.assets)
    say(f"{name}: {total} picture{'' if total == 1 else 's'} ({counts})", console, style="bold")
    say(f"Atmosphere: {_cut(manifest.global_atmosphere) or 'none'}", console)
    show(_table(manifest.assets), console)
    warnings, unusual = manifest.sorted_warnings()
    for warning in warnings:
        say(f"Warning: {warning}", console, style="yellow")
    for remark in (*unusual, *manifest.notes):
        say(f"Note: {remark}", console, style="dim")


def _table(assets: Sequence[AssetPrompt]) -> Table:
    table = Table()
    # Text, not strings: Rich would read "[CORE]" or "[/b]" in a prompt as markup.
    table.add_column("line", justify="right")
    table.add_column("type", no_wrap=True)
    table.add_column("name", overflow="fold", min_width=20)
    table.add_column("decided by", overflow="fold")
    table.add_column("prompt", overflow="fold", ratio=1)
    for asset in assets:
        name = Text(asset.name)
        for mark in _marks(asset):
            name.append(f" {mark}", style="dim")
        table.add_row(
            str(asset.source_line or ""), asset.asset_type, name, Text(asset.category_reason), Text(_cut(asset.prompt))
        )
    return table


def _marks(asset: AssetPrompt) -> Iterator[str]:
    if asset.core:
        yield "[CORE]"
    if asset.aspect_ratio:
        yield asset.aspect_ratio


def _cut(text: str) -> str:
    text = " ".join(text.split())
    return text if len(text) <= _LONGEST_PROMPT else f"{text[: _LONGEST_PROMPT - 1]}…"
