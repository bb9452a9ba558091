"""Writes the long documents of ``corpus/``: one production, told in ten dialects, each with what must come out of it.

Run once by hand (``python -m tests.unit.documents.make_long_documents``); what it wrote is committed, and the tests
read that.
What must come out is known here before any document is written: no line of the reader takes part in it.
"""

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from tests.unit.documents.expected import ends
from tests.unit.documents.quarry import ATMOSPHERE, ITEMS, NO, Item

CORPUS = Path(__file__).parent / "corpus"

GROUPS = {"character": "CHARACTERS", "environment": "ENVIRONMENTS", "prop": "PROPS"}
CAST = ("Quagsire", "Poliwag", "Fearow")


def of(kind: str) -> list[Item]:
    return [item for item in ITEMS if item.kind == kind]


def lists(*, heading: str = "###") -> Iterator[str]:
    yield f"{heading} Cast: Character Variants\n"
    yield from (f"- {item.title}{' [CORE]' if item.core else ''} - clip {item.number}" for item in of("character"))
    yield f"\n{heading} Props: Macro Subjects\n"
    yield from (f"- {item.title} - clip {item.number}, 100mm" for item in of("prop"))
    yield f"\n{heading} Sets: Environmental States\n"
    yield from (f"- {item.title} - as a plate, nobody in it" for item in of("environment"))


def clips() -> Iterator[str]:
    yield "| Clip # | Scene Description | Assets Required |\n| :--- | :--- | :--- |"
    for number in range(1, 17):
        one, two = ITEMS[number % 7], of("environment")[number % 8]
        yield f"| {number:02} | {one.lead.split(',')[0]} | {one.title} + {two.title} |"


def notes(heading: str) -> Iterator[str]:
    yield f"{heading} Production Notes\n"
    yield f"{heading}# Order of Work\n\n**Phase 1:** draw what is marked first and show it.\n"
    yield from (f"- {item.filename}.png" for item in ITEMS if item.core)
    yield f"\n{heading}# How to Call the Script\n"
    yield '```bash\npython scripts/generate_asset.py --prompt "..." --output x.png\n```\n'
    yield f"{heading}# Physicality\n\n**Quagsire:**\n- ✅ skin, not rubber\n- ✅ one scar, always on the left\n"
    yield "**Resolution:** 4k\n**Aspect Ratio:** 16:9 everywhere\n"


@dataclass
class Dialect:
    """A document and what must come out of it, apart from the lines, which are looked up in the text."""

    text: str
    why: Callable[[Item], str]
    title_line: Callable[[Item], str]
    name: Callable[[Item], str] = lambda item: item.filename
    prompt: Callable[[Item], str] = lambda item: item.prompt
    order: Sequence[Item] = ITEMS
    remarks: Sequence[str] = ()
    atmosphere: str = ATMOSPHERE
    ratio: str = ""

    def expected(self, about: str) -> str:
        """The expectation; ``{n}`` in a remark stands for the line of the text between the braces."""
        lines = self.text.removeprefix("\ufeff").replace("\r\n", "\n").split("\n")
        result = [
            f"# Written by tests/unit/documents/make_long_documents.py: {about}",
            f"atmosphere: {ends(self.atmosphere)}",
        ]
        for item in self.order:
            # The last such line: Part 1 may hold the same words.
            at = max(number for number, line in enumerate(lines, 1) if self.title_line(item) in line)
            core = " [core]" if item.core else ""
            result.append(f"{at} {item.kind} {self.name(item)}{core}{self.ratio} <- {self.why(item)}")
            result.append(f"    {ends(self.prompt(item))}")
        at_line = {f"@{line.strip()}@": str(number) for number, line in enumerate(lines, 1) if line.strip()}
        at_line["@end@"] = str(max(number for number, line in enumerate(lines, 1) if line.strip()))
        for remark in self.remarks:
            result.append(re.sub(r"@.+?@", lambda mark: at_line[mark[0]], remark))
        return "\n".join(result) + "\n"


NOTES = "note: lines @## Production Notes@-@end@: 'Production Notes' is behind the pictures and none of them"


def headings_and_fences() -> Dialect:
    text = "# Quagsire - Master Asset Generation Document\n\n## Part 1: The Manifest\n\n" + "\n".join(lists())
    text += "\n\n---\n\n## Part 2: Clip-to-Asset Mapping Table\n\n" + "\n".join(clips())
    text += f"\n\n---\n\n## Part 3: The Global Atmosphere Block\n\n{ATMOSPHERE}\n\n---\n\n## Part 4: Master Prompts\n\n"
    for kind in ("character", "prop", "environment"):
        text += f"### {GROUPS[kind]}\n\n"
        for number, item in enumerate(of(kind), 1):
            text += f"#### {number}. {item.title}{' [CORE]' if item.core else ''}\n\n```\n{item.prompt}\n```\n"
            text += f"**Suggested filename:** {item.filename}.png\n\n"
        text += "---\n\n"
    text += "\n".join(notes("##"))
    return Dialect(
        text,
        why=lambda item: (
            f"file name {item.filename.split('_')[0]}_" if item.kind != "character" else "section CHARACTERS"
        ),
        title_line=lambda item: f". {item.title}",
        order=[*of("character"), *of("prop"), *of("environment")],
        remarks=[NOTES],
    )


def species_and_flags() -> Dialect:
    text = "# The Drowned Quarry - Asset Generation Manifest\n## Production Design Document\n\n"
    text += "---\n\n## Part 1: The Manifest\n\n"
    text += "### Cast: Character Variants\n\n"
    for name in CAST:
        text += f"**{name} (Adult):**\n"
        own = [item for item in ITEMS if item.title.startswith(name)]
        text += (
            "\n".join(f"{n}. {item.title}{' [CORE]' if item.core else ''}" for n, item in enumerate(own, 1)) + "\n\n"
        )
    text += "## Part 3: The Global Atmosphere Block\n\n"
    text += "\n\n".join(f"**{key}:** {sentence}." for key, sentence in zip(KEYS, SENTENCES, strict=True))
    spoken = " ".join(f"{key}: {sentence}." for key, sentence in zip(KEYS, SENTENCES, strict=True))
    text += "\n\n---\n\n## Part 4: Master Prompts\n\n"
    for name in CAST:
        text += f"### {name.upper()} ASSETS\n\n"
        text += "".join(flagged(item) for item in ITEMS if item.title.startswith(name))
    text += "### ENVIRONMENT ASSETS\n\n" + "".join(flagged(item) for item in of("environment"))
    text += "### PROP ASSETS\n\n" + "".join(flagged(item) for item in of("prop"))
    text += "\n".join(notes("##"))
    return Dialect(
        text,
        why=lambda item: f"file name {item.filename.split('_')[0]}_" if item.kind != "character" else "list in Part 1",
        title_line=lambda item: f"#### {item.title}",
        prompt=with_avoid,
        atmosphere=spoken,
        ratio=" [16:9]",
        remarks=[NOTES],
    )


KEYS = ("Time", "Air", "Light", "Small Things", "Camera Lens", "Color Grading")
SENTENCES = ATMOSPHERE.removesuffix(".").split(". ")


def flagged(item: Item) -> str:
    core = " [CORE]" if item.core else ""
    return (
        f"#### {item.title}{core}\n\n```\n{item.prompt.removesuffix('.')} --ar 16:9\n\n--no {NO}\n```\n\n"
        f"**Suggested filename:** {item.filename}.png\n\n---\n\n"
    )


def with_avoid(item: Item) -> str:
    return f"{item.prompt.removesuffix('.')} Avoid: {NO}."


def nothing_but_bold() -> Dialect:
    text = "**QUAGSIRE – ASSETS, THIRD DRAFT**\n\n**Part 1: The Manifest**\n\n" + "\n".join(
        lists(heading="**")
    ).replace("** Cast: Character Variants", "**Cast**").replace("** Props: Macro Subjects", "**Props**").replace(
        "** Sets: Environmental States", "**Sets**"
    )
    text += f"\n\n**Part 3: The Global Atmosphere Block**\n\n{ATMOSPHERE}\n\n**Part 4: Master Prompts**\n\n"
    for kind in ("environment", "character", "prop"):
        text += f"**{GROUPS[kind]}:**\n\n"
        for item in of(kind):
            text += f"**{item.number}. {item.title}**{' [CORE]' if item.core else ''}\n\n{item.prompt}\n\n"
            text += f"**Suggested filename:** `{item.filename}.png`\n\n"
    return Dialect(
        text,
        why=lambda item: (
            f"file name {item.filename.split('_')[0]}_" if item.kind != "character" else "section CHARACTERS"
        ),
        title_line=lambda item: f"**{item.number}. {item.title}**",
        order=[*of("environment"), *of("character"), *of("prop")],
    )


def underlined_titles() -> Dialect:
    def under(title: str, mark: str) -> str:
        return f"{title}\n{mark * len(title)}\n\n"

    text = under("Quagsire", "=") + under("Part 3: Global Atmosphere Block", "-") + f"~~~\n{ATMOSPHERE}\n~~~\n\n"
    text += under("Part 4: Master Prompts", "-")
    for kind, title in (
        ("prop", "Macro Details"),
        ("environment", "Environment Plates (Clean)"),
        ("character", "Cast"),
    ):
        text += under(title, "-")
        for item in of(kind):
            text += (
                under(item.title + (" [CORE]" if item.core else ""), "-") + f"~~~ text\n{item.prompt}\n~~~\n\n* * *\n\n"
            )
    return Dialect(
        text,
        why=lambda item: (
            "section "
            + {"prop": "Macro Details", "environment": "Environment Plates (Clean)", "character": "Cast"}[item.kind]
        ),
        title_line=lambda item: item.title,
        name=lambda item: named(item.title),
        order=[*of("prop"), *of("environment"), *of("character")],
    )


def named(title: str) -> str:
    """A title as a file name, worked out here by hand: lower case, what is no letter dropped, spaces to underscores."""
    kept = "".join(letter for letter in title.lower().replace(" - ", " ") if letter.isalnum() or letter in " -")
    return "_".join(kept.split())


def plain_text() -> Dialect:
    text = f"# Quagsire\n\n# Part 3: Global Atmosphere Block\n\n> {ATMOSPHERE}\n\n# Part 4: Master Prompts\n\n"
    for kind, group in GROUPS.items():
        text += f"## {group.title()}\n\n"
        for item in of(kind):
            text += f"### Asset {item.number}: {item.title}{' (CORE)' if item.core else ''}\n\n"
            text += f"File: {item.filename}.png\n\n{item.prompt} --ar 16:9\n\n"
    return Dialect(
        text,
        why=lambda item: (
            f"file name {item.filename.split('_')[0]}_" if item.kind != "character" else "section Characters"
        ),
        title_line=lambda item: f"Asset {item.number}: {item.title}",
        ratio=" [16:9]",
    )


def other_order_flat() -> Dialect:
    text = "# Quagsire\n\n## Master Prompts\n\nOne after the other, as they come up in the film.\n\n"
    order = [item for pair in zip(ITEMS[:10], ITEMS[10:], strict=True) for item in pair]
    for item in order:
        text += f"### {item.title}\n```prompt\n{item.prompt}\n```\n"
    text += f"## Global Atmosphere Block\n\n**All of it:** {ATMOSPHERE}\n\n## The Manifest\n\n" + "\n".join(lists())
    text += "\n\n## Clip-to-Asset Mapping\n\n" + "\n".join(clips()) + "\n"
    return Dialect(
        text.replace("**All of it:** ", ""),
        why=lambda item: "list in Part 1",
        title_line=lambda item: f"### {item.title}",
        name=lambda item: named(item.title),
        order=order,
        remarks=[
            "note: line @One after the other, as they come up in the film.@: text under the part's title is no prompt"
        ],
    )


def no_parts_at_all() -> Dialect:
    prefix = {"character": "char_", "environment": "", "prop": ""}
    text = "Quagsire, everything for the artist:\n\n"
    text += "".join(
        f"###### {item.title}{' [CORE]' if item.core else ''}\n\n````\n{item.prompt}\n````\n\n"
        f"Save as: {prefix[item.kind]}{item.filename}.png\n\n"
        for item in ITEMS
    )
    text += f"## Global Atmosphere\n\n{ATMOSPHERE}\n"
    first = ITEMS[0]
    return Dialect(
        text,
        why=lambda item: f"file name {(prefix[item.kind] + item.filename).split('_')[0]}_",
        title_line=lambda item: f"###### {item.title}",
        name=lambda item: prefix[item.kind] + item.filename,
        remarks=[
            f"warning: line @###### {first.title} [CORE]@: no heading 'Part 4: Master Prompts' was found; "
            "prompts are read from here on"
        ],
    )


def one_big_table() -> Dialect:
    text = f"\ufeff# Quagsire\n\n## Part 3: Global Atmosphere Block\n\n{ATMOSPHERE}\n\n## Part 4: Master Prompts\n\n"
    text += "| No. | Asset | Kind | Core | Prompt | File |\n|----:|:------|------|:----:|:-------|------|\n"
    for item in ITEMS:
        prompt = "<br><br>".join(item.paragraphs())
        text += f"| {item.number} | **{item.title}** | {item.kind.title()} | {'✅' if item.core else ''} | {prompt} | "
        text += f"`{item.filename}.png` |\n"
    return Dialect(
        text.replace("\n", "\r\n"),
        why=lambda item: (
            f"file name {item.filename.split('_')[0]}_" if item.kind != "character" else "category Character"
        ),
        title_line=lambda item: f"| **{item.title}** |",
    )


def numbered_lists() -> Dialect:
    text = f"# Quagsire\n\n## PART THREE: GLOBAL ATMOSPHERE BLOCK\n\n- {ATMOSPHERE}\n\n## PART FOUR: MASTER PROMPTS\n\n"
    for kind, title in (("character", "A. Characters"), ("environment", "B. Environments"), ("prop", "C. Props")):
        text += f"### {title}\n\n"
        for number, item in enumerate(of(kind), 1):
            rest = "\n\n".join(f"   {paragraph}" for paragraph in item.paragraphs()[1:])
            text += f"{number}. **{item.title}**{' [CORE]' if item.core else ''}: {item.paragraphs()[0]}\n\n{rest}\n\n"
    return Dialect(
        text,
        why=lambda item: (
            "section " + {"character": "A. Characters", "environment": "B. Environments", "prop": "C. Props"}[item.kind]
        ),
        title_line=lambda item: f". **{item.title}**",
        name=lambda item: named(item.title),
    )


def led_titles_and_html() -> Dialect:
    leads = {"character": "Character", "environment": "Environment", "prop": "Prop"}
    text = "<!-- v7, after the call\nwith the client -->\n# 🐸 Quagsire\n\n"
    text += "\t## Part 3:\N{NO-BREAK SPACE}Global Atmosphere\n\n"
    text += f"<blockquote>\n{ATMOSPHERE}\n</blockquote>\n\n\t## Part 4:\N{NO-BREAK SPACE}Master Prompts\n\n"
    for item in ITEMS:
        text += f"##### 🎬 {leads[item.kind]}: {item.title}{' [CORE]' if item.core else ''}\n\n"
        text += "<details>\n<summary>Prompt</summary>\n\n"
        text += f"```\n{item.prompt}\n"
        text += "" if item is ITEMS[-1] else f"```\n\n</details>\n\n**Suggested filename:**\n`{item.filename}.png`\n\n"
    return Dialect(
        text,
        why=lambda item: (
            f"file name {item.filename.split('_')[0]}_"
            if item.kind != "character" and item is not ITEMS[-1]
            else f"title {leads[item.kind]}"
        ),
        title_line=lambda item: f": {item.title}",
        name=lambda item: item.filename if item is not ITEMS[-1] else named(item.title),
        remarks=[
            f"warning: line {text.count(chr(10), 0, text.rindex('```')) + 1}: this fence is not closed; "
            "read to the document's end",
            "note: lines 1-2: a comment is not read",
        ],
    )


DIALECTS = {
    "long_headings_and_fences": headings_and_fences,
    "long_species_and_flags": species_and_flags,
    "long_nothing_but_bold": nothing_but_bold,
    "long_underlined_titles": underlined_titles,
    "long_plain_text": plain_text,
    "long_other_order_flat": other_order_flat,
    "long_no_parts_at_all": no_parts_at_all,
    "long_one_big_table": one_big_table,
    "long_numbered_lists": numbered_lists,
    "long_led_titles_and_html": led_titles_and_html,
}

if __name__ == "__main__":
    for stem, make in DIALECTS.items():
        dialect = make()
        (CORPUS / f"{stem}.md").write_bytes(dialect.text.encode())
        (CORPUS / f"{stem}.expected.txt").write_text(dialect.expected(stem.replace("_", " ")), "utf-8")
