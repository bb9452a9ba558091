"""File names of pictures: the story's rules for turning any text into a safe, unique name."""

import hashlib
import re
import unicodedata
from collections.abc import Iterable

#: Longest name in bytes, without the ending: leaves room for the temporary names around it (most limits are 255).
MAX_NAME_BYTES = 200

_DROPPED = re.compile(r"[^a-z0-9_-]+")
_PLAIN = re.compile(r"[a-z0-9]+(?:[_-][a-z0-9]+)*")
_ENDING = re.compile(r"\.(png|jpe?g|webp)\Z", re.IGNORECASE)
_SPACE = re.compile(r"\s+")
_UNDERSCORES = re.compile(r"_{2,}")
_DASHES = {ord(dash): "-" for dash in "\N{HYPHEN}\N{NON-BREAKING HYPHEN}\N{EN DASH}\N{EM DASH}"}


def asset_name(text: str) -> str:
    """Returns ``text`` as a file name without ending: lower case, accents folded, spaces as ``_``, the rest dropped.

    Cut to 200 bytes with a hash of the whole, so that two long names stay two. May be empty.
    """
    name = _folded(text)
    if len(name) <= MAX_NAME_BYTES:
        return name
    digest = hashlib.sha256(name.encode()).hexdigest()[:8]
    return f"{name[: MAX_NAME_BYTES - len(digest) - 1].rstrip('_-')}_{digest}"


def is_cut(text: str) -> bool:
    """Tells whether ``asset_name`` has to cut ``text``."""
    return len(_folded(text)) > MAX_NAME_BYTES


def unique_names(texts: Iterable[tuple[str, str]]) -> list[str]:
    """Returns a unique file name for each ``(text, fallback stem)``, in order.

    A name taken already gets ``_2``, ``_3``…; an empty one becomes ``<stem>_01``, ``<stem>_02``….
    """
    taken: set[str] = set()
    reached: dict[str, int] = {}  # counting on from here keeps thousands of equal names cheap
    names = []
    for text, stem in texts:
        name = asset_name(text) or _first_free(f"{stem}_{{:02d}}", 1, taken, reached)
        if name in taken:
            name = _first_free(f"{name[: MAX_NAME_BYTES - 8].rstrip('_-')}_{{}}", 2, taken, reached)
        taken.add(name)
        names.append(name)
    return names


def _folded(text: str) -> str:
    if _PLAIN.fullmatch(text):
        return text
    text = _ENDING.sub("", text.strip()).translate(_DASHES)
    folded = unicodedata.normalize("NFKD", text).casefold()
    name = _DROPPED.sub("", _SPACE.sub("_", folded))
    return _UNDERSCORES.sub("_", name).strip("_-")


def _first_free(pattern: str, start: int, taken: set[str], reached: dict[str, int]) -> str:
    number = reached.get(pattern, start)
    while pattern.format(number) in taken:
        number += 1
    reached[pattern] = number + 1
    return pattern.format(number)
