"""Midjourney's flags in a prompt: taken out, since other models draw them as words; ``--no`` keeps its meaning."""

import re
from dataclasses import dataclass

#: ``16:9``, as people write it.
RATIO = r"\d{1,4}(?:\.\d{1,4})?\s{0,2}[:x×/]\s{0,2}\d{1,4}(?:\.\d{1,4})?"
#: Flags that take a value, and what the value looks like; anything else stays in the prompt.
_NUMBER = r"\d+(?:\.\d+)?"
_WORDS = r"[^\s,-]\S*"
_SHAPES: dict[str, str] = {
    **dict.fromkeys(("ar", "aspect"), RATIO),
    **dict.fromkeys(("v", "version", "s", "stylize", "q", "quality", "c", "chaos", "iw", "cw", "sw", "ow"), _NUMBER),
    **dict.fromkeys(("seed", "sameseed", "stop", "w", "weird", "r", "repeat", "niji", "exp"), _NUMBER),
    **dict.fromkeys(("style", "cref", "sref", "oref", "p", "profile", "personalize"), _WORDS),
    **dict.fromkeys(("raw", "tile", "fast", "relax", "turbo", "hd", "draft", "video", "loop"), ""),
}
_REFERENCES = ("cref", "sref", "oref")
_VALUES = {name: re.compile(rf"[ \t]*({shape})", re.I) for name, shape in _SHAPES.items()}
_SPACES = re.compile(r"[ \t]*")
_BLANK_LINES = re.compile(r"\n{3,}")
#: A flag stands at the start of a word. Editors turn ``--`` into a dash, which counts only where a ratio follows
#: or at the start of a line, so that a dash in a sentence stays one.
_FLAG = re.compile(rf"(?<!\S)(?:--([a-z]{{1,12}})\b|[—–](ar)\b(?=\s*{RATIO})|^[—–](no)\b(?=\s))", re.I | re.M)


@dataclass(frozen=True)
class Flags:
    """A prompt without its flags, and what the flags said.

    Attributes:
        prompt: The prompt; what ``--no`` listed stands at its end in plain words.
        aspect_ratio: The last ``--ar`` as ``W:H``, if any.
        references: Names of flags that point at other pictures, which no longer do anything.
    """

    prompt: str
    aspect_ratio: str | None = None
    references: tuple[str, ...] = ()


def take_flags(text: str) -> Flags:
    """Takes the flags out of ``text``; a prompt that was nothing but flags becomes empty."""
    if not _FLAG.search(text):
        return Flags(_tidy(text))
    kept: list[str] = []
    avoid: list[str] = []
    ratio = None
    references: list[str] = []
    position = 0
    for flag in _FLAG.finditer(text):
        if flag.start() < position:
            continue  # inside the list of a --no
        name = (flag[1] or flag[2] or flag[3]).lower()
        if name == "no":
            end = _end_of_list(text, flag.end())
            avoid += [part.strip(" .\t") for part in re.split(r"[,;\n]", text[flag.end() : end])]
        elif name in _VALUES:
            value = _VALUES[name].match(text, flag.end())
            end = value.end() if value else flag.end()
            if name in ("ar", "aspect") and value:
                ratio = re.sub(r"\s*[:x×/]\s*", ":", value[1].lower())
            if name in _REFERENCES:
                references.append(name)
        else:
            continue
        kept.append(text[position : flag.start()])
        # The space before the flag is enough.
        position = _SPACES.match(text, end).end()  # type: ignore[union-attr]
    kept.append(text[position:])
    prompt = _tidy("".join(kept))
    avoid = list(dict.fromkeys(filter(None, avoid)))
    if prompt and avoid:
        prompt += f"\n\nAvoid: {', '.join(avoid)}."
    return Flags(prompt, ratio, tuple(dict.fromkeys(references)))


def _end_of_list(text: str, start: int) -> int:
    """A list ends at the next flag or at the end of its line, unless the line ends in a comma."""
    following = _FLAG.search(text, start)
    limit = following.start() if following else len(text)
    end = start
    while end < limit:
        newline = text.find("\n", end, limit)
        if newline < 0:
            return limit
        if not text[start:newline].rstrip().endswith(","):
            return newline
        end = newline + 1
    return limit


def _tidy(text: str) -> str:
    """Removes what taking out a flag leaves behind: spaces at line ends, a dangling comma, runs of blank lines."""
    lines = "\n".join(line.rstrip() for line in text.replace("\t", " ").split("\n"))
    return _BLANK_LINES.sub("\n\n", lines).strip().rstrip(",;").rstrip()
