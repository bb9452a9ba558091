"""Which of the three kinds a producer's picture is: every place a document can say so, the most telling first."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import lru_cache

from assetgen_dagster.story.blocks import Block, Kind, plain
from assetgen_dagster.story.manifest import AssetType

_CHARACTER, _ENVIRONMENT, _PROP = AssetType.CHARACTER, AssetType.ENVIRONMENT, AssetType.PROP

#: Words that name a kind by themselves.
_CLEAR = {
    **dict.fromkeys(("character", "characters", "cast", "creature", "creatures", "protagonist", "hero"), _CHARACTER),
    **dict.fromkeys(("pokemon", "pokémon", "animals", "heroes", "protagonists", "antagonists"), _CHARACTER),
    **dict.fromkeys(("environment", "environments", "environmental", "set", "sets", "plate", "plates"), _ENVIRONMENT),
    **dict.fromkeys(("background", "backgrounds", "location", "locations", "landscape", "landscapes"), _ENVIRONMENT),
    **dict.fromkeys(("backdrop", "backdrops", "habitat", "habitats", "scenery"), _ENVIRONMENT),
    **dict.fromkeys(("prop", "props", "object", "objects"), _PROP),
}
#: Words that hint at a kind where none of the clear ones stands.
_HINTS = {
    **dict.fromkeys(("macro", "macros", "elements", "effects", "details", "textures", "flora", "inserts"), _PROP),
    **dict.fromkeys(("scenes", "settings", "worlds", "establishing"), _ENVIRONMENT),
    **dict.fromkeys(("variants", "poses", "subjects", "predators", "prey"), _CHARACTER),
}
#: Words that may stand around them in a group's title; anything else makes it the title of a picture.
_FILLERS = frozenset(
    re.findall(
        r"\w+",
        "a an and the of for in with all no new main hero asset assets image images picture pictures prompt prompts "
        "master shot shots clean state states subject subjects variant variants core extra additional group list "
        "natural atmospheric wide close ups closeups pose",
    )
)
_PREFIX = re.compile(r"^(env|environment|prop|props|char|character)[_-]", re.I)
_FOLDER = re.compile(r"(?:^|[/\\])(characters?|environments?|props?)[/\\]", re.I)
_LED = re.compile(
    r"^\W*(prop|composite|environment|env|set|plate|background|character|char)\s*#?\d{0,3}\s*[:–—-]\s*(?=\S)", re.I
)
_LED_KINDS = {"env": _ENVIRONMENT, "char": _CHARACTER, "composite": _CHARACTER}
_WORD = re.compile(r"[^\W\d_]+")


@dataclass(frozen=True)
class Decision:
    """A kind, and in a few words why.

    Attributes:
        kind: The picture's kind.
        reason: What decided it.
        sure: False where a person should look.
    """

    kind: AssetType
    reason: str
    sure: bool = True


@dataclass(frozen=True)
class Group:
    """What a title says about the pictures below it.

    Attributes:
        kind: The kind it names, if it names one.
        titled: The title is a group's, not a picture's.
    """

    kind: AssetType | None
    titled: bool


@lru_cache(maxsize=4096)
def read_group(title: str) -> Group:
    """Reads a title as a group's: ``CHARACTERS: Bulbasaur``, ``Environment Plates (Clean)``, ``HAUNTER ASSETS``."""
    if _LED.match(title):
        return Group(None, titled=False)
    head = re.split(r"[:(\[–—]|\s-\s", title, maxsplit=1)[0]
    words = _WORD.findall(head.lower())
    clear = [_CLEAR[word] for word in words if word in _CLEAR]
    known = all(word in _CLEAR or word in _HINTS or word in _FILLERS for word in words)
    if clear and known:
        several = bool(re.search(r"&|\+|/|\band\b", head, re.I)) and len(set(clear)) > 1
        # "Environmental Props": the noun stands last. "Characters and Props" names none of the two.
        return Group(None if several else clear[-1], titled=True)
    if len(words) > 1 and words[-1] in ("assets", "variants", "prompts"):
        return Group(clear[-1] if clear else None, titled=True)
    hints = [_HINTS[word] for word in words if word in _HINTS]
    if hints and known:
        return Group(hints[-1], titled=True)
    return Group(None, titled=False)


def without_lead(title: str) -> str:
    """Returns a picture's title without a leading ``Prop:`` or the like."""
    return _LED.sub("", title, count=1)


@dataclass(frozen=True)
class Lists:
    """What Part 1 lists: entries by kind, keyed by their words; and the names of the cast."""

    entries: dict[str, AssetType] = field(default_factory=dict)
    cast: frozenset[str] = frozenset()

    def find(self, title: str) -> AssetType | None:
        """Returns the kind under which Part 1 lists ``title``: word for word, else nearly so, else by a cast name."""
        key = _key(title)
        if key in self.entries:
            return self.entries[key]
        # Comparing with every entry would take minutes for a list of thousands, and no real list is that long.
        near = [kind for entry, kind in list(self.entries.items())[:200] if key and _alike(key, entry)]
        if near and len(set(near)) == 1:
            return near[0]
        first = key.split(" ")[0]
        return _CHARACTER if first and first in self.cast else None


def read_lists(blocks: Sequence[Block]) -> Lists:
    """Reads the lists of Part 1 (Cast, Props, Sets)."""
    entries: dict[str, AssetType] = {}
    cast: set[str] = set()
    kind: AssetType | None = None
    for block in blocks:
        if block.is_title:
            group = read_group(block.text)
            if group.titled:
                kind = group.kind
            elif block.kind is Kind.HEADING:
                kind = None
            elif kind is _CHARACTER:
                cast.add(_key(block.text).split(" ")[0])
        elif block.kind is Kind.TEXT and block.listed and kind:
            for line in block.text.split("\n"):
                for key in {_key(line), _key(_before_dash(line))} - {""}:
                    entries.setdefault(key, kind)
                if kind is _CHARACTER:
                    cast.add(_key(line).split(" ")[0])
    return Lists(entries, frozenset(cast - {""}))


def decide(*, filename: str, title: str, label: str, groups: Sequence[str], lists: Lists) -> Decision:
    """Decides a picture's kind.

    Args:
        filename: As suggested, possibly with a path; empty if there is none.
        title: The picture's own title.
        label: What a ``Category:`` line under it says; empty if there is none.
        groups: Titles of the groups it stands in, innermost first.
        lists: Part 1.
    """
    if prefix := _PREFIX.match(re.split(r"[/\\]", filename)[-1]) or _FOLDER.search(filename):
        return Decision(_named(prefix[1]), f"file name {prefix[0]}")
    if said := read_group(label).kind:
        return Decision(said, f"category {label}")
    if led := _LED.match(title):
        return Decision(_named(led[1]), f"title {led[1]}", sure=led[1].lower() != "composite")
    for group in groups:
        if kind := read_group(group).kind:
            return Decision(kind, f"section {group}")
    if kind := lists.find(without_lead(title)):
        return Decision(kind, "list in Part 1")
    if own := next((group for group in groups if read_group(group).titled), None):
        first = _key(own).split(" ")[0]
        known = first in lists.cast or _key(title).startswith(first)
        return Decision(_CHARACTER, f"section {own}", sure=known)
    return Decision(_CHARACTER, "nothing says otherwise", sure=False)


def _named(word: str) -> AssetType:
    return _LED_KINDS.get(word.lower()) or _CLEAR[word.lower()]


def _alike(first: str, second: str) -> bool:
    """Tells whether two keys mean the same picture: one begins with the other, or most of their words are shared."""
    words, others = first.split(), second.split()
    common = min(len(words), len(others))
    if common > 1 and words[:common] == others[:common]:
        return True
    return len(set(words) & set(others)) >= 0.6 * len(set(words) | set(others))


def _key(text: str) -> str:
    """Returns the words of a title, for comparing; ``[CORE]`` and numbering do not count."""
    text = re.sub(r"\[[^\]\n]{1,30}\]|^\W*\d{1,3}[.)]\s", " ", plain(text[:300]))
    return " ".join(re.findall(r"\w+", text.replace("'", "").replace("\N{RIGHT SINGLE QUOTATION MARK}", "").lower()))


def _before_dash(line: str) -> str:
    """Cuts a list entry before the dash that leads its description, but not at a dash in brackets."""
    depth = 0
    for index, character in enumerate(line[:300]):
        depth += (character in "([") - (character in ")]")
        if depth == 0 and line[index : index + 3] in (" - ", " – ", " — ", ": "):
            return line[:index]
        if depth == 0 and line[index : index + 2] == ": ":
            return line[:index]
    return line
