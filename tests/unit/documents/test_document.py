"""The reader for ``03_assets.md``, one peculiarity at a time; whole documents are the subject of ``test_corpus``."""

import pytest

from assetgen_dagster.documents import DocumentError, read_document
from assetgen_dagster.manifest.model import AssetType


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
        "line 15: text behind the prompt is not taken as part of it",
        "line 19: text beside the prompt of 'Kadabra' is not read",
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


def test_what_is_to_be_avoided_in_a_picture_without_a_prompt_is_named_with_it() -> None:
    table = "| # | Prompt | File |\n|---|---|---|\n\nNegative prompt: rain\n| 1 | Moss. | moss.png |"
    text = f"## Part 4: Master Prompts\n\n{table}\n"
    [warning] = [warning for warning in read_document(text).warnings if "has an empty prompt" in warning]
    assert warning.startswith("lines 3-7: ")


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


@pytest.mark.parametrize(
    ("asked", "ratio"),
    [
        ("```\nAbra. --ar 9:16\n```", "9:16"),
        ("```\nAbra. --ar 2.39 : 1 --v 6\n```", "2.39:1"),
        ("```\nAbra.\n```\n**Aspect Ratio:** 4:5", "4:5"),
        ("```\nAbra.\n```\n**Aspect Ratio:** 16:9 (landscape)", "16:9"),
        ("```\nAbra.\n```\n**Aspect Ratio:** 16×9", "16:9"),
        ("```\nAbra.\n```\n\n`--ar 4:5`", "4:5"),
        ("```\nAbra. --ar 1.123456:1\n```", None),
        ("```\nAbra.\n```\n**Aspect Ratio:** wide", None),
        ("```\nAbra.\n```\n**Aspect Ratio:** 16000:9000", None),
    ],
)
def test_the_aspect_ratio_of_a_picture_is_found_however_it_is_written(asked: str, ratio: str | None) -> None:
    manifest = read_document(ONE.format(atmosphere="Rain.", picture=f"#### Abra\n{asked}"))
    assert [asset.aspect_ratio for asset in manifest.assets] == [ratio]
    assert "--ar 1.1" in asked or manifest.assets[0].prompt == "Abra."


def test_the_atmospheres_aspect_ratio_is_that_of_pictures_that_name_none() -> None:
    two = "#### Abra\n```\nAbra. --ar 1:1\n```\n#### Kadabra\n```\nKadabra.\n```"
    manifest = read_document(ONE.format(atmosphere="Rain. --ar 21:9", picture=two))
    assert [asset.aspect_ratio for asset in manifest.assets] == ["1:1", "21:9"]


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
        ("\n" * 200_000, 15_000, "more than 15,000 lines"),
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


WHOLE = ONE.format(atmosphere="Rain.", picture=f"{PICTURE}\n\n#### Kadabra\n\nKadabra awake on the ground.\n")


@pytest.mark.parametrize("opening", ["```markdown", "```", "````md", "~~~markdown"])
@pytest.mark.parametrize("before", ["", "Sure! Here is your document:\n\n"])
@pytest.mark.parametrize("behind", ["", "\nLet me know if you need any changes!\n"])
def test_a_document_in_one_fence_is_opened_and_a_word_around_it_is_no_prompt(
    opening: str, before: str, behind: str
) -> None:
    manifest = read_document(f"{before}{opening}\n{WHOLE}{opening.rstrip('markdown')}\n{behind}")
    assert manifest.global_atmosphere == "Rain."
    assert [asset.prompt for asset in manifest.assets] == ["Abra asleep in the air.", "Kadabra awake on the ground."]
    assert len(manifest.warnings) == bool(behind)


def test_an_escaped_mark_in_a_title_is_a_letter() -> None:
    manifest = read_document(ONE.format(atmosphere="Rain.", picture="#### Abra\\_asleep \\*\n```\nAbra.\n```"))
    assert (manifest.assets[0].title, manifest.assets[0].name) == ("Abra_asleep *", "abra_asleep")


@pytest.mark.parametrize("mark", ["[ ]", "[x]", "[X]"])
def test_a_list_to_tick_off_is_a_list(mark: str) -> None:
    item = f"- {mark} **Abra:** Abra asleep in the air above a pond."
    manifest = read_document(ONE.format(atmosphere="Rain.", picture=item))
    assert [(asset.name, asset.prompt) for asset in manifest.assets] == [
        ("abra", "Abra asleep in the air above a pond.")
    ]


def test_an_item_that_is_no_picture_among_pictures_is_worth_a_look() -> None:
    items = "- **Abra:** Abra asleep in the air above a pond.\n- **Kadabra:** Kadabra."
    manifest = read_document(ONE.format(atmosphere="Rain.", picture=items))
    assert [asset.name for asset in manifest.assets] == ["abra"]
    warning, how_to_go_on = manifest.warnings
    assert warning == "line 10: the item '**Kadabra:** Kadabra.' is not read as a picture, unlike others of its list"
    assert manifest.unread == (warning,)
    assert "write each picture" in how_to_go_on


def test_a_picture_without_a_title_is_not_called_nothing() -> None:
    manifest = read_document(
        "## Part 4: Master Prompts\n\nA word before it, and a second.\n\n```\nAbra asleep in the air.\n```\n"
    )
    assert manifest.warnings
    assert "''" not in str((manifest.warnings, manifest.notes))
