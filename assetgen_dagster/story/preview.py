"""A manifest as ``assetgen manifest`` shows it to a person: a table, and below it what to look at."""

from collections.abc import Iterator, Sequence

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from assetgen_dagster.story.manifest import AssetManifest, AssetPrompt

_LONGEST_PROMPT = 160


def preview(manifest: AssetManifest, *, name: str, warnings: Sequence[str]) -> RenderableType:
    """Returns everything that there is to show of a document.

    Args:
        manifest: What was read from it.
        name: The document's.
        warnings: The manifest's, and what else there is to warn of.
    """
    counts = ", ".join(f"{count} {kind}{'' if count == 1 else 's'}" for kind, count in manifest.counts().items())
    # Text, not strings: a prompt may hold "[CORE]" or "[/b]", which Rich would take for markup.
    return Group(
        Text(f"{name}: {len(manifest.assets)} pictures ({counts})", style="bold"),
        Text(f"Atmosphere: {_cut(manifest.global_atmosphere) or 'none'}"),
        _table(manifest.assets),
        *(Text(f"Warning: {warning}", style="yellow") for warning in warnings),
        *(Text(f"Note: {note}", style="dim") for note in manifest.notes),
    )


def _table(assets: Sequence[AssetPrompt]) -> Table:
    table = Table(title_justify="left")
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
