"""Which of the three kinds a producer's picture is: every place a document can say so, the most telling first."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from assetgen_dagster.documents.groups import CLEAR, LED, by_words, read_group, without_lead
from assetgen_dagster.documents.lists import Lists, key_of
from assetgen_dagster.manifest.model import AssetType

_CHARACTER, _ENVIRONMENT, _PROP = AssetType.CHARACTER, AssetType.ENVIRONMENT, AssetType.PROP
_PREFIX = re.compile(r"^(env|environment|environments|prop|props|char|chars|character|characters|bg|set)[_-]", re.I)
_FOLDER = re.compile(r"(?:^|[/\\])(char(?:acter)?s?|env(?:ironment)?s?|props?|backgrounds?|sets?)[/\\]", re.I)
_LED_KINDS = {"env": _ENVIRONMENT, "char": _CHARACTER, "composite": _CHARACTER, "bg": _ENVIRONMENT}
#: Letters before a picture's number: ``C1``, ``ENV-03``.
_CODES = by_words("c ch chr char", "e en env bg l loc set", "p pr prp prop")
_EMPTY_PLACE = re.compile(
    r"\bno (?:visible )?(?:animals?|characters?|creatures?|people|pok[eé]mon)\b"
    r"|\bwithout (?:any )?(?:animals?|characters?|creatures?)\b|\bclean (?:\w+ )?plate\b"
    r"|\bempty (?:of (?:life|animals)|\w+ plate)|\bestablishing (?:shot|plate)\b",
    re.I,
)
_MACRO = re.compile(r"\b(?:macro|close-?up)\b", re.I)


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


def decide(
    *, filename: str, title: str, code: str, label: str, groups: Sequence[str], lists: Lists, prompt: str
) -> Decision:
    """Decides a picture's kind.

    Args:
        filename: As suggested, possibly with a path; empty if there is none.
        title: The picture's own title.
        code: The letters before its number; empty if there are none.
        label: What a ``Category:`` line under it says; empty if there is none.
        groups: Titles of the groups it stands in, innermost first.
        lists: Part 1.
        prompt: Its prompt, which is only asked when nothing else says a word.
    """
    if prefix := _PREFIX.match(re.split(r"[/\\]", filename)[-1]) or _FOLDER.search(filename):
        return Decision(_named(prefix[1]), f"file name {prefix[0]}")
    if said := read_group(label).kind:
        return Decision(said, f"category {label}")
    if led := LED.match(title):
        lead = led[1] or led[2]
        return Decision(_named(lead), f"title {lead}", sure=lead.lower() != "composite")
    for group in groups:
        if kind := read_group(group).kind:
            return Decision(kind, f"section {group.strip(' :')}")
    if kind := lists.find(without_lead(title)) or lists.find(filename):
        return Decision(kind, "list in Part 1")
    if kind := _CODES.get(code.lower()):
        return Decision(kind, f"number {code.upper()}")
    if own := next((group for group in groups if read_group(group).titled), None):
        first = key_of(own).split(" ")[0]
        known = first in lists.cast or key_of(title).startswith(first)
        return Decision(_CHARACTER, f"section {own.strip(' :')}", sure=known)
    if _EMPTY_PLACE.search(prompt):
        return Decision(_ENVIRONMENT, "its prompt speaks of a place without anybody", sure=False)
    if _MACRO.search(f"{title} {prompt[:120]}") and not lists.is_cast(title):
        return Decision(_PROP, "its prompt speaks of a close-up", sure=False)
    return Decision(_CHARACTER, "nothing says otherwise", sure=False)


def _named(word: str) -> AssetType:
    word = word.lower()
    return _LED_KINDS.get(word) or _LED_KINDS.get(word.removesuffix("s")) or CLEAR[word]
