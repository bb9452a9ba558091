"""What a prompt asks the emulator to paint: which motif, how large, in what light and colour. No pixels here.

Light and weather come from the whole prompt (the Global Atmosphere Block is its first paragraph), the rest from the
last paragraph, and what both leave open from a hash.
"""

import hashlib
import re
from collections.abc import Mapping
from typing import NamedTuple

from assetgen_emulators.painting.shapes import MOTIFS, Colour, colours


class Light(NamedTuple):
    """Colours of one time of day: the sky from zenith to horizon, the darkest foreground, and the sun or moon."""

    zenith: Colour
    middle: Colour
    horizon: Colour
    near: Colour
    glow: Colour


#: If a prompt asks for several, the first counts: the hour outweighs the season, and both outweigh a place.
_LIGHTS = {
    "night": (r"night|moon|stars?\b", "09102a 182e56 466e8c 050a16 e2ecff"),
    "rain": (r"rain|storm|overcast|fog|cloud|gr[ea]y sk", "606e7a 929ea4 c4cac6 222c30 e2e6e2"),
    "dawn": (r"dawn|morning|sunrise|first light|spring", "5c86ad ccbabe facea5 1e3032 ffecbe"),
    "winter": (r"snow|winter|ice\b|frost|cold|arctic", "7896be bacee2 f0f2f6 2c425c ffffff"),
    "day": (r"noon|midday|sunny|bright|summer|daylight", "4a94cd 92c8e0 deeee8 183e30 fffde8"),
    "sunset": (r"sunset|golden|dusk|autumn|evening|amber", "3e447a cd6a60 ffba6a 26162c ffe296"),
    "twilight": (r"magic|mystic|twilight|blossom|dream", "543e78 b070a0 fabeba 201434 ffe4d6"),
    "forest": (r"forest|jungle|moss|swamp|green", "22585c 62a08a dce2a8 0a2422 faf6c4"),
}
LIGHTS = {name: Light(*colours(shades)) for name, (_, shades) in _LIGHTS.items()}
_SUBJECTS = {
    "environment": r"environment|forest|meadow|clearing|lake|river|pond|stream|waterfall|sea|ocean|coast|beach|"
    r"mountain|hill|valley|cave|sky|field|swamp|desert|canyon|glacier|landscape|panorama|path|ruins",
    "prop": r"prop|leaf|leaves|flower|petal|mushroom|stone|rock|boulder|log|branch|berry|berries|seed|feather|egg|nest|"
    r"dewdrop|crystal|shell|vine|fern|lily|root|acorn|pinecone|close-up of",
    "character": r"character|pok[eé]mon|creature|animal|standing|sleeping|running|hatchling|pose",
}
#: Words that settle the subject, whatever else the prompt mentions; the first one counts.
_SETTLED = {
    "prop": r"macro detail|still life|detail of",
    "environment": r"plate|establishing|empty",
    "character": r"documentary still|full[- ]body|portrait|profile|creature",
}
_WORDS: dict[str, Mapping[str, str]] = {
    "environment": {
        "lake": r"lake|river|pond|stream|water|sea|ocean|swamp|coast|beach|bay\b|shore|reflection",
        "ice": r"floes?|iceberg|frozen|melt|ice\b",
        "forest": r"forest|wood|clearing|jungle|tree|trunk|canopy|path|trail|root",
        "peaks": r"mountain|peak|cliff|canyon|glacier|cave|volcano|rock|boulder|ridge",
        "hills": r"meadow|hill|field|valley|grass|sky|plain|desert|slope",
    },
    **{subject: {name: motif.words for name, motif in motifs.items()} for subject, motifs in MOTIFS.items()},
}
#: Colours that a prompt names, each by its words.
_COLOURS = {
    "ba342c": r"red\b|crimson|scarlet", "d6782c": r"orange|copper|amber", "e8be46": r"yellow|golden",
    "549254": r"green|emerald", "548cd2": r"blue|azure", "865caa": r"purple|violet", "e88eaa": r"pink|rose\b",
    "885e3c": r"brown", "e4e4e2": r"white|pale", "343238": r"black",
}  # fmt: skip
_FRAMINGS = {
    "small": r"wide shot|small in|very young|newborn|tiny|from afar",
    "large": r"tight|close-up|head and shoulders|fills? the frame",
}
_STYLE = r"a|an|the|of|in|on|at|with|and|its|photorealistic|realistic|ultra|highly|detailed|still|very"


class Scene(NamedTuple):
    """What is painted, decided before any pixel.

    Attributes:
        subject: ``character``, ``environment`` or ``prop``.
        motif: A place, a creature or a prop.
        accent: A prop that is mentioned beside it, or None.
        light: The name of one of ``LIGHTS``.
        colour: Of the motif, where the prompt names one.
        framing: ``small``, ``large`` or None.
        caption: A few words for the corner.
        seed: Of everything that only has to look varied.
    """

    subject: str
    motif: str
    accent: str | None
    light: str
    colour: Colour | None
    framing: str | None
    caption: str
    seed: int


def scene_of(prompt: str) -> Scene:
    """Reads a prompt the way a person skims it."""
    paragraphs = [part for part in re.split(r"\n\s*\n", prompt.strip()) if part.strip()] or [prompt]
    head, _, details = paragraphs[-1].partition(":")
    own, about = paragraphs[-1].lower(), (details or head).lower().split(". ")[0]
    seed = int.from_bytes(hashlib.sha256(prompt.encode("utf-8", "replace")).digest()[:8], "big")
    hits = {subject: len(re.findall(rf"\b(?:{words})", own)) for subject, words in _SUBJECTS.items()}
    likely = max(hits, key=lambda subject: hits[subject]) if any(hits.values()) else "character"
    subject = _first(_SETTLED, own) or likely
    motifs = _WORDS[subject]
    motif = None if subject == "character" else _first(motifs, about)
    texts = (own, prompt.lower())
    lights = [name for text in texts for name, (words, _) in _LIGHTS.items() if re.search(rf"\b(?:{words})", text)]
    colour = _first(_COLOURS, about)
    caption = re.findall(rf"\b(?!(?:{_STYLE})\b)[^\W\d_][\w'-]*", details or head, re.IGNORECASE)
    name = [head.split(",")[-1].strip()] if details and subject == "character" else []
    return Scene(
        subject=subject,
        motif=motif or _first(motifs, own) or sorted(motifs)[seed // 64 % len(motifs)],
        accent=None if subject == "prop" else _first(_WORDS["prop"], about),
        light=(lights or list(_LIGHTS))[0 if lights else seed % len(_LIGHTS)],
        colour=colours(colour)[0] if colour else None,
        framing=_first(_FRAMINGS, own),
        caption=" ".join([*name, *caption][:5]),
        seed=seed,
    )


def _first(choices: Mapping[str, str], text: str) -> str | None:
    """Returns the choice whose word comes first in a text."""
    places = {choice: re.search(rf"\b(?:{words})", text) for choice, words in choices.items()}
    found = {choice: match.start() for choice, match in places.items() if match}
    return min(found, key=lambda choice: found[choice]) if found else None
