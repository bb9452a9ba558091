"""Documents put together from a structure, in the dialects that producers and language models write."""

from collections.abc import Callable
from dataclasses import dataclass

from hypothesis import strategies as st

WORDS = (
    "moss",
    "a slow river",
    "f/2.8",
    "(wide)",
    "light",
    "Bulbasaur's eye",
    "rain - heavy",
    "3 stones",
    "under ferns",
    "100mm macro",
    "no wind: none",
    "*very* still",
    "a_b",
)


@dataclass(frozen=True)
class Wanted:
    """A picture as it is written into a document."""

    kind: str
    number: int
    prompt: str

    @property
    def title(self) -> str:
        return f"Subject {'ABCDEFGHIJKL'[self.number]}"

    @property
    def stem(self) -> str:
        return f"picture_{self.number}"


#: How a group's title is written; how the kind is said where there are no groups.
GROUPS = {
    "character": ("CHARACTERS", "Cast", "Characters (the family)", "🦎 Character Assets"),
    "environment": ("ENVIRONMENTS", "Environment Plates (Clean)", "Sets: three states", "Backgrounds"),
    "prop": ("PROPS", "Prop Assets", "Props - macro", "Props & Objects"),
}
PARTS = (
    "## Part 4: Master Prompts",
    "**Part 4: Master Prompts**",
    "# Master Prompts",
    "Part 4 - Prompts",
    "## PART IV",
    "Part 4: Master Prompts\n----------------------",
    "<h2>Image Prompts</h2>",
)
TITLES = (
    "#### {n}. {t}",
    "#### {t} [CORE]",
    "##### Asset {n}: {t}",
    "#### **{t}**",
    "**{n}. {t}**",
    "#### 🎬 {t} 🎬",
    "<h4>{t}</h4>",
)
PROMPTS = (
    "```\n{p}\n```",
    "~~~text\n{p}\n~~~",
    "````md\n{p}\n````",
    "{p}",
    "> {p}",
    "**Prompt:**\n```\n{p}\n```",
    "**Prompt:** {p}",
    "Prompt: {p}",
    "<details>\n<summary>Prompt</summary>\n\n```\n{p}\n```\n</details>",
    "- **Prompt:** {p}",
)
FILES = (
    "",
    "**Suggested filename:** {f}.png",
    "\n**Suggested filename:** `{f}.png`",
    "Filename: {f}.png",
    "File: {f}.png",
    "*Save as:* `{f}.png`",
    "- **Suggested filename:** {f}.png",
)
RULES = ("", "---\n", "***\n")
TAILS = ("", "## Summary\n\nAll of it, in a few words for the producer.\n")


def _sections(draw: st.DrawFn, wanted: list[Wanted]) -> str:
    """A title and a prompt for each picture, under groups."""
    title, prompt, label, rule = (draw(st.sampled_from(choice)) for choice in (TITLES, PROMPTS, FILES, RULES))
    label_first = bool(label) and draw(st.booleans())
    group = draw(st.sampled_from(("### {g}", "### {g}:", "<h3>{g}</h3>") + (("**{g}**",) if title[0] == "*" else ())))
    text, last = "", ""
    for one in wanted:
        if one.kind != last:
            text += group.format(g=draw(st.sampled_from(GROUPS[one.kind]))) + "\n\n"
            last = one.kind
        body = [prompt.format(p=one.prompt), label.format(f=one.stem)]
        text += title.format(n=one.number + 1, t=one.title) + "\n\n"
        text += "\n\n".join(reversed(body) if label_first else body) + f"\n\n{rule}\n"
    return text


def _table(draw: st.DrawFn, wanted: list[Wanted]) -> str:
    rows = [f"| {one.number} | {one.title} | {one.kind} | {one.prompt} | {one.stem}.png |" for one in wanted]
    bar = draw(st.sampled_from(("|---|---|---|---|---|", "|:-:|:---|:---|:---|---:|")))
    return "\n".join(
        [f"| # | Name | Type | {draw(st.sampled_from(('Prompt', 'Full prompt')))} | File |", bar, *rows, ""]
    )


def _list(draw: st.DrawFn, wanted: list[Wanted]) -> str:
    item = draw(
        st.sampled_from(
            (
                "{n}. **{t}**: {p}",
                "- **{t}** – {p}",
                "{n}) **{t}:** {p}",
                "* **{t}**\n  - Prompt: {p}\n  - File: {f}.png",
                "- **Name:** {t}\n  **Prompt:** {p}\n  **Filename:** {f}.png",
                "{n}. {t}\n\n   ```\n   {p}\n   ```",
            )
        )
    )
    text, last = "", ""
    for one in wanted:
        if one.kind != last:
            text += f"\n### {draw(st.sampled_from(GROUPS[one.kind]))}\n\n"
            last = one.kind
        text += item.format(n=one.number + 1, t=one.title, p=one.prompt, f=one.stem) + "\n"
    return text


LAYOUTS: tuple[Callable[[st.DrawFn, list[Wanted]], str], ...] = (_sections, _sections, _sections, _table, _list)


@st.composite
def documents(draw: st.DrawFn) -> tuple[str, list[Wanted]]:
    """A document in one of many dialects, and the pictures in it in its order."""
    counts = [draw(st.integers(0, 3)) for _ in GROUPS]
    kinds = [kind for kind, count in zip(GROUPS, counts, strict=True) for _ in range(count)] or ["prop"]
    prose = st.lists(st.sampled_from(WORDS), min_size=6, max_size=12).map(" ".join)
    wanted = [Wanted(kind, number, f"Nr {number} shows {draw(prose)}") for number, kind in enumerate(kinds)]
    layout = draw(st.sampled_from(LAYOUTS))
    text = f"# Film\n\n## Part 3: Global Atmosphere\n\nRain.\n\n{draw(st.sampled_from(PARTS))}\n\n"
    return text + layout(draw, wanted) + "\n" + draw(st.sampled_from(TAILS)), wanted
