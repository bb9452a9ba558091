"""Reads a producer's ``03_assets.md``: the Global Atmosphere Block and the prompts of "Part 4: Master Prompts".

The documents come from people and language models and agree in parts, not in form. The steps are in ``reader``, whose
docstring shows the way through them; here they become a manifest, or an error with a line number.
"""

import re
from collections.abc import Iterator, Sequence

from assetgen_dagster.documents.atmosphere import read_atmosphere
from assetgen_dagster.documents.blocks import Block, read_blocks
from assetgen_dagster.documents.categories import Decision, decide
from assetgen_dagster.documents.diagnostics import HOW_TO_GO_ON, Diagnostic, called, same_for, texts
from assetgen_dagster.documents.flags import Flags, take_flags
from assetgen_dagster.documents.groups import without_lead
from assetgen_dagster.documents.infer_prompt_section import mark_prompts, with_title
from assetgen_dagster.documents.lists import Lists, read_lists
from assetgen_dagster.documents.parts import Part, Role, split_parts
from assetgen_dagster.documents.pictures import Found, read_pictures
from assetgen_dagster.documents.sections import MOST_PICTURES, Picture
from assetgen_dagster.documents.unparsed import lost_entries, unparsed_text
from assetgen_dagster.errors import Code, OneCodeError
from assetgen_dagster.manifest.model import AssetManifest, AssetPrompt
from assetgen_dagster.manifest.names import asset_name, is_cut, unique_names
from assetgen_dagster.support.text import clean_text

_LOOKED_FOR = (
    "Looked for a heading 'Part 4: Master Prompts' and below it, for each picture, a heading with a fenced prompt "
    "or a line '**Suggested filename:** name.png'"
)
#: Beyond these, a file is a log or a dump, and reading it would only take long.
_MOST_LINES = 15_000
_MOST_BLOCKS = 6_000
_MOST_UNREAD = 8  # in an error; assetgen manifest shows all
#: Where pictures are looked for, when neither Part 4 nor a group's title shows them, by their fences and file names.
_FALLBACKS = ((Role.OTHER, Role.PROMPTS), (Role.LISTS, Role.CLIPS, Role.ATMOSPHERE))
#: ``[Insert Global Atmosphere Block]``: the atmosphere is put before every prompt anyway.
_PLACEHOLDER = re.compile(
    r"[\[{<][^\[\]{}<>\n]{0,40}(?:global[ _-]atmosphere|atmosphere[ _-]block)[^\[\]{}<>\n]{0,60}[\]}>]+", re.IGNORECASE
)


class DocumentError(OneCodeError):
    """A producer's document that cannot be used.

    Attributes:
        line: 1-based line at which it stopped making sense.
    """

    code = Code.DOCUMENT

    def __init__(self, message: str, *, line: int) -> None:
        super().__init__(message)
        self.line = line


class UnreadPicturesError(OneCodeError):
    """A document has pictures beside those that were read: drawing only these would look like success."""

    code = Code.DOCUMENT


def read_document(text: str, *, name: str = "03_assets.md") -> AssetManifest:
    """Reads a producer's document.

    Args:
        text: The document.
        name: What to call it in errors.

    Returns:
        The manifest, pictures in the document's order.

    Raises:
        DocumentError: There is not one prompt in it, or far too much for a video.
    """
    text = clean_text(text)
    if text.count("\n") > _MOST_LINES:
        raise _too_much(name, f"{_MOST_LINES:,} lines", line=_MOST_LINES)
    blocks, diagnostics = read_blocks(text)
    if len(blocks) > _MOST_BLOCKS:
        what = f"{_MOST_BLOCKS:,} headings, paragraphs and list items"
        raise _too_much(name, what, line=blocks[_MOST_BLOCKS].line)
    found, parts = _find_pictures(split_parts(blocks))
    if not found.pictures:
        raise _nothing_found(name, blocks, parts)
    if len(found.pictures) > MOST_PICTURES:
        raise _too_much(name, f"{MOST_PICTURES:,} pictures", line=found.pictures[MOST_PICTURES].line)
    raw_atmosphere, said = read_atmosphere(parts)
    atmosphere = take_flags(raw_atmosphere)
    lists = read_lists([block for part in parts if part.role is Role.LISTS for block in part.blocks])
    pictures = found.pictures
    flags = [take_flags(_PLACEHOLDER.sub("", picture.prompt).replace("**", "")) for picture in pictures]
    decisions = [_decide(picture, flag.prompt, lists) for picture, flag in zip(pictures, flags, strict=True)]
    names = _names(pictures, decisions)
    diagnostics += [
        *said,
        *found.diagnostics,
        *_name_diagnostics(pictures, names),
        *_kind_diagnostics(pictures, decisions),
        *_prompt_diagnostics(pictures, flags),
        *_flag_diagnostics(pictures, flags),
    ]
    diagnostics += unparsed_text(text.split("\n"), parts, found, diagnostics)
    if not any(part.role is Role.PROMPTS and part.title for part in parts):
        diagnostics += lost_entries(parts, found, diagnostics)
    return AssetManifest(
        global_atmosphere=atmosphere.prompt,
        assets=tuple(
            AssetPrompt(
                asset_type=decision.kind,
                name=own,
                prompt=flag.prompt,
                title=picture.title,
                source_line=picture.line,
                category_reason=decision.reason,
                core=picture.core or lists.is_core(picture.title),
                aspect_ratio=flag.aspect_ratio or atmosphere.aspect_ratio,
            )
            for picture, flag, decision, own in zip(pictures, flags, decisions, names, strict=True)
        ),
        warnings=(*texts(diagnostics, notes=False), *_how_to_go_on(diagnostics)),
        notes=texts(diagnostics, notes=True),
        unread=texts((diagnostic for diagnostic in diagnostics if diagnostic.stops), notes=False),
    )


def check_all_read(manifest: AssetManifest, *, name: str) -> None:
    """Raises UnreadPicturesError if a document seems to hold more pictures than were read."""
    if manifest.unread:
        raise UnreadPicturesError(
            f"{name} seems to have more pictures than can be read. Nothing was drawn. "
            f"{'; '.join(manifest.unread[:_MOST_UNREAD])}. To go on, {HOW_TO_GO_ON}"
        )


def _how_to_go_on(diagnostics: Sequence[Diagnostic]) -> Iterator[str]:
    """Yields the remedy for everything that was left out, once."""
    if any(diagnostic.stops for diagnostic in diagnostics):
        yield f"a run stops here, unpaid, as pictures seem to be left out: {HOW_TO_GO_ON}"
    elif any(diagnostic.left_out for diagnostic in diagnostics):
        yield f"if pictures are left out: {HOW_TO_GO_ON}"


def _find_pictures(parts: list[Part]) -> tuple[Found, list[Part]]:
    """Reads the pictures of Part 4, or of other parts if Part 4 has none; returns the parts as read."""
    found = _read_prompts(parts)
    if found.pictures:
        return found, parts
    marked = mark_prompts(parts)
    found = _read_prompts(marked)
    if found.pictures:
        begins = next(part.line + 1 for part in marked if part.role is Role.PROMPTS and part.level == 9)
        return _without_part_4(found, begins), marked
    for roles in _FALLBACKS:
        found = Found()
        for part in parts:
            if part.role in roles:
                found.extend(read_pictures(with_title(part), level=9, strict=True))
        if found.pictures:
            return _without_part_4(found, found.pictures[0].line), parts
    return found, parts


def _read_prompts(parts: Sequence[Part]) -> Found:
    found = Found()
    for part in parts:
        if part.role is Role.PROMPTS:
            found.extend(read_pictures(part.blocks, level=part.level))
    return found


def _without_part_4(found: Found, line: int) -> Found:
    says = "no heading 'Part 4: Master Prompts' was found; prompts are read from here on"
    found.diagnostics.append(Diagnostic(line, says))
    return found


def _decide(picture: Picture, prompt: str, lists: Lists) -> Decision:
    return decide(
        filename=picture.filename,
        title=picture.title,
        code=picture.code,
        label=picture.label,
        groups=picture.groups,
        lists=lists,
        prompt=prompt,
    )


def _wanted(picture: Picture) -> str:
    """Returns the text that a picture's file name is derived from."""
    if picture.filename:
        return re.split(r"[/\\]", picture.filename)[-1]
    if not picture.titled:
        return ""
    return re.sub(r"\s+[-–—]+\s+", " ", without_lead(picture.title))


def _names(pictures: Sequence[Picture], decisions: Sequence[Decision]) -> list[str]:
    return unique_names(
        (_wanted(picture), decision.kind.value) for picture, decision in zip(pictures, decisions, strict=True)
    )


def _name_diagnostics(pictures: Sequence[Picture], names: Sequence[str]) -> Iterator[Diagnostic]:
    for picture, name in zip(pictures, names, strict=True):
        wanted = asset_name(_wanted(picture))
        if is_cut(_wanted(picture)):
            yield Diagnostic(picture.line, f"the file name was too long and is cut to {name}")
        elif wanted and wanted != name:
            yield Diagnostic(picture.line, f"the file name {wanted} is taken; this picture is called {name}")


def _kind_diagnostics(pictures: Sequence[Picture], decisions: Sequence[Decision]) -> Iterator[Diagnostic]:
    for picture, decision in zip(pictures, decisions, strict=True):
        if not decision.sure:
            says = f"whether {called(picture.title)} is a character, an environment or a prop is not said; "
            yield Diagnostic(picture.line, f"{says}taken as {decision.kind} ({decision.reason})")


def _prompt_diagnostics(pictures: Sequence[Picture], flags: Sequence[Flags]) -> Iterator[Diagnostic]:
    for picture, flag in zip(pictures, flags, strict=True):
        if not flag.prompt:
            lines = picture.lines if picture.prompt.strip() else ()  # flags, and nothing to draw
            first, last = min((picture.line, *lines)), max(lines, default=0)
            yield Diagnostic(first, f"{called(picture.title)} has an empty prompt and cannot be drawn", last=last)


def _flag_diagnostics(pictures: Sequence[Picture], flags: Sequence[Flags]) -> Iterator[Diagnostic]:
    """One warning for all flags that point at other pictures."""
    lines = [picture.line for picture, flag in zip(pictures, flags, strict=True) if flag.references]
    if lines:
        yield same_for(lines, "a flag points at a reference picture, which is not passed on")


def _too_much(name: str, what: str, *, line: int) -> DocumentError:
    return DocumentError(
        f"{name}, line {line}: the document has more than {what}. Give each video a document of its own. "
        f"{_LOOKED_FOR}.",
        line=line,
    )


def _nothing_found(name: str, blocks: Sequence[Block], parts: Sequence[Part]) -> DocumentError:
    """Returns the error for a document without pictures: the expected form, and where the document departs from it."""
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
