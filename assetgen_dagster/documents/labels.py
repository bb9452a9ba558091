"""Lines that label what stands beside or below them: a file name, a prompt, a category, what to leave out.

Producers write them with or without bold, emoji, bullets and blank lines, in English or not. A label is recognised by
its form (a few words and a colon); which one it is, by its words, and a file name's by the ending of what follows.
"""

import re
from dataclasses import dataclass
from enum import Enum, auto

_ENDING = re.compile(r"\.(?:png|jpe?g|webp)\b", re.IGNORECASE)
_NAMED_FILE = re.compile(r"([\w-]{1,200})\.(?:png|jpe?g|webp)\b", re.IGNORECASE)
#: ``(file: fox_at_rest)``
_ASIDE_FILE = re.compile(r"\(\s?file(?:\s?name)?\s?:\s?`?([\w-]{1,200})`?\s?\)", re.IGNORECASE)
_ONE_FILE = re.compile(r"^[^\w./\\]{0,10}[^\s`*|]{1,200}\.(?:png|jpe?g|webp)\b(.{0,80})$", re.IGNORECASE)
_BARE = re.compile(r"^[^\w./\\(\[!]{0,12}[\w./\\-]{1,200}\.(?:png|jpe?g|webp)[\s`*_]{0,10}$", re.IGNORECASE)
_LINK = re.compile(r"\[([^\[\]\n]{0,300})\]\([^()\n]{0,500}\)")
_EMPHASIS = re.compile(r"\*\*|`")
_QUOTES = " \t\"'*[](){}<>.,;|\N{LEFT DOUBLE QUOTATION MARK}\N{RIGHT DOUBLE QUOTATION MARK}"
_QUOTES += "\N{LEFT SINGLE QUOTATION MARK}\N{RIGHT SINGLE QUOTATION MARK}"

#: ``**Key:** value``, ``**Key**: value``, ``**Key** - value``, ``**Key: value**``.
_BOLD_LED = re.compile(
    r"^[^\w\n*]{0,20}(?P<bold>\*\*|__|\*)(?P<key>[^*\n]{1,200}?)(?P=bold)\s{0,3}(?P<colon>[:\uff1a=]|→|->|[–—-](?=\s)|)(?P<value>.*)$"
)
#: ``Key: value``, ``Key = value``
_PLAIN = re.compile(r"^[^\w\n]{0,20}(?P<key>\w[^:\uff1a=→\n]{0,80}?)\s{0,3}(?P<colon>[:\uff1a=]|→|->)(?P<value>.*)$")
#: What no label is without; nearly all lines of prompts are.
_COULD_BE = re.compile(r"[:\uff1a=→]|->|\*\S|__\S")
_INNER_COLON = re.compile(r"[:\uff1a]|→|->")
_ASIDE = re.compile(r"\([^()\n]{0,80}\)")


class Field(Enum):
    """What a label is for."""

    FILE = auto()
    PROMPT = auto()
    ELSEWHERE = auto()  #: a prompt for something else: a video, a second attempt
    NEGATIVE = auto()
    CATEGORY = auto()
    RATIO = auto()
    CORE = auto()
    NAME = auto()
    LOOK = auto()  #: belongs to a prompt: camera, light, style
    NOTE = auto()  #: belongs to the production: clips, status, references
    OTHER = auto()


@dataclass(frozen=True)
class Label:
    """A label and what stands behind it on its line.

    Attributes:
        field: What it is for.
        key: Its words, lower case.
        value: The rest of the line; empty where it must stand below.
        bold: It is set in bold or italics, as labels are and sentences are not.
    """

    field: Field
    key: str
    value: str
    bold: bool


_FIELDS = (
    (
        Field.ELSEWHERE,
        re.compile(
            r"(?:alt|alternat\w+|backup|fallback|old|previous|video|motion|animation|audio|sound|music|voice\w*|"
            r"image to video|image-to-video|i2v|kling|runway|veo|sora)(?: [\w-]+){0,2} prompts?"
        ),
    ),
    (Field.NEGATIVE, re.compile(r"negatives?|negative prompts?|avoid|exclude|do not include|don'?t include")),
    (
        Field.PROMPT,
        re.compile(r"(?:[\w-]+ ){0,3}(?:prompts?|prompt text|prompt \d{1,3}|提示词|提示詞|プロンプト|промпт)"),
    ),
    (
        Field.FILE,
        re.compile(
            r"(?:[\w-]+ )?(?:file\s?-?names?|filename)|(?:[\w-]+ ){0,2}(?:file|output|save as|saved as|save to|path|"
            r"dateiname|datei|nombre de archivo|nom de fichier|fichier|archivo|nome do arquivo|nome file|文件名|"
            r"имя файла)(?: [\w-]+)?"
        ),
    ),
    (Field.CATEGORY, re.compile(r"(?:asset |picture |image )?(?:category|type|kind|class)|kategorie|typ|categor[ií]a")),
    (Field.RATIO, re.compile(r"(?:image |picture )?(?:aspect(?:[ -]ratio)?|ratio|ar|format|seitenverhältnis)")),
    (Field.CORE, re.compile(r"core|core asset|is core|core reference")),
    (Field.NAME, re.compile(r"(?:asset |picture |image |shot )?(?:name|title)|asset|image|picture|nombre|nom|titel")),
    (
        Field.NOTE,
        re.compile(
            r"(?:used|use|usage|appears|needed|required|clips?|status|priority|purpose|id|asset id|model|tool|"
            r"seed|duration|resolution|version|tags?|depend\w*|approved|owner|cost|notes?|remarks?|why|"
            r"production|reason|comment|comments|todo|dimensions?)(?: [\w#-]+){0,3}"
        ),
    ),
    (
        Field.LOOK,
        re.compile(
            r"(?:[\w-]+ ){0,2}(?:style|camera|lighting|light|lens|setting|mood|details?|composition|subject|scene|"
            r"background|foreground|action|pose|colou?rs?|palette|texture|framing|angle|environment|atmosphere|"
            r"technical|parameters|description|quality|weather|time|shot|scale|suffix|flags)"
        ),
    ),
)
_FILE_WORDS = re.compile(r"name|datei|archivo|fichier|arquivo|文件名|файла")
_REFERENCE = re.compile(
    r"\b(?:refer|réf|ref\b|based|uses?\b|source|input|see\b|from\b|like\b|match|depend|same as)", re.I
)
_COLONS = (":", "\uff1a", "=", "→", "->")
_LONGEST_NAME = 12
_WORDS = re.compile(r"[^\W_]+(?:['’-][^\W_]+)*")


def read_label(line: str) -> Label | None:
    """Reads a line as a label; None if it is none. A sentence with a colon is one of ``Field.OTHER``."""
    if not _COULD_BE.search(line[:600]):
        return None
    found = _BOLD_LED.match(line[:600]) or _PLAIN.match(line[:200])
    if found is None:
        return None
    bold = "bold" in found.re.groupindex
    key, colon = found["key"], found["colon"]
    value = line[found.start("value") :]
    if bold and (inner := _INNER_COLON.search(key)):
        value = f"{key[inner.end() :]} {value}"
        key, colon = key[: inner.start()], ":"
    words = _WORDS.findall(_ASIDE.sub(" ", key).lower())
    if not words or len(words) > 6:
        return None
    key = " ".join(words)
    value = value.strip(" \t*_" if colon else " \t")
    field = next((field for field, pattern in _FIELDS if pattern.fullmatch(key)), Field.OTHER)
    if field is not Field.PROMPT and colon in _COLONS and _names_file(value) and not _REFERENCE.search(key):
        field = Field.FILE
    elif field is Field.FILE and not (_FILE_WORDS.search(key) or _names_file(value)):
        field = Field.OTHER  # the vaguer labels only count before a picture's file name
    elif field is Field.NAME and len(value.split()) > _LONGEST_NAME:
        field = Field.OTHER
    if colon in ("=", "→", "->") and field is not Field.FILE:
        return None
    if not colon and (value or field is Field.OTHER) and not (field is Field.FILE and _names_file(value)):
        return None
    return Label(field, key, clean_filename(value) if field is Field.FILE else value, bold)


def could_label(text: str) -> bool:
    """Returns whether any line of a text could be a label: cheaper than asking each."""
    return any(mark in text for mark in (":", "*", ".", "=", "\uff1a", "__", "→", "->"))


def file_label(line: str) -> str | None:
    """Returns the file name a line gives, empty where it must stand on the next line; None if it is no such line."""
    label = read_label(line)
    return label.value if label and label.field is Field.FILE else None


def _names_file(value: str) -> bool:
    """Returns whether a value is one picture's file name, with at most a short remark behind it."""
    found = _ONE_FILE.match(_LINK.sub(r"\1", value[:400]))
    return bool(found and not _ENDING.search(found[1]) and len(found[1].split()) < 6)


def has_image_ending(text: str) -> bool:
    """Returns whether a line names a picture file."""
    return _ENDING.search(text[:500]) is not None


def is_bare_filename(line: str) -> bool:
    """Returns whether a line is a picture's file name and nothing else."""
    return _BARE.match(line) is not None


def clean_filename(text: str) -> str:
    """Returns a suggested name without quotes, links and remarks."""
    text = _LINK.sub(r"\1", text[:500])
    if ending := _ENDING.search(text):
        text = text[: ending.end()]
    return _EMPHASIS.sub("", text).strip(_QUOTES)


def filename_in(title: str) -> str:
    """Returns the file name that a title contains; empty if it has none."""
    found = _NAMED_FILE.search(title[:500]) or _ASIDE_FILE.search(title[:500])
    return found[1] if found else ""


def without_prompt_label(prompt: str) -> str:
    """Returns a prompt without a leading ``Prompt:``."""
    first, newline, rest = prompt.partition("\n")
    label = read_label(first)
    if label is None or label.field is not Field.PROMPT:
        return prompt
    return f"{label.value}{newline}{rest}".lstrip()


def label_of_title(title: str) -> Field | None:
    """Returns what a title labels that could be a line's label, such as ``Negative prompt``; None if it is a name."""
    label = read_label(f"{title.strip(' :')}:")
    return label.field if label and label.field not in (Field.OTHER, Field.NAME) else None


#: A heading that labels a part of the picture above it.
_HEADING = re.compile(r"^\W*(?:[\w-]+\s){0,2}(?:prompts?(?: text)?|negative|suggested filename|filename)\W*$", re.I)


def is_label_heading(title: str) -> bool:
    """Returns whether a heading labels a part of the picture above it, and is no picture's own."""
    return _HEADING.match(title) is not None and not re.search(r"\bmaster\b", title, re.I)
