"""Whole documents: ``corpus/``, each with what must come out of it beside it; and what must hold for all of them."""

from dataclasses import dataclass
from pathlib import Path

import pytest

from assetgen_dagster.documents import read_document
from assetgen_dagster.manifest.model import AssetManifest
from assetgen_dagster.settings import PROJECT_ROOT
from tests.unit.documents.expected import expected, rendered

CORPUS = Path(__file__).parent / "corpus"
DOCUMENTS = sorted(CORPUS.glob("*.md"))
REAL = PROJECT_ROOT.parent / "shared" / "data"


def content(manifest: AssetManifest) -> list[tuple[str, str, str, int | None]]:
    return [(asset.asset_type, asset.name, asset.prompt, asset.source_line) for asset in manifest.assets]


def read(path: Path) -> str:
    return path.read_bytes().decode()


def test_the_corpus_is_as_large_as_it_is_meant_to_be() -> None:
    assert len(DOCUMENTS) >= 25
    assert sum(path.stat().st_size > 29_000 for path in DOCUMENTS) >= 10


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: path.stem)
def test_each_document_gives_the_manifest_beside_it(path: Path) -> None:
    assert rendered(read_document(read(path))) == expected(path)


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: path.stem)
def test_a_prompt_stands_at_or_close_below_its_line(path: Path) -> None:
    lines = read(path).splitlines()
    for asset in read_document(read(path)).assets:
        assert asset.source_line is not None
        near = " ".join(" ".join(lines[asset.source_line - 1 : asset.source_line + 11]).replace("> ", "").split())
        first = " ".join(asset.prompt.split("Avoid:")[0].split()[:3])
        assert first.replace("|", "\\|") in near or "[Insert" in near or "[GLOBAL" in near


@dataclass(frozen=True)
class Layout:
    """A document in a layout that producers use, and what must come out of it."""

    path: Path
    counts: tuple[int, int, int]
    first: tuple[str, str]
    last: tuple[str, str]
    atmosphere: tuple[str, str]


#: One of ours in each of the two layouts, and the producers' own where these are on this machine.
LAYOUTS = [
    Layout(
        CORPUS / "long_headings_and_fences.md",
        (7, 8, 5),
        ("character", "quagsire_waiting_core"),
        ("environment", "env_first_star"),
        ("Late August in a drowned quarry", "skin and scale are not."),
    ),
    Layout(
        CORPUS / "long_species_and_flags.md",
        (7, 8, 5),
        ("character", "quagsire_waiting_core"),
        ("prop", "prop_feather"),
        ("Time: Late August in a drowned quarry", "skin and scale are not."),
    ),
    Layout(
        REAL / "haunter_03_assets.md",
        (9, 9, 5),
        ("character", "haunter_floating_alert_core"),
        ("environment", "env_power_station_exterior_dawn"),
        ("3 AM transitioning", "shallow depth of field."),
    ),
    Layout(
        REAL / "bulbasaur_03_assets.md",
        (12, 0, 3),
        ("character", "bulbasaur_walking_core"),
        ("prop", "wet_grass_dew"),
        ("Early morning (6:00-7:00 AM)", "illuminated and shadowed areas."),
    ),
]


@pytest.mark.parametrize("layout", [one for one in LAYOUTS if one.path.exists()], ids=lambda one: one.path.stem)
def test_documents_in_the_producers_own_layouts_come_out_right(layout: Layout) -> None:
    text = layout.path.read_text("utf-8")
    manifest = read_document(text)
    assert tuple(manifest.counts().values()) == layout.counts
    assert (manifest.assets[0].asset_type, manifest.assets[0].name) == layout.first
    assert (manifest.assets[-1].asset_type, manifest.assets[-1].name) == layout.last
    # Names as suggested, in order, found here by nothing but the label.
    suggested = [line.split("** ")[1] for line in text.splitlines() if line.startswith("**Suggested filename:**")]
    assert [f"{asset.name}.png" for asset in manifest.assets] == suggested
    lines = text.splitlines()
    for asset in manifest.assets:
        assert asset.source_line is not None
        assert asset.title in lines[asset.source_line - 1]
        assert asset.core == ("[CORE]" in lines[asset.source_line - 1])
        assert len(asset.prompt) > 900
        assert not any(mark in asset.prompt for mark in ("--", "```", "Suggested filename", "\n#", "**"))
    assert layout.atmosphere[0] in manifest.global_atmosphere
    assert manifest.global_atmosphere.endswith(layout.atmosphere[1])
    assert manifest.warnings == ()


@pytest.mark.parametrize("path", [path for path in DOCUMENTS if "table" not in path.stem], ids=lambda path: path.stem)
def test_line_ends_byte_order_mark_tabs_and_odd_spaces_change_nothing(path: Path) -> None:
    text = read(path).removeprefix("\ufeff")
    expected = content(read_document(text))
    assert content(read_document("\ufeff" + text.replace("\n", "\r\n"))) == expected
    assert content(read_document(text.replace("# ", "#\N{NO-BREAK SPACE}"))) == expected
    assert content(read_document(text.replace("\n#", "\n\t#"))) == expected
    assert content(read_document(text.replace("\n", "  \n"))) == expected
    assert content(read_document(text.replace("filename:** ", "filename:**\t"))) == expected
