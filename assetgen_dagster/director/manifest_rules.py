"""The rules for every manifest that a director writes, by tables or by a language model.

Pure functions over a manifest. A document or a manifest that a person wrote is not held against them: a producer may
want nine characters. What a single sentence must not say at its place and hour is the subject of ``rules``. The words
come from the package's tables (``world/subjects.toml`` and ``world/plates.toml``).
"""

import tomllib
from collections import Counter
from collections.abc import Iterator, Sequence
from functools import cache
from importlib.resources import files

from pydantic import BaseModel, ConfigDict

from assetgen_dagster.director.matching import Hit, Lexicon, Word, indexes, split_words
from assetgen_dagster.director.tables import subjects
from assetgen_dagster.manifest.model import USUAL_COUNTS, AssetManifest, AssetPrompt, AssetType

#: The story's number of pictures.
PICTURES = 22

#: Characters of a picture's prompt, and of the atmosphere: shorter says nothing, longer says everything at once.
PROMPT_CHARACTERS = range(60, 2001)
ATMOSPHERE_CHARACTERS = range(40, 1201)

_NO = frozenset(("no", "not", "without", "never", "neither", "zero"))
_HARMLESS = ""


class _Plates(BaseModel):
    """Phrases around animals in a plate; see ``world/plates.toml``."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    harmless: tuple[str, ...]
    herds: tuple[str, ...]
    listed: tuple[str, ...]
    absent: tuple[str, ...]


def violations(manifest: AssetManifest, *, hero: str) -> tuple[str, ...]:
    """Returns what is wrong with a director's manifest, one sentence each; nothing if it may be drawn.

    Args:
        manifest: With unique names, as every manifest.
        hero: Whom the film is about, as every character's prompt has to name it.
    """
    return (
        *_counts(manifest),
        *_lengths(manifest),
        *_twins(manifest),
        *_characters(manifest, hero),
        *_plates_with_animals(manifest, hero),
    )


def find_animals(text: str, *, hero: str = "") -> list[str]:
    """Returns the animals that a text shows, as it names them; none that it only says are not there.

    "No birds or insects", "free of animals" and "bird's-eye view" show none.
    """
    words = split_words(text)
    lexicon = _animals(hero)
    animals = [hit for hit in lexicon.find(words) if hit.value]
    named = indexes([*animals, *lexicon.find_denied(words)])
    return [
        text[words[hit.start].start : words[hit.end - 1].end]
        for hit in animals
        if not _is_denied(hit, words, text, named)
    ]


def _counts(manifest: AssetManifest) -> Iterator[str]:
    if len(manifest.assets) != PICTURES:
        yield f"there are {len(manifest.assets)} pictures instead of {PICTURES}"
    for kind, count in manifest.counts().items():
        usual = USUAL_COUNTS[kind]
        if count not in usual:
            yield f"there are {count} {kind} pictures; {usual.start} to {usual.stop - 1} are wanted"


def _lengths(manifest: AssetManifest) -> Iterator[str]:
    texts = [("the global atmosphere", manifest.global_atmosphere, ATMOSPHERE_CHARACTERS)]
    texts += [(_called(asset), asset.prompt, PROMPT_CHARACTERS) for asset in manifest.assets]
    for name, text, allowed in texts:
        if len(text.strip()) not in allowed:
            yield f"{name} has {len(text.strip())} characters; {allowed.start} to {allowed.stop - 1} are wanted"


def _twins(manifest: AssetManifest) -> Iterator[str]:
    seen: dict[str, AssetPrompt] = {}
    for asset in manifest.assets:
        first = seen.setdefault(_folded(asset.prompt), asset)
        if first is not asset:
            yield f"{_called(asset)} has the same prompt as {first.name}"
    names = Counter(asset.name for asset in manifest.assets)
    yield from (f"the name {name} is given {count} times" for name, count in names.items() if count > 1)


def _characters(manifest: AssetManifest, hero: str) -> Iterator[str]:
    wanted = _folded(hero)
    for asset in manifest.assets:
        if asset.asset_type is AssetType.CHARACTER and wanted not in _folded(asset.prompt):
            yield f"{_called(asset)} does not name {hero}"


def _plates_with_animals(manifest: AssetManifest, hero: str) -> Iterator[str]:
    """The atmosphere counts as a plate: it becomes part of each of them."""
    plates = [("the global atmosphere", manifest.global_atmosphere)]
    plates += [(_called(a), a.prompt) for a in manifest.assets if a.asset_type is AssetType.ENVIRONMENT]
    for name, text in plates:
        if found := find_animals(text, hero=hero):
            yield f"{name} has to be empty of animals and shows: {', '.join(dict.fromkeys(found))}"


def _is_denied(hit: Hit[str], words: Sequence[Word], text: str, named: frozenset[int]) -> bool:
    """Returns whether an animal stands in a list that begins with a "no", "without" or "free of"."""
    between = {*_plates().listed}
    at = hit.start - 1
    while at >= 0 and "." not in text[words[at].end : words[at + 1].start]:
        pair = " ".join(word.key for word in words[max(0, at - 1) : at + 1])
        if words[at].key in _NO or pair in _plates().absent:
            return True
        if at not in named and words[at].key not in between:
            return False
        at -= 1
    return False


@cache
def _plates() -> _Plates:
    text = files("assetgen_dagster.director").joinpath("world", "plates.toml").read_text("utf-8")
    return _Plates.model_validate(tomllib.loads(text))


@cache
def _animals(hero: str) -> Lexicon[str]:
    """All animals that the tables know, and the hero; what only sounds like one has an empty value."""
    table = subjects()
    phrases = [*table.kinds.names, *_plates().herds]
    for names in (*table.homes.values(), *table.pokemon.values()):
        phrases += names
    return Lexicon(
        {phrase: phrase for phrase in phrases}
        | ({hero: hero} if hero else {})
        | dict.fromkeys(_plates().harmless, _HARMLESS)
    )


def _called(asset: AssetPrompt) -> str:
    return f"{asset.asset_type} {asset.name}"


def _folded(text: str) -> str:
    return " ".join(text.split()).casefold()
