"""Reads a selection of pictures such as "5, 13, env_cave": numbers, ranges, file names. Pure functions.

What is not clear is an error that names the nearest picture, never a guess: a wrong picture costs money.
"""

import difflib
import re
from collections.abc import Iterator, Mapping

from assetgen_dagster.errors import Code, OneCodeError
from assetgen_dagster.manifest.model import AssetType
from assetgen_dagster.manifest.names import asset_name
from assetgen_dagster.support.text import clean_text

#: Stands for every picture, unless one is called so.
ALL = "all"

_SEPARATORS = re.compile("[,;\n\N{FULLWIDTH COMMA}\N{IDEOGRAPHIC COMMA}]")
_WORDS = re.compile(r"(?:\s|&|\b(?:and|und)\b)+")
_MARKS = "-*•–—·"
_QUOTES = "'\"`()[]. \t\N{LEFT SINGLE QUOTATION MARK}\N{RIGHT SINGLE QUOTATION MARK}“”"

#: "5", "#05", "image_05", "No. 5".
_NUMBER = re.compile(r"(?:#|image[ _]?|picture[ _]?|nos?\.? ?|nr\.? ?)?(?P<number>\d{1,4})", re.IGNORECASE)
_ASSET_FILE = re.compile(r"(image_\d+)\.png", re.IGNORECASE)
_RANGE = re.compile(
    r"(?P<first>.*?\d)\s*(?:-|–|—|\.\.+|\bto\b)\s*(?P<last>(?:#|image|picture)?[ _]?\d+)", re.IGNORECASE
)
#: As our own messages and the contact sheet write it.
_BOTH = re.compile(r"#?(?P<number>\d{1,4})[ :]\s*(?P<name>\S.*)")
_CATEGORY = re.compile(r"(?P<kind>characters?|chars?|environments?|envs?|props?)[_-]")


class SelectionError(OneCodeError):
    """Unknown or ambiguous picture."""

    code = Code.REDRAW


def select_pictures(text: str, numbers: Mapping[str, int], kinds: Mapping[str, AssetType]) -> tuple[str, ...]:
    """Returns the names of the pictures that a text names, by number, each once.

    Args:
        text: Numbers, ranges of them and file names, with commas, semicolons or line ends between them; "all".
        numbers: Number of each picture, by name.
        kinds: Kind of each picture, by name.

    Raises:
        SelectionError: Something in it names no picture, or may name two; says which, the nearest, and what there is.
    """
    pictures = _Pictures(numbers, kinds)
    chosen: set[str] = set()
    faults: list[str] = []
    for item in _items(text):
        found = pictures.find(item)
        if isinstance(found, str):
            faults.append(found)
        else:
            chosen |= found
    if faults:
        raise SelectionError(f"{'; '.join(faults)}. There are: {pictures.listed()}.")
    if not chosen:
        raise SelectionError("no picture is named: write numbers or file names, such as 5, 13, env_cave.")
    return tuple(sorted(chosen, key=lambda name: numbers[name]))


class _Pictures:
    def __init__(self, numbers: Mapping[str, int], kinds: Mapping[str, AssetType]) -> None:
        self._numbers = numbers
        self._kinds = kinds
        self._names = {number: name for name, number in numbers.items()}

    def listed(self) -> str:
        return ", ".join(f"#{number:02d} {name}" for number, name in sorted(self._names.items()))

    def find(self, item: str) -> set[str] | str:
        """Returns the pictures that an item names, or what is wrong with it."""
        found = self._one(item)
        words = [word for word in _WORDS.split(item) if word]
        if found is None and len(words) > 1:
            several = [self._one(word) for word in words]
            if all(isinstance(one, set) for one in several):
                return set().union(*(one for one in several if isinstance(one, set)))
        return self._unknown(item) if found is None else found

    def _one(self, item: str) -> set[str] | str | None:
        """Returns what one item names; a sentence where that is not clear; None where it is nothing."""
        by_name, by_number, by_range = self._by_name(item), self._by_number(item), self._by_range(item)
        if by_name and by_number and by_name != by_number:
            return self._unclear(item, *by_name, *by_number)
        if by_name and isinstance(by_range, set):
            return f"{item!r} is a range and the name of a picture: write #{self._numbers[min(by_name)]:02d}"
        if item.casefold() == ALL and not by_name:
            return set(self._numbers)
        return by_name or by_number or by_range or self._by_both(item)

    def _by_name(self, item: str) -> set[str]:
        """Returns the picture of that file name: with folder and ending or without, with its kind before it or not."""
        wanted = asset_name(re.split(r"[/\\]", item)[-1])
        if item.startswith("#") or not wanted:
            return set()
        if wanted in self._numbers:
            return {wanted}
        bare = {name for name in self._numbers if _without_kind(name) == wanted}
        match = _CATEGORY.match(wanted)
        if match and (rest := wanted[match.end() :]) in self._numbers:
            bare |= {rest} if self._kinds[rest].startswith(match["kind"][:3]) else set()
        return bare if len(bare) == 1 else set()

    def _by_number(self, item: str) -> set[str]:
        match = _NUMBER.fullmatch(_ASSET_FILE.sub(r"\1", item))
        name = self._names.get(int(match["number"])) if match else None
        return {name} if name else set()

    def _by_range(self, item: str) -> set[str] | str | None:
        match = _RANGE.fullmatch(item)
        ends = [_NUMBER.fullmatch(match[end]) for end in ("first", "last")] if match else []
        first, last = (int(end["number"]) if end else None for end in ends) if ends else (None, None)
        if first is None or last is None:
            return None
        if first > last:
            return f"{item!r} runs backwards: write {last}-{first}"
        lacking = [number for number in (first, last) if number not in self._names]
        if lacking:
            return self._no_number(item, lacking[0])
        return {self._names[number] for number in range(first, last + 1) if number in self._names}

    def _by_both(self, item: str) -> set[str] | str | None:
        match = _BOTH.fullmatch(item)
        named = self._by_name(match["name"]) if match else set()
        if not match or not named:
            return None
        [name] = named
        if self._numbers[name] != int(match["number"]):
            return f"{item!r} names two: {name} is #{self._numbers[name]:02d}"
        return named

    def _unclear(self, item: str, by_name: str, by_number: str) -> str:
        return (
            f"{item!r} is the name of one picture and the number of another: write #{self._numbers[by_name]:02d} for "
            f"the former, #{self._numbers[by_number]:02d} for the latter"
        )

    def _unknown(self, item: str) -> str:
        if match := _NUMBER.fullmatch(item):
            return self._no_number(item, int(match["number"]))
        called = {_without_kind(name): name for name in self._numbers} | {name: name for name in self._numbers}
        near = [called[name] for name in difflib.get_close_matches(asset_name(item), called, n=1)]
        hint = f" (did you mean {near[0]}, #{self._numbers[near[0]]:02d}?)" if near else ""
        return f"there is no picture {item!r}{hint}"

    def _no_number(self, item: str, number: int) -> str:
        return f"there is no picture {number} (in {item!r})" if str(number) != item else f"there is no picture {number}"


def _items(text: str) -> Iterator[str]:
    for piece in _SEPARATORS.split(clean_text(text)):
        # A bullet before it, quotes around it.
        item = piece.strip().lstrip(_MARKS).strip(_QUOTES)
        if item:
            yield item


def _without_kind(name: str) -> str:
    match = _CATEGORY.match(name)
    return name[match.end() :] if match else name
