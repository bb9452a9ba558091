"""What a prompt asks the emulator to paint: which composition, which motif, in what light.

Light and weather come from the whole prompt (the Global Atmosphere Block is its first paragraph), the subject from the
last paragraph, everything else from a hash. No pixels here.
"""

import hashlib
import re
from dataclasses import dataclass
from typing import Literal, NamedTuple

Colour = tuple[int, int, int]
Subject = Literal["character", "environment", "prop"]


@dataclass(frozen=True)
class Light:
    """Colours of one time of day.

    Attributes:
        sky: Zenith, middle, horizon.
        near: The darkest foreground.
        glow: Sun or moon and what it lights.
        words: What in a prompt asks for it.
    """

    sky: tuple[Colour, Colour, Colour]
    near: Colour
    glow: Colour
    words: str
    night: bool = False


LIGHTS = (
    Light(
        ((92, 134, 173), (190, 190, 190), (250, 214, 165)),
        (30, 48, 50),
        (255, 236, 190),
        r"dawn|morning|sunrise|spring",
    ),
    Light(
        ((62, 68, 122), (205, 106, 96), (255, 186, 106)),
        (38, 22, 44),
        (255, 226, 150),
        r"sunset|golden|dusk|autumn|evening",
    ),
    Light(
        ((74, 148, 205), (146, 200, 224), (222, 238, 232)),
        (24, 62, 48),
        (255, 253, 232),
        r"noon|midday|sunny|bright|summer|daylight",
    ),
    Light(
        ((9, 16, 42), (24, 46, 86), (70, 110, 140)),
        (5, 10, 22),
        (226, 236, 255),
        r"night|moon|stars?\b|dark|cave",
        night=True,
    ),
    Light(
        ((96, 110, 122), (146, 158, 164), (196, 202, 198)),
        (34, 44, 48),
        (226, 230, 226),
        r"rain|storm|overcast|fog|cloud|grey|gray",
    ),
    Light(
        ((120, 150, 190), (186, 206, 226), (240, 242, 246)),
        (44, 66, 92),
        (255, 255, 255),
        r"snow|winter|ice|frost|cold",
    ),
    Light(
        ((34, 88, 92), (98, 160, 138), (220, 226, 168)),
        (10, 36, 34),
        (250, 246, 196),
        r"forest|jungle|moss|swamp|green",
    ),
    Light(
        ((84, 62, 120), (176, 112, 160), (250, 190, 186)),
        (32, 20, 52),
        (255, 228, 214),
        r"magic|mystic|twilight|blossom|dream",
    ),
)
_SUBJECT_WORDS: dict[Subject, str] = {
    "environment": r"environment|forest|meadow|clearing|lake|river|pond|stream|waterfall|sea|ocean|coast|beach|"
    r"mountain|hill|valley|cave|sky|field|swamp|desert|canyon|glacier|landscape|panorama|path|ruins",
    "prop": r"prop|leaf|leaves|flower|petal|mushroom|stone|rock|boulder|log|branch|berry|berries|seed|feather|egg|nest|"
    r"dewdrop|crystal|shell|vine|fern|lily|root|acorn|pinecone|still life|close-up of",
    "character": r"character|pok[eé]mon|creature|animal|portrait|standing|sleeping|running|hatchling|pose",
}
#: Words that settle what a picture is of, whatever else its prompt mentions; the first one counts.
_SETTLED: dict[str, Subject] = {
    r"macro|still life|detail of": "prop",
    r"plate|establishing|empty": "environment",
    r"documentary still|full[- ]body|portrait|profile|creature": "character",
}
#: Motifs of each composition and the words that ask for them.
_MOTIFS: dict[Subject, dict[str, str]] = {
    "environment": {
        "lake": r"lake|river|pond|stream|water|sea|ocean|swamp|coast|beach|shore|reflection",
        "forest": r"forest|wood|clearing|jungle|tree|canopy|path",
        "peaks": r"mountain|peak|cliff|canyon|glacier|cave|volcano|rock",
        "hills": r"meadow|hill|field|valley|grass|sky|plain|desert",
    },
    "character": {
        "sprout": r"bulb|\w*saur|seed|turtle|tortoise|frog|toad",
        "fox": r"fox|vulpix|eevee|wolf|dog|cat",
        "deer": r"deer|stag|elk|fawn|horse",
        "owl": r"owl|bird|hawk|raven|pidg",
        "hare": r"hare|rabbit|bunny|mouse|pikachu|squirrel",
        "serpent": r"serpent|dragon|sea|fish|snake|char|squirtle|lapras",
    },
    "prop": {
        "mushrooms": r"mushroom|fung|toadstool|log|stump|root",
        "flower": r"flower|petal|blossom|lily|bud|vine",
        "stones": r"stone|rock|boulder|pebble|moss|ruin|nest|egg|shell",
        "leaf": r"leaf|leaves|fern|dew|feather|frond",
        "crystals": r"crystal|gem|ice|shard|glow|berr|light",
    },
}
_STYLE_WORDS = {
    "a",
    "an",
    "the",
    "of",
    "in",
    "on",
    "at",
    "with",
    "and",
    "its",
    "photorealistic",
    "realistic",
    "ultra",
    "highly",
    "detailed",
    "documentary",
    "still",
}


class Scene(NamedTuple):
    """What is to be painted, decided before any pixel.

    Attributes:
        subject: Which composition.
        motif: A word that the composition knows, or the hash's choice.
        light: Time of day and weather.
        caption: A few words for the corner.
        seed: Of everything that only has to look varied.
    """

    subject: Subject
    motif: str
    light: Light
    caption: str
    seed: int


def scene_of(prompt: str) -> Scene:
    """Reads a prompt the way a person skims it."""
    paragraphs = [part for part in re.split(r"\n\s*\n", prompt.strip()) if part.strip()] or [prompt]
    own, atmosphere = paragraphs[-1].lower(), prompt.lower()
    seed = int.from_bytes(hashlib.sha256(prompt.encode("utf-8", "replace")).digest()[:8], "big")
    hits = {subject: _hits(words, own) for subject, words in _SUBJECT_WORDS.items()}
    subject = max(hits, key=lambda subject: hits[subject]) if any(hits.values()) else "character"
    if (settled := _first({words: words for words in _SETTLED}, own)) is not None:
        subject = _SETTLED[settled]
    light = max(LIGHTS, key=lambda light: 3 * _hits(light.words, own) + _hits(light.words, atmosphere))
    if not _hits(light.words, atmosphere):
        light = LIGHTS[seed % len(LIGHTS)]
    motif = _first(_MOTIFS[subject], own) or sorted(_MOTIFS[subject])[seed // 64 % len(_MOTIFS[subject])]
    words = [word for word in re.findall(r"[^\W\d_][\w'-]*", paragraphs[-1]) if word.lower() not in _STYLE_WORDS]
    return Scene(subject, motif, light, " ".join(words[:5]), seed)


def _first(choices: dict[str, str], text: str) -> str | None:
    """Returns the choice whose word comes first in a text."""
    places = {choice: re.search(rf"\b(?:{words})", text) for choice, words in choices.items()}
    found = {choice: match.start() for choice, match in places.items() if match}
    return min(found, key=lambda choice: found[choice]) if found else None


def _hits(words: str, text: str) -> int:
    return len(re.findall(rf"\b(?:{words})", text))
