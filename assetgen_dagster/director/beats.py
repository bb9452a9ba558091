"""The story direction as a row of beats: its sentences in order, and what of them a picture can carry.

What the tables know (a hunt, the winter, a reef) shapes poses, light and places. Everything else reaches the prompts
word for word, as far as it cannot contradict the picture it stands in.
"""

import re
from collections.abc import Iterable, Sequence
from typing import Any

from assetgen_dagster.director import lexicons
from assetgen_dagster.director.matching import Lexicon, Word, indexes, split_words
from assetgen_dagster.director.rules import Scene, strange_words
from assetgen_dagster.director.subject import Hero
from assetgen_dagster.director.tables import subjects

MOST_BEATS = 8
_MOST_CHARACTERS = 180

_SENTENCE_END = re.compile(
    r"(?<!\bMr)(?<!\bDr)(?<!\bSt)(?<!\bMrs)[.!?;:\u3002\uff01\uff1f\u2026|]+(?:\s+|$)|\s+[\u2013\u2014-]+\s+|\s*\u2192\s*|\s->\s"
)
#: A comma parts two events where a new subject follows: "the colony builds, a storm destroys it".
_NEW_SUBJECT = re.compile(
    r",\s+(?=(?:and\s+)?(?:then|until|finally|a|an|the|it|its|she|he|they|his|her|their|one|we)\s+[^\s,]+\s+[^\s,]+)"
    r"|,?\s+(?:and\s+)?(?=then\s+\S+\s+\S+)",
    re.IGNORECASE,
)
_NOT_FOR_PROMPTS = re.compile("[^\\w\\s,'\u2019\u2013\u2014\u3001%&\u00b0\u2640\u2642-]|_")


def split_beats(story_direction: str) -> list[str]:
    """Returns the sentences of a story direction and the parts of long ones, each once, without words to the crew."""
    pieces = [part for sentence in _SENTENCE_END.split(story_direction) for part in _NEW_SUBJECT.split(sentence)]
    cleaned = [_without_opener(_cleaned(piece)) for piece in pieces]
    once = {piece.casefold(): piece for piece in reversed(cleaned) if piece}
    return [once[key] for key in dict.fromkeys(piece.casefold() for piece in cleaned if piece)]


def gather(pieces: Sequence[str], count: int = MOST_BEATS) -> list[list[str]]:
    """Returns the pieces in at most ``count`` groups of about equal size, in order."""
    count = min(count, len(pieces))
    return [list(pieces[index * len(pieces) // count : (index + 1) * len(pieces) // count]) for index in range(count)]


def key_words(text: str, hero: Hero) -> list[str]:
    """Returns the words that carry a sentence's content."""
    words = split_words(text)
    return [words[index].text for index in sorted(_telling(words, hero))]


def carried(pieces: Iterable[str], scene: Scene) -> str:
    """Returns what of a beat a picture of the hero can carry; empty if nothing.

    A piece that names what cannot be in the scene is cut down to its longest stretch without it.
    """
    return _joined(_possible(piece, scene) for piece in pieces)


def carried_by_plate(pieces: Iterable[str], scene: Scene) -> str:
    """Returns the text of a beat for an empty plate: only parts of sentences with nothing but landscape words."""
    parts = [part.strip() for piece in pieces for part in piece.split(",")]
    return _joined(_capital(part) for part in parts if _is_landscape(part, scene))


def _possible(piece: str, scene: Scene) -> str:
    words = split_words(piece)
    telling = _telling(words, scene.hero)
    strange = strange_words(words, scene)
    if not telling - strange:
        return ""
    if not strange:
        return _shortened(piece)
    clauses = [clause.strip() for clause in piece.split(",")]
    whole = [clause for clause in clauses if not strange_words(split_words(clause), scene)]
    if any(_telling(split_words(clause), scene.hero) for clause in whole):
        return _shortened(", ".join(whole))
    best: list[int] = []
    for stretch in _stretches(piece, words, strange):
        kept = _trimmed(words, _without_rest(words, stretch, strange))
        if telling & {*kept} and len(kept) > len(best):
            best = kept
    return _shortened(piece[words[best[0]].start : words[best[-1]].end]) if best else ""


def _stretches(piece: str, words: Sequence[Word], strange: frozenset[int]) -> list[list[int]]:
    """Returns the runs of words between strange ones and commas."""
    runs: list[list[int]] = [[]]
    for index, word in enumerate(words):
        if index in strange or (index and "," in piece[words[index - 1].end : word.start]):
            runs.append([])
        if index not in strange:
            runs[-1].append(index)
    return runs


def _telling(words: Sequence[Word], hero: Hero) -> frozenset[int]:
    """Returns the indexes of words that nothing else in a prompt stands for; animals other than the hero are some."""
    lists: tuple[Lexicon[Any], ...] = (
        lexicons.places(),
        lexicons.seasons(),
        lexicons.times(),
        lexicons.weathers(),
        lexicons.all_seasons(),
        lexicons.all_day(),
        lexicons.moods(),
        lexicons.courses(things=hero.thing),
    )
    known = indexes(hit for lexicon in lists for hit in lexicon.find(words))
    animals = indexes(lexicons.kinds().find(words))
    return frozenset(
        index
        for index, word in enumerate(words)
        if word.key not in lexicons.common()
        and word.key not in lexicons.small()
        and word.key not in hero.keys
        and (index not in known or index in animals)
        and not word.key.isdigit()
    )


def _is_landscape(part: str, scene: Scene) -> bool:
    words = split_words(part)
    lists: tuple[Lexicon[Any], ...] = (
        lexicons.landscape(),
        lexicons.passage(),
        lexicons.seasons(),
        lexicons.times(),
        lexicons.weathers(),
        lexicons.places(),
    )
    safe = indexes(hit for lexicon in lists for hit in lexicon.find(words))
    return (
        len(words) > 1
        and all(index in safe or word.key in lexicons.plain() for index, word in enumerate(words))
        and bool(lexicons.landscape().find(words))
        and not any(word.key in scene.hero.keys for word in words)
        and not strange_words(words, scene)
    )


def _without_rest(words: Sequence[Word], stretch: list[int], strange: frozenset[int]) -> list[int]:
    """Takes off the words that belong to a strange one behind them: "on the melting" of "on the melting ice"."""
    if stretch and stretch[-1] + 1 in strange:
        while stretch and words[stretch[-1]].key not in lexicons.small():
            stretch = stretch[:-1]
    return stretch


def _trimmed(words: Sequence[Word], stretch: list[int]) -> list[int]:
    """Takes off what a cut has left hanging: small words at the end, and a verb without its subject at the start."""
    while stretch and words[stretch[-1]].key in lexicons.small():
        stretch = stretch[:-1]
    while stretch and stretch[0] and words[stretch[0]].key not in lexicons.leading():
        stretch = stretch[1:]
    return stretch


def _shortened(text: str) -> str:
    if len(text) > _MOST_CHARACTERS:
        words = split_words(text[: _MOST_CHARACTERS + 1])[:-1]
        kept = _trimmed(words, list(range(len(words))))
        text = text[: words[kept[-1]].end] if kept else text[:_MOST_CHARACTERS].strip()
    return _capital(text)


def _joined(texts: Iterable[str]) -> str:
    """Joins sentences as long as they fit into a prompt."""
    joined = ""
    for text in texts:
        longer = f"{joined}. {text}" if joined and text else joined or text
        if len(longer) > _MOST_CHARACTERS + 1:
            break
        joined = longer
    return joined


def _cleaned(piece: str) -> str:
    """Takes out what is no part of a sentence: brackets, quotes, emoji, signs of program code; says nothing twice."""
    piece = _NOT_FOR_PROMPTS.sub(" ", piece)
    piece = re.sub(r"\s+", " ", re.sub(r"\s+,", ",", re.sub(r"-{2,}|(?<!\w)[-'\u2019]|[-'\u2019](?!\w)", " ", piece)))
    piece = re.sub(r"(?:,\s*)+,", ",", piece)
    piece = re.sub(r"\b(\w+)(?: \1\b)+", r"\1", piece, flags=re.IGNORECASE).strip(" ,&\u2013\u2014\u3001")
    return piece.lower() if piece.isupper() else piece


def _without_opener(piece: str) -> str:
    openers = {tuple(opener.split()) for opener in subjects().generic.openers}
    words = split_words(piece)
    start = 0
    while start < len(words):
        lengths = [n for n in (4, 3, 2, 1) if tuple(word.key for word in words[start : start + n]) in openers]
        if not lengths or start + lengths[0] > len(words):
            break
        start += lengths[0]
    return piece[words[start].start :] if 0 < start < len(words) else "" if start else piece


def _capital(text: str) -> str:
    return f"{text[:1].upper()}{text[1:]}"
