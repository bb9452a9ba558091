"""Lines that label what stands beside or below them: a file name, a prompt, a category, what to leave out.

Producers write them with or without bold, emoji, bullets and blank lines; every pattern here reads one line.
"""

import re

_MARK = r"^[^\w\n]{0,20}"
_COLON = r"\s?[^\w\s:]{0,4}\s?[:\uff1a][ \t*_]*"

_FILE = re.compile(
    rf"{_MARK}(?:(?:suggested|output|asset|image|target)\s+)?(file\s?-?name|file|output|save\s+as)"
    r"\s?[^\w\s:]{0,4}\s?[:\uff1a=][ \t*_]*(.*)$",
    re.IGNORECASE,
)
_ENDING = re.compile(r"\.(?:png|jpe?g|webp)\b", re.IGNORECASE)
_NAMED_FILE = re.compile(r"([\w-]{1,200})\.(?:png|jpe?g|webp)\b", re.IGNORECASE)
_BARE = re.compile(r"^[\s`*]{0,10}[\w./-]{1,200}\.(?:png|jpe?g|webp)[\s`*]{0,10}$", re.IGNORECASE)
_EMPHASIS = re.compile(r"\*\*|`")
_QUOTES = " \t\"'*[](){}<>.,;|\N{LEFT DOUBLE QUOTATION MARK}\N{RIGHT DOUBLE QUOTATION MARK}"
_QUOTES += "\N{LEFT SINGLE QUOTATION MARK}\N{RIGHT SINGLE QUOTATION MARK}"

_PROMPT = re.compile(
    rf"{_MARK}(?:(?:master|image|full|final|positive|main|core|generation|complete|ai)\s+)?prompt{_COLON}", re.I
)
_NEGATIVE = re.compile(rf"{_MARK}negative(?:\s+prompts?)?\s?[^\w\s:]{{0,4}}\s?(?:[:\uff1a][ \t*_]*|$)", re.I)
_CATEGORY = re.compile(rf"{_MARK}(?:category|asset type|type|kind){_COLON}(.*)$", re.I)
_ANY = re.compile(
    rf"{_MARK}(?:[\w-]+\s){{0,2}}(?:prompt|negative|style|camera|lighting|lens|setting|mood|notes?|references?|"
    r"technical|details|description|composition|subject|scene|parameters)\b[^\n]{0,20}$",
    re.I,
)
#: A heading that labels a part of the picture above it.
_HEADING = re.compile(r"^\W*(?:\w+\s)?(?:prompt|negative prompts?|negative)\W*$", re.I)


def file_label(line: str) -> str | None:
    """Returns the file name a line gives, empty where it must stand on the next line; None if it is no such line."""
    label = _FILE.match(line)
    # The vaguer labels only count before a picture's ending.
    if label is None or not ("name" in label[1].lower() or has_image_ending(label[2])):
        return None
    return clean_filename(label[2])


def has_image_ending(text: str) -> bool:
    """Tells whether a line names a picture file."""
    return _ENDING.search(text[:500]) is not None


def is_bare_filename(line: str) -> bool:
    """Tells whether a line is a picture's file name and nothing else."""
    return _BARE.match(line) is not None


def clean_filename(text: str) -> str:
    """Returns a suggested name without quotes and remarks."""
    text = text[:500]
    if ending := _ENDING.search(text):
        text = text[: ending.end()]
    return _EMPHASIS.sub("", text).strip(_QUOTES)


def filename_in(title: str) -> str:
    """Returns the file name that a title contains; empty if it has none."""
    found = _NAMED_FILE.search(title[:500])
    return found[1] if found else ""


def without_prompt_label(prompt: str) -> str:
    """Returns a prompt without a leading ``Prompt:``."""
    label = _PROMPT.match(prompt)
    return prompt[label.end() :].lstrip() if label else prompt


def negative_label(line: str) -> str | None:
    """Returns what a ``Negative prompt:`` line lists, empty where it must stand below; None if it is no such line."""
    label = _NEGATIVE.match(line)
    return line[label.end() :].strip() if label else None


def category_label(line: str) -> str | None:
    """Returns what a ``Category:`` line says; None if it is no such line."""
    label = _CATEGORY.match(line)
    return label[1].strip(" *_`.") if label else None


def is_label(line: str) -> bool:
    """Tells whether a line only labels what stands below it."""
    return _ANY.match(line) is not None


def is_label_heading(title: str) -> bool:
    """Tells whether a heading labels a part of the picture above it, and is no picture's own."""
    return _HEADING.match(title) is not None
