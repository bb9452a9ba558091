"""A manifest as a text that a person can check beside its document: a picture is two lines, a long prompt its ends.

    14 character sandshrew_curled [core] <- section CHARACTERS
        Sandshrew rolled tight between two boulders, ... red sand. Only one eye shows. (16 words)

Lines that begin with ``#`` are remarks of whoever checked it.
"""

from pathlib import Path

from assetgen_dagster.manifest.model import AssetManifest

_WHOLE = 14
_ENDS = 6


def ends(text: str) -> str:
    """Returns a text's first and last words, and how many there are: nothing can be lost or added unnoticed."""
    words = text.split()
    if len(words) <= _WHOLE:
        return " ".join(words) or "(empty)"
    return f"{' '.join(words[:_ENDS])} ... {' '.join(words[-_ENDS:])} ({len(words)} words)"


def rendered(manifest: AssetManifest) -> str:
    lines = [f"atmosphere: {ends(manifest.global_atmosphere)}"]
    for asset in manifest.assets:
        core = " [core]" if asset.core else ""
        ratio = f" [{asset.aspect_ratio}]" if asset.aspect_ratio else ""
        lines += [
            f"{asset.source_line} {asset.asset_type} {asset.name}{core}{ratio} <- {asset.category_reason}",
            f"    {ends(asset.prompt)}",
        ]
    lines += [f"warning: {warning}" for warning in manifest.warnings]
    lines += [f"note: {note}" for note in manifest.notes]
    return "\n".join(lines)


def expected(path: Path) -> str:
    lines = path.with_suffix(".expected.txt").read_text("utf-8").splitlines()
    return "\n".join(line.rstrip() for line in lines if line.strip() and not line.startswith("#"))
