"""Reads a producer's ``03_assets.md``: the Global Atmosphere Block and the prompts of "Part 4: Master Prompts".

The documents come from people and language models and agree in parts, not in form. ``blocks`` knows Markdown,
``parts`` what the document is made of, ``pictures`` whose prompt is whose, ``categories`` which kind a picture is,
``flags`` Midjourney; here they become a manifest, or an error with a line number.
"""

import re
from collections.abc import Sequence

from assetgen_dagster.errors import AssetgenError
from assetgen_dagster.story.blocks import Block, Kind, read_blocks
from assetgen_dagster.story.categories import Decision, Lists, decide, read_lists, without_lead
from assetgen_dagster.story.flags import Flags, same_ratio, take_flags
from assetgen_dagster.story.manifest import AssetManifest, AssetPrompt
from assetgen_dagster.story.names import asset_name, is_cut, unique_names
from assetgen_dagster.story.parts import Part, Role, read_atmosphere, split_parts
from assetgen_dagster.story.pictures import read_pictures
from assetgen_dagster.story.sections import Picture
from assetgen_dagster.story.text import clean_text

_LOOKED_FOR = (
    "Looked for a heading 'Part 4: Master Prompts' and below it, for each picture, a heading with a fenced prompt "
    "or a line '**Suggested filename:** name.png'"
)
_MOST_LINES = 100_000
#: ``[Insert Global Atmosphere Block]``: the atmosphere is put before every prompt anyway.
_PLACEHOLDER = re.compile(r"[\[{<][^\[\]{}<>\n]{0,40}global atmosphere[^\[\]{}<>\n]{0,60}[\]}>]+", re.IGNORECASE)


class DocumentError(AssetgenError):
    """A producer's document that cannot be used.

    Attributes:
        line: 1-based line at which it stopped making sense.
    """

    def __init__(self, message: str, *, line: int) -> None:
        super().__init__(message)
        self.line = line


def read_document(text: str, *, name: str = "03_assets.md", aspect_ratio: str = "16:9") -> AssetManifest:
    """Reads a producer's document.

    Args:
        text: The document.
        name: What to call it in errors.
        aspect_ratio: The ratio that pictures are drawn in; a prompt that asks for another gets a warning.

    Returns:
        The manifest, pictures in the document's order.

    Raises:
        DocumentError: There is not one prompt in it.
    """
    text = clean_text(text)
    if text.count("\n") > _MOST_LINES:
        # Such a file is a log or a dump; reading it to the end would only take long.
        raise DocumentError(
            f"{name}, line {_MOST_LINES}: the document has more than {_MOST_LINES} lines. {_LOOKED_FOR}.",
            line=_MOST_LINES,
        )
    blocks, warnings = read_blocks(text)
    parts = split_parts(blocks)
    pictures, said = _find_pictures(parts)
    if not pictures:
        raise _nothing_found(name, blocks, parts)
    raw_atmosphere, _, lacking = read_atmosphere(parts)
    atmosphere = take_flags(raw_atmosphere)
    lists = read_lists([block for part in parts if part.role is Role.LISTS for block in part.blocks])
    flags = [take_flags(_PLACEHOLDER.sub("", picture.prompt).replace("**", "")) for picture in pictures]
    decisions = [_decide(picture, lists) for picture in pictures]
    names = _names(pictures, decisions)
    return AssetManifest(
        global_atmosphere=atmosphere.prompt,
        assets=tuple(
            AssetPrompt(
                asset_type=decision.kind,
                name=own,
                prompt=flag.prompt,
                title=picture.title,
                source_line=picture.line,
                core=picture.core,
            )
            for picture, flag, decision, own in zip(pictures, flags, decisions, names, strict=True)
        ),
        warnings=tuple(
            sorted(
                [
                    *lacking,
                    *warnings,
                    *said,
                    *_name_warnings(pictures, names),
                    *_kind_warnings(pictures, decisions),
                    *_prompt_warnings(pictures, flags),
                    *_flag_warnings(pictures, flags, atmosphere, aspect_ratio),
                ],
                key=_line_of,
            )
        ),
    )


def _find_pictures(parts: Sequence[Part]) -> tuple[list[Picture], list[str]]:
    """Reads the pictures of Part 4, else of wherever else in the document there are some."""
    pictures: list[Picture] = []
    warnings: list[str] = []
    for part in parts:
        if part.role is Role.PROMPTS:
            found, said = read_pictures(part.blocks, level=part.level)
            pictures += found
            warnings += said
    if pictures:
        return pictures, warnings
    for roles in ((Role.OTHER, Role.PROMPTS), (Role.LISTS, Role.CLIPS, Role.ATMOSPHERE)):
        for part in parts:
            if part.role in roles:
                title = Block(Kind.HEADING, part.line, part.title, min(part.level, 6))
                found, said = read_pictures([*([title] if part.title else []), *part.blocks], level=9, strict=True)
                pictures += found
                warnings += said
        if pictures:
            break
    if pictures:
        warnings.append(
            f"no heading 'Part 4: Master Prompts' was found; prompts are read from line {pictures[0].line} on"
        )
    return pictures, warnings


def _decide(picture: Picture, lists: Lists) -> Decision:
    return decide(
        filename=picture.filename, title=picture.title, label=picture.label, groups=picture.groups, lists=lists
    )


def _wanted(picture: Picture) -> str:
    """Returns the text a picture's file name is made from."""
    if picture.filename:
        return re.split(r"[/\\]", picture.filename)[-1]
    if not picture.titled:
        return ""
    return re.sub(r"\s+[-–—]+\s+", " ", without_lead(picture.title))


def _names(pictures: Sequence[Picture], decisions: Sequence[Decision]) -> list[str]:
    return unique_names(
        (_wanted(picture), decision.kind.value) for picture, decision in zip(pictures, decisions, strict=True)
    )


def _name_warnings(pictures: Sequence[Picture], names: Sequence[str]) -> list[str]:
    warnings = []
    for picture, name in zip(pictures, names, strict=True):
        wanted = asset_name(_wanted(picture))
        if is_cut(_wanted(picture)):
            warnings.append(f"line {picture.line}: the file name was too long and is cut to {name}")
        elif wanted and wanted != name:
            warnings.append(f"line {picture.line}: the file name {wanted} is taken; this picture is called {name}")
    return warnings


def _kind_warnings(pictures: Sequence[Picture], decisions: Sequence[Decision]) -> list[str]:
    return [
        f"line {picture.line}: whether '{picture.title[:60]}' is a character, an environment or a prop is not said; "
        f"taken as {decision.kind} ({decision.reason})"
        for picture, decision in zip(pictures, decisions, strict=True)
        if not decision.sure
    ]


def _prompt_warnings(pictures: Sequence[Picture], flags: Sequence[Flags]) -> list[str]:
    return [
        f"line {picture.line}: '{picture.title[:60]}' has an empty prompt and cannot be drawn"
        for picture, flag in zip(pictures, flags, strict=True)
        if not flag.prompt
    ]


def _flag_warnings(
    pictures: Sequence[Picture], flags: Sequence[Flags], atmosphere: Flags, aspect_ratio: str
) -> list[str]:
    """One warning per unusual ratio and one for references, not one per picture."""
    ratios: dict[str, list[int]] = {}
    references: list[int] = []
    for picture, flag in zip(pictures, flags, strict=True):
        ratio = flag.aspect_ratio or atmosphere.aspect_ratio
        if ratio and not same_ratio(ratio, aspect_ratio):
            ratios.setdefault(ratio, []).append(picture.line)
        if flag.references:
            references.append(picture.line)
    warnings = [
        f"{_lines(lines)}: --ar {ratio} is asked for, but pictures are drawn in {aspect_ratio}"
        for ratio, lines in ratios.items()
    ]
    if references:
        warnings.append(f"{_lines(references)}: a flag points at a reference picture, which is not passed on")
    return warnings


def _lines(lines: Sequence[int]) -> str:
    shown = ", ".join(str(line) for line in lines[:8])
    return f"line{'s' if len(lines) > 1 else ''} {shown}{' and more' if len(lines) > 8 else ''}"


def _line_of(warning: str) -> int:
    found = re.match(r"lines? (\d+)", warning)
    return int(found[1]) if found else 0


def _nothing_found(name: str, blocks: Sequence[Block], parts: Sequence[Part]) -> DocumentError:
    """Says what was looked for, and where the document stopped looking like one."""
    if not blocks:
        return DocumentError(f"{name}, line 1: the document is empty. {_LOOKED_FOR}.", line=1)
    known = [part for part in parts if part.role is not Role.OTHER]
    prompts = next((part for part in known if part.role is Role.PROMPTS), None)
    if prompts:
        what = f"'{prompts.title[:80]}' is there, but no prompt stands below it"
        line = prompts.line
    elif known:
        what = f"the last part that is understood is '{known[-1].title[:80]}', and no prompts follow it"
        line = known[-1].line
    else:
        what = "none of the document's parts is there"
        line = blocks[0].line
    return DocumentError(f"{name}, line {line}: no prompts were found: {what}. {_LOOKED_FOR}.", line=line)
