"""The reader for ``03_assets.md``: every dialect in ``documents/``, with what must come out of it beside it."""

import json
import time
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from assetgen_dagster.story.document import DocumentError, read_document
from assetgen_dagster.story.manifest import AssetManifest, AssetType

DOCUMENTS = sorted((Path(__file__).parent / "documents").glob("*.md"))
REAL = Path(__file__).parents[2].parent / "shared" / "data"


def content(manifest: AssetManifest) -> list[tuple[str, str, str, int | None]]:
    return [(asset.asset_type, asset.name, asset.prompt, asset.source_line) for asset in manifest.assets]


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: path.stem)
def test_each_dialect_gives_the_manifest_beside_it(path: Path) -> None:
    expected = AssetManifest.model_validate(json.loads(path.with_suffix(".expected.json").read_text("utf-8")))
    assert read_document(path.read_text("utf-8")) == expected


@pytest.mark.parametrize(
    ("name", "counts", "first", "last", "atmosphere"),
    [
        (
            "haunter",
            (9, 9, 5),
            ("character", "haunter_floating_alert_core"),
            ("environment", "env_power_station_exterior_dawn"),
            ("3 AM transitioning", "shallow depth of field."),
        ),
        (
            "bulbasaur",
            (12, 0, 3),
            ("character", "bulbasaur_walking_core"),
            ("prop", "wet_grass_dew"),
            ("Early morning (6:00-7:00 AM)", "illuminated and shadowed areas."),
        ),
    ],
)
def test_the_two_real_documents_come_out_right(
    name: str,
    counts: tuple[int, int, int],
    first: tuple[str, str],
    last: tuple[str, str],
    atmosphere: tuple[str, str],
) -> None:
    path = REAL / f"{name}_03_assets.md"
    if not path.exists():
        pytest.skip("the producers' documents are not on this machine")
    text = path.read_text("utf-8")
    manifest = read_document(text)
    assert tuple(manifest.counts().values()) == counts
    assert (manifest.assets[0].asset_type, manifest.assets[0].name) == first
    assert (manifest.assets[-1].asset_type, manifest.assets[-1].name) == last
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
    assert atmosphere[0] in manifest.global_atmosphere
    assert manifest.global_atmosphere.endswith(atmosphere[1])
    assert manifest.warnings == ()


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: path.stem)
def test_line_ends_byte_order_mark_tabs_and_odd_spaces_change_nothing(path: Path) -> None:
    text = path.read_text("utf-8")
    expected = content(read_document(text))
    assert content(read_document("\ufeff" + text.replace("\n", "\r\n"))) == expected
    assert content(read_document(text.replace("# ", "#\N{NO-BREAK SPACE}"))) == expected
    assert content(read_document(text.replace("\n#", "\n\t#"))) == expected
    assert content(read_document(text.replace("\n", "  \n"))) == expected
    assert content(read_document(text.replace("filename:** ", "filename:**\t"))) == expected


def test_emoji_stay_in_prompts_and_leave_names() -> None:
    manifest = read_document("## Part 4: Master Prompts\n#### 🦊 Vulpix 🔥\n```\nVulpix 🦊👩‍🚀 at rest.\n```\n")
    assert manifest.assets[0].name == "vulpix"
    assert manifest.assets[0].prompt == "Vulpix 🦊👩‍🚀 at rest."


ONE = (
    "## Part 3: The Global Atmosphere Block\n\n{atmosphere}\n\n"
    "## Part 4: Master Prompts\n\n### CHARACTERS\n\n{picture}\n"
)
PICTURE = "#### Abra (Asleep)\n\n```\nAbra asleep in the air.\n```\n\n**Suggested filename:** abra.png"


@pytest.mark.parametrize(
    ("atmosphere", "expected"),
    [
        ("Soft rain.", "Soft rain."),
        ("```\nSoft rain.\n```", "Soft rain."),
        ("Put this before every prompt:\n\n```\nSoft rain over a long, wide and silent valley.\n```", None),
        ("**Weather:** Soft rain.\n\n**Lens:** 35mm", "Weather: Soft rain.\n\nLens: 35mm"),
        ("**Soft rain**\nand wind.", "Soft rain:\nand wind."),
        ("Soft rain. --ar 16:9", "Soft rain."),
        ("---\n\nSoft rain.", "Soft rain."),
        ("Soft rain.\n\n---\n\nA remark about something else.", "Soft rain."),
        ("> Soft rain.", "Soft rain."),
        ("- Soft rain\n- Wind", "Soft rain\nWind"),
    ],
)
def test_an_atmosphere_is_read_in_every_form(atmosphere: str, expected: str | None) -> None:
    manifest = read_document(ONE.format(atmosphere=atmosphere, picture=PICTURE))
    assert manifest.global_atmosphere == (expected or "Soft rain over a long, wide and silent valley.")
    assert [asset.name for asset in manifest.assets] == ["abra"]


def test_an_atmosphere_that_stands_among_the_prompts_is_no_picture() -> None:
    picture = "### Global Atmosphere Block\n\nSoft rain.\n\n### CHARACTERS\n\n" + PICTURE
    manifest = read_document(f"## Part 4: Master Prompts\n\n{picture}\n")
    assert manifest.global_atmosphere == "Soft rain."
    assert [asset.name for asset in manifest.assets] == ["abra"]


@pytest.mark.parametrize(
    ("label", "name"),
    [
        ("**Suggested filename:** abra_asleep.png", "abra_asleep"),
        ("**Suggested filename:** `abra_asleep.png`", "abra_asleep"),
        ("**Suggested filename**: abra_asleep.png (core)", "abra_asleep"),
        ("Suggested Filename: abra_asleep", "abra_asleep"),
        ("- **Filename:** abra_asleep.PNG", "abra_asleep"),
        ("*File name:* “Abra Asleep.png”", "abra_asleep"),
        ("📁 **Suggested filename:** assets/characters/abra_asleep.png", "abra_asleep"),
        ("**Suggested filename:** ..\\..\\abra_asleep.png", "abra_asleep"),
        ("**Suggested filename:**\n\n`abra_asleep.png`", "abra_asleep"),
        ("**Suggested filename: abra_asleep.png**", "abra_asleep"),
        ("##### Suggested filename: abra_asleep.png", "abra_asleep"),
        ("", "abra_asleep"),
    ],
)
@pytest.mark.parametrize("blank", ["", "\n"])
def test_the_file_name_is_found_however_it_is_written(label: str, name: str, blank: str) -> None:
    picture = f"#### Abra (Asleep)\n```\nAbra asleep in the air.\n```\n{blank}{label}\n\n---\n"
    manifest = read_document(ONE.format(atmosphere="Rain.", picture=picture))
    assert [(asset.name, asset.prompt) for asset in manifest.assets] == [(name, "Abra asleep in the air.")]


@pytest.mark.parametrize(
    ("group", "kind"),
    [
        ("### CHARACTERS", "character"),
        ("### Characters: the family", "character"),
        ("### ABRA ASSETS", "character"),
        ("### Cast (hero first)", "character"),
        ("### PROPS", "prop"),
        ("### Prop Assets", "prop"),
        ("### Environmental Props", "prop"),
        ("### Macro Details", "prop"),
        ("**PROPS:**", "prop"),
        ("PROPS", "prop"),
        ("Props\n-----", "prop"),
        ("### ENVIRONMENTS", "environment"),
        ("### Environment Plates (Clean, no characters)", "environment"),
        ("### SETS", "environment"),
        ("### Sets: Environmental States", "environment"),
        ("**Backgrounds**", "environment"),
    ],
)
def test_the_section_decides_the_kind(group: str, kind: str) -> None:
    manifest = read_document(f"## Part 4: Master Prompts\n\n{group}\n\n{PICTURE}\n")
    assert [asset.asset_type for asset in manifest.assets] == [kind]
    assert "is a character, an environment or a prop" not in str(manifest.warnings)


def test_a_rule_right_under_a_line_of_text_does_not_make_it_a_heading() -> None:
    picture = "#### Abra\n\nAbra asleep in the air\n---\n\n#### Kadabra\n\nKadabra awake on the ground\n***\n"
    manifest = read_document(ONE.format(atmosphere="Rain\n---", picture=picture))
    assert [asset.prompt for asset in manifest.assets] == ["Abra asleep in the air", "Kadabra awake on the ground"]
    assert manifest.global_atmosphere == "Rain"


def test_a_section_of_two_kinds_leaves_the_decision_to_part_1() -> None:
    listed = (
        "## Part 1: The Manifest\n### Props\n- Bell - of bronze\n\n## Part 4: Master Prompts\n### Characters & Props\n"
    )
    manifest = read_document(f"{listed}#### Bell\n```\nA bell.\n```\n#### Abra\n```\nAbra.\n```\n")
    assert [asset.asset_type for asset in manifest.assets] == [AssetType.PROP, AssetType.CHARACTER]
    assert [warning.split(":")[0] for warning in manifest.warnings if "'Abra'" in warning] == ["line 11"]


def test_text_that_belongs_to_no_prompt_is_reported_with_its_line() -> None:
    picture = "#### Abra\n\nAbra asleep in the air.\n\n---\n\nA remark.\n\n#### Kadabra\n\nBig.\n```\nKadabra.\n```\n"
    manifest = read_document(ONE.format(atmosphere="Rain.", picture=picture))
    assert [asset.prompt for asset in manifest.assets] == ["Abra asleep in the air.", "Kadabra."]
    assert manifest.warnings == (
        "line 15: text behind the rule is not taken as part of the prompt",
        "line 19: text beside the fenced prompt of 'Kadabra' is not read",
    )


def test_a_prefix_of_the_file_name_outranks_the_section() -> None:
    text = (
        "## Part 4: Master Prompts\n### CHARACTERS\n#### {0}\n```\nSomething.\n```\n**Suggested filename:** {0}.png\n"
    )
    kinds = [read_document(text.format(name)).assets[0].asset_type for name in ("env_hall", "prop_key", "char_abra")]
    assert kinds == [AssetType.ENVIRONMENT, AssetType.PROP, AssetType.CHARACTER]


def test_a_kind_that_nothing_says_is_a_character_and_a_warning_with_its_line() -> None:
    manifest = read_document("## Part 4: Master Prompts\n\n#### Something\n```\nSomething.\n```\n")
    assert manifest.assets[0].asset_type is AssetType.CHARACTER
    assert any(warning.startswith("line 3: whether 'Something' is") for warning in manifest.warnings)


def test_a_blank_prompt_is_kept_under_its_name_with_a_warning() -> None:
    manifest = read_document(ONE.format(atmosphere="Rain.", picture="#### Abra\n```\n   \n```\n**Filename:** abra.png"))
    assert [(asset.name, asset.prompt) for asset in manifest.assets] == [("abra", "")]
    assert any("'Abra' has an empty prompt" in warning for warning in manifest.warnings)


def test_a_name_cut_for_length_is_a_warning() -> None:
    picture = f"#### Abra\n```\nAbra.\n```\n**Suggested filename:** {'a' * 300}.png"
    manifest = read_document(ONE.format(atmosphere="Rain.", picture=picture))
    assert len(manifest.assets[0].name) == 200
    assert any("too long and is cut to" in warning for warning in manifest.warnings)


def test_midjourney_flags_leave_the_prompt_and_no_keeps_its_meaning() -> None:
    picture = "#### Abra\n```\nAbra asleep. --ar 16:9 --v 6\n\n--no anime, text\n```"
    manifest = read_document(ONE.format(atmosphere="Rain.", picture=picture))
    assert manifest.assets[0].prompt == "Abra asleep.\n\nAvoid: anime, text."
    assert manifest.warnings == ()


def test_another_aspect_ratio_is_one_warning_for_all_that_ask_for_it() -> None:
    two = "#### Abra\n```\nAbra asleep. --ar 9:16\n```\n#### Kadabra\n```\nKadabra awake. --ar 9:16\n```"
    manifest = read_document(ONE.format(atmosphere="Rain.", picture=two))
    assert manifest.warnings == ("lines 9, 13: --ar 9:16 is asked for, but pictures are drawn in 16:9",)
    assert read_document(ONE.format(atmosphere="Rain.", picture=two), aspect_ratio="9:16").warnings == ()


def test_an_atmosphere_repeated_in_a_prompt_is_sent_once() -> None:
    picture = "#### Abra\n```\nsoft  rain,\nwet leaves. Abra asleep.\n```"
    manifest = read_document(ONE.format(atmosphere="**Soft rain,** wet leaves.", picture=picture))
    assert manifest.combined_prompt(manifest.assets[0]) == "soft  rain,\nwet leaves. Abra asleep."


@pytest.mark.parametrize(
    ("text", "line", "said"),
    [
        ("", 1, "the document is empty"),
        ("\n\n  \n", 1, "the document is empty"),
        ("\nJust a letter.\n\nTo nobody.\n", 2, "none of the document's parts is there"),
        ("# A\n\n## Part 3: Global Atmosphere\n\nRain.\n", 3, "is 'Part 3: Global Atmosphere', and no prompts follow"),
        ("# A\n\n## Part 4: Master Prompts\n\nTo be written.\n", 3, "but no prompt stands below it"),
        ("\n" * 200_000, 100_000, "more than 100000 lines"),
    ],
)
def test_a_document_without_prompts_is_an_error_with_the_line(text: str, line: int, said: str) -> None:
    with pytest.raises(DocumentError, match=r"^03_assets\.md, line ") as raised:
        read_document(text)
    assert raised.value.line == line
    assert f"line {line}:" in str(raised.value)
    assert said in str(raised.value)
    assert "Looked for a heading 'Part 4: Master Prompts'" in str(raised.value)


def test_prompts_without_a_part_4_are_read_with_a_warning() -> None:
    manifest = read_document(f"# Abra\n\nHello.\n\n{PICTURE}\n")
    assert [asset.name for asset in manifest.assets] == ["abra"]
    assert any("no heading 'Part 4: Master Prompts' was found" in warning for warning in manifest.warnings)


def test_fenced_blocks_elsewhere_are_no_pictures() -> None:
    fence = "```\nNot a prompt, whatever it looks like.\n```\n"
    text = f"## Part 1: The Manifest\n{fence}\n## Part 2: Clip Table\n{fence}\n" + ONE.format(
        atmosphere="Rain.", picture=PICTURE
    )
    manifest = read_document(f"{text}\n## Production Notes\n\n### How to\n\n{fence}\n```bash\nls\n```\n")
    assert [asset.name for asset in manifest.assets] == ["abra"]


def realistic(size: int) -> str:
    """A document as long as asked, made like real ones: long prompts, labels, rules, flags."""
    body = "Light moves across the water while nothing else does, and the reeds lean a little. " * 12
    one = "#### {n}. Picture {n} [CORE]\n\n```\n{body} --ar 16:9\n\n--no text\n```\n\n"
    one += "**Suggested filename:** p_{n}.png\n\n---\n\n"
    text = ONE.format(atmosphere="**Time:** Noon", picture="")
    n = 0
    while len(text) < size:
        n += 1
        text += one.format(n=n, body=body)
    return text


def seconds(text: str) -> float:
    start = time.perf_counter()
    with suppress(DocumentError):
        read_document(text)
    return time.perf_counter() - start


def test_a_megabyte_is_read_within_a_second() -> None:
    text = realistic(1_000_000)
    assert seconds(text) < 1.0
    assert len(read_document(text).assets) == text.count("####")


@pytest.mark.parametrize(
    "piece",
    [
        "#",
        ">",
        "> ",
        "- ",
        "`",
        "*",
        "_",
        "[",
        "<",
        " ",
        "\t",
        "1",
        "a.",
        "**a** ",
        "--no a,",
        "[global atmosphere ",
        "|",
    ],
)
def test_a_megabyte_of_the_same_character_does_not_take_long(piece: str) -> None:
    head = "## Part 4: Master Prompts\n\n#### "
    noise = (piece * 1_000_000)[:1_000_000]
    assert seconds(noise) < 2.0
    assert seconds(head + noise) < 2.0
    assert seconds(f"{head}A\n```\n{noise}\n```\n") < 2.0


def test_thousands_of_pictures_with_one_name_do_not_take_long() -> None:
    text = "## Part 4: Master Prompts\n" + "#### B\n```\nx\n```\n" * 12_000
    start = time.perf_counter()
    names = [asset.name for asset in read_document(text).assets]
    assert time.perf_counter() - start < 4.0
    assert len(set(names)) == 12_000


FRAGMENTS = st.sampled_from(
    [
        *("## Part 4: Master Prompts", "**Part 3: The Global Atmosphere Block**", "Part II", "### CHARACTERS"),
        *("#### 1. A [CORE]", "```", "````", "~~~", "**Suggested filename:** a.png", "**Filename:**", "`x.png`", "---"),
        *("===", "> ", "- ", "1. ", "**PROPS**", "**Prompt:**", "Negative prompt: x", "Category: prop", "--ar 1:0"),
        *(
            "--no",
            "--no a,",
            "—no b",
            "--ar 16:9",
            "some words of a prompt that is long enough",
            "\t",
            "\x00",
            "\u2028",
        ),
        *("\r", "<!--", "-->", "<details>", "[x]: y", "| a | b |", "#", "\ud800", "[Global Atmosphere]", "## Summary"),
        *("", " ", "**", "__a__", "\\", "&amp;", "a" * 300, "İ", "ﬀ"),
    ]
)


@settings(max_examples=300, deadline=None)
@given(st.lists(st.tuples(FRAGMENTS, st.sampled_from(["\n", "\n\n", " ", "\r\n"])), max_size=40))
def test_whatever_is_put_together_only_a_document_error_is_raised(pieces: list[tuple[str, str]]) -> None:
    text = "".join(fragment + end for fragment, end in pieces)
    try:
        manifest = read_document(text)
    except DocumentError as error:
        assert error.line >= 1
    else:
        assert manifest.content_sha256()


@settings(max_examples=150, deadline=None)
@given(st.text(max_size=400))
def test_any_text_gives_a_manifest_or_a_document_error(text: str) -> None:
    for tried in (text, f"## Part 4: Master Prompts\n\n#### A\n```\n{text}\n```\n"):
        with suppress(DocumentError):
            read_document(tried)


PROSE = st.lists(
    st.sampled_from(
        ["moss", "a slow river", "f/2.8", "(wide)", "light", "Bulbasaur's eye", "rain - heavy", "3 stones"]
    ),
    min_size=4,
    max_size=12,
).map(" ".join)
PARTS = ["## Part 4: Master Prompts", "**Part 4: Master Prompts**", "# Master Prompts", "Part 4 - Prompts"]
HEADINGS = ["#### {n}. Picture {n}", "### Picture {n} [CORE]", "## Picture {n}", "##### Asset {n}: Picture"]
PROMPTS = ["```\n{p}\n```", "~~~text\n{p}\n~~~", "{p}", "> {p}", "**Prompt:**\n```\n{p}\n```", "**Prompt:** {p}"]
LABELS = ["", "**Suggested filename:** p_{n}.png", "\nFilename: `p_{n}.png`"]
TAILS = ["", "## Summary\n\nAll of it, in a few words for the producer.\n"]


@st.composite
def documents(draw: st.DrawFn) -> tuple[str, list[str]]:
    """A document in one of many dialects, and its prompts."""
    heading, prompt, label = (draw(st.sampled_from(choice)) for choice in (HEADINGS, PROMPTS, LABELS))
    label_first = draw(st.booleans())
    rule = draw(st.sampled_from(["", "---\n", "***\n"]))
    prompts = [f"Nr {n}: {prose}" for n, prose in enumerate(draw(st.lists(PROSE, min_size=1, max_size=6)), 1)]
    text = f"# Film\n\n## Part 3: Global Atmosphere\n\nRain.\n\n{draw(st.sampled_from(PARTS))}\n\n"
    for n, one in enumerate(prompts, 1):
        body = [prompt.format(p=one), label.format(n=n)]
        text += heading.format(n=n) + "\n\n" + "\n\n".join(reversed(body) if label_first else body) + f"\n\n{rule}\n"
    return text + draw(st.sampled_from(TAILS)), prompts


@settings(max_examples=200, deadline=None)
@given(documents())
def test_no_prompt_of_part_4_is_lost_whatever_the_dialect(document: tuple[str, list[str]]) -> None:
    text, prompts = document
    manifest = read_document(text)
    assert [asset.prompt for asset in manifest.assets] == prompts
    assert manifest.global_atmosphere == "Rain."
