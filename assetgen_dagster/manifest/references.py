"""Which pictures refer to which: the pictures that are passed along so that a character looks the same everywhere.

What a manifest says (``references``) counts. Where it says nothing, two rules, which cannot end in a circle:

1. A picture refers to the pictures whose file its prompt names ("use fox_core.png as reference"), as far as they are
   ``core`` or stand before it. That is the only way for environments and props.
2. A character that names none refers to the ``core`` characters that show the same one by their titles. A title that
   sets its subject off, as in "Bulbasaur (Walking)", says who it is: pictures whose own subject has those words show
   the same. Of other titles, and of file names, the words in common count, from the first one on.

A ``core`` picture refers to other cores only, and only where its prompt names them. Where nothing is in common there
is no reference: a wrong one would spoil a picture, a missing one can be written into the manifest.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from graphlib import CycleError, TopologicalSorter
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from assetgen_dagster.manifest.model import AssetPrompt

#: What Gemini's image models take along with a prompt at most (14: Gemini 3 and later).
MOST_REFERENCES = 14

#: Most references found by title: older models follow more than three pictures badly.
_MOST_BY_TITLE = 3

_LEAD = re.compile(r"^\W*(?:char(?:acter)?|composite)(?=[\s_:-])[\s_:-]+", re.I)
_SUBJECT = re.compile(r"\s*(.+?)\s*(?:[(\[:,;–—]|\s-)")
_FILE = re.compile(r"(?<![\w-])([\w-]+)\.(?:png|jpe?g|webp)\b", re.I)
_POSSESSIVE = re.compile(r"['’]s\b")
_WORD = re.compile(r"[^\W_]+")

#: Words that two characters may have in common without being the same one.
_DESCRIBING = frozenset(
    """a an the one two three this that young old adult baby juvenile elderly male female mother father little small
    tiny big large huge giant great lesser wild lone single red blue green yellow orange purple pink brown black
    white grey gray golden silver dark light spotted striped common northern southern eastern western""".split()  # noqa: SIM905 - forty quotes more are no clearer
)

_Words = tuple[str, ...]


def effective_references(assets: "Sequence[AssetPrompt]") -> dict[str, tuple[str, ...]]:
    """Returns the names of the pictures that each picture refers to, by its name; empty for none."""
    subjects = _Subjects([asset for asset in assets if asset.asset_type == "character"])
    cores = {asset.name for asset in assets if asset.core}
    found: dict[str, tuple[str, ...]] = {}
    for asset in assets:
        if asset.references is not None:
            found[asset.name] = asset.references
            continue
        allowed = found.keys() & cores if asset.core else found.keys() | cores
        named = [name for name in _files_in(asset.prompt) if name in allowed and name != asset.name]
        found[asset.name] = tuple(named or subjects.cores_of(asset))[:MOST_REFERENCES]
    return found


def check_references(assets: "Sequence[AssetPrompt]") -> None:
    """Does nothing if the references that a manifest names can be followed.

    Raises:
        ValueError: A name is no picture's or stands there twice, there are too many, or they lead in a circle.
    """
    names = {asset.name for asset in assets}
    saying = [asset for asset in assets if asset.references is not None]
    for asset in saying:
        references = asset.references or ()
        if unknown := [name for name in references if name not in names]:
            raise ValueError(f"{asset.name} refers to {unknown[0]!r}, which is no picture of this manifest")
        if len(set(references)) < len(references):
            raise ValueError(f"{asset.name} refers to the same picture twice")
        if len(references) > MOST_REFERENCES:
            raise ValueError(f"{asset.name} refers to {len(references)} pictures; {MOST_REFERENCES} are possible")
    if saying:
        in_drawing_order(effective_references(assets))


def in_drawing_order(references: Mapping[str, Sequence[str]]) -> list[str]:
    """Returns all names so that every picture stands behind those it refers to.

    Raises:
        ValueError: They lead in a circle; names it.
    """
    try:
        return list(TopologicalSorter(references).static_order())
    except CycleError as error:
        circle = " → ".join(reversed(error.args[1]))
        raise ValueError(
            f'pictures refer to each other in a circle ({circle}): correct the "references" of one of them ([] is none)'
        ) from None


class _Subjects:
    """Finds the subject of each character picture from titles and file names."""

    def __init__(self, characters: "Sequence[AssetPrompt]") -> None:
        self._characters = characters
        self._longest = {
            core.name: max((len(_leading(core, other)) for other in characters if other is not core), default=0)
            for core in characters
            if core.core and not _subject(core.title)
        }

    def cores_of(self, asset: "AssetPrompt") -> Iterator[str]:
        """Yields the core pictures of the same character; none for a core itself and for what is no character."""
        if asset.core or asset.asset_type != "character":
            return
        same = {core.name: shared for core in self._characters if core.core and (shared := self._shared(core, asset))}
        # A "Fox Cub" is not the "Fox" where each has a core; a picture of two characters refers to both.
        apart = [name for name, shared in same.items() if not any(_within(shared, other) for other in same.values())]
        yield from apart[:_MOST_BY_TITLE]

    def _shared(self, core: "AssetPrompt", asset: "AssetPrompt") -> _Words:
        """Returns the words by which two pictures show the same character; empty if they do not."""
        if (subject := _subject(core.title)) and asset.title:
            words = _subject(asset.title) or _words(asset.title)
            return subject if subject == words or _within(subject, words) else ()
        shared = _leading(core, asset)
        told = len(shared) >= self._longest.get(core.name, 0) and not _DESCRIBING.issuperset(shared)
        return shared if told else ()


def _leading(core: "AssetPrompt", asset: "AssetPrompt") -> _Words:
    """Returns the words that two titles, or else two names, have in common from the first one on."""
    titled = bool(core.title and asset.title)
    ours, theirs = (_words(one.title if titled else one.name) for one in (core, asset))
    both = zip(ours, theirs, strict=False)
    return ours[: next((i for i, (a, b) in enumerate(both) if a != b), min(len(ours), len(theirs)))]


def _subject(title: str) -> _Words:
    """Returns the words of a subject that brackets, a dash, a colon or a comma set off; else nothing."""
    found = _SUBJECT.match(_LEAD.sub("", title))
    return _words(found[1]) if found else ()


def _words(text: str) -> _Words:
    return tuple(_WORD.findall(_POSSESSIVE.sub("", _LEAD.sub("", text)).casefold()))


def _within(part: _Words, words: _Words) -> bool:
    """Tells whether ``part`` stands in the longer ``words``, unbroken."""
    length = len(part)
    return length < len(words) and any(words[i : i + length] == part for i in range(len(words) - length + 1))


def _files_in(prompt: str) -> list[str]:
    return list(dict.fromkeys(name.lower() for name in _FILE.findall(prompt)))
