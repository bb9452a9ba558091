"""Titles that stand over several pictures, and the kind they name: ``CHARACTERS``, ``Environment Plates (Clean)``."""

import re
from dataclasses import dataclass
from functools import lru_cache

from assetgen_dagster.manifest.model import AssetType

_CHARACTER, _ENVIRONMENT, _PROP = AssetType.CHARACTER, AssetType.ENVIRONMENT, AssetType.PROP


def by_words(character: str, environment: str, prop: str) -> dict[str, AssetType]:
    """Returns the kinds by word, for words separated by spaces."""
    return {
        **dict.fromkeys(character.split(), _CHARACTER),
        **dict.fromkeys(environment.split(), _ENVIRONMENT),
        **dict.fromkeys(prop.split(), _PROP),
    }


#: Words that name a kind by themselves, in the languages that producers write headings in.
CLEAR = by_words(
    "character characters cast creature creatures protagonist hero heroes pokemon pokémon animals protagonists "
    "antagonists wildlife fauna char chars charaktere figuren personajes personnages personagens personaggi",
    "environment environments environmental set sets plate plates background backgrounds location locations landscape "
    "landscapes backdrop backdrops habitat habitats scenery env envs places vistas umgebungen hintergründe schauplätze "
    "kulissen entornos fondos escenarios décors environnements cenários ambientes ambienti sfondi",
    "prop props object objects items requisiten objekte objetos accesorios accessoires objets adereços oggetti",
)
#: Words that hint at a kind where none of the clear ones stands.
_HINTS = by_words(
    "variants poses subjects predators prey species family",
    "scenes settings world worlds establishing",
    "macro macros elements effects details textures flora inserts artifacts",
)
#: Words that may stand around them in a group's title; anything else makes it the title of a picture.
_FILLERS = frozenset(
    re.findall(
        r"\w+",
        "a an and the of for in with all no new main hero asset assets image images picture pictures prompt prompts "
        "master shot shots clean state states subject subjects variant variants core extra additional group list "
        "natural atmospheric wide close ups closeups pose section category type part count total key supporting "
        "secondary primary detail die der und los las les et y e",
    )
)
LED = re.compile(
    r"^\W*(prop|composite|environment|env|set|plate|background|character|char)\s*#?\d{0,3}\s*(?:[:|–—]|-\s)\s*(?=\S)"
    r"|^\W*[\[(](prop|environment|env|set|background|character|char)[\])]\s*(?=\S)",
    re.I,
)
_COUNTER = re.compile(r"^\W*(?:section|group|category|part|block|batch|set)\s+\w{1,3}\s*[:.)–—-]+\s*(?=\S)", re.I)
_WORD = re.compile(r"[^\W\d_]+")


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
    title = _COUNTER.sub("", title)
    if not title or LED.match(title):
        return Group(None, titled=False)
    head = re.split(r"[:(\[–—|]|\s-\s", title, maxsplit=1)[0]
    words = [word for word in _WORD.findall(head.lower()) if len(word) > 1]
    clear = [CLEAR[word] for word in words if word in CLEAR]
    known = all(word in CLEAR or word in _HINTS or word in _FILLERS for word in words)
    if clear and known:
        several = bool(re.search(r"&|\+|/|\b(?:and|und|et|y|e)\b", head, re.I)) and len(set(clear)) > 1
        # "Environmental Props": the noun stands last. "Characters and Props" names none of the two.
        return Group(None if several else clear[-1], titled=True)
    if len(words) > 1 and words[-1] in ("assets", "variants", "prompts"):
        return Group(clear[-1] if clear else None, titled=True)
    hints = [_HINTS[word] for word in words if word in _HINTS]
    if hints and known:
        return Group(hints[-1], titled=True)
    return Group(None, titled=False)


def is_group_line(line: str) -> bool:
    """Returns whether a plain line is a group's title: in capitals, or nothing but a kind's name."""
    group = read_group(line)
    alone = group.kind is not None and len(line.split()) <= 3 and not line.endswith(".")
    return (line.isupper() or alone) and group.titled


def without_lead(title: str) -> str:
    """Returns a picture's title without a leading ``Prop:`` or the like."""
    return LED.sub("", title, count=1)
