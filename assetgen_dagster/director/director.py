"""Writes a manifest from a topic and a story direction, without any service: the same texts give the same prompts.

``brief`` reads the two texts, ``tables`` holds the words; here they are put together: an atmosphere, eight characters
that follow the story's course, nine empty plates to set them in, five details. ``stages`` says what season, hour and
weather each picture has.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar

from assetgen_dagster.director.beats import carried, carried_by_plate, key_words
from assetgen_dagster.director.brief import Brief, read_brief
from assetgen_dagster.director.matching import DENIALS, split_words
from assetgen_dagster.director.rules import Scene
from assetgen_dagster.director.stages import Stage, Stages, turn
from assetgen_dagster.director.tables import Habitat, arcs, framings, habitats
from assetgen_dagster.manifest.model import AssetManifest, AssetPrompt, AssetType
from assetgen_dagster.manifest.names import asset_name, unique_names

_CHARACTERS, _ENVIRONMENTS, _PROPS = 8, 9, 5

_STYLE = "Photorealistic nature documentary still, full-frame cinema camera, natural colour grading, fine grain"
_CREATURE_END = "True-to-life anatomy and surface texture, clean outline, uncluttered background, no people, no text"
_THING_END = "True-to-life form and surface texture, clean outline, uncluttered background, no people, no text"
_PLATE_END = "No animals and no people, open area in the middle distance for compositing"

T = TypeVar("T")


def create_asset_manifest(topic: str, story_direction: str) -> AssetManifest:
    """Writes the manifest of a film.

    Args:
        topic: What the film is about, such as "Bulbasaur forest documentary". May be empty.
        story_direction: What happens in it, such as "Show evolution through seasons". May be empty.

    Returns:
        22 pictures and the atmosphere they share; what was missing or did not go together is in its warnings.
    """
    brief = read_brief(topic, story_direction)
    stages = Stages(brief, _CHARACTERS, _ENVIRONMENTS)
    characters, unsaid = _characters(brief, stages)
    drafts = [*characters, *_environments(brief, stages), *_props(brief, stages)]
    names = unique_names((draft.name, draft.kind.value) for draft in drafts)
    return AssetManifest(
        global_atmosphere=_text(*stages.atmosphere(), _STYLE),
        assets=tuple(
            AssetPrompt(asset_type=draft.kind, name=name, prompt=draft.prompt, title=draft.title)
            for draft, name in zip(drafts, names, strict=True)
        ),
        warnings=(*brief.warnings, *stages.warnings(), *unsaid),
    )


@dataclass(frozen=True)
class _Draft:
    kind: AssetType
    name: str
    title: str
    prompt: str


def _characters(brief: Brief, stages: Stages) -> tuple[list[_Draft], list[str]]:
    """Returns eight pictures of the hero, and warnings about sentences that none of them could carry."""
    hero = brief.hero
    kind = "things" if hero.thing else "characters"
    frames = framings().things if hero.thing else framings().characters
    moments = _moments(brief, stages)
    poses = _poses(brief, moments)
    drafts = []
    for index, (moment, (part, pose, framing)) in enumerate(zip(moments, poses, strict=True)):
        # The last pictures of a film with two places are set in the second.
        place = brief.places[-1] if index * 8 >= _CHARACTERS * 5 else brief.places[0]
        habitat = habitats()[place]
        stage = stages.of(index, _CHARACTERS)
        acted = pose.format(spot=habitat.spots[index % len(habitat.spots)], moving=_moving(brief, habitat))
        action = asset_name(" ".join(key_words(moment, hero)[:3]))
        one = "one of them " if hero.many and not (hero.thing or moment) else ""
        drafts.append(
            _Draft(
                AssetType.CHARACTER,
                "_".join(filter(None, (_stem(hero.name), action, part, *stage.names))),
                _title(hero.name, part, stage),
                _text(
                    f"Documentary still, {hero.name}: {one}{acted}",
                    f"Story moment: {moment}" if moment else "",
                    frames[framing],
                    stages.light(stage, habitat, index),
                    *stages.sentences(stage, habitat),
                    _CREATURE_END if kind == "characters" else _THING_END,
                ),
            )
        )
    return drafts, _omitted_sentences(brief, moments)


def _moments(brief: Brief, stages: Stages) -> list[str]:
    """Returns the sentence of the story direction for each character picture: one for every other picture of a beat."""
    moments = []
    for index in range(_CHARACTERS):
        beat = turn(brief.beats, index, _CHARACTERS)
        has_sentence = not beat.before % 2
        scene = Scene(brief.hero, brief.places, *stages.of(index, _CHARACTERS).conditions)
        moments.append(carried(beat.row, scene) if has_sentence else "")
    return moments


def _poses(brief: Brief, moments: Sequence[str]) -> list[tuple[str, str, str]]:
    """Returns a pose for each character picture.

    A picture with a sentence is only staged; the others follow the arcs. Framings repeat only when all are used.
    """
    thing = brief.hero.thing
    table = arcs().things if thing else arcs().arcs
    plain = "presence" if thing else "portrait"
    courses = [turn(brief.arcs, index, _CHARACTERS).value or plain for index in range(_CHARACTERS)]
    chosen: dict[int, tuple[str, str, str]] = {}
    for name in dict.fromkeys(courses):
        pictures = [index for index in range(_CHARACTERS) if courses[index] == name]
        for at, index in enumerate(pictures):
            if not moments[index]:
                chosen[index] = table[name].poses[at * 8 // len(pictures)]
    used = {framing for _, _, framing in chosen.values()}
    for index in range(_CHARACTERS):
        if index not in chosen:
            staged = arcs().told["things" if thing else "characters"].poses
            chosen[index] = next((pose for pose in staged if pose[2] not in used), staged[index])
            used.add(chosen[index][2])
    return [chosen[index] for index in range(_CHARACTERS)]


def _omitted_sentences(brief: Brief, moments: Sequence[str]) -> list[str]:
    """Returns a warning about sentences that are not completely in any prompt; denied words do not count."""
    used = {word.key for word in split_words(" ".join(moments))}

    def lost(piece: str) -> set[str]:
        kept = [part for part in piece.split(",") if not {word.key for word in split_words(part)[:1]} & DENIALS]
        return {word.key for part in kept for word in split_words(" ".join(key_words(part, brief.hero)))} - used

    pieces = [piece for beat in brief.beats for piece in beat if lost(piece)]
    text = "; ".join(pieces)
    return [f"not every sentence of the story direction fits into the pictures whole: {text}"] if pieces else []


def _environments(brief: Brief, stages: Stages) -> Iterator[_Draft]:
    plates = _shared(brief, _ENVIRONMENTS, {name: row.plates for name, row in habitats().items()}, lambda row: row[0])
    for index, (place, name, (framing, view)) in enumerate(plates):
        habitat = habitats()[place]
        stage = stages.of(index, _ENVIRONMENTS)
        beat = turn(brief.beats, index, _ENVIRONMENTS)
        scene = Scene(brief.hero, brief.places, *stage.conditions)
        moment = "" if beat.before % 2 else carried_by_plate(beat.row, scene)
        yield _Draft(
            AssetType.ENVIRONMENT,
            "_".join((name, *stage.names)),
            _title("", name, stage),
            _text(
                f"Clean background plate, {habitat.label}: {view}",
                f"Story moment: {moment}" if moment else "",
                framings().plates[framing],
                stages.light(stage, habitat, index),
                *stages.sentences(stage, habitat),
                _PLATE_END,
            ),
        )


def _props(brief: Brief, stages: Stages) -> Iterator[_Draft]:
    props = _shared(brief, _PROPS, {name: row.props for name, row in habitats().items()}, lambda row: row)
    for (place, name, detail), framing in zip(props, framings().props.values(), strict=True):
        habitat = habitats()[place]
        touched = f", {touch}" if (touch := stages.touch(habitat)) else ""
        yield _Draft(
            AssetType.PROP,
            name,
            _title("", name),
            _text(f"Macro detail, {habitat.label}: {detail}{touched}", framing, "No people, no text"),
        )


def _shared(
    brief: Brief, count: int, tables: Mapping[str, Mapping[str, T]], key: Callable[[T], object]
) -> list[tuple[str, str, T]]:
    """Takes two thirds of the pictures from the main place and the rest from the other, if there is one.

    What shows the hero itself (termite mounds) is left to its neighbourhood, if it can be; no ``key`` comes twice.
    """
    main, *beside = brief.places
    around = (*beside, *habitats()[main].neighbours)
    rows = {place: [(place, name, row) for name, row in tables[place].items()] for place in (main, *around)}
    empty = {
        place: [row for row in listed if not brief.hero.pattern.search(f"{row[1].replace('_', ' ')} {row[2]}")]
        for place, listed in rows.items()
    }
    quota = -(-count * 2 // 3) if beside else count
    near = [row for place in around for row in empty[place]]
    taken: dict[object, tuple[str, str, T]] = {}
    for row in [*empty[main][:quota], *(near if beside else ()), *empty[main][quota:], *near, *rows[main]]:
        if len(taken) < count:
            taken.setdefault(key(row[2]), row)
    return list(taken.values())


def _moving(brief: Brief, habitat: Habitat) -> str:
    """Returns how the hero moves in a habitat."""
    if habitat.medium == "water":
        return "swimming"
    if brief.hero.moves == "swimming":
        return "swimming" if habitat.wet else "moving"
    return brief.hero.moves or "walking"


def _stem(hero: str) -> str:
    return asset_name(hero)[:80].rstrip("_-") or "hero"


def _title(hero: str, part: str, stage: Stage | None = None) -> str:
    words = part.replace("_", " ")
    title = f"{hero}, {words}" if hero else words.capitalize()
    return f"{title} ({', '.join(stage.names)})" if stage and stage.names else title


def _text(*sentences: str) -> str:
    return " ".join(f"{sentence[0].upper()}{sentence[1:]}." for sentence in sentences if sentence)
